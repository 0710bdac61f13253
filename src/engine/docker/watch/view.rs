//! One who looks: what has been told, and what is new since.

use std::{collections::BTreeMap, time::Duration};

use tokio::{sync::watch, time::Instant};

use crate::protocol::container::{ContainerNews, ContainerRef, Look};

use super::{Watch, board::Entry};

/// News are not told more often than this.
const PAUSE: Duration = Duration::from_millis(250);

/// At most so many containers are told of: those that are up, then the newest.
const MOST: usize = 1000;

/// Looks at the containers of all engines. While one lives, they are watched.
#[derive(Debug)]
pub struct View {
    watch: Watch,
    id: u64,
    changed: watch::Receiver<u64>,
    /// Something has changed that was not told yet.
    waiting: bool,
    next: Instant,
    /// Whether anything was told.
    begun: bool,
    engines: u64,
    moments: u64,
    /// The changes by which each container, and its gauges, were told last.
    told: BTreeMap<ContainerRef, (u64, u64)>,
}

impl View {
    pub(super) fn new(watch: Watch, id: u64) -> Self {
        let changed = watch.0.changed.subscribe();
        let told = BTreeMap::new();
        Self { watch, id, changed, waiting: true, next: Instant::now(), begun: false, engines: 0, moments: 0, told }
    }

    /// Looks at something else.
    pub fn look(&self, look: Look) {
        self.watch.0.looks.send_if_modified(|looks| {
            let known = looks.views.get_mut(&self.id).filter(|known| **known != look);
            known.is_some_and(|known| {
                *known = look;
                true
            })
        });
    }

    /// Waits until there are news, and it is time for them. May be dropped and called again.
    pub async fn ready(&mut self) {
        if !self.waiting {
            // The sender lives as long as the view.
            let _ = self.changed.changed().await;
            self.waiting = true;
        }
        tokio::time::sleep_until(self.next).await;
    }

    /// Nobody could be told: it is tried again after a pause.
    pub fn put_off(&mut self) {
        self.waiting = true;
        self.next = Instant::now() + PAUSE;
    }

    /// What is new since the last time.
    pub fn news(&mut self) -> ContainerNews {
        self.next = Instant::now() + PAUSE;
        self.waiting = false;
        self.changed.mark_unchanged();
        let board = self.watch.board();
        let mut news = ContainerNews { whole: !self.begun, ..ContainerNews::default() };
        self.begun = true;
        let (engines, at) = board.engines();
        if at > self.engines {
            news.engines = engines.to_vec();
            self.engines = at;
        }
        let (moments, newest) = board.moments(self.moments);
        news.moments = moments.cloned().collect();
        self.moments = newest;
        let mut chosen: Vec<(&ContainerRef, &Entry)> = board.rows().iter().collect();
        if chosen.len() > MOST {
            news.omitted = chosen.len() - MOST;
            chosen.sort_by_key(|(_, entry)| (!entry.row.is_up(), std::cmp::Reverse(entry.row.created)));
            chosen.truncate(MOST);
        }
        let mut told = BTreeMap::new();
        for (container, entry) in chosen {
            let (row_at, gauges_at) = self.told.remove(container).unwrap_or((0, 0));
            if entry.row_at > row_at {
                let mut row = (*entry.row).clone();
                if let Some(own) = &mut row.own {
                    let home = self.watch.0.home.as_str();
                    own.ours = !home.is_empty() && own.home.starts_with(home);
                }
                news.rows.push(row);
            }
            if entry.gauges_at > gauges_at {
                news.gauges.push((container.clone(), entry.gauges));
            }
            told.insert(container.clone(), (entry.row_at, entry.gauges_at));
        }
        news.gone = std::mem::replace(&mut self.told, told).into_keys().collect();
        news
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.watch.forget(self.id);
    }
}
