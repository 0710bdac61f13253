//! What has been committed, for every session: the newest records in memory, older ones from the log.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::id::Seq,
    protocol::{event::Record, telemetry::Telemetry},
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
    ended: CancellationToken,
    log: PathBuf,
}

impl Published {
    /// Begins with a log at `log` whose newest record is `newest`.
    pub fn new(log: PathBuf, newest: Seq) -> Self {
        Self {
            kept: Mutex::default(),
            newest: watch::Sender::new(newest),
            telemetry: broadcast::Sender::new(TELEMETRY),
            ended: CancellationToken::new(),
            log,
        }
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
        let skip = (since.next().0 - first.0) as usize;
        Some(kept.iter().skip(skip).take(limit).cloned().collect())
    }

    /// At most `limit` records after `since`, from the log. Waits for the disk: not for a runtime's worker.
    pub fn from_log(&self, since: Seq, limit: u32) -> Result<Vec<Arc<Record>>, LogError> {
        Ok(LogReader::open(&self.log)?.since(since, limit)?.into_iter().map(Arc::new).collect())
    }
}
