//! A change of some paths from one known content to another: committed, or brought to the files alone.

use crate::domain::{
    definition::ApplyInto,
    patch::{Patch, PatchText},
};

use super::{
    apply::{ApplyError, Approved},
    change::{self, ChangeError},
    entry::{self, Entries, Entry, differing},
    git::GitError,
    land,
    repo::{Repo, TreeId},
    settle,
};

/// Which paths go from what to what. Turned round, it is the way back.
#[derive(Debug)]
pub(super) struct Step {
    pub before: Entries,
    pub after: Entries,
}

impl Step {
    /// What the patch does to its base tree, checked against the ids that it names.
    pub async fn of(repo: &Repo, approved: &Approved<'_>) -> Result<Self, ApplyError> {
        let base = TreeId(approved.base_tree.to_owned());
        if !repo.git(["cat-file", "-e", &format!("{base}^{{tree}}")]).attempt().await?.good {
            return Err(ApplyError::BaseGone(base.0));
        }
        let tree = change::patched(repo, &base, approved.patch).await?;
        let raw =
            repo.git(["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", &base.0, &tree.0]).run().await?;
        let text = String::from_utf8_lossy(&raw.out).into_owned();
        let mut step = Self { before: Entries::new(), after: Entries::new() };
        let mut parts = text.split_terminator('\0');
        while let (Some(meta), Some(path)) = (parts.next(), parts.next()) {
            // :mode mode blob blob letter
            let meta: Vec<&str> = meta.trim_start_matches(':').split(' ').collect();
            let [old_mode, new_mode, old_blob, new_blob, _] = meta[..] else { continue };
            let entry = |mode: &str, blob: &str| {
                (mode != "000000").then(|| Entry { mode: mode.to_owned(), blob: blob.to_owned() })
            };
            if [old_mode, new_mode].contains(&"160000") {
                return Err(ApplyError::Path { path: path.to_owned(), why: "a submodule" });
            }
            step.before.insert(path.to_owned(), entry(old_mode, old_blob));
            step.after.insert(path.to_owned(), entry(new_mode, new_blob));
        }
        if step.after.is_empty() {
            return Err(ApplyError::Empty);
        }
        step.check_ids(approved.patch)?;
        match settle::behind_link(&repo.root, step.after.keys()).await {
            Some(path) => Err(ApplyError::Path { path, why: "behind a symbolic link" }),
            None => Ok(step),
        }
    }

    /// The way back.
    pub fn turned(self) -> Self {
        Self { before: self.after, after: self.before }
    }

    fn check_ids(&self, patch: &PatchText) -> Result<(), ApplyError> {
        let patch = Patch::parse(&patch.0).map_err(ChangeError::Unreadable)?;
        for file in &patch.files {
            let sides = [(&file.old_path, &file.old_blob, &self.before), (&file.new_path, &file.new_blob, &self.after)];
            for (path, blob, entries) in sides {
                let (Some(path), Some(blob)) = (path, blob) else { continue };
                let there = entries.get(path).and_then(Option::as_ref);
                if there.is_none_or(|entry| entry.blob != *blob) {
                    return Err(ApplyError::Mismatch { path: path.clone() });
                }
            }
        }
        Ok(())
    }

    /// Commits the step on what is checked out, then brings files and index along; `None` where `HEAD` is there already.
    pub async fn commit(&self, repo: &Repo, message: &str) -> Result<Option<String>, ApplyError> {
        if let Some(what) = repo.under_way().await {
            return Err(ApplyError::UnderWay(what));
        }
        let head = repo.head().await?;
        let in_head = entry::in_tree(repo, &head.commit, self.before.keys()).await?;
        if in_head == self.after {
            return Ok(None);
        }
        let (index, files) = self.checkout(repo).await?;
        let moved = differing(&self.before, &in_head);
        let (dirty, moved): (Vec<_>, Vec<_>) =
            moved.into_iter().partition(|path| self.before.get(path) == files.get(path));
        if !moved.is_empty() {
            return Err(ApplyError::Moved { paths: moved, into: ApplyInto::Commit });
        }
        let dirty: Vec<String> = dirty.into_iter().chain(self.strange(&index)).chain(self.strange(&files)).collect();
        if !dirty.is_empty() {
            let mut paths = dirty;
            paths.sort();
            paths.dedup();
            return Err(ApplyError::Dirty { paths });
        }
        let tree = entry::tree_with(repo, &head.commit, &self.after).await?;
        let commit = land::commit(repo, &tree, &head.commit, message).await?;
        let name = head.branch.as_ref().map_or_else(|| "HEAD".to_owned(), |branch| format!("refs/heads/{branch}"));
        let raced = |source| ApplyError::Raced { name: name.clone(), source };
        land::move_ref(repo, &name, Some(&commit), Some(&head.commit), "gonogo: repair").await.map_err(raced)?;
        if let Err(error) = self.bring(repo, &files).await {
            land::move_ref(repo, &name, Some(&head.commit), Some(&commit), "gonogo: taken back")
                .await
                .map_err(raced)?;
            return Err(error);
        }
        Ok(Some(commit))
    }

    /// Finishes what a crash has cut short: the commit is there, files or index may not be. What the person has changed
    /// since is left alone.
    pub async fn finish(&self, repo: &Repo) -> Result<(), ApplyError> {
        let (index, files) = self.checkout(repo).await?;
        if self.strange(&index).chain(self.strange(&files)).next().is_some() || index == self.after {
            return Ok(());
        }
        self.bring(repo, &files).await
    }

    /// Brings only the files along; false where they are there already.
    pub async fn files(&self, repo: &Repo) -> Result<bool, ApplyError> {
        let files = entry::in_working_tree(repo, self.before.keys()).await?;
        let paths: Vec<String> = self.strange(&files).collect();
        if !paths.is_empty() {
            return Err(ApplyError::Moved { paths, into: ApplyInto::WorkingTree });
        }
        if files == self.after {
            return Ok(false);
        }
        settle::files(repo, &self.missing(&files)).await?;
        Ok(true)
    }

    async fn checkout(&self, repo: &Repo) -> Result<(Entries, Entries), GitError> {
        let index = entry::in_index(repo, self.before.keys()).await?;
        Ok((index, entry::in_working_tree(repo, self.before.keys()).await?))
    }

    async fn bring(&self, repo: &Repo, files: &Entries) -> Result<(), ApplyError> {
        let settled = settle::files(repo, &self.missing(files)).await?;
        if let Err(error) = settle::index(repo, &self.after).await {
            settled.revert().await;
            return Err(error.into());
        }
        Ok(())
    }

    /// What `now` still lacks.
    fn missing(&self, now: &Entries) -> Entries {
        differing(&self.after, now).into_iter().map(|path| (path.clone(), self.after[&path].clone())).collect()
    }

    /// Paths that are neither as before nor as after.
    fn strange<'a>(&'a self, now: &'a Entries) -> impl Iterator<Item = String> + 'a {
        let known = |(path, entry): &(&String, &Option<Entry>)| {
            self.before.get(*path) == Some(*entry) || self.after.get(*path) == Some(*entry)
        };
        now.iter().filter(move |pair| !known(pair)).map(|(path, _)| path.clone())
    }
}
