//! Hearing an engine's events: that something has happened to a member is enough, what it was is read then.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bollard::query_parameters::EventsOptionsBuilder;
use futures::StreamExt as _;
use tokio::{sync::mpsc, time::sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::engine::docker::{host::Host, label};

use super::Driver;

/// The waits before an engine that no longer tells is asked again.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

/// What can change how a member stands. What is run in it tells nothing.
const EVENTS: [&str; 9] =
    ["die", "oom", "destroy", "pause", "unpause", "start", "health_status", "rename", "health_status: unhealthy"];

impl Driver {
    /// Hears the events of an engine from now on.
    pub(super) fn listen(&mut self, host: &Arc<Host>) {
        if !self.watched.contains_key(host.name()) {
            let task = tokio::spawn(events(Arc::clone(host), self.ground.home.clone(), self.stir.clone()));
            self.watched.insert(host.name().to_owned(), AbortOnDropHandle::new(task));
        }
    }
}

async fn events(host: Arc<Host>, home: String, stir: mpsc::Sender<String>) {
    let mut wait = FIRST;
    loop {
        if let Ok(docker) = host.client().await {
            let mut filters: HashMap<String, Vec<String>> =
                label::filter(&[(label::HOME, &home), (label::ROLE, "environment")]);
            filters.insert("type".into(), vec!["container".into()]);
            filters.insert("event".into(), EVENTS.iter().map(|&event| event.to_owned()).collect());
            let mut events = std::pin::pin!(docker.events(Some(EventsOptionsBuilder::new().filters(&filters).build())));
            while let Some(Ok(_)) = events.next().await {
                wait = FIRST;
                // Where it is full, the engine will be read anyway.
                let _ = stir.try_send(host.name().to_owned());
            }
        }
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST);
        // What has happened meanwhile nobody has told.
        if stir.send(host.name().to_owned()).await.is_err() {
            return;
        }
    }
}
