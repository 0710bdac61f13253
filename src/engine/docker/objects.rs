//! The objects of a repository that borrows them: where it is sent, nobody lends any, so those of its commit go along.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;

use crate::workspace::git::Git;

/// A pack of all that git needs for the commit that is checked out and for the index, without the history.
#[derive(Clone, Debug)]
pub(super) struct Objects(Arc<TempDir>);

/// Makes the pack, if the workspace's repository borrows its objects. The error is for a person.
pub(super) async fn borrowed(workspace: &Path) -> Result<Option<Objects>, String> {
    let git = workspace.join(".git");
    let is_there = |path: PathBuf| path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    if !is_there(git.join("objects/info/alternates")) || is_there(git.join("shallow")) {
        return Ok(None);
    }
    let said = |error: crate::workspace::git::GitError| error.to_string();
    let head = Git::new(workspace).args(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).attempt().await;
    let head = match head.map_err(said)? {
        head if head.good => head.text().map_err(said)?,
        // Nothing was committed yet.
        _ => return Ok(None),
    };
    let args = ["rev-list", "--objects", "--no-walk", "--indexed-objects", &head];
    let listed = Git::new(workspace).args(args).run().await.map_err(said)?;
    let private = Permissions::from_mode(0o700);
    let dir = tempfile::Builder::new().prefix("gonogo-objects-").permissions(private).tempdir();
    let dir = dir.map_err(|error| error.to_string())?;
    let pack = dir.path().join("pack");
    let args = ["pack-objects".as_ref(), "--quiet".as_ref(), pack.as_os_str()];
    Git::new(workspace).args(args).input(listed.out).run().await.map_err(said)?;
    std::fs::write(dir.path().join("shallow"), format!("{head}\n")).map_err(|error| error.to_string())?;
    Ok(Some(Objects(Arc::new(dir))))
}

impl Objects {
    /// Each file, and where it belongs in the workspace.
    pub(super) fn files(&self) -> Vec<(PathBuf, PathBuf)> {
        let entries = std::fs::read_dir(self.0.path()).into_iter().flatten().flatten();
        let place = |path: PathBuf| {
            let name = path.file_name()?;
            let below = if name == "shallow" { ".git" } else { ".git/objects/pack" };
            let place = Path::new(below).join(name);
            Some((path, place))
        };
        entries.filter_map(|entry| place(entry.path())).collect()
    }
}
