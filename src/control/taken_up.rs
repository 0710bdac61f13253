//! What goes on while no gonogo is there: jobs in containers. The next one takes them up again.

use std::collections::{BTreeSet, HashMap};

use crate::{
    engine::{docker::host::Hosts, port::Seen},
    state::board::State,
};

use super::{attempts::marker, input::TaskKey};

/// The attempts that are taken up again.
#[derive(Debug, Default)]
pub(super) struct TakenUp {
    /// What has been recorded of each.
    pub(super) attempts: HashMap<TaskKey, Seen>,
    /// By what their containers are known.
    pub(super) markers: BTreeSet<String>,
}

/// Finds them in the log.
pub(super) fn find(state: &State, of: &str) -> TakenUp {
    let mut found = TakenUp::default();
    for run in state.active_runs() {
        for job in run.jobs.iter().filter(|job| job.outlives()) {
            let Some(attempt) = job.attempt() else { continue };
            let ended = attempt.steps.iter().filter(|step| step.exit.is_some()).count() as u32;
            let seen = Seen { begun: attempt.steps.len() as u32, ended, since: attempt.started_at };
            found.attempts.insert(TaskKey::Job(run.id, job.key().clone(), attempt.number), seen);
            found.markers.insert(marker(of, run.id, job.key(), attempt.number));
        }
    }
    found
}

/// Removes what earlier ones have left in the engines, as far as they answer; the others are swept when they are used.
pub(super) async fn sweep(hosts: Hosts) {
    futures::future::join_all(hosts.all().map(|host| host.sweep())).await;
}
