//! What follows from the state by itself: the next jobs, gates that ask, runs that have ended, repairs that begin. Pure and
//! level-triggered: the same question after every record and after a crash. Asked again until it has nothing to add.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{
        actor::{Actor, Trigger},
        definition::{ApplyInto, When, WorkspaceKind},
        id::{ProjectId, RunId, Seq},
        outcome::{CancelReason, RunOutcome, SkipReason},
        proposal::RiskLevel,
    },
    protocol::event::{Event, GateEvent, JobEvent, ProposalEvent, RepairEvent, RepairResult, RunEvent},
    state::{
        board::State,
        job::{Job, JobStatus, Need},
        proposal::ProposalStatus,
        run::{GateStatus, Run},
    },
};

use super::{
    agents::begin::start_turns,
    aside::put_aside,
    decide::{follow_up, repair_started},
    threads::release,
};

/// How much may be under way at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Jobs, over all projects.
    pub jobs: usize,
    /// Repairs, over all projects.
    pub repairs: usize,
    /// Turns of agents, over all projects.
    pub turns: usize,
    /// Whether runs may begin by themselves.
    pub new_runs: bool,
    /// Only runs that somebody has asked something of after this record are repaired and followed up: a command that
    /// answers one question does not begin the work of other days.
    pub since: Seq,
}

impl Limits {
    /// Nothing more begins.
    pub fn stopping(self) -> Self {
        Self { jobs: 0, repairs: 0, turns: 0, new_runs: false, ..self }
    }
}

/// The events that follow from the state.
pub fn advance(state: &State, limits: Limits) -> Vec<Event> {
    let mut events = Vec::new();
    for run in state.active_runs() {
        advance_run(state, run, limits, &mut events);
    }
    start_jobs(state, limits, &mut events);
    start_repairs(state, limits, &mut events);
    settle_proposals(state, &mut events);
    release(state, &mut events);
    start_turns(state, limits.turns, limits.since, &mut events);
    put_aside(state, &mut events);
    events
}

fn job_event(run: &Run, job: &Job, event: JobEvent) -> Event {
    Event::Run { run: run.id, event: RunEvent::Job { job: job.key().clone(), event } }
}

fn advance_run(state: &State, run: &Run, limits: Limits, events: &mut Vec<Event>) {
    if run.outcome.is_some() {
        if limits.new_runs && run.touched > limits.since && run.owes_follow_up(&state.proposals) {
            // Numbered after the newest run, so one a round; the next round sees it and asks for the next.
            if !events.iter().any(|event| matches!(event, Event::Run { event: RunEvent::Requested { .. }, .. })) {
                events.push(follow_up(state, run));
            }
        }
        return;
    }
    if !run.planned {
        if run.cancelling.is_some() {
            events.push(Event::Run { run: run.id, event: RunEvent::Finished { outcome: RunOutcome::Cancelled } });
        }
        return;
    }
    match held_back(state, run) {
        Some(Hold::Wait) => return,
        Some(Hold::Cancel(older)) => {
            let event = RunEvent::Cancelling { reason: CancelReason::Superseded };
            let asked = events
                .iter()
                .any(|e| matches!(e, Event::Run { run, event: RunEvent::Cancelling { .. } } if *run == older));
            if !asked {
                events.push(Event::Run { run: older, event });
            }
            return;
        }
        None => {}
    }
    for gate in &run.gates {
        let event = match gate.status {
            GateStatus::Waiting | GateStatus::Asking if run.cancelling.is_some() => {
                GateEvent::Skipped { reason: SkipReason::RunCancelled }
            }
            GateStatus::Waiting => match verdict(run, &gate.needs) {
                Verdict::Open => continue,
                Verdict::Good => GateEvent::Asked,
                Verdict::Bad(need) => GateEvent::Skipped { reason: SkipReason::NeedFailed { need } },
            },
            GateStatus::Asking | GateStatus::Go { .. } | GateStatus::NoGo { .. } | GateStatus::Skipped { .. } => {
                continue;
            }
        };
        events.push(Event::Run { run: run.id, event: RunEvent::Gate { gate: gate.planned.name.clone(), event } });
    }
    let mut ended = true;
    for job in &run.jobs {
        ended &= job.status.has_ended();
        if let Some(event) = advance_job(run, job) {
            events.push(job_event(run, job, event));
        }
    }
    if ended && run.gates.iter().all(|gate| gate.status.has_ended()) {
        events.push(Event::Run { run: run.id, event: RunEvent::Finished { outcome: outcome(run) } });
    }
}

/// Why a run of a concurrency group can't begin yet.
enum Hold {
    /// An older run of the group is under way.
    Wait,
    /// The same, and it is to be cancelled.
    Cancel(RunId),
}

fn held_back(state: &State, run: &Run) -> Option<Hold> {
    let group = run.concurrency.as_ref()?;
    if run.cancelling.is_some() || has_begun(run) {
        return None;
    }
    let open = |other: &&Run| other.id != run.id && other.project == run.project && other.outcome.is_none();
    // One that is not planned yet may turn out to be of the group; the older one goes first.
    if state.active_runs().filter(open).any(|other| !other.planned && other.id < run.id) {
        return Some(Hold::Wait);
    }
    let same = |other: &&Run| other.concurrency.as_ref().is_some_and(|theirs| theirs.group == group.group);
    let before = state.active_runs().filter(open).filter(same).find(|other| has_begun(other) || other.id < run.id)?;
    Some(if group.cancel_running && before.cancelling.is_none() { Hold::Cancel(before.id) } else { Hold::Wait })
}

/// Something of it is, or was, under way.
fn has_begun(run: &Run) -> bool {
    run.jobs.iter().any(|job| !matches!(job.status, JobStatus::Waiting | JobStatus::Skipped { .. }))
}

/// What the things that are needed have come to.
enum Verdict {
    Open,
    Good,
    Bad(String),
}

fn verdict(run: &Run, needs: &[Need]) -> Verdict {
    let mut open = false;
    for need in needs {
        match *need {
            Need::Job(at) => match run.jobs.get(at) {
                Some(job) if job.status.is_good() => {}
                Some(job) if job.status.has_ended() => return Verdict::Bad(job.key().0.clone()),
                _ => open = true,
            },
            Need::Gate(at) => match run.gates.get(at).map(|gate| (&gate.status, &gate.planned.name)) {
                Some((GateStatus::Go { .. }, _)) => {}
                Some((GateStatus::NoGo { .. } | GateStatus::Skipped { .. }, name)) => {
                    return Verdict::Bad(name.clone());
                }
                _ => open = true,
            },
        }
    }
    if open { Verdict::Open } else { Verdict::Good }
}

fn all_ended(run: &Run, needs: &[Need]) -> bool {
    needs.iter().all(|need| match *need {
        Need::Job(at) => run.jobs.get(at).is_none_or(|job| job.status.has_ended()),
        Need::Gate(at) => run.gates.get(at).is_none_or(|gate| gate.status.has_ended()),
    })
}

fn advance_job(run: &Run, job: &Job) -> Option<JobEvent> {
    match job.status {
        JobStatus::Waiting | JobStatus::Queued | JobStatus::Retrying { .. } if run.cancelling.is_some() => {
            return Some(JobEvent::Skipped { reason: SkipReason::RunCancelled });
        }
        JobStatus::Waiting => {}
        _ => return None,
    }
    let spec = &job.planned.spec;
    if let Some(name) = run.trigger.on_name()
        && !spec.on.is_empty()
        && !spec.on.iter().any(|on| on == name)
    {
        return Some(JobEvent::Skipped { reason: SkipReason::NotForTrigger });
    }
    match spec.when {
        When::Success => match verdict(run, &job.needs) {
            Verdict::Open => None,
            Verdict::Good => Some(JobEvent::Queued),
            Verdict::Bad(need) => Some(JobEvent::Skipped { reason: SkipReason::NeedFailed { need } }),
        },
        When::Always => all_ended(run, &job.needs).then_some(JobEvent::Queued),
        When::Failure => all_ended(run, &job.needs).then(|| match verdict(run, &job.needs) {
            Verdict::Bad(_) => JobEvent::Queued,
            Verdict::Open | Verdict::Good => JobEvent::Skipped { reason: SkipReason::NothingFailed },
        }),
    }
}

fn outcome(run: &Run) -> RunOutcome {
    let any = |is: fn(&JobStatus) -> bool| run.jobs.iter().any(|job| is(&job.status));
    if any(|status| *status == JobStatus::Lost) {
        RunOutcome::Lost
    } else if run.cancelling.is_some()
        || any(|status| {
            matches!(status, JobStatus::Cancelled | JobStatus::Skipped { reason: SkipReason::RunCancelled })
        })
    {
        RunOutcome::Cancelled
    } else if any(|status| *status == JobStatus::Failed)
        || run.gates.iter().any(|gate| matches!(gate.status, GateStatus::NoGo { .. }))
    {
        RunOutcome::Failed
    } else {
        RunOutcome::Passed
    }
}

/// Fills the free places: the project with the fewest running jobs first, its oldest run first, in the order of the plan.
fn start_jobs(state: &State, limits: Limits, events: &mut Vec<Event>) {
    let mut running: BTreeMap<ProjectId, usize> = BTreeMap::new();
    let mut total = 0;
    for job in state.active_runs().flat_map(|run| run.jobs.iter().map(move |job| (run.project, &job.status))) {
        if *job.1 == JobStatus::Running {
            *running.entry(job.0).or_default() += 1;
            total += 1;
        }
    }
    let free = limits.jobs.saturating_sub(total);
    if free == 0 {
        return;
    }
    let mut queues: BTreeMap<ProjectId, Vec<(&Run, &Job)>> = BTreeMap::new();
    let changing = changing_checkouts(state);
    for run in state.active_runs().filter(|run| run.outcome.is_none() && run.cancelling.is_none()) {
        let queue = queues.entry(run.project).or_default();
        let blocked = changing.contains(&run.project);
        let queued = run.jobs.iter().filter(|job| {
            job.status == JobStatus::Queued && !(blocked && job.planned.spec.workspace == WorkspaceKind::InPlace)
        });
        let room = free.saturating_sub(queue.len());
        queue.extend(queued.take(room).map(|job| (run, job)));
    }
    queues.values_mut().for_each(|queue| queue.reverse());
    for _ in 0..free {
        let next = queues
            .iter_mut()
            .filter(|(_, queue)| !queue.is_empty())
            .min_by_key(|(project, _)| running.get(project).copied().unwrap_or(0));
        let Some((&project, queue)) = next else { break };
        if let Some((run, job)) = queue.pop() {
            *running.entry(project).or_default() += 1;
            let attempt = job.attempts.last().map_or(1, |attempt| attempt.number + 1);
            events.push(job_event(run, job, JobEvent::Started { attempt }));
        }
    }
}

/// Projects into or out of whose checkout a proposal is being put: nothing may start there meanwhile.
fn changing_checkouts(state: &State) -> BTreeSet<ProjectId> {
    let changes = |run: &&Run| {
        run.proposals.iter().filter_map(|id| state.proposals.get(id)).any(|proposal| match proposal.status {
            ProposalStatus::Applying { into } => into != ApplyInto::Branch,
            ProposalStatus::Undoing => true,
            _ => false,
        })
    };
    state.active_runs().filter(changes).map(|run| run.project).collect()
}

fn start_repairs(state: &State, limits: Limits, events: &mut Vec<Event>) {
    let open = |job: &&Job| job.repair().is_some_and(|repair| repair.result.is_none());
    let under_way = state.active_runs().flat_map(|run| &run.jobs).filter(open).count();
    let mut free = limits.repairs.saturating_sub(under_way);
    for run in state.active_runs().filter(|run| run.touched > limits.since) {
        for job in run.jobs.iter().filter(|job| run.wants_repair(job, &state.proposals)) {
            if let Some(why) = no_more_repairs(state, run, job) {
                let started = repair_started(job, None);
                let finished = RepairEvent::Finished { result: RepairResult::GaveUp { why } };
                let finished = RunEvent::Repair { job: job.key().clone(), event: finished };
                events.extend([started, finished].map(|event| Event::Run { run: run.id, event }));
            } else if free > 0 {
                free -= 1;
                events.push(Event::Run { run: run.id, event: repair_started(job, None) });
            }
        }
    }
}

/// How many of a project's latest runs are looked at for repairs of the same fault.
const LOOK_BACK: usize = 20;

/// Why the loop ends here: the fault is back after a repair of it, or it has been tried often enough at this commit.
fn no_more_repairs(state: &State, run: &Run, job: &Job) -> Option<String> {
    let fingerprint = &job.diagnosis()?.fingerprint;
    if let Trigger::AfterRepair { proposals, .. } = &run.trigger {
        let same = proposals.iter().filter_map(|id| state.proposals.get(id));
        if let Some(same) = same.into_iter().find(|p| p.proposal.diagnosis.fingerprint == *fingerprint) {
            return Some(format!(
                "the same fault is back after proposal #{} was applied; a person has to look",
                same.id
            ));
        }
    }
    let project = state.projects.get(&run.project)?;
    let tried = project
        .runs
        .iter()
        .rev()
        .take(LOOK_BACK)
        .filter_map(|id| state.runs.get(id))
        .filter(|other| other.source.commit == run.source.commit)
        .flat_map(|other| &other.jobs)
        .flat_map(|job| job.repairs.iter().map(move |repair| (job, repair)))
        .filter(|(job, repair)| {
            let of_attempt = job.attempts.iter().find(|attempt| attempt.number == repair.attempt);
            let same = of_attempt.and_then(|a| a.diagnosis.as_ref()).is_some_and(|d| d.fingerprint == *fingerprint);
            same && matches!(&repair.result, Some(RepairResult::GaveUp { .. }))
        })
        .count();
    let most = run.fix.attempts as usize;
    (tried >= most).then(|| format!("{tried} repairs of this fault have failed at this commit; a person has to look"))
}

/// Policy approves what it may; what a newer run has made pointless no longer asks.
fn settle_proposals(state: &State, events: &mut Vec<Event>) {
    for run in state.active_runs() {
        for proposal in run.proposals.iter().filter_map(|id| state.proposals.get(id)).filter(|p| p.is_pending()) {
            let inner = &proposal.proposal;
            let newer = state
                .projects
                .get(&run.project)
                .into_iter()
                .flat_map(|project| project.runs.iter().rev().take(LOOK_BACK));
            // In a newer run, or in this one when it was retried.
            let passed = newer.filter(|id| **id >= run.id).filter_map(|id| state.runs.get(id)).find(|newer| {
                (newer.outcome.is_some() || newer.id == run.id)
                    && newer.pipeline == run.pipeline
                    && newer.job(&inner.job).is_some_and(|job| job.status.is_good())
            });
            let event = if let Some(newer) = passed {
                ProposalEvent::Superseded { why: format!("{} passed in run {}", inner.job, newer.id) }
            } else if inner.risk.level == RiskLevel::Low && run.fix.auto.contains(&inner.diagnosis.category) {
                ProposalEvent::Approved { by: Actor::Policy, hash: inner.hash.clone(), into: run.fix.apply }
            } else {
                continue;
            };
            events.push(Event::Proposal { proposal: proposal.id, event });
        }
    }
}
