//! `.github/workflows/*.yml`: the `run:` steps that would run on this machine, and aren't done by another job.

use std::{collections::BTreeMap, path::Path};

use serde_yaml_ng::Value;

use super::{
    Site, Survey, command,
    found::{FoundJob, FoundStep, Kind, Skipped, slug},
};

/// The text of all workflows, to look for words in.
pub(super) fn text(root: &Path) -> String {
    files(root).into_iter().map(|(_, text)| text).collect()
}

fn files(root: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(root.join(".github/workflows")).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml"));
    paths.sort();
    let named =
        |path: &std::path::PathBuf| Some((path.file_name()?.to_str()?.to_owned(), std::fs::read_to_string(path).ok()?));
    paths.iter().filter_map(named).collect()
}

pub(super) fn look(site: &Site<'_>, survey: &mut Survey) {
    for (file, text) in files(site.root) {
        let workflow: Value = match serde_yaml_ng::from_str(&text) {
            Ok(workflow) => workflow,
            Err(_) => {
                survey.skipped.push(Skipped { what: file, why: "it isn't YAML".to_owned() });
                continue;
            }
        };
        survey.seen.push(format!("the workflow {file}"));
        // YAML 1.1 reads the key `on` as true.
        let on = workflow
            .get("on")
            .or_else(|| workflow.get(Value::Bool(true)))
            .map(|on| format!("{on:?}"))
            .unwrap_or_default();
        if !on.is_empty() && !["push", "pull_request", "merge_group"].iter().any(|event| on.contains(event)) {
            survey.skipped.push(Skipped { what: file, why: "neither a push nor a pull request starts it".to_owned() });
            continue;
        }
        for (name, job) in workflow["jobs"].as_mapping().into_iter().flatten() {
            let name = name.as_str().unwrap_or("job");
            Reader { site, survey, file: &file, workflow: &workflow, job }.look(name);
        }
    }
}

/// Subcommands that cargo always has.
const CARGO: [&str; 19] = [
    "build", "b", "check", "c", "test", "t", "run", "r", "doc", "bench", "fmt", "clippy", "package", "tree", "update",
    "rustdoc", "metadata", "clean", "fetch",
];

struct Reader<'a, 'm> {
    site: &'a Site<'m>,
    survey: &'a mut Survey,
    file: &'a str,
    workflow: &'a Value,
    job: &'a Value,
}

impl Reader<'_, '_> {
    fn look(&mut self, name: &str) {
        let place = format!("{}: {name}", self.file);
        let matrix = self.matrix();
        let runs_on = fill(&scalar(&self.job["runs-on"]), &matrix).unwrap_or_default();
        if runs_on.contains("windows") || runs_on.contains("macos") {
            self.skip(&place, &format!("it runs on {runs_on} alone"));
            return;
        }
        if !self.job["container"].is_null() || !self.job["services"].is_null() {
            self.skip(&place, "it needs containers");
            return;
        }
        if let Some(toolchain) = self.toolchain(&matrix) {
            self.skip(&place, &format!("it needs the Rust toolchain `{toolchain}`"));
            return;
        }
        let Some(mut env) =
            variables(&self.workflow["env"], &matrix).zip(variables(&self.job["env"], &matrix)).map(join)
        else {
            self.skip(&place, "its variables come from GitHub");
            return;
        };
        let mut steps: Vec<FoundStep> = Vec::new();
        let mut kinds: Vec<Kind> = Vec::new();
        let mut hindered = None;
        for step in self.job["steps"].as_sequence().into_iter().flatten() {
            let Some(run) = step["run"].as_str() else { continue };
            let shown = format!("{place}: {}", brief(run));
            match self.step(step, run, &matrix) {
                Ok((step, kind)) => {
                    hindered = hindered.or_else(|| self.lacks(&step));
                    steps.push(step);
                    kinds.push(kind);
                }
                Err(why) => self.skip(&shown, &why),
            }
        }
        if steps.is_empty() || kinds.iter().all(|kind| *kind == Kind::Install) {
            return;
        }
        if steps.iter().all(|step| command::programs(&step.run).is_empty()) {
            self.skip(&place, "it runs nothing");
            return;
        }
        env.retain(|name, _| !name.starts_with("GITHUB_") && !name.starts_with("ACTIONS_"));
        let kind = kinds.iter().copied().max().filter(|_| kinds.len() == 1).unwrap_or(Kind::Other);
        let taken = self.survey.jobs.iter().any(|job| job.name == slug(name));
        let prefix = if taken { self.file.split('.').next().unwrap_or_default() } else { "" };
        let mut found = FoundJob::new(
            "workflow",
            &slug(&format!("{prefix} {name}")),
            kind,
            format!("{} runs it in the job `{name}`", self.file),
        );
        // What a shell or make calls can't be told from here: they wait for everything that is installed.
        let families: Vec<&str> = steps.iter().map(|step| command::classify(&step.run).0).collect();
        let waits = |family: &&str| families.iter().any(|own| own == family || ["shell", "make", "just"].contains(own));
        let installs = self.survey.jobs.iter().filter(|job| job.kind == Kind::Install && waits(&job.family));
        found.needs = installs.map(|job| job.name.clone()).collect();
        found.steps = steps;
        found.env = env;
        found.hindered = hindered;
        self.survey.add(found);
    }

    fn skip(&mut self, what: &str, why: &str) {
        self.survey.skipped.push(Skipped { what: what.to_owned(), why: why.to_owned() });
    }

    /// The Rust toolchain that the job sets up, unless it is the stable one.
    fn toolchain(&self, matrix: &BTreeMap<String, String>) -> Option<String> {
        let steps = self.job["steps"].as_sequence().into_iter().flatten();
        let mut set_up = steps.filter(|step| step["uses"].as_str().is_some_and(|uses| uses.contains("toolchain")));
        let step = set_up.next()?;
        let uses = step["uses"].as_str().unwrap_or_default();
        let named = step["with"]["toolchain"].as_str().or_else(|| uses.strip_prefix("dtolnay/rust-toolchain@"))?;
        let named = fill(named, matrix).unwrap_or_else(|| named.to_owned());
        (!["stable", "master", "v1", "clippy"].contains(&named.as_str())).then_some(named)
    }

    /// One value for each axis: of several, the one that is like this machine.
    fn matrix(&self) -> BTreeMap<String, String> {
        let mut chosen = BTreeMap::new();
        let matrix = &self.job["strategy"]["matrix"];
        for (axis, values) in matrix.as_mapping().into_iter().flatten() {
            let (Some(axis), Some(values)) = (axis.as_str(), values.as_sequence()) else { continue };
            if axis == "include" {
                let first = values.first().and_then(Value::as_mapping).into_iter().flatten();
                for (key, value) in first {
                    chosen.entry(key.as_str().unwrap_or_default().to_owned()).or_insert_with(|| scalar(value));
                }
            } else if axis != "exclude" {
                let texts: Vec<String> = values.iter().map(scalar).collect();
                let here = |text: &&String| {
                    let version = ["python", "node", "go"].iter().any(|tool| {
                        axis.contains(tool)
                            && self
                                .site
                                .machine
                                .succeeds(self.site.root, &format!("{tool}3 --version | grep -qF ' {text}.'"))
                    });
                    text.contains("ubuntu") || text.contains("linux") || **text == "stable" || version
                };
                let value = texts.iter().find(here).or(texts.first());
                chosen.insert(axis.to_owned(), value.cloned().unwrap_or_default());
            }
        }
        chosen
    }

    fn step(&self, step: &Value, run: &str, matrix: &BTreeMap<String, String>) -> Result<(FoundStep, Kind), String> {
        if !step["if"].is_null() {
            return Err(format!("it runs only if {}", brief(&scalar(&step["if"]))));
        }
        let shell = [&step["shell"], &self.job["defaults"]["run"]["shell"], &self.workflow["defaults"]["run"]["shell"]];
        if let Some(shell) =
            shell.into_iter().find_map(Value::as_str).filter(|shell| !shell.contains("sh") || shell.contains("pwsh"))
        {
            return Err(format!("it needs the shell `{shell}`"));
        }
        if let Some(why) = command::objection(run) {
            return Err(why.to_owned());
        }
        let run = fill(run, matrix).ok_or("it uses values that only GitHub has")?;
        let mut run = run.trim().to_owned();
        if !self.site.has("Cargo.lock") {
            run = run.replace(" --locked", "");
        }
        let (family, kind) = command::classify(&run);
        if kind == Kind::Install && !run.contains('\n') {
            return Err("it installs something".to_owned());
        }
        let special =
            ["--features", "--no-default-features", "--target", "--all-features", "--release", "-p ", "--package", "+"];
        let is_usual = !run.contains('\n') && !special.iter().any(|flag| run.contains(flag));
        let dirs = [
            &step["working-directory"],
            &self.job["defaults"]["run"]["working-directory"],
            &self.workflow["defaults"]["run"]["working-directory"],
        ];
        let dir = dirs.into_iter().find_map(Value::as_str).unwrap_or_default();
        let dir = fill(dir, matrix).ok_or("its folder is known only to GitHub")?;
        let dir = dir.trim_start_matches("./").trim_matches('/').trim_start_matches('.');
        if let Some(job) = self.survey.has(family, kind, dir).filter(|_| kind != Kind::Other && is_usual) {
            return Err(format!("the job `{}` does that", job.name));
        }
        if self.survey.jobs.iter().flat_map(|job| &job.steps).any(|known| known.run == run) {
            return Err("another job does exactly that".to_owned());
        }
        if let Some(toolchain) = run.split_whitespace().find_map(|word| word.strip_prefix('+')) {
            return Err(format!("it needs the toolchain `{toolchain}`"));
        }
        if run.contains("--target") {
            return Err("it builds for another machine".to_owned());
        }
        if run.contains("[[") || run.contains("pipefail") || run.contains("<(") {
            return Err("it needs bash".to_owned());
        }
        let env = variables(&step["env"], matrix).ok_or("its variables come from GitHub")?;
        // GitHub's shell ends at the first command that fails; `sh -c` goes on.
        let run = if run.contains('\n') { format!("set -e\n{run}") } else { run };
        let name = step["name"].as_str().and_then(|name| fill(name, matrix));
        let dir = (!dir.is_empty()).then(|| dir.to_owned());
        Ok((FoundStep { name, run, dir, env }, kind))
    }

    /// A program of the step that isn't here.
    fn lacks(&self, step: &FoundStep) -> Option<String> {
        let dir = self.site.root.join(step.dir.as_deref().unwrap_or(""));
        let lines = step.run.lines().filter_map(|line| line.trim().strip_prefix("cargo ")?.split([' ', ';']).next());
        let mut external = lines.filter(|word| word.starts_with(char::is_alphabetic) && !CARGO.contains(word));
        if let Some(subcommand) =
            external.find(|word| !self.site.machine.succeeds(&dir, &format!("cargo {word} --version")))
        {
            return Some(format!("`cargo {subcommand}` isn't on this machine"));
        }
        let made = ["target/", "build/", "dist/", "node_modules/", ".venv/", "out/"];
        command::programs(&step.run).into_iter().find_map(|program| {
            let path = program.trim_start_matches("./");
            let here = if !program.contains('/') {
                self.site.machine.has(&program)
            } else {
                program.starts_with('/')
                    || made.iter().any(|folder| path.starts_with(folder))
                    || dir.join(path).exists()
            };
            (!here).then(|| format!("`{program}` isn't on this machine"))
        })
    }
}

fn join((outer, inner): (BTreeMap<String, String>, BTreeMap<String, String>)) -> BTreeMap<String, String> {
    outer.into_iter().chain(inner).collect()
}

fn variables(env: &Value, matrix: &BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    let pairs = env.as_mapping().into_iter().flatten();
    pairs.map(|(name, value)| Some((name.as_str()?.to_owned(), fill(&scalar(value), matrix)?))).collect()
}

/// Puts matrix values in; nothing if something else would have to be known.
fn fill(text: &str, matrix: &BTreeMap<String, String>) -> Option<String> {
    let mut filled = text.to_owned();
    while let Some(start) = filled.find("${{") {
        let end = start + filled[start..].find("}}")? + 2;
        let value = matrix.get(filled[start + 3..end - 2].trim().strip_prefix("matrix.")?)?.clone();
        filled.replace_range(start..end, &value);
    }
    Some(filled)
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Sequence(list) => list.first().map(scalar).unwrap_or_default(),
        _ => String::new(),
    }
}

fn brief(run: &str) -> String {
    let line = run.trim().lines().next().unwrap_or_default();
    let more = if run.trim().contains('\n') || line.chars().count() > 60 { " …" } else { "" };
    format!("`{}{more}`", line.chars().take(60).collect::<String>())
}
