//! Isolated workspaces that stay warm: a few directories a repository, each locked while it is used.
//!
//! A workspace is `CACHE/NAME-HASH/N/NAME`: a checkout with a git directory of its own whose objects are borrowed from the
//! person's repository (`objects/info/alternates`). It is not a `git worktree`, since that would show in the person's
//! `git worktree list`, share their refs with whatever a job does, and leave administration files behind when it is killed.
//! Beside each stands `N.lock`: whoever holds it owns the directory, and the kernel lets go of it when its holder dies.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tokio::task::spawn_blocking;

use super::{
    change::Workspace,
    git::GitError,
    repo::{Repo, TreeId},
    slot,
};

/// So many at once for one repository.
const SLOTS: usize = 64;

/// The workspaces of one repository.
#[derive(Clone, Debug)]
pub struct Pool {
    repo: Repo,
    dir: PathBuf,
}

/// Why there is no workspace.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// All of them are in use.
    #[error("all {SLOTS} workspaces of {} are in use", dir.display())]
    Busy {
        /// Where they are.
        dir: PathBuf,
    },
    /// The directory could not be made or locked.
    #[error("failed to lock a workspace in {}", dir.display())]
    Lock {
        /// Where.
        dir: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The tree could not be checked out.
    #[error("failed to check out tree {tree}")]
    Checkout {
        /// The tree.
        tree: TreeId,
        /// Why.
        #[source]
        source: GitError,
    },
}

impl PoolError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Busy { .. } => Some("wait until a run or repair has ended"),
            Self::Lock { .. } => Some("check that gonogo's cache directory can be written"),
            Self::Checkout { source, .. } => source.hint(),
        }
    }
}

impl Pool {
    /// The workspaces of `repo` under `cache`, which need not be there yet.
    pub fn new(cache: &Path, repo: &Repo) -> Self {
        let hash = blake3::hash(repo.root.as_os_str().as_encoded_bytes()).to_hex();
        let name = format!("{}-{}", repo_name(repo), &hash[..12]);
        Self { repo: repo.clone(), dir: cache.join(name) }
    }

    /// A workspace with exactly the files of `tree` (an id in the repository's own object store), which is the caller's
    /// alone until it is dropped. Ignored files of earlier uses are still there.
    pub async fn checkout(&self, tree: &TreeId) -> Result<Workspace, PoolError> {
        let failed = |source| PoolError::Checkout { tree: tree.clone(), source };
        self.repo.git(["cat-file", "-e", &format!("{tree}^{{tree}}")]).run().await.map_err(failed)?;
        let dir = self.dir.clone();
        let locked = spawn_blocking(move || take(&dir)).await.map_err(io::Error::other).flatten();
        let (slot, lock) = locked
            .map_err(|source| PoolError::Lock { dir: self.dir.clone(), source })?
            .ok_or_else(|| PoolError::Busy { dir: self.dir.clone() })?;
        let root = slot.join(repo_name(&self.repo));
        let workspace = Workspace::new(&self.repo, root.clone(), tree.clone(), lock);
        if workspace.make(&self.repo).await.is_err() {
            // Whatever stands in the way is older than this checkout: begin anew, and let the second failure speak.
            let wiped = spawn_blocking(move || slot::remove(&slot)).await.map_err(io::Error::other).flatten();
            wiped.map_err(GitError::file("remove", &root)).map_err(failed)?;
            workspace.make(&self.repo).await.map_err(failed)?;
        }
        Ok(workspace)
    }
}

fn repo_name(repo: &Repo) -> String {
    repo.root.file_name().map_or_else(|| "root".into(), |name| name.to_string_lossy().into_owned())
}

/// Locks the first free slot.
fn take(dir: &Path) -> io::Result<Option<(PathBuf, File)>> {
    fs::create_dir_all(dir)?;
    for number in 0..SLOTS {
        let slot = dir.join(number.to_string());
        if let Some(lock) = try_lock(&slot)? {
            lock.set_modified(SystemTime::now())?;
            return Ok(Some((slot, lock)));
        }
    }
    Ok(None)
}

/// Locks a slot if nobody holds it.
fn try_lock(slot: &Path) -> io::Result<Option<File>> {
    let path = slot.with_extension("lock");
    loop {
        let file = File::options().create(true).truncate(false).write(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Pruning removes lock files: what was locked must still be the file of that name.
        if fs::metadata(&path).is_ok_and(|named| file.metadata().is_ok_and(|ours| ours.ino() == named.ino())) {
            return Ok(Some(file));
        }
    }
}

/// How many workspaces under `cache` nobody has used for `age`. Only looks.
pub fn unused(cache: &Path, age: Duration) -> io::Result<usize> {
    let mut unused = 0;
    for lock in locks(cache)? {
        unused += usize::from(is_unused(&lock, age));
    }
    Ok(unused)
}

/// The lock files of all workspaces.
fn locks(cache: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = |dir: &Path| -> io::Result<Vec<PathBuf>> {
        match fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            found => found?.map(|entry| entry.map(|entry| entry.path())).collect(),
        }
    };
    let mut found = Vec::new();
    for repo in entries(cache)?.iter().filter(|repo| repo.is_dir()) {
        found.extend(entries(repo)?.into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "lock")));
    }
    Ok(found)
}

/// Nobody has used it for so long. A clock that went back makes it look new.
fn is_unused(lock: &Path, age: Duration) -> bool {
    let used = fs::metadata(lock).and_then(|found| found.modified());
    used.is_ok_and(|used| used.elapsed().is_ok_and(|since| since >= age))
}

/// Removes workspaces under `cache` that nobody uses and nobody has used for `age`; gives their number.
pub async fn prune(cache: &Path, age: Duration) -> io::Result<usize> {
    let cache = cache.to_owned();
    spawn_blocking(move || prune_now(&cache, age)).await.map_err(io::Error::other).flatten()
}

fn prune_now(cache: &Path, age: Duration) -> io::Result<usize> {
    let mut pruned = 0;
    for path in locks(cache)?.into_iter().filter(|lock| is_unused(lock, age)) {
        let slot = path.with_extension("");
        if let Some(_lock) = try_lock(&slot)? {
            slot::remove(&slot)?;
            fs::remove_file(&path)?;
            pruned += 1;
        }
        // Goes only when it is empty.
        let _ = path.parent().map(fs::remove_dir);
    }
    Ok(pruned)
}
