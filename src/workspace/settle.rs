//! Brings files of the person's working tree, and their index entries, from one content to another, or leaves them as
//! they were.
//!
//! The new files are first written beside the repository's own (in its git directory, by git, with its filters), then each
//! is renamed into place. So a file is at any moment either the old or the new one, also when gonogo is killed.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::{
    entry::{self, Entries},
    git::GitError,
    repo::{Repo, ScratchIndex},
    slot,
};

const STAGE: &str = "gonogo-stage-";

/// Why files were left as they were.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// A file could not be written.
    #[error("failed to write `{path}`")]
    Write {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What was written is not what was approved.
    #[error("`{path}` did not become what was approved, and was put back")]
    Differs {
        /// The first such file.
        path: String,
    },
    /// Git could not do it.
    #[error(transparent)]
    Git(#[from] GitError),
}

/// Files that have been brought to their new content, and can still be put back.
#[derive(Debug)]
pub(super) struct Settled {
    root: PathBuf,
    stage: TempDir,
    done: Vec<String>,
}

/// Brings the files to `to` and looks whether they have become that; otherwise puts everything back.
pub(super) async fn files(repo: &Repo, to: &Entries) -> Result<Settled, SettleError> {
    let stage = stage(repo).await?;
    let scratch = ScratchIndex::empty()?;
    let info = entry::index_info(to, &repo.object_format);
    repo.git(["update-index", "-z", "--add", "--index-info"]).index(&scratch.path()).input(info).run().await?;
    let prefix = format!("--prefix={}/new/", stage.path().display());
    repo.git(["checkout-index", "--all", "--force", &prefix]).index(&scratch.path()).run().await?;
    // What goes first goes first: `a` must be gone before `a/b` comes.
    let mut steps: Vec<(String, bool)> = to.iter().map(|(path, entry)| (path.clone(), entry.is_some())).collect();
    steps.sort_by_key(|(_, comes)| *comes);
    let mut settled = Settled { root: repo.root.clone(), stage, done: Vec::new() };
    let moved = spawn_blocking(move || {
        for (path, comes) in steps {
            if let Err(source) = settled.step(&path, comes) {
                settled.put_back();
                return Err(SettleError::Write { path, source });
            }
        }
        Ok(settled)
    });
    let settled = moved.await.map_err(|error| SettleError::Write {
        path: repo.root.display().to_string(),
        source: io::Error::other(error),
    })??;
    let now = entry::in_working_tree(repo, to.keys()).await;
    let wrong = match now {
        Ok(now) => match entry::differing(to, &now).into_iter().next() {
            None => return Ok(settled),
            Some(path) => SettleError::Differs { path },
        },
        Err(error) => error.into(),
    };
    settled.revert().await;
    Err(wrong)
}

/// Sets the index entries of `to` and nothing else of the index.
pub(super) async fn index(repo: &Repo, to: &Entries) -> Result<(), GitError> {
    let info = entry::index_info(to, &repo.object_format);
    let mut tries = 0;
    loop {
        match repo.git(["update-index", "-z", "--index-info"]).input(info.clone()).lasting().run().await {
            Err(GitError::Refused { said, .. }) if said.contains("index.lock") && tries < 20 => tries += 1,
            result => {
                result?;
                break;
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Lets the index know their times, so that the next `git status` need not read them. It is only a help.
    let there: String = to.iter().filter(|(_, e)| e.is_some()).flat_map(|(p, _)| [p.as_str(), "\0"]).collect();
    repo.git(["update-index", "-z", "--stdin"]).input(there).lasting().attempt().await?;
    Ok(())
}

/// The first path that would be written through a symbolic link.
pub(super) async fn behind_link(root: &Path, paths: impl Iterator<Item = &String>) -> Option<String> {
    let (root, paths): (PathBuf, Vec<String>) = (root.to_owned(), paths.cloned().collect());
    let look = move || paths.into_iter().find(|path| parents(&root, path).any(|dir| dir.is_symlink()));
    spawn_blocking(look).await.ok().flatten()
}

/// A directory for new and old files, on the repository's own disk; older ones that a crash has left go.
async fn stage(repo: &Repo) -> Result<TempDir, GitError> {
    let dir = repo.git_dir.clone();
    let make = move || {
        for entry in fs::read_dir(&dir)?.flatten() {
            let old = || {
                entry
                    .metadata()
                    .and_then(|m| m.modified())
                    .is_ok_and(|at| at.elapsed().is_ok_and(|since| since > Duration::from_hours(1)))
            };
            if entry.file_name().to_string_lossy().starts_with(STAGE) && old() {
                slot::remove(&entry.path())?;
            }
        }
        let stage = tempfile::Builder::new().prefix(STAGE).tempdir_in(&dir)?;
        fs::create_dir(stage.path().join("new"))?;
        Ok(stage)
    };
    let made = spawn_blocking(make).await.map_err(io::Error::other).flatten();
    made.map_err(GitError::file("make a directory in", &repo.git_dir))
}

impl Settled {
    /// Puts the old files back.
    pub async fn revert(self) {
        // A panic in there would have been a fault of ours; there is nobody left to tell.
        let _ = spawn_blocking(move || self.put_back()).await;
    }

    fn step(&mut self, path: &str, comes: bool) -> io::Result<()> {
        let (target, old) = (self.root.join(path), self.stage.path().join("old").join(path));
        if parents(&self.root, path).any(|dir| dir.is_symlink()) {
            return Err(io::Error::other("a directory of it is a symbolic link"));
        }
        if target.symlink_metadata().is_ok() {
            fs::create_dir_all(old.parent().unwrap_or(&old))?;
            copy(&target, &old)?;
        }
        self.done.push(path.to_owned());
        if comes {
            fs::create_dir_all(target.parent().unwrap_or(&self.root))?;
            if target.is_dir() && !target.is_symlink() {
                // Fails where something is in it, and so it should.
                fs::remove_dir(&target)?;
            }
            return place(&self.stage.path().join("new").join(path), &target);
        }
        slot::remove(&target)?;
        for dir in parents(&self.root, path) {
            if fs::remove_dir(dir).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn put_back(&self) {
        for path in self.done.iter().rev() {
            let (target, old) = (self.root.join(path), self.stage.path().join("old").join(path));
            // As far as it goes: what can't be put back is in the error that is on its way already.
            let _ = if old.symlink_metadata().is_ok() {
                let _ = fs::create_dir_all(target.parent().unwrap_or(&self.root));
                place(&old, &target)
            } else {
                slot::remove(&target)
            };
        }
    }
}

/// Renames a file into place; over the border of a file system, by way of a copy beside it.
fn place(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let mut name = to.file_name().unwrap_or_default().to_owned();
            name.push(".gonogo-new");
            let beside = to.with_file_name(name);
            slot::remove(&beside)?;
            copy(from, &beside)?;
            fs::rename(&beside, to)
        }
        result => result,
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_symlink() {
        return std::os::unix::fs::symlink(fs::read_link(from)?, to);
    }
    fs::copy(from, to).map(|_| ())
}

/// The directories of `path` below `root`, the nearest first.
fn parents<'a>(root: &'a Path, path: &'a str) -> impl Iterator<Item = PathBuf> + 'a {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    Path::new(path)
        .ancestors()
        .skip(1)
        .filter(move |dir| plain && !dir.as_os_str().is_empty())
        .map(|dir| root.join(dir))
}
