//! What most tools say alike: `file:line:column: error: message`, `Error: message`, `fatal: message`, `FAILED`.

use super::super::{
    finding::{Finding, Level},
    log::{Log, Mark},
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{
    self, Build, Config, Dependency, Deploy, Import, Lint, Network, Resource, Syntax, Test, Timeout, Type, Unknown,
};

pub(super) const RULES: &[Rule] = &[
    rule("", Unknown, "rror", r"^\s*(?P<file>(?:[A-Za-z]:)?[\w./\\@+-]*[\w)]\.\w+|Makefile|Dockerfile|Jenkinsfile):(?P<line>\d+)(?::(?P<column>\d+))?:?\s+(?:fatal |syntax )?(?:\[(?i:error)\]|(?i:error)(?:\[(?P<code>[\w.-]+)\]| (?P<test>[A-Z]+\d+))?(?::| -|\s{2}))\s*(?P<message>.+)").level(Level::Symptom).then(placed),
    rule("", Unknown, "rror", r"^\s*(?P<file>(?:[A-Za-z]:)?[\w./\\@+-]+\.\w+)\((?P<line>\d+)(?:,\s?(?P<column>\d+))?\)\s?:?\s+(?i:error)(?: (?P<code>[A-Z]+\d+))?:?\s+(?P<message>.+)").level(Level::Symptom).then(placed),
    rule("", Lint, ":", r"^(?P<file>[\w@+-]*[\w./@+-]*\.[A-Za-z]\w{0,9}):(?P<line>\d+):(?P<column>\d+):? (?:(?P<code>[A-Z]{1,5}\d{2,5}|\[[\w/-]+\]):? )?(?P<message>\S.+)").level(Level::Guess).then(listed),
    rule("", Unknown, "ERROR", r"^(?:\S+ )?\[?ERROR\]?(?::|\s-|\s)\s*(?P<message>\S.+)").level(Level::Guess).then(spoken),
    rule("", Unknown, "[error] ", r"^\[error\]\s+(?P<message>.+)").level(Level::Guess).then(spoken),
    rule("", Unknown, "rror: ", r"^(?:[\w.-]+: )?(?:Fatal |Unhandled |fatal )?[eE]rror: (?P<message>.+)").level(Level::Guess).then(spoken),
    rule("", Unknown, "rror:", r"^\s*[✖✗×❌⨯✘]?\s*(?:\S+ )?[eE]rror: (?P<message>.+)").level(Level::Guess).then(spoken),
    rule("", Unknown, "atal", r"^(?i:fatal)(?: error)?: (?P<message>.+)").level(Level::Guess).then(spoken),
    rule("", Unknown, "❌", r"^\s*❌\s*(?P<message>.+)").level(Level::Guess).then(spoken),
    rule("", Unknown, "✗", r"^\s*✗\s*(?P<message>.+)").level(Level::Guess).then(spoken),
    rule("", Unknown, "FAILED", r"^(?P<message>.*\bFAILED\b.*)").level(Level::Guess).then(spoken),
    rule("", Unknown, "failed", r"^(?P<message>.*\bfailed(?: to| with|:).*)").level(Level::Guess).then(spoken),
    rule("", Unknown, "Failed", r"^(?P<message>Failed .*)").level(Level::Guess).then(spoken),
    rule("", Unknown, "timed out", r"^(?P<message>.*\btimed out\b.*)").level(Level::Guess).then(spoken),
    rule("", Unknown, "xception", r"^(?:Unhandled exception|Uncaught exception|Exception)\b(?P<message>.*)").level(Level::Guess).then(spoken),
    rule("", Unknown, "", r"^(?P<message>.+)").level(Level::Guess).then(annotated),
];

/// The category that the words of a message suggest.
pub(in super::super) fn of_words(message: &str) -> Category {
    let text = message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&[
        "syntax error",
        "parse error",
        "unexpected token",
        "unterminated",
        "failed to parse",
        "invalid syntax",
        "unexpected end of",
        "expected '",
        "expected `",
        "malformed",
    ]) {
        Syntax
    } else if has(&["timed out", "timeout", "deadline exceeded", "time limit"]) {
        if has(&["connect", "request", "http", "fetch", "download", "socket", "dial"]) { Network } else { Timeout }
    } else if has(&[
        "could not resolve host",
        "connection refused",
        "connection reset",
        "econn",
        "network",
        "unreachable",
        "tls",
        "ssl",
        "rate limit",
        "bad gateway",
        "service unavailable",
        "status code 5",
        "status 5",
        "http 5",
    ]) {
        Network
    } else if has(&["out of memory", "no space left", "disk full", "quota exceeded", "oom", "too many open files"]) {
        Resource
    } else if has(&[
        "module not found",
        "cannot find module",
        "no module named",
        "could not import",
        "unresolved import",
        "cannot import",
        "import error",
        "failed to resolve import",
    ]) {
        Import
    } else if has(&[
        "lockfile",
        "lock file",
        "dependency",
        "dependencies",
        "version conflict",
        "peer dep",
        "could not resolve package",
        "no matching version",
        "unable to resolve",
        "checksum mismatch",
    ]) {
        Dependency
    } else if has(&["vulnerabilit", "cve-", "secret detected", "leaked"]) {
        Category::Security
    } else if has(&["coverage"]) && has(&["below", "less than", "threshold", "minimum"]) {
        Category::Coverage
    } else if has(&["broken link", "dead link", "docs", "documentation"]) {
        Category::Docs
    } else if has(&["not formatted", "formatting", "reformat", "code style"]) {
        Category::Format
    } else if has(&["deploy", "rollout", "release failed", "upload failed", "publish"]) {
        Deploy
    } else if has(&[
        "is not assignable",
        "incompatible type",
        "type mismatch",
        "undefined variable",
        "undeclared",
        "no member",
        "cannot find symbol",
        "undefined:",
    ]) {
        Type
    } else if has(&[
        "test failed",
        "tests failed",
        "assertion",
        "expected:",
        "failing test",
        "test suite",
        "specs failed",
    ]) {
        Test
    } else if has(&["lint", "style violation"]) {
        Lint
    } else if has(&[
        "permission denied",
        "not found",
        "cannot find",
        "could not find",
        "no such file",
        "unauthorized",
        "forbidden",
        "credential",
        "token",
        "authentication",
        "not set",
        "missing",
        "invalid",
        "unknown option",
        "unrecognized",
        "does not exist",
        "unsupported",
        "required",
        "access denied",
        "not configured",
        "usage:",
    ]) {
        Config
    } else if has(&["build", "compil", "link", "cmake", "make"]) {
        Build
    } else if has(&["cancel"]) {
        Category::Cancelled
    } else {
        Unknown
    }
}

fn placed(finding: &mut Finding, _: &Log) -> bool {
    if let Some(code) = finding.test.take() {
        finding.said.code = Some(code);
    }
    finding.tool = by_name(finding.said.file.as_deref().unwrap_or_default());
    finding.category = match of_words(&finding.said.message) {
        Unknown | Config => Build,
        category => category,
    };
    finding.level = Level::Finding;
    true
}

/// `file:line:column: message` without a severity, as linters print it. It is a finding where the place is a file of the project.
fn listed(finding: &mut Finding, log: &Log) -> bool {
    let file = finding.said.file.clone().unwrap_or_default();
    let message = finding.said.message.clone();
    let lower = message.to_lowercase();
    if super::super::place::foreign(&file)
        || lower.starts_with("note")
        || lower.starts_with("info")
        || lower.starts_with("help")
        || log.line(finding.at).starts_with(' ')
    {
        return false;
    }
    finding.tool = by_name(&file);
    if lower.starts_with("warn") || lower.starts_with("[warn") {
        finding.level = Level::Warning;
    } else if of_words(&message) == Syntax {
        finding.category = Syntax;
    }
    if let Some(code) = &mut finding.said.code {
        *code = code.trim_matches(['[', ']']).to_owned();
        finding.level = finding.level.max(Level::Symptom);
    }
    true
}

fn by_name(file: &str) -> &'static str {
    match file.rsplit('.').next().unwrap_or_default() {
        "py" | "pyi" => "python",
        "rs" => "rustc",
        "go" => "go",
        "js" | "jsx" | "mjs" | "cjs" => "javascript",
        "ts" | "tsx" | "mts" | "vue" | "svelte" => "typescript",
        "c" | "h" | "cc" | "cpp" | "hpp" => "gcc",
        "java" => "javac",
        "kt" | "kts" => "kotlinc",
        "rb" => "ruby",
        "php" => "php",
        "swift" => "swiftc",
        "tf" => "terraform",
        "yml" | "yaml" => "yaml",
        "sh" | "bash" => "shell",
        "md" => "markdown",
        _ => "compiler",
    }
}

/// An error in words, without a place or with one somewhere in its text.
fn spoken(finding: &mut Finding, log: &Log) -> bool {
    let line = log.line(finding.at).trim().to_owned();
    let lower = line.to_lowercase();
    let harmless = [
        "0 failed",
        "failed: 0",
        "failures: 0",
        "errors: 0",
        "0 errors",
        "if failed",
        "continue-on-error",
        "retrying",
        "will retry",
        "ignored",
        "warning",
        "no failed",
        "fail-fast",
        "passed",
        "build failed with an exception",
        "ignored the following",
    ];
    if harmless.iter().any(|word| lower.contains(word))
        || line.starts_with("+ ")
        || line.starts_with('#')
        || line.starts_with("echo ")
        || line.starts_with("npm error")
        || line.starts_with("> Task ")
    {
        return false;
    }
    finding.category = of_words(&line);
    finding.tool = "shell";
    if let Some((file, number, column)) =
        super::super::place::find(&line).filter(|(file, ..)| !super::super::place::foreign(file))
    {
        (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(number), column);
    }
    true
}

/// What the runner marks as an error and no rule knows.
fn annotated(finding: &mut Finding, log: &Log) -> bool {
    if log.mark_of(finding.at) != Mark::Error || finding.said.message.starts_with("Process completed with exit code") {
        return false;
    }
    finding.category = of_words(&finding.said.message);
    finding.tool = "github actions";
    if let Some((file, number, column)) =
        super::super::place::find(&finding.said.message).filter(|(file, ..)| !super::super::place::foreign(file))
    {
        (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(number), column);
    }
    true
}
