//! Infrastructure as code: Terraform, Kubernetes, Helm, Ansible, Pulumi, CloudFormation, CDK, Serverless.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{Config, Dependency, Deploy, Format, Lint, Network, Syntax};

pub(super) const RULES: &[Rule] = &[
    rule("terraform", Config, "Error: ", r"^(?:│|╷)?\s*Error: (?P<message>.+)").level(Level::Symptom).then(terraform),
    rule("tflint", Lint, " on ", r"^\s+on (?P<file>\S+\.tf) line (?P<line>\d+):$").then(tflint),
    rule("terraform fmt", Format, ".tf", r"^(?P<file>[\w./-]+\.(?:tf|tfvars|hcl))$").level(Level::Guess),
    rule("helm", Config, "Error: INSTALLATION FAILED", r"^Error: (?P<message>INSTALLATION FAILED: .+)").then(helm),
    rule("helm", Config, "Error: UPGRADE FAILED", r"^Error: (?P<message>UPGRADE FAILED: .+)").then(helm),
    rule("helm", Config, "parse error at (", r"(?P<message>.*parse error at \((?P<file>[^:)]+):(?P<line>\d+)\).*)")
        .then(template),
    rule(
        "helm",
        Config,
        "execution error at (",
        r"(?P<message>.*execution error at \((?P<file>[^:)]+):(?P<line>\d+):?(?P<column>\d+)?\).*)",
    ),
    rule(
        "helm",
        Config,
        "Error: template: ",
        r"^Error: (?P<message>template: (?P<file>[^:]+):(?P<line>\d+)(?::(?P<column>\d+))?: .+)",
    ),
    rule("helm lint", Lint, "[ERROR] ", r"^\[ERROR\] (?P<file>\S+?): (?P<message>.+)")
        .level(Level::Symptom)
        .then(chart),
    rule("helm", Config, "YAML parse error on", r"(?P<message>YAML parse error on (?P<file>[^:]+): .+)").then(template),
    rule("kubectl", Deploy, "Error from server", r"^Error from server(?: \((?P<code>\w+)\))?: (?P<message>.+)")
        .then(server),
    rule("kubectl", Config, "error: error validating", r"^error: (?P<message>error validating .+)").then(validating),
    rule("kubectl", Syntax, "error: error parsing", r"^error: (?P<message>error parsing (?P<file>[^:]+): .+)")
        .then(validating),
    rule(
        "kubectl",
        Config,
        "resource mapping not found",
        r"^(?:error: )?(?P<message>resource mapping not found for .+)",
    ),
    rule(
        "kubectl",
        Deploy,
        "error: timed out waiting for the condition",
        r"^error: (?P<message>timed out waiting for the condition.*)",
    ),
    rule("kubectl", Deploy, "error: deployment ", r"^error: (?P<message>deployment .+ exceeded its progress deadline)"),
    rule(
        "kubectl",
        Network,
        "The connection to the server",
        r"^(?P<message>The connection to the server .+ was refused.*)",
    ),
    rule(
        "kubectl",
        Config,
        "error: ",
        r"^error: (?P<message>(?:You must be logged in|no context exists|context .+ does not exist|Missing or incomplete configuration|the path .+ does not exist|no objects passed).*)",
    ),
    rule("kubernetes", Deploy, "CrashLoopBackOff", r"(?P<message>.*CrashLoopBackOff.*)").level(Level::Guess),
    rule("kubernetes", Deploy, "ImagePullBackOff", r"(?P<message>.*(?:ImagePullBackOff|ErrImagePull).*)")
        .level(Level::Guess),
    rule("kubeconform", Lint, " is invalid: ", r"^(?P<file>\S+\.ya?ml) - (?P<message>.+ is invalid: .+)"),
    rule("kubeval", Lint, "contains an invalid", r"^(?:WARN|ERR) +- (?P<file>\S+) (?P<message>contains an invalid .+)"),
    rule(
        "ansible",
        Config,
        "FAILED! => ",
        r"^fatal: \[[^\]]+\](?: \[.+\])?: (?:FAILED|UNREACHABLE)! => (?P<message>.+)",
    )
    .then(ansible),
    rule("ansible", Network, "UNREACHABLE! => ", r"^fatal: \[[^\]]+\]: UNREACHABLE! => (?P<message>.+)").then(ansible),
    rule("ansible", Syntax, "ERROR! ", r"^ERROR! (?P<message>.+)").then(playbook),
    rule(
        "ansible-lint",
        Lint,
        ".yml:",
        r"^(?P<file>\S+\.ya?ml):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<code>[a-z][\w-]*(?:\[[\w-]+\])): (?P<message>.+)",
    ),
    rule("cdk", Deploy, "failed: Error: ", r"^\s*❌\s+(?P<message>.+ failed: .+)"),
    rule(
        "cloudformation",
        Deploy,
        "ROLLBACK_COMPLETE",
        r"(?P<message>.*(?:CREATE|UPDATE)_?(?:FAILED|ROLLBACK_COMPLETE|ROLLBACK_FAILED).*)",
    )
    .level(Level::Symptom),
    rule("cfn-lint", Lint, ".y", r"^(?P<code>[EW]\d{4}) (?P<message>.+)$").then(cfn),
    rule("opa", Lint, "FAIL - ", r"^FAIL - (?P<file>\S+) - (?:\w+ - )?(?P<message>.+)"),
    rule(
        "checkov",
        crate::domain::diagnosis::Category::Security,
        "Check: CKV",
        r#"^Check: (?P<code>CKV\w+): "(?P<message>.+)""#,
    )
    .then(checkov),
    rule(
        "tfsec",
        crate::domain::diagnosis::Category::Security,
        "Result #",
        r"^\s*Result #\d+ (?:CRITICAL|HIGH|MEDIUM|LOW) (?P<message>.+)",
    )
    .then(tfsec),
];

/// Terraform draws a box: `on main.tf line 3, in resource ...:` below the message.
fn terraform(finding: &mut Finding, log: &Log) -> bool {
    let boxed = log.line(finding.at).starts_with('│') || log.line(finding.at.saturating_sub(1)).starts_with('╷');
    let mut placed = false;
    for (at, line) in log.after(finding.at + 1, 8) {
        let text = line.trim_start_matches('│').trim();
        if let Some((file, rest)) = text.strip_prefix("on ").and_then(|text| text.split_once(" line ")) {
            finding.said.file = Some(file.to_owned());
            finding.said.line = rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|n| n.parse().ok());
            finding.until = at;
            placed = true;
            break;
        }
        if line.starts_with('╵') {
            break;
        }
    }
    if !boxed && !placed {
        return false;
    }
    let said = &finding.said.message;
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    finding.level = Level::Finding;
    finding.category = if has(&[
        "Argument or block definition required",
        "Unclosed",
        "Invalid expression",
        "Invalid block definition",
        "Missing newline",
        "Invalid character",
        "Unsupported operator",
        "Missing item separator",
        "Invalid multi-line string",
        "Unterminated",
        "Missing key/value",
    ]) {
        Syntax
    } else if has(&[
        "Failed to query available provider",
        "Inconsistent dependency lock file",
        "Module not installed",
        "Unresolvable module",
        "Failed to download module",
        "Could not download module",
        "Failed to install provider",
        "Missing required provider",
        "Required plugins are not installed",
    ]) {
        Dependency
    } else if has(&["timeout", "connection refused", "no such host", "Client.Timeout"]) {
        Network
    } else if has(&[
        "creating ",
        "updating ",
        "deleting ",
        "error creating",
        "waiting for",
        "Error applying",
        "api error",
    ]) {
        Deploy
    } else {
        Config
    };
    true
}

fn tflint(finding: &mut Finding, log: &Log) -> bool {
    let head = log.before(finding.at, 3).find_map(|(_, line)| {
        let (severity, rest) = line.split_once(": ")?;
        matches!(severity, "Warning" | "Error" | "Notice").then(|| rest.to_owned())
    });
    let Some(head) = head else { return false };
    let (message, code) = head.rsplit_once(" (").unwrap_or((&head, ""));
    if code.is_empty() {
        return false;
    }
    finding.said.code = Some(code.trim_end_matches(')').to_owned());
    finding.said.message = message.to_owned();
    true
}

fn helm(finding: &mut Finding, log: &Log) -> bool {
    let said = finding.said.message.clone();
    if [
        "template",
        "parse error",
        "chart requires",
        "values",
        "unable to build kubernetes objects",
        "not found",
        "cannot re-use",
        "YAML",
    ]
    .iter()
    .all(|word| !said.contains(word))
    {
        finding.category = Deploy;
    }
    if let Some((_, rest)) = said.split_once(" at (") {
        let mut parts = rest.trim_end_matches([')', ':']).split([':', ')']);
        finding.said.file = parts.next().map(str::to_owned);
        finding.said.line = parts.next().and_then(|n| n.parse().ok());
    }
    template(finding, log)
}

fn template(finding: &mut Finding, log: &Log) -> bool {
    if finding.said.message.contains("parse error") && !finding.said.message.contains("execution error") {
        finding.category = Syntax;
    }
    log.line(finding.at).trim().trim_start_matches("Error: ").clone_into(&mut finding.said.message);
    true
}

fn chart(finding: &mut Finding, _: &Log) -> bool {
    if let Some((file, line, column)) = super::super::place::find(&finding.said.message) {
        (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
    }
    finding
        .said
        .file
        .as_deref()
        .is_some_and(|file| file.contains("templates") || file.ends_with(".yaml") || file.ends_with('/'))
}

fn server(finding: &mut Finding, _: &Log) -> bool {
    if finding.said.code.as_deref() == Some("BadRequest") || finding.said.message.contains("is invalid") {
        finding.category = Config;
    }
    true
}

fn validating(finding: &mut Finding, _: &Log) -> bool {
    let line = finding.said.message.split_once("yaml: line ").map(|(_, rest)| rest.to_owned());
    finding.said.line = line.and_then(|rest| rest.split(':').next().and_then(|n| n.parse().ok()));
    if let Some((_, rest)) = finding.said.message.split_once("error validating \"") {
        finding.said.file = rest.split('"').next().map(str::to_owned);
    }
    true
}

fn ansible(finding: &mut Finding, log: &Log) -> bool {
    if log.after(finding.at + 1, 3).any(|(_, line)| line.contains("...ignoring")) {
        return false;
    }
    if log.line(finding.at).contains("UNREACHABLE") {
        finding.category = Network;
    } else {
        finding.category = Deploy;
    }
    if let Some((_, rest)) = finding.said.message.clone().split_once("\"msg\": \"") {
        rest.split('"').next().unwrap_or(rest).clone_into(&mut finding.said.message);
    }
    true
}

fn playbook(finding: &mut Finding, log: &Log) -> bool {
    let place = log.after(finding.at + 1, 12).find_map(|(_, line)| {
        let (_, rest) = line.split_once("appears to be in '")?;
        let (file, rest) = rest.split_once("': line ")?;
        Some((file.to_owned(), rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok()?))
    });
    if let Some((file, line)) = place {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    let said = &finding.said.message;
    if said.contains("couldn't resolve module") || said.contains("was not found") {
        finding.category = Dependency;
    } else if !said.contains("yntax") && !said.contains("YAML") && !said.contains("conflicting action") {
        finding.category = Config;
    }
    true
}

fn cfn(finding: &mut Finding, log: &Log) -> bool {
    let below = log.line(finding.at + 1).to_owned();
    let mut parts = below.split(':');
    let Some(file) = parts.next().filter(|file| file.contains(".y") || file.contains(".json")) else { return false };
    finding.said.file = Some(file.to_owned());
    finding.said.line = parts.next().and_then(|n| n.parse().ok());
    finding.said.column = parts.next().and_then(|n| n.parse().ok());
    true
}

fn checkov(finding: &mut Finding, log: &Log) -> bool {
    let failed = log.after(finding.at + 1, 2).any(|(_, line)| line.contains("FAILED for resource"));
    let place = log.after(finding.at + 1, 4).find_map(|(_, line)| {
        let (file, lines) = line.trim().strip_prefix("File: ")?.rsplit_once(':')?;
        Some((file.trim_start_matches('/').to_owned(), lines.split('-').next()?.parse::<u32>().ok()?))
    });
    if let Some((file, line)) = place {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    failed
}

fn tfsec(finding: &mut Finding, log: &Log) -> bool {
    let place = log.after(finding.at + 1, 4).find_map(|(_, line)| super::super::place::find(line));
    if let Some((file, line, _)) = place {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    true
}
