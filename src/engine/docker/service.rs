//! What runs beside a job: a network of their own, the services on it, and the wait until each is ready.

use std::{collections::HashMap, time::Duration};

use bollard::{
    Docker,
    container::LogOutput,
    models::{
        ContainerCreateBody, ContainerStateStatusEnum, EndpointSettings, HealthConfig, NetworkCreateRequest,
        NetworkingConfig,
    },
    query_parameters::{CreateContainerOptionsBuilder, LogsOptionsBuilder},
};
use futures::StreamExt as _;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    domain::container::{Network, ServiceSpec},
    engine::{
        port::{Order, StopSignal},
        recorder::Recorder,
    },
};

use super::{body, fault::Fault, health, image, label};

/// However often it may fail, no check goes on for longer.
const LONGEST: Duration = Duration::from_mins(10);

/// The services of a job while it runs.
#[derive(Debug, Default)]
pub struct Services {
    /// The network that they share with the job; none without services.
    pub network: Option<String>,
    /// Each writes what its service prints into an output of its own.
    recording: Vec<AbortOnDropHandle<()>>,
}

/// Why there are no services.
#[derive(Debug)]
pub enum NoServices {
    /// It was stopped on purpose.
    Stopped,
    /// The engine could not.
    Fault(Fault),
    /// One of them did not become ready.
    NotReady {
        /// Its name.
        service: String,
        /// What is known of it.
        why: String,
    },
}

impl From<Fault> for NoServices {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Starts the services of an order and waits until all are ready.
pub async fn start(
    order: &Order,
    docker: &Docker,
    images: &[image::Image],
    secrets: &[(String, String)],
    stop: &StopSignal,
) -> Result<Services, NoServices> {
    let spec = &order.job.spec.container;
    if spec.services.is_empty() {
        return Ok(Services::default());
    }
    let network = body::name(order, "net");
    let request = NetworkCreateRequest {
        name: network.clone(),
        // Without a way out, they still reach each other.
        internal: Some(order.offline || spec.network == Network::None),
        labels: Some(body::labels(order, "network", "")),
        ..NetworkCreateRequest::default()
    };
    let made = docker.create_network(request).await;
    made.map_err(|error| Fault::of("no network for its services", &error))?;
    let mut services = Services { network: Some(network.clone()), recording: Vec::new() };
    let mut ids = Vec::new();
    for (service, image) in spec.services.iter().zip(images) {
        let id = create(order, docker, service, image, &network).await?;
        let failed = |error| Fault::of(format!("service `{}` does not start", service.name), &error);
        docker.start_container(&id, None).await.map_err(failed)?;
        let recorder = Recorder::anew(&order.output_dir, &order.output.beside(&service.name), secrets);
        services.recording.push(AbortOnDropHandle::new(tokio::spawn(record(docker.clone(), id.clone(), recorder))));
        ids.push((service, id, health::Check::of(service.health.as_ref(), image.healthcheck.as_ref())));
    }
    for (service, id, check) in &ids {
        ready(docker, service, id, check.as_ref(), stop).await?;
    }
    Ok(services)
}

async fn create(
    order: &Order,
    docker: &Docker,
    service: &ServiceSpec,
    image: &image::Image,
    network: &str,
) -> Result<String, Fault> {
    let endpoint = EndpointSettings { aliases: Some(vec![service.name.clone()]), ..EndpointSettings::default() };
    let tmpfs = body::tmpfs(&service.tmpfs);
    let mut labels = body::labels(order, label::ROLE_SERVICE, &service.name);
    labels.insert(label::IMAGE.into(), image.name.clone());
    let body = ContainerCreateBody {
        image: Some(image.id.clone()),
        hostname: Some(service.name.clone()),
        cmd: (!service.command.is_empty()).then(|| service.command.clone()),
        env: Some(service.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        labels: Some(labels),
        // It is checked from here: not every engine checks by itself.
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".into()]), ..HealthConfig::default() }),
        host_config: Some(bollard::models::HostConfig {
            network_mode: Some(network.to_owned()),
            tmpfs: (!tmpfs.is_empty()).then_some(tmpfs),
            ..body::limits(&service.limits)
        }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])),
        }),
        ..ContainerCreateBody::default()
    };
    let name = body::name(order, &service.name);
    let made = docker.create_container(Some(CreateContainerOptionsBuilder::new().name(&name).build()), body).await;
    let made = made.map_err(|error| Fault::of(format!("service `{}` can't be made", service.name), &error))?;
    Ok(made.id)
}

/// Waits until a service is ready: by its health check, or because it runs.
async fn ready(
    docker: &Docker,
    service: &ServiceSpec,
    id: &str,
    check: Option<&health::Check>,
    stop: &StopSignal,
) -> Result<(), NoServices> {
    let not_ready = |why: String| NoServices::NotReady { service: service.name.clone(), why };
    let began = Instant::now();
    let mut failures = 0;
    loop {
        if stop.borrow().is_some() {
            return Err(NoServices::Stopped);
        }
        let found = docker.inspect_container(id, None).await;
        let found = found.map_err(|error| Fault::of(format!("service `{}` is gone", service.name), &error))?;
        let state = found.state.unwrap_or_default();
        if state.status != Some(ContainerStateStatusEnum::RUNNING) {
            let code = state.exit_code.unwrap_or_default();
            return Err(not_ready(format!("it ended with exit {code}")));
        }
        let Some(check) = check else { return Ok(()) };
        match check.ask(docker, id).await {
            Ok(()) => return Ok(()),
            Err(said) => {
                if began.elapsed() >= check.start {
                    failures += 1;
                }
                if failures >= check.retries {
                    return Err(not_ready(format!("its health check failed {failures} times: {said}")));
                }
                if began.elapsed() > LONGEST {
                    return Err(not_ready(format!("it was not ready in 10 minutes: {said}")));
                }
            }
        }
        let mut stop = stop.clone();
        tokio::select! {
            () = tokio::time::sleep(check.interval) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Records what a service prints until it ends, or nobody needs it any more.
async fn record(docker: Docker, id: String, mut recorder: Recorder) {
    let options = LogsOptionsBuilder::new().follow(true).stdout(true).stderr(true).build();
    let mut output = std::pin::pin!(docker.logs(&id, Some(options)));
    while let Some(Ok(part)) = output.next().await {
        recorder.record(LogOutput::into_bytes(part).as_ref());
        recorder.idle();
    }
    recorder.finish();
}

impl Services {
    /// Waits shortly for the last of what they printed: their containers have been ended.
    pub async fn end(mut self) {
        for recording in &mut self.recording {
            let _ = tokio::time::timeout(Duration::from_secs(2), recording).await;
        }
    }
}
