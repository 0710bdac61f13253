//! What git knows of single paths: mode and blob, in a tree, in the index, in the working tree.

use std::collections::BTreeMap;

use tokio::task::spawn_blocking;

use super::{
    git::{GitError, Printed},
    repo::{Repo, TreeId},
};

/// A file as git stores it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// `100644`, `100755` or `120000`.
    pub mode: String,
    /// The id of its content.
    pub blob: String,
}

/// Some paths and what stands there; `None` is no file.
pub(super) type Entries = BTreeMap<String, Option<Entry>>;

/// The entries of `paths` in a tree.
pub(super) async fn in_tree<'a>(
    repo: &Repo,
    tree: &str,
    paths: impl Iterator<Item = &'a String>,
) -> Result<Entries, GitError> {
    // Mode, type, id, a tab, the path.
    let listed = repo.git(["ls-tree", "-r", "-z", tree]).run().await?;
    Ok(pick(&listed, paths, |meta| {
        let mut parts = meta.split(' ');
        Some(Entry { mode: parts.next()?.into(), blob: parts.nth(1)?.into() })
    }))
}

/// The entries of `paths` in the person's index.
pub(super) async fn in_index<'a>(repo: &Repo, paths: impl Iterator<Item = &'a String>) -> Result<Entries, GitError> {
    staged(&repo.git(["ls-files", "--stage", "-z"]).run().await?, paths)
}

/// The entries that `paths` would have if they were added as they are in the working tree.
pub(super) async fn in_working_tree<'a>(
    repo: &Repo,
    paths: impl Iterator<Item = &'a String> + Clone,
) -> Result<Entries, GitError> {
    let scratch = repo.scratch_index().await?;
    // A directory at the path of a file is no file; git would rather not be asked about it.
    let (dirs, files) = directories(repo, paths.clone()).await?;
    if !dirs.is_empty() {
        let gone = index_info(&dirs.into_iter().map(|path| (path, None)).collect(), &repo.object_format);
        repo.git(["update-index", "-z", "--index-info"]).index(&scratch.path()).input(gone).run().await?;
    }
    let named: String = files.iter().flat_map(|path| [path, "\0"]).collect();
    repo.git(["update-index", "--add", "--remove", "--replace", "-z", "--stdin"])
        .index(&scratch.path())
        .input(named)
        .run()
        .await?;
    staged(&repo.git(["ls-files", "--stage", "-z"]).index(&scratch.path()).run().await?, paths)
}

/// Which of the paths are directories, and which are not.
async fn directories<'a>(
    repo: &Repo,
    paths: impl Iterator<Item = &'a String>,
) -> Result<(Vec<String>, Vec<String>), GitError> {
    let (root, paths): (_, Vec<String>) = (repo.root.clone(), paths.cloned().collect());
    let is_dir = move |path: &String| root.join(path).symlink_metadata().is_ok_and(|found| found.is_dir());
    let look = spawn_blocking(move || paths.into_iter().partition(is_dir)).await;
    look.map_err(|error| GitError::file("look into", &repo.root)(std::io::Error::other(error)))
}

/// Sets entries of an index, as `update-index --index-info` reads them.
pub(super) fn index_info(entries: &Entries, object_format: &str) -> String {
    let none = Entry { mode: "0".into(), blob: zeros(object_format) };
    // What goes first goes first: `a` must be gone before `a/b` comes.
    let (gone, come): (Vec<_>, Vec<_>) = entries.iter().partition(|(_, entry)| entry.is_none());
    let line = |(path, entry): (&String, &Option<Entry>)| {
        let entry = entry.as_ref().unwrap_or(&none);
        format!("{} {}\t{path}\0", entry.mode, entry.blob)
    };
    gone.into_iter().chain(come).map(line).collect()
}

/// The id that means "nothing".
pub(super) fn zeros(object_format: &str) -> String {
    "0".repeat(if object_format == "sha256" { 64 } else { 40 })
}

/// The tree of `tree` with `entries` put in.
pub(super) async fn tree_with(repo: &Repo, tree: &str, entries: &Entries) -> Result<TreeId, GitError> {
    let scratch = super::repo::ScratchIndex::empty()?;
    repo.git(["read-tree", tree]).index(&scratch.path()).run().await?;
    let info = index_info(entries, &repo.object_format);
    repo.git(["update-index", "-z", "--index-info"]).index(&scratch.path()).input(info).run().await?;
    Ok(TreeId(repo.git(["write-tree"]).index(&scratch.path()).text().await?))
}

/// Paths at which two sets differ.
pub(super) fn differing(a: &Entries, b: &Entries) -> Vec<String> {
    a.iter().filter(|(path, entry)| b.get(*path) != Some(*entry)).map(|(path, _)| path.clone()).collect()
}

fn staged<'a>(listed: &Printed, paths: impl Iterator<Item = &'a String>) -> Result<Entries, GitError> {
    // Mode, id, stage, a tab, the path. A stage other than 0 is a conflict, which equals nothing.
    Ok(pick(listed, paths, |meta| {
        let mut parts = meta.split(' ');
        let (mode, blob, stage) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Entry { mode: if stage == "0" { mode.into() } else { "conflict".into() }, blob: blob.into() })
    }))
}

fn pick<'a>(
    listed: &Printed,
    paths: impl Iterator<Item = &'a String>,
    read: impl Fn(&str) -> Option<Entry>,
) -> Entries {
    let mut entries: Entries = paths.map(|path| (path.clone(), None)).collect();
    for line in String::from_utf8_lossy(&listed.out).split_terminator('\0') {
        if let Some((meta, path)) = line.split_once('\t')
            && let Some(slot) = entries.get_mut(path)
        {
            *slot = read(meta);
        }
    }
    entries
}
