//! A workspace in use: its tree, the patch that leads to it, and a patch put into it.

use std::{collections::BTreeMap, fs::File, path::PathBuf};

use crate::domain::patch::{FilePatch, Patch, PatchError, PatchText};

use super::{
    git::{Git, GitError},
    repo::{Repo, ScratchIndex, TreeId},
    slot,
};

/// An isolated checkout, the caller's alone until it is dropped. Made by [`super::pool::Pool::checkout`].
#[derive(Debug)]
pub struct Workspace {
    /// The top directory of the checkout.
    pub root: PathBuf,
    /// The tree that it was checked out with.
    pub base: TreeId,
    inner: Repo,
    /// What the person's `HEAD` stood at.
    head: tokio::sync::OnceCell<Option<String>>,
    lock: File,
}

/// Why a patch could not be made or put in.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The change can't be written as a patch.
    #[error("the change has text that is not UTF-8")]
    NotUtf8,
    /// It is not a patch.
    #[error("the patch can't be read")]
    Unreadable(#[source] PatchError),
    /// It would write where it must not.
    #[error("the patch names `{path}`, which is {why}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It doesn't fit the files.
    #[error("the patch does not apply")]
    DoesNotApply(#[source] GitError),
    /// Git could not do it.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl Workspace {
    pub(super) fn new(repo: &Repo, root: PathBuf, base: TreeId, lock: File) -> Self {
        let git_dir = root.join(".git");
        let object_format = repo.object_format.clone();
        let inner = Repo { root: root.clone(), common_dir: git_dir.clone(), git_dir, object_format };
        Self { root, base, inner, head: tokio::sync::OnceCell::new(), lock }
    }

    pub(super) async fn make(&self, repo: &Repo) -> Result<(), GitError> {
        slot::prepare(repo, &self.root, &self.inner.git_dir).await?;
        slot::fill(|| self.git([]), &self.base.0).await
    }

    /// A git command in the workspace.
    pub fn git<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Git {
        self.inner.git(args).holding(&self.lock)
    }

    /// The tree of the files as they are now.
    pub async fn tree(&self) -> Result<TreeId, GitError> {
        let scratch = self.inner.scratch_index().await?;
        self.git(["add", "--all"]).index(&scratch.path()).run().await?;
        Ok(TreeId(self.git(["write-tree"]).index(&scratch.path()).text().await?))
    }

    /// The patch from `from` to the files as they are now; empty when nothing changed.
    pub async fn diff(&self, from: &TreeId) -> Result<PatchText, ChangeError> {
        let now = self.tree().await?;
        let bytes = match String::from_utf8(self.between(from, &now).await?) {
            Ok(text) => return Ok(PatchText(text)),
            Err(error) => error.into_bytes(),
        };
        // Text in an older encoding: for a patch that is a text itself, such files are no text.
        let patch = Patch::parse(&String::from_utf8_lossy(&bytes)).map_err(ChangeError::Unreadable)?;
        let foreign = |file: &&FilePatch| {
            file.hunks.iter().flat_map(|hunk| &hunk.lines).any(|line| line.text.contains(char::REPLACEMENT_CHARACTER))
        };
        let attribute = |file: &FilePatch| {
            let escape = |c: char| if "\\\"*?[".contains(c) { vec!['\\', '\\', c] } else { vec![c] };
            format!("\"/{}\" -diff\n", file.path().chars().flat_map(escape).collect::<String>())
        };
        let attributes: Vec<String> = patch.files.iter().filter(foreign).map(attribute).collect();
        slot::add_attributes(&self.inner.git_dir, attributes.concat()).await?;
        String::from_utf8(self.between(from, &now).await?).map(PatchText).map_err(|_| ChangeError::NotUtf8)
    }

    async fn between(&self, from: &TreeId, to: &TreeId) -> Result<Vec<u8>, GitError> {
        let git = self.git([
            "diff-tree",
            "-p",
            "-r",
            "--find-renames",
            "--binary",
            "--full-index",
            "--no-color",
            "--no-ext-diff",
        ]);
        let git = git.args(["--no-textconv", "--src-prefix=a/", "--dst-prefix=b/", &from.0, &to.0]);
        Ok(git.run().await?.out)
    }

    /// Brings the files to exactly `tree`, throwing away every other change but ignored files.
    pub async fn reset(&self, tree: &TreeId) -> Result<(), GitError> {
        let head = self.head().await?;
        if let Some(head) = head {
            self.set_head(&head).await?;
        }
        slot::fill(|| self.git([]), &tree.0).await
    }

    /// Puts a patch onto `base`: afterwards the files are exactly that tree with the patch. Gives the new tree.
    pub async fn apply_patch(&self, base: &TreeId, patch: &PatchText) -> Result<TreeId, ChangeError> {
        let tree = patched(&self.inner, base, patch).await?;
        self.reset(&tree).await?;
        Ok(tree)
    }

    /// Where the base is the commit that is checked out, makes `HEAD` a commit of `tree` on top of it: a job that looks
    /// whether everything is committed (`git diff --exit-code` after a generator) sees what it will see once the patch is.
    pub async fn pretend_committed(&self, tree: &TreeId) -> Result<(), GitError> {
        let Some(head) = self.head().await? else { return Ok(()) };
        let head_tree = self.git(["rev-parse", &format!("{head}^{{tree}}")]).text().await?;
        if head_tree != self.base.0 || *tree == self.base {
            return Ok(());
        }
        let mut git = self.git(["commit-tree", "-p", &head, "-m", "gonogo: proof", &tree.0]);
        for who in ["AUTHOR", "COMMITTER"] {
            git = git.env(format!("GIT_{who}_NAME"), "gonogo").env(format!("GIT_{who}_EMAIL"), "gonogo@localhost");
        }
        let commit = git.text().await?;
        self.set_head(&commit).await
    }

    /// Paths that differ between two trees.
    pub async fn changed(&self, from: &TreeId, to: &TreeId) -> Result<Vec<String>, GitError> {
        let listed = self.git(["diff-tree", "-r", "-z", "--name-only", &from.0, &to.0]).run().await?;
        let text = String::from_utf8_lossy(&listed.out).into_owned();
        Ok(text.split_terminator('\0').map(str::to_owned).collect())
    }

    /// Brings single paths back to what they are in `tree`; those that it doesn't have go.
    pub async fn put_back(&self, tree: &TreeId, paths: &[String]) -> Result<(), GitError> {
        let entries = super::entry::in_tree(&self.inner, &tree.0, paths.iter()).await?;
        let now = self.tree().await?;
        let wanted = super::entry::tree_with(&self.inner, &now.0, &entries).await?;
        slot::fill(|| self.git([]), &wanted.0).await
    }

    /// The texts of files of `tree`: those that are there and are text.
    pub async fn texts(&self, tree: &TreeId, paths: &[&str]) -> Result<BTreeMap<String, String>, GitError> {
        let asked = paths.iter().map(|path| format!("{tree}:{path}\n")).collect::<Vec<_>>().concat();
        let printed = self.git(["cat-file", "--batch"]).input(asked).run().await?;
        let mut rest = &printed.out[..];
        let mut texts = BTreeMap::new();
        for path in paths {
            // `ID blob SIZE`, the content, a line feed; or `NAME missing`.
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { break };
            let head = String::from_utf8_lossy(&rest[..end]).into_owned();
            rest = &rest[end + 1..];
            let mut words = head.split(' ').rev();
            let Some(size) = words.next().and_then(|size| size.parse::<usize>().ok()) else { continue };
            let content = rest.get(..size).unwrap_or_default();
            if let (Some("blob"), Ok(text)) = (words.next(), std::str::from_utf8(content)) {
                texts.insert((*path).to_owned(), text.to_owned());
            }
            rest = rest.get(size + 1..).unwrap_or_default();
        }
        Ok(texts)
    }

    /// Every path of `tree`.
    pub async fn paths(&self, tree: &TreeId) -> Result<Vec<String>, GitError> {
        let listed = self.git(["ls-tree", "-r", "-z", "--name-only", &tree.0]).run().await?;
        let text = String::from_utf8_lossy(&listed.out).into_owned();
        Ok(text.split_terminator('\0').map(str::to_owned).collect())
    }

    async fn head(&self) -> Result<Option<String>, GitError> {
        let read = || async {
            let head = self.git(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).attempt().await?;
            if head.good { head.text().map(Some) } else { Ok(None) }
        };
        self.head.get_or_try_init(read).await.cloned()
    }

    async fn set_head(&self, commit: &str) -> Result<(), GitError> {
        let path = self.inner.git_dir.join("HEAD");
        tokio::fs::write(&path, format!("{commit}\n")).await.map_err(GitError::file("write", &path))
    }
}

/// The tree that `patch` makes of `base`, after a look at every path that it names.
pub(super) async fn patched(repo: &Repo, base: &TreeId, patch: &PatchText) -> Result<TreeId, ChangeError> {
    let parsed = Patch::parse(&patch.0).map_err(ChangeError::Unreadable)?;
    for path in parsed.files.iter().flat_map(|file| [&file.old_path, &file.new_path]).flatten() {
        if let Some(why) = unsafe_path(path) {
            return Err(ChangeError::Path { path: path.clone(), why });
        }
    }
    let scratch = ScratchIndex::empty()?;
    repo.git(["read-tree", &base.0]).index(&scratch.path()).run().await?;
    let applied = repo
        .git(["-c", "apply.ignoreWhitespace=no", "apply", "--cached", "--whitespace=nowarn", "-"])
        .index(&scratch.path())
        .input(patch.0.as_bytes())
        .run()
        .await;
    match applied {
        Err(GitError::Refused { said, .. }) if said.contains("No valid patches") => return Ok(base.clone()),
        applied => applied.map_err(ChangeError::DoesNotApply)?,
    };
    Ok(TreeId(repo.git(["write-tree"]).index(&scratch.path()).text().await?))
}

/// Why a patch may not name this path, wherever links lead.
pub fn unsafe_path(path: &str) -> Option<&'static str> {
    let mut parts = path.split('/');
    if path.is_empty() || path.contains(['\0', '\n']) {
        return Some("not a path");
    }
    if path.starts_with('/') || parts.clone().any(|part| part == "..") {
        return Some("outside the repository");
    }
    if parts.clone().any(|part| part.is_empty() || part == ".") {
        return Some("not a plain path");
    }
    // Git's own directory, also under the names by which file systems that fold case or have short names know it.
    let own = |part: &str| [".git", "git~1"].contains(&part.trim_end_matches(['.', ' ']).to_lowercase().as_str());
    if parts.any(own) {
        return Some("git's own directory");
    }
    None
}
