//! Reading along: sessions on a log that another process holds, or nobody. Commands are refused.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::paths,
    domain::id::Seq,
    protocol::{
        command::Refusal,
        session::{Attach, Session, Visitor},
    },
    store::log::{LogError, LogReader},
};

use super::{
    publish::Published,
    session::{self, Desk},
};

/// How often the log is looked at.
const EVERY: Duration = Duration::from_millis(150);

/// Reads a log that somebody else writes.
#[derive(Debug)]
pub struct Follower {
    desk: Desk,
    tasks: TaskTracker,
    stop: CancellationToken,
    runtime: Handle,
}

impl Follower {
    /// Opens the log in `state_dir`; commands of its sessions are refused with `refusal`. `None` if there is no log yet.
    pub fn open(state_dir: &Path, refusal: Refusal, runtime: &Handle) -> Result<Option<Self>, LogError> {
        let log = state_dir.join("records.db");
        if !log.exists() {
            return Ok(None);
        }
        let reader = LogReader::open(&log)?;
        if reader.is_blank()? {
            return Ok(None);
        }
        let newest = reader.newest()?;
        let published = Arc::new(Published::new(log.clone(), reader.id()?, newest));
        let follower = Self {
            desk: Desk {
                inputs: Err(refusal),
                published: Arc::clone(&published),
                output_dir: state_dir.join("output"),
                owner: paths::login(paths::user()),
                pools: None,
                containers: None,
            },
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            runtime: runtime.clone(),
        };
        let stop = follower.stop.clone();
        follower.tasks.spawn_on(follow(log, published, newest, stop), runtime);
        Ok(Some(follower))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Attach for Follower {
    fn attach(&self, visitor: Visitor, since: Option<Seq>) -> Session {
        let (session, serve) = session::open(self.desk.clone(), visitor, since);
        self.tasks.spawn_on(serve, &self.runtime);
        session
    }
}

async fn follow(log: PathBuf, published: Arc<Published>, mut newest: Seq, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
        let (path, since) = (log.clone(), newest);
        let read = tokio::task::spawn_blocking(move || LogReader::open(&path)?.since(since, 4096)).await;
        match read {
            Ok(Ok(records)) => {
                if let Some(last) = records.last() {
                    newest = last.seq;
                }
                published.publish(records.into_iter().map(Arc::new));
            }
            Ok(Err(error)) => tracing::warn!("the log can't be read: {error}"),
            Err(_) => return,
        }
    }
}
