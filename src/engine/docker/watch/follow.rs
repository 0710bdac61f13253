//! The streams of gauges of one engine: one for each container that is looked at, up to a bound.

use std::{
    collections::{BTreeMap, HashMap},
    pin::Pin,
    time::Duration,
};

use bollard::{Docker, errors::Error, models::ContainerStatsResponse, query_parameters::StatsOptionsBuilder};
use futures::{
    Stream, StreamExt as _,
    future::AbortHandle,
    stream::{self, SelectAll},
};
use tokio::time::Instant;

use crate::protocol::container::{Gauges, Look};

use super::{Looks, board::Board, gauge::Sample};

/// At most so many streams are open at once, an engine. Each is a connection.
const MOST: usize = 64;

/// A stream that has ended by itself is not opened again before this.
const PAUSE: Duration = Duration::from_secs(2);

type Samples = Pin<Box<dyn Stream<Item = (Name, Option<Result<ContainerStatsResponse, Error>>)> + Send>>;

/// A container, and which of its streams.
type Name = (String, u64);

/// What is being read.
pub(super) struct Streams {
    client: Docker,
    streams: SelectAll<Samples>,
    open: HashMap<String, Open>,
    /// Those that have ended by themselves, and when.
    ended: HashMap<String, Instant>,
    count: u64,
}

/// A stream that is read.
struct Open {
    number: u64,
    handle: AbortHandle,
    before: Option<Sample>,
}

impl Streams {
    pub(super) fn new(client: Docker) -> Self {
        Self { client, streams: SelectAll::new(), open: HashMap::new(), ended: HashMap::new(), count: 0 }
    }

    /// Opens and shuts streams so that these are read. Gives back those that are read no longer.
    pub(super) fn want(&mut self, wanted: &[String]) -> Vec<String> {
        let shut: Vec<String> = self.open.keys().filter(|id| !wanted.contains(id)).cloned().collect();
        for id in &shut {
            if let Some(open) = self.open.remove(id) {
                open.handle.abort();
            }
        }
        self.ended.retain(|_, at| at.elapsed() < PAUSE);
        for id in wanted {
            if self.open.contains_key(id) || self.ended.contains_key(id) {
                continue;
            }
            let options = StatsOptionsBuilder::new().stream(true).build();
            let samples = self.client.stats(id, Some(options));
            let (samples, handle) = stream::abortable(samples);
            self.count += 1;
            let of = (id.clone(), self.count);
            let end = of.clone();
            let samples = samples.map(move |sample| (of.clone(), Some(sample)));
            let samples = samples.chain(stream::once(async move { (end, None) }));
            self.streams.push(Box::pin(samples));
            self.open.insert(id.clone(), Open { number: self.count, handle, before: None });
        }
        shut
    }

    /// The next gauges: of which container, and what; `None` where its stream has ended. Waits for ever while none is open.
    pub(super) async fn next(&mut self) -> (String, Option<Gauges>) {
        loop {
            let Some(((id, number), sample)) = self.streams.next().await else { return std::future::pending().await };
            // One that was shut may have had something to say.
            let Some(open) = self.open.get_mut(&id).filter(|open| open.number == number) else { continue };
            match sample {
                Some(Ok(stats)) => {
                    let (sample, gauges) = Sample::gauges(open.before, &stats);
                    open.before = Some(sample);
                    if gauges.is_some() {
                        return (id, gauges);
                    }
                }
                // It ended, or was deleted: an event says so as well. If it is still wanted, it is opened again then.
                Some(Err(_)) | None => {
                    self.open.remove(&id);
                    self.ended.insert(id.clone(), Instant::now());
                    return (id, None);
                }
            }
        }
    }
}

/// Whose gauges are to be read: those on screens first, then as many others as there is room for.
pub(super) fn wanted(engine: &str, board: &Board, looks: &Looks) -> Vec<String> {
    let up: BTreeMap<&str, _> = board
        .rows()
        .iter()
        .filter(|(container, entry)| container.engine == engine && entry.row.is_up())
        .map(|(container, entry)| (container.id.as_str(), entry))
        .collect();
    let mut wanted: Vec<String> = Vec::new();
    let shown = looks.views.values().flat_map(|look: &Look| &look.shown).filter(|shown| shown.engine == engine);
    for id in shown.map(|shown| shown.id.as_str()) {
        if wanted.len() < MOST && up.contains_key(id) && !wanted.iter().any(|known| known == id) {
            wanted.push(id.to_owned());
        }
    }
    if looks.views.values().any(|look| look.rest) {
        for id in up.keys() {
            if wanted.len() < MOST && !wanted.iter().any(|known| known == id) {
                wanted.push((*id).to_owned());
            }
        }
    }
    wanted
}
