//! What somebody wants. It may be refused.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::domain::{
    actor::{Actor, Trigger},
    container::EnvironmentSpec,
    definition::ApplyInto,
    id::{ApprovalId, Hash, JobKey, ProjectId, ProposalId, RequestId, RunId},
    patch::PatchText,
    time::Millis,
};

use super::{
    container::{ContainerAction, ContainerRef},
    thread::ThreadCommand,
};

/// A command and who gives it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The reply carries the same number.
    pub id: RequestId,
    /// Who asks. Whoever accepts the session fills it in; a client cannot choose it.
    pub actor: Actor,
    /// What is wanted.
    pub command: Command,
}

/// What is wanted: imperatives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Command {
    /// Watch the checkout at this root.
    AddProject {
        /// Its absolute path.
        root: PathBuf,
        /// Shown for it; the directory's name where not given.
        name: Option<String>,
    },
    /// Show a project no longer.
    ForgetProject {
        /// Which.
        project: ProjectId,
    },
    /// Start a pipeline of the project at this root (watching it from now on).
    StartRun {
        /// Absolute path of the checkout.
        root: PathBuf,
        /// Which pipeline; `None`: the file's first.
        pipeline: Option<String>,
        /// Only these jobs and what they need; empty: all.
        jobs: Vec<String>,
        /// Why.
        trigger: Trigger,
    },
    /// Stop a run or one of its jobs.
    Cancel {
        /// Which run.
        run: RunId,
        /// Only this job.
        job: Option<JobKey>,
    },
    /// Run jobs of an ended run again.
    Retry {
        /// Which run.
        run: RunId,
        /// Which jobs.
        what: Retry,
    },
    /// Answer a pending question.
    Answer {
        /// Which.
        approval: ApprovalId,
        /// How.
        decision: Decision,
    },
    /// Prove this changed form of a proposal's patch, then ask again.
    Revise {
        /// Which.
        proposal: ProposalId,
        /// The patch as it should be.
        patch: PatchText,
    },
    /// Take back an applied proposal.
    Undo {
        /// Which.
        proposal: ProposalId,
    },
    /// Look for a repair of a failed job (again).
    Repair {
        /// Which run.
        run: RunId,
        /// Which job.
        job: JobKey,
    },
    /// End gonogo: write everything down.
    ShutDown {
        /// Let what is under way end by itself first; meanwhile no new run begins. Otherwise it is stopped.
        #[serde(default)]
        wait: bool,
    },
    /// Take back a [`Command::ShutDown`] that waits.
    StayUp,
    /// Keep prepared containers of an environment of the project at this root (watching it from now on).
    EnvironmentUp {
        /// Absolute path of the checkout.
        root: PathBuf,
        /// The environment, as its file has it.
        spec: Box<EnvironmentSpec>,
    },
    /// Keep them no longer.
    EnvironmentDown {
        /// Absolute path of the checkout.
        root: PathBuf,
        /// Name of the environment.
        name: String,
    },
    /// Do something to a container of an engine.
    Container {
        /// Which.
        container: ContainerRef,
        /// Its name, for whoever reads of it.
        name: String,
        /// The run of gonogo's that it belongs to, and the job.
        #[serde(default)]
        of: Option<(RunId, Option<JobKey>)>,
        /// What.
        what: ContainerAction,
    },
    /// What was always allowed to agents by this rule is asked for again from now on.
    RevokeRule {
        /// Number of the rule.
        rule: u32,
    },
    /// Something of a conversation with an agent.
    Talk {
        /// What.
        what: ThreadCommand,
    },
    /// Delete old runs and outputs, as the limits of the configuration or these say.
    Prune {
        /// What to keep.
        keep: Keep,
    },
}

/// What is kept of old runs. Runs that are not put aside yet are always kept, records and all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// Outputs of runs that ended at most so long ago, in milliseconds.
    pub output_age: Option<Millis>,
    /// So many bytes of output, those of the newest runs.
    pub output_bytes: Option<u64>,
    /// Records of at most so many runs that were put aside, the newest ones.
    pub runs: Option<u64>,
    /// Records of runs that ended at most so long ago, in milliseconds.
    pub run_age: Option<Millis>,
}

/// Which jobs run again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Retry {
    /// Those that did not pass.
    Failed,
    /// All.
    All,
    /// One, and what needs it.
    Job {
        /// Which.
        job: JobKey,
    },
}

/// GO or NO-GO.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "vote")]
pub enum Decision {
    /// GO.
    Go {
        /// For a proposal: the hash of what was shown. Something else is not applied.
        hash: Option<Hash>,
        /// For a proposal: where it goes; `None`: what the project's policy says.
        into: Option<ApplyInto>,
    },
    /// NO-GO, with words.
    NoGo {
        /// Why; may be empty.
        why: String,
    },
}

/// Why a request was refused. Data, not an error of the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What is the matter: a lower-case fragment.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Refusal {
    /// A refusal without a hint.
    pub fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), hint: None }
    }

    /// With what to do about it.
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}
