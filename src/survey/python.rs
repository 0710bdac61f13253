//! `pyproject.toml`, `setup.py`, `requirements.txt`, `tox.ini`.

use super::{Site, Survey, found::Kind};

/// Files that may declare what the tests need, the best first.
const REQUIREMENTS: [&str; 9] = [
    "requirements-dev.txt",
    "requirements_dev.txt",
    "dev-requirements.txt",
    "requirements-test.txt",
    "requirements-tests.txt",
    "test-requirements.txt",
    "requirements/dev.txt",
    "requirements/test.txt",
    "requirements.txt",
];

pub(super) fn look(site: &Site<'_>, survey: &mut Survey) {
    let machine = site.machine;
    let project = Project::read(site);
    survey.seen.push(match project.marks.as_slice() {
        [] => "tests in Python".to_owned(),
        marks => format!("a Python project ({})", marks.join(", ")),
    });
    let python = machine.has("python3");
    let mut runner = "python3".to_owned();
    let mut before = None;

    // A virtual environment only where something must be installed into it.
    let uses_pytest = project.uses_pytest();
    let imports = |module: &str| machine.succeeds(&site.dir(), &format!("python3 -c 'import {module}'"));
    let lacks_pytest = uses_pytest && !imports("pytest");
    if !project.installs.is_empty() || lacks_pytest {
        let mut job = site.job("python", "install", Kind::Install, project.why_install(lacks_pytest));
        // The folder ignores itself, so that git sees no change.
        job = job.run("test -x .venv/bin/python || python3 -m venv .venv").run("echo '*' > .venv/.gitignore");
        let mut wanted = project.installs.clone();
        if lacks_pytest && !project.installed_text.contains("pytest") {
            wanted.push("pytest".to_owned());
        }
        job = job
            .run(format!(".venv/bin/python -m pip install --quiet --disable-pip-version-check {}", wanted.join(" ")));
        let job = job
            .only_if(python, "`python3` isn't on this machine")
            .only_if(imports("venv, ensurepip"), "Python's `venv` isn't on this machine");
        if job.hindered.is_none() {
            ".venv/bin/python".clone_into(&mut runner);
            before = Some(job.name.clone());
        }
        survey.add(job);
    }
    let in_venv = before.is_some();

    for (kind, name, module, check, marks) in TOOLS {
        let Some(mark) = marks.iter().find(|mark| project.mentions(mark)) else { continue };
        let installed = in_venv && project.installed_text.contains(module);
        let command = match (installed, machine.has(module)) {
            (true, _) => format!("{runner} -m {check}"),
            (false, true) => check.to_owned(),
            (false, false) => format!("python3 -m {check}"),
        };
        let job = site
            .job(
                "python",
                name,
                kind,
                format!("the repository is set up for {module} ({})", mark.trim_matches(['[', ']'])),
            )
            .run(command);
        let present = installed || machine.has(module) || imports(module);
        survey.add(
            job.after(before.as_deref().filter(|_| installed))
                .only_if(present, format!("`{module}` isn't on this machine")),
        );
    }

    let job = |why: String| site.job("python", "test", Kind::Test, why).after(before.as_deref());
    let present = |job: super::found::FoundJob| job.only_if(python, "`python3` isn't on this machine");
    if project.tests.is_empty() && project.tox_command.is_none() {
        let quiet = "python3 -m compileall -q -x '/(\\.venv|\\.tox|node_modules|build)/' .";
        let why = "no tests were found; every file must at least be Python";
        survey.add(present(site.job("python", "syntax", Kind::Build, why).run(quiet)));
    } else if uses_pytest && (in_venv || imports("pytest")) {
        survey.add(present(
            job(format!("the tests use pytest ({})", project.tests_brief())).run(format!("{runner} -m pytest -q")),
        ));
    } else if let Some(command) = &project.tox_command {
        survey.add(present(
            job("tox.ini says how the tests are run".to_owned()).run(command.replace("{envpython}", &runner)),
        ));
    } else {
        let command = project.unittest(&runner);
        let job = job(format!("tests for Python's own unittest ({})", project.tests_brief())).run(command);
        survey.add(present(job.only_if(!uses_pytest, "the tests need pytest, which isn't on this machine")));
    }
}

/// A tool: its kind, the job's name, its module, how it checks, and what in the repository shows that it is used.
type Tool = (Kind, &'static str, &'static str, &'static str, &'static [&'static str]);

const TOOLS: [Tool; 5] = [
    (Kind::Lint, "lint", "ruff", "ruff check .", &["[tool.ruff", "ruff.toml", ".ruff.toml"]),
    (Kind::Format, "format", "black", "black --check .", &["[tool.black"]),
    (Kind::Lint, "flake8", "flake8", "flake8", &[".flake8", "[flake8]"]),
    (Kind::Types, "types", "mypy", "mypy .", &["[tool.mypy", "mypy.ini", "[mypy]"]),
    (Kind::Lint, "pylint", "pylint", "pylint --recursive=y .", &["[tool.pylint", ".pylintrc"]),
];

/// A single file or two with tests, and nothing that says what they belong to.
pub(super) fn look_for_loose_tests(site: &Site<'_>, survey: &mut Survey) {
    if !test_files(site).is_empty() {
        look(site, survey);
    }
}

struct Project {
    marks: Vec<&'static str>,
    /// All configuration, to look for words in.
    text: String,
    /// Arguments of `pip install`.
    installs: Vec<String>,
    /// What those bring, as far as it is written.
    installed_text: String,
    tests: Vec<String>,
    tests_text: String,
    tox_command: Option<String>,
}

impl Project {
    fn read(site: &Site<'_>) -> Self {
        let files = ["pyproject.toml", "setup.py", "setup.cfg", "tox.ini", "pytest.ini", "requirements.txt"];
        let marks: Vec<&'static str> = files.into_iter().filter(|name| site.has(name)).collect();
        let mut text: String = marks.iter().filter_map(|name| site.read(name)).collect::<Vec<_>>().join("\n");
        for name in site.names() {
            text.push('\n');
            text.push_str(&name);
        }
        let tests = test_files(site);
        let tests_text = tests.iter().filter_map(|name| site.read(name)).collect();
        let (installs, installed_text) = installs(site);
        let tox_command = site.read("tox.ini").and_then(|tox| tox_command(&tox));
        Self { marks, text, installs, installed_text, tests, tests_text, tox_command }
    }

    fn mentions(&self, mark: &str) -> bool {
        if mark.starts_with('[') { self.text.contains(mark) } else { self.text.lines().any(|line| line == mark) }
    }

    fn uses_pytest(&self) -> bool {
        let imports = |line: &str| line.starts_with("import pytest") || line.starts_with("from pytest");
        self.tests_text.lines().any(|line| imports(line.trim_start()))
            || self.mentions("[tool.pytest")
            || self.mentions("pytest.ini")
            || self.mentions("[tool:pytest]")
            || self.mentions("conftest.py")
            || self.installed_text.contains("pytest")
            || self.tox_command.as_ref().is_some_and(|command| command.contains("pytest"))
            // Functions outside of a class are seen by pytest alone.
            || (self.tests_text.lines().any(|line| line.starts_with("def test_")) && !self.tests_text.contains("unittest"))
    }

    fn why_install(&self, lacks_pytest: bool) -> String {
        match (self.installs.is_empty(), lacks_pytest) {
            (true, _) => "the tests use pytest, which Python can't import here".to_owned(),
            (false, false) => format!("dependencies are declared ({})", self.installs.join(" ")),
            (false, true) => {
                format!("dependencies are declared ({}), and the tests use pytest", self.installs.join(" "))
            }
        }
    }

    fn tests_brief(&self) -> String {
        match self.tests.as_slice() {
            [] => "named in tox.ini".to_owned(),
            [only] => only.clone(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        }
    }

    /// Discovery finds `test*.py` at the top and in packages; files in a plain folder need it as the start.
    fn unittest(&self, python: &str) -> String {
        let at_top = self.tests.iter().any(|name| !name.contains('/') && name.starts_with("test"));
        let folder = self.tests.iter().find_map(|name| name.split_once('/').map(|(folder, _)| folder));
        let named = self.tests.iter().find(|name| name.contains('/')).is_some_and(|name| name.ends_with("_test.py"));
        match (at_top, folder) {
            (false, Some(folder)) if named => format!("{python} -m unittest discover -s {folder} -t . -p '*_test.py'"),
            (false, Some(folder)) => format!("{python} -m unittest discover -s {folder} -t ."),
            _ => format!("{python} -m unittest"),
        }
    }
}

/// Files with tests at the top and in `tests` or `test`.
fn test_files(site: &Site<'_>) -> Vec<String> {
    let is_test =
        |name: &str| name.strip_suffix(".py").is_some_and(|stem| stem.starts_with("test") || stem.ends_with("_test"));
    let mut files: Vec<String> = site.names().into_iter().filter(|name| is_test(name)).collect();
    for folder in ["tests", "test"] {
        let inside = Site { below: site.below.join(folder), ..*site };
        files.extend(inside.names().into_iter().filter(|name| is_test(name)).map(|name| format!("{folder}/{name}")));
    }
    files
}

/// What `pip install` is given, and the text of where it comes from.
fn installs(site: &Site<'_>) -> (Vec<String>, String) {
    let mut arguments = Vec::new();
    let mut text = String::new();
    let pyproject = site.read("pyproject.toml").and_then(|text| text.parse::<toml::Table>().ok()).unwrap_or_default();
    let project = pyproject.get("project").and_then(toml::Value::as_table);
    let has = |key: &str| {
        project
            .and_then(|project| project.get(key))
            .and_then(toml::Value::as_array)
            .is_some_and(|list| !list.is_empty())
    };
    let extras = project.and_then(|project| project.get("optional-dependencies")).and_then(toml::Value::as_table);
    let extra = extras
        .and_then(|extras| ["test", "tests", "testing", "dev"].into_iter().find(|name| extras.contains_key(*name)));
    let setup = site.read("setup.py").unwrap_or_default() + &site.read("setup.cfg").unwrap_or_default();
    if let Some(extra) = extra {
        arguments.push(format!("-e '.[{extra}]'"));
        text.extend(extras.and_then(|extras| extras.get(extra)).map(ToString::to_string));
    } else if has("dependencies") || setup.contains("install_requires") || (project.is_some() && site.has("src")) {
        arguments.push("-e .".to_owned());
    }
    let groups = pyproject.get("dependency-groups").and_then(toml::Value::as_table);
    for name in ["test", "tests", "dev"] {
        let group = groups.and_then(|groups| groups.get(name)).and_then(toml::Value::as_array);
        let named = group.into_iter().flatten().filter_map(toml::Value::as_str);
        let quoted: Vec<String> = named.map(|requirement| format!("'{requirement}'")).collect();
        text.push_str(&quoted.join(" "));
        arguments.extend(quoted);
    }
    for name in REQUIREMENTS.into_iter().filter(|name| site.has(name)).take(1) {
        let file = site.read(name).unwrap_or_default();
        if file.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
            arguments.push(format!("-r {name}"));
            if name != "requirements.txt" && site.has("requirements.txt") && !file.contains("requirements.txt") {
                arguments.push("-r requirements.txt".to_owned());
            }
            text.push_str(&file);
        }
    }
    (arguments, text)
}

/// The first command of `[testenv]`, where it needs nothing of tox's own.
fn tox_command(tox: &str) -> Option<String> {
    let section = tox.split("[testenv]").nth(1)?.split("\n[").next()?;
    let commands = section.split("commands").nth(1)?.trim_start().strip_prefix('=')?;
    let line = commands.lines().map(str::trim).find(|line| !line.is_empty())?;
    let line = line.replace("{posargs}", "").replace("{posargs:}", "");
    let line = match line.split_once(' ') {
        Some(("python" | "python3" | "{envpython}", rest)) => format!("{{envpython}} {}", rest.trim()),
        Some(("pytest" | "py.test", rest)) => format!("{{envpython}} -m pytest {}", rest.trim()),
        None if line == "pytest" => "{envpython} -m pytest".to_owned(),
        _ => return None,
    };
    let line = line.trim().to_owned();
    (!line.replace("{envpython}", "").contains(['{', '\\'])).then_some(line)
}
