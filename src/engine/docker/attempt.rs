//! One attempt of a job in a container, from the image to the last object that it leaves.

use bollard::query_parameters::{AttachContainerOptionsBuilder, CreateContainerOptionsBuilder};
use tokio::{io::AsyncWriteExt as _, time::Instant};

use crate::{
    domain::{
        container::{ContainerSpec, EngineFault},
        outcome::{CancelReason, Failure, JobOutcome},
    },
    engine::{
        environment,
        port::{JobPort, Order, StopSignal},
        recorder::Recorder,
        run::not_run,
    },
};

use super::{
    archive::Owner,
    body::{self, Made, Way, Who},
    fault::Fault,
    follow::Follow,
    host::{Host, Hosts},
    image::{self, Image, Provide},
    manifest,
    pool::{self, parts},
    reach,
    script::Script,
    service::{self, NoServices, Services},
    ship, sweep, take_up,
};

/// How an attempt ended before its steps could.
pub(super) enum Early {
    /// It was stopped on purpose.
    Stopped(CancelReason),
    /// Its time was up.
    TimedOut,
    /// In some other way.
    Ended(JobOutcome),
}

impl From<Fault> for Early {
    fn from(fault: Fault) -> Self {
        Self::Ended(fault.outcome())
    }
}

/// Secrets by name.
type Named = Vec<(String, String)>;

/// Runs the steps of an attempt to their end. Gives back what records its output, and the secrets that were taken out of it.
pub(in crate::engine) async fn attempt(
    order: &Order,
    hosts: &Hosts,
    port: &impl JobPort,
    secrets: Named,
    deadline: Option<Instant>,
    stop: StopSignal,
) -> (JobOutcome, Recorder, Named) {
    let (dir, output) = (&order.output_dir, &order.output);
    let host = match hosts.pick(&order.job.spec.container.runs_on) {
        Ok(host) => host,
        Err(fault) => return (fault.outcome(), Recorder::new(dir, output, &secrets), secrets),
    };
    let mut recorder;
    let mut secrets = secrets;
    if order.job.is_in_member() && order.pools.is_some() {
        recorder = Recorder::new(dir, output, &secrets);
        // Nobody has kept what one printed that was cut off.
        let ran = match order.seen {
            Some(_) => Ok(Some(JobOutcome::Lost)),
            None => Box::pin(pool::run(order, hosts, port, &mut recorder, &secrets, deadline, stop.clone())).await,
        };
        let followed = match ran {
            Ok(Some(outcome)) => Ok(outcome),
            Ok(None) => Box::pin(fresh(order, &host, port, &mut recorder, &secrets, deadline, stop)).await,
            Err(early) => Err(early),
        };
        let outcome = ended(order, followed);
        sweep::attempt(order, &host).await;
        return (outcome, recorder, secrets);
    }
    let followed = match take_up::find(order, &host, deadline, &stop).await {
        Ok(take_up::Found::Running { sent, id, nonce, kept }) => {
            if !kept.is_empty() {
                secrets = kept;
            }
            // Its engine has kept all that it printed.
            recorder = Recorder::anew(dir, output, &secrets);
            let follow = Follow::taken_up(order, &host, port, &mut recorder, &secrets, id, &nonce, sent);
            Ok(follow.attend(deadline, stop).await)
        }
        Ok(take_up::Found::Lost) => {
            recorder = Recorder::new(dir, output, &secrets);
            Ok(JobOutcome::Lost)
        }
        Ok(take_up::Found::Nothing) => {
            recorder = Recorder::new(dir, output, &secrets);
            Box::pin(fresh(order, &host, port, &mut recorder, &secrets, deadline, stop)).await
        }
        Err(early) => {
            recorder = Recorder::new(dir, output, &secrets);
            Err(early)
        }
    };
    let outcome = ended(order, followed);
    sweep::attempt(order, &host).await;
    manifest::forget(order).await;
    (outcome, recorder, secrets)
}

fn ended(order: &Order, followed: Result<JobOutcome, Early>) -> JobOutcome {
    match followed {
        Ok(outcome) | Err(Early::Ended(outcome)) => outcome,
        Err(Early::Stopped(reason)) => JobOutcome::Cancelled { reason },
        Err(Early::TimedOut) => {
            let after = order.job.spec.timeout.unwrap_or_default();
            JobOutcome::Failed { failure: Failure::TimedOut { after } }
        }
    }
}

async fn fresh(
    order: &Order,
    host: &Host,
    port: &impl JobPort,
    recorder: &mut Recorder,
    secrets: &[(String, String)],
    deadline: Option<Instant>,
    mut stop: StopSignal,
) -> Result<JobOutcome, Early> {
    let spec = &order.job.spec.container;
    reach::reach(host, recorder, deadline, &stop).await?;
    host.sweep().await;
    if order.attempt > 1 {
        // An engine that was away may still have the one before.
        sweep::earlier(order, host).await;
    }
    let image = provide(order, host, spec, recorder, deadline, &mut stop).await?;
    let mut images = Vec::with_capacity(spec.services.len());
    for service in &spec.services {
        let wanted = ContainerSpec {
            image: Some(service.image.clone()),
            build: None,
            platform: spec.platform.clone(),
            pull: spec.pull,
            ..ContainerSpec::default()
        };
        images.push(provide(order, host, &wanted, recorder, deadline, &mut stop).await?);
    }
    let docker = host.client().await?;
    let services = service::start(order, docker, &images, secrets, &stop).await.map_err(|no| early(no, &stop))?;
    let opened = open(order, host, &image, &services, !secrets.is_empty(), "job").await?;
    let follow = begin(order, host, port, recorder, secrets, opened).await?;
    let outcome = follow.attend(deadline, stop).await;
    services.end().await;
    Ok(outcome)
}

/// A container that has been made and not started.
pub(super) struct Opened {
    pub(super) id: String,
    pub(super) nonce: String,
    pub(super) who: Who,
    pub(super) sent: Option<ship::Sent>,
}

/// Makes the container of an order, with its workspace and caches.
pub(super) async fn open(
    order: &Order,
    host: &Host,
    image: &Image,
    services: &Services,
    keeps_secrets: bool,
    role: &str,
) -> Result<Opened, Fault> {
    let docker = host.client().await?;
    let spec = &order.job.spec.container;
    if let Some(path) = order.job.environment.as_deref().and_then(parts::first_path).filter(|_| !host.shares_files()) {
        let what = format!("the engine {} can't mount {path}", host.name());
        return Err(Fault::new(EngineFault::Refused, what, "it does not see this machine's files"));
    }
    let who = Who::of(spec, &image.user, &order.workspace, host.shares_files());
    let way =
        if host.shares_files() && !who.must_send { Way::Mounted } else { Way::Sent(body::name(order, "workspace")) };
    sweep::prepare_volumes(order, docker, &way).await?;
    let nonce = blake3::hash(format!("{}{:?}", order.marker, std::time::SystemTime::now()).as_bytes()).to_hex();
    let nonce = nonce.get(..32).unwrap_or_default().to_owned();
    let made = Made {
        order,
        image,
        who: &who,
        way: &way,
        network: services.network.as_deref(),
        nonce: &nonce,
        role,
        keeps_secrets,
    };
    let name = body::name(order, if role == "job" { "" } else { role });
    let options = CreateContainerOptionsBuilder::new().name(&name);
    let options = match &spec.platform {
        Some(platform) => options.platform(platform),
        None => options,
    };
    let created = docker.create_container(Some(options.build()), made.body()).await;
    let created = created.map_err(|error| Fault::of("no container", &error))?;
    let (uid, gid) = (who.uid.unwrap_or(0), who.gid.unwrap_or(0));
    sweep::own_caches(order, docker, &created.id, uid, gid).await?;
    let sent = match way {
        Way::Mounted => None,
        Way::Sent(_) => {
            let target = body::directory(order);
            let owner = Owner { uid, gid };
            let sent = ship::send(host, &created.id, &order.workspace, &target.to_string_lossy(), owner).await?;
            if role == "job" {
                manifest::write(order, &sent).await;
            }
            Some(sent)
        }
    };
    Ok(Opened { id: created.id, nonce, who, sent })
}

/// Starts a container and gives it its script.
async fn begin<'a, P: JobPort>(
    order: &'a Order,
    host: &'a Host,
    port: &'a P,
    recorder: &'a mut Recorder,
    secrets: &'a [(String, String)],
    opened: Opened,
) -> Result<Follow<'a, P>, Early> {
    let docker = host.client().await?;
    let mut variables = environment::own(order);
    variables.extend(order.job.spec.env.clone());
    let directory = body::directory(order).to_string_lossy().into_owned();
    let before = order.job.environment.as_deref().map(parts::before).unwrap_or_default();
    let script = Script {
        nonce: &opened.nonce,
        directory: &directory,
        variables: &variables,
        secrets,
        before: &before,
        steps: &order.job.spec.steps,
        give_back: opened.who.give_back && opened.sent.is_none(),
        apart: false,
    };
    let options =
        AttachContainerOptionsBuilder::new().stdin(true).stdout(true).stderr(true).stream(true).logs(false).build();
    let attached = docker.attach_container(&opened.id, Some(options)).await;
    let attached = attached.map_err(|error| Fault::of("can't talk to the container", &error))?;
    docker.start_container(&opened.id, None).await.map_err(|error| not_started(&error))?;
    let mut input = attached.input;
    let text = script.text();
    let tty = order.job.spec.tty;
    let send = async move {
        input.write_all(text.as_bytes()).await?;
        if !tty {
            input.shutdown().await?;
        }
        // A terminal that is hung up ends what runs on it: it stays open until the container has ended.
        Ok::<_, std::io::Error>(input)
    };
    let follow =
        Follow::new(order, host, port, recorder, secrets, opened.id, &opened.nonce, attached.output, opened.sent);
    Ok(follow.with_input(Box::pin(send), tty))
}

/// Why a container did not start, in words that help.
fn not_started(error: &bollard::errors::Error) -> Early {
    let fault = Fault::of("the container does not start", error);
    let no_shell = fault.why.contains("\"sh\"") && fault.why.contains("executable file not found");
    if no_shell {
        let why = "its image has no `sh`, which runs the steps".to_owned();
        let hint = Some("take an image with a shell (the -slim or -alpine variant, say)".to_owned());
        return Early::Ended(JobOutcome::Failed {
            failure: Failure::Engine { fault: EngineFault::Refused, why, hint },
        });
    }
    fault.into()
}

/// The image of a container; what is said of it goes into the output.
pub(super) async fn provide(
    order: &Order,
    host: &Host,
    spec: &ContainerSpec,
    recorder: &mut Recorder,
    deadline: Option<Instant>,
    stop: &mut StopSignal,
) -> Result<Image, Early> {
    let said = stop.clone();
    let mut say = |bytes: &[u8]| recorder.record(bytes);
    let providing = image::provide(host, spec, &order.workspace, &mut say, stop);
    let provided = match deadline {
        Some(deadline) => match tokio::time::timeout_at(deadline, providing).await {
            Ok(provided) => provided,
            Err(_) => return Err(Early::TimedOut),
        },
        None => providing.await,
    };
    provided.map_err(|no| match no {
        Provide::Fault(fault) => fault.into(),
        Provide::Stopped => stopped(&said),
        Provide::Build { exit: Some(code), .. } if (1..=255).contains(&code) => {
            Early::Ended(JobOutcome::Failed { failure: Failure::Exit { code } })
        }
        Provide::Build { words, .. } => Early::Ended(not_run(format!("its image can't be built: {words}"), None)),
    })
}

fn early(no: NoServices, stop: &StopSignal) -> Early {
    match no {
        NoServices::Stopped => stopped(stop),
        NoServices::Fault(fault) => fault.into(),
        NoServices::NotReady { service, why } => {
            let hint = format!("what it printed: gonogo logs RUN/JOB:{service}");
            Early::Ended(not_run(format!("service `{service}` is not ready: {why}"), Some(hint)))
        }
    }
}

pub(super) fn stopped(stop: &StopSignal) -> Early {
    let reason = stop.borrow().as_ref().map(|stop| stop.reason().clone());
    // Where nobody is left who could have said why, gonogo is ending.
    Early::Stopped(reason.unwrap_or(CancelReason::ShuttingDown))
}
