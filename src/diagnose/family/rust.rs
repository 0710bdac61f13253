//! rustc, Clippy, rustfmt, Cargo and its test harness.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    place,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{
    Build, Config, Coverage, Dependency, Docs, Format, Import, Lint, Syntax, Test, Type,
};

pub(super) const RULES: &[Rule] = &[
    rule("rustc", Type, "error[E", r"^\s*error\[(?P<code>E\d+)\]: (?P<message>.+)").then(compiler),
    rule(
        "rustc",
        Type,
        ": error[E",
        r"^(?P<file>[^\s:]+\.rs):(?P<line>\d+):(?P<column>\d+): error\[(?P<code>E\d+)\]: (?P<message>.+)",
    )
    .then(short),
    rule("clippy", Lint, "warning[", r"^warning\[(?P<code>[^\]]+)\]: (?P<message>.+)")
        .level(Level::Warning)
        .then(compiler),
    rule("rustfmt", Format, "Diff in ", r"^Diff in (?P<file>.+?\.rs)(?::| at line )(?P<line>\d+):").then(whole_line),
    rule("rustfmt", Syntax, "Error writing files", r"^Error writing files: .+"),
    rule("cargo", Dependency, "error: the lock file", r"^error: the lock file (?P<message>.+ needs to be updated.*)")
        .then(whole_line),
    rule("cargo", Dependency, "cannot update the lock file", r"^error: cannot update the lock file .+"),
    rule("cargo", Dependency, "error: failed to select a version", r"^\s*error: failed to select a version for .+"),
    rule("cargo", Dependency, "error: no matching package", r"^\s*error: no matching package.*"),
    rule("cargo", Dependency, "error: failed to get `", r"^error: failed to get .+").then(resolution),
    rule("cargo", Dependency, "error: failed to load source", r"^error: failed to load source .+"),
    rule("cargo", Dependency, "error: failed to download", r"^error: failed to download .+").then(resolution),
    rule(
        "cargo",
        Dependency,
        "error: package `",
        r"^error: (?:rustc .+|package `.+` cannot be built because it requires rustc .+|package `.+` does not .+)",
    ),
    rule("cargo", Dependency, "is not supported by the following package", r"^error: rustc \S+ is not supported by .+"),
    rule("cargo", Config, "error: failed to parse manifest", r"^error: failed to parse manifest at `(?P<file>[^`]+)`")
        .then(caused_by),
    rule("cargo", Config, "error: could not find `Cargo.toml`", r"^error: could not find `Cargo.toml` .+"),
    rule("cargo", Config, "error: no such command", r"^error: no such command: .+"),
    rule("cargo", Config, "error: toolchain '", r"^error: (?:toolchain '.+|'.+' is not installed .+)"),
    rule("cargo", Config, "is not installed for the toolchain", r"^error: '?.+ is not installed for the toolchain .+"),
    rule("cargo", Config, "error: no ", r"^error: no (?:bin|example|test|bench) target named .+"),
    rule("cargo", Config, "does not contain this feature", r"^error: .+ does not contain this feature.*"),
    rule(
        "cargo",
        Build,
        "error: failed to run custom build command",
        r"^error: failed to run custom build command for `(?P<message>[^`]+)`",
    )
    .then(build_script),
    rule("cargo", Build, "error: linking with", r"^error: linking with .+ failed: .+").then(linker),
    rule("cargo", Test, "error: test failed, to rerun", r"^error: test failed, to rerun pass .+")
        .level(Level::Consequence),
    rule("cargo", Build, "error: could not compile", r"^error: could not compile .+").level(Level::Consequence),
    rule("cargo", Build, "error: could not document", r"^error: could not document .+").level(Level::Consequence),
    rule("cargo", Build, "error: aborting due to", r"^error: aborting due to .+").level(Level::Consequence),
    rule("cargo", Test, " panicked at ", r"^\s*thread '(?P<test>[^']+)' (?:\(\d+\) )?panicked at (?P<message>.+)")
        .then(panic),
    rule("cargo", Test, "---- ", r"^---- (?P<test>.+ - .+ \(line \d+\)|\S+) stdout ----$").then(stdout_block),
    rule("cargo", Test, " ... FAILED", r"^test (?P<test>.+?) \.\.\. FAILED$").level(Level::Symptom),
    rule("nextest", Test, "FAIL [", r"^\s+(?:TRY \d+ )?FAIL \[\s*[\d.]+s\] (?:\(.+?\) )?\S+ (?P<test>\S+)$")
        .level(Level::Symptom),
    rule("nextest", Test, "SIGABRT [", r"^\s+(?:TRY \d+ )?SIG\w+ \[\s*[\d.]+s\] (?:\(.+?\) )?\S+ (?P<test>\S+)$")
        .level(Level::Symptom),
    rule("insta", Test, "Snapshot Summary", r"Snapshot Summary").level(Level::Consequence),
    rule("cargo-llvm-cov", Coverage, "coverage", r"^error: .*coverage .*(?:below|less than|under).*")
        .level(Level::Symptom),
    rule("rustc", Build, "error: ", r"^\s{0,2}error: (?P<message>.+)").then(plain),
    rule("rustc", Lint, "warning: ", r"^warning: (?P<message>.+)").level(Level::Warning).then(warned),
];

/// The `--> file:line:column` under a message.
fn arrow(finding: &mut Finding, log: &Log) -> bool {
    for (at, line) in log.after(finding.at + 1, 6) {
        if let Some(target) = line.trim_start().strip_prefix("--> ").or_else(|| line.trim_start().strip_prefix("::: "))
            && let Some((file, line, column)) = place::find(target)
        {
            finding.said.file = Some(file);
            finding.said.line = Some(line);
            finding.said.column = column;
            finding.until = at;
            return true;
        }
        if line.is_empty() || line.starts_with("error") {
            break;
        }
    }
    false
}

fn compiler(finding: &mut Finding, log: &Log) -> bool {
    arrow(finding, log);
    classify(finding);
    true
}

fn short(finding: &mut Finding, _: &Log) -> bool {
    classify(finding);
    true
}

/// The category of a rustc error code.
fn classify(finding: &mut Finding) {
    let code = finding.said.code.as_deref().unwrap_or_default();
    let number: u32 = code.trim_start_matches('E').parse().unwrap_or(0);
    finding.category = match number {
        432 | 433 | 463 | 583 | 460 | 462 | 464 | 761 | 514 => Import,
        601 | 152 | 522 => Build,
        586 | 585 | 753 | 765 | 766 | 758 | 748 | 768 => Syntax,
        554 => Config,
        0 => finding.category,
        _ => Type,
    };
    if number == 433 && finding.said.message.contains("failed to resolve") || number != 0 {
        finding.tool = "rustc";
    }
}

/// An error without a code: Clippy, a lint that was denied, the parser, a macro, or Cargo itself.
fn plain(finding: &mut Finding, log: &Log) -> bool {
    let message = finding.said.message.clone();
    if !arrow(finding, log) {
        return false;
    }
    let mut lint = None;
    for (_, line) in log.after(finding.at + 1, 60) {
        let line = line.trim();
        if line.is_empty() || line.starts_with("error") {
            break;
        }
        for (begin, end) in [
            ("rust-clippy/", ""),
            ("[deny(", ")]"),
            ("[warn(", ")]"),
            ("`-D ", "`"),
            ("[allow(", ")]"),
            ("[forbid(", ")]"),
        ] {
            let Some((_, rest)) = line.split_once(begin) else { continue };
            lint = match (end, rest.rsplit_once('#')) {
                ("", Some((_, name))) => Some(format!("clippy::{}", name.trim())),
                ("", None) => None,
                _ => rest.split_once(end).map(|(name, _)| name.replace('-', "_")).filter(|name| name != "warnings"),
            }
            .or(lint);
        }
    }
    let clippy = lint.as_ref().is_some_and(|name| name.starts_with("clippy::"));
    finding.said.code = lint;
    finding.tool = if clippy { "clippy" } else { "rustc" };
    finding.category = if finding.said.file.as_deref().is_some_and(|file| file.ends_with(".toml")) {
        finding.tool = "cargo";
        if ["unclosed", "expected", "invalid", "duplicate key", "unterminated"]
            .iter()
            .any(|word| message.contains(word))
        {
            Syntax
        } else {
            Config
        }
    } else if message.starts_with("unresolved link to")
        || finding.said.code.as_deref().is_some_and(|code| code.contains("rustdoc::"))
    {
        finding.tool = "rustdoc";
        Docs
    } else if finding.said.code.is_some() {
        Lint
    } else if syntactic(&message) {
        Syntax
    } else if message.contains("unresolved import") || message.contains("cannot find macro") {
        Import
    } else {
        Type
    };
    if message.contains("proc macro") || message.contains("proc-macro") || message.contains("linking") {
        finding.category = Build;
    }
    true
}

fn syntactic(message: &str) -> bool {
    let starts = [
        "expected ",
        "unexpected ",
        "mismatched closing",
        "this file contains an",
        "unknown start of token",
        "missing `",
    ];
    let inside = [
        "unclosed delimiter",
        "unterminated",
        "expected one of",
        "found keyword",
        "no rules expected",
        "unknown character",
        "unbalanced",
    ];
    starts.iter().any(|s| message.starts_with(s)) && !message.contains("lint")
        || inside.iter().any(|s| message.contains(s))
}

fn warned(finding: &mut Finding, log: &Log) -> bool {
    let found = plain(finding, log);
    finding.level = Level::Warning;
    found
}

fn whole_line(finding: &mut Finding, log: &Log) -> bool {
    log.line(finding.at).trim().clone_into(&mut finding.said.message);
    true
}

/// `failed to get`: a network fault or a wrong requirement, as its causes say.
fn resolution(finding: &mut Finding, log: &Log) -> bool {
    const NETWORK: [&str; 6] = ["network", "resolve host", "timed out", "Connection", "spurious", "SSL"];
    for (at, line) in log.after(finding.at + 1, 30) {
        if NETWORK.iter().any(|word| line.contains(word)) {
            finding.category = crate::domain::diagnosis::Category::Network;
            finding.until = at;
        }
    }
    true
}

fn caused_by(finding: &mut Finding, log: &Log) -> bool {
    let cause = log.after(finding.at + 1, 12).skip_while(|(_, line)| !line.starts_with("Caused by")).nth(1);
    if let Some((at, line)) = cause {
        finding.until = at;
        finding.said.message = format!("{}: {}", log.line(finding.at).trim(), line.trim());
        let syntax = line.contains("TOML parse error") || line.contains("could not parse");
        if syntax {
            finding.category = Syntax;
        } else if line.contains("dependency") || line.contains("workspace") {
            finding.category = Dependency;
        }
        let place = log.after(at, 6).find_map(|(_, line)| line.split_once("at line ").map(|(_, rest)| rest.to_owned()));
        if let Some(place) = place {
            let mut numbers = place.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok());
            finding.said.line = numbers.next();
            finding.said.column = numbers.next();
        }
    }
    true
}

fn build_script(finding: &mut Finding, log: &Log) -> bool {
    let why = ["pkg-config", "is not installed", "Could not find", "not found", "panicked at", "error:", "unable to"];
    let cause = log.after(finding.at + 1, 120).filter(|(_, line)| !line.starts_with("warning:"));
    let cause = cause.filter(|(_, line)| why.iter().any(|word| line.contains(word))).last();
    finding.said.message = log.line(finding.at).trim().to_owned();
    if let Some((at, _)) = cause {
        finding.until = at;
    }
    true
}

fn linker(finding: &mut Finding, log: &Log) -> bool {
    let cause = log.after(finding.at + 1, 40).find(|(_, l)| {
        l.contains("undefined reference")
            || l.contains("cannot find -l")
            || l.contains("undefined symbol")
            || l.contains("library not found")
    });
    if let Some((at, line)) = cause {
        finding.until = at;
        line.trim().trim_start_matches("= note: ").clone_into(&mut finding.said.message);
    }
    true
}

/// Both forms of a panic: `panicked at 'message', file:1:2` and `panicked at file:1:2:` with the message below.
fn panic(finding: &mut Finding, log: &Log) -> bool {
    let said = finding.said.message.clone();
    let Some((file, line, column)) = place::find(said.rsplit("', ").next().unwrap_or(&said)) else { return false };
    if let Some((message, _)) = said.strip_prefix('\'').and_then(|said| said.rsplit_once("', ")) {
        message.clone_into(&mut finding.said.message);
    } else {
        let mut below = log.after(finding.at + 1, 4).filter(|(_, line)| !line.trim().is_empty());
        if let Some((at, text)) = below.next() {
            finding.until = at;
            finding.said.message = text.trim().to_owned();
        }
    }
    if finding.test.as_deref() == Some("main") || finding.test.as_deref() == Some("<unnamed>") {
        finding.test = None;
        let doc = log.before(finding.at, 12).find_map(|(_, line)| line.strip_prefix("---- ").map(str::to_owned));
        if let Some(name) = doc {
            finding.test = Some(name.trim_end_matches(" stdout ----").to_owned());
        } else {
            finding.level = Level::Symptom;
            finding.category = Build;
        }
    }
    if let Some((file, line)) = finding.test.as_deref().filter(|_| file.contains("/rustdoctest")).and_then(example) {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
        return true;
    }
    if place::foreign(&file) {
        let own =
            log.after(finding.at + 1, 80).skip_while(|(_, l)| !l.contains("stack backtrace")).filter_map(|(_, l)| {
                l.trim().strip_prefix("at ").and_then(place::find).filter(|(file, ..)| !place::foreign(file))
            });
        if let Some((file, line, column)) = own.into_iter().next() {
            (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
            return true;
        }
    }
    (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
    true
}

/// The place of an example in the documentation, by its name: `src/lib.rs - add (line 4)`.
fn example(name: &str) -> Option<(String, u32)> {
    let (file, rest) = name.split_once(" - ")?;
    let line = rest.rsplit_once("(line ")?.1.trim_end_matches(')').parse().ok()?;
    Some((file.to_owned(), line))
}

/// The block of a test without a panic: a result that was an error, or an example that does not compile.
fn stdout_block(finding: &mut Finding, log: &Log) -> bool {
    let name = finding.test.clone().unwrap_or_default();
    let mut text = None;
    for (at, line) in log.after(finding.at + 1, 60) {
        if line.contains("panicked at ") || line.starts_with("error[E") || line.starts_with("error: ") && text.is_none()
        {
            if line.contains("panicked at ")
                || name.contains(" (line ") && line.starts_with("error") && !name.contains(" - ")
            {
                return false;
            }
            text = Some((at, line.trim().to_owned()));
            break;
        }
        if line.starts_with("---- ") || line == "failures:" {
            break;
        }
        if text.is_none() && !line.trim().is_empty() {
            text = Some((at, line.trim().to_owned()));
        }
    }
    if let Some((file, line)) = example(&name) {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    if let Some((at, text)) = text {
        finding.until = at;
        if let Some((file, line, column)) =
            text.strip_prefix("note: test did not panic as expected at ").and_then(place::find)
        {
            (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
        }
        finding.said.message = text;
    }
    true
}
