//! pytest: the sections of its failures, and its short summary where there are no sections.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    place,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{self, Config, Import, Syntax, Test};

pub(super) const RULES: &[Rule] = &[
    rule("pytest", Test, "___ ", r"^_{3,} (?P<test>.+?) _{3,}$").then(section),
    rule("pytest", Test, "__ ", r"^_{1,2} (?P<test>(?:ERROR \w+ .+|\S+)) _{1,2}$").then(section),
    rule("pytest", Test, "FAILED ", r"^(?:\[gw\d+\] \[\s*\d+%\] )?FAILED (?P<test>(?P<file>[^\s:]+\.py)::.+?)(?: - (?P<message>.+))?$").then(summary),
    rule("pytest", Test, "SUBFAIL", r"^SUBFAIL(?:ED)?[(\[].*?[)\]] (?P<test>(?P<file>[^\s:]+\.py)::.+?)(?: - (?P<message>.+))?$").then(summary),
    rule("pytest", Test, "ERROR ", r"^ERROR (?P<test>(?P<file>[^\s:]+\.py)(?:::.+?)?)(?: - (?P<message>.+))?$").then(summary),
    rule("pytest", Test, ".py:", r"^(?P<file>\S+\.py):(?P<line>\d+): (?P<message>(?P<code>[A-Za-z_.]*(?:Error|Exception|Failed|Warning|Exit))\b.*)").then(one_line),
    rule("pytest", Test, " FAILED ", r"^(?P<test>(?P<file>[^\s:]+\.py)::.+?) FAILED\b").level(Level::Symptom),
    rule("pytest", Config, "ERROR: ", r"^ERROR: (?P<message>(?:file or directory )?not found: .+|.*unrecognized arguments.*|.*: error: .+)"),
    rule("pytest", Config, "unrecognized arguments", r"^\s*(?:pytest|py\.test|__main__\.py): error: unrecognized arguments: .+"),
    rule("pytest", Import, "ImportError while loading conftest", r"^ImportError while loading conftest '(?P<file>[^']+)'").then(conftest),
    rule("pytest", Config, "no tests ran in", r"^=* ?no tests ran in .+").level(Level::Guess),
    rule("pytest", Test, "Timeout >", r"^(?:E\s+)?Failed: Timeout >.+").level(Level::Guess),
];

/// The category of an exception: what cannot be parsed or imported is no failed test.
pub(super) fn of_exception(name: &str) -> Option<Category> {
    Some(match name.rsplit('.').next().unwrap_or(name) {
        "SyntaxError" | "IndentationError" | "TabError" => Syntax,
        "ModuleNotFoundError" | "ImportError" => Import,
        _ => return None,
    })
}

/// `Name: message` or a lone `Name` of an exception.
pub(super) fn exception(text: &str) -> Option<(&str, &str)> {
    let (name, message) = text.split_once(": ").unwrap_or((text.trim_end_matches(':'), ""));
    let last = name.rsplit('.').next().unwrap_or(name);
    let shaped =
        name.chars().all(|c| c.is_alphanumeric() || "._".contains(c)) && last.starts_with(|c: char| c.is_uppercase());
    let named =
        ["Error", "Exception", "Warning", "Exit", "Interrupt", "Failed", "Iteration", "Timeout", "Fault", "Expired"];
    (shaped
        && (named.iter().any(|end| last.ends_with(end))
            || name.contains('.')
            || !message.is_empty() && !name.contains(' ')))
    .then_some((name, message))
}

/// A section `____ test ____` to the next: its `E` lines, and the last place in the project's own files.
fn section(finding: &mut Finding, log: &Log) -> bool {
    let name = finding.test.take().unwrap_or_default();
    if name.starts_with("coverage:") || name.starts_with("summary") {
        return false;
    }
    let mut places: Vec<(String, (u32, Option<String>))> = Vec::new();
    let mut errors: Vec<String> = Vec::new();
    let mut native = None;
    for (at, line) in log.after(finding.at + 1, 4000) {
        if line.starts_with("____") && line.ends_with("___") || line.starts_with("=====") {
            break;
        }
        finding.until = at;
        if line.starts_with("------") && line.contains("Captured ") {
            break;
        }
        if line.starts_with("During handling of the above exception")
            || line.contains("the direct cause of the following")
        {
            errors.clear();
        } else if let Some(error) = line.strip_prefix("E ") {
            let error = error.trim();
            if let Some((file, number)) = python_frame(error) {
                places.push((file, (number, None)));
            } else if !error.is_empty() {
                errors.push(error.to_owned());
            }
        } else if let Some((file, number)) = python_frame(line.trim()) {
            places.push((file, (number, None)));
        } else if let Some((head, tail)) = line
            .split_once(": ")
            .or_else(|| line.split_once(", in "))
            .or_else(|| line.strip_suffix(':').map(|head| (head, "")))
            && let Some((file, number)) = head.rsplit_once(':')
            && !file.contains(' ')
            && let Ok(number) = number.parse()
        {
            places.push((file.to_owned(), (number, exception(tail.trim()).map(|(name, _)| name.to_owned()))));
        } else if let Some((name, _)) =
            exception(line.trim_end()).filter(|(name, m)| name.ends_with("Error") && !m.is_empty())
        {
            native = Some((name.to_owned(), line.trim().to_owned()));
        }
    }
    let main = errors
        .iter()
        .find(|error| exception(error).is_some_and(|(name, _)| name.ends_with("Error") || name.contains('.')));
    let main = main.or(errors.first()).cloned().or(native.map(|(_, line)| line));
    if main.is_none() && places.is_empty() {
        return false;
    }
    let raised = places.iter().rev().find_map(|(_, (_, raised))| raised.clone());
    places.reverse();
    let collecting = name.strip_prefix("ERROR collecting ");
    let code = main
        .as_deref()
        .and_then(exception)
        .map(|(name, _)| name.to_owned())
        .filter(|n| n.ends_with("Error"))
        .or(raised);
    finding.category = code.as_deref().and_then(of_exception).unwrap_or(Test);
    if let Some((file, (number, _))) = place::own(places) {
        finding.said.file = Some(file);
        finding.said.line = Some(number);
    }
    if let Some(file) = collecting
        && finding.said.file.as_deref().is_none_or(place::foreign)
    {
        finding.said.file = Some(file.to_owned());
        finding.said.line = None;
    }
    finding.said.message = main.unwrap_or_else(|| name.clone());
    finding.said.code = code;
    if collecting.is_none() {
        finding.test =
            Some(name.trim_start_matches("ERROR at setup of ").trim_start_matches("ERROR at teardown of ").to_owned());
    }
    true
}

/// `File "x.py", line 3, in f`.
pub(super) fn python_frame(line: &str) -> Option<(String, u32)> {
    let (file, rest) = line.strip_prefix("File \"")?.split_once("\", line ")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    Some((file.to_owned(), rest[..digits].parse().ok()?))
}

/// A line of the summary counts only where the session printed no sections.
fn summary(finding: &mut Finding, log: &Log) -> bool {
    let said = log.line(finding.at).to_owned();
    let sections = log.before(finding.at, 20_000).find_map(|(_, line)| match line {
        line if line.starts_with("=====") && (line.contains(" FAILURES ") || line.contains(" ERRORS ")) => Some(true),
        line if line.starts_with("=====") && line.contains(" test session starts ") => Some(false),
        _ => None,
    });
    if sections == Some(true) && !said.starts_with('[') {
        return false;
    }
    if said.starts_with('[') {
        finding.level = Level::Symptom;
    }
    let message = finding.said.message.clone();
    let code = exception(&message).map(|(name, _)| name.to_owned()).filter(|name| name.ends_with("Error"));
    finding.category = code.as_deref().and_then(of_exception).unwrap_or(Test);
    finding.said.code = code;
    if !said.contains("::") {
        finding.test = None;
    }
    true
}

/// `--tb=line`: a failure is a line, without a section.
fn one_line(finding: &mut Finding, log: &Log) -> bool {
    let head = log.before(finding.at, 2000).find(|(_, line)| line.starts_with("===") || line.starts_with("____"));
    head.is_some_and(|(_, line)| line.contains("= FAILURES =") || line.contains("= ERRORS ="))
}

fn conftest(finding: &mut Finding, log: &Log) -> bool {
    for (at, line) in log.after(finding.at + 1, 80) {
        let line = line.trim_end_matches('.');
        let (head, error) = line.strip_prefix("E ").map_or(("", ""), |error| ("E", error.trim()));
        if head.is_empty() {
            if let Some((file, number, _)) = place::find(line).filter(|(file, ..)| !place::foreign(file)) {
                finding.said.file = Some(file);
                finding.said.line = Some(number);
            }
            continue;
        }
        let Some((name, _)) = exception(error) else { continue };
        finding.until = at;
        finding.said.code = Some(name.to_owned());
        finding.category = of_exception(name).unwrap_or(Test);
        error.clone_into(&mut finding.said.message);
        break;
    }
    true
}
