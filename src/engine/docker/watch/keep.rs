//! The task that watches one engine: events first, then a list, then a closer look at whatever has changed.

use std::{
    collections::{BTreeSet, HashMap},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use bollard::{
    Docker,
    errors::Error,
    models::{ContainerInspectResponse, EventMessage},
    query_parameters::{EventsOptionsBuilder, InspectContainerOptions, ListContainersOptionsBuilder},
};
use futures::{Stream, StreamExt as _, stream::FuturesUnordered};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{
    engine::docker::{fault::Fault, host::Host},
    protocol::container::{ContainerRef, ContainerRow, EngineLink},
};

use super::{Watch, follow, happened, row};

/// The first wait before an engine that went away is tried again, and the longest.
const WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Listed again so soon after the first time, for what may have happened before the events came,
const SOON: Duration = Duration::from_secs(1);

/// and now and then, whatever the events say.
const NOW_AND_THEN: Duration = Duration::from_mins(1);

/// Changes that come together are looked at together.
const TOGETHER: Duration = Duration::from_millis(100);

/// So many containers are looked at closer at once.
const AT_ONCE: usize = 8;

/// Watches an engine until it is stopped.
pub(super) async fn keep(watch: Watch, host: Arc<Host>, stop: CancellationToken) {
    let mut wait = WAIT;
    loop {
        let began = Instant::now();
        let fault = tokio::select! {
            () = stop.cancelled() => return,
            fault = serve(&watch, &host, &stop) => fault,
        };
        watch.change(&stop, |board| board.away(host.name(), fault.why));
        if began.elapsed() > LONGEST_WAIT {
            wait = WAIT;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(wait) => {}
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Lists all containers of an engine.
pub async fn list(client: &Docker, host: &Host) -> Result<Vec<ContainerRow>, Fault> {
    let options = ListContainersOptionsBuilder::new().all(true).build();
    let listed = client.list_containers(Some(options)).await;
    let listed = listed.map_err(|error| Fault::of(format!("{} doesn't list its containers", host.name()), &error))?;
    Ok(listed.into_iter().filter_map(|summary| row::of_summary(host.name(), summary)).collect())
}

type Events = Pin<Box<dyn Stream<Item = Result<EventMessage, Error>> + Send>>;
type Inspected = (String, Result<ContainerInspectResponse, Error>);

/// Watches until something fails; gives what.
async fn serve(watch: &Watch, host: &Arc<Host>, stop: &CancellationToken) -> Fault {
    let client = match host.client().await {
        Ok(client) => client.clone(),
        Err(fault) => return fault,
    };
    let only = HashMap::from([("type", vec!["container"])]);
    let mut events: Events = Box::pin(client.events(Some(EventsOptionsBuilder::new().filters(&only).build())));
    let engine = host.name();
    let mut streams = follow::Streams::new(client.clone());
    let mut looks = watch.0.looks.subscribe();
    let mut dirty: BTreeSet<String> = BTreeSet::new();
    let mut look_at = None::<Instant>;
    let mut looking = FuturesUnordered::new();
    let mut list_at = Instant::now();
    let mut listed = false;
    loop {
        let closer = look_at.unwrap_or_else(|| Instant::now() + NOW_AND_THEN);
        tokio::select! {
            biased;
            event = events.next() => match event {
                Some(Ok(event)) => {
                    let Some(said) = happened::said(engine, event) else { continue };
                    watch.change(stop, |board| {
                        if let Some(moment) = said.moment {
                            board.happened(moment);
                        }
                        if said.gone {
                            board.remove(&ContainerRef { engine: engine.to_owned(), id: said.id.clone() });
                        }
                    });
                    if said.changed && !said.gone {
                        dirty.insert(said.id);
                        look_at.get_or_insert_with(|| Instant::now() + TOGETHER);
                    }
                }
                Some(Err(error)) => return Fault::of("its events can't be read", &error),
                None => return Fault::new(
                    crate::domain::container::EngineFault::Away, "its events have ended", "the engine has closed the connection",
                ),
            },
            () = sleep_until(list_at) => {
                match list(&client, host).await {
                    Ok(rows) => {
                        let coarse = watch.change(stop, |board| {
                            board.link(engine, EngineLink::Up);
                            board.listed(engine, rows);
                            let of_it = board.rows().values().filter(|entry| entry.row.container.engine == engine);
                            let coarse = of_it.filter(|entry| row::is_coarse(&entry.row));
                            coarse.map(|entry| entry.row.container.id.clone()).collect::<Vec<_>>()
                        });
                        dirty.extend(coarse.unwrap_or_default());
                        look_at.get_or_insert_with(Instant::now);
                    }
                    Err(fault) => return fault,
                }
                list_at = Instant::now() + if listed { NOW_AND_THEN } else { SOON };
                listed = true;
            }
            Some((id, inspected)) = looking.next(), if !looking.is_empty() => {
                learn(watch, stop, engine, (id, inspected), &mut list_at);
                if !dirty.is_empty() {
                    look_at.get_or_insert_with(Instant::now);
                }
            }
            () = sleep_until(closer), if look_at.is_some() && looking.len() < AT_ONCE => {
                while looking.len() < AT_ONCE && let Some(id) = dirty.pop_first() {
                    let client = client.clone();
                    looking.push(async move {
                        let inspected = client.inspect_container(&id, None::<InspectContainerOptions>).await;
                        (id, inspected)
                    });
                }
                look_at = None;
            }
            (id, gauges) = streams.next() => {
                let container = ContainerRef { engine: engine.to_owned(), id };
                watch.change(stop, |board| board.gauge(&container, gauges));
            }
            _ = looks.changed() => {}
        }
        let wanted = follow::wanted(engine, &watch.board(), &looks.borrow_and_update());
        let shut = streams.want(&wanted);
        if !shut.is_empty() {
            watch.change(stop, |board| {
                for id in shut {
                    board.gauge(&ContainerRef { engine: engine.to_owned(), id }, None);
                }
            });
        }
    }
}

/// Takes in what looking closer has told.
fn learn(watch: &Watch, stop: &CancellationToken, engine: &str, (id, inspected): Inspected, list_at: &mut Instant) {
    let container = ContainerRef { engine: engine.to_owned(), id };
    match inspected {
        Ok(inspected) => {
            watch.change(stop, |board| {
                let known = board.rows().get(&container).map(|entry| std::sync::Arc::clone(&entry.row));
                match known {
                    Some(known) => board.put(row::refine(&known, &inspected)),
                    // Ports, labels and the name of its image stand in the list.
                    None => *list_at = (*list_at).min(Instant::now() + SOON / 4),
                }
            });
        }
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
            watch.change(stop, |board| board.remove(&container));
        }
        // It is listed again before long.
        Err(_) => {}
    }
}
