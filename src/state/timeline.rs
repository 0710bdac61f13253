//! A run on one clock: bars (what took time) and moments (what happened). No colours, no widths.

use crate::{
    domain::{
        id::{JobKey, Seq},
        outcome::JobOutcome,
        time::Timestamp,
    },
    protocol::{
        event::{
            Event, GateEvent, JobEvent, ProposalEvent, Record, RepairEvent, RepairPhase, RepairResult, RunEvent,
            ThreadEvent,
        },
        thread::{TurnOutcome, Woken},
    },
};

use super::{
    board::State,
    job::{Job, JobStatus},
    proposal::ProposalStatus,
    rule::wish_words,
    run::{GateStatus, Run},
    trace::outcome_word,
};

/// Something that happened, worth a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The record that says so.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// To which job, if it was one.
    pub job: Option<JobKey>,
    /// What, in a few words, without the job's name.
    pub what: String,
    /// What kind of thing.
    pub tone: Tone,
}

/// What kind of thing happened: decides glyph and colour in a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Went on as planned.
    Plain,
    /// Ended well.
    Good,
    /// Ended badly.
    Bad,
    /// Somebody is asked, or answered.
    Person,
    /// A repair.
    Repair,
}

impl Moment {
    /// What a record says, if that is worth a line.
    pub(super) fn of(record: &Record, job: Option<&JobKey>) -> Option<Self> {
        let (what, tone) = match &record.event {
            Event::Run { event, .. } => run_words(event)?,
            Event::Proposal { proposal, event } => proposal_words(proposal.0, event)?,
            Event::Thread { thread, event } => thread_words(thread.0, event)?,
            Event::Control { .. } | Event::Project { .. } | Event::Unknown => return None,
        };
        Some(Self { seq: record.seq, at: record.at, job: job.cloned(), what, tone })
    }
}

fn run_words(event: &RunEvent) -> Option<(String, Tone)> {
    Some(match event {
        RunEvent::Requested { by, trigger, .. } => (format!("asked for by {by} ({trigger})"), Tone::Plain),
        RunEvent::Planned { plan, .. } => (format!("planned {} jobs", plan.jobs.len()), Tone::Plain),
        RunEvent::Refused { error, .. } => {
            (format!("refused: {}", error.lines().next().unwrap_or_default()), Tone::Bad)
        }
        RunEvent::Job { event, .. } => job_words(event)?,
        RunEvent::Gate { gate, event } => match event {
            GateEvent::Asked => (format!("gate {gate} asks"), Tone::Person),
            GateEvent::Answered { go: true, by, .. } => (format!("gate {gate}: GO by {by}"), Tone::Good),
            GateEvent::Answered { go: false, by, why } => (format!("gate {gate}: NO-GO by {by} {why}"), Tone::Bad),
            GateEvent::Skipped { reason } => (format!("gate {gate} skipped: {reason}"), Tone::Plain),
            GateEvent::Unknown => return None,
        },
        RunEvent::Repair { event, .. } => repair_words(event)?,
        RunEvent::Cancelling { reason } => (format!("cancelling: {reason}"), Tone::Bad),
        RunEvent::Reopened { by, jobs } => (format!("{} jobs run again, asked by {by}", jobs.len()), Tone::Plain),
        RunEvent::Finished { outcome } => {
            let tone = if *outcome == crate::domain::outcome::RunOutcome::Passed { Tone::Good } else { Tone::Bad };
            (format!("run {}", outcome.word()), tone)
        }
        RunEvent::Container { name, what, by, .. } => {
            (format!("container {name}: {} by {by}", what.word()), Tone::Person)
        }
        RunEvent::PutAside { .. } | RunEvent::Unknown => return None,
    })
}

fn job_words(event: &JobEvent) -> Option<(String, Tone)> {
    Some(match event {
        JobEvent::Started { attempt: 1 } => ("started".into(), Tone::Plain),
        JobEvent::Started { attempt } => (format!("started, attempt {attempt}"), Tone::Plain),
        JobEvent::CacheHit { saved, .. } => (format!("cached, saved {saved}"), Tone::Good),
        JobEvent::Finished { outcome, took, diagnosis, .. } => match outcome {
            JobOutcome::Passed => (format!("passed in {took}"), Tone::Good),
            JobOutcome::Failed { failure } => match diagnosis {
                Some(diagnosis) => (format!("failed ({failure}): {}", diagnosis.headline()), Tone::Bad),
                None => (format!("failed: {failure}"), Tone::Bad),
            },
            JobOutcome::Cancelled { reason } => (format!("cancelled {reason}"), Tone::Bad),
            JobOutcome::Lost => ("lost: gonogo ended while it ran".into(), Tone::Bad),
        },
        JobEvent::RetryScheduled { because, .. } => (format!("will be tried again: {because}"), Tone::Plain),
        JobEvent::Skipped { reason } => (format!("skipped: {reason}"), Tone::Plain),
        JobEvent::Cancelling { reason } => (format!("cancelling: {reason}"), Tone::Bad),
        JobEvent::Queued | JobEvent::StepStarted { .. } | JobEvent::StepFinished { .. } | JobEvent::Unknown => {
            return None;
        }
    })
}

fn repair_words(event: &RepairEvent) -> Option<(String, Tone)> {
    Some(match event {
        RepairEvent::Started { .. } => ("repair started".into(), Tone::Repair),
        RepairEvent::Phase { phase, fixer: Some(fixer) } => (format!("{} {fixer}", phase.word()), Tone::Repair),
        RepairEvent::Phase { phase, fixer: None } => (phase.word().into(), Tone::Repair),
        RepairEvent::Tried { .. } | RepairEvent::Unknown => return None,
        RepairEvent::Finished { result } => match result {
            RepairResult::Proposed { proposal } => (format!("proposal #{proposal} proven"), Tone::Repair),
            RepairResult::Flaky => ("flaky: it passed when run again; nothing to repair".into(), Tone::Repair),
            RepairResult::GaveUp { why } => (format!("repair gave up: {why}"), Tone::Bad),
            RepairResult::NotRepairable { why } => (format!("no repair: {why}"), Tone::Plain),
            RepairResult::Infrastructure { why } => (format!("repair stopped: {why}"), Tone::Bad),
            RepairResult::Cancelled { reason } => (format!("repair cancelled {reason}"), Tone::Plain),
            RepairResult::Lost => ("repair lost: gonogo ended while it ran".into(), Tone::Bad),
        },
    })
}

fn thread_words(id: u64, event: &ThreadEvent) -> Option<(String, Tone)> {
    Some(match event {
        ThreadEvent::TurnStarted { turn, why } => {
            let why = match why {
                Woken::Said => "somebody spoke",
                Woken::Again { .. } => "once more",
                Woken::Repair => "to repair",
                Woken::Review => "to review",
                Woken::Unknown => "woken",
            };
            (format!("agent t{id} goes to work, turn {turn} ({why})"), Tone::Repair)
        }
        ThreadEvent::PermissionAsked { number, wish } => {
            (format!("agent asks (t{id}/{number}): {}", wish_words(wish)), Tone::Person)
        }
        ThreadEvent::PermissionAnswered { number, go, by, why, .. } => {
            let verdict = if *go { "GO" } else { "NO-GO" };
            (format!("t{id}/{number}: {verdict} by {by} {why}").trim_end().to_owned(), Tone::Person)
        }
        ThreadEvent::TurnEnded { turn, outcome } => {
            let tone = if *outcome == TurnOutcome::Done { Tone::Good } else { Tone::Bad };
            (format!("agent t{id}, turn {turn}: {}", outcome_word(outcome)), tone)
        }
        _ => return None,
    })
}

fn proposal_words(id: u64, event: &ProposalEvent) -> Option<(String, Tone)> {
    Some(match event {
        ProposalEvent::Proposed { proposal } => (format!("proposal #{id} asks: {}", proposal.title), Tone::Person),
        ProposalEvent::Approved { by, .. } => (format!("proposal #{id}: GO by {by}"), Tone::Person),
        ProposalEvent::Declined { by, why } if why.is_empty() => {
            (format!("proposal #{id}: NO-GO by {by}"), Tone::Person)
        }
        ProposalEvent::Declined { by, why } => (format!("proposal #{id}: NO-GO by {by}: {why}"), Tone::Person),
        ProposalEvent::Applied { commit: Some(commit), .. } => {
            (format!("proposal #{id} applied as {}", commit.get(..8).unwrap_or(commit)), Tone::Good)
        }
        ProposalEvent::Applied { commit: None, .. } => (format!("proposal #{id} applied"), Tone::Good),
        ProposalEvent::ApplyFailed { error, .. } => (format!("proposal #{id} not applied: {error}"), Tone::Bad),
        ProposalEvent::Superseded { why } => (format!("proposal #{id} superseded: {why}"), Tone::Plain),
        ProposalEvent::UndoRequested { by } => (format!("proposal #{id}: undo asked by {by}"), Tone::Person),
        ProposalEvent::Undone { .. } => (format!("proposal #{id} undone"), Tone::Plain),
        ProposalEvent::UndoFailed { error, .. } => (format!("proposal #{id} not undone: {error}"), Tone::Bad),
        ProposalEvent::Unknown => return None,
    })
}

/// A row of the timeline: one job, or one gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is about.
    pub label: String,
    /// The job, if it is one.
    pub job: Option<JobKey>,
    /// Its bars, in order of time.
    pub bars: Vec<Bar>,
}

/// A stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// What went on.
    pub kind: BarKind,
    /// From when.
    pub from: Timestamp,
    /// Until when; `None`: it still goes on.
    pub to: Option<Timestamp>,
}

/// What went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarKind {
    /// In line for a free place.
    Queued,
    /// An attempt that passed.
    Passed,
    /// An attempt that failed.
    Failed,
    /// An attempt that was stopped or lost.
    Stopped,
    /// An attempt under way.
    Running,
    /// Waiting to be tried again.
    Backoff,
    /// A cache hit.
    Cached,
    /// A repair at work.
    Repair,
    /// A proof at work.
    Proof,
    /// Waiting for a person.
    Waiting,
}

/// The rows of a run's timeline: its jobs in order of the plan, then its gates.
pub fn rows(state: &State, run: &Run) -> Vec<Row> {
    let jobs = run.jobs.iter().map(|job| Row {
        label: job.key().0.clone(),
        job: Some(job.key().clone()),
        bars: job_bars(state, run, job),
    });
    let gates = run.gates.iter().map(|gate| {
        let bars = match &gate.status {
            GateStatus::Asking => vec![Bar { kind: BarKind::Waiting, from: gate.since, to: None }],
            _ => Vec::new(),
        };
        Row { label: gate.planned.name.clone(), job: None, bars }
    });
    jobs.chain(gates).collect()
}

fn job_bars(state: &State, run: &Run, job: &Job) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    for attempt in &job.attempts {
        let kind = match &attempt.outcome {
            None => BarKind::Running,
            Some(JobOutcome::Passed) => BarKind::Passed,
            Some(JobOutcome::Failed { .. }) => BarKind::Failed,
            Some(JobOutcome::Cancelled { .. } | JobOutcome::Lost) => BarKind::Stopped,
        };
        if let Some(last) = bars.last().and_then(|bar: &Bar| bar.to) {
            bars.push(Bar { kind: BarKind::Backoff, from: last, to: Some(attempt.started_at) });
        }
        bars.push(Bar { kind, from: attempt.started_at, to: attempt.ended_at });
    }
    match &job.status {
        JobStatus::Cached { .. } => bars.push(Bar { kind: BarKind::Cached, from: job.since, to: Some(job.since) }),
        JobStatus::Queued => bars.push(Bar { kind: BarKind::Queued, from: job.since, to: None }),
        JobStatus::Retrying { .. } => bars.push(Bar { kind: BarKind::Backoff, from: job.since, to: None }),
        _ => {}
    }
    for phase in job.repairs.iter().flat_map(|repair| &repair.phases) {
        let kind = if phase.phase == RepairPhase::Proving { BarKind::Proof } else { BarKind::Repair };
        bars.push(Bar { kind, from: phase.started_at, to: phase.ended_at });
    }
    let mine = run.proposals.iter().filter_map(|id| state.proposals.get(id)).filter(|p| p.proposal.job == *job.key());
    for proposal in mine {
        let to = match proposal.status {
            ProposalStatus::Pending => None,
            _ => Some(proposal.answered.as_ref().map_or(proposal.since, |(_, at)| *at)),
        };
        bars.push(Bar { kind: BarKind::Waiting, from: proposal.asked_at, to });
    }
    bars.sort_by_key(|bar| bar.from);
    bars
}
