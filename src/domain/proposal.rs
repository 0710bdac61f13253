//! A candidate that a person is asked about: patch, why, risk, proof; named by its content hash.

use serde::{Deserialize, Serialize};

use super::{
    definition::FixPolicy,
    diagnosis::Diagnosis,
    id::{Hash, JobKey, OutputId, ProjectId, RunId, ThreadId},
    patch::PatchText,
    time::Millis,
    usage::NanoUsd,
};

/// A proven candidate patch. Nothing of it changes once it has been recorded: an edited one is another proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// The project whose files it changes.
    pub project: ProjectId,
    /// The run in which the job failed.
    pub run: RunId,
    /// The job that failed.
    pub job: JobKey,
    /// One line: what it does.
    pub title: String,
    /// What made it: `cargo fmt`, `rustc suggestion`, `fix.commands.lint`, `edited by deniz`.
    pub fixer: String,
    /// The fault that it repairs.
    pub diagnosis: Diagnosis,
    /// The change, with full blob ids.
    pub patch: PatchText,
    /// Git's id of the tree that it was made and proven on.
    pub base_tree: String,
    /// Hash of project, base tree and patch: what an approval names.
    pub hash: Hash,
    /// How dangerous it is, and why.
    pub risk: Risk,
    /// The runs that were made without and with the patch.
    pub proof: Proof,
    /// How it can be taken back, in one line.
    pub undo: String,
    /// Of which earlier proposal it is an edited form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revises: Option<super::id::ProposalId>,
    /// What a reviewing agent says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<String>,
    /// What the calls of models for it cost, as far as prices are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<NanoUsd>,
    /// The conversation in which an agent made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<ThreadId>,
}

impl Proposal {
    /// Whether the policy lets it be applied without asking: its category is in `fix.auto`, and nothing was flagged.
    pub fn needs_no_person(&self, policy: &FixPolicy) -> bool {
        policy.auto.contains(&self.diagnosis.category) && self.risk.flags.is_empty()
    }
}

/// How dangerous a patch is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// The highest level of its flags.
    pub level: RiskLevel,
    /// What the guard found, each with its reason.
    pub flags: Vec<RiskFlag>,
}

/// Levels of risk, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskLevel {
    /// Nothing was flagged.
    #[default]
    Low,
    /// A person should look closely.
    Medium,
    /// It may weaken what guards the project.
    High,
}

impl RiskLevel {
    /// The word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "HIGH",
        }
    }
}

/// One thing that the guard noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskFlag {
    /// How much it matters.
    pub level: RiskLevel,
    /// A short name: `deleted-test`, `silenced-lint`, `ci-edit`.
    pub name: String,
    /// What was seen and where, for a person.
    pub reason: String,
}

/// The runs that were made without and with the patch, on the same tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Without the patch: how it failed again.
    pub before: Vec<ProofRun>,
    /// With the patch: the failed job, then the jobs that need it.
    pub after: Vec<ProofRun>,
    /// Where the output of all of them stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputId>,
}

/// One job run for a proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofRun {
    /// Which job.
    pub job: JobKey,
    /// Whether it passed.
    pub passed: bool,
    /// How it ended, in words: `exit 1`, `passed`.
    pub ended: String,
    /// How long it took.
    pub took: Millis,
}
