//! Credential helpers: programs that are asked for the credentials of a registry (`docker-credential-NAME get`).

use std::{process::Stdio, time::Duration};

use bollard::auth::DockerCredentials;
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
    time::timeout,
};

use crate::domain::environment::Environment;

use super::reference;

/// How long a helper may take: it may have to ask a service for a token.
const PATIENCE: Duration = Duration::from_secs(20);

/// No helper says more than this.
const MOST: u64 = 256 * 1024;

/// What a helper prints. Nothing of it may be shown: there is no `Debug`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Said {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Asks a helper for the credentials of a registry, within `patience`. `None`: it has none. The error says why it can't tell,
/// and holds no credential.
pub(super) async fn ask(
    helper: &str,
    registry: &str,
    variables: &Environment,
) -> Result<Option<DockerCredentials>, String> {
    ask_within(PATIENCE, helper, registry, variables).await
}

async fn ask_within(
    patience: Duration,
    helper: &str,
    registry: &str,
    variables: &Environment,
) -> Result<Option<DockerCredentials>, String> {
    let program = format!("docker-credential-{helper}");
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if helper.is_empty() || !helper.chars().all(plain) {
        return Err(format!("{helper:?} is no name of a credential helper"));
    }
    let asked = timeout(patience, talk(&program, reference::address(registry), variables)).await;
    let (good, bytes) = match asked {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(format!("{program} can't be asked: {error}")),
        Err(_) => return Err(format!("{program} did not answer within {} s", patience.as_secs_f32())),
    };
    if !good {
        let said = String::from_utf8_lossy(&bytes);
        let said: String = said.lines().next().unwrap_or_default().trim().chars().take(200).collect();
        let none = said.contains("credentials not found") || said.contains("no credentials");
        return if none { Ok(None) } else { Err(format!("{program} has failed: {said}")) };
    }
    // What is wrong with it is not said: the parser's words may quote it.
    let said: Said = serde_json::from_slice(&bytes).map_err(|_| format!("{program} did not print what it should"))?;
    if said.secret.is_empty() {
        return Ok(None);
    }
    let base = DockerCredentials {
        serveraddress: Some(reference::address(registry).to_owned()),
        ..DockerCredentials::default()
    };
    Ok(Some(if said.username == "<token>" {
        DockerCredentials { identitytoken: Some(said.secret), ..base }
    } else {
        DockerCredentials { username: Some(said.username), password: Some(said.secret), ..base }
    }))
}

/// Whether it ended well, and what it printed.
async fn talk(program: &str, address: &str, variables: &Environment) -> std::io::Result<(bool, Vec<u8>)> {
    let mut command = Command::new(program);
    command.arg("get").env_clear().envs(variables.iter()).kill_on_drop(true);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // One that does not read ends all the same.
        let _ = input.write_all(format!("{address}\n").as_bytes()).await;
    }
    let mut bytes = Vec::new();
    if let Some(output) = child.stdout.take() {
        output.take(MOST).read_to_end(&mut bytes).await?;
    }
    Ok((child.wait().await?.success(), bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

    use super::*;

    fn program(dir: &Path, name: &str, script: &str) -> Environment {
        let path = dir.join(format!("docker-credential-{name}"));
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", dir.display());
        [("PATH".to_owned(), path)].into_iter().collect()
    }

    #[tokio::test]
    async fn helpers_answer_in_their_ways() {
        let dir = tempfile::tempdir().unwrap();
        let good = program(
            dir.path(),
            "good",
            r#"read url; [ "$1" = get ] && echo "{\"ServerURL\":\"$url\",\"Username\":\"me@$url\",\"Secret\":\"s3cret\"}""#,
        );
        let found = ask("good", "ghcr.io", &good).await.unwrap().unwrap();
        assert_eq!((found.username.as_deref(), found.password.as_deref()), (Some("me@ghcr.io"), Some("s3cret")));
        let found = ask("good", "docker.io", &good).await.unwrap().unwrap();
        assert_eq!(found.username.as_deref(), Some("me@https://index.docker.io/v1/"));
        program(dir.path(), "token", r#"echo '{"Username":"<token>","Secret":"t0ken"}'"#);
        let found = ask("token", "ghcr.io", &good).await.unwrap().unwrap();
        assert_eq!((found.identitytoken.as_deref(), found.username), (Some("t0ken"), None));
        program(dir.path(), "none", "echo credentials not found in native keychain; exit 1");
        assert_eq!(ask("none", "ghcr.io", &good).await, Ok(None));
    }

    #[tokio::test]
    async fn what_goes_wrong_is_said_without_a_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = program(dir.path(), "odd", r#"echo '{"Username":7,"Secret":"s3cret"'"#);
        let said = ask("odd", "ghcr.io", &path).await.unwrap_err();
        assert_eq!(said, "docker-credential-odd did not print what it should");
        program(dir.path(), "broken", "echo the keyring is locked; exit 1");
        let said = ask("broken", "ghcr.io", &path).await.unwrap_err();
        assert_eq!(said, "docker-credential-broken has failed: the keyring is locked");
        assert!(ask("missing", "ghcr.io", &path).await.unwrap_err().contains("can't be asked"));
        assert!(ask("../../bin/sh", "ghcr.io", &path).await.unwrap_err().contains("is no name"));
        program(dir.path(), "slow", "exec sleep 60");
        let said = ask_within(Duration::from_millis(200), "slow", "ghcr.io", &path).await.unwrap_err();
        assert!(said.contains("did not answer within 0.2 s"), "{said}");
    }
}
