//! A run in a few lines: what is kept at hand of one that was put aside.

use serde::{Deserialize, Serialize};

use crate::domain::{
    actor::{Actor, Trigger},
    id::{ProjectId, ProposalId, RunId},
    outcome::RunOutcome,
    time::{Millis, Timestamp},
};

use super::event::Source;

/// A run that has ended, in a few lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Its number.
    pub run: RunId,
    /// Its project.
    pub project: ProjectId,
    /// Its pipeline, as far as that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// Why it existed.
    pub trigger: Trigger,
    /// Who asked for it.
    pub by: Actor,
    /// What it was made of.
    pub source: Source,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How it ended.
    pub outcome: RunOutcome,
    /// How many jobs it had.
    pub jobs: u32,
    /// The jobs that failed, at most a handful.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
    /// The proposals that were made for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<ProposalId>,
}

impl RunSummary {
    /// From when it was asked for until it ended.
    pub fn took(&self) -> Millis {
        Millis::between(self.requested_at, self.ended_at)
    }
}
