//! What has been committed, for every session: the newest records in memory, older ones from the log. And who listens.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{actor::Actor, id::Seq, time::Timestamp},
    protocol::{
        event::Record,
        frame::{Health, Peer},
        session::{Visitor, VisitorKind},
        telemetry::Telemetry,
    },
    store::log::{LogError, LogReader},
};

/// How many records are kept in memory: a client that is further behind is sent them from the log.
const KEPT: usize = 8192;

/// How many telemetry messages may wait for a client before it misses some.
const TELEMETRY: usize = 256;

/// Where control publishes, and sessions read. Publishing never waits for a reader.
#[derive(Debug)]
pub struct Published {
    kept: Mutex<VecDeque<Arc<Record>>>,
    newest: watch::Sender<Seq>,
    telemetry: broadcast::Sender<Telemetry>,
    health: watch::Sender<Health>,
    present: watch::Sender<Present>,
    at_work: AtomicBool,
    ending: AtomicBool,
    failed: AtomicBool,
    ended: CancellationToken,
    log: PathBuf,
    log_id: Option<String>,
}

/// Who is attached.
#[derive(Clone, Debug, Default)]
pub struct Present {
    /// How many sessions there have been.
    count: u64,
    /// Those that there are, and what each has shown.
    peers: Vec<(Peer, Seq)>,
}

impl Present {
    /// The sessions, as the one with number `you` is told.
    pub fn as_told(&self, you: u64) -> Vec<Peer> {
        self.peers.iter().map(|(peer, _)| Peer { you: peer.id == you, ..peer.clone() }).collect()
    }

    /// Boards that have shown something: who, from where, and the newest record that they have shown.
    pub fn boards(&self) -> impl Iterator<Item = (&Actor, &str, Seq)> {
        let boards = self.peers.iter().filter(|(peer, seen)| peer.kind == VisitorKind::Board && *seen > Seq(0));
        boards.map(|(peer, seen)| (&peer.actor, peer.from.as_str(), *seen))
    }
}

impl Published {
    /// Begins with a log at `log`, of this name, whose newest record is `newest`.
    pub fn new(log: PathBuf, log_id: Option<String>, newest: Seq) -> Self {
        Self {
            kept: Mutex::default(),
            newest: watch::Sender::new(newest),
            telemetry: broadcast::Sender::new(TELEMETRY),
            health: watch::Sender::default(),
            present: watch::Sender::default(),
            at_work: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            ended: CancellationToken::new(),
            log,
            log_id,
        }
    }

    /// Which log it is, if that is known.
    pub fn log_id(&self) -> Option<String> {
        self.log_id.clone()
    }

    /// Publishes records that are durable now.
    pub fn publish(&self, records: impl IntoIterator<Item = Arc<Record>>) {
        // No await and no panic happens under this lock; a poisoned one still holds a good queue.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(records);
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
        if let Some(last) = kept.back() {
            self.newest.send_replace(last.seq);
        }
    }

    /// Tells something that may be missed.
    pub fn tell(&self, telemetry: Telemetry) {
        // Fails only where nobody listens.
        let _ = self.telemetry.send(telemetry);
    }

    /// Says how control fares, if that has changed.
    pub fn fare(&self, change: impl FnOnce(&mut Health)) {
        self.health.send_if_modified(|health| {
            let before = health.clone();
            change(health);
            *health != before
        });
    }

    /// Says whether anything is under way.
    pub fn set_at_work(&self, at_work: bool) {
        self.at_work.store(at_work, Ordering::Relaxed);
    }

    /// Somebody is attached, or something is under way.
    pub fn is_needed(&self) -> bool {
        self.at_work.load(Ordering::Relaxed) || !self.present.borrow().peers.is_empty()
    }

    /// It ends: who comes now is for the next one.
    pub fn begin_to_end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// It is ending, or has ended.
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed) || self.ended.is_cancelled()
    }

    /// Control has ended by a fault of its own: nobody is told that it has ended in good order.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
        self.end();
    }

    /// Control has ended by a fault of its own.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Nothing more will be published.
    pub fn end(&self) {
        self.ended.cancel();
    }

    /// Waits until nothing more will be published.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Hears of new records.
    pub fn newest(&self) -> watch::Receiver<Seq> {
        self.newest.subscribe()
    }

    /// Hears telemetry from now on.
    pub fn telemetry(&self) -> broadcast::Receiver<Telemetry> {
        self.telemetry.subscribe()
    }

    /// Hears how control fares.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// Hears who is attached.
    pub fn present(&self) -> watch::Receiver<Present> {
        self.present.subscribe()
    }

    /// Counts somebody among those who are attached, for as long as what it gives lives.
    pub fn join(self: &Arc<Self>, visitor: &Visitor) -> Presence {
        let mut id = 0;
        self.present.send_modify(|present| {
            present.count += 1;
            id = present.count;
            let peer = Peer {
                id,
                you: false,
                actor: visitor.actor.clone(),
                kind: visitor.kind,
                from: visitor.from.clone(),
                since: Timestamp::now(),
            };
            present.peers.push((peer, Seq(0)));
        });
        Presence { published: Arc::clone(self), id }
    }

    /// At most `limit` records after `since` out of memory; `None` if they are no longer all there.
    pub fn recent(&self, since: Seq, limit: usize) -> Option<Vec<Arc<Record>>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if since >= *self.newest.borrow() {
            return Some(Vec::new());
        }
        let first = kept.front()?.seq;
        if since.next() < first {
            return None;
        }
        // Positions may have gaps where this is read along from a log that is pruned.
        let skip = kept.partition_point(|record| record.seq <= since);
        Some(kept.iter().skip(skip).take(limit).cloned().collect())
    }

    /// At most `limit` records after `since`, from the log. Waits for the disk: not for a runtime's worker.
    pub fn from_log(&self, since: Seq, limit: u32) -> Result<Vec<Arc<Record>>, LogError> {
        Ok(self.reader()?.since(since, limit)?.into_iter().map(Arc::new).collect())
    }

    /// Opens the log for reading. Waits for the disk.
    pub fn reader(&self) -> Result<LogReader, LogError> {
        LogReader::open(&self.log)
    }
}

/// Somebody is attached for as long as this lives.
#[derive(Debug)]
pub struct Presence {
    published: Arc<Published>,
    /// Number of the session.
    pub id: u64,
}

impl Presence {
    /// A board has shown everything up to here.
    pub fn has_seen(&self, seq: Seq) {
        // Nobody is woken: it is asked for only when somebody leaves.
        self.published.present.send_if_modified(|present| {
            if let Some((_, seen)) = present.peers.iter_mut().find(|(peer, _)| peer.id == self.id) {
                *seen = (*seen).max(seq);
            }
            false
        });
    }

    /// The newest record that it has shown.
    pub fn seen(&self) -> Seq {
        let present = self.published.present.borrow();
        present.peers.iter().find(|(peer, _)| peer.id == self.id).map_or(Seq(0), |(_, seen)| *seen)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.published.present.send_modify(|present| present.peers.retain(|(peer, _)| peer.id != self.id));
    }
}
