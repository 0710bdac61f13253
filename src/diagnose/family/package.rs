//! Package managers: npm, pnpm, Yarn, Bun, pip, Poetry, uv, Conda, apt, Homebrew (Cargo, Go, Maven and others stand with their language).

use super::super::{
    finding::{Finding, Level},
    log::Log,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{Build, Config, Dependency, Network, Resource, Test};

pub(super) const RULES: &[Rule] = &[
    rule("npm", Dependency, " code E", r"^npm (?:ERR!|error) code (?P<code>E\w+)").then(npm),
    rule("npm", Config, "npm error Missing script", r"^npm (?:ERR!|error) (?P<message>Missing script: .+)"),
    rule("npm", Config, "Missing script:", r"^npm (?:ERR!|error) (?P<message>Missing script: .+)"),
    rule("npm", Dependency, "`npm ci` can only install", r"^npm (?:ERR!|error) (?P<message>`npm ci` can only install .+)").level(Level::Symptom),
    rule("npm", Dependency, "The `npm ci` command can only install", r"^npm (?:ERR!|error) (?P<message>The `npm ci` command can only install .+)").level(Level::Symptom),
    rule("npm", Build, "npm ERR! Exit status", r"^npm ERR! (?P<message>Exit status \d+)").level(Level::Consequence),
    rule("npm", Build, "npm error command failed", r"^npm error (?P<message>command failed)").level(Level::Consequence),
    rule("npm", Test, "npm ERR! Test failed", r"^npm ERR! (?P<message>Test failed\..*)").level(Level::Consequence),
    rule("node-gyp", Build, "gyp ERR! ", r"^(?:npm (?:ERR!|error) )?gyp ERR! stack (?P<message>(?:Error|TypeError): .+)"),
    rule("pnpm", Dependency, "ERR_PNPM_", r"^\s*(?:\S+ )?(?P<code>ERR_PNPM_\w+)\s+(?P<message>.+)").then(pnpm),
    rule("pnpm", Build, "ELIFECYCLE", r"^\s*ELIFECYCLE\s+(?P<message>.+)").level(Level::Consequence),
    rule("pnpm", Dependency, "Cannot install with \"frozen-lockfile\"", r"(?P<message>Cannot install with .+)"),
    rule("yarn", Dependency, "Your lockfile needs to be updated", r"^error (?P<message>Your lockfile needs to be updated.+)"),
    rule("yarn", Dependency, "YN0", r"^➤ (?P<code>YN0\d+): (?:[│┌└]\s)?\s*(?P<message>.+)").then(berry),
    rule("yarn", Dependency, "error ", r"^error (?P<message>(?:Couldn't find (?:any versions|package)|\S+@\S+: The (?:engine|platform)|Found incompatible module|An unexpected error occurred|Integrity check failed).+)").then(yarn),
    rule("yarn", Config, "error Command \"", r#"^error (?P<message>Command ".+" not found.*)"#),
    rule("yarn", Build, "error Command failed with", r"^error (?P<message>Command failed with .+)").level(Level::Consequence),
    rule("bun", Dependency, "error: ", r"^error: (?P<message>(?:lockfile had changes, but lockfile is frozen|\S+ failed to resolve|No version matching .+|GET https?://.+ - \d+|Package .+ not found).*)").then(yarn),
    rule("bun", Config, "error: Script not found", r"^error: (?P<message>Script not found .+)"),
    rule("pip", Dependency, "ERROR: ", r"^\s*ERROR: (?P<message>(?:Could not find a version that satisfies|No matching distribution found for|Cannot install .+ because|ResolutionImpossible|Ignored the following|Package '.+' requires a different Python|Could not open requirements file|Invalid requirement|THESE PACKAGES DO NOT MATCH THE HASHES|In --require-hashes mode|Hashes are required|.+ is not a (?:supported wheel|valid)|.+ has requirement .+|pip's dependency resolver|Could not install packages).*)").then(pip),
    rule("pip", Build, "Failed building wheel", r"^\s*ERROR: (?P<message>Failed building wheel for .+)").level(Level::Symptom),
    rule("pip", Build, "Could not build wheels", r"^\s*ERROR: (?P<message>(?:Could not build wheels|Failed to build installable wheels) for .+)"),
    rule("pip", Build, "error: subprocess-exited-with-error", r"^\s*error: subprocess-exited-with-error").level(Level::Consequence),
    rule("pip", Dependency, "error: metadata-generation-failed", r"^error: (?P<message>metadata-generation-failed)").level(Level::Symptom),
    rule("pip", Dependency, "error: externally-managed-environment", r"^error: externally-managed-environment"),
    rule("poetry", Dependency, "version solving failed", r"^\s*(?P<message>(?:Because|So,|And because) .*version solving failed\.?)"),
    rule("poetry", Dependency, "pyproject.toml changed significantly", r"(?P<message>pyproject\.toml changed significantly since poetry\.lock was last generated.*)"),
    rule("poetry", Dependency, "poetry.lock is not up to date", r"(?P<message>(?:Error: )?poetry\.lock is not up to date .+)"),
    rule("poetry", Dependency, "does not match any version", r"(?P<message>.*depends on .+ which doesn't match any versions.*)"),
    rule("poetry", Dependency, "which doesn't match any versions", r"(?P<message>.*which doesn't match any versions.*)"),
    rule("uv", Dependency, "No solution found when resolving", r"(?P<message>No solution found when resolving .+)").then(uv),
    rule("uv", Dependency, "The lockfile at", r"^error: (?P<message>The lockfile at .+ needs to be updated.*)"),
    rule("uv", Dependency, "Unable to find lockfile", r"^error: (?P<message>Unable to find lockfile at .+)"),
    rule("uv", Network, "Failed to fetch: `", r"(?P<message>Failed to fetch: `.+)").level(Level::Symptom),
    rule("uv", Build, "Failed to build `", r"^\s*(?:× |error: )(?P<message>Failed to (?:download and )?build `.+)"),
    rule("pipenv", Dependency, "Your Pipfile.lock", r"^(?P<message>Your Pipfile\.lock .+ (?:is )?out of date.*)"),
    rule("pipenv", Dependency, "ResolutionFailure", r"(?P<message>(?:pipenv\.\S+)?ResolutionFailure.*)"),
    rule("conda", Dependency, "ResolvePackageNotFound", r"^ResolvePackageNotFound:.*"),
    rule("conda", Dependency, "UnsatisfiableError", r"^(?:LibMamba)?UnsatisfiableError: (?P<message>.+)"),
    rule("conda", Dependency, "PackagesNotFoundError", r"^PackagesNotFoundError: (?P<message>.+)"),
    rule("conda", Dependency, "Could not solve for environment specs", r"^(?:error\s+libmamba )?(?P<message>Could not solve for environment specs.*)"),
    rule("apt", Dependency, "E: ", r"^E: (?P<message>(?:Unable to locate package|Package '.+' has no installation candidate|Unable to correct problems|Version '.+' for '.+' was not found|Couldn't find any package|Unmet dependencies|The repository).*)"),
    rule("apt", Network, "E: Failed to fetch", r"^E: (?P<message>Failed to fetch .+)").level(Level::Symptom),
    rule("apt", Config, "E: Could not", r"^E: (?P<message>Could not (?:get lock|open lock file).+)").level(Level::Symptom),
    rule("apt", Resource, "E: You don't have enough free space", r"^E: (?P<message>You don't have enough free space .+)"),
    rule("apk", Dependency, "(no such package):", r"^\s*(?P<message>.+ \(no such package\):)"),
    rule("dnf", Dependency, "Error: Unable to find a match", r"^Error: (?P<message>Unable to find a match: .+)"),
    rule("brew", Dependency, "No available formula", r"^(?:Error: |Warning: )(?P<message>No available formula .+)"),
    rule("pub", Dependency, "version solving failed", r"(?P<message>.+version solving failed\.)"),
    rule("mix", Dependency, "** (Mix) ", r"^\*\* \(Mix\) (?P<message>.+)").level(Level::Symptom),
];

/// What npm says under its code.
fn npm(finding: &mut Finding, log: &Log) -> bool {
    let said: Vec<(usize, String)> = log
        .after(finding.at + 1, 60)
        .take_while(|(_, line)| line.starts_with("npm ") || line.is_empty())
        .filter_map(|(at, line)| {
            Some((at, line.strip_prefix("npm error").or_else(|| line.strip_prefix("npm ERR!"))?.trim().to_owned()))
        })
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let code = finding.said.code.clone().unwrap_or_default();
    finding.category = match code.as_str() {
        "ELIFECYCLE" => {
            finding.level = Level::Consequence;
            Build
        }
        "ECONNRESET"
        | "ECONNREFUSED"
        | "ENOTFOUND"
        | "ETIMEDOUT"
        | "EAI_AGAIN"
        | "E500"
        | "E502"
        | "E503"
        | "E504"
        | "E429"
        | "ERR_SOCKET_TIMEOUT"
        | "EIDLETIMEOUT"
        | "ENETUNREACH"
        | "UNABLE_TO_VERIFY_LEAF_SIGNATURE" => Network,
        "ENOSPC" | "ENOMEM" => Resource,
        "EACCES" | "EPERM" | "E401" | "E403" | "ENEEDAUTH" | "EUSAGE_" | "EJSONPARSE" => Config,
        "ENOENT" if said.iter().any(|(_, text)| text.contains("package.json")) => Config,
        _ => Dependency,
    };
    if code == "EJSONPARSE" {
        finding.category = crate::domain::diagnosis::Category::Syntax;
    }
    let telling = |text: &String| match code.as_str() {
        "ERESOLVE" => text.starts_with("peer ") || text.starts_with("Could not resolve dependency"),
        "ELIFECYCLE" => false,
        _ => {
            !text.starts_with("errno")
                && !text.starts_with("syscall")
                && !text.starts_with("path ")
                && !text.starts_with("command")
                && !text.starts_with("cwd")
        }
    };
    let at = said.iter().rposition(|(_, text)| text.starts_with("Could not resolve dependency"));
    let from = if code == "ERESOLVE" { at.map_or(0, |at| at + 1) } else { 0 };
    if matches!(code.as_str(), "ERESOLVE" | "ETARGET" | "E404" | "EBADENGINE" | "EUSAGE" | "EOVERRIDE" | "EJSONPARSE") {
        finding.said.file = Some("package.json".to_owned());
    }
    if let Some((at, text)) = said[from.min(said.len())..].iter().find(|(_, text)| telling(text)).or(said.first()) {
        finding.until = *at;
        finding.said.message = text.trim_start_matches(&format!("{code} ")).trim_start_matches("code ").to_owned();
    }
    true
}

fn pnpm(finding: &mut Finding, log: &Log) -> bool {
    let code = finding.said.code.clone().unwrap_or_default();
    if code.contains("RECURSIVE_RUN") || code.contains("RECURSIVE_EXEC") {
        finding.level = Level::Consequence;
        finding.category = Build;
    } else if code.contains("META_FETCH") || code.contains("FETCH_5") || code.contains("FETCH_429") {
        finding.category = Network;
    } else if code.contains("NO_SCRIPT")
        || code.contains("NO_IMPORTER_MANIFEST")
        || code.contains("FETCH_401")
        || code.contains("FETCH_403")
    {
        finding.category = Config;
    }
    !log.line(finding.at).contains("WARN")
}

fn berry(finding: &mut Finding, log: &Log) -> bool {
    let code = finding.said.code.as_deref().unwrap_or_default();
    let said = &finding.said.message;
    let fatal = matches!(
        code,
        "YN0001" | "YN0028" | "YN0027" | "YN0035" | "YN0082" | "YN0009" | "YN0018" | "YN0016" | "YN0020"
    );
    if code == "YN0035" || said.contains("RequestError") {
        finding.category = Network;
    }
    if code == "YN0009" {
        finding.category = Build;
    }
    fatal && !log.line(finding.at).contains("Completed")
}

fn yarn(finding: &mut Finding, log: &Log) -> bool {
    let said = log.line(finding.at);
    if ["ECONN", "ENOTFOUND", "ETIMEDOUT", "getaddrinfo", "ESOCKETTIMEDOUT", " - 5", "tunneling socket"]
        .iter()
        .any(|word| said.contains(word))
    {
        finding.category = Network;
    }
    true
}

/// pip finds nothing where the network is down, and says so only before.
fn pip(finding: &mut Finding, log: &Log) -> bool {
    let faults = [
        "NewConnectionError",
        "name resolution",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ProxyError",
        "ConnectionResetError",
        "SSLError",
    ];
    let said = log.line(finding.at);
    if let Some((at, _)) = log.before(finding.at, 12).find(|(_, line)| faults.iter().any(|fault| line.contains(fault)))
    {
        finding.category = Network;
        finding.at = at;
        finding.said.message = log.line(at).trim().to_owned();
    } else if said.contains("Could not install packages due to an OSError") {
        finding.category = if said.contains("No space left") {
            Resource
        } else if said.contains("Permission") {
            Config
        } else {
            Network
        };
    } else if said.contains("No matching distribution found") {
        let again = log.before(finding.at, 4).any(|(_, line)| line.contains("Could not find a version that satisfies"));
        if again {
            return false;
        }
    } else if said.contains("Could not open requirements file") {
        finding.category = Config;
    } else if said.contains("Ignored the following") {
        return false;
    } else if said.contains("ResolutionImpossible") {
        return !log.before(finding.at, 40).any(|(_, line)| line.contains("ERROR: Cannot install"));
    }
    true
}

fn uv(finding: &mut Finding, log: &Log) -> bool {
    let why = log.after(finding.at + 1, 4).find(|(_, line)| line.contains("Because "));
    if let Some((at, line)) = why {
        finding.until = at;
        let why = line.trim().trim_start_matches(['╰', '─', '▶', ' ']);
        finding.said.message = format!("{}: {why}", finding.said.message.trim_end_matches(':'));
    }
    true
}
