//! Go: compiler, tests, vet, modules, and its linters.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    place,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{
    Build, Config, Dependency, Format, Import, Lint, Syntax, Test, Timeout, Type,
};

pub(super) const RULES: &[Rule] = &[
    rule("go", Dependency, "missing go.sum entry", r"^(?:(?P<file>\S+?\.go):(?P<line>\d+):(?P<column>\d+): )?(?:go: )?(?P<message>.*missing go\.sum entry.*)"),
    rule("go", Dependency, "no required module provides package", r"^(?:(?P<file>\S+?\.go):(?P<line>\d+):(?P<column>\d+): )?(?P<message>.*no required module provides package.*)"),
    rule("go", Dependency, "updates to go.mod needed", r"^go: updates to go\.mod needed.*"),
    rule("go", Dependency, "inconsistent vendoring", r"^go: inconsistent vendoring.*"),
    rule("go", Dependency, "go: ", r"^go: (?:\S+@\S+: |errors parsing go\.mod|\S+ requires |module \S+: |.*verifying |go\.mod ).+").then(module),
    rule("go", Import, "cannot find package", r"^(?:(?P<file>\S+?\.go):(?P<line>\d+):(?P<column>\d+): )?(?P<message>cannot find package .*)"),
    rule("go", Import, "package ", r"^(?:(?P<file>\S+?\.go):(?P<line>\d+):(?P<column>\d+): )?(?P<message>package \S+ is not in (?:std|GOROOT).*)"),
    rule("go", Import, "import cycle not allowed", r"^(?:(?P<file>\S+?\.go):(?P<line>\d+):(?P<column>\d+): )?(?P<message>.*import cycle not allowed.*)"),
    rule("go vet", Lint, "vet: ", r"^vet: (?P<file>\S+?\.go):(?P<line>\d+):(?P<column>\d+): (?P<message>.+)").then(vet),
    rule("golangci-lint", Lint, ".go:", r"^\s*(?:level=error msg=\S* )?(?P<file>\S+?\.go):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<message>.+?) \((?P<code>[a-z][a-zA-Z0-9-]*)\)$").then(golangci),
    rule("staticcheck", Lint, ".go:", r"^(?P<file>\S+?\.go):(?P<line>\d+):(?P<column>\d+): (?P<message>.+?) \((?P<code>(?:SA|ST|S|QF|U)\d+)\)$"),
    rule("revive", Lint, ".go:", r"^(?P<file>\S+?\.go):(?P<line>\d+):(?P<column>\d+): (?P<code>[a-z]+-[a-z-]+): (?P<message>.+)$"),
    rule("go test", Test, "--- FAIL: ", r"^\s*--- FAIL: (?P<test>\S+)").then(failed),
    rule("go test", Timeout, "panic: test timed out after", r"^panic: (?P<message>test timed out after .+)").level(Level::Decisive),
    rule("go test", Test, "panic: ", r"^panic: (?P<message>.+)").then(panic),
    rule("go test", Test, "fatal error: ", r"^fatal error: (?P<message>all goroutines are asleep.*|concurrent map .*|stack overflow)").then(panic),
    rule("go test", Test, "WARNING: DATA RACE", r"^WARNING: DATA RACE").then(race),
    rule("go test", Test, "[build failed]", r"^FAIL\s+\S+ \[(?:build|setup) failed\]").level(Level::Consequence),
    rule("go test", Test, "FAIL\t", r"^FAIL\t(?P<message>\S+\t[\d.]+s)$").level(Level::Consequence),
    rule("gofmt", Format, "diff ", r"^diff (?:-u )?(?P<file>\S+\.go)\.orig \S+\.go$"),
    rule("gofmt", Format, "+++ ", r"^\+\+\+ (?P<file>\S+\.go)(?:\s.*)?$").level(Level::Guess),
    rule("gofmt", Format, ".go", r"^(?P<file>[\w./-]+\.go)$").level(Level::Guess),
    rule("gofmt", Syntax, ": expected ", r"^(?P<file>\S+?\.go):(?P<line>\d+):(?P<column>\d+): (?P<message>expected .+)"),
    rule("go", Type, ".go:", r"^(?P<file>\S+?\.go):(?P<line>\d+):(?P<column>\d+): (?P<message>.+)").then(compiler),
    rule("go", Type, ".go:", r"^(?P<file>\S+?\.go):(?P<line>\d+): (?P<message>.+)").level(Level::Guess).then(compiler),
    rule("go", Build, "build constraints exclude all Go files", r"build constraints exclude all Go files.*"),
    rule("go", Config, "go: cannot find main module", r"^go: (?:cannot find main module|go\.mod file not found).*"),
    rule("golangci-lint", Config, "level=error", r#"^level=error msg="(?P<message>(?:Running error|can't load config|Failed to run|Timeout exceeded).+)""#),
];

fn module(finding: &mut Finding, log: &Log) -> bool {
    let said = log.line(finding.at);
    if said.contains("downloading") || said.contains("finding module") || said.starts_with("go: found ") {
        return false;
    }
    let network =
        ["dial tcp", "i/o timeout", "connection refused", "TLS handshake", "no such host", "502 Bad", "503 Service"];
    if network.iter().any(|word| said.contains(word)) {
        finding.category = crate::domain::diagnosis::Category::Network;
        finding.level = Level::Symptom;
    }
    true
}

fn vet(finding: &mut Finding, log: &Log) -> bool {
    compiler(finding, log);
    if finding.category == Lint {
        finding.category = Type;
    }
    finding.tool = "go vet";
    true
}

/// The category of a message of the compiler, of vet or of a plain linter.
fn compiler(finding: &mut Finding, log: &Log) -> bool {
    let message = finding.said.message.as_str();
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let line = log.line(finding.at);
    if line.starts_with([' ', '\t']) || message.starts_with("note:") {
        return false;
    }
    let vetted = [
        "format %",
        "result of ",
        "struct field tag",
        "unreachable code",
        "self-assignment",
        "passes lock by value",
        "call has possible",
        "composite literal uses unkeyed",
        "possible misuse of",
        "should have comment",
        "wrong type",
        "redundant ",
        "the cancel function",
        "loop variable",
        "suspect or",
        "non-constant format string",
        "call has arguments but no formatting",
        "copylocks",
    ];
    finding.category = if has(&[
        "syntax error",
        "expected declaration",
        "unexpected newline",
        "non-declaration statement",
        "string literal not terminated",
        "expected '",
        "missing return",
    ]) && !has(&["missing return"])
    {
        Syntax
    } else if has(&["dial tcp", "i/o timeout", "TLS handshake timeout", "no such host"]) {
        crate::domain::diagnosis::Category::Network
    } else if has(&["imported and not used", "declared and not used", "declared but not used"]) {
        Build
    } else if has(&["could not import", "cannot find module", "no required module"]) {
        Import
    } else if has(&vetted) {
        finding.tool = "go vet";
        Lint
    } else if message.starts_with("File is not") || has(&["is not `gofmt`-ed", "is not properly formatted"]) {
        Format
    } else {
        Type
    };
    let test = line.contains("_test.go:") && finding.said.column.is_none();
    !test || message.contains("syntax error")
}

fn golangci(finding: &mut Finding, log: &Log) -> bool {
    match finding.said.code.as_deref().unwrap_or_default() {
        "typecheck" => {
            compiler(finding, log);
            finding.tool = "golangci-lint";
        }
        "gofmt" | "goimports" | "gofumpt" | "gci" => finding.category = Format,
        code if code.len() > 24 || code.contains("imported") => return false,
        _ => {}
    }
    finding.level = Level::Finding;
    true
}

/// A failed test and the first thing that it logged; a parent of a failed subtest says nothing of its own.
fn failed(finding: &mut Finding, log: &Log) -> bool {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = indent(log.line(finding.at));
    let mut logged: Option<(usize, String)> = None;
    let take = |at: usize, line: &str| {
        place::find(line.trim())
            .filter(|(f, ..)| f.ends_with(".go") && line.trim().starts_with(f.as_str()))
            .map(|_| (at, line.trim().to_owned()))
    };
    for (at, line) in log.after(finding.at + 1, 400) {
        if line.trim_start().starts_with("--- FAIL") {
            if indent(line) > own && logged.is_none() {
                return false;
            }
            break;
        }
        if line.starts_with("--- ")
            || line.starts_with("FAIL")
            || line.starts_with("ok ")
            || line.starts_with("=== RUN")
            || line.starts_with("panic:")
        {
            break;
        }
        if logged.is_none() {
            logged = take(at, line);
        }
        if let Some(error) = line.trim().strip_prefix("Error: ").map(str::trim).filter(|error| !error.is_empty())
            && let Some((_, said)) = &mut logged
            && said.ends_with(": ")
        {
            said.push_str(error);
        }
    }
    let name = finding.test.clone().unwrap_or_default();
    if logged.is_none() {
        let run = format!("=== RUN   {name}");
        let header = log
            .before(finding.at, 3000)
            .take_while(|(_, l)| !l.starts_with("FAIL\t"))
            .find(|(_, line)| *line == run)
            .map(|(at, _)| at);
        logged = header.and_then(|from| {
            log.after(from + 1, 200)
                .take_while(|(at, line)| *at < finding.at && !line.starts_with("=== RUN"))
                .find_map(|(at, line)| take(at, line))
        });
    }
    let Some((at, said)) = logged else {
        let panicked = log.after(finding.at + 1, 3).any(|(_, l)| l.starts_with("panic: "));
        return !panicked;
    };
    // the race itself stands above
    if said.ends_with("race detected during execution of test") {
        return !log.before(finding.at, 400).any(|(_, line)| line.starts_with("WARNING: DATA RACE"));
    }
    let Some((file, line, _)) = place::find(&said) else { return true };
    finding.until = at.max(finding.at);
    let message = said.split_once(&format!(":{line}:")).map_or(said.as_str(), |(_, rest)| rest).trim();
    finding.said.message = if message.is_empty() { testify(log, at) } else { message.to_owned() };
    (finding.said.file, finding.said.line) = (Some(file), Some(line));
    true
}

/// Testify's block: `Error:` and what follows it.
fn testify(log: &Log, at: usize) -> String {
    let line = log
        .after(at + 1, 20)
        .find_map(|(_, line)| line.trim().strip_prefix("Error:").map(|rest| rest.trim().to_owned()));
    let next = log.line(at + 1).trim().to_owned();
    line.filter(|text| !text.is_empty()).unwrap_or(next)
}

/// The first frame of the project's own under a panic.
fn panic(finding: &mut Finding, log: &Log) -> bool {
    let frames: Vec<_> = log
        .after(finding.at + 1, 80)
        .filter(|(_, line)| line.starts_with(['\t', ' ']))
        .filter_map(|(_, line)| place::find(line.trim()))
        .filter(|(file, ..)| file.ends_with(".go"))
        .map(|(file, line, _)| (file, line))
        .collect();
    if let Some((file, line)) = place::own(frames) {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    let test =
        log.before(finding.at, 10).find_map(|(_, line)| line.trim().strip_prefix("--- FAIL: ").map(str::to_owned));
    if let Some(test) = test {
        finding.test = test.split(' ').next().map(str::to_owned);
    } else if !log
        .after(finding.at, 200)
        .any(|(_, line)| line.starts_with("FAIL\t") || line.contains("testing.tRunner"))
    {
        finding.level = Level::Symptom;
        finding.tool = "go";
        finding.category = Build;
    }
    if finding.said.message.ends_with(" [recovered]") {
        finding.said.message.truncate(finding.said.message.len() - " [recovered]".len());
    }
    !finding.said.message.contains("[recovered")
}

fn race(finding: &mut Finding, log: &Log) -> bool {
    panic(finding, log);
    finding.level = Level::Finding;
    finding.category = Test;
    finding.tool = "go test";
    true
}
