//! Takes back what [`super::apply`] did, if nobody has built on it.

use crate::domain::definition::ApplyInto;

use super::{
    apply::{Applied, ApplyError, Approved, run},
    land::{self, Deed},
    repo::Repo,
    step::Step,
};

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// The commit that takes it back, where one was needed.
    pub commit: Option<String>,
    /// The branch that was deleted.
    pub deleted: Option<String>,
    /// It had been taken back before.
    pub already: bool,
}

/// Why it was not taken back; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// Something was built on it.
    #[error("{} changed after it was applied", paths.join(", "))]
    BuiltOn {
        /// Which files.
        paths: Vec<String>,
    },
    /// What is checked out doesn't have it.
    #[error("commit {commit} is not on what is checked out")]
    Elsewhere {
        /// The commit.
        commit: String,
    },
    /// The branch was used.
    #[error("branch {branch} {why}")]
    BranchUsed {
        /// Which.
        branch: String,
        /// How.
        why: &'static str,
    },
    /// Nothing was made that could be taken back.
    #[error("the repository had this content before it was applied")]
    NotOurs,
    /// It failed on the way and was put back.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl UndoError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::BuiltOn { .. } => Some("take it back by hand: `git revert` makes a start".into()),
            Self::Elsewhere { commit } => Some(format!("check out the branch that has it, or `git revert {commit}`")),
            Self::BranchUsed { branch, .. } => Some(format!("when you are sure: `git branch -D {branch}`")),
            Self::NotOurs => None,
            Self::Apply(ApplyError::Dirty { .. }) => Some("commit or stash them first".into()),
            Self::Apply(error) => error.hint().map(str::to_owned),
        }
    }
}

/// Takes it back: a commit on the branch that reverts it, the old files in the working tree, or the branch deleted.
pub async fn undo(repo: &Repo, applied: &Applied, approved: &Approved<'_>) -> Result<Undone, UndoError> {
    match (applied.into, &applied.commit, &applied.branch) {
        (ApplyInto::WorkingTree, ..) => {
            let back = Step::of(repo, approved).await?.turned();
            let changed = back.files(repo).await.map_err(built_on)?;
            Ok(Undone { commit: None, deleted: None, already: !changed })
        }
        (ApplyInto::Commit, Some(commit), _) => revert(repo, commit, approved).await,
        (ApplyInto::Branch, Some(commit), Some(branch)) => delete(repo, commit, branch).await,
        (ApplyInto::Commit | ApplyInto::Branch, ..) => Err(UndoError::NotOurs),
    }
}

async fn revert(repo: &Repo, commit: &str, approved: &Approved<'_>) -> Result<Undone, UndoError> {
    let head = repo.head().await.map_err(ApplyError::from)?;
    let back = Step::of(repo, approved).await?.turned();
    if let Some((found, Deed::Undoes)) = land::find(repo, "HEAD", approved.hash).await.map_err(ApplyError::from)? {
        if found == head.commit {
            back.finish(repo).await?;
        }
        return Ok(Undone { commit: Some(found), deleted: None, already: true });
    }
    let here = repo.git(["merge-base", "--is-ancestor", commit, "HEAD"]).attempt().await.map_err(ApplyError::from)?;
    if !here.good {
        return Err(UndoError::Elsewhere { commit: commit.to_owned() });
    }
    let first = approved.message.lines().next().unwrap_or_default();
    let text = format!("Revert \"{first}\"\n\nThis reverts commit {commit}.");
    let message = land::message(&text, Deed::Undoes, approved.hash, &run(approved));
    let made = back.commit(repo, &message).await.map_err(built_on)?;
    Ok(Undone { already: made.is_none(), commit: made, deleted: None })
}

async fn delete(repo: &Repo, commit: &str, branch: &str) -> Result<Undone, UndoError> {
    let full = format!("refs/heads/{branch}");
    let shown = repo.git(["for-each-ref", "--format=%(objectname)%00%(worktreepath)", &full]).text().await;
    let shown = shown.map_err(ApplyError::from)?;
    let undone = |already| Ok(Undone { commit: None, deleted: Some(branch.to_owned()), already });
    let Some((tip, checked_out)) = shown.split_once('\0') else { return undone(true) };
    let used = |why| UndoError::BranchUsed { branch: branch.to_owned(), why };
    if tip != commit {
        return Err(used("has commits that are not gonogo's"));
    }
    if !checked_out.is_empty() {
        return Err(used("is checked out"));
    }
    land::move_ref(repo, &full, None, Some(tip), "gonogo: undo").await.map_err(ApplyError::from)?;
    undone(false)
}

fn built_on(error: ApplyError) -> UndoError {
    match error {
        ApplyError::Moved { paths, .. } => UndoError::BuiltOn { paths },
        error => error.into(),
    }
}
