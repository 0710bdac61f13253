//! `Makefile` and `justfile`: their targets, where nothing else does the same.

use super::{
    Site, Survey, command,
    found::{FoundJob, Kind, Skipped},
};

/// Targets that check something, for each kind the best first.
const TARGETS: [(Kind, &str, &[&str]); 5] = [
    (Kind::Format, "format", &["format-check", "fmt-check", "check-format", "check-fmt"]),
    (Kind::Lint, "lint", &["lint"]),
    (Kind::Types, "types", &["typecheck", "types"]),
    (Kind::Build, "build", &["build", "all"]),
    (Kind::Test, "test", &["test", "tests", "check"]),
];

pub(super) fn look(site: &Site<'_>, survey: &mut Survey) {
    if let Some(name) = site.first_of(&["GNUmakefile", "makefile", "Makefile"]) {
        let targets = targets(&site.read(name).unwrap_or_default());
        add(site, survey, name, "make", &targets);
    }
    if let Some(name) = site.first_of(&["justfile", "Justfile", ".justfile"]) {
        let recipes = targets(&site.read(name).unwrap_or_default());
        add(site, survey, name, "just", &recipes);
    }
}

fn add(site: &Site<'_>, survey: &mut Survey, file: &str, program: &'static str, targets: &[String]) {
    survey.seen.push(format!("a {file} with {} targets", targets.len()));
    let mut build = None;
    for (kind, name, wanted) in TARGETS {
        let Some(target) = wanted.iter().find(|wanted| targets.iter().any(|target| target == *wanted)) else {
            continue;
        };
        let command = format!("{program} {target}");
        if let Some(job) = survey.has("any", kind, "") {
            let why = format!("the job `{}` does that", job.name);
            survey.skipped.push(Skipped { what: format!("`{command}`"), why });
            continue;
        }
        let job = FoundJob::new(program, name, kind, format!("{file} has the target `{target}`")).run(&command);
        let present = site.machine.has(program);
        let dry = match program {
            "make" => format!("make -n {target}"),
            _ => format!("just --dry-run {target}"),
        };
        let job = job.after(build.as_deref()).only_if(present, format!("`{program}` isn't on this machine"));
        let job = match site.machine.output(&site.dir(), &dry).filter(|_| present) {
            Some(commands) => {
                let lacking = command::programs(&commands)
                    .into_iter()
                    .find(|name| !name.contains('/') && !site.machine.has(name));
                let why = lacking.as_ref().map(|name| format!("it calls `{name}`, which isn't on this machine"));
                job.only_if(lacking.is_none(), why.unwrap_or_default())
            }
            None => job.only_if(false, format!("`{dry}` fails")),
        };
        if kind == Kind::Build && job.hindered.is_none() {
            build = Some(job.name.clone());
        }
        survey.add(job);
    }
}

/// Names of the targets or recipes of a file.
fn targets(text: &str) -> Vec<String> {
    let target = |line: &str| {
        let (names, rest) = line.split_once(':')?;
        let is_target = !names.is_empty() && !names.starts_with([' ', '\t', '#', '.', '@']) && !rest.starts_with('=');
        let named = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        let names = names.split_whitespace().filter(|name| named(name)).map(str::to_owned);
        is_target.then(|| names.collect::<Vec<_>>())
    };
    text.lines().filter_map(target).flatten().collect()
}
