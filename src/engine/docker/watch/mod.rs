//! The containers of all engines, watched for whoever looks: what there is, what it uses, what happens to it.
//!
//! For each engine there is one task ([`keep`]), which lives only while somebody holds a [`View`]. It subscribes to the engine's
//! events, lists, and asks anew about each container that something has happened to. What it learns stands in one board, with a
//! number for each change; a view knows what it has told, and tells only what is newer, four times a second at most. So a
//! flood of events makes news no larger than what there is, and a client that is slow misses steps in between, never the end.

mod board;
mod follow;
mod gauge;
mod happened;
mod keep;
pub mod row;
mod view;

pub use gauge::Sample;
pub use keep::list;
pub use view::View;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{runtime::Handle, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::protocol::container::Look;

use super::host::Hosts;
use board::Board;

/// Watches all engines while somebody looks.
#[derive(Clone, Debug)]
pub struct Watch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hosts: Hosts,
    /// Whose containers are ours: the beginning of a hash of the state directory.
    home: String,
    runtime: Handle,
    tasks: TaskTracker,
    board: Mutex<Board>,
    /// Rises with every change of the board.
    changed: watch::Sender<u64>,
    looks: watch::Sender<Looks>,
    /// Ends the tasks, where there are any.
    stop: Mutex<Option<CancellationToken>>,
}

/// Who looks at what.
#[derive(Debug, Default)]
struct Looks {
    count: u64,
    views: BTreeMap<u64, Look>,
}

impl Watch {
    /// Watches nothing yet. Its tasks run on `runtime` and are counted by `tasks`. Containers whose label names `home`, or begins
    /// so, are this gonogo's own; for an empty text none is.
    pub fn new(hosts: Hosts, home: &str, runtime: &Handle, tasks: &TaskTracker) -> Self {
        Self(Arc::new(Inner {
            hosts,
            home: home.to_owned(),
            runtime: runtime.clone(),
            tasks: tasks.clone(),
            board: Mutex::default(),
            changed: watch::Sender::default(),
            looks: watch::Sender::default(),
            stop: Mutex::default(),
        }))
    }

    /// The engines.
    pub fn hosts(&self) -> &Hosts {
        &self.0.hosts
    }

    /// Looks from now on, until the view is dropped.
    pub fn view(&self, look: Look) -> View {
        let mut id = 0;
        let mut first = false;
        self.0.looks.send_modify(|looks| {
            looks.count += 1;
            id = looks.count;
            first = looks.views.is_empty();
            looks.views.insert(id, look);
        });
        if first {
            self.begin();
        }
        View::new(self.clone(), id)
    }

    /// Starts a task for each engine.
    fn begin(&self) {
        let stop = CancellationToken::new();
        let before = self.stop().replace(stop.clone());
        if let Some(before) = before {
            before.cancel();
        }
        self.board().begin(&self.0.hosts);
        for host in self.0.hosts.all() {
            let work = keep::keep(self.clone(), Arc::clone(host), stop.clone());
            self.0.tasks.spawn_on(work, &self.0.runtime);
        }
    }

    fn forget(&self, id: u64) {
        let mut last = false;
        self.0.looks.send_modify(|looks| {
            looks.views.remove(&id);
            last = looks.views.is_empty();
        });
        if last && let Some(stop) = self.stop().take() {
            stop.cancel();
        }
    }

    // No await and no panic happens under these locks; a poisoned one still holds what is good.
    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self) -> MutexGuard<'_, Option<CancellationToken>> {
        self.0.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the board, and says so.
    fn change<T>(&self, stop: &CancellationToken, change: impl FnOnce(&mut Board) -> T) -> Option<T> {
        let mut board = self.board();
        // A task that was ended while it waited for this has nothing to say any more: others may look by now.
        if stop.is_cancelled() {
            return None;
        }
        let done = change(&mut board);
        let version = board.version();
        drop(board);
        self.0.changed.send_if_modified(|known| {
            let newer = *known != version;
            *known = version;
            newer
        });
        Some(done)
    }
}
