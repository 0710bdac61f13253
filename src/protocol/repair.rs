//! Facts about the repair of a job.

use serde::{Deserialize, Serialize};

use crate::domain::{actor::Actor, id::ProposalId, outcome::CancelReason};

/// What happened to the repair of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum RepairEvent {
    /// It is being started.
    Started {
        /// 1 is the job's first.
        number: u32,
        /// The attempt of the job that it mends.
        #[serde(default)]
        attempt: u32,
        /// An edited patch to be proven instead of a search for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revision: Option<Revision>,
    },
    /// It went over to something else.
    Phase {
        /// What.
        phase: RepairPhase,
        /// With which fixer.
        fixer: Option<String>,
    },
    /// A fixer was tried.
    Tried {
        /// Which.
        fixer: String,
        /// What came of it.
        result: TryResult,
    },
    /// It ended.
    Finished {
        /// How.
        result: RepairResult,
    },
    /// Written by a newer version.
    #[serde(other)]
    Unknown,
}

/// A proposal's patch as a person has changed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Of which proposal.
    pub of: ProposalId,
    /// By whom.
    pub by: Actor,
    /// The patch as it is now.
    pub patch: crate::domain::patch::PatchText,
}

/// What a repair is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepairPhase {
    /// Making the workspace.
    Preparing,
    /// Running the failed job again without a change.
    Confirming,
    /// Running a fixer.
    Fixing,
    /// Running the failed job, and those that need it, with the patch.
    Proving,
}

impl RepairPhase {
    /// The word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Confirming => "confirming",
            Self::Fixing => "fixing",
            Self::Proving => "proving",
        }
    }
}

/// What came of a fixer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum TryResult {
    /// It changed nothing.
    NothingToDo,
    /// It could not be run.
    Failed {
        /// Why.
        why: String,
    },
    /// The guard refused its patch.
    Rejected {
        /// Why.
        reasons: Vec<String>,
    },
    /// The job failed with its patch too.
    Unproven {
        /// How.
        why: String,
    },
    /// Its patch was proven.
    Proven,
}

/// How a repair ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum RepairResult {
    /// With a question.
    Proposed {
        /// Which.
        proposal: ProposalId,
    },
    /// The job passed when it was run again without a change.
    Flaky,
    /// Nothing that was tried was proven.
    GaveUp {
        /// For a person.
        why: String,
    },
    /// There is nothing to try.
    NotRepairable {
        /// For a person.
        why: String,
    },
    /// Its surroundings failed: no attempt is used up.
    Infrastructure {
        /// For a person.
        why: String,
    },
    /// It was stopped on purpose.
    Cancelled {
        /// Why.
        reason: CancelReason,
    },
    /// gonogo ended while it ran.
    Lost,
}
