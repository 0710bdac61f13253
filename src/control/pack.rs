//! Finished outputs are compressed, one after the other, when nothing else has come for a moment.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::mpsc;

use crate::{
    domain::id::OutputId,
    state::{board::State, job::JobStatus},
    store::output::compress,
};

use super::publish::Published;

/// How many finished outputs may wait. What finds no room is compressed after the next start.
const WAITING: usize = 4096;

/// A person who looks at what has just ended is not kept waiting for it, and neither is the next job.
const PAUSE: Duration = Duration::from_secs(2);

/// Where finished outputs are handed in.
#[derive(Clone, Debug)]
pub(super) struct Packer(mpsc::Sender<OutputId>);

impl Packer {
    /// Gives the handle, and the task that does the work until control has ended.
    pub(super) fn new(output_dir: PathBuf, published: Arc<Published>) -> (Self, impl Future<Output = ()> + Send) {
        let (finished, waiting) = mpsc::channel(WAITING);
        (Self(finished), pack(output_dir, published, waiting))
    }

    /// Nothing more is written to this output.
    pub(super) fn hand_in(&self, output: OutputId) {
        // Full: it is found again after the next start.
        let _ = self.0.try_send(output);
    }

    /// Hands in what an earlier gonogo may not have come to.
    pub(super) fn catch_up(&self, state: &State) {
        for run in state.runs.values() {
            for job in run.jobs.iter().filter(|job| job.status != JobStatus::Running) {
                let attempts = job.attempts.iter().map(|attempt| OutputId::attempt(run.id, job.key(), attempt.number));
                let repairs = job.repairs.iter().filter(|repair| repair.result.is_some());
                let repairs = repairs.map(|repair| OutputId::repair(run.id, job.key(), repair.number));
                attempts.chain(repairs).for_each(|output| self.hand_in(output));
            }
        }
    }
}

async fn pack(output_dir: PathBuf, published: Arc<Published>, mut waiting: mpsc::Receiver<OutputId>) {
    let cancel = Arc::new(AtomicBool::new(false));
    loop {
        let next = tokio::select! {
            next = waiting.recv() => next,
            () = published.ended() => None,
        };
        let Some(output) = next else { return };
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = published.ended() => return,
        }
        let mut batch = vec![output];
        while let Ok(more) = waiting.try_recv() {
            batch.push(more);
        }
        let (dir, stop) = (output_dir.clone(), Arc::clone(&cancel));
        let mut work = tokio::task::spawn_blocking(move || {
            for output in batch.iter().take_while(|_| !stop.load(Ordering::Relaxed)) {
                if let Err(error) = compress(&dir, output, &stop) {
                    // It stays as it is, and is read as it is.
                    tracing::warn!(%output, "not compressed: {error}");
                }
            }
        });
        tokio::select! {
            _ = &mut work => {}
            () = published.ended() => {
                cancel.store(true, Ordering::Relaxed);
                let _ = work.await;
                return;
            }
        }
    }
}
