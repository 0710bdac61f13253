//! What is known of all containers, each thing with the number of the change that brought it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{
    domain::time::Timestamp,
    engine::docker::host::Hosts,
    protocol::container::{ContainerMoment, ContainerRef, ContainerRow, EngineLink, EngineState, Gauges},
};

/// So many moments are kept.
const MOMENTS: usize = 500;

/// All that is known.
#[derive(Debug, Default)]
pub(super) struct Board {
    version: u64,
    engines: Vec<EngineState>,
    engines_at: u64,
    rows: BTreeMap<ContainerRef, Entry>,
    moments: VecDeque<ContainerMoment>,
    /// Number of the newest moment; the first is 1.
    newest_moment: u64,
}

/// A container.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) row: Arc<ContainerRow>,
    pub(super) row_at: u64,
    pub(super) gauges: Option<Gauges>,
    pub(super) gauges_at: u64,
}

impl Board {
    /// Nobody has looked for a while: what was known is of no use any more.
    pub(super) fn begin(&mut self, hosts: &Hosts) {
        self.version += 1;
        let state = |host: &Arc<crate::engine::docker::host::Host>| EngineState {
            name: host.name().to_owned(),
            address: host.spec.address.clone(),
            link: EngineLink::Asking,
        };
        self.engines = hosts.all().map(state).collect();
        self.engines_at = self.version;
        self.rows.clear();
        self.moments.clear();
    }

    /// Rises with every change.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The engines, and the change that brought the newest of them.
    pub(super) fn engines(&self) -> (&[EngineState], u64) {
        (&self.engines, self.engines_at)
    }

    /// The containers.
    pub(super) fn rows(&self) -> &BTreeMap<ContainerRef, Entry> {
        &self.rows
    }

    /// Moments after number `since`, and the number of the newest.
    pub(super) fn moments(&self, since: u64) -> (impl Iterator<Item = &ContainerMoment>, u64) {
        let first = self.newest_moment - self.moments.len() as u64;
        let skip = since.saturating_sub(first) as usize;
        (self.moments.iter().skip(skip), self.newest_moment)
    }

    /// An engine answers, or doesn't.
    pub(super) fn link(&mut self, engine: &str, link: EngineLink) {
        let Some(state) = self.engines.iter_mut().find(|state| state.name == engine) else { return };
        let link = match (link, &state.link) {
            // It was away all the time.
            (EngineLink::Away { why, .. }, EngineLink::Away { since, .. }) => EngineLink::Away { why, since: *since },
            (link, _) => link,
        };
        if state.link != link {
            state.link = link;
            self.version += 1;
            self.engines_at = self.version;
        }
    }

    /// All containers of an engine, as they were just listed.
    pub(super) fn listed(&mut self, engine: &str, rows: Vec<ContainerRow>) {
        let gone: Vec<ContainerRef> = self
            .rows
            .keys()
            .filter(|known| known.engine == engine && !rows.iter().any(|row| row.container == **known))
            .cloned()
            .collect();
        gone.iter().for_each(|gone| self.remove(gone));
        for row in rows {
            let row = match self.rows.get(&row.container) {
                Some(known) => super::row::keep_details(row, &known.row),
                None => row,
            };
            self.put(row);
        }
    }

    /// A container is so.
    pub(super) fn put(&mut self, row: ContainerRow) {
        if self.rows.get(&row.container).is_some_and(|entry| *entry.row == row) {
            return;
        }
        self.version += 1;
        let (gauges, gauges_at) =
            self.rows.get(&row.container).map_or((None, 0), |entry| (entry.gauges, entry.gauges_at));
        let container = row.container.clone();
        self.rows.insert(container, Entry { row: Arc::new(row), row_at: self.version, gauges, gauges_at });
    }

    /// A container is there no more.
    pub(super) fn remove(&mut self, container: &ContainerRef) {
        if self.rows.remove(container).is_some() {
            self.version += 1;
        }
    }

    /// What a container uses; `None`: that is not read any more.
    pub(super) fn gauge(&mut self, container: &ContainerRef, gauges: Option<Gauges>) {
        let Some(entry) = self.rows.get_mut(container) else { return };
        if gauges.is_none() && entry.gauges.is_none() {
            return;
        }
        self.version += 1;
        (entry.gauges, entry.gauges_at) = (gauges, self.version);
    }

    /// Something happened to a container.
    pub(super) fn happened(&mut self, moment: ContainerMoment) {
        self.version += 1;
        self.newest_moment += 1;
        self.moments.push_back(moment);
        if self.moments.len() > MOMENTS {
            self.moments.pop_front();
        }
    }

    /// An engine no longer answers.
    pub(super) fn away(&mut self, engine: &str, why: String) {
        self.link(engine, EngineLink::Away { why, since: Timestamp::now() });
        let of_it: Vec<ContainerRef> = self.rows.keys().filter(|known| known.engine == engine).cloned().collect();
        of_it.iter().for_each(|container| self.gauge(container, None));
    }
}
