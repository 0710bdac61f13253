//! Making a member: image, container, the commands that prepare it, and the wait until it is well.

use std::{collections::HashMap, path::PathBuf, time::Duration};

use bollard::{
    Docker,
    container::LogOutput,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
    models::{ContainerCreateBody, HealthStatusEnum, HostConfig, Mount, MountType},
    query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder},
};
use futures::StreamExt as _;
use tokio::time::{Instant, sleep};

use crate::{
    domain::{
        container::{EngineFault, EnvironmentSpec, HealthSpec, Network},
        id::OutputId,
    },
    engine::{port::StopSignal, recorder::Recorder},
};

use super::{
    super::{
        body::{self, Who},
        fault::Fault,
        health::Check,
        host::Host,
        image::{self, Image, Provide},
        label,
    },
    found::{Key, name},
    parts,
};

/// Between two looks at a member that is not well yet.
const LOOK: Duration = Duration::from_millis(50);

/// Between two checks of one that is being prepared, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What a member runs that has no command of its own: it stays up, and ends at once when it is asked to.
const STAY: &str = "trap 'exit 0' TERM INT; while :; do sleep 86400 & wait $!; done";

/// What is to be made.
pub(super) struct Order<'a> {
    pub(super) host: &'a Host,
    /// Which gonogo this is.
    pub(super) home: &'a str,
    pub(super) key: &'a Key,
    pub(super) spec: &'a EnvironmentSpec,
    pub(super) hash: &'a str,
    pub(super) number: u32,
    pub(super) output_dir: PathBuf,
}

/// A member that is ready.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) id: String,
    pub(super) name: String,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotMade {
    /// The engine could not.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// What was declared does not work; the output says more.
    #[error("{0}")]
    Failed(String),
    /// It is not wanted any more.
    #[error("it was stopped")]
    Stopped,
}

impl Order<'_> {
    /// The output of its preparation.
    pub(super) fn output(&self) -> OutputId {
        OutputId::environment(&self.key.plain(self.home), self.number)
    }

    /// Makes it. Whatever fails, nothing of it is left.
    pub(super) async fn make(&self, mut stop: StopSignal) -> Result<Made, NotMade> {
        let mut recorder = Recorder::anew(&self.output_dir, &self.output(), &[]);
        let mut id = None;
        let made = self.make_with(&mut recorder, &mut stop, &mut id).await;
        match &made {
            Ok(_) => recorder.record(b"ready\n"),
            Err(why) => {
                recorder.record(format!("not ready: {why}\n").as_bytes());
                if let (Some(id), Some(docker)) = (&id, self.host.connected()) {
                    // What can't be removed now is found by its name, and removed later.
                    let _ = remove(&docker, id).await;
                }
            }
        }
        if let Some(error) = recorder.finish() {
            tracing::warn!("what was printed when {} was prepared is not whole: {error}", self.key.name);
        }
        made
    }

    async fn make_with(
        &self,
        recorder: &mut Recorder,
        stop: &mut StopSignal,
        id: &mut Option<String>,
    ) -> Result<Made, NotMade> {
        let image = self.image(recorder, stop).await?;
        let docker = self.host.client().await?;
        // What is asked of the engine is done, whether anybody waits for it or not: so it is waited for.
        let (made, who) = self.create(docker, &image).await?;
        *id = Some(made.clone());
        tokio::select! {
            prepared = self.prepare(docker, &made, &who, recorder) => prepared?,
            _ = stop.wait_for(Option::is_some) => return Err(NotMade::Stopped),
        }
        let name = name(&self.key.plain(self.home), self.number, false);
        let options = RenameContainerOptionsBuilder::new().name(&name).build();
        let renamed = docker.rename_container(&made, options).await;
        renamed.map_err(|error| Fault::of("it can't be given its name", &error))?;
        Ok(Made { id: made, name })
    }

    async fn image(&self, recorder: &mut Recorder, stop: &mut StopSignal) -> Result<Image, NotMade> {
        let mut say = |bytes: &[u8]| recorder.record(bytes);
        let provided = image::provide(self.host, &self.spec.container, &self.key.project, &mut say, stop).await;
        provided.map_err(|no| match no {
            Provide::Fault(fault) => fault.into(),
            Provide::Stopped => NotMade::Stopped,
            Provide::Build { words, .. } => NotMade::Failed(format!("its image can't be built: {words}")),
        })
    }

    async fn create(&self, docker: &Docker, image: &Image) -> Result<(String, Who), NotMade> {
        let spec = &self.spec.container;
        let shares = self.host.shares_files();
        if let Some(path) = parts::first_path(self.spec).filter(|_| !shares) {
            let why = format!("the engine {} does not see this machine's files, and {path} is one", self.host.name());
            return Err(NotMade::Failed(why));
        }
        let who = Who::of(spec, &image.user, &self.key.project, shares);
        let name = name(&self.key.plain(self.home), self.number, true);
        let options = CreateContainerOptionsBuilder::new().name(&name);
        let options = match &spec.platform {
            Some(platform) => options.platform(platform),
            None => options,
        };
        let failed = |error| Fault::of("no container", &error);
        let made = docker.create_container(Some(options.build()), self.body(image, &who, shares)).await;
        let id = made.map_err(failed)?.id;
        if let Err(error) = docker.start_container(&id, None).await {
            let _ = remove(docker, &id).await;
            return Err(Fault::of("the container does not start", &error).into());
        }
        Ok((id, who))
    }

    fn body(&self, image: &Image, who: &Who, shares: bool) -> ContainerCreateBody {
        let (spec, container) = (self.spec, &self.spec.container);
        let directory = directory(spec, &self.key.project);
        let labels = [
            (label::HOME, self.home.to_owned()),
            (label::ROLE, "environment".to_owned()),
            (label::NAME, spec.name.clone()),
            (label::PROJECT, self.key.project.to_string_lossy().into_owned()),
            (label::SPEC, self.hash.to_owned()),
        ];
        let workspace = shares.then(|| Mount {
            typ: Some(MountType::BIND),
            source: Some(self.key.project.to_string_lossy().into_owned()),
            target: Some(directory.clone()),
            ..Mount::default()
        });
        let numbered = |user: &String| user.starts_with(|c: char| c.is_ascii_digit() && c != '0');
        let home = who.user.as_ref().filter(|user| numbered(user)).map(|_| "HOME=/tmp".to_owned());
        let variables = spec.env.iter().map(|(name, value)| format!("{name}={value}"));
        let tmpfs = body::tmpfs(&container.tmpfs);
        let (exposed, bound) = parts::ports(&spec.ports);
        let stays = spec.command.is_empty();
        ContainerCreateBody {
            image: Some(image.id.clone()),
            hostname: Some(spec.name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(60).collect()),
            entrypoint: stays.then(|| vec!["sh".to_owned()]),
            cmd: Some(if stays { vec!["-c".to_owned(), STAY.to_owned()] } else { spec.command.clone() }),
            env: Some(home.into_iter().chain(variables).collect()),
            user: who.user.clone(),
            working_dir: Some(directory),
            labels: Some(labels.map(|(name, value)| (name.to_owned(), value)).into_iter().collect::<HashMap<_, _>>()),
            healthcheck: spec.health.as_ref().map(parts::health),
            exposed_ports: (!exposed.is_empty()).then_some(exposed),
            host_config: Some(HostConfig {
                network_mode: match container.network {
                    Network::Bridge => None,
                    Network::None => Some("none".to_owned()),
                    Network::Host => Some("host".to_owned()),
                },
                mounts: Some(workspace.into_iter().chain(parts::mounts(spec, &self.key.project)).collect()),
                port_bindings: (!bound.is_empty()).then_some(bound),
                tmpfs: (!tmpfs.is_empty()).then_some(tmpfs),
                readonly_rootfs: Some(container.read_only),
                security_opt: (!container.new_privileges).then(|| vec!["no-new-privileges".to_owned()]),
                log_config: None,
                ..body::limits(&container.limits)
            }),
            ..ContainerCreateBody::default()
        }
    }

    async fn prepare(&self, docker: &Docker, id: &str, who: &Who, recorder: &mut Recorder) -> Result<(), NotMade> {
        for command in &self.spec.setup {
            recorder.record(format!("$ {command}\n").as_bytes());
            let code = self.set_up(docker, id, who, command, recorder).await?;
            if code != 0 {
                return Err(NotMade::Failed(format!("`{command}` of `setup` failed (exit {code})")));
            }
        }
        self.well(docker, id).await
    }

    async fn set_up(
        &self,
        docker: &Docker,
        id: &str,
        who: &Who,
        command: &str,
        recorder: &mut Recorder,
    ) -> Result<i64, NotMade> {
        let failed = |error| Fault::of("`setup` can't be run", &error);
        let exec = CreateExecOptions {
            cmd: Some(vec!["sh".to_owned(), "-c".to_owned(), command.to_owned()]),
            user: who.user.clone(),
            working_dir: Some(directory(self.spec, &self.key.project)),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let exec = docker.create_exec(id, exec).await.map_err(failed)?.id;
        let started = docker.start_exec(&exec, None::<StartExecOptions>).await.map_err(failed)?;
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(part) = output.next().await {
                recorder.record(LogOutput::into_bytes(part.map_err(failed)?).as_ref());
            }
        }
        Ok(docker.inspect_exec(&exec).await.map_err(failed)?.exit_code.unwrap_or(-1))
    }

    /// Waits until its health check passes, if it has one; and sees to it that it still runs.
    async fn well(&self, docker: &Docker, id: &str) -> Result<(), NotMade> {
        let end = Instant::now() + self.spec.health.as_ref().map_or(Duration::ZERO, longest);
        let check = Check::of(self.spec.health.as_ref(), None);
        loop {
            let found = docker.inspect_container(id, None).await;
            let state = found.map_err(|error| Fault::of("it is gone", &error))?.state.unwrap_or_default();
            if state.running != Some(true) {
                let code = state.exit_code.unwrap_or_default();
                return Err(NotMade::Failed(format!(
                    "what it runs has ended (exit {code}); its log: `docker logs {id}`"
                )));
            }
            let Some(check) = &check else { return Ok(()) };
            // While it was set up the engine may have found it unwell, and not looked again since.
            let unwell = state.health.unwrap_or_default().status == Some(HealthStatusEnum::UNHEALTHY);
            match check.ask(docker, id).await {
                Ok(()) if !unwell => return Ok(()),
                Ok(()) if Instant::now() < end => sleep(LOOK).await,
                Err(_) if Instant::now() < end => sleep(check.interval.min(LONGEST_PAUSE)).await,
                Ok(()) => return Err(NotMade::Failed("its health check fails now and then".into())),
                Err(said) => return Err(NotMade::Failed(format!("its health check fails: {said}"))),
            }
        }
    }
}

/// A member may take so long to be well, after it has been prepared.
fn longest(health: &HealthSpec) -> Duration {
    let each = health.interval.duration() + health.timeout.duration();
    health.start.duration() + each * health.retries + Duration::from_secs(5)
}

/// Where the project stands in a member.
pub(super) fn directory(spec: &EnvironmentSpec, project: &std::path::Path) -> String {
    spec.container.workdir.clone().unwrap_or_else(|| project.to_string_lossy().into_owned())
}

/// Removes a container with its nameless volumes. One that is gone already is as wanted.
pub(super) async fn remove(docker: &Docker, id: &str) -> Result<(), Fault> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match docker.remove_container(id, Some(options)).await {
        Ok(()) => Ok(()),
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Ok(()),
        // Somebody else removes it already.
        Err(bollard::errors::Error::DockerResponseServerError { status_code: 409, message })
            if message.contains("already in progress") =>
        {
            Ok(())
        }
        Err(error) => Err(Fault::of("it can't be removed", &error)),
    }
}

/// Freezes, or stops, a member.
pub(super) async fn sleep_now(docker: &Docker, id: &str, how: crate::domain::container::Sleep) -> Result<(), Fault> {
    use crate::domain::container::Sleep;
    let done = match how {
        Sleep::Pause => docker.pause_container(id).await,
        Sleep::Stop => docker.stop_container(id, None).await,
    };
    done.map_err(|error| Fault::of("it can't be put to sleep", &error))
}

/// Wakes a member, however it sleeps.
pub(super) async fn wake(docker: &Docker, id: &str) -> Result<(), Fault> {
    let failed = |error| Fault::of("it can't be woken", &error);
    let found = docker.inspect_container(id, None).await.map_err(failed)?;
    let state = found.state.unwrap_or_default();
    match (state.paused, state.running) {
        (Some(true), _) => docker.unpause_container(id).await.map_err(failed),
        (_, Some(true)) => Ok(()),
        _ => docker.start_container(id, None).await.map_err(failed),
    }
}

/// Removing failed where nothing can be done about it but to try again.
pub(super) fn is_away(fault: &Fault) -> bool {
    fault.fault == EngineFault::Away
}
