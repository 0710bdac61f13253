//! What the way in which a process ended says, and the last lines where no rule knows the tool.

use super::{
    Hints,
    finding::{Finding, Level},
    log::{Kind, Log, Mark},
};
use crate::domain::diagnosis::Category;

/// What an exit code means by the conventions of shells, if it means anything.
pub(super) fn meaning(code: i32) -> Option<(Category, &'static str)> {
    Some(match code {
        124 => (Category::Timeout, "exit code 124: the time limit was reached"),
        126 => (Category::Config, "exit code 126: the command cannot be executed"),
        127 => (Category::Config, "exit code 127: the command was not found"),
        130 => (Category::Cancelled, "exit code 130: interrupted"),
        134 => (Category::Build, "exit code 134: aborted"),
        136 => (Category::Build, "exit code 136: arithmetic fault"),
        137 => (Category::Resource, "exit code 137: killed, most often for want of memory"),
        139 => (Category::Build, "exit code 139: segmentation fault"),
        143 => (Category::Cancelled, "exit code 143: asked to end"),
        _ => return None,
    })
}

/// Findings of the hints.
pub(super) fn findings(log: &Log, hints: &Hints) -> Vec<Finding> {
    let end = log.len().saturating_sub(1);
    let mut found = Vec::new();
    if hints.timed_out {
        found.push(Finding::new(end, "gonogo", Category::Timeout, Level::Decisive, "the job's time was up"));
    }
    let code = hints.signal.map(|signal| 128 + signal).or(hints.exit_code);
    if let Some((category, message)) = code.and_then(meaning) {
        let level = if code == Some(137) { Level::Symptom } else { Level::Guess };
        found.push(Finding::new(end, "shell", category, level, message));
    }
    found
}

/// The last thing that was said before the end of a failing step: better than nothing.
pub(super) fn last_words(log: &Log, steps: &[usize]) -> Option<Finding> {
    let told = |at: &usize| steps.is_empty() || steps.contains(&log.step_of(*at));
    let at = (0..log.len()).rev().filter(told).take(2000).find(|&at| {
        let line = log.line(at);
        let trace = log.kind == Kind::Trace && line.starts_with("+ ") || line.starts_with("++");
        log.mark_of(at) != Mark::Quiet
            && !trace
            && line.chars().filter(|c| c.is_alphabetic()).count() > 3
            && !line.starts_with("Process completed with exit code")
            && !line.starts_with("npm error A complete log")
    })?;
    let category = super::family::of_words(log.line(at));
    let mut finding = Finding::new(at, "", category, Level::Consequence, log.line(at));
    finding.tool = "shell";
    Some(finding)
}
