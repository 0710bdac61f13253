//! A person's repository, as it is read: where it is, what is checked out, what is in the working tree.

use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
};

use tokio::task::spawn_blocking;

use super::git::{Git, GitError};

/// Git's id of a tree: the content of a whole checkout.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TreeId(pub String);

impl fmt::Display for TreeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A repository with a checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repo {
    /// The top directory of the checkout.
    pub root: PathBuf,
    /// The checkout's own git directory.
    pub git_dir: PathBuf,
    /// The git directory that it shares with its other worktrees.
    pub common_dir: PathBuf,
    /// `sha1` or `sha256`.
    pub object_format: String,
}

/// What is checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The commit.
    pub commit: String,
    /// The branch, or `None` where `HEAD` is detached.
    pub branch: Option<String>,
}

/// Why a directory can't be worked with.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// Not in a repository.
    #[error("{} is not in a git repository", path.display())]
    NotARepository {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It has no files checked out.
    #[error("{} is a bare repository: it has no checkout", path.display())]
    Bare {
        /// The repository.
        path: PathBuf,
    },
    /// Nothing was ever committed.
    #[error("{} has no commit yet", path.display())]
    NoCommit {
        /// The repository.
        path: PathBuf,
    },
    /// The directory can't be entered.
    #[error("failed to enter {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Git could not do it.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl RepoError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotARepository { .. } => Some("run gonogo inside a repository, or make one with `git init`"),
            Self::Bare { .. } => Some("run gonogo in a checkout (`git clone` or `git worktree add`)"),
            Self::NoCommit { .. } => Some("make a first commit: `git add -A && git commit`"),
            Self::Directory { .. } => None,
            Self::Git(error) => error.hint(),
        }
    }
}

impl Repo {
    /// The repository that `path` is in.
    pub async fn discover(path: &Path) -> Result<Self, RepoError> {
        let path =
            tokio::fs::canonicalize(path).await.map_err(|source| RepoError::Directory { path: path.into(), source })?;
        let asked = Git::new(&path)
            .args(["rev-parse", "--path-format=absolute", "--is-bare-repository", "--git-dir", "--git-common-dir"])
            .args(["--show-object-format"])
            .attempt()
            .await?;
        if !asked.good && asked.said.contains("not a git repository") {
            return Err(RepoError::NotARepository { path });
        }
        let text = asked.ok()?.text()?;
        let mut lines = text.lines();
        let mut next = || lines.next().unwrap_or_default().to_owned();
        let (bare, git_dir, common_dir, object_format) = (next(), next(), next(), next());
        if bare == "true" {
            return Err(RepoError::Bare { path: git_dir.into() });
        }
        let top = Git::new(&path).args(["rev-parse", "--path-format=absolute", "--show-toplevel"]).attempt().await?;
        if !top.good && top.said.contains("must be run in a work tree") {
            return Err(RepoError::NotARepository { path });
        }
        let root = PathBuf::from(top.ok()?.text()?);
        Ok(Self { root, git_dir: git_dir.into(), common_dir: common_dir.into(), object_format })
    }

    /// A git command at the top of the checkout. It is told where the repository is rather than left to look for it: a job
    /// may have removed a workspace's `.git`, and the search would end in whatever repository lies around the cache.
    pub fn git<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Git {
        Git::new(&self.root).args(args).env("GIT_DIR", &self.git_dir).env("GIT_WORK_TREE", &self.root)
    }

    /// The commit and branch that are checked out.
    pub async fn head(&self) -> Result<Head, RepoError> {
        let commit = self.git(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).attempt().await?;
        if !commit.good {
            return Err(RepoError::NoCommit { path: self.root.clone() });
        }
        let branch = self.git(["symbolic-ref", "--quiet", "--short", "HEAD"]).attempt().await?;
        let branch = if branch.good { Some(branch.text()?) } else { None };
        Ok(Head { commit: commit.text()?, branch })
    }

    /// The tree of the working tree as it stands: uncommitted changes and new files included, ignored files not. Made in
    /// an index of its own; of the repository only the object store grows.
    pub async fn exact_tree(&self) -> Result<TreeId, RepoError> {
        let scratch = self.scratch_index().await?;
        self.git(["add", "--all"]).index(&scratch.path()).run().await?;
        Ok(TreeId(self.git(["write-tree"]).index(&scratch.path()).text().await?))
    }

    /// Paths that differ from `HEAD` or are new, ignored ones not.
    pub async fn dirty_paths(&self) -> Result<Vec<String>, RepoError> {
        let printed = self
            .git([
                "status",
                "--porcelain=v1",
                "-z",
                "--no-renames",
                "--untracked-files=all",
                "--ignore-submodules=dirty",
            ])
            .run()
            .await?;
        let text = String::from_utf8_lossy(&printed.out).into_owned();
        Ok(text.split('\0').filter_map(|entry| entry.get(3..)).map(str::to_owned).collect())
    }

    /// What is under way in the checkout and must end first: `a rebase`, `a merge`, ...
    pub async fn under_way(&self) -> Option<&'static str> {
        let marks = [
            ("rebase-merge", "a rebase"),
            ("rebase-apply", "a rebase or `git am`"),
            ("MERGE_HEAD", "a merge"),
            ("CHERRY_PICK_HEAD", "a cherry-pick"),
            ("REVERT_HEAD", "a revert"),
        ];
        for (mark, name) in marks {
            if tokio::fs::try_exists(self.git_dir.join(mark)).await.unwrap_or(false) {
                return Some(name);
            }
        }
        None
    }

    /// A copy of the index, to be changed at will; it goes away when it is dropped.
    pub(super) async fn scratch_index(&self) -> Result<ScratchIndex, GitError> {
        ScratchIndex::copied(&self.git_dir.join("index")).await
    }
}

/// An index file of our own.
#[derive(Debug)]
pub(super) struct ScratchIndex(tempfile::TempDir);

impl ScratchIndex {
    /// One that holds nothing.
    pub fn empty() -> Result<Self, GitError> {
        let made = tempfile::Builder::new().prefix("gonogo-index-").tempdir();
        made.map(Self).map_err(GitError::file("make a directory in", &std::env::temp_dir()))
    }

    /// A copy of another; its knowledge of times and sizes saves reading files that haven't changed.
    pub async fn copied(index: &Path) -> Result<Self, GitError> {
        let scratch = Self::empty()?;
        let (from, to) = (index.to_owned(), scratch.path());
        // With the time of the original: git mistrusts entries that are no older than the index, and must go on doing so.
        let copied = spawn_blocking(move || {
            std::fs::copy(&from, &to)?;
            File::options().write(true).open(&to)?.set_modified(std::fs::metadata(&from)?.modified()?)
        });
        match copied.await.map_err(std::io::Error::other).flatten() {
            Ok(()) => Ok(scratch),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(scratch),
            Err(error) => Err(GitError::file("copy", index)(error)),
        }
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.0.path().join("index")
    }
}
