//! Scanners: Bandit, Semgrep, gitleaks, TruffleHog, Trivy, Grype, Snyk, npm audit, pip-audit, Safety, cargo-audit, cargo-deny, gosec, govulncheck, CodeQL, detect-secrets.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    place,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{Dependency, Security};

pub(super) const RULES: &[Rule] = &[
    rule("bandit", Security, ">> Issue: [", r"^>> Issue: \[(?P<code>[A-Z]\d+)(?::[\w-]+)?\] (?P<message>.+)").then(bandit),
    rule("bandit", Security, "[bandit]", r"^(?P<file>\S+\.py):(?P<line>\d+):(?:(?P<column>\d+):)? ?(?P<code>B\d+)\[bandit\]: (?:HIGH|MEDIUM|LOW): (?P<message>.+)"),
    rule("gitleaks", Security, "RuleID:", r"^RuleID:\s+(?P<code>\S+)").then(gitleaks),
    rule("gitleaks", Security, "leaks found: ", r"(?P<message>leaks found: [1-9]\d*)").level(Level::Symptom),
    rule("trufflehog", Security, "Found verified result", r"(?P<message>Found verified result.*)").then(trufflehog),
    rule("detect-secrets", Security, "Secret Type:", r"^Secret Type:\s+(?P<message>.+)").then(secret),
    rule("semgrep", Security, "❯", r"^\s*(?:❯❯❱|❯❱|❱|❯❯❯❱|❯+❱?)\s*(?P<code>[\w.-]+\.[\w.-]+)").then(semgrep),
    rule("semgrep", Security, "severity:", r"^\s*severity:(?:error|warning) rule:(?P<code>\S+?): (?P<message>.+)"),
    rule("npm audit", Security, "Severity: ", r"^Severity: (?P<message>low|moderate|high|critical)$").then(npm_audit),
    rule("npm audit", Security, "vulnerabilit", r"^(?P<message>\d+ (?:\w+ severity )?vulnerabilit(?:y|ies)(?: \(.+\))?)$").level(Level::Guess),
    rule("yarn audit", Security, "vulnerabilities found", r"^(?P<message>[1-9]\d* vulnerabilities found.*)").level(Level::Guess),
    rule("pip-audit", Security, "known vulnerabilit", r"^(?P<message>Found \d+ known vulnerabilit(?:y|ies) in \d+ packages?)").level(Level::Guess),
    rule("pip-audit", Security, "  ", r"^(?P<message>[A-Za-z][\w.-]*\s+\d[\w.]*\s+(?:PYSEC|GHSA|CVE)-[\w-]+.*)$").then(table),
    rule("safety", Security, "Vulnerability found in ", r"^\s*(?:->|→) (?P<message>Vulnerability found in .+)"),
    rule("cargo-audit", Security, "ID: ", r"^ID:\s+(?P<code>RUSTSEC-\d+-\d+)").then(cargo_audit),
    rule("cargo-audit", Security, "vulnerabilities found!", r"^error: (?P<message>\d+ vulnerabilit(?:y|ies) found!?)").level(Level::Consequence),
    rule("cargo-audit", Security, "vulnerability found!", r"^error: (?P<message>\d+ vulnerabilit(?:y|ies) found!?)").level(Level::Consequence),
    rule("cargo-deny", Security, "error[", r"^error\[(?P<code>vulnerability|unmaintained|unsound|yanked|notice)\]: (?P<message>.+)").then(deny),
    rule("cargo-deny", Dependency, "error[", r"^error\[(?P<code>rejected|unlicensed|banned|duplicate|source-not-allowed|license-not-encountered|not-allowed)\]: (?P<message>.+)").then(deny),
    rule("trivy", Security, "CVE-", r"^[│|]\s*(?:\S+\s*)?[│|]?\s*(?P<code>CVE-\d+-\d+)\s*[│|]\s*(?:LOW|MEDIUM|HIGH|CRITICAL|UNKNOWN)\s*[│|].*").then(row),
    rule("trivy", Security, "CVE-", r"^[│|]\s*(?P<message>\S+[^│|]*)[│|]\s*(?P<code>CVE-\d+-\d+)\s*[│|].*").then(row),
    rule("trivy", Security, "Total: ", r"^(?P<message>Total: [1-9]\d* \(.*(?:LOW|HIGH|CRITICAL|MEDIUM): \d+.*\))").level(Level::Guess),
    rule("grype", Security, "  ", r"^(?P<message>\S+\s+\S+\s+.*?(?P<code>(?:CVE|GHSA)-[\w-]+)\s+(?:Low|Medium|High|Critical|Negligible).*)$").level(Level::Symptom),
    rule("grype", Security, "discovered vulnerabilities at or above the severity threshold", r"(?P<message>discovered vulnerabilities at or above the severity threshold)").level(Level::Guess),
    rule("snyk", Security, "✗ [", r"^\s*✗ (?:\[(?:Low|Medium|High|Critical)\]|(?:Low|Medium|High|Critical) severity vulnerability found in) ?(?P<message>.+)").then(snyk),
    rule("snyk", Security, "severity vulnerability found in", r"^\s*✗ (?P<message>\w+ severity vulnerability found in .+)"),
    rule("gosec", Security, "(CWE-", r"^\[(?P<file>[^\]]+?):(?P<line>\d+)(?:-\d+)?(?::(?P<column>\d+))?\] - (?P<code>G\d+)(?: \(CWE-\d+\))?: (?P<message>.+?)(?: \(Confidence.+)?$"),
    rule("govulncheck", Security, "Vulnerability #", r"^Vulnerability #\d+: (?P<code>\S+)").then(govuln),
    rule("hadolint", crate::domain::diagnosis::Category::Lint, " DL", r"^(?P<file>\S*?):(?P<line>\d+) (?P<code>(?:DL|SC)\d+) (?:\S*(?:error|warning|info|style)\S*: )?(?P<message>.+)"),
    rule("hadolint", crate::domain::diagnosis::Category::Lint, " SC", r"^(?P<file>\S*?Dockerfile\S*?):(?P<line>\d+) (?P<code>SC\d+) (?:\S*(?:error|warning|info|style)\S*: )?(?P<message>.+)"),
    rule("dependency-review", Security, "Dependency review detected vulnerable packages", r"(?P<message>Dependency review detected vulnerable packages\.?)"),
    rule("codeql", Security, "Code scanning", r"^(?P<message>Code scanning .*(?:alert|found).+)").level(Level::Symptom),
];

fn bandit(finding: &mut Finding, log: &Log) -> bool {
    for (at, line) in log.after(finding.at + 1, 6) {
        if let Some(place) = line.trim().strip_prefix("Location: ")
            && let Some((file, line, column)) = place::find(place)
        {
            (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
            finding.until = at;
        }
    }
    true
}

/// The value of `Name:   value` near the finding.
fn field(log: &Log, at: usize, name: &str) -> Option<String> {
    log.after(at.saturating_sub(4), 14)
        .find_map(|(_, line)| line.trim().strip_prefix(name).map(|text| text.trim().to_owned()))
}

fn gitleaks(finding: &mut Finding, log: &Log) -> bool {
    let below = |name: &str| {
        log.after(finding.at, 10).find_map(|(_, line)| line.strip_prefix(name).map(|text| text.trim().to_owned()))
    };
    let (file, line) = (below("File:"), below("Line:"));
    finding.said.file = file;
    finding.said.line = line.and_then(|line| line.parse().ok());
    finding.said.message = log.line(finding.at).split_whitespace().collect::<Vec<_>>().join(" ");
    true
}

fn trufflehog(finding: &mut Finding, log: &Log) -> bool {
    finding.said.file = field(log, finding.at, "File:");
    finding.said.line = field(log, finding.at, "Line:").and_then(|line| line.parse().ok());
    true
}

fn secret(finding: &mut Finding, log: &Log) -> bool {
    let place = field(log, finding.at, "Location:");
    if let Some((file, line)) = place.as_deref().and_then(|place| place.rsplit_once(':')) {
        finding.said.file = Some(file.to_owned());
        finding.said.line = line.parse().ok();
    }
    finding.said.message = format!("Secret Type: {}", finding.said.message);
    true
}

/// Semgrep: the file above, the rule, its message, then `12┆ code`.
fn semgrep(finding: &mut Finding, log: &Log) -> bool {
    let file = log.before(finding.at, 200).map(|(_, line)| line).find(|line| {
        line.starts_with("    ")
            && !line.starts_with("      ")
            && line.trim().contains('.')
            && !line.contains('❱')
            && !line.trim().contains(' ')
    });
    finding.said.file = file.map(|file| file.trim().to_owned());
    let line = log
        .after(finding.at + 1, 15)
        .find_map(|(_, line)| line.split_once('┆').and_then(|(number, _)| number.trim().parse().ok()));
    finding.said.line = line;
    let text =
        log.after(finding.at + 1, 2).find(|(_, line)| !line.trim().is_empty()).map(|(_, line)| line.trim().to_owned());
    finding.said.message = text.unwrap_or_default();
    line.is_some()
}

fn npm_audit(finding: &mut Finding, log: &Log) -> bool {
    let package = log.line(finding.at.saturating_sub(1)).trim().to_owned();
    let title = log.line(finding.at + 1).trim().to_owned();
    let (message, link) = title.rsplit_once(" - ").unwrap_or((&title, ""));
    finding.said.code = link.rsplit('/').next().filter(|code| code.starts_with("GHSA")).map(str::to_owned);
    finding.said.message = format!("{}: {message}", package.split("  ").next().unwrap_or(&package));
    true
}

fn table(finding: &mut Finding, _: &Log) -> bool {
    let mut words = finding.said.message.split_whitespace();
    let (name, version, code) =
        (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
    finding.said.code = Some(code.to_owned());
    finding.said.message = format!("{name} {version} {code}");
    true
}

fn cargo_audit(finding: &mut Finding, log: &Log) -> bool {
    let near = |name: &str| {
        log.before(finding.at, 5)
            .chain(log.after(finding.at, 5))
            .find_map(|(_, line)| line.strip_prefix(name).map(|text| text.trim().to_owned()))
    };
    let (name, title) = (near("Crate:").unwrap_or_default(), near("Title:").unwrap_or_default());
    let warning = near("Warning:").is_some();
    if warning {
        finding.level = Level::Warning;
    }
    finding.said.message = format!("{name}: {title}");
    true
}

fn deny(finding: &mut Finding, log: &Log) -> bool {
    let place = log
        .after(finding.at + 1, 4)
        .find_map(|(_, line)| line.trim().trim_start_matches(['┌', '─', ' ']).strip_prefix("").and_then(place::find));
    if let Some((file, line, column)) = place {
        (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
    }
    true
}

fn row(finding: &mut Finding, _: &Log) -> bool {
    let cells: Vec<&str> =
        finding.said.message.split(['│', '|']).map(str::trim).filter(|cell| !cell.is_empty()).collect();
    finding.said.message = cells.join(" ");
    true
}

fn snyk(finding: &mut Finding, log: &Log) -> bool {
    let path = log.after(finding.at + 1, 3).find_map(|(_, line)| line.trim().strip_prefix("Path: ").map(str::to_owned));
    if let Some((file, line)) = path.as_deref().and_then(|path| path.split_once(", line ")) {
        finding.said.file = Some(file.to_owned());
        finding.said.line = line.parse().ok();
    }
    true
}

fn govuln(finding: &mut Finding, log: &Log) -> bool {
    finding.said.message = log.line(finding.at + 1).trim().to_owned();
    let place =
        log.after(finding.at + 1, 25).find_map(|(_, line)| line.trim().strip_prefix("#1: ").and_then(place::find));
    if let Some((file, line, column)) = place {
        (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
    }
    true
}
