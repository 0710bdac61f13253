//! What a repair needs of the world: jobs and commands run for it, and somebody to tell. Control gives it.

use std::{future::Future, io, path::Path};

use crate::{
    domain::{
        diagnosis::Diagnosis,
        id::{Fingerprint, JobKey},
        outcome::JobOutcome,
        proposal::{ProofRun, Proposal},
        time::Millis,
    },
    workspace::{
        change::{ChangeError, Workspace},
        git::GitError,
        pool::PoolError,
    },
};

use super::agent::{AgentRun, AgentTask, Known, Review};

/// A job that was run for a repair.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRun {
    /// How it ended.
    pub outcome: JobOutcome,
    /// What it printed; the end of it, where that is long.
    pub output: Vec<u8>,
    /// What that says, where it failed.
    pub diagnosis: Option<Diagnosis>,
    /// Which of its steps failed (0 is the first), where that is known.
    pub step: Option<usize>,
    /// How long it took.
    pub took: Millis,
}

/// A command that was run for a repair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandRun {
    /// Its exit status; `None` where a signal ended it.
    pub status: Option<i32>,
    /// All of its standard output: this may be JSON of several megabytes.
    pub stdout: Vec<u8>,
    /// The end of its standard error.
    pub stderr: Vec<u8>,
}

/// What a repair tells on its way.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// The failed job is run again without a patch.
    Confirming,
    /// It failed again: this is what is being repaired, and whether it is the fault that was seen before.
    Confirmed {
        /// The fault.
        diagnosis: Diagnosis,
        /// It has the fingerprint of the run's failure.
        same: bool,
    },
    /// A fixer is at work.
    Trying {
        /// Which.
        fixer: String,
    },
    /// A fixer came to nothing, or only part of the way.
    Tried(Tried),
    /// A job is run with a patch (or, to compare, a job that needs it without).
    Proving {
        /// Which job.
        job: JobKey,
        /// What made the patch.
        fixer: String,
    },
    /// That job ended.
    Proved(ProofRun),
}

/// A fixer and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Which fixer.
    pub fixer: String,
    /// What came of it.
    pub result: Attempted,
}

/// What came of a fixer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempted {
    /// It changed nothing.
    NothingToDo,
    /// Its program is not there or could not be started.
    NotRun {
        /// What was said.
        why: String,
    },
    /// It made what another one had made before.
    SameAsBefore,
    /// The guard forbids it.
    Rejected {
        /// Why.
        reasons: Vec<String>,
    },
    /// The job still fails.
    NotProven {
        /// How, in a line.
        how: String,
    },
    /// The job passes, but a job that needs it passed without the patch and fails with it.
    Breaks {
        /// Which job.
        job: JobKey,
    },
    /// The fault is gone, and another has come to light; the next fixer goes on from here.
    Partly {
        /// The next fault, in a line.
        next: String,
    },
    /// The patch can't be put onto the tree.
    Unusable {
        /// Why.
        why: String,
    },
    /// An agent ended without something to prove.
    Ended {
        /// Why.
        why: String,
    },
}

impl std::fmt::Display for Attempted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NothingToDo => f.pad("changed nothing"),
            Self::NotRun { why } => write!(f, "could not be run: {why}"),
            Self::SameAsBefore => f.pad("made a patch that had been tried before"),
            Self::Rejected { reasons } => write!(f, "refused by the guard: {}", reasons.join("; ")),
            Self::NotProven { how } => write!(f, "still fails: {how}"),
            Self::Breaks { job } => write!(f, "would break {job}"),
            Self::Partly { next } => write!(f, "went part of the way; next: {next}"),
            Self::Unusable { why } => write!(f, "can't be applied: {why}"),
            Self::Ended { why } => f.pad(why),
        }
    }
}

/// Why a repair could not be carried on: a fault of the machine, not of the code.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// There is no workspace.
    #[error("failed to get a workspace")]
    Workspace(#[from] PoolError),
    /// Git could not do it.
    #[error("failed to read or reset the workspace")]
    Git(#[from] GitError),
    /// The change could not be read.
    #[error("failed to read what was changed")]
    Change(#[from] ChangeError),
    /// A suggestion could not be written.
    #[error("failed to write a suggestion")]
    Edit(#[source] io::Error),
    /// It was stopped on purpose.
    #[error("the repair was cancelled")]
    Cancelled,
    /// A job or command could not be run.
    #[error("failed to {what}")]
    Port {
        /// What was tried.
        what: String,
        /// Why.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl RepairError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Workspace(error) => error.hint(),
            Self::Git(error) | Self::Change(ChangeError::Git(error)) => error.hint(),
            Self::Change(_) | Self::Edit(_) | Self::Cancelled | Self::Port { .. } => None,
        }
    }
}

/// The world of a repair. Dropping a future that it gave ends what it started.
pub trait RepairPort: Send + Sync {
    /// Runs one planned job in `workspace`; what it prints goes to the repair's output, under `label`.
    fn run_job(
        &self,
        job: &JobKey,
        workspace: &Path,
        label: &str,
    ) -> impl Future<Output = Result<JobRun, RepairError>> + Send;

    /// Runs one command with `sh -c` in `workspace`, in the failed job's environment.
    fn run_command(
        &self,
        command: &str,
        workspace: &Path,
        label: &str,
    ) -> impl Future<Output = Result<CommandRun, RepairError>> + Send;

    /// Is told what happens.
    fn report(&self, progress: Progress) -> impl Future<Output = ()> + Send;

    /// Patches that were approved for this fault before, the newest first.
    fn known(&self, _fault: &Fingerprint) -> Vec<Known> {
        Vec::new()
    }

    /// How often an agent may try; 0 where none can.
    fn agents(&self) -> u32 {
        0
    }

    /// Lets an agent work in the workspace until it has said all, or a limit ends it.
    fn run_agent(&self, _task: &AgentTask<'_>) -> impl Future<Output = Result<AgentRun, RepairError>> + Send {
        async { Ok(AgentRun::default()) }
    }

    /// Lets another agent criticise what one has made; `None` where none can.
    fn review(&self, _proposal: &Proposal, _workspace: &Workspace) -> impl Future<Output = Option<Review>> + Send {
        async { None }
    }
}
