//! Bundlers and frameworks: webpack, Vite, esbuild, Rollup, Next, Angular, Babel, Astro, Parcel, SWC.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    place,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{Build, Config, Import, Lint, Syntax, Type};

pub(super) const RULES: &[Rule] = &[
    rule("webpack", Import, "Module not found: Error:", r"Module not found: Error: (?P<message>.+)").then(webpack),
    rule("next", Import, "Module not found: Can't resolve", r"(?P<message>Module not found: Can't resolve .+)")
        .then(near),
    rule("webpack", Build, "Module build failed", r"^\s*Module build failed.*").then(build_failed),
    rule("webpack", Syntax, "Module parse failed:", r"^\s*Module parse failed: (?P<message>.+)").then(webpack),
    rule("webpack", Build, "ERROR in ", r"^ERROR in (?P<file>\./\S+)").level(Level::Guess).then(webpack_error),
    rule("esbuild", Syntax, "[ERROR] ", r"^(?:✘|X|x) \[ERROR\] (?P<message>.+)").then(esbuild),
    rule(
        "esbuild",
        Syntax,
        ": ERROR: ",
        r"^(?P<file>\S+?):(?P<line>\d+):(?P<column>\d+): (?:ERROR|error): (?P<message>.+)",
    )
    .then(kind),
    rule(
        "vite",
        Import,
        "failed to resolve import",
        r"(?:\[.+\] )?(?:Rollup|Rolldown) failed to resolve import (?P<message>.+)",
    )
    .then(rollup),
    rule(
        "vite",
        Import,
        "Could not resolve",
        r"^(?:error during build:\s*)?(?:\[.+\] )?(?:RollupError: |Error: )?(?P<message>Could not resolve .+)",
    )
    .then(rollup),
    rule(
        "rollup",
        Import,
        "is not exported by",
        r"^(?:\[!\] )?(?:\(.+?\) )?(?:RollupError: |Error: )?(?P<message>.*is not exported by .+)",
    )
    .then(rollup),
    rule(
        "rollup",
        Syntax,
        "RollupError: ",
        r"^(?:\[!\] )?(?:\(.+?\) )?RollupError: (?:\S+ \(\d+:\d+\): )?(?P<message>.+)",
    )
    .then(rollup),
    rule("rollup", Build, "[!] ", r"^\[!\] (?P<message>.+)").then(rollup),
    rule("rolldown", Syntax, "[PARSE_ERROR]", r"\[PARSE_ERROR\] ?(?:Error: )?(?P<message>.+)").then(rollup),
    rule("vite", Build, "[vite", r"^\[(?:vite|plugin)[^\]]*\] (?P<message>.+)").level(Level::Symptom).then(rollup),
    rule("next", Type, "Type error: ", r"^Type error: (?P<message>.+)").then(near),
    rule("next", Lint, "Error: ", r"^(?P<line>\d+):(?P<column>\d+)\s+Error: (?P<message>.+?)\s{2,}(?P<code>[@\w/-]+)$")
        .then(lint),
    rule(
        "next",
        Lint,
        "Warning: ",
        r"^(?P<line>\d+):(?P<column>\d+)\s+Warning: (?P<message>.+?)\s{2,}(?P<code>[@\w/-]+)$",
    )
    .level(Level::Warning)
    .then(lint),
    rule("next", Build, "Error occurred prerendering page", r"Error occurred prerendering page (?P<message>.+)")
        .then(whole),
    rule("next", Build, "Build error occurred", r"Build error occurred").level(Level::Consequence),
    rule("next", Syntax, "Syntax Error", r"^\s*(?:Error: )?\s*(?:[x×⨯] )?(?P<message>(?:Syntax Error|Expected ).*)")
        .level(Level::Symptom)
        .then(swc),
    rule("swc", Syntax, ",-[", r"^\s*,-\[(?P<file>[^:\]]+):(?P<line>\d+):(?P<column>\d+)\]").then(swc_frame),
    rule("swc", Syntax, "╭─[", r"^\s*╭─\[\s?(?P<file>[^:\]]+):(?P<line>\d+):(?P<column>\d+)\s?\]").then(swc_frame),
    rule(
        "babel",
        Syntax,
        "SyntaxError: ",
        r"^(?:\[.+\] )?(?:.*?)SyntaxError: (?:unknown: )?(?P<file>/?\S+?\.\w+): (?P<message>.+?) \((?P<line>\d+):(?P<column>\d+)\)",
    ),
    rule(
        "angular",
        Type,
        " error NG",
        r"^(?:Error: )?(?P<file>\S+?):(?P<line>\d+):(?P<column>\d+) - error (?P<code>NG\d+): (?P<message>.+)",
    ),
    rule("angular", Type, "[ERROR] NG", r"^(?:✘|X) \[ERROR\] (?P<code>NG\d+): (?P<message>.+)").then(esbuild),
    rule("angular", Build, "exceeded maximum budget", r"(?P<message>\S+ exceeded maximum budget.+)").then(budget),
    rule("webpack", Build, "webpack compiled with", r"webpack .*compiled with \d+ errors?").level(Level::Consequence),
    rule("next", Config, "Invalid next.config", r"Invalid next\.config.+ options detected").level(Level::Warning),
];

fn set(finding: &mut Finding, place: Option<(String, u32, Option<u32>)>) {
    if let Some((file, line, column)) = place {
        (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
    }
}

fn whole(finding: &mut Finding, log: &Log) -> bool {
    log.line(finding.at).trim().clone_into(&mut finding.said.message);
    true
}

fn budget(finding: &mut Finding, log: &Log) -> bool {
    !log.line(finding.at).to_lowercase().contains("warning")
}

/// webpack: `ERROR in ./src/a.js 3:0-20` above the message.
fn webpack(finding: &mut Finding, log: &Log) -> bool {
    log.line(finding.at).trim().trim_start_matches("ERROR in ").clone_into(&mut finding.said.message);
    let head = log
        .before(finding.at + 1, 4)
        .find_map(|(_, line)| line.trim_start().strip_prefix("ERROR in ").map(str::to_owned));
    if let Some(head) = head {
        let mut words = head.split(' ');
        finding.said.file = words.next().map(|file| file.trim_start_matches("./").to_owned());
        let mut numbers = words.next().unwrap_or_default().split([':', '-']).map_while(|n| n.parse::<u32>().ok());
        finding.said.line = numbers.next();
        finding.said.column = numbers.next().filter(|n| *n > 0);
    } else {
        near(finding, log);
    }
    true
}

/// `Module build failed`: the cause is below, often a syntax error of the loader.
fn build_failed(finding: &mut Finding, log: &Log) -> bool {
    webpack(finding, log);
    let cause = log.after(finding.at + 1, 6).find(|(_, line)| line.contains("Error: "));
    if let Some((at, line)) = cause {
        finding.until = at;
        line.trim().clone_into(&mut finding.said.message);
        if line.contains("SyntaxError") {
            finding.category = Syntax;
        } else if line.contains("Can't resolve") || line.contains("Cannot find module") {
            finding.category = Import;
        }
        if let Some((numbers, ())) =
            line.rsplit_once(')').and_then(|(head, _)| head.rsplit_once('(').map(|(_, n)| (n, ())))
        {
            let mut numbers = numbers.split(':').map_while(|n| n.parse::<u32>().ok());
            finding.said.line = numbers.next().or(finding.said.line);
            finding.said.column = numbers.next();
        }
    }
    true
}

fn webpack_error(finding: &mut Finding, log: &Log) -> bool {
    let below = log.line(finding.at + 1).trim().to_owned();
    if below.contains("Module not found")
        || below.contains("Module build failed")
        || below.contains("Module parse failed")
    {
        return false;
    }
    if !below.is_empty() {
        finding.said.message = below;
    }
    true
}

fn near(finding: &mut Finding, log: &Log) -> bool {
    let place =
        place::find(log.line(finding.at)).or_else(|| log.before(finding.at, 3).find_map(|(_, line)| place::find(line)));
    let place = place.or_else(|| {
        log.after(finding.at + 1, 12).find_map(|(_, line)| place::find(line).filter(|p| !place::foreign(&p.0)))
    });
    set(finding, place);
    if let Some(file) = &mut finding.said.file {
        *file = file.trim_start_matches("./").to_owned();
    } else {
        let above = log
            .before(finding.at, 2)
            .find(|(_, l)| l.starts_with("./"))
            .map(|(_, l)| l.trim().trim_start_matches("./").to_owned());
        finding.said.file = above;
    }
    true
}

fn lint(finding: &mut Finding, log: &Log) -> bool {
    let file = log
        .before(finding.at, 500)
        .find(|(_, line)| line.starts_with("./"))
        .map(|(_, line)| line.trim_start_matches("./").to_owned());
    finding.said.file = file;
    true
}

fn kind(finding: &mut Finding, _: &Log) -> bool {
    let message = &finding.said.message;
    if message.starts_with("Could not resolve")
        || message.starts_with("No matching export")
        || message.contains("Cannot find module")
    {
        finding.category = Import;
    }
    if let Some(rest) = finding.said.message.strip_prefix("TS")
        && let Some((code, text)) = rest.split_once(": ")
    {
        finding.said.code = Some(format!("TS{code}"));
        finding.category = super::javascript::of_code(&format!("TS{code}"));
        finding.said.message = text.to_owned();
    }
    true
}

fn esbuild(finding: &mut Finding, log: &Log) -> bool {
    let place = log.after(finding.at + 1, 6).find_map(|(at, line)| place::find(line).map(|place| (at, place)));
    if let Some((at, place)) = place {
        finding.until = at;
        set(finding, Some(place));
    }
    if finding.said.code.is_none() {
        kind(finding, log);
    }
    true
}

fn rollup(finding: &mut Finding, log: &Log) -> bool {
    let said = log.line(finding.at).to_owned();
    if said.trim_start().starts_with("[cause]") {
        return false;
    }
    let syntax = ["Parse error", "Unexpected", "Expected", "Syntax", "Transform failed", "Unterminated"];
    if finding.category != Import && syntax.iter().any(|word| said.contains(word)) {
        finding.category = Syntax;
    } else if said.contains("Could not resolve")
        || said.contains("failed to resolve import")
        || said.contains("is not exported by")
    {
        finding.category = Import;
    }
    let from = said
        .split_once(" from \"")
        .or_else(|| said.split_once(" from '"))
        .map(|(_, rest)| rest.split(['"', '\'']).next().unwrap_or(rest).to_owned());
    let bracketed = || {
        let (file, rest) = said.split_once("Error: ")?.1.split_once(" (")?;
        let (line, column) = rest.split_once(')')?.0.split_once(':')?;
        Some((file.to_owned(), line.parse().ok()?, column.parse().ok()))
    };
    let place = place::find(&said)
        .or_else(bracketed)
        .or_else(|| log.after(finding.at + 1, 10).find_map(|(_, l)| place::find(l).filter(|p| !place::foreign(&p.0))));
    match (from.filter(|file| file.contains('.') && finding.category == Import), place) {
        (Some(file), Some(place)) if place.0.ends_with(&file) => set(finding, Some(place)),
        (Some(file), _) => finding.said.file = Some(file),
        (None, place) => set(finding, place),
    }
    log.line(finding.at).trim().clone_into(&mut finding.said.message);
    true
}

fn swc(finding: &mut Finding, log: &Log) -> bool {
    near(finding, log);
    finding.said.file.is_some()
}

fn swc_frame(finding: &mut Finding, log: &Log) -> bool {
    let above = log
        .before(finding.at, 3)
        .find(|(_, line)| line.trim_start().starts_with(['x', '×', '⨯']))
        .map(|(_, line)| line.trim().to_owned());
    let Some(message) = above else { return false };
    finding.said.message = message.trim_start_matches(['x', '×', '⨯', ' ']).to_owned();
    if let Some(file) = &mut finding.said.file {
        *file = file.trim_start_matches("./").to_owned();
    }
    true
}
