//! Having a member for a while.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::oneshot;

use crate::{
    domain::container::EnvironmentSpec,
    engine::docker::{fault::Fault, host::Host},
    protocol::environment::Assigned,
};

use super::inside;

/// What is wanted by somebody who wants a member.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Root of the project.
    pub project: PathBuf,
    /// The environment, as whoever asks knows it.
    pub spec: EnvironmentSpec,
    /// Who asks, and for what: shown to others.
    pub holder: String,
    /// It is for a job: when gonogo is killed, what it runs there is ended by the next one.
    pub job: bool,
    /// Only of what somebody has wanted to be kept: none is made of a spec that nobody has recorded.
    pub only_up: bool,
    /// This one was assigned before, and is not usable.
    pub broken: Option<String>,
}

/// Why there is no member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMember {
    /// What is kept is not made as whoever asks knows it.
    #[error("the environment is kept in another form than this one")]
    Other,
    /// It is not up, and may not be made for whoever asks.
    #[error("the environment is not up")]
    NotUp,
    /// The engine could not.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It can't be prepared as it is declared.
    #[error("no member of it could be prepared: {0}")]
    Failed(String),
    /// gonogo is ending.
    #[error("gonogo is ending")]
    Ending,
}

/// A member, had by somebody. When this is dropped, what runs of it is ended, and the member goes back.
#[derive(Debug)]
pub struct Lease {
    /// Which, and how it is used.
    pub assigned: Assigned,
    /// The engine that it is on.
    pub host: Arc<Host>,
    soiled: bool,
    back: Option<oneshot::Sender<bool>>,
}

impl Lease {
    /// One that says to `back`, when it is dropped, whether the member may be used again.
    pub(super) fn new(assigned: Assigned, host: Arc<Host>, back: oneshot::Sender<bool>) -> Self {
        Self { assigned, host, soiled: false, back: Some(back) }
    }

    /// The member is not fit for anybody else.
    pub fn soil(&mut self) {
        self.soiled = true;
    }

    /// Sends a signal to everything that runs under it.
    pub async fn signal(&self, signal: &str) -> Result<(), Fault> {
        let docker = self.host.client().await?;
        inside::signal(docker, &self.assigned.id, &self.assigned.lease, signal).await.map(drop)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(back) = self.back.take() {
            // Nobody hears it where gonogo is ending.
            let _ = back.send(self.soiled);
        }
    }
}
