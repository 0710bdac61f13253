//! The runners' own words: GitHub Actions, GitLab, CircleCI, Jenkins, Azure Pipelines.

use super::super::{
    finding::{Finding, Level},
    log::{Log, Mark},
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{Build, Cancelled, Config, Deploy, Network, Security, Syntax, Unknown};

pub(super) const RULES: &[Rule] = &[
    rule("github actions", Cancelled, "The operation was cancel", r"^(?P<message>The operation was cancell?ed\.)")
        .level(Level::Guess)
        .then(marked),
    rule("github actions", Cancelled, "The run was canceled", r"^(?P<message>.*The run was canceled by .+)")
        .level(Level::Decisive),
    rule(
        "github actions",
        Cancelled,
        "Canceling since a higher priority",
        r"^(?P<message>Canceling since a higher priority waiting request.+)",
    )
    .level(Level::Decisive),
    rule(
        "github actions",
        Config,
        "Unable to resolve action",
        r"^(?:##\[error\])?(?P<message>Unable to resolve action .+)",
    ),
    rule(
        "github actions",
        Config,
        "Can't find 'action.yml'",
        r"(?P<message>Can't find 'action\.yml', 'action\.yaml' or 'Dockerfile' .+)",
    ),
    rule("github actions", Config, "Missing download info for", r"(?P<message>Missing download info for .+)"),
    rule(
        "github actions",
        Config,
        "deprecated version of",
        r"(?P<message>This request has been automatically failed because it uses a deprecated version of .+)",
    ),
    rule("github actions", Config, "Invalid workflow file", r"(?P<message>.*Invalid workflow file.*)").then(workflow),
    rule(
        "github actions",
        Config,
        "The workflow is not valid",
        r"(?P<message>The workflow is not valid\. (?P<file>\S+)(?: \(Line: (?P<line>\d+), Col: (?P<column>\d+)\))?.*)",
    ),
    rule(
        "github actions",
        Config,
        "The template is not valid",
        r"(?P<message>The template is not valid\. ?(?P<file>[\w./-]+\.ya?ml)?.*)",
    ),
    rule("github actions", Config, "Unrecognized named-value", r"(?P<message>.*Unrecognized named-value: .+)"),
    rule(
        "github actions",
        Config,
        "Input required and not supplied",
        r"(?P<message>Input required and not supplied: .+)",
    ),
    rule("github actions", Config, "Unexpected input(s)", r"(?P<message>Unexpected input\(s\) .+)")
        .level(Level::Warning),
    rule("github actions", Config, "Resource not accessible by", r"(?P<message>.*Resource not accessible by .+)")
        .level(Level::Symptom),
    rule(
        "github actions",
        Config,
        "Dependencies lock file is not found",
        r"(?P<message>Dependencies lock file is not found in .+)",
    ),
    rule("github actions", Config, "No file in ", r"(?P<message>No file in .+ matched to .+)"),
    rule(
        "github actions",
        Config,
        "No files were found with the provided path",
        r"(?P<message>No files were found with the provided path: .+)",
    ),
    rule(
        "github actions",
        Config,
        "Unable to find any artifacts",
        r"(?P<message>Unable to (?:find any artifacts|download artifact).*)",
    ),
    rule("github actions", Config, "Artifact not found", r"(?P<message>.*Artifact not found.*)"),
    rule("github actions", Config, "Unable to download artifact", r"(?P<message>Unable to download artifact\(s\): .+)"),
    rule(
        "github actions",
        Config,
        "with the specified version",
        r"(?P<message>(?:The version|Unable to find|Version|Could not find).+ with (?:arch|the specified version).*)",
    ),
    rule(
        "github actions",
        Config,
        "was not found in the local cache",
        r"(?P<message>.+ with arch .+ not found in the local cache.*)",
    )
    .level(Level::Symptom),
    rule("github actions", Config, "Unable to find Node version", r"(?P<message>Unable to find Node version .+)"),
    rule(
        "github actions",
        Config,
        "The version '",
        r"(?P<message>The version '.+' with architecture '.+' was not found.*)",
    ),
    rule(
        "github actions",
        Config,
        "Unable to locate executable file",
        r"(?P<message>Unable to locate executable file: .+)",
    ),
    rule(
        "github actions",
        Config,
        "Permission denied to github-actions",
        r"(?P<message>.*Permission to .+ denied to github-actions.*)",
    )
    .level(Level::Symptom),
    rule(
        "github actions",
        Config,
        "Credentials could not be loaded",
        r"(?P<message>Credentials could not be loaded.+)",
    ),
    rule("github actions", Config, "Could not assume role", r"(?P<message>.*Could not assume role.*)"),
    rule(
        "github actions",
        Config,
        "Not authorized to perform sts:",
        r"(?P<message>.*Not authorized to perform sts:.*)",
    ),
    rule(
        "github actions",
        Config,
        "is not allowed to be used in",
        r"(?P<message>.+ (?:is|are) not allowed to be used in .+)",
    ),
    rule(
        "github actions",
        Config,
        "Username and password required",
        r"^(?:Error: )?(?P<message>Username and password required)",
    ),
    rule("github actions", Network, "Failed to download archive", r"(?P<message>Failed to download archive .+)")
        .level(Level::Symptom),
    rule("github actions", Network, "Failed to download action", r"(?P<message>Failed to download action .+)")
        .level(Level::Symptom),
    rule("github actions", Deploy, "Failed to create deployment", r"(?P<message>Failed to create deployment .+)"),
    rule(
        "github actions",
        Deploy,
        "Deployment failed, try again later",
        r"(?P<message>Deployment failed, try again later.*)",
    ),
    rule("github actions", Deploy, "Get Pages site failed", r"(?P<message>Get Pages site failed.*)").then(config),
    rule("github actions", Config, "No runner matching", r"(?P<message>No runner matching .+)"),
    rule(
        "github actions",
        Config,
        "Container action is only supported on Linux",
        r"(?P<message>Container action is only supported on Linux)",
    ),
    rule("github actions", Config, "File doesn't exist", r"^(?P<message>File doesn't exist.*)").level(Level::Symptom),
    rule("github actions", Security, "GitGuardian", r"(?P<message>.*GitGuardian.*secrets? .*found.*)")
        .level(Level::Guess),
    rule("bash", Unknown, " 1", r"^\++ (?:exit|return) (?P<code>124|137)$").level(Level::Symptom).then(exited),
    rule("gitlab", Config, "yaml invalid", r"(?P<message>.*yaml invalid.*)"),
    rule(
        "gitlab",
        Syntax,
        "This GitLab CI configuration is invalid",
        r"(?P<message>This GitLab CI configuration is invalid.+)",
    )
    .then(config),
    rule("gitlab", Build, "ERROR: Job failed", r"^ERROR: Job failed: (?P<message>.+)").level(Level::Consequence),
    rule("jenkins", Build, "ERROR: script returned exit code", r"^ERROR: (?P<message>script returned exit code \d+)")
        .level(Level::Consequence),
    rule(
        "jenkins",
        Syntax,
        "MultipleCompilationErrorsException",
        r"(?P<message>.*MultipleCompilationErrorsException.*)",
    ),
    rule(
        "github actions",
        Unknown,
        "Process completed with exit code",
        r"^Process completed with exit code (?P<code>\d+)\.",
    )
    .level(Level::Consequence)
    .then(ended),
];

fn marked(_: &mut Finding, log: &Log) -> bool {
    log.kind == super::super::log::Kind::Runner
}

fn config(finding: &mut Finding, _: &Log) -> bool {
    finding.category = Config;
    true
}

fn workflow(finding: &mut Finding, log: &Log) -> bool {
    let near = log.after(finding.at, 4).map(|(_, line)| line.to_owned()).collect::<Vec<_>>().join(" ");
    if near.contains("syntax") || near.contains("YAML") {
        finding.category = Syntax;
    }
    let file = near.split_whitespace().find(|word| word.contains(".github/workflows/"));
    finding.said.file = file.map(|file| {
        file.trim_start_matches('(')
            .trim_end_matches([':', ',', '.', ')'])
            .split([':', '#'])
            .next()
            .unwrap_or(file)
            .to_owned()
    });
    let line = near.split("ine: ").nth(1).or_else(|| near.split("#L").nth(1)).or_else(|| near.split("on line ").nth(1));
    finding.said.line =
        line.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()).and_then(|n| n.parse().ok());
    true
}

/// A traced `exit 124`.
fn exited(finding: &mut Finding, _: &Log) -> bool {
    let meaning = finding.said.code.take().and_then(|code| code.parse().ok()).and_then(super::super::exit::meaning);
    let Some((category, message)) = meaning else { return false };
    finding.category = category;
    message.clone_into(&mut finding.said.message);
    true
}

/// The exit code, where it means something.
fn ended(finding: &mut Finding, log: &Log) -> bool {
    if log.mark_of(finding.at) != Mark::Error {
        return false;
    }
    let code = finding.said.code.take().and_then(|code| code.parse().ok()).unwrap_or(0);
    let Some((category, _)) = super::super::exit::meaning(code) else { return false };
    finding.category = category;
    finding.level = if matches!(code, 124 | 137) { Level::Symptom } else { Level::Guess };
    true
}
