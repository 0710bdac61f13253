//! A proposal and what became of it.

use crate::{
    domain::{actor::Actor, definition::ApplyInto, id::ProposalId, proposal::Proposal, time::Timestamp},
    protocol::event::ProposalEvent,
};

/// A proposal and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ProposalState {
    /// Its number.
    pub id: ProposalId,
    /// All of it, as it was proposed.
    pub proposal: Proposal,
    /// When it asked.
    pub asked_at: Timestamp,
    /// Where it stands.
    pub status: ProposalStatus,
    /// When it came to stand there.
    pub since: Timestamp,
    /// Who answered, when.
    pub answered: Option<(Actor, Timestamp)>,
    /// Where it was applied.
    pub applied: Option<Applied>,
    /// Why it could not be taken back, if that was tried.
    pub undo_failed: Option<(String, Option<String>)>,
}

/// Where a patch went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// How.
    pub into: ApplyInto,
    /// The commit, if there is one.
    pub commit: Option<String>,
    /// The branch, if it isn't the one that is checked out.
    pub branch: Option<String>,
}

/// Where a proposal stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProposalStatus {
    /// It waits for an answer.
    Pending,
    /// GO was said; it is being applied.
    Applying {
        /// Where it goes.
        into: ApplyInto,
    },
    /// It is in.
    Applied,
    /// GO was said, but it could not be applied.
    ApplyFailed {
        /// Why.
        error: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// NO-GO.
    Declined {
        /// In whose words.
        why: String,
    },
    /// Another took its place.
    Superseded {
        /// Why.
        why: String,
    },
    /// It is being taken back.
    Undoing,
    /// It was taken back.
    Undone {
        /// The commit that takes it back, if there is one.
        commit: Option<String>,
    },
}

impl ProposalStatus {
    /// The word shown for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pending => "waiting",
            Self::Applying { .. } => "applying",
            Self::Applied => "applied",
            Self::ApplyFailed { .. } => "not applied",
            Self::Declined { .. } => "no-go",
            Self::Superseded { .. } => "superseded",
            Self::Undoing => "undoing",
            Self::Undone { .. } => "undone",
        }
    }
}

impl ProposalState {
    pub(super) fn new(id: ProposalId, proposal: &Proposal, at: Timestamp) -> Self {
        Self {
            id,
            proposal: proposal.clone(),
            asked_at: at,
            status: ProposalStatus::Pending,
            since: at,
            answered: None,
            applied: None,
            undo_failed: None,
        }
    }

    /// Something of it is still to be done, by a person or by gonogo.
    pub fn is_open(&self) -> bool {
        matches!(self.status, ProposalStatus::Pending | ProposalStatus::Applying { .. } | ProposalStatus::Undoing)
    }

    /// It waits for an answer.
    pub fn is_pending(&self) -> bool {
        self.status == ProposalStatus::Pending
    }

    pub(super) fn apply(&mut self, event: &ProposalEvent, at: Timestamp) {
        let status = match event {
            ProposalEvent::Approved { by, into, .. } => {
                self.answered = Some((by.clone(), at));
                ProposalStatus::Applying { into: *into }
            }
            ProposalEvent::Declined { by, why } => {
                self.answered = Some((by.clone(), at));
                ProposalStatus::Declined { why: why.clone() }
            }
            ProposalEvent::Applied { commit, branch } => {
                let into = match self.status {
                    ProposalStatus::Applying { into } => into,
                    _ => ApplyInto::default(),
                };
                self.applied = Some(Applied { into, commit: commit.clone(), branch: branch.clone() });
                ProposalStatus::Applied
            }
            ProposalEvent::ApplyFailed { error, hint } => {
                ProposalStatus::ApplyFailed { error: error.clone(), hint: hint.clone() }
            }
            ProposalEvent::Superseded { why } => ProposalStatus::Superseded { why: why.clone() },
            ProposalEvent::UndoRequested { .. } => {
                self.undo_failed = None;
                ProposalStatus::Undoing
            }
            ProposalEvent::Undone { commit } => ProposalStatus::Undone { commit: commit.clone() },
            ProposalEvent::UndoFailed { error, hint } => {
                self.undo_failed = Some((error.clone(), hint.clone()));
                ProposalStatus::Applied
            }
            ProposalEvent::Proposed { .. } | ProposalEvent::Unknown => return,
        };
        self.status = status;
        self.since = at;
    }
}
