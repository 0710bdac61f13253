//! Deletes old runs: the task that does it, beside the loop, since it takes time. Records are deleted by the loop, a few runs at
//! a time; files by the task.

use std::{path::Path, time::Duration};

use tokio::{sync::oneshot, task::spawn_blocking};

use crate::{
    domain::{id::RunId, time::Timestamp},
    engine::port::StopSignal,
    protocol::command::Keep,
    store::{
        log::{FILE, LogError, LogReader},
        retain,
    },
    workspace::pool,
};

use super::{
    input::{Input, Prune, Report},
    perform::Ground,
    retain::{Going, Kept, going},
};

/// Workspaces that were of no use for so long go.
pub const WORKSPACE_AGE: Duration = Duration::from_hours(14 * 24);

/// Records of so many runs are deleted in one go.
const RUNS: usize = 8;

/// Where the files of runs are, below the state directory.
const FOLDERS: [&str; 2] = ["output", "artifacts"];

/// What would go of the runs in `state_dir`. Only reads.
pub fn look(state_dir: &Path, keep: &Keep, now: Timestamp) -> Result<Going, LogError> {
    let mut sizes = retain::sizes(&state_dir.join("output"))?;
    for (run, bytes) in retain::sizes(&state_dir.join("artifacts"))? {
        *sizes.entry(run).or_default() += bytes;
    }
    let runs = LogReader::open(&state_dir.join(FILE))?.kept()?;
    let kept = |(run, aside, recorded): (RunId, Option<Timestamp>, bool)| {
        let bytes = sizes.get(&run).copied().unwrap_or_default();
        Kept { run, aside, recorded, bytes }
    };
    let runs: Vec<Kept> = runs.into_iter().map(kept).collect();
    Ok(going(&runs, keep, now))
}

/// Deletes what has to go, and reports what went.
pub(super) async fn perform(prune: Prune, ground: Ground, stop: StopSignal) {
    let state_dir = ground.options.state_dir.clone();
    let keep = prune.keep;
    let found = blocking(move || {
        for folder in FOLDERS {
            retain::sweep(&state_dir.join(folder))?;
        }
        look(&state_dir, &keep, Timestamp::now())
    });
    let going = found.await.unwrap_or_default();
    let mut runs = 0;
    for some in going.records.chunks(RUNS) {
        let (done, heard) = oneshot::channel();
        if stop.borrow().is_some()
            || ground.inputs.send(Input::Forget { runs: some.to_vec(), done }).await.is_err()
            || heard.await.is_err()
        {
            break;
        }
        runs += some.len() as u64;
    }
    let (state_dir, ending) = (ground.options.state_dir.clone(), stop.clone());
    let deleted = blocking(move || {
        let (mut outputs, mut bytes) = (0, 0);
        for (run, size) in going.outputs {
            if ending.borrow().is_some() {
                break;
            }
            for folder in FOLDERS {
                retain::remove(&state_dir.join(folder), run)?;
            }
            outputs += 1;
            bytes += size;
        }
        Ok((outputs, bytes))
    });
    let (outputs, mut bytes) = deleted.await.unwrap_or_default();
    if let Some(most) = prune.cache_bytes {
        bytes += caches(&ground.options.cache_dir, most).await;
    }
    ground.report(Report::Pruned { by: prune.by, runs, outputs, bytes }).await;
}

/// Deletes the job caches that are too many, and workspaces that were long of no use; gives the bytes of the caches.
pub async fn caches(cache_dir: &Path, most: u64) -> u64 {
    if let Err(error) = pool::prune(cache_dir, WORKSPACE_AGE).await {
        tracing::warn!("old workspaces could not be deleted: {error}");
    }
    let dir = cache_dir.to_owned();
    let freed = blocking(move || {
        let surplus = retain::surplus_caches(&dir, most)?;
        surplus.iter().try_for_each(retain::remove_cache)?;
        Ok(surplus.iter().map(|cached| cached.bytes).sum())
    });
    freed.await.unwrap_or_default()
}

/// Waits for the disk elsewhere. What fails is said in gonogo's own log, and tried again the next time.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, LogError> + Send + 'static) -> Option<T> {
    match spawn_blocking(work).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(error)) => {
            tracing::warn!("old files could not be deleted: {error}");
            None
        }
        Err(error) => {
            tracing::error!("old files could not be deleted: {error}");
            None
        }
    }
}
