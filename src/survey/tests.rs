#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
    config::definition::{FILE_NAME, parse},
    domain::{definition::FixPolicy, plan},
};

/// A machine that has these programs, and on which these commands end well.
struct Fake {
    programs: &'static [&'static str],
    works: &'static [&'static str],
}

impl Machine for Fake {
    fn has(&self, program: &str) -> bool {
        self.programs.contains(&program)
    }

    fn output(&self, _: &Path, command: &str) -> Option<String> {
        self.works.iter().any(|works| command.contains(works)).then(String::new)
    }
}

const ALL: Fake = Fake {
    programs: &[
        "cargo", "npm", "pnpm", "node", "python3", "go", "make", "just", "cmake", "mvn", "java", "bundle", "ruff",
    ],
    works: &["cargo fmt", "cargo clippy", "make -n", "just --dry-run", "import venv", "--locked", "ls-files"],
};

/// Writes the files, looks at them, and gives the survey and the jobs of its file: name, needs, commands.
fn look(files: &[(&str, &str)], machine: &Fake) -> (Survey, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let survey = survey(directory.path(), machine);
    let text = write::definition(&survey);
    let loaded = parse(FILE_NAME, &text, &FixPolicy::default());
    let said: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(said, Vec::<String>::new(), "{text}");
    let pipeline = &loaded.definition.pipelines[0];
    plan::plan(pipeline, &loaded.definition.fix, &[]).unwrap();
    let job = |job: &crate::domain::definition::JobSpec| {
        let runs: Vec<&str> = job.steps.iter().map(|step| step.run.as_str()).collect();
        let needs = if job.needs.is_empty() { String::new() } else { format!(" < {}", job.needs.join(" ")) };
        format!("{}{needs}: {}", job.name, runs.join(" && "))
    };
    (survey, pipeline.jobs.iter().map(job).collect())
}

fn left_out(survey: &Survey) -> Vec<String> {
    let hindered = survey.jobs.iter().filter_map(|job| Some(format!("{}: {}", job.name, job.hindered.as_ref()?)));
    hindered.chain(survey.skipped.iter().map(|skipped| format!("{}: {}", skipped.what, skipped.why))).collect()
}

#[test]
fn a_cargo_package_with_a_lock_file_in_step() {
    let files = [("Cargo.toml", "[package]\nname = \"x\""), ("Cargo.lock", ""), ("src/lib.rs", "")];
    assert_eq!(
        look(&files, &ALL).1,
        [
            "format: cargo fmt --all -- --check",
            "lint: cargo clippy --all-targets --locked",
            "build: cargo build --locked",
            "test < build: cargo test --locked",
        ]
    );
}

#[test]
fn a_workspace_without_rustfmt_and_with_nightly_benches() {
    let files = [
        ("Cargo.toml", "[workspace]\nmembers = []"),
        ("Cargo.lock", ""),
        ("src/lib.rs", ""),
        ("benches/a.rs", "#![feature(test)]"),
        (".github/workflows/ci.yml", "on: push\njobs: {l: {steps: [{run: cargo clippy -- -D warnings}]}}"),
    ];
    let machine = Fake { programs: &["cargo"], works: &["cargo clippy"] };
    let (survey, jobs) = look(&files, &machine);
    assert_eq!(
        jobs,
        [
            "lint: cargo clippy --workspace --lib --bins --tests --examples -- -D warnings",
            "build: cargo build --workspace",
            "test < build: cargo test --workspace",
        ]
    );
    assert_eq!(
        left_out(&survey),
        [
            "format: `rustfmt` isn't on this machine",
            "ci.yml: l: `cargo clippy -- -D warnings`: the job `lint` does that"
        ]
    );
}

#[test]
fn scripts_of_a_package_by_the_manager_that_locked_it() {
    let package = r#"{"scripts": {"lint": "eslint .", "test": "vitest run", "build": "vite build", "dev": "vite"},
        "devDependencies": {"typescript": "5"}}"#;
    let files = [("package.json", package), ("pnpm-lock.yaml", ""), ("tsconfig.json", "{}")];
    assert_eq!(
        look(&files, &ALL).1,
        [
            "install: pnpm install --frozen-lockfile",
            "lint < install: pnpm run lint",
            "types < install: npx --no-install tsc --noEmit",
            "build < install: pnpm run build",
            "test < install build: pnpm test",
        ]
    );
    let (survey, jobs) = look(&[("package.json", package), ("yarn.lock", "")], &ALL);
    assert_eq!(jobs, ["check: echo 'nothing to check yet'"], "yarn is missing");
    assert!(left_out(&survey).iter().all(|line| line.ends_with("`yarn` isn't on this machine")));
}

#[test]
fn placeholders_and_watchers_are_no_jobs() {
    let package = r#"{"scripts": {"test": "echo \"Error: no test specified\" && exit 1", "build": "tsc --watch"}}"#;
    let (survey, jobs) = look(&[("package.json", package)], &ALL);
    assert_eq!(jobs, ["check: echo 'nothing to check yet'"]);
    assert_eq!(left_out(&survey), ["npm run build: `tsc --watch` never ends"]);
}

#[test]
fn python_takes_what_is_importable_what_tox_says_or_unittest() {
    let own = ("test_x.py", "import unittest");
    assert_eq!(look(&[("setup.py", ""), own], &ALL).1, ["test: python3 -m unittest"]);
    let tox = ("tox.ini", "[testenv]\ncommands = {envpython} test_x.py -v {posargs}\n[testenv:doc]\ncommands = x");
    assert_eq!(look(&[tox, own], &ALL).1, ["test: python3 test_x.py -v"]);
    let in_folder = [("setup.py", ""), ("tests/x_test.py", "import unittest")];
    assert_eq!(look(&in_folder, &ALL).1, ["test: python3 -m unittest discover -s tests -t . -p '*_test.py'"]);
    let pytest = [("setup.py", ""), ("tests/test_a.py", "import pytest")];
    let importable = Fake { programs: &["python3"], works: &["import pytest"] };
    assert_eq!(look(&pytest, &importable).1, ["test: python3 -m pytest -q"]);
    let bare = Fake { programs: &["python3"], works: &[] };
    let (survey, jobs) = look(&pytest, &bare);
    assert_eq!(jobs, ["check: echo 'nothing to check yet'"]);
    assert_eq!(left_out(&survey)[1], "test: the tests need pytest, which isn't on this machine");
}

#[test]
fn declared_dependencies_go_into_an_environment_of_their_own() {
    let pyproject =
        "[project]\nname = \"x\"\n[project.optional-dependencies]\ndev = [\"pytest\"]\n[tool.ruff]\n[tool.mypy]";
    let (survey, jobs) = look(&[("pyproject.toml", pyproject), ("tests/test_a.py", "def test_a(): pass")], &ALL);
    assert_eq!(
        jobs,
        [
            "install: test -x .venv/bin/python || python3 -m venv .venv && echo '*' > .venv/.gitignore && \
             .venv/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'",
            "lint: ruff check .",
            "test < install: .venv/bin/python -m pytest -q",
        ]
    );
    assert_eq!(left_out(&survey), ["types: `mypy` isn't on this machine"]);
}

#[test]
fn targets_of_make_and_recipes_of_just_fill_the_gaps() {
    let make = ("Makefile", "CC := gcc\nall: x\nlint test: x\n\techo: no\n.PHONY: all\n");
    assert_eq!(look(&[make], &ALL).1, ["lint: make lint", "build: make all", "test < build: make test"]);
    let (survey, jobs) = look(&[make, ("Cargo.toml", "[package]"), ("src/lib.rs", "")], &ALL);
    assert_eq!(jobs.len(), 4, "cargo does all of it: {jobs:?}");
    assert_eq!(survey.skipped.len(), 3);
    let just = ("justfile", "default: test\ntest *args: build\n    cargo test\nx := '1'\n");
    assert_eq!(look(&[just], &ALL).1, ["test: just test"]);
}

#[test]
fn other_ecosystems_have_their_usual_jobs() {
    assert_eq!(
        look(&[("go.mod", "module x")], &ALL).1[1..],
        ["lint: go vet ./...", "build: go build ./...", "test < build: go test ./..."]
    );
    assert_eq!(look(&[("pom.xml", "")], &ALL).1, ["test: mvn -B -ntp test"]);
    assert_eq!(
        look(&[("Gemfile", ""), ("Rakefile", "")], &ALL).1,
        ["install: bundle install", "test < install: bundle exec rake"]
    );
    let cmake = look(&[("CMakeLists.txt", "enable_testing()")], &ALL).1;
    assert_eq!(cmake[1], "test < build: ctest --test-dir build --output-on-failure");
    let none = Fake { programs: &[], works: &[] };
    assert_eq!(look(&[("go.mod", "")], &none).1, ["check: echo 'nothing to check yet'"]);
}

#[test]
fn projects_in_folders_keep_to_their_folders() {
    let files = [("web/package.json", r#"{"scripts": {"test": "node --test"}}"#), ("api/go.mod", "module x")];
    let (survey, jobs) = look(&files, &ALL);
    assert!(jobs.contains(&"test-web: npm test".to_owned()), "{jobs:?}");
    assert!(jobs.contains(&"test-api < build-api: go test ./...".to_owned()), "{jobs:?}");
    assert!(survey.jobs.iter().flat_map(|job| &job.steps).all(|step| step.dir.is_some()));
}

#[test]
fn of_a_workflow_only_what_runs_here_is_taken() {
    let workflow = r#"
on: {push: {}, schedule: [{cron: "0 0 * * *"}]}
env: {LEVEL: 3}
jobs:
  check:
    runs-on: ${{ matrix.os }}
    strategy: {matrix: {os: [windows-latest, ubuntu-latest], n: [1, 2]}}
    steps:
      - uses: actions/checkout@v4
      - run: sudo apt-get install x
      - name: Both ${{ matrix.n }}
        run: |
          make one
          make two-${{ matrix.n }}
        working-directory: ./sub
        env: {A: "b c"}
      - run: echo ${{ secrets.TOKEN }}
      - run: make show-${{ github.sha }}
      - run: npm publish
      - run: make x
        if: github.ref == 'refs/heads/main'
      - run: Get-Item x
        shell: pwsh
  mac: {runs-on: macos-latest, steps: [{run: make}]}
  missing: {runs-on: ubuntu-latest, steps: [{run: shellcheck x.sh}]}
  nightly: {runs-on: ubuntu-latest, steps: [{uses: dtolnay/rust-toolchain@nightly}, {run: cargo test}]}
"#;
    let nightly = "on: {schedule: [{cron: x}]}\njobs: {a: {steps: [{run: make}]}}";
    let files = [
        (".github/workflows/a.yml", workflow),
        (".github/workflows/b.yaml", nightly),
        (".github/workflows/c.yml", "{"),
    ];
    let (survey, jobs) = look(&files, &ALL);
    assert_eq!(jobs, ["check: set -e\nmake one\nmake two-1"]);
    let check = &survey.jobs[0];
    assert_eq!(check.env["LEVEL"], "3");
    assert_eq!((check.steps[0].dir.as_deref(), check.steps[0].env["A"].as_str()), (Some("sub"), "b c"));
    assert_eq!(check.steps[0].name.as_deref(), Some("Both 1"));
    assert_eq!(
        left_out(&survey),
        [
            "missing: `shellcheck` isn't on this machine",
            "a.yml: check: `sudo apt-get install x`: it installs something on the machine",
            "a.yml: check: `echo ${{ secrets.TOKEN }}`: it uses secrets",
            "a.yml: check: `make show-${{ github.sha }}`: it uses values that only GitHub has",
            "a.yml: check: `npm publish`: it publishes something",
            "a.yml: check: `make x`: it runs only if `github.ref == 'refs/heads/main'`",
            "a.yml: check: `Get-Item x`: it needs the shell `pwsh`",
            "a.yml: mac: it runs on macos-latest alone",
            "a.yml: nightly: it needs the Rust toolchain `nightly`",
            "b.yaml: neither a push nor a pull request starts it",
            "c.yml: it isn't YAML",
        ]
    );
}
