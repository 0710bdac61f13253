//! Facts: past tense, never refused, never dropped. The log is a list of these.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use super::repair::{RepairEvent, RepairPhase, RepairResult, Revision, TryResult};
pub use super::thread::ThreadEvent;

use super::{container::ContainerAction, summary::RunSummary};

use crate::domain::{
    actor::{Actor, Trigger},
    container::EnvironmentSpec,
    definition::ApplyInto,
    diagnosis::Diagnosis,
    id::{Hash, JobKey, ProjectId, ProposalId, RequestId, RunId, Seq, ThreadId},
    outcome::{CancelReason, JobOutcome, RunOutcome, SkipReason},
    plan::Plan,
    proposal::Proposal,
    time::{Millis, Timestamp},
    usage::NanoUsd,
};

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its position: one more than that of the record before.
    pub seq: Seq,
    /// When it was committed, by the wall clock; may go backwards when that does.
    pub at: Timestamp,
    /// What brought it about.
    pub cause: Cause,
    /// What happened.
    pub event: Event,
}

/// What brought a record about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Cause {
    /// A request.
    Request {
        /// Of which actor.
        actor: Actor,
        /// Its number in that session.
        id: RequestId,
    },
    /// An engine saw it.
    Engine,
    /// A repair came to it.
    Repair,
    /// Control concluded it from the state.
    Control,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "of")]
pub enum Event {
    /// To gonogo itself.
    Control {
        /// What.
        event: ControlEvent,
    },
    /// To a project.
    Project {
        /// Which.
        project: ProjectId,
        /// What.
        event: ProjectEvent,
    },
    /// To a run.
    Run {
        /// Which.
        run: RunId,
        /// What.
        event: RunEvent,
    },
    /// To a proposal.
    Proposal {
        /// Which.
        proposal: ProposalId,
        /// What.
        event: ProposalEvent,
    },
    /// To a conversation with an agent.
    Thread {
        /// Which.
        thread: ThreadId,
        /// What.
        event: Box<ThreadEvent>,
    },
    /// Written by a newer version: kept, and without effect here.
    #[serde(other)]
    Unknown,
}

/// What happened to gonogo itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ControlEvent {
    /// It took hold of the log.
    Started {
        /// Process id.
        pid: u32,
        /// Version of the program.
        version: String,
    },
    /// It let go of the log in good order.
    Stopped,
    /// A person closed the board, or was cut off from it.
    Left {
        /// Who.
        by: Actor,
        /// From where: a terminal, a host.
        from: String,
        /// The last record that was on the screen.
        seen: Seq,
    },
    /// The log had been taken away under the running gonogo, and was written back whole.
    Rescued {
        /// What had happened, and where it was written.
        how: String,
    },
    /// Old runs, or their outputs, were deleted.
    Pruned {
        /// By whom.
        by: Actor,
        /// Runs of which the records were deleted.
        runs: u64,
        /// Runs of which the outputs were deleted.
        outputs: u64,
        /// Space that was freed, in bytes.
        bytes: u64,
    },
    /// A budget has come to what it warns at. Said once for each time that it is for.
    BudgetWarned {
        /// Which: `day`, `project shop`.
        budget: String,
        /// The time: `2026-11-20`, `run 12`.
        period: String,
        /// What was spent in it.
        spent: NanoUsd,
        /// The hard limit, or what it warns at where it has none.
        limit: NanoUsd,
    },
    /// Written by a newer version.
    #[serde(other)]
    Unknown,
}

/// What happened to a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ProjectEvent {
    /// It is watched from now on.
    Added {
        /// Root of the checkout.
        root: PathBuf,
        /// Shown for it.
        name: String,
    },
    /// It is no longer shown.
    Forgotten,
    /// Prepared containers of this environment are wanted from now on, as it is here.
    EnvironmentUp {
        /// What they are made of, and how many.
        spec: Box<EnvironmentSpec>,
        /// By whom.
        by: Actor,
    },
    /// They are no longer wanted.
    EnvironmentDown {
        /// Name of the environment.
        name: String,
        /// By whom.
        by: Actor,
    },
    /// Written by a newer version.
    #[serde(other)]
    Unknown,
}

/// What happened to a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum RunEvent {
    /// Somebody asked for it.
    Requested {
        /// In which project.
        project: ProjectId,
        /// Which pipeline; `None`: the file's first.
        pipeline: Option<String>,
        /// Only these jobs and what they need; empty: all.
        jobs: Vec<String>,
        /// Why.
        trigger: Trigger,
        /// Who.
        by: Actor,
    },
    /// The whole plan, said before anything runs.
    Planned {
        /// Name of the pipeline.
        pipeline: String,
        /// What is run.
        source: Source,
        /// What will be done.
        plan: Box<Plan>,
    },
    /// It can't become a plan.
    Refused {
        /// Why, for a person; may have several lines.
        error: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Something happened to a job.
    Job {
        /// Which.
        job: JobKey,
        /// What.
        event: JobEvent,
    },
    /// Something happened to a gate.
    Gate {
        /// Which.
        gate: String,
        /// What.
        event: GateEvent,
    },
    /// Something happened to the repair of a job.
    Repair {
        /// Which job.
        job: JobKey,
        /// What.
        event: RepairEvent,
    },
    /// What still runs is being stopped; what waits will not start.
    Cancelling {
        /// Why.
        reason: CancelReason,
    },
    /// Jobs of an ended run go to work again.
    Reopened {
        /// Who asked.
        by: Actor,
        /// Which jobs start over.
        jobs: Vec<JobKey>,
    },
    /// All jobs have ended.
    Finished {
        /// How.
        outcome: RunOutcome,
    },
    /// Somebody did something to a container of it.
    Container {
        /// Of which job, if of one.
        job: Option<JobKey>,
        /// Its name.
        name: String,
        /// What.
        what: ContainerAction,
        /// Who.
        by: Actor,
    },
    /// It has been quiet for long: state holds it no longer, and it is read from the log where somebody wants it.
    PutAside {
        /// What stays at hand of it.
        summary: Box<RunSummary>,
    },
    /// Written by a newer version.
    #[serde(other)]
    Unknown,
}

/// What a run was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Commit that was checked out; empty where the project is no git repository.
    pub commit: String,
    /// Branch, where one was checked out.
    pub branch: Option<String>,
    /// Subject of that commit.
    #[serde(default)]
    pub subject: String,
    /// There were uncommitted changes.
    pub dirty: bool,
}

/// What happened to a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum JobEvent {
    /// Everything that it needs has ended; it waits for a free place.
    Queued,
    /// It is being started. Written before the process exists.
    Started {
        /// 1 is the first.
        attempt: u32,
    },
    /// A step's process exists.
    StepStarted {
        /// Index of the step.
        step: u32,
        /// Process id of the leader of its group.
        pid: u32,
        /// When that process was started, in clock ticks since boot (`/proc/PID/stat`, field 22), so that the id can't be mistaken.
        started: u64,
        /// Lines of output before it.
        first_line: u64,
    },
    /// A step ended.
    StepFinished {
        /// Index of the step.
        step: u32,
        /// How: 0 is well, a signal is 128 and its number.
        exit: i32,
        /// How long it took.
        took: Millis,
    },
    /// Nothing that it depends on has changed since it passed: it was not run.
    CacheHit {
        /// The cache key.
        key: Hash,
        /// The run that passed.
        from: Option<RunId>,
        /// How long it took then.
        saved: Millis,
    },
    /// The attempt ended.
    Finished {
        /// 1 is the first.
        attempt: u32,
        /// How.
        outcome: JobOutcome,
        /// How long it took.
        took: Millis,
        /// What its output says, if it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        diagnosis: Option<Box<Diagnosis>>,
        /// Lines of output.
        #[serde(default)]
        lines: u64,
        /// Files kept.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        artifacts: Vec<String>,
    },
    /// It will be tried again by itself.
    RetryScheduled {
        /// When.
        at: Timestamp,
        /// Why.
        because: String,
    },
    /// It will not be run.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
    /// It alone is being stopped.
    Cancelling {
        /// Why.
        reason: CancelReason,
    },
    /// Written by a newer version.
    #[serde(other)]
    Unknown,
}

/// What happened to a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum GateEvent {
    /// Everything that it needs has ended well: it asks.
    Asked,
    /// It will never ask.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
    /// It was answered.
    Answered {
        /// GO or NO-GO.
        go: bool,
        /// By whom.
        by: Actor,
        /// In their words.
        why: String,
    },
    /// Written by a newer version.
    #[serde(other)]
    Unknown,
}

/// What happened to a proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ProposalEvent {
    /// It waits for an answer.
    Proposed {
        /// All of it.
        proposal: Box<Proposal>,
    },
    /// GO. Written before anything is applied.
    Approved {
        /// By whom.
        by: Actor,
        /// What was approved.
        hash: Hash,
        /// Where it goes.
        into: ApplyInto,
    },
    /// NO-GO.
    Declined {
        /// By whom.
        by: Actor,
        /// In their words.
        why: String,
    },
    /// It is in.
    Applied {
        /// The commit, if there is one.
        commit: Option<String>,
        /// The branch, if it isn't the one that is checked out.
        branch: Option<String>,
    },
    /// It could not be applied; nothing was changed.
    ApplyFailed {
        /// Why.
        error: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Another took its place.
    Superseded {
        /// Why, in words.
        why: String,
    },
    /// Somebody wants it taken back.
    UndoRequested {
        /// Who.
        by: Actor,
    },
    /// It was taken back.
    Undone {
        /// The commit that takes it back, if there is one.
        commit: Option<String>,
    },
    /// It could not be taken back; nothing was changed.
    UndoFailed {
        /// Why.
        error: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Written by a newer version.
    #[serde(other)]
    Unknown,
}

impl Event {
    /// The run that it is about, directly.
    pub fn run(&self) -> Option<RunId> {
        match self {
            Self::Run { run, .. } => Some(*run),
            Self::Proposal { event: ProposalEvent::Proposed { proposal }, .. } => Some(proposal.run),
            Self::Control { .. }
            | Self::Project { .. }
            | Self::Proposal { .. }
            | Self::Thread { .. }
            | Self::Unknown => None,
        }
    }

    /// The job that it is about.
    pub fn job(&self) -> Option<&JobKey> {
        match self {
            Self::Run { event: RunEvent::Job { job, .. } | RunEvent::Repair { job, .. }, .. } => Some(job),
            _ => None,
        }
    }
}
