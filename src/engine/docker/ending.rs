//! Ending a step, or the container that it runs in.

use bollard::{Docker, models::ExecConfig, query_parameters::KillContainerOptionsBuilder};

/// How something is ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// The script takes note, and the step is asked to end.
    Gracefully,
    /// The step alone gets this signal.
    Step(&'static str),
    /// The container is killed.
    Now,
}

pub(super) async fn end(docker: &Docker, id: &str, way: Way) {
    let kill = |signal: &'static str| {
        docker.kill_container(id, Some(KillContainerOptionsBuilder::new().signal(signal).build()))
    };
    let (note, step) = match way {
        Way::Now => (kill("KILL").await, None),
        Way::Gracefully => (kill("TERM").await, Some("TERM")),
        Way::Step(signal) => (Ok(()), Some(signal)),
    };
    if let Err(error) = note {
        tracing::debug!("{id} could not be signalled: {error}");
    }
    if let Some(signal) = step {
        // All but the first process, which runs the script: https://man7.org/linux/man-pages/man2/kill.2.html.
        let exec = ExecConfig {
            cmd: Some(vec!["sh".into(), "-c".into(), format!("kill -{signal} -1")]),
            user: Some("0".into()),
            ..ExecConfig::default()
        };
        let ran = async {
            let exec = docker.create_exec(id, exec).await?;
            let options = bollard::exec::StartExecOptions { detach: true, ..Default::default() };
            docker.start_exec(&exec.id, Some(options)).await.map(|_| ())
        };
        if let Err(error) = ran.await {
            tracing::debug!("the step in {id} could not be signalled: {error}");
        }
    }
}
