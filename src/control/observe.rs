//! Reports: what an engine, a repair or a timer saw, as events. Pure; a report that has been overtaken gives none.

use crate::{
    domain::{
        actor::Actor,
        id::{JobKey, RunId},
        outcome::{Failure, JobOutcome, RunOutcome, SkipReason},
        time::{Millis, Timestamp},
    },
    engine::port::JobReport,
    protocol::event::{ControlEvent, Event, GateEvent, JobEvent, ProposalEvent, RepairEvent, RepairResult, RunEvent},
    state::{
        board::State,
        job::{Job, JobStatus},
        proposal::ProposalStatus,
    },
};

use super::{
    agents::begin::{ended, lost_turns},
    environments,
    input::{RepairReport, Report},
};

/// What a report adds to the log.
pub fn observe(state: &State, report: Report) -> Vec<Event> {
    match report {
        Report::Planned { run, result } => {
            if state.runs.get(&run).is_none_or(|run| run.planned || run.outcome.is_some()) {
                return Vec::new();
            }
            let mut events = Vec::new();
            let event = match result {
                Ok(planned) => {
                    let planned = *planned;
                    events = environments::changed(state, run, &planned.plan);
                    RunEvent::Planned {
                        pipeline: planned.pipeline,
                        source: planned.source,
                        plan: Box::new(planned.plan),
                    }
                }
                Err(no) => RunEvent::Refused { error: no.error, hint: no.hint },
            };
            events.push(Event::Run { run, event });
            events
        }
        Report::Job { run, job, attempt, at, what } => observe_job(state, run, job, attempt, at, what),
        Report::Repair { run, job, number, what } => observe_repair(state, run, job, number, what),
        Report::Applied { proposal, result } => {
            if !state.proposals.get(&proposal).is_some_and(|p| matches!(p.status, ProposalStatus::Applying { .. })) {
                return Vec::new();
            }
            let event = match result {
                Ok((commit, branch)) => ProposalEvent::Applied { commit, branch },
                Err(no) => ProposalEvent::ApplyFailed { error: no.error, hint: no.hint },
            };
            vec![Event::Proposal { proposal, event }]
        }
        Report::Undone { proposal, result } => {
            if state.proposals.get(&proposal).is_none_or(|p| p.status != ProposalStatus::Undoing) {
                return Vec::new();
            }
            let event = match result {
                Ok(commit) => ProposalEvent::Undone { commit },
                Err(no) => ProposalEvent::UndoFailed { error: no.error, hint: no.hint },
            };
            vec![Event::Proposal { proposal, event }]
        }
        // What gonogo does by itself is said only if it came to something.
        Report::Pruned { by: Actor::Policy, runs: 0, outputs: 0, .. } => Vec::new(),
        Report::Pruned { by, runs, outputs, bytes } => {
            vec![Event::Control { event: ControlEvent::Pruned { by, runs, outputs, bytes } }]
        }
        Report::TurnBroke { thread, outcome } => {
            state.threads.get(&thread).map(|thread| ended(thread, outcome, state.at)).unwrap_or_default()
        }
        Report::RetryDue { run, job } => match find(state, run, &job) {
            Some(found) if matches!(found.status, JobStatus::Retrying { .. }) => {
                vec![job_event(run, job, JobEvent::Queued)]
            }
            _ => Vec::new(),
        },
    }
}

fn find<'a>(state: &'a State, run: RunId, job: &JobKey) -> Option<&'a Job> {
    state.runs.get(&run)?.job(job)
}

fn job_event(run: RunId, job: JobKey, event: JobEvent) -> Event {
    Event::Run { run, event: RunEvent::Job { job, event } }
}

fn observe_job(state: &State, run: RunId, key: JobKey, attempt: u32, at: Timestamp, what: JobReport) -> Vec<Event> {
    let Some(job) = find(state, run, &key) else { return Vec::new() };
    let current = job.attempt().is_some_and(|open| open.number == attempt && open.outcome.is_none());
    if !current || job.status != JobStatus::Running {
        return Vec::new();
    }
    let event = match what {
        JobReport::StepStarted { step, pid, started, first_line } => {
            JobEvent::StepStarted { step, pid, started, first_line }
        }
        JobReport::StepFinished { step, exit, took } => JobEvent::StepFinished { step, exit, took },
        JobReport::CacheHit { key, from, saved } => JobEvent::CacheHit { key, from, saved },
        JobReport::Finished(ended) => {
            let retry = retry_at(job, run, attempt, &ended.outcome, ended.diagnosis.as_deref(), at);
            let finished = JobEvent::Finished {
                attempt,
                outcome: ended.outcome,
                took: ended.took,
                diagnosis: ended.diagnosis,
                lines: ended.lines,
                artifacts: ended.artifacts,
            };
            let mut events = vec![job_event(run, key.clone(), finished)];
            events.extend(retry.map(|event| job_event(run, key, event)));
            return events;
        }
    };
    vec![job_event(run, key, event)]
}

/// No wait for another attempt is longer, not even where the clock went back while it lasted.
pub(super) const LONGEST_WAIT: Millis = Millis::from_secs(750);

/// Attempts that are made, in all, of a job whose engine was away or was started again: none of that is the job's fault.
const OVER_ENGINE_FAULTS: u32 = 3;

/// The wait before the second of them: an engine that is started again takes some seconds.
const ENGINE_WAIT: Millis = Millis::from_secs(5);

/// Whether a failed attempt is followed by another without asking: for the categories that the job names, and when its engine
/// was away, after a wait that doubles each time, with jitter.
fn retry_at(
    job: &Job,
    run: RunId,
    attempt: u32,
    outcome: &JobOutcome,
    diagnosis: Option<&crate::domain::diagnosis::Diagnosis>,
    now: Timestamp,
) -> Option<JobEvent> {
    let JobOutcome::Failed { failure } = outcome else { return None };
    if job.cancelling.is_some() {
        return None;
    }
    let policy = &job.planned.spec.retry;
    let made = (job.attempts.len() - job.earlier_attempts) as u32;
    let (because, attempts, first_wait) = match failure {
        Failure::Engine { fault, .. } if fault.may_retry() => {
            (fault.word().to_owned(), OVER_ENGINE_FAULTS.max(policy.attempts), ENGINE_WAIT)
        }
        _ => {
            let category = diagnosis?.category;
            if !policy.on.contains(&category) {
                return None;
            }
            (format!("{category} failure"), policy.attempts, policy.wait)
        }
    };
    if made >= attempts {
        return None;
    }
    let doubled = first_wait.0.saturating_mul(1 << (made.saturating_sub(1)).min(16)).min(Millis::from_secs(600).0);
    // Jitter of up to a quarter, from the job's own name: the same log gives the same wait, other jobs another.
    let seed = blake3::hash(format!("{run}/{}/{attempt}", job.key()).as_bytes());
    let jitter = doubled / 4 * u64::from(seed.as_bytes()[0]) / 255;
    let wait = Millis(doubled + jitter).min(LONGEST_WAIT);
    let at = now.checked_add(jiff::SignedDuration::from_millis(wait.0 as i64)).unwrap_or(now);
    Some(JobEvent::RetryScheduled { at, because: format!("{because}, attempt {} of {attempts}", made + 1) })
}

fn observe_repair(state: &State, run: RunId, job: JobKey, number: u32, what: RepairReport) -> Vec<Event> {
    let open = find(state, run, &job).and_then(Job::repair).is_some_and(|r| r.number == number && r.result.is_none());
    if !open {
        return Vec::new();
    }
    let repair = |event| Event::Run { run, event: RunEvent::Repair { job: job.clone(), event } };
    match what {
        RepairReport::Phase(phase, fixer) => vec![repair(RepairEvent::Phase { phase, fixer })],
        RepairReport::Tried(fixer, result) => vec![repair(RepairEvent::Tried { fixer, result })],
        RepairReport::Finished(result) => vec![repair(RepairEvent::Finished { result })],
        RepairReport::Proposed(proposal) => {
            let id = state.next_proposal();
            // A newer proposal for the same job of the same project takes the place of those that still wait.
            let why = format!("proposal {id} took its place");
            let older = state.proposals.values().filter(|old| {
                old.is_pending() && old.proposal.project == proposal.project && old.proposal.job == proposal.job
            });
            let mut events: Vec<Event> = older
                .map(|old| Event::Proposal { proposal: old.id, event: ProposalEvent::Superseded { why: why.clone() } })
                .collect();
            events.push(Event::Proposal { proposal: id, event: ProposalEvent::Proposed { proposal } });
            events.push(repair(RepairEvent::Finished { result: RepairResult::Proposed { proposal: id } }));
            events
        }
    }
}

/// What became of everything that was under way when gonogo last ended: it is lost, and said so. The rest of such a run does
/// not go on by itself, whoever starts gonogo next and for what; it can be retried. A run that waits at a gate still waits.
pub fn lost(state: &State, now: Timestamp) -> Vec<Event> {
    let mut events = Vec::new();
    lost_turns(state, now, &mut events);
    for run in state.active_runs() {
        if run.outcome.is_none() && !run.planned {
            events.push(Event::Run { run: run.id, event: RunEvent::Finished { outcome: RunOutcome::Lost } });
        }
        // A container goes on without gonogo: it is taken up again, and with it the run.
        let goes_on = run.jobs.iter().any(|job| job.outlives());
        let cut_off = run.outcome.is_none() && !run.waits_for_a_person() && !goes_on;
        for job in run.jobs.iter().filter(|job| !job.outlives()) {
            let lost = match (&job.status, job.attempt()) {
                (JobStatus::Running, Some(attempt)) => JobEvent::Finished {
                    attempt: attempt.number,
                    outcome: JobOutcome::Lost,
                    took: Millis::between(attempt.started_at, now),
                    diagnosis: None,
                    lines: 0,
                    artifacts: Vec::new(),
                },
                (status, _) if cut_off && !status.has_ended() => JobEvent::Skipped { reason: SkipReason::RunCancelled },
                _ => continue,
            };
            events.push(job_event(run.id, job.key().clone(), lost));
        }
        for job in run.jobs.iter().filter(|job| job.repair().is_some_and(|repair| repair.result.is_none())) {
            let event = RepairEvent::Finished { result: RepairResult::Lost };
            events.push(Event::Run { run: run.id, event: RunEvent::Repair { job: job.key().clone(), event } });
        }
        for gate in run.gates.iter().filter(|gate| cut_off && !gate.status.has_ended()) {
            let event = GateEvent::Skipped { reason: SkipReason::RunCancelled };
            events.push(Event::Run { run: run.id, event: RunEvent::Gate { gate: gate.planned.name.clone(), event } });
        }
    }
    events
}
