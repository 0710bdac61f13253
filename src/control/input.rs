//! Everything that can reach the loop, as one enum on one channel: one total order.

use std::{fmt, sync::Arc};

use tokio::sync::oneshot;

use crate::{
    domain::{
        actor::Actor,
        environment::Environment,
        id::{Fingerprint, JobKey, ProposalId, RequestId, RunId, Seq, ThreadId},
        plan::Plan,
        proposal::Proposal,
        time::Timestamp,
    },
    engine::port::JobReport,
    fix::repair::agent::Known,
    protocol::{
        command::{Command, Keep},
        event::{RepairPhase, RepairResult, Source, TryResult},
        thread::{ThreadEvent, TurnOutcome},
    },
    state::board::State,
};

use super::session::Reply;

/// What reaches the loop.
#[derive(Debug)]
pub enum Input {
    /// A command of a session; its reply goes back over `reply`.
    Command {
        /// Who gives it.
        actor: Actor,
        /// The variables at the place where they are.
        environment: Arc<Environment>,
        /// Its number in that session.
        id: RequestId,
        /// What.
        command: Command,
        /// Where the reply goes.
        reply: Reply,
    },
    /// A board was left.
    Left {
        /// By whom.
        by: Actor,
        /// From where.
        from: String,
        /// The last record that it has shown.
        seen: Seq,
    },
    /// Old runs are to be deleted, by nobody's command.
    Prune(Prune),
    /// What was recorded of these runs, all of them put aside, is to be deleted.
    Forget {
        /// Which.
        runs: Vec<RunId>,
        /// Told when it is done; dropped if it can't be.
        done: oneshot::Sender<()>,
    },
    /// Somebody could not read the log: is it in its place?
    Look {
        /// Told when that was seen to.
        done: tokio::sync::oneshot::Sender<()>,
    },
    /// What an agent does is to be recorded before it is done.
    Facts {
        /// In which conversation; `None`: in a new one.
        thread: Option<ThreadId>,
        /// What.
        facts: Vec<ThreadEvent>,
        /// Told in which, when it is durable; dropped if it can't be.
        done: oneshot::Sender<ThreadId>,
    },
    /// Somebody wants to know something of the state.
    Question(Question),
    /// Something was seen.
    Report(Report),
    /// A task of this name has ended.
    Ended(TaskKey),
}

impl Input {
    /// Whether nothing follows from it at once, so that it can be committed together with the next.
    pub fn can_wait(&self) -> bool {
        match self {
            Self::Report(Report::Job { what, .. }) => {
                matches!(what, JobReport::StepStarted { .. } | JobReport::StepFinished { .. })
            }
            Self::Ended(TaskKey::Job(..)) => true,
            Self::Left { .. } => true,
            Self::Prune(_)
            | Self::Forget { .. }
            | Self::Look { .. }
            | Self::Facts { .. }
            | Self::Question(_)
            | Self::Report(_)
            | Self::Command { .. }
            | Self::Ended(_) => false,
        }
    }
}

/// Looks at the state, and tells whoever wants to know.
pub struct Question(pub Box<dyn FnOnce(&State) + Send>);

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Question")
    }
}

/// What is known of a job from earlier repairs, for whoever mends it next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lore {
    /// Patches that were approved and are in, by the fault that they mended, newest first.
    pub known: Vec<(Fingerprint, Known)>,
    /// How earlier repairs of it were answered, in words.
    pub earlier: Vec<String>,
    /// The last run in which it passed, and its commit.
    pub green: Option<(RunId, String)>,
}

/// Old runs are to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prune {
    /// Who wants it.
    pub by: Actor,
    /// What stays.
    pub keep: Keep,
    /// Job caches may take so many bytes, and workspaces that were long of no use go; `None`: they are left alone.
    pub cache_bytes: Option<u64>,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// A run's definition and repository were read.
    Planned {
        /// Which run.
        run: RunId,
        /// The plan, or why there is none.
        result: Result<Box<Planned>, NoPlan>,
    },
    /// By an engine, of an attempt.
    Job {
        /// Which run.
        run: RunId,
        /// Which job.
        job: JobKey,
        /// Which attempt.
        attempt: u32,
        /// When.
        at: Timestamp,
        /// What.
        what: JobReport,
    },
    /// By a repair.
    Repair {
        /// Which run.
        run: RunId,
        /// Which job.
        job: JobKey,
        /// Which repair of it.
        number: u32,
        /// What.
        what: RepairReport,
    },
    /// An approved proposal was applied, or not.
    Applied {
        /// Which.
        proposal: ProposalId,
        /// Commit and branch, or why not.
        result: Result<(Option<String>, Option<String>), NoPlan>,
    },
    /// An applied proposal was taken back, or not.
    Undone {
        /// Which.
        proposal: ProposalId,
        /// The commit, or why not.
        result: Result<Option<String>, NoPlan>,
    },
    /// Old runs were deleted.
    Pruned {
        /// Who wanted it.
        by: Actor,
        /// Runs of which the records went.
        runs: u64,
        /// Runs of which the outputs went.
        outputs: u64,
        /// Bytes that were freed.
        bytes: u64,
    },
    /// A turn of a conversation ended in a way that its agent could not record.
    TurnBroke {
        /// In which conversation.
        thread: ThreadId,
        /// How.
        outcome: TurnOutcome,
    },
    /// The time to try a job again has come.
    RetryDue {
        /// Which run.
        run: RunId,
        /// Which job.
        job: JobKey,
    },
}

/// A run, ready to be planned.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Name of the pipeline.
    pub pipeline: String,
    /// What is run.
    pub source: Source,
    /// What will be done.
    pub plan: Plan,
}

/// Why something could not be done, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoPlan {
    /// Why; may have several lines.
    pub error: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What a repair came to.
#[derive(Clone, Debug, PartialEq)]
pub enum RepairReport {
    /// It went over to something else.
    Phase(RepairPhase, Option<String>),
    /// A fixer was tried.
    Tried(String, TryResult),
    /// It ended with a question.
    Proposed(Box<Proposal>),
    /// It ended otherwise.
    Finished(RepairResult),
}

/// Names a task that control has under way: there is at most one of each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskKey {
    /// Reading definition and repository of a run.
    Plan(RunId),
    /// An attempt of a job.
    Job(RunId, JobKey, u32),
    /// Waiting until a job is tried again.
    Retry(RunId, JobKey),
    /// A repair of a job.
    Repair(RunId, JobKey, u32),
    /// A turn of a conversation.
    Turn(ThreadId),
    /// Applying a proposal.
    Apply(ProposalId),
    /// Taking a proposal back.
    Undo(ProposalId),
    /// Deleting old runs.
    Prune,
}
