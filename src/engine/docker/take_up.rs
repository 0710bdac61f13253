//! Finding the container of an attempt that an earlier gonogo began.

use bollard::{
    container::LogOutput, exec::StartExecResults, models::ExecConfig, query_parameters::ListContainersOptionsBuilder,
};
use futures::StreamExt as _;
use tokio::time::Instant;

use crate::engine::port::{Order, StopSignal};

use super::{attempt::Early, body, fault::Fault, host::Host, label, manifest, reach, script, ship::Sent};

/// What there is of an attempt.
pub(super) enum Found {
    /// Nothing has begun: it can be begun.
    Nothing,
    /// Its container is there, running or ended.
    Running {
        /// What was sent of its workspace, where it doesn't see this machine's files.
        sent: Option<Sent>,
        /// Its id.
        id: String,
        /// What stands in its marks.
        nonce: String,
        /// The secrets that it has kept.
        kept: Vec<(String, String)>,
    },
    /// It had begun, and can't be taken up again.
    Lost,
}

/// Looks for the container of an attempt that is taken up again; waits for an engine that is away.
pub(super) async fn find(
    order: &Order,
    host: &Host,
    deadline: Option<Instant>,
    stop: &StopSignal,
) -> Result<Found, Early> {
    let Some(seen) = order.seen else { return Ok(Found::Nothing) };
    let list = || async {
        let filters = label::filter(&[(label::MARKER, &order.marker), (label::ROLE, "job")]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let listed = host.client().await?.list_containers(Some(options)).await;
        listed.map_err(|error| Fault::of("its container can't be looked for", &error))
    };
    let found = reach::ask(list, reach::TO_GO_ON, deadline, stop, || {}).await?.into_iter().next();
    let Some((id, labels, state, mounts)) =
        found.and_then(|found| Some((found.id?, found.labels?, found.state, found.mounts.unwrap_or_default())))
    else {
        return Ok(if seen.begun > 0 { Found::Lost } else { Found::Nothing });
    };
    let state = state.map(|state| state.to_string()).unwrap_or_default();
    if state == "created" {
        // It was never started: it is made anew.
        super::sweep::attempt(order, host).await;
        return Ok(Found::Nothing);
    }
    let volume = body::name(order, "workspace");
    let sent = if mounts.iter().any(|mount| mount.name.as_ref() == Some(&volume)) {
        // Without knowing what was sent, nothing could be brought back that might not undo what was changed here since.
        let Some(sent) = manifest::read(order).await else { return Ok(Found::Lost) };
        Some(sent)
    } else {
        None
    };
    let nonce = labels.get(label::NONCE).cloned().unwrap_or_default();
    let declared = &order.job.spec.secrets;
    let known = declared.iter().all(|name| order.surroundings.get(name).is_some());
    if declared.is_empty() || (known && state != "running") {
        return Ok(Found::Running { sent, id, nonce, kept: Vec::new() });
    }
    match kept(host, &id).await {
        Ok(kept) if declared.iter().all(|name| kept.iter().any(|(kept, _)| kept == name)) => {
            Ok(Found::Running { sent, id, nonce, kept })
        }
        _ if known => Ok(Found::Running { sent, id, nonce, kept: Vec::new() }),
        // What it printed can't be shown without knowing what must not be.
        _ => Ok(Found::Lost),
    }
}

/// The secrets that a running container keeps in memory.
async fn kept(host: &Host, id: &str) -> Result<Vec<(String, String)>, Fault> {
    let docker = host.client().await?;
    let failed = |error| Fault::of("its secrets can't be read again", &error);
    let exec = ExecConfig {
        cmd: Some(vec!["cat".into(), format!("{}/secrets", script::KEEP)]),
        user: Some("0".into()),
        attach_stdout: Some(true),
        ..ExecConfig::default()
    };
    let exec = docker.create_exec(id, exec).await.map_err(failed)?;
    let StartExecResults::Attached { mut output, .. } = docker.start_exec(&exec.id, None).await.map_err(failed)? else {
        return Ok(Vec::new());
    };
    let mut text = Vec::new();
    while let Some(part) = output.next().await {
        if let LogOutput::StdOut { message } = part.map_err(failed)? {
            text.extend_from_slice(&message);
        }
        if text.len() > 1 << 20 {
            break;
        }
    }
    Ok(script::kept(&String::from_utf8_lossy(&text)))
}
