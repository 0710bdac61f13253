//! Fixers: which of them fit a fault, in which order, and the command of each.
//!
//! The project's own commands come first, then the tools' own repairs, then what compilers and interpreters suggest. A
//! fixer is a row of `tool` or `lock`, or a pattern of `suggest`.

mod command;
mod lock;
mod tool;

#[cfg(test)]
mod tests;

use crate::domain::{
    definition::FixPolicy,
    diagnosis::{Category, Diagnosis},
    patch::PatchText,
    plan::PlannedJob,
};

use command::Invocation;

/// Everything by which a fixer is chosen.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The job that fails.
    pub job: &'a PlannedJob,
    /// How it fails now.
    pub diagnosis: &'a Diagnosis,
    /// What it printed, as far as it was kept.
    pub output: &'a str,
    /// Every path of the tree.
    pub paths: &'a [String],
    /// The text of `package.json`, where there is one: `npm run lint` is looked up in it.
    pub package_json: Option<&'a str>,
    /// The text of the `Makefile`, where there is one.
    pub makefile: Option<&'a str>,
}

/// Something that may mend a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixer {
    /// As it is called on the proposal: `cargo fmt`, `rustc suggestion`, `fix.commands.lint`.
    pub name: String,
    /// How it goes about it.
    pub how: How,
}

/// How a fixer changes files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// A command for `sh -c`, at the top of the workspace.
    Command(String),
    /// A cargo command that prints JSON, whose suggestions are taken.
    Rustc(String),
    /// What the failed job's output suggests.
    Output,
    /// A patch that was approved for this fault before.
    Known(PatchText),
    /// An agent, by the number of its try.
    Agent(u32),
}

/// The fixers that fit, in the order in which they are to be tried.
pub fn fitting(scene: &Scene<'_>, policy: &FixPolicy) -> Vec<Fixer> {
    let spec = &scene.job.spec;
    let own = policy.commands.get(scene.job.key.as_str()).or_else(|| policy.commands.get(&spec.name));
    let own = own
        .into_iter()
        .flatten()
        .map(|command| Fixer { name: format!("fix.commands.{}", spec.name), how: How::Command(command.clone()) });
    let invocations = command::invocations(scene);
    let mut fixers: Vec<Fixer> = own.collect();
    fixers.extend(lock::fitting(scene));
    fixers.extend(tool::fitting(scene, &invocations));
    fixers.extend(rustc(scene, &invocations));
    if super::suggest::any(scene.output) {
        fixers.push(Fixer { name: "suggestion in the output".into(), how: How::Output });
    }
    let mut seen: Vec<How> = Vec::new();
    fixers.retain(|fixer| {
        let new = !seen.contains(&fixer.how);
        seen.push(fixer.how.clone());
        new
    });
    fixers
}

/// The compiler's suggestions, by the cargo command that failed.
fn rustc(scene: &Scene<'_>, invocations: &[Invocation]) -> Option<Fixer> {
    use Category::{Build, Import, Lint, Syntax, Type, Unknown};
    let rust = ["rustc", "cargo", "clippy", "rustdoc"];
    let by_tool = scene.diagnosis.tool.as_deref().is_some_and(|tool| rust.iter().any(|name| tool.contains(name)));
    let category = matches!(scene.diagnosis.category, Syntax | Import | Type | Lint | Build | Unknown);
    let cargo = invocations.iter().filter_map(|invocation| {
        let (at, verb) = ["clippy", "check", "build", "test", "nextest", "run", "doc", "bench"]
            .iter()
            .find_map(|verb| Some((invocation.after(&["cargo", verb])?, *verb)))?;
        Some((invocation, at, verb))
    });
    let mut cargo: Vec<_> = cargo.collect();
    // The one that failed is most likely the one that is as strict as the fault.
    let lint = scene.diagnosis.category == Lint;
    cargo.sort_by_key(|(_, _, verb)| lint != (*verb == "clippy"));
    if !category || (!by_tool && cargo.is_empty()) {
        return None;
    }
    let command = match cargo.first() {
        None => "cargo check --all-targets --message-format=json".to_owned(),
        Some((invocation, at, verb)) => {
            let start = invocation.words[..at - 1].join(" ");
            let (verb, more) = match *verb {
                "clippy" => ("clippy", ""),
                "test" | "nextest" => ("test", " --no-run"),
                "bench" => ("bench", " --no-run"),
                "doc" => ("doc", ""),
                _ => ("check", ""),
            };
            let rest = &invocation.words[*at..];
            let end = rest.iter().position(|word| word == "--").unwrap_or(rest.len());
            let known = |word: &&String| !word.starts_with("--message-format") && *word != "run" && *word != "--no-run";
            let kept: String = rest[..end].iter().filter(known).flat_map(|word| [" ", word]).collect();
            let lints: String =
                if verb == "clippy" { rest[end..].iter().flat_map(|w| [" ", w]).collect() } else { String::new() };
            format!("{}{start} {verb}{more}{kept} --message-format=json{lints}", invocation.cd())
        }
    };
    Some(Fixer { name: "rustc suggestion".into(), how: How::Rustc(command) })
}
