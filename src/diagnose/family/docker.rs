//! Docker, BuildKit, Compose, Podman, registries.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{Build, Config, Network, Resource, Syntax};

pub(super) const RULES: &[Rule] = &[
    rule("docker", Build, "failed to solve: ", r"^(?:ERROR: |error: )?(?:.*: )?(?P<message>failed to solve: .+)")
        .level(Level::Symptom)
        .then(solve),
    rule(
        "docker",
        Syntax,
        "dockerfile parse error",
        r"(?P<message>dockerfile parse error.*? on line (?P<line>\d+): .+)",
    )
    .then(dockerfile),
    rule(
        "docker",
        Syntax,
        "Dockerfile parse error",
        r"(?P<message>[dD]ockerfile parse error (?:on )?line (?P<line>\d+): .+)",
    )
    .then(dockerfile),
    rule("docker", Build, "returned a non-zero code", r"^(?P<message>The command '.+' returned a non-zero code: \d+)")
        .level(Level::Consequence),
    rule("docker", Build, "COPY failed", r"^(?P<message>(?:COPY|ADD) failed: .+)"),
    rule("docker", Network, "toomanyrequests", r"(?P<message>toomanyrequests: .+)").level(Level::Symptom),
    rule("docker", Config, "pull access denied", r"(?P<message>pull access denied for .+)").level(Level::Symptom),
    rule("docker", Config, "manifest unknown", r"(?P<message>(?:Error response from daemon: )?manifest .*unknown.*)")
        .level(Level::Symptom),
    rule("docker", Config, "denied: ", r"^(?:error from registry: |ERROR: )?(?P<message>(?:unauthorized|denied): .+)")
        .level(Level::Symptom),
    rule(
        "docker",
        Config,
        "Cannot connect to the Docker daemon",
        r"(?P<message>Cannot connect to the Docker daemon .+)",
    )
    .level(Level::Symptom),
    rule(
        "docker",
        Config,
        "permission denied while trying to connect to the Docker daemon",
        r"(?P<message>permission denied while trying to connect to the Docker daemon .+)",
    )
    .level(Level::Symptom),
    rule("docker", Config, "Error response from daemon: ", r"^(?:.*?)Error response from daemon: (?P<message>.+)")
        .level(Level::Symptom)
        .then(daemon),
    rule("docker", Config, "unable to prepare context", r"^(?:ERROR: )?(?P<message>unable to prepare context: .+)"),
    rule("docker", Config, "docker: invalid reference format", r"^docker: (?P<message>invalid reference format.*)"),
    rule("compose", Config, "validating ", r"^(?P<message>validating (?P<file>\S+?\.ya?ml): .+)"),
    rule("compose", Config, "no such service", r"^(?P<message>no such service: .+)"),
    rule(
        "compose",
        Config,
        "no configuration file provided",
        r"^(?P<message>no configuration file provided: not found)",
    ),
    rule(
        "compose",
        Config,
        "is unhealthy",
        r"(?P<message>(?:dependency failed to start: )?container \S+ is unhealthy)",
    )
    .level(Level::Symptom),
];

fn dockerfile(finding: &mut Finding, log: &Log) -> bool {
    let named = log.after(finding.at.saturating_sub(15), 20).find_map(|(_, line)| {
        let (file, _) = line
            .trim()
            .split_once(':')
            .filter(|(file, rest)| file.contains("ockerfile") && rest.starts_with(|c: char| c.is_ascii_digit()))?;
        Some(file.to_owned())
    });
    finding.said.file = Some(named.unwrap_or_else(|| "Dockerfile".to_owned()));
    true
}

/// `Dockerfile:12` and the excerpt stand above.
fn solve(finding: &mut Finding, log: &Log) -> bool {
    let said = finding.said.message.clone();
    let place = log.before(finding.at, 25).find_map(|(_, line)| {
        let (file, number) = line.trim().rsplit_once(':')?;
        file.rsplit('/').next().is_some_and(|name| name.to_lowercase().contains("dockerfile")).then_some(())?;
        Some((file.to_owned(), number.parse::<u32>().ok()?))
    });
    if let Some((file, line)) = place {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["did not complete successfully"]) {
        finding.level = Level::Consequence;
        if has(&["exit code: 137"]) {
            finding.category = Resource;
            finding.level = Level::Symptom;
        }
    } else if has(&[
        "toomanyrequests",
        "429 Too Many",
        "dial tcp",
        "i/o timeout",
        "TLS handshake",
        "connection re",
        "no such host",
        "503 ",
        "502 ",
        "context deadline exceeded",
    ]) {
        finding.category = Network;
    } else if has(&["no space left"]) {
        finding.category = Resource;
    } else if has(&["dockerfile parse error", "unknown instruction", "Dockerfile parse error"]) {
        finding.category = Syntax;
        finding.said.file.get_or_insert_with(|| "Dockerfile".to_owned());
    } else if has(&[
        "pull access denied",
        "unauthorized",
        "authorization failed",
        "not found: not found",
        "manifest unknown",
        "failed to read dockerfile",
        "403 Forbidden",
    ]) {
        finding.category = if has(&["failed to compute cache key"]) { Build } else { Config };
    }
    true
}

fn daemon(finding: &mut Finding, _: &Log) -> bool {
    let said = &finding.said.message;
    if [
        "dial tcp",
        "timeout",
        "Client.Timeout",
        "connection refused",
        "no such host",
        "TLS",
        "toomanyrequests",
        "received unexpected HTTP status: 5",
    ]
    .iter()
    .any(|w| said.contains(w))
    {
        finding.category = Network;
    } else if said.contains("no space left") {
        finding.category = Resource;
    }
    true
}
