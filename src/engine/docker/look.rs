//! How an engine is, in one short look: for `gonogo doctor` and the board.

use std::time::Duration;

use bollard::Docker;
use tokio::time::timeout;

use crate::domain::container::{EngineFault, EngineState};

use super::{fault::Fault, host::Host};

/// How long the look may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The same where the way there may have to be made first, over machines in between.
const OVER_SSH: Duration = Duration::from_secs(15);

impl Host {
    /// How it is. An engine that does not answer within 5 s (15 s over ssh) is away.
    pub async fn look(&self) -> Result<EngineState, Fault> {
        let what = format!("the engine {} at {} does not answer", self.name(), self.spec.address);
        let look = async { ask(self, self.client().await?, &what).await };
        let patience = if self.is_over_ssh() { OVER_SSH } else { PATIENCE };
        match timeout(patience, look).await {
            Ok(state) => state,
            Err(_) => Err(Fault::new(EngineFault::Away, what, format!("nothing for {} s", patience.as_secs()))),
        }
    }
}

async fn ask(host: &Host, client: &Docker, what: &str) -> Result<EngineState, Fault> {
    let asked = tokio::try_join!(client.version(), client.info());
    let (version, info) = asked.map_err(|error| Fault::of(what, &error))?;
    let podman = version.components.iter().flatten().any(|part| part.name.to_lowercase().contains("podman"));
    let rootless = info.security_options.iter().flatten().any(|option| option.contains("name=rootless"));
    let number = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
    Ok(EngineState {
        name: host.name().to_owned(),
        address: host.spec.address.clone(),
        version: version.version.or(info.server_version).unwrap_or_default(),
        api: version.api_version.unwrap_or_default(),
        os: version.os.or(info.os_type).unwrap_or_default(),
        arch: version.arch.or(info.architecture).unwrap_or_default(),
        containers: number(info.containers),
        running: number(info.containers_running),
        cpus: number(info.ncpu),
        memory: number(info.mem_total),
        podman,
        rootless,
    })
}
