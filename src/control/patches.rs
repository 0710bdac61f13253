//! Approved proposals put into a checkout, or taken out of it, as tasks.

use std::path::PathBuf;

use crate::{
    domain::{definition::ApplyInto, id::ProposalId},
    state::{
        board::State,
        proposal::{ProposalState, ProposalStatus},
    },
    workspace::{
        apply::{self, Approved},
        repo::Repo,
        undo,
    },
};

use super::{
    input::{NoPlan, Report},
    perform::Ground,
    planner::chain,
};

/// Applying a proposal, or taking it back, as a task.
pub(super) struct PatchTask {
    root: PathBuf,
    proposal: ProposalState,
    commit: String,
    into: ApplyInto,
    ground: Ground,
}

impl PatchTask {
    pub(super) fn of(state: &State, id: ProposalId, ground: Ground) -> Option<Self> {
        let proposal = state.proposals.get(&id)?.clone();
        let root = state.projects.get(&proposal.proposal.project)?.root.clone();
        let commit = state.runs.get(&proposal.proposal.run)?.source.commit.clone();
        let into = match (&proposal.status, &proposal.applied) {
            (ProposalStatus::Applying { into }, _) => *into,
            (_, Some(applied)) => applied.into,
            _ => return None,
        };
        Some(Self { root, proposal, commit, into, ground })
    }

    fn approved(&self) -> Approved<'_> {
        let proposal = &self.proposal.proposal;
        Approved {
            patch: &proposal.patch,
            base_tree: &proposal.base_tree,
            base_commit: (!self.commit.is_empty()).then_some(self.commit.as_str()),
            hash: &proposal.hash,
            run: proposal.run,
            job: &proposal.job,
            message: &proposal.title,
        }
    }

    pub(super) async fn apply(self) {
        let result = async {
            let repo = Repo::discover(&self.root).await.map_err(|e| no(&e, e.hint().map(str::to_owned)))?;
            let applied = apply::apply(&repo, &self.approved(), self.into).await;
            applied.map(|a| (a.commit, a.branch)).map_err(|e| no(&e, e.hint().map(str::to_owned)))
        }
        .await;
        self.ground.report(Report::Applied { proposal: self.proposal.id, result }).await;
    }

    pub(super) async fn undo(self) {
        let result = async {
            let repo = Repo::discover(&self.root).await.map_err(|e| no(&e, e.hint().map(str::to_owned)))?;
            let where_to = self.proposal.applied.clone();
            let (commit, branch) = where_to.map_or((None, None), |applied| (applied.commit, applied.branch));
            let applied = apply::Applied { into: self.into, commit, branch, already: false };
            undo::undo(&repo, &applied, &self.approved()).await.map(|u| u.commit).map_err(|e| no(&e, e.hint()))
        }
        .await;
        self.ground.report(Report::Undone { proposal: self.proposal.id, result }).await;
    }
}

fn no(error: &dyn std::error::Error, hint: Option<String>) -> NoPlan {
    NoPlan { error: chain(error), hint }
}
