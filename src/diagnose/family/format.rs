//! Formatters: Black, isort, autopep8, YAPF, clang-format, shfmt, gofumpt, Taplo, StyLua, dprint, treefmt, and plain diffs.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{Format, Syntax};

pub(super) const RULES: &[Rule] = &[
    rule("black", Format, "would reformat ", r"^would reformat (?P<file>\S.*)$"),
    rule("black", Syntax, "error: cannot format ", r"^error: cannot format (?P<file>[^:]+): (?P<message>.+)").then(unformattable),
    rule("black", Syntax, "error: cannot parse: ", r"^error: cannot parse: (?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+)$"),
    rule("black", Format, "reformatted ", r"^reformatted (?P<file>\S+\.(?:pyi?|ipynb))$").level(Level::Symptom),
    rule("isort", Format, "Imports are incorrectly sorted", r"^ERROR: (?P<file>\S.*?) (?P<message>Imports are incorrectly sorted.*)"),
    rule("isort", Format, "Fixing ", r"^Fixing (?P<file>\S+\.pyi?)$").level(Level::Symptom),
    rule("rustfmt", Format, "Diff in ", r"^Diff in (?P<file>\S+?):?(?P<line>\d+)?:?$").level(Level::Symptom),
    rule("dprint", Format, "not formatted", r"^(?P<message>(?:Found|error:).*not formatted.*)").level(Level::Guess),
    rule("dprint", Format, "from ", r"^from (?P<file>/?\S+\.\w+):$"),
    rule("taplo", Format, "the file is not properly formatted", r#"the file is not properly formatted.*path="?(?P<file>[^"]+)"?"#),
    rule("stylua", Format, "Diff in ", r"^Diff in (?P<file>\S+\.lua):$"),
    rule("buildifier", Format, "# reformat", r"^(?P<file>\S+) # reformat"),
    rule("mix format", Format, "are not formatted", r"(?P<message>.*(?:files|file)(?: were| was)? (?:are )?not formatted.*)"),
    rule("deno fmt", Format, "not formatted file", r"^error: (?P<message>Found \d+ not formatted files?.*)"),
    rule("standard", Format, "Run `", r"(?P<message>.*Run `.+ format.*` to (?:fix|format).*)").level(Level::Guess),
    rule("scalafmt", Format, "isn't formatted properly", r"(?P<file>\S+\.(?:scala|sbt)) isn't formatted properly!?"),
    rule("google-java-format", Format, "not formatted", r"^(?P<file>\S+\.java)(?: is)? not formatted.*"),
    rule("nixfmt", Format, "not formatted", r"^(?P<file>\S+\.nix): not formatted"),
    rule("sqlfluff", Format, "== [", r"^== \[(?P<file>[^\]]+)\] FAIL$").level(Level::Guess),
    rule("djlint", Format, "would be updated", r"(?P<message>[1-9]\d* files? would be updated\.)").then(djlint),
    rule("ruff format", Format, "would be reformatted", r"(?P<message>[1-9]\d* files? would be reformatted.*)").level(Level::Guess).then(diffed),
    rule("editorconfig-checker", Format, "Wrong ", r"^\s*(?P<line>\d+)?:?\s*(?P<message>(?:Wrong (?:indent|amount|line ending|character)|Trailing whitespace|Not all lines have the correct end of line).*)").level(Level::Symptom),
    rule("git", Format, "trailing whitespace.", r"^(?P<file>[^\s:]+):(?P<line>\d+): (?P<message>(?:trailing whitespace|new blank line at EOF|space before tab in indent|leftover conflict marker)\.)$"),
    rule("pre-commit", Format, "files were modified by this hook", r"^- (?P<message>files were modified by this hook)").level(Level::Guess).then(hook),
];

/// The file of the first diff above.
fn diffed(finding: &mut Finding, log: &Log) -> bool {
    let file = log
        .before(finding.at, 2000)
        .filter_map(|(_, line)| line.strip_prefix("--- "))
        .last()
        .map(|file| file.split('\t').next().unwrap_or(file).to_owned());
    finding.said.file = file;
    true
}

/// Black gives the place as `Cannot parse: 3:7: code`.
fn unformattable(finding: &mut Finding, _: &Log) -> bool {
    let numbers = finding
        .said
        .message
        .split_once(": ")
        .filter(|(head, _)| head.starts_with("Cannot parse"))
        .map(|(_, rest)| rest.to_owned());
    if let Some(rest) = numbers {
        let mut numbers = rest.split(':').map_while(|n| n.trim().parse::<u32>().ok());
        finding.said.line = numbers.next();
        finding.said.column = numbers.next().filter(|n| *n > 0);
    }
    true
}

/// The hook that changed files: its id, and the file where it names one.
fn hook(finding: &mut Finding, log: &Log) -> bool {
    let id =
        log.before(finding.at, 4).find_map(|(_, line)| line.strip_prefix("- hook id: ").map(|id| id.trim().to_owned()));
    let file = log.after(finding.at + 1, 8).find_map(|(_, line)| {
        let line = line.trim();
        line.strip_prefix("Fixing ")
            .or_else(|| line.strip_prefix("reformatted "))
            .or_else(|| line.strip_prefix("Fixed "))
            .map(str::to_owned)
    });
    finding.said.code = id;
    finding.said.file = file;
    finding.level = Level::Symptom;
    true
}

/// The file stands above a ruler, before its diff.
fn djlint(finding: &mut Finding, log: &Log) -> bool {
    let ruler = log.before(finding.at, 2000).find(|(_, line)| line.starts_with("───")).map(|(at, _)| at);
    let file = ruler.and_then(|at| at.checked_sub(1)).map(|at| log.line(at).trim());
    finding.said.file = file.filter(|file| file.contains('.') && !file.contains(' ')).map(str::to_owned);
    true
}
