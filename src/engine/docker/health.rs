//! Asking a container whether it is ready. gonogo runs the checks itself: Podman's engine has nobody to run them where there is
//! no systemd, and Docker's begins only after a first interval.

use std::time::Duration;

use bollard::{
    Docker,
    container::LogOutput,
    exec::StartExecResults,
    models::{ExecConfig, HealthConfig},
};
use futures::StreamExt as _;

use crate::domain::container::HealthSpec;

/// A health check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    command: Vec<String>,
    timeout: Duration,
    /// Between two checks.
    pub interval: Duration,
    /// So many failures mean that it will not get ready.
    pub retries: u32,
    /// Failures in this time don't count.
    pub start: Duration,
}

impl Check {
    /// The declared check, or else that of the image; `None` where there is neither.
    pub fn of(declared: Option<&HealthSpec>, image: Option<&HealthConfig>) -> Option<Self> {
        if let Some(spec) = declared {
            return Some(Self {
                command: vec!["sh".into(), "-c".into(), spec.command.clone()],
                timeout: spec.timeout.duration(),
                interval: spec.interval.duration(),
                retries: spec.retries,
                start: spec.start.duration(),
            });
        }
        let image = image?;
        // https://docs.docker.com/reference/dockerfile/#healthcheck has the form and the times where none are given.
        let command = match image.test.as_deref()? {
            [kind, line] if kind == "CMD-SHELL" => vec!["sh".into(), "-c".into(), line.clone()],
            [kind, words @ ..] if kind == "CMD" && !words.is_empty() => words.to_vec(),
            _ => return None,
        };
        let time = |nanos: Option<i64>, otherwise| match nanos {
            Some(nanos) if nanos > 0 => Duration::from_nanos(nanos as u64),
            _ => Duration::from_secs(otherwise),
        };
        let retries = image.retries.filter(|retries| *retries > 0).unwrap_or(3);
        Some(Self {
            command,
            timeout: time(image.timeout, 30),
            // An image says how often it is checked while it is well; nobody wants to wait that long for it to get ready.
            interval: time(image.interval, 30).min(Duration::from_secs(1)),
            retries: u32::try_from(retries).unwrap_or(3).max(30),
            start: time(image.start_period, 0),
        })
    }

    /// Runs it once; the error is what it said.
    pub async fn ask(&self, docker: &Docker, id: &str) -> Result<(), String> {
        let asked = async {
            let config = ExecConfig {
                cmd: Some(self.command.clone()),
                attach_stdout: Some(true),
                attach_stderr: Some(true),
                ..ExecConfig::default()
            };
            let exec = docker.create_exec(id, config).await?;
            let mut said = Vec::new();
            if let StartExecResults::Attached { mut output, .. } = docker.start_exec(&exec.id, None).await? {
                while let Some(part) = output.next().await {
                    if said.len() < 4096 {
                        said.extend_from_slice(&LogOutput::into_bytes(part?));
                    }
                }
            }
            Ok::<_, bollard::errors::Error>((docker.inspect_exec(&exec.id).await?.exit_code, said))
        };
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(Ok((Some(0), _))) => Ok(()),
            Ok(Ok((code, said))) => {
                let said = String::from_utf8_lossy(&said);
                let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim();
                Err(if last.is_empty() { format!("exit {}", code.unwrap_or(-1)) } else { last.to_owned() })
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it took too long".into()),
        }
    }
}
