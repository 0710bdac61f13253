//! Real repositories for tests, in directories of their own.
#![allow(clippy::unwrap_used)]

use std::{fs, path::PathBuf, process::Command};

use crate::domain::{
    id::{Hash, JobKey, RunId},
    patch::PatchText,
};

use super::{apply::Approved, change::Workspace, pool::Pool, repo::Repo};

/// A repository with one commit, and a cache directory beside it.
pub(crate) struct Sandbox {
    pub dir: tempfile::TempDir,
    pub repo: Repo,
    pub pool: Pool,
    pub hash: Hash,
    pub job: JobKey,
}

impl Sandbox {
    /// With these files committed.
    pub async fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("re po");
        fs::create_dir(&root).unwrap();
        run(&root, &["init", "-q", "-b", "main"]);
        run(&root, &["config", "user.name", "Deniz"]);
        run(&root, &["config", "user.email", "deniz@example.org"]);
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        run(&root, &["add", "-A"]);
        run(&root, &["commit", "-q", "--allow-empty", "-m", "first"]);
        let repo = Repo::discover(&root).await.unwrap();
        let pool = Pool::new(&dir.path().join("cache"), &repo);
        Self { dir, repo, pool, hash: "0123456789abcdef".into(), job: "lint".into() }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.repo.root.join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Runs git in the checkout; its output, trimmed.
    pub fn git(&self, args: &[&str]) -> String {
        run(&self.repo.root, args)
    }

    /// A workspace with the working tree as it is.
    pub async fn workspace(&self) -> Workspace {
        self.pool.checkout(&self.repo.exact_tree().await.unwrap()).await.unwrap()
    }

    /// The patch that `change`, a shell script, makes in a workspace of the working tree, and the base tree.
    pub async fn patch(&self, change: &str) -> (PatchText, String) {
        let workspace = self.workspace().await;
        let status = Command::new("sh").args(["-ec", change]).current_dir(&workspace.root).status().unwrap();
        assert!(status.success(), "{change}");
        (workspace.diff(&workspace.base).await.unwrap(), workspace.base.0.clone())
    }

    pub fn approved<'a>(&'a self, (patch, base_tree): &'a (PatchText, String)) -> Approved<'a> {
        Approved {
            patch,
            base_tree,
            base_commit: None,
            hash: &self.hash,
            run: RunId(7),
            job: &self.job,
            message: "Mend lint",
        }
    }
}

fn run(root: &std::path::Path, args: &[&str]) -> String {
    let output = Command::new("git").args(args).current_dir(root).output().unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}
