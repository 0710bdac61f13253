//! Git and the command lines of its forges.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{Config, Deploy, Network, Resource};

pub(super) const RULES: &[Rule] = &[
    rule("git", Network, "fatal: unable to access", r"^(?P<message>fatal: unable to access .+)").level(Level::Symptom).then(access),
    rule("git", Network, "fatal: unable to look up", r"^(?P<message>fatal: unable to look up .+)").level(Level::Symptom),
    rule("git", Network, "early EOF", r"^(?P<message>(?:fatal|error): .*early EOF.*)").level(Level::Symptom),
    rule("git", Network, "The remote end hung up unexpectedly", r"(?i)^(?P<message>fatal: the remote end hung up unexpectedly.*)").level(Level::Symptom),
    rule("git", Network, "RPC failed", r"^(?P<message>error: RPC failed; .+)").level(Level::Symptom),
    rule("git", Config, "CONFLICT (", r"^(?P<message>CONFLICT \((?P<code>[^)]+)\): .+)").then(conflict),
    rule("git", Config, "Automatic merge failed", r"^(?P<message>Automatic merge failed; .+)").level(Level::Consequence),
    rule("git", Config, "[rejected]", r"^\s*! (?P<message>\[(?:remote )?rejected\].+)").level(Level::Symptom),
    rule("git", Config, "error: failed to push some refs", r"^(?P<message>error: failed to push some refs to .+)").level(Level::Guess),
    rule("git", Config, "remote: Permission to ", r"^(?P<message>remote: Permission to .+)").level(Level::Symptom),
    rule("git", Config, "remote: error: ", r"^(?P<message>remote: error: .+)").level(Level::Symptom),
    rule("git", Config, "remote: Repository not found", r"^(?P<message>remote: Repository not found\.)").level(Level::Symptom),
    rule("git", Config, "Permission denied (publickey", r"^(?:.*: )?(?P<message>Permission denied \(publickey.*)").level(Level::Symptom),
    rule("git", Config, "Host key verification failed", r"^(?P<message>Host key verification failed\.)").level(Level::Symptom),
    rule("git", Config, "fatal: ", r"^(?:.*?: )?(?P<message>fatal: (?:not a git repository|could not read Username|could not read Password|Authentication failed|repository '.+' not found|ambiguous argument|bad revision|couldn't find remote ref|Remote branch .+ not found|No url found for submodule|No names found|no tag exactly matches|refusing to merge|detected dubious ownership|Could not read from remote repository|empty ident|unable to auto-detect|pathspec|Need to specify how to reconcile|invalid reference|The current branch|No configured push|path '.+' does not|need a tag|tag '.+' already exists|protocol error|could not|cannot|bad object|invalid).*)").level(Level::Symptom).then(fatal),
    rule("git", Config, "error: pathspec '", r"^(?P<message>error: pathspec '.+' did not match any .+)").level(Level::Symptom),
    rule("git", Config, "src refspec ", r"^(?P<message>error: src refspec .+ does not match any)").level(Level::Symptom),
    rule("git", Config, "Your local changes", r"^(?P<message>error: Your local changes to the following files would be overwritten .+)")
        .level(Level::Symptom),
    rule("git", Config, "could not apply", r"^(?P<message>error: could not apply .+)").level(Level::Symptom),
    rule("git", Config, "Author identity unknown", r"^(?P<message>Author identity unknown)").level(Level::Symptom),
    rule("git", Config, "GH013: Repository rule violations", r"(?P<message>GH\d+: .+)").level(Level::Symptom),
    rule("git-lfs", Resource, "This repository is over its data quota", r"(?P<message>.*This repository is over its data quota.*)").level(Level::Symptom),
    rule("git-lfs", Config, "smudge filter lfs failed", r"(?P<message>.*smudge filter lfs failed)").level(Level::Symptom),
    rule("gh", Config, "GH_TOKEN environment variable", r"(?P<message>gh: To use GitHub CLI in a GitHub Actions workflow, set the GH_TOKEN .+)").level(Level::Symptom),
    rule("gh", Config, "Resource not accessible by integration", r"(?P<message>.*Resource not accessible by .+)").level(Level::Symptom),
    rule("gh", Config, "Bad credentials", r"(?P<message>.*Bad credentials.*)").level(Level::Symptom),
    rule("gh", Deploy, "Validation Failed", r"(?P<message>.*HTTP 422: Validation Failed.*)").level(Level::Symptom),
    rule("gh", Network, "API rate limit exceeded", r"(?P<message>.*API rate limit exceeded.*)").level(Level::Symptom),
    rule("semantic-release", Deploy, "An error occurred while running semantic-release", r"(?P<message>.*An error occurred while running semantic-release.*)").level(Level::Symptom),
];

fn access(finding: &mut Finding, log: &Log) -> bool {
    if log.before(finding.at, 3).any(|(_, line)| line.starts_with("remote: Permission to ")) {
        finding.level = Level::Guess;
    }
    let said = &finding.said.message;
    if said.contains("error: 403") || said.contains("error: 401") || said.contains("error: 404") {
        finding.category = Config;
    }
    true
}

fn fatal(finding: &mut Finding, log: &Log) -> bool {
    let said = &finding.said.message;
    if said.contains("Could not read from remote") {
        finding.level = Level::Guess;
        let refused = log.before(finding.at, 6).any(|(_, l)| {
            l.contains("Connection ")
                || l.contains("Could not resolve")
                || l.contains("timed out")
                || l.contains("kex_exchange")
        });
        if refused {
            finding.category = Network;
        }
    }
    true
}

fn conflict(finding: &mut Finding, _: &Log) -> bool {
    let said = &finding.said.message;
    if let Some((_, file)) = said.rsplit_once(" in ") {
        finding.said.file = Some(file.trim().to_owned());
    }
    true
}
