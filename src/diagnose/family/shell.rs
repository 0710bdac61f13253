//! Shells: commands that are not there, files that are not there, syntax, signals; just, task and other runners of commands.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{Build, Config, Syntax, Timeout};

const fn symptom(needle: &'static str, pattern: &'static str) -> Rule {
    rule("bash", Config, needle, pattern).level(Level::Symptom)
}

pub(super) const RULES: &[Rule] = &[
    symptom("command not found", r"^(?:-?(?P<file>\S+?)?: (?:line )?(?P<line>\d+): )?(?P<message>\S+: command not found.*|command not found: \S+)").then(script),
    symptom(": not found", r"^(?:(?P<file>(?:/bin/)?\S*sh|\S+): (?:line )?(?P<line>\d+): )(?P<message>(?:eval: )?\S+: not found)$").then(script),
    symptom("Permission denied", r"^(?:(?P<file>\S+?): (?:line )?(?P<line>\d+): )?(?P<message>(?:\S+: )?\S+: Permission denied)$").then(denied),
    symptom("bad interpreter", r"^(?:(?P<file>\S+?): (?:line )?(?P<line>\d+): )?(?P<message>\S+: (?:\S+: )?bad interpreter: .+)").then(denied),
    symptom("unbound variable", r"^(?P<file>\S+?): line (?P<line>\d+): (?P<message>\S+: unbound variable)").then(script),
    symptom(": line ", r"^\S+: line \d+: (?P<message>[A-Z_][A-Z0-9_]*: \S.+)").then(script),
    symptom("parameter not set", r"^(?P<file>\S+?): (?:line )?(?P<line>\d+): (?P<message>\S+: parameter (?:not set|null or not set))").then(script),
    symptom("cannot execute", r"^(?:(?P<file>\S+?): (?:line )?(?P<line>\d+): )?(?P<message>\S+: cannot execute(?: binary file)?: .+)").then(denied),
    symptom("syntax error", r"^(?P<file>\S+?): (?:line )?(?P<line>\d+): (?P<message>(?:[sS]yntax error:? .+))").then(syntax),
    symptom("Syntax error:", r"^(?P<file>\S+?): (?:line )?(?P<line>\d+): (?P<message>Syntax error: .+)").then(syntax),
    symptom("unexpected EOF while looking", r"^(?P<file>\S+?): (?:line )?(?P<line>\d+): (?P<message>unexpected EOF while looking .+)").then(syntax),
    symptom(": No such file or directory", r"^(?:(?P<file>\S+?): (?:line )?(?P<line>\d+): )?(?P<message>(?:[\w./-]+: )+(?:cannot (?:open|stat|access|remove|create regular file) )?['‘]?\S+?['’]?: No such file or directory)$").then(script),
    symptom("failed to run command", r"^(?P<message>(?:timeout|env|nohup|nice|sudo|xargs): failed to run command .+)").then(denied),
    symptom("tar: ", r"^(?P<message>tar: \S+: Cannot (?:open|stat|chdir): .+)").then(script),
    symptom("unzip: ", r"^(?P<message>unzip:\s+cannot find or open .+)").then(script),
    symptom("can't open file", r"^(?P<message>\S*sh: (?:\d+: )?(?:can't|cannot) open .+)").then(script),
    symptom("cannot open", r"^(?P<message>\S*sh: (?:\d+: )?cannot open .+)").then(script),
    rule("bash", Build, "Segmentation fault", r"^(?:(?P<file>\S+?): line (?P<line>\d+):\s+\d+ )?(?P<message>Segmentation fault.*)").level(Level::Symptom).then(script),
    rule("bash", Build, "Aborted", r"^(?:(?P<file>\S+?): line (?P<line>\d+):\s+\d+ )(?P<message>Aborted.*)").level(Level::Consequence).then(script),
    rule("bash", crate::domain::diagnosis::Category::Cancelled, "Terminated", r"^(?:(?P<file>\S+?): line (?P<line>\d+):\s+\d+ )?(?P<message>Terminated\b.*)").level(Level::Guess).then(script),
    rule("powershell", Config, "is not recognized as", r"^(?P<message>.*is not recognized as (?:the name of a cmdlet|an internal or external command).*)").level(Level::Symptom),
    rule("powershell", Config, "CategoryInfo", r"\+ CategoryInfo\s+: (?P<message>.+)").level(Level::Consequence),
    rule("powershell", Syntax, "ParserError", r"^ParserError: (?P<message>.*)").level(Level::Symptom),
    rule("env", Config, "env: ", r"^(?:/usr/bin/)?(?P<message>env: .+: (?:No such file or directory|Permission denied))").level(Level::Symptom),
    rule("exec", Config, "executable file not found in $PATH", r"(?P<message>.*executable file not found in \$PATH.*)").level(Level::Symptom),
    rule("just", Config, "error: Justfile does not contain recipe", r"^error: (?P<message>Justfile does not contain recipe.+)"),
    rule("just", Build, "error: Recipe `", r"^error: (?P<message>Recipe `.+` failed .+)").level(Level::Consequence),
    rule("task", Build, "task: Failed to run task", r"^(?P<message>task: Failed to run task .+)").level(Level::Consequence),
    rule("bazel", Build, "ERROR: ", r"^ERROR: (?P<file>/?\S+?(?:BUILD(?:\.bazel)?|\.bzl)):(?P<line>\d+):(?P<column>\d+): (?P<message>.+)").level(Level::Symptom),
    rule("nix", Build, "error: ", r"^error: (?P<message>(?:builder for .+ failed|attribute .+ missing|undefined variable .+|flake .+ does not provide).*)").level(Level::Symptom),
    rule("wait-for-it", Timeout, "timeout occurred after waiting", r"^(?P<message>.+: timeout occurred after waiting .+)").level(Level::Symptom),
    rule("config", Config, "environment variable", r"(?i)^(?:\W*(?:error|fatal)\W*:?\s*)?(?P<message>.*\b(?:missing|required|must set|not set|undefined)\b.*environment variable.*|.*environment variable.*\b(?:is required|is not set|not set|must be set|missing|not found|undefined)\b.*)").level(Level::Symptom),
    rule("config", Config, "is not set", r"(?i)^(?:\W*(?:error|fatal)\W*:?\s*)(?P<message>.*\b(?:is not set|not configured)\b.*)").level(Level::Symptom),
];

/// A place in the shell or in the runner's own script is no place of the project.
fn script(finding: &mut Finding, log: &Log) -> bool {
    let own = |file: &str| {
        !file.starts_with('/')
            && !file.contains("/_temp/")
            && file != "bash"
            && file != "sh"
            && !file.ends_with("/bash")
            && !file.ends_with("/sh")
            && file.contains(['.', '/'])
    };
    if !finding.said.file.as_deref().is_some_and(own) {
        finding.said.file = None;
        finding.said.line = None;
    }
    log.line(finding.at).trim().clone_into(&mut finding.said.message);
    true
}

/// The file that may not be run is the place.
fn denied(finding: &mut Finding, log: &Log) -> bool {
    let said = finding.said.message.clone();
    script(finding, log);
    let target = said.split(": ").find(|part| {
        part.contains('/') && !part.contains(' ') && !part.starts_with("/bin/") && !part.starts_with("/usr/")
    });
    if let Some(target) = target {
        finding.said.file = Some(target.trim_start_matches("./").to_owned());
        finding.said.line = None;
    }
    true
}

fn syntax(finding: &mut Finding, log: &Log) -> bool {
    finding.category = Syntax;
    let file = finding.said.file.clone().unwrap_or_default();
    if file.ends_with(".go") || file.ends_with(".rb") || file.ends_with(".py") {
        return false;
    }
    script(finding, log)
}
