//! What passes between control and an engine.

use std::{collections::BTreeMap, future::Future, path::PathBuf, sync::Arc, time::Duration};

use tokio::sync::watch;

use super::docker::pool::Pools;

use crate::domain::{
    diagnosis::Diagnosis,
    environment::Environment,
    id::{Hash, JobKey, OutputId, RunId},
    outcome::{CancelReason, JobOutcome},
    plan::PlannedJob,
    time::{Millis, Timestamp},
};

/// One attempt of a job, ready to be run.
#[derive(Clone, Debug)]
pub struct Order {
    /// The run.
    pub run: RunId,
    /// The job.
    pub job: PlannedJob,
    /// Which attempt of it.
    pub attempt: u32,
    /// The directory in which its steps run.
    pub workspace: PathBuf,
    /// Where its output goes.
    pub output: OutputId,
    /// Directory of all outputs.
    pub output_dir: PathBuf,
    /// Directory of artifacts kept, or none for a run that keeps nothing (a proof).
    pub artifact_dir: Option<PathBuf>,
    /// Directory of the job cache, or none for a run that must really run (a proof).
    pub cache_dir: Option<PathBuf>,
    /// The variables at the place of whoever asked: a few of them are passed on, and secrets are looked for there.
    pub surroundings: Arc<Environment>,
    /// Variables for every step, beside what the job declares: `GONOGO_RUN`, `TRACEPARENT`, ...
    pub env: BTreeMap<String, String>,
    /// Unique text in every process's environment (`GONOGO_JOB_ID`), by which leftovers are found.
    pub marker: String,
    /// Time between asking a process to end and ending it.
    pub grace: Duration,
    /// The project, of which the workspace is a checkout.
    pub project: PathBuf,
    /// Which gonogo this is: by it, what it left behind in an engine is known.
    pub home: String,
    /// Where prepared containers are had; none for one that gets a container of its own (a proof).
    pub pools: Option<Pools>,
    /// It may not use the network (a proof).
    pub offline: bool,
    /// What an earlier gonogo has recorded of this attempt, which goes on without it.
    pub seen: Option<Seen>,
}

/// What has been recorded of an attempt that is taken up again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// So many steps have begun.
    pub begun: u32,
    /// So many have ended.
    pub ended: u32,
    /// When it was begun.
    pub since: Timestamp,
}

impl Order {
    /// The job's key.
    pub fn key(&self) -> &JobKey {
        &self.job.key
    }
}

/// What an engine saw.
#[derive(Clone, Debug, PartialEq)]
pub enum JobReport {
    /// A step's process exists.
    StepStarted {
        /// Index of the step.
        step: u32,
        /// Process id of its group's leader.
        pid: u32,
        /// Start time of that process, in clock ticks since boot.
        started: u64,
        /// Lines of output before it.
        first_line: u64,
    },
    /// A step ended.
    StepFinished {
        /// Index of the step.
        step: u32,
        /// 0 is well; a signal is 128 and its number.
        exit: i32,
        /// How long it took.
        took: Millis,
    },
    /// It was not run: nothing has changed since it passed.
    CacheHit {
        /// The cache key.
        key: Hash,
        /// The run that passed.
        from: Option<RunId>,
        /// How long it took then.
        saved: Millis,
    },
    /// The attempt ended.
    Finished(Box<Ended>),
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// It was run.
    Ended(Box<Ended>),
    /// It was not run: nothing has changed since it passed.
    Cached {
        /// The cache key.
        key: Hash,
        /// The run that passed.
        from: Option<RunId>,
        /// How long it took then.
        saved: Millis,
    },
}

/// What a command came to whose output is wanted rather than shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// Its exit status; `None` where a signal ended it.
    pub status: Option<i32>,
    /// Its standard output, from the beginning.
    pub stdout: Vec<u8>,
    /// Its standard error, to the end.
    pub stderr: Vec<u8>,
    /// It was stopped on purpose.
    pub stopped: bool,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// How.
    pub outcome: JobOutcome,
    /// How long it took.
    pub took: Millis,
    /// What its output says, if it failed.
    pub diagnosis: Option<Box<Diagnosis>>,
    /// Lines of output.
    pub lines: u64,
    /// Files kept.
    pub artifacts: Vec<String>,
}

/// How urgently something has to stop. Sent over a watch channel, so that an escalation cannot be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// TERM, then a grace, then KILL.
    Gracefully(CancelReason),
    /// KILL.
    Now(CancelReason),
}

impl Stop {
    /// Why.
    pub fn reason(&self) -> &CancelReason {
        match self {
            Self::Gracefully(reason) | Self::Now(reason) => reason,
        }
    }
}

/// Hears that something has to stop; `None` as long as it hasn't.
pub type StopSignal = watch::Receiver<Option<Stop>>;

/// All of the outside that a running job may touch.
pub trait JobPort: Send + Sync {
    /// Reports a fact; waits while control is busy.
    fn report(&self, report: JobReport) -> impl Future<Output = ()> + Send;

    /// Tells how far the output has grown; may be lost.
    fn grew(&self, lines: u64, bytes: u64);
}
