//! A job of a run and its attempts.

use crate::{
    domain::{
        definition::EngineKind,
        diagnosis::Diagnosis,
        id::{Hash, JobKey, OutputId, RunId},
        outcome::{CancelReason, JobOutcome, SkipReason},
        plan::PlannedJob,
        time::{Millis, Timestamp},
    },
    protocol::event::JobEvent,
};

use super::repair::Repair;

/// A job of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// What the plan says of it.
    pub planned: PlannedJob,
    /// What it needs, by place in the run.
    pub needs: Vec<Need>,
    /// Where it stands.
    pub status: JobStatus,
    /// When it came to stand there.
    pub since: Timestamp,
    /// How many attempts it had when it last started over: retries by itself are counted from there.
    pub earlier_attempts: usize,
    /// Its attempts, the first first.
    pub attempts: Vec<Attempt>,
    /// It alone is being stopped.
    pub cancelling: Option<CancelReason>,
    /// Its repairs, the first first.
    pub repairs: Vec<Repair>,
}

/// Something that a job or a gate needs, by its place in the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A job.
    Job(usize),
    /// A gate.
    Gate(usize),
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq)]
pub enum JobStatus {
    /// For something that it needs.
    Waiting,
    /// In line for a free place.
    Queued,
    /// Its current attempt runs.
    Running,
    /// It will be tried again by itself.
    Retrying {
        /// When.
        at: Timestamp,
        /// Why.
        because: String,
    },
    /// It ended well.
    Passed,
    /// It did not run, since nothing that it depends on has changed since it passed.
    Cached {
        /// The cache key.
        key: Hash,
        /// The run that passed.
        from: Option<RunId>,
        /// How long it took then.
        saved: Millis,
    },
    /// It ended badly; the last attempt says how.
    Failed,
    /// It was stopped on purpose.
    Cancelled,
    /// gonogo ended while it ran.
    Lost,
    /// It will not run.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
}

impl JobStatus {
    /// Nothing more will happen to it by itself.
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Waiting | Self::Queued | Self::Running | Self::Retrying { .. } => false,
            Self::Passed | Self::Cached { .. } | Self::Failed | Self::Cancelled | Self::Lost | Self::Skipped { .. } => {
                true
            }
        }
    }

    /// What needs it may go on.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Passed | Self::Cached { .. })
    }

    /// The word shown for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Retrying { .. } => "retrying",
            Self::Passed => "passed",
            Self::Cached { .. } => "cached",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
            Self::Skipped { .. } => "skipped",
        }
    }
}

/// One attempt of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// 1 is the first.
    pub number: u32,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Its steps as far as they have been started.
    pub steps: Vec<Step>,
    /// How it ended.
    pub outcome: Option<JobOutcome>,
    /// What its output says, if it failed.
    pub diagnosis: Option<Box<Diagnosis>>,
    /// Lines of output, known when it has ended.
    pub lines: u64,
    /// Files kept.
    pub artifacts: Vec<String>,
}

/// A step of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Index in the job's list of steps.
    pub index: u32,
    /// Process id of its group's leader.
    pub pid: u32,
    /// Start time of that process in clock ticks since boot.
    pub pid_started: u64,
    /// When it was started.
    pub started_at: Timestamp,
    /// Lines of output before it.
    pub first_line: u64,
    /// How it ended: 0 is well, a signal is 128 and its number.
    pub exit: Option<i32>,
    /// How long it took.
    pub took: Option<Millis>,
}

impl Job {
    /// It is under way where it goes on without gonogo. What runs in a prepared container does not: nobody keeps what it prints.
    pub fn outlives(&self) -> bool {
        self.status == JobStatus::Running
            && self.planned.spec.engine == EngineKind::Docker
            && !self.planned.is_in_member()
    }

    pub(super) fn new(planned: PlannedJob, needs: Vec<Need>, at: Timestamp) -> Self {
        Self {
            planned,
            needs,
            earlier_attempts: 0,
            status: JobStatus::Waiting,
            since: at,
            attempts: Vec::new(),
            cancelling: None,
            repairs: Vec::new(),
        }
    }

    /// Its key.
    pub fn key(&self) -> &JobKey {
        &self.planned.key
    }

    /// Its newest attempt.
    pub fn attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Its newest repair.
    pub fn repair(&self) -> Option<&Repair> {
        self.repairs.last()
    }

    /// What the output of its newest attempt says, if that failed.
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        self.attempt()?.diagnosis.as_deref()
    }

    /// The output of its newest attempt.
    pub fn output(&self, run: RunId) -> Option<OutputId> {
        self.attempt().map(|attempt| OutputId::attempt(run, self.key(), attempt.number))
    }

    /// Time spent running up to `now`, over its newest attempt.
    pub fn took(&self, now: Timestamp) -> Option<Millis> {
        let attempt = self.attempt()?;
        Some(Millis::between(attempt.started_at, attempt.ended_at.unwrap_or(now)))
    }

    /// Starts over: the run has been reopened.
    pub(super) fn reset(&mut self, at: Timestamp) {
        self.stand(JobStatus::Waiting, at);
        self.cancelling = None;
        self.earlier_attempts = self.attempts.len();
    }

    fn stand(&mut self, status: JobStatus, at: Timestamp) {
        self.status = status;
        self.since = at;
    }

    pub(super) fn apply(&mut self, event: &JobEvent, at: Timestamp) {
        match event {
            JobEvent::Queued => self.stand(JobStatus::Queued, at),
            JobEvent::Started { attempt } => {
                self.attempts.push(Attempt {
                    number: *attempt,
                    started_at: at,
                    ended_at: None,
                    steps: Vec::new(),
                    outcome: None,
                    diagnosis: None,
                    lines: 0,
                    artifacts: Vec::new(),
                });
                self.stand(JobStatus::Running, at);
            }
            JobEvent::StepStarted { step, pid, started, first_line } => {
                if let Some(attempt) = self.attempts.last_mut() {
                    attempt.steps.push(Step {
                        index: *step,
                        pid: *pid,
                        pid_started: *started,
                        started_at: at,
                        first_line: *first_line,
                        exit: None,
                        took: None,
                    });
                }
            }
            JobEvent::StepFinished { step, exit, took } => {
                let steps = self.attempts.last_mut().map(|attempt| &mut attempt.steps);
                if let Some(step) = steps.and_then(|steps| steps.iter_mut().rev().find(|s| s.index == *step)) {
                    step.exit = Some(*exit);
                    step.took = Some(*took);
                }
            }
            JobEvent::CacheHit { key, from, saved } => {
                // The attempt that looked into the cache ran nothing.
                self.attempts.pop();
                self.stand(JobStatus::Cached { key: key.clone(), from: *from, saved: *saved }, at);
            }
            JobEvent::Finished { attempt, outcome, diagnosis, lines, artifacts, .. } => {
                let status = match outcome {
                    JobOutcome::Passed => JobStatus::Passed,
                    JobOutcome::Failed { .. } => JobStatus::Failed,
                    JobOutcome::Cancelled { .. } => JobStatus::Cancelled,
                    JobOutcome::Lost => JobStatus::Lost,
                };
                if let Some(open) = self.attempts.last_mut().filter(|open| open.number == *attempt) {
                    open.ended_at = Some(at);
                    open.outcome = Some(outcome.clone());
                    open.diagnosis.clone_from(diagnosis);
                    open.lines = *lines;
                    open.artifacts.clone_from(artifacts);
                }
                self.stand(status, at);
            }
            JobEvent::RetryScheduled { at: when, because } => {
                self.stand(JobStatus::Retrying { at: *when, because: because.clone() }, at);
            }
            JobEvent::Skipped { reason } => self.stand(JobStatus::Skipped { reason: reason.clone() }, at),
            JobEvent::Cancelling { reason } => self.cancelling = Some(reason.clone()),
            JobEvent::Unknown => {}
        }
    }
}
