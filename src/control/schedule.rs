//! What should be under way now, compared with what is. Pure and level-triggered: also the recovery path.

use std::collections::BTreeSet;

use crate::{
    domain::{
        definition::{ApplyInto, WorkspaceKind},
        id::{JobKey, ProposalId, RunId},
        outcome::CancelReason,
    },
    engine::port::Stop,
    state::{
        board::State,
        job::{Job, JobStatus},
        proposal::ProposalStatus,
        run::Run,
    },
};

use super::{agents::begin::is_of_its_own, input::TaskKey};

/// Something to be done about a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It should be under way, and isn't.
    Start(TaskKey),
    /// It is under way, and should end.
    Stop(TaskKey, Stop),
}

/// So many runs are planned at once: each reads the repository with several commands.
const PLANS: usize = 8;

/// Compares what the state asks for with the tasks that are under way.
pub fn schedule(state: &State, live: &BTreeSet<TaskKey>) -> Vec<Effect> {
    let mut effects = Vec::new();
    let mut start = |key: TaskKey| {
        if !live.contains(&key) {
            effects.push(Effect::Start(key));
        }
    };
    let mut stops = Vec::new();
    let mut plans = live.iter().filter(|key| matches!(key, TaskKey::Plan(_))).count();
    for run in state.active_runs() {
        if !run.planned && run.outcome.is_none() && plans < PLANS && !live.contains(&TaskKey::Plan(run.id)) {
            plans += 1;
            start(TaskKey::Plan(run.id));
        }
        for job in &run.jobs {
            match &job.status {
                JobStatus::Running => {
                    let key = TaskKey::Job(run.id, job.key().clone(), job.attempt().map_or(0, |a| a.number));
                    stops.extend(stop(run, job).map(|stop| Effect::Stop(key.clone(), stop)));
                    start(key);
                }
                JobStatus::Retrying { .. } => start(TaskKey::Retry(run.id, job.key().clone())),
                _ => {}
            }
            if let Some(repair) = job.repair().filter(|repair| repair.result.is_none()) {
                let key = TaskKey::Repair(run.id, job.key().clone(), repair.number);
                stops.extend(stop(run, job).map(|stop| Effect::Stop(key.clone(), stop)));
                start(key);
            }
        }
        for proposal in run.proposals.iter().filter_map(|id| state.proposals.get(id)) {
            match proposal.status {
                ProposalStatus::Applying { into: ApplyInto::Branch } => start(TaskKey::Apply(proposal.id)),
                ProposalStatus::Applying { .. } if is_first(state, run, proposal.id) => {
                    start(TaskKey::Apply(proposal.id));
                }
                ProposalStatus::Undoing if is_first(state, run, proposal.id) => start(TaskKey::Undo(proposal.id)),
                _ => {}
            }
        }
    }
    for thread in state.talking.iter().filter_map(|id| state.threads.get(id)).filter(|thread| is_of_its_own(thread)) {
        start(TaskKey::Turn(thread.id));
    }
    // A wait for a retry that nobody wants any more must not stand in for the next one.
    let wanted = |run: &RunId, job: &JobKey| {
        let job = state.runs.get(run).and_then(|run| run.job(job));
        job.is_some_and(|job| matches!(job.status, JobStatus::Retrying { .. }))
    };
    for key in live {
        if let TaskKey::Retry(run, job) = key
            && !wanted(run, job)
        {
            stops.push(Effect::Stop(key.clone(), Stop::Now(CancelReason::Superseded)));
        }
    }
    effects.extend(stops.into_iter().filter(|effect| matches!(effect, Effect::Stop(key, _) if live.contains(key))));
    effects
}

fn stop(run: &Run, job: &Job) -> Option<Stop> {
    let reason = run.cancelling.clone().or_else(|| job.cancelling.clone())?;
    Some(if run.cancel_asked > 1 { Stop::Now(reason) } else { Stop::Gracefully(reason) })
}

/// Only one patch at a time goes into or out of a checkout, and none while a job works in it.
fn is_first(state: &State, run: &Run, id: ProposalId) -> bool {
    let mine = || state.active_runs().filter(|other| other.project == run.project);
    let busy = mine()
        .flat_map(|run| &run.jobs)
        .any(|job| job.status == JobStatus::Running && job.planned.spec.workspace == WorkspaceKind::InPlace);
    let earlier = mine().flat_map(|run| &run.proposals).filter_map(|id| state.proposals.get(id)).any(|other| {
        other.id < id && matches!(other.status, ProposalStatus::Applying { .. } | ProposalStatus::Undoing)
    });
    !busy && !earlier
}
