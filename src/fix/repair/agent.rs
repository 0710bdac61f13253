//! What an agent is asked to mend, and what came of it. Nothing of it is trusted: the guard and the proof follow as for every fixer.

use crate::{
    domain::{
        diagnosis::Diagnosis,
        id::{ProposalId, ThreadId},
        patch::PatchText,
        usage::NanoUsd,
    },
    workspace::{change::Workspace, repo::TreeId},
};

use super::port::Tried;

/// A fault that an agent is to mend.
#[derive(Clone, Copy, Debug)]
pub struct AgentTask<'a> {
    /// Where it works: the files as they are to be mended.
    pub workspace: &'a Workspace,
    /// The tree that these files are.
    pub tree: &'a TreeId,
    /// The fault.
    pub diagnosis: &'a Diagnosis,
    /// What the job printed; the end of it, where that is long.
    pub output: &'a [u8],
    /// What was tried before, and what came of it.
    pub tried: &'a [Tried],
    /// 1 is the first try.
    pub attempt: u32,
}

/// What came of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentRun {
    /// Why it ended before it had said all: a limit, no progress, a refusal, no model.
    pub cut_short: Option<String>,
    /// Its own proof has passed with the files as they are.
    pub proven: bool,
    /// What it says of what it did.
    pub summary: String,
    /// What its model's calls cost, as far as prices are known.
    pub cost: Option<NanoUsd>,
    /// The conversation.
    pub thread: Option<ThreadId>,
}

/// What a reviewing agent says of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// In its words.
    pub words: String,
    /// What that cost.
    pub cost: Option<NanoUsd>,
}

/// A patch that a person has approved for some fault before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The proposal.
    pub proposal: ProposalId,
    /// Its patch.
    pub patch: PatchText,
}

/// What agents have made, and what they cost, in one repair.
#[derive(Clone, Debug, Default)]
pub(super) struct Spent {
    pub tries: u32,
    pub cost: Option<NanoUsd>,
}

impl Spent {
    pub(super) fn add(&mut self, cost: Option<NanoUsd>) {
        self.cost = match (self.cost, cost) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
    }
}
