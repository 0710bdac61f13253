//! Perl and its tests, awk, Lua, R, Julia.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    place,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{Import, Syntax, Test, Type, Unknown};

pub(super) const RULES: &[Rule] = &[
    rule(
        "perl",
        Import,
        "Can't locate ",
        r"^(?P<message>Can't locate \S+ in @INC.*?)(?: at (?P<file>\S+) line (?P<line>\d+)\.)?$",
    )
    .level(Level::Symptom),
    rule("perl", Syntax, "syntax error at ", r"^(?P<message>syntax error at (?P<file>\S+) line (?P<line>\d+), .+)"),
    rule("perl", Type, "Global symbol ", r"^(?P<message>Global symbol .+) at (?P<file>\S+) line (?P<line>\d+)\."),
    rule("prove", Test, "Failed test", r"^\s*#\s+(?P<message>Failed test(?: '(?P<test>.+)')?.*)").then(failed),
    rule("perl", Unknown, " line ", r"^(?P<message>\S.+) at (?P<file>\S+\.(?:pl|pm|t)) line (?P<line>\d+)\.$")
        .level(Level::Guess),
    rule(
        "awk",
        Syntax,
        "awk: ",
        r"^g?awk: (?:(?P<file>\S+?):(?P<line>\d+):|line \d+:|cmd\. line:\d+:).*(?:syntax error|missing|unexpected).*",
    )
    .level(Level::Symptom),
    rule("lua", Unknown, "lua: ", r"^lua[\d.]*: (?P<file>\S+\.lua):(?P<line>\d+): (?P<message>.+)")
        .level(Level::Symptom)
        .then(lua),
    rule("busted", Test, "Failure → ", r"^Failure → (?P<file>\S+) @ (?P<line>\d+)$").then(busted),
    rule("r", Unknown, "Error in ", r"^Error in (?P<message>.+)").level(Level::Guess),
    rule("r", Import, "there is no package called", r"(?P<message>there is no package called .+)")
        .level(Level::Symptom),
    rule("julia", Unknown, "ERROR: LoadError: ", r"^ERROR: LoadError: (?P<message>.+)")
        .level(Level::Symptom)
        .then(julia),
    rule("julia", Test, "Test Failed at ", r"^\S.*: Test Failed at (?P<file>\S+?):(?P<line>\d+)$").then(expression),
];

/// `at t/a.t line 2.` below.
fn failed(finding: &mut Finding, log: &Log) -> bool {
    let place = log.after(finding.at, 3).find_map(|(_, line)| {
        let (_, rest) = line.split_once("at ")?;
        let (file, rest) = rest.split_once(" line ")?;
        Some((file.trim().to_owned(), rest.trim_end_matches('.').parse::<u32>().ok()?))
    });
    if let Some((file, line)) = place {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    finding.said.file.is_some()
}

fn lua(finding: &mut Finding, _: &Log) -> bool {
    let said = &finding.said.message;
    finding.category = if said.contains("module '") && said.contains("not found") {
        Import
    } else if said.contains(" near ") || said.contains("expected") {
        Syntax
    } else {
        Type
    };
    true
}

fn busted(finding: &mut Finding, log: &Log) -> bool {
    finding.test = Some(log.line(finding.at + 1).trim().to_owned());
    finding.said.message = log.line(finding.at + 2).trim().to_owned();
    true
}

fn julia(finding: &mut Finding, log: &Log) -> bool {
    let said = &finding.said.message;
    if said.contains("syntax:") || said.contains("ParseError") {
        finding.category = Syntax;
    } else if said.contains("Package ") && said.contains("not found") {
        finding.category = Import;
    } else if said.contains("MethodError") || said.contains("UndefVarError") {
        finding.category = Type;
    }
    let frame = log
        .after(finding.at + 1, 40)
        .find_map(|(_, line)| place::find(line).filter(|(file, ..)| !place::foreign(file)));
    if let Some((file, line, _)) = frame {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    true
}

fn expression(finding: &mut Finding, log: &Log) -> bool {
    finding.said.message = log.line(finding.at + 1).trim().to_owned();
    true
}
