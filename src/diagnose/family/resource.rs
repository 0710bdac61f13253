//! Memory, disk, quota, time: faults that end whatever runs.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{Resource, Timeout};

pub(super) const RULES: &[Rule] = &[
    rule(
        "node",
        Resource,
        "JavaScript heap out of memory",
        r"^(?:.*?)(?P<message>FATAL ERROR: .*JavaScript heap out of memory)",
    )
    .level(Level::Decisive)
    .then(script),
    rule("node", Resource, "ERR_WORKER_OUT_OF_MEMORY", r"(?P<message>.*ERR_WORKER_OUT_OF_MEMORY.*)")
        .level(Level::Decisive),
    rule("disk", Resource, "No space left on device", r"(?P<message>.*No space left on device.*)")
        .level(Level::Decisive)
        .then(line_of),
    rule("disk", Resource, "no space left on device", r"(?P<message>.*no space left on device.*)")
        .level(Level::Decisive)
        .then(line_of),
    rule("disk", Resource, "ENOSPC", r"(?P<message>.*ENOSPC: .+)").level(Level::Decisive).then(line_of),
    rule(
        "disk",
        Resource,
        "There is not enough space on the disk",
        r"(?P<message>.*There is not enough space on the disk.*)",
    )
    .level(Level::Decisive),
    rule("disk", Resource, "Disk quota exceeded", r"(?P<message>.*Disk quota exceeded.*)").level(Level::Decisive),
    rule("memory", Resource, "Out of memory: Killed process", r"(?P<message>.*Out of memory: Killed process.*)")
        .level(Level::Decisive),
    rule("memory", Resource, "OOMKilled", r"(?P<message>.*OOMKilled.*)").level(Level::Symptom),
    rule("memory", Resource, "Cannot allocate memory", r"(?P<message>.*Cannot allocate memory.*)")
        .level(Level::Symptom),
    rule("memory", Resource, "cannot allocate memory", r"(?P<message>.*cannot allocate memory.*)")
        .level(Level::Symptom),
    rule("memory", Resource, "std::bad_alloc", r"(?P<message>.*std::bad_alloc.*)").level(Level::Symptom),
    rule("memory", Resource, "out of memory allocating", r"(?P<message>.*out of memory allocating .+)")
        .level(Level::Decisive),
    rule("memory", Resource, "memory allocation of", r"(?P<message>memory allocation of \d+ bytes failed)")
        .level(Level::Decisive),
    rule("rustc", Resource, "(signal: 9, SIGKILL", r"(?P<message>.*\(signal: 9, SIGKILL.*)").level(Level::Decisive),
    rule("java", Resource, "OutOfMemoryError: ", r"(?P<message>(?:java\.lang\.)?OutOfMemoryError: .+)")
        .level(Level::Symptom),
    rule("java", Resource, "Could not reserve enough space", r"(?P<message>.*Could not reserve enough space for .+)")
        .level(Level::Decisive),
    rule(
        "java",
        Resource,
        "insufficient memory for the Java Runtime",
        r"(?P<message>.*insufficient memory for the Java Runtime.*)",
    )
    .level(Level::Decisive),
    rule("shell", Resource, "Killed", r"^(?:\S+: line (?P<line>\d+): )?\s*\d*\s*(?P<message>Killed\b.*)$")
        .level(Level::Symptom),
    rule("shell", Resource, "exit code 137", r"(?P<message>.*exit code:? 137\b.*)").level(Level::Symptom),
    rule("disk", Resource, "File size limit exceeded", r"(?P<message>.*File size limit exceeded.*)")
        .level(Level::Symptom),
    rule("files", Resource, "Too many open files", r"(?P<message>.*[tT]oo many open files.*)").level(Level::Symptom),
    rule(
        "runner",
        Resource,
        "runner has received a shutdown signal",
        r"(?P<message>.*[Tt]he runner has received a shutdown signal.*)",
    )
    .level(Level::Decisive),
    rule(
        "runner",
        Resource,
        "lost communication with the server",
        r"(?P<message>.*lost communication with the server.*)",
    )
    .level(Level::Decisive),
    rule(
        "runner",
        Timeout,
        "has exceeded the maximum execution time",
        r"(?P<message>.*has exceeded the maximum execution time.*)",
    )
    .level(Level::Decisive),
    rule(
        "runner",
        Timeout,
        "has timed out after",
        r"(?P<message>(?:The action .+|Step|Job|The job) ?.*has timed out after .+)",
    )
    .level(Level::Decisive),
    rule("gitlab", Timeout, "execution took longer than", r"(?P<message>.*execution took longer than .+)")
        .level(Level::Decisive),
    rule("circleci", Timeout, "Too long with no output", r"(?P<message>Too long with no output.*)")
        .level(Level::Decisive),
    rule(
        "travis",
        Timeout,
        "No output has been received in the last",
        r"(?P<message>No output has been received in the last .+)",
    )
    .level(Level::Decisive),
    rule("shell", Timeout, "exit code 124", r"(?P<message>.*exit code:? 124\b.*)").level(Level::Symptom),
    rule("timeout", Timeout, "timeout: sending signal", r"^(?P<message>timeout: sending signal .+)")
        .level(Level::Symptom),
];

/// Source code that only speaks of a fault is none.
fn line_of(finding: &mut Finding, log: &Log) -> bool {
    let line = log.line(finding.at).trim();
    !line.starts_with(['#', '"', '\'']) && !line.contains("assert") && !line.contains("println")
}

/// The script that Node ran, where a line around the fault names it: `node --flag build.js`.
fn script(finding: &mut Finding, log: &Log) -> bool {
    let command = |line: &str| {
        let (_, arguments) =
            line.split_once("node ").filter(|(head, _)| head.is_empty() || head.ends_with([' ', '/']))?;
        let script = arguments.split_whitespace().find(|word| !word.starts_with('-'))?;
        [".js", ".mjs", ".cjs", ".ts"].iter().any(|end| script.ends_with(end)).then(|| script.to_owned())
    };
    let near = log.before(finding.at, 200).chain(log.after(finding.at, 60)).find_map(|(_, line)| command(line));
    finding.said.file = near;
    true
}
