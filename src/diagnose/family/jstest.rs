//! Test runners of JavaScript: Jest, Vitest, Mocha, `node:test`, AVA, TAP, Playwright, Cypress, Deno, Bun.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    place,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{Coverage, Import, Syntax, Test, Timeout};

pub(super) const RULES: &[Rule] = &[
    rule("jest", Test, "● ", r"^\s*● (?P<test>.+)$").then(jest),
    rule("vitest", Test, "FAIL ", r"^\s*(?:❯ )?FAIL\s+(?:\|?[\w@/-]+\|? )?(?P<file>\S+\.\w+) > (?P<test>.+)$")
        .then(vitest),
    rule("vitest", Test, "FAIL ", r"^\s*FAIL\s+(?:\|?[\w@/-]+\|? )?(?P<file>\S+\.\w+) \[ .+ \]$").then(suite),
    rule("vitest", Test, "Unhandled ", r"^[⎯ ]*Unhandled (?:Rejection|Errors?|Exception)[⎯ ]*$")
        .level(Level::Symptom)
        .then(suite),
    rule("jest", Test, "FAIL ", r"^\s*FAIL\s+(?P<file>\S+\.[cm]?[jt]sx?)(?: \([\d.]+ m?s\))?$")
        .level(Level::Consequence),
    rule(
        "playwright",
        Test,
        ") [",
        r"^\s+\d+\) \[(?P<code>[\w -]+)\] › (?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+) › (?P<test>.+?)(?: [─-]+)?$",
    )
    .then(playwright),
    rule(
        "playwright",
        Test,
        " › ",
        r"^\s+\d+\) (?P<file>\S+\.[jt]sx?):(?P<line>\d+):(?P<column>\d+) › (?P<test>.+?)(?: [─-]+)?$",
    )
    .then(playwright),
    rule("mocha", Test, ") ", r"^\s{1,4}\d+\) (?P<test>\S.*)$").then(mocha),
    rule("node:test", Test, "not ok ", r"^\s*not ok \d+ (?:- )?(?P<test>.+?)(?: # .*)?$").then(tap),
    rule("node:test", Test, "test at ", r"^test at (?P<file>\S+?):(?P<line>\d+):(?P<column>\d+)$").then(spec),
    rule("ava", Test, "✘ [fail]: ", r"^\s*✘ \[fail\]: (?P<test>.+)$").then(suite),
    rule("deno", Test, " => ", r"^(?P<test>.+) => (?:file://)?(?P<file>\S+\.[jt]sx?):(?P<line>\d+):(?P<column>\d+)$")
        .then(deno),
    rule("bun", Test, "(fail) ", r"^\(fail\) (?P<test>.+?)(?: \[[\d.]+m?s\])?$").then(bun),
    rule("karma", Test, " FAILED", r"^(?:Chrome|Firefox|Headless|Safari)\S* .+?\) (?P<test>.+) FAILED$").then(suite),
    rule("jest", Coverage, "coverage threshold for ", r"^(?:Jest|ERROR): (?P<message>(?:.*[cC]overage) .*threshold.+)")
        .level(Level::Symptom)
        .then(threshold),
    rule("vitest", Coverage, "does not meet ", r"^ERROR: Coverage for .+ does not meet .+").level(Level::Symptom),
    rule("nyc", Coverage, "ERROR: Coverage for ", r"^ERROR: Coverage for .+").level(Level::Symptom),
    rule("jest", Test, "No tests found, exiting with code 1", r"^No tests found, exiting with code 1"),
    rule("vitest", Test, "No test files found, exiting with code 1", r"^No test files found, exiting with code 1"),
];

fn threshold(_: &mut Finding, _: &Log) -> bool {
    true
}

/// The error and the place that follow a test's name: the first telling line, and the first frame of the project's own.
struct Below {
    message: Option<String>,
    place: Option<(String, u32, Option<u32>)>,
    end: usize,
}

fn below(log: &Log, from: usize, end: fn(&str) -> bool) -> Below {
    let mut found = Below { message: None, place: None, end: from };
    let mut any = None;
    for (at, line) in log.after(from + 1, 120) {
        let text = line.trim();
        if end(line) {
            break;
        }
        let frame = text.starts_with("at ") || text.starts_with('❯') || text.starts_with("file:");
        if let Some(place) = place::find(text).filter(|_| frame) {
            if !place::foreign(&place.0) {
                found.place = Some(place);
                found.end = at;
                break;
            }
            any = any.or(Some(place));
        } else if found.message.is_none() && !text.is_empty() && text.chars().any(|c| c.is_alphanumeric()) {
            found.message = Some(text.to_owned());
            found.end = at;
        }
    }
    found.place = found.place.or(any);
    found
}

fn fill(finding: &mut Finding, below: Below) {
    if let Some((file, line, column)) = below.place
        && (!place::foreign(&file) || finding.said.file.is_none())
    {
        (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
    }
    if let Some(message) = below.message {
        finding.said.message = message;
    }
    finding.until = below.end;
    loading(finding);
}

/// A module that cannot be found or parsed is no failed test.
fn loading(finding: &mut Finding) {
    let said = &finding.said.message;
    let missing = [
        "Cannot find module",
        "Failed to load url",
        "Failed to resolve import",
        "Cannot find package",
        "Failed to resolve entry",
        "does not provide an export named",
        "ERR_MODULE_NOT_FOUND",
        "Module not found",
    ];
    let syntax = [
        "SyntaxError",
        "Jest encountered an unexpected token",
        "Failed to parse source",
        "Transform failed with",
        "Unexpected token",
        "Parse failure",
    ];
    if missing.iter().any(|m| said.contains(m)) {
        finding.category = Import;
        finding.test = None;
        if let Some((_, rest)) = said.split_once(") in ")
            && let Some((file, _)) = rest.split_once(". Does the file exist")
        {
            (finding.said.file, finding.said.line) = (Some(file.to_owned()), None);
        } else if let Some((_, rest)) = said.split_once("' from '").or_else(|| said.split_once("\" from \""))
            && let Some(file) = rest.split(['\'', '"']).next().filter(|_| finding.said.line.is_none())
        {
            finding.said.file = Some(file.to_owned());
        }
    } else if syntax.iter().any(|m| said.contains(m)) {
        finding.category = Syntax;
        finding.test = None;
    }
}

fn jest(finding: &mut Finding, log: &Log) -> bool {
    let name = finding.test.clone().unwrap_or_default();
    if name.starts_with("Console") || name.starts_with("Deprecation") || name.starts_with("Validation Warning") {
        return false;
    }
    let mut found = below(log, finding.at, |line| {
        line.trim_start().starts_with("● ") || line.starts_with("Test Suites:") || line.starts_with("FAIL ")
    });
    let failed = log.before(finding.at, 3000).find_map(|(_, line)| {
        let (state, file) = line.trim().split_once(' ')?;
        matches!(state, "FAIL" | "PASS").then(|| file.trim().split(' ').next().unwrap_or_default().to_owned())
    });
    if name.contains("Test suite failed to run") {
        finding.test = None;
        if let Some(message) = &found.message
            && message.contains("Jest encountered an unexpected token")
        {
            let exact = log.after(finding.at, 60).find(|(_, line)| line.trim().starts_with("SyntaxError:"));
            if let Some((at, line)) = exact {
                found.message = Some(line.trim().to_owned());
                found.end = at;
                found.place = inline(line).or(place::find(line)).or(found.place);
            }
        }
        if let Some(message) = found.message.clone()
            && let Some((file, line, column)) = place::find(&message)
            && message.contains(" - error TS")
        {
            let (_, rest) = message.split_once(" - error ").unwrap_or_default();
            let (code, text) = rest.split_once(": ").unwrap_or(("", rest));
            finding.category = super::javascript::of_code(code);
            finding.said.code = Some(code.to_owned());
            finding.said.message = text.to_owned();
            (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
            finding.until = found.end;
            return true;
        }
    }
    if found.place.is_none() && found.message.is_none() {
        return false;
    }
    if finding.said.file.is_none() {
        finding.said.file = failed;
    }
    let timeout = found.message.as_deref().is_some_and(|m| m.contains("Exceeded timeout"));
    fill(finding, found);
    if timeout {
        finding.said.code = Some("timeout".to_owned());
    }
    true
}

/// Babel's place: `SyntaxError: /path/a.js: Unexpected token (1:23)`.
fn inline(line: &str) -> Option<(String, u32, Option<u32>)> {
    let (_, rest) = line.split_once("SyntaxError: ")?;
    let (file, rest) = rest.split_once(": ")?;
    let (line, column) = rest.rsplit_once('(')?.1.trim_end_matches(')').split_once(':')?;
    Some((file.to_owned(), line.parse().ok()?, column.parse().ok()))
}

fn vitest(finding: &mut Finding, log: &Log) -> bool {
    let end: fn(&str) -> bool = |line| line.trim_start().starts_with("FAIL ") || line.starts_with("⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯");
    let mut from = finding.at;
    while log.line(from + 1).trim_start().starts_with("FAIL ") && from < finding.at + 50 {
        from += 1;
    }
    fill(finding, below(log, from, end));
    true
}

fn suite(finding: &mut Finding, log: &Log) -> bool {
    let end: fn(&str) -> bool = |line| line.trim_start().starts_with("FAIL ") || line.starts_with("⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯⎯");
    fill(finding, below(log, finding.at, end));
    true
}

fn playwright(finding: &mut Finding, log: &Log) -> bool {
    let found = below(log, finding.at, |_| false);
    finding.said.code = None;
    if let Some((file, line, column)) = found.place.filter(|(file, ..)| !place::foreign(file)) {
        (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
    }
    finding.until = found.end;
    finding.said.message = found.message.unwrap_or_default();
    if finding.said.message.is_empty() {
        return false;
    }
    if finding.said.message.contains("browserType.launch: Executable doesn't exist") {
        finding.category = crate::domain::diagnosis::Category::Config;
    }
    true
}

/// `1) suite`, indented lines of titles that end in a colon, then the error: only after `N failing`.
fn mocha(finding: &mut Finding, log: &Log) -> bool {
    let begun = log.before(finding.at, 4000).any(|(_, line)| {
        let text = line.trim();
        text.ends_with(" failing") && text.split(' ').next().is_some_and(|n| n.parse::<u32>().is_ok())
    });
    if !begun {
        return false;
    }
    let mut title = finding.test.take().unwrap_or_default();
    let mut from = finding.at;
    for (at, line) in log.after(finding.at + 1, 8) {
        if title.ends_with(':') || line.trim().is_empty() {
            break;
        }
        title = format!("{title} {}", line.trim());
        from = at;
    }
    finding.test = Some(title.trim_end_matches(':').to_owned());
    let found = below(log, from, |line| {
        let text = line.trim_start();
        text.split_once(") ").is_some_and(|(n, _)| n.parse::<u32>().is_ok()) && line.starts_with("  ")
    });
    fill(finding, found);
    let timeout = finding.said.message.contains("Timeout of ");
    if let Some((_, file)) =
        finding.said.message.trim_end_matches(')').rsplit_once(" (/").filter(|_| timeout && finding.said.file.is_none())
    {
        finding.said.file = Some(format!("/{file}"));
    }
    if timeout {
        finding.said.code = Some("timeout".to_owned());
    }
    true
}

/// A test of TAP with its YAML block. A parent of a failed subtest is not another failure.
fn tap(finding: &mut Finding, log: &Log) -> bool {
    let said = log.line(finding.at);
    if said.contains("# TODO") || said.contains("# SKIP") {
        return false;
    }
    // Bats and other writers of TAP: comments or lines of text instead of YAML
    let next = log.line(finding.at + 1);
    if next.trim() != "---" {
        let text = next.trim().trim_start_matches("# ").to_owned();
        if let Some((file, rest)) = text.split_once("in test file ").and_then(|(_, rest)| rest.split_once(", line ")) {
            finding.said.file = Some(file.to_owned());
            finding.said.line = rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|n| n.parse().ok());
            log.line(finding.at + 2).trim().trim_start_matches("# ").trim().clone_into(&mut finding.said.message);
        } else {
            if !text.is_empty() && (next.starts_with(' ') || next.starts_with('#')) {
                finding.said.message = text;
            }
            let frames =
                log.after(finding.at + 1, 40).take_while(|(_, line)| !line.trim_start().starts_with("not ok "));
            let own =
                frames.filter(|(_, line)| line.trim_start().starts_with("at ")).filter_map(|(_, l)| place::find(l));
            if let Some((file, line, column)) = own.into_iter().find(|(file, ..)| !place::foreign(file)) {
                (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
            }
        }
        return true;
    }
    let mut parent = false;
    for (at, line) in log.after(finding.at + 1, 40) {
        let text = line.trim();
        if text == "..." {
            finding.until = at;
            break;
        }
        let Some((key, value)) = text.split_once(": ") else { continue };
        let value = value.trim().trim_matches(['\'', '"']);
        match key {
            "location" => {
                if let Some((file, line, column)) = place::find(value) {
                    (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
                }
            }
            "failureType" => parent = value == "subtestsFailed",
            "error" if !matches!(value, "|-" | "|" | ">-") => value.clone_into(&mut finding.said.message),
            "error" => finding.said.message = log.line(at + 1).trim().to_owned(),
            "code" => finding.said.code = Some(value.to_owned()),
            _ => {}
        }
    }
    !parent
}

/// The spec reporter of `node:test`: the place, then `✖ name`, then the error.
fn spec(finding: &mut Finding, log: &Log) -> bool {
    let name = log.line(finding.at + 1).trim().trim_start_matches(['✖', '✘', '×', ' ']).to_owned();
    let name = name.rsplit_once(" (").map_or(name.as_str(), |(name, _)| name).to_owned();
    let found = below(log, finding.at + 1, |line| line.starts_with("test at "));
    finding.said.message = found.message.unwrap_or_default();
    finding.until = found.end;
    finding.test = Some(name);
    if finding.said.message.contains("subtest failed") || finding.said.message.contains("subtests failed") {
        return false;
    }
    if finding.said.message == "'test failed'" {
        finding.test = None;
        finding.level = Level::Symptom;
    }
    loading(finding);
    true
}

fn deno(finding: &mut Finding, log: &Log) -> bool {
    let found = below(log, finding.at, |_| false);
    if !found.message.as_deref().is_some_and(|message| message.contains("rror")) {
        return false;
    }
    fill(finding, found);
    true
}

/// Bun prints the code and the error above the test's name.
fn bun(finding: &mut Finding, log: &Log) -> bool {
    for (_, line) in log.before(finding.at, 40) {
        let text = line.trim();
        if text.starts_with("(fail)") || text.starts_with("(pass)") {
            break;
        }
        if let Some(place) = place::find(text).filter(|_| text.starts_with("at ")) {
            (finding.said.file, finding.said.line, finding.said.column) = (Some(place.0), Some(place.1), place.2);
        } else if let Some(message) = text.strip_prefix("error: ") {
            message.clone_into(&mut finding.said.message);
            break;
        }
    }
    if finding.said.message.contains("timed out") {
        finding.category = Timeout;
    }
    true
}
