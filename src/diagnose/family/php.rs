//! PHP: PHPUnit, Pest, PHPStan, Psalm, PHP_CodeSniffer, PHP CS Fixer, Composer, the interpreter.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    place,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{
    Build, Config, Dependency, Format, Import, Lint, Network, Security, Syntax, Test, Type,
};

pub(super) const RULES: &[Rule] = &[
    rule("phpunit", Test, ") ", r"^\d+\) (?P<test>[\w\\]+::\w+.*)$").then(phpunit),
    rule("pest", Test, "FAILED ", r"^\s+FAILED\s+(?P<test>\S.+?)(?:\s{2,}.*)?$").then(pest),
    rule("php", Syntax, "Parse error", r"^(?:\[.+\] )?(?:PHP )?Parse error:\s+(?P<message>.+) in (?P<file>\S+) on line (?P<line>\d+)"),
    rule("php", Type, "Fatal error", r"^(?:\[.+\] )?(?:PHP )?Fatal error:\s+(?:Uncaught )?(?P<message>.+?)(?: in (?P<file>\S+?)(?: on line |:)(?P<line>\d+))?$").level(Level::Symptom).then(fatal),
    rule("phpstan", Type, "  ", r"^\s{1,2}(?P<line>\d+)\s{2,6}(?P<message>[A-Z].+)$").then(phpstan),
    rule("phpstan", Type, ".php:", r"^(?P<file>\S+\.php):(?P<line>\d+):(?P<message>\S.+)$").then(raw),
    rule("psalm", Type, "ERROR: ", r"^ERROR: (?P<code>\w+) - (?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+) - (?P<message>.+)"),
    rule("phpcs", Lint, "| ERROR", r"^\s*(?P<line>\d+) \| ERROR\s+\| (?:\[.\] )?(?P<message>.+)").then(phpcs),
    rule("phpcs", Lint, "| WARNING", r"^\s*(?P<line>\d+) \| WARNING\s+\| (?:\[.\] )?(?P<message>.+)").level(Level::Warning).then(phpcs),
    rule("php-cs-fixer", Format, ".php", r"^\s+\d+\) (?P<file>\S+\.php)(?: \((?P<message>.+)\))?$"),
    rule("pint", Format, "⨯ ", r"^\s*⨯ (?P<file>\S+\.php)\s+(?P<message>.+)$"),
    rule("composer", Dependency, "Your requirements could not be resolved", r"(?P<message>Your requirements could not be resolved to an installable set of packages\.)").then(problem),
    rule("composer", Dependency, "The lock file is not up to date", r"(?P<message>.*The lock file is not up to date .+)").level(Level::Symptom),
    rule("composer", Dependency, "Your lock file does not contain a compatible set", r"(?P<message>Your lock file does not contain a compatible set of packages.*)").then(problem),
    rule("composer", Dependency, "is not present in the lock file", r"(?P<message>.*Required .+ is not present in the lock file\.)").level(Level::Symptom),
    rule("composer", Dependency, "Could not find a matching version of package", r"(?P<message>Could not find a matching version of package .+)"),
    rule("composer", Config, "Command \"", r#"^\s*(?P<message>Command ".+" is not defined\.)"#),
    rule("composer", Build, "returned with error code", r"^(?P<message>Script .+ returned with error code \d+)").level(Level::Consequence),
    rule("composer", Network, "curl error ", r"(?P<message>curl error \d+ while downloading .+)").level(Level::Symptom),
    rule("composer", Security, "security vulnerability advisor", r"^(?P<message>Found \d+ security vulnerability advisor.+)").level(Level::Symptom),
    rule("rector", Lint, "files would have been changed", r"(?P<message>\[OK\] \d+ files? would have been changed.*)"),
];

/// The message and the place under a test's name.
fn phpunit(finding: &mut Finding, log: &Log) -> bool {
    let mut message: Option<String> = None;
    let mut places = Vec::new();
    for (at, line) in log.after(finding.at + 1, 60) {
        let text = line.trim();
        if let Some((file, number, _)) = place::find(text).filter(|p| text.starts_with(&p.0) && p.0.ends_with(".php")) {
            places.push((file, number));
            finding.until = at;
        } else if text.is_empty() && !places.is_empty() || text.starts_with("FAILURES!") || text.starts_with("ERRORS!")
        {
            break;
        } else if message.is_none() && !text.is_empty() {
            message = Some(text.to_owned());
        }
    }
    let Some(message) = message else { return false };
    places.reverse();
    let test = places.iter().position(|(file, _)| file.ends_with("Test.php")).map(|at| places.swap_remove(at));
    if let Some((file, line)) = test.or_else(|| place::own(places)) {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    finding.said.message = message;
    true
}

fn pest(finding: &mut Finding, log: &Log) -> bool {
    let text =
        log.after(finding.at + 1, 4).find(|(_, line)| !line.trim().is_empty()).map(|(_, line)| line.trim().to_owned());
    finding.said.message = text.unwrap_or_default();
    let place =
        log.after(finding.at + 1, 40).find_map(|(_, line)| line.trim().strip_prefix("at ").and_then(place::find));
    let Some((file, line, _)) = place else { return false };
    (finding.said.file, finding.said.line) = (Some(file), Some(line));
    true
}

fn fatal(finding: &mut Finding, _: &Log) -> bool {
    let said = &finding.said.message;
    if said.contains("Allowed memory size") {
        finding.category = crate::domain::diagnosis::Category::Resource;
    } else if said.contains("Failed opening required") || said.contains("not found") && said.contains("Class") {
        finding.category = Import;
    } else if said.contains("Maximum execution time") {
        finding.category = crate::domain::diagnosis::Category::Timeout;
    }
    true
}

/// The table of PHPStan: the file stands in the head, `Line   src/A.php`.
fn phpstan(finding: &mut Finding, log: &Log) -> bool {
    let head = log
        .before(finding.at, 500)
        .find_map(|(_, line)| line.trim_start().strip_prefix("Line ").map(|file| file.trim().to_owned()));
    let Some(file) = head else { return false };
    finding.said.file = Some(file);
    for (at, line) in log.after(finding.at + 1, 6) {
        let text = line.trim();
        if text.is_empty() || text.starts_with('-') || text.starts_with(|c: char| c.is_ascii_digit()) {
            break;
        }
        finding.until = at;
        if let Some(code) = text.strip_prefix("🪪").map(|code| code.trim().to_owned()) {
            finding.said.code = Some(code);
        } else if !text.starts_with(['💡', '✏', '🪪']) {
            finding.said.message = format!("{} {text}", finding.said.message);
        }
    }
    if finding.said.message.starts_with("Syntax error") {
        finding.category = Syntax;
    }
    true
}

fn raw(finding: &mut Finding, log: &Log) -> bool {
    !log.line(finding.at).contains(": ") || finding.said.message.ends_with('.')
}

fn phpcs(finding: &mut Finding, log: &Log) -> bool {
    let head = log
        .before(finding.at, 1000)
        .find_map(|(_, line)| line.strip_prefix("FILE: ").map(|file| file.trim().to_owned()));
    finding.said.file = head;
    finding.said.file.is_some()
}

fn problem(finding: &mut Finding, log: &Log) -> bool {
    let why = log
        .after(finding.at + 1, 8)
        .filter(|(_, line)| line.trim_start().starts_with("- "))
        .map(|(at, line)| (at, line.trim().to_owned()));
    for (at, why) in why.take(2).collect::<Vec<_>>() {
        finding.until = at;
        finding.said.message = format!("{} {why}", finding.said.message);
    }
    true
}
