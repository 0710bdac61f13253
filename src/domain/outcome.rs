//! How things end.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{container::EngineFault, time::Millis};

/// How an attempt of a job ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum JobOutcome {
    /// Every step ended well.
    Passed,
    /// A step failed.
    Failed {
        /// What happened.
        failure: Failure,
    },
    /// It was stopped on purpose.
    Cancelled {
        /// Why.
        reason: CancelReason,
    },
    /// gonogo ended while it ran; what became of it is not known.
    Lost,
}

/// What made a job fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Failure {
    /// A step's process ended with this status.
    Exit {
        /// 1 to 255.
        code: i32,
    },
    /// A signal ended a step's process.
    Signal {
        /// As in `signal(7)`.
        number: i32,
    },
    /// The time allowed was up.
    TimedOut {
        /// The time that was allowed.
        after: Millis,
    },
    /// It used more memory than its container may.
    OutOfMemory {
        /// Bytes that it was allowed, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u64>,
    },
    /// The engine could not run it, or not to its end.
    Engine {
        /// Which fault.
        fault: EngineFault,
        /// Why, for a person.
        why: String,
        /// What to do about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    /// It could not be started or recorded: no such directory, no such secret, disk full, ...
    NotRun {
        /// Why, for a person.
        why: String,
        /// What to do about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit { code } => write!(f, "exit {code}"),
            Self::Signal { number: 9 } => write!(f, "killed (signal 9)"),
            Self::Signal { number } => write!(f, "signal {number}"),
            Self::TimedOut { after } => write!(f, "timed out after {after}"),
            Self::OutOfMemory { limit: Some(limit) } => write!(f, "out of memory (limit {} MB)", limit / 1_000_000),
            Self::OutOfMemory { limit: None } => f.pad("out of memory"),
            Self::Engine { fault, why, .. } => write!(f, "{}: {why}", fault.word()),
            Self::NotRun { why, .. } => write!(f, "not run: {why}"),
        }
    }
}

/// Why something was stopped, in order of urgency.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum CancelReason {
    /// A newer run of the same concurrency group took its place.
    Superseded,
    /// Somebody asked.
    Asked {
        /// Who.
        by: String,
    },
    /// gonogo is ending.
    ShuttingDown,
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Superseded => f.pad("a newer run took its place"),
            Self::Asked { by } => write!(f, "by {by}"),
            Self::ShuttingDown => f.pad("gonogo is ending"),
        }
    }
}

/// Why a job will not be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum SkipReason {
    /// Something that it needs did not end well.
    NeedFailed {
        /// That job or gate.
        need: String,
    },
    /// It runs only when something that it needs fails, and nothing did.
    NothingFailed,
    /// Its `on` doesn't name this run's trigger.
    NotForTrigger,
    /// The run was cancelled before its turn.
    RunCancelled,
    /// It wasn't among the jobs asked for.
    NotAsked,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedFailed { need } => write!(f, "needs {need}"),
            Self::NothingFailed => f.pad("runs on failure; nothing failed"),
            Self::NotForTrigger => f.pad("not for this trigger"),
            Self::RunCancelled => f.pad("run cancelled"),
            Self::NotAsked => f.pad("not asked for"),
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// GO: every job that had to ended well.
    Passed,
    /// NO-GO: a job failed or a gate said no.
    Failed,
    /// It was stopped on purpose.
    Cancelled,
    /// A job was lost when gonogo ended; it can be retried.
    Lost,
    /// It never became a plan: its definition or repository could not be read.
    Refused,
}

impl RunOutcome {
    /// The word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
            Self::Refused => "refused",
        }
    }
}
