//! Deploys: Vercel, Netlify, Fly, Heroku, AWS, Google Cloud, Azure, Cloudflare, Firebase, rsync, registries of packages.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{Config, Deploy, Network};

const fn symptom(tool: &'static str, needle: &'static str, pattern: &'static str) -> Rule {
    rule(tool, Deploy, needle, pattern).level(Level::Symptom)
}

pub(super) const RULES: &[Rule] = &[
    symptom("vercel", "Error: ", r"^(?:Vercel )?(?P<message>Error: .*(?:vercel|Vercel|VERCEL|The specified token is not valid|No existing credentials found|Project not found|Deployment).*)").then(credentials),
    symptom("netlify", "Deploy did not succeed", r"(?P<message>Deploy did not succeed.*)"),
    symptom("netlify", "JSONHTTPError", r"(?P<message>.*JSONHTTPError: .+)"),
    symptom("flyctl", "Error: failed to ", r"^(?P<message>Error: failed to (?:fetch an image|update machine|create machine|release|deploy|launch|acquire|build).*)"),
    symptom("flyctl", "No access token available", r"(?P<message>Error: No access token available.*)").then(config),
    symptom("flyctl", "health checks", r"(?P<message>.*(?:failed|timeout reached waiting for) health ?checks.*)"),
    symptom("heroku", "Push rejected", r"(?P<message>.*Push rejected.*)"),
    symptom("aws", "An error occurred (", r"(?P<message>An error occurred \((?P<code>\w+)\) when calling the .+)").then(aws),
    symptom("aws", "Unable to locate credentials", r"(?P<message>.*Unable to locate credentials.*)").then(config),
    symptom("aws", "fatal error: Unable to locate credentials", r"(?P<message>fatal error: .+)").then(config),
    symptom("aws", "upload failed: ", r"^(?P<message>upload failed: .+)"),
    symptom("sam", "Error: Failed to create", r"^(?P<message>Error: Failed to create(?:/update)? (?:the stack|changeset|managed resources).*)"),
    symptom("aws", "Deployment failed", r"(?P<message>.*Deployment failed.*)"),
    symptom("ecs", "services-stable", r"(?P<message>.*(?:Waiter ServicesStable failed|services-stable).*)"),
    symptom("gcloud", "ERROR: (gcloud.", r"^(?P<message>ERROR: \(gcloud\.[\w.-]+\) .+)"),
    symptom("az", "ERROR: ", r"^(?P<message>ERROR: (?:AADSTS|\(\w+\)|The subscription|Please run 'az login').*)"),
    symptom("wrangler", "[ERROR] ", r"^✘ \[ERROR\] (?P<message>(?:A request to the Cloudflare API|In a non-interactive environment|Authentication error|Missing entry-point).*)"),
    symptom("firebase", "Error: ", r"^(?P<message>Error: (?:Failed to authenticate|HTTP Error: \d+|Failed to get Firebase|Assertion failed: resolving hosting|There was an error while deploying).*)"),
    symptom("rsync", "rsync error: ", r"^(?P<message>rsync error: .+)"),
    symptom("scp", "scp: ", r"^(?P<message>scp: .+)"),
    symptom("ssh", "lost connection", r"^(?P<message>lost connection)"),
    symptom("ssh-action", "ssh: handshake failed", r"(?P<message>.*ssh: handshake failed.*)"),
    symptom("ssh-action", "ssh: unable to authenticate", r"(?P<message>.*ssh: unable to authenticate.*)"),
    symptom("twine", "HTTPError: ", r"^(?:ERROR\s+)?(?P<message>HTTPError: [45]\d\d .+)"),
    symptom("npm publish", "You cannot publish over the previously published", r"(?P<message>.*You cannot publish over the previously published.*)"),
    symptom("cargo publish", "error: failed to publish", r"^(?P<message>error: failed to publish .+)"),
    symptom("cargo publish", "is already uploaded", r"(?P<message>.*crate version .+ is already uploaded.*)"),
    symptom("gh-pages", "The deploy step encountered an error", r"(?P<message>The deploy step encountered an error: .+)"),
    symptom("gh-pages", "The process '/usr/bin/git' failed with exit code", r"(?P<message>(?:Error: )?The process '/usr/bin/git' failed with exit code \d+.*)").then(git),
    symptom("health", "health check failed", r"(?i)(?P<message>.*health ?check failed.*)"),
    symptom("health", "Health check failed", r"(?P<message>.*Health ?check failed.*)"),
    symptom("railway", "Deploy failed", r"^(?P<message>(?:\W+)?Deploy failed.*)"),
    symptom("deploy", "eployment failed", r"(?P<message>.*[dD]eployment failed.*)").level(Level::Guess),
    symptom("deploy", "rollback", r"(?P<message>.*\b[rR]olling back\b.*|.*automatic rollback.*)").level(Level::Consequence),
];

fn credentials(finding: &mut Finding, _: &Log) -> bool {
    let said = &finding.said.message;
    if said.contains("credentials") || said.contains("token") || said.contains("Project Settings") {
        finding.category = Config;
    }
    true
}

fn config(finding: &mut Finding, _: &Log) -> bool {
    finding.category = Config;
    true
}

fn aws(finding: &mut Finding, _: &Log) -> bool {
    match finding.said.code.as_deref().unwrap_or_default() {
        "ThrottlingException" | "Throttling" | "RequestTimeout" | "ServiceUnavailable" => finding.category = Network,
        _ => {}
    }
    true
}

fn git(finding: &mut Finding, log: &Log) -> bool {
    let above = log.before(finding.at, 30).any(|(_, line)| line.starts_with("fatal: ") || line.starts_with("error: "));
    if above {
        finding.level = Level::Consequence;
    }
    true
}
