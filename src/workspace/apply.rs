//! Applies an approved patch to the person's repository, to the byte, or not at all.

use crate::domain::{
    definition::ApplyInto,
    id::{Hash, JobKey, RunId},
    patch::PatchText,
};

use super::{
    change::ChangeError,
    entry::{self, differing},
    git::GitError,
    land::{self, Deed},
    repo::{Repo, RepoError},
    settle::SettleError,
    step::Step,
};

/// An approved proposal, as far as git needs to know it.
#[derive(Clone, Copy, Debug)]
pub struct Approved<'a> {
    /// The change.
    pub patch: &'a PatchText,
    /// The tree that it was made and proven on.
    pub base_tree: &'a str,
    /// The commit that the run was of, where it is known: a new branch begins there if `HEAD` has moved on.
    pub base_commit: Option<&'a str>,
    /// What was approved.
    pub hash: &'a Hash,
    /// The run in which the job failed.
    pub run: RunId,
    /// The job that failed.
    pub job: &'a JobKey,
    /// The commit's message, without trailers.
    pub message: &'a str,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Where it went.
    pub into: ApplyInto,
    /// The commit that was made; `None` for the working tree, or where `HEAD` had this content already.
    pub commit: Option<String>,
    /// The branch that it is on; `None` for the working tree and a detached `HEAD`.
    pub branch: Option<String>,
    /// It had been applied before: by an attempt that was cut short, or by the person.
    pub already: bool,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Files are not what the proof was made on.
    #[error("the tree has moved under it: {} changed since the proof", list(paths))]
    Moved {
        /// Which.
        paths: Vec<String>,
        /// Where it should have gone.
        into: ApplyInto,
    },
    /// Files of the patch have changes that no commit has.
    #[error("{} has uncommitted changes", list(paths))]
    Dirty {
        /// Which.
        paths: Vec<String>,
    },
    /// The checkout is in the middle of something.
    #[error("the checkout is in the middle of {0}")]
    UnderWay(&'static str),
    /// The tree of the proof has been cleaned away by git.
    #[error("tree {0}, on which the patch was made, is no longer in the repository")]
    BaseGone(String),
    /// The patch's own ids don't fit what it does.
    #[error("the patch does not lead to the content that it names for `{path}`")]
    Mismatch {
        /// Where.
        path: String,
    },
    /// There is nothing in it.
    #[error("the patch changes nothing")]
    Empty,
    /// It would write where it must not.
    #[error("`{path}` is {why}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A branch of that name is there, and it is not ours.
    #[error("branch {0} exists already")]
    BranchExists(String),
    /// Somebody committed at the same moment.
    #[error("{name} moved while the patch was applied")]
    Raced {
        /// The reference.
        name: String,
        /// What git said.
        #[source]
        source: GitError,
    },
    /// The patch can't be used.
    #[error(transparent)]
    Patch(#[from] ChangeError),
    /// The files were put back.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// The repository can't be read.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// Git could not do it.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl ApplyError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Moved { into: ApplyInto::Commit, .. } => {
                Some("retry the run to get a fresh proposal, or apply with `--into branch`")
            }
            Self::Moved { .. } | Self::BaseGone(_) => Some("retry the run to get a fresh proposal"),
            Self::Dirty { .. } => Some("commit or stash them first, or apply with `--into working-tree`"),
            Self::UnderWay(_) => Some("finish or abort it first, or apply with `--into branch`"),
            Self::BranchExists(_) => Some("delete or rename it and answer again"),
            Self::Raced { .. } => Some("answer again"),
            Self::Settle(SettleError::Git(error)) | Self::Git(error) | Self::Patch(ChangeError::Git(error)) => {
                error.hint()
            }
            Self::Repo(error) => error.hint(),
            Self::Mismatch { .. } | Self::Empty | Self::Path { .. } | Self::Patch(_) | Self::Settle(_) => None,
        }
    }
}

fn list(paths: &[String]) -> String {
    match paths {
        [one, two, three, rest @ ..] if !rest.is_empty() => format!("{one}, {two}, {three} and {} more", rest.len()),
        paths => paths.join(", "),
    }
}

/// Applies the patch where `into` says. Doing it again, after a crash or by mistake, is recognised and finishes it.
pub async fn apply(repo: &Repo, approved: &Approved<'_>, into: ApplyInto) -> Result<Applied, ApplyError> {
    let step = Step::of(repo, approved).await?;
    match into {
        ApplyInto::Commit => {
            let head = repo.head().await?;
            if let Some((commit, Deed::Applies)) = land::find(repo, "HEAD", approved.hash).await? {
                if commit == head.commit {
                    step.finish(repo).await?;
                }
                return Ok(Applied { into, commit: Some(commit), branch: head.branch, already: true });
            }
            let made = step
                .commit(repo, &land::message(approved.message, Deed::Applies, approved.hash, &run(approved)))
                .await?;
            Ok(Applied { into, already: made.is_none(), commit: made, branch: head.branch })
        }
        ApplyInto::WorkingTree => {
            let done = step.files(repo).await?;
            Ok(Applied { into, commit: None, branch: None, already: !done })
        }
        ApplyInto::Branch => branch(repo, approved, &step).await,
    }
}

pub(super) fn run(approved: &Approved<'_>) -> String {
    format!("{} {}", approved.run, approved.job)
}

async fn branch(repo: &Repo, approved: &Approved<'_>, step: &Step) -> Result<Applied, ApplyError> {
    let name = land::branch_name(approved.job.as_str(), approved.hash);
    let full = format!("refs/heads/{name}");
    let found = repo.git(["rev-parse", "--verify", "--quiet", &full]).attempt().await?;
    if found.good {
        let (tip, ours) = (found.text()?, land::find(repo, &full, approved.hash).await?);
        return match ours {
            Some((commit, Deed::Applies)) if commit == tip => {
                Ok(Applied { into: ApplyInto::Branch, commit: Some(commit), branch: Some(name), already: true })
            }
            _ => Err(ApplyError::BranchExists(name)),
        };
    }
    let head = repo.head().await?;
    let mut moved = Vec::new();
    for parent in [Some(head.commit.as_str()), approved.base_commit].into_iter().flatten() {
        let there = entry::in_tree(repo, parent, step.before.keys()).await?;
        moved = differing(&step.before, &there);
        if moved.is_empty() {
            let tree = entry::tree_with(repo, parent, &step.after).await?;
            let message = land::message(approved.message, Deed::Applies, approved.hash, &run(approved));
            let commit = land::commit(repo, &tree, parent, &message).await?;
            let made = land::move_ref(repo, &full, Some(&commit), None, "gonogo: repair").await;
            made.map_err(|source| ApplyError::Raced { name: name.clone(), source })?;
            return Ok(Applied { into: ApplyInto::Branch, commit: Some(commit), branch: Some(name), already: false });
        }
    }
    Err(ApplyError::Moved { paths: moved, into: ApplyInto::Branch })
}
