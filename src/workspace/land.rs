//! Commits of ours: who makes them, what they are called, how they are found again.

use crate::domain::id::Hash;

use super::{
    entry::zeros,
    git::{Git, GitError},
    repo::{Repo, RepoError, TreeId},
};

/// Named in the message of a commit that applies a proposal.
const APPLIES: &str = "Gonogo-Proposal";
/// Named in the message of a commit that takes one back.
const UNDOES: &str = "Gonogo-Undoes";
/// Named in both.
const RUN: &str = "Gonogo-Run";
/// How far back is looked for a commit of ours.
const DEPTH: &str = "-20";

/// Which of the two a commit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Applies,
    Undoes,
}

/// The message with its trailers.
pub(super) fn message(text: &str, deed: Deed, hash: &Hash, run: &str) -> String {
    let name = if deed == Deed::Applies { APPLIES } else { UNDOES };
    format!("{}\n\n{name}: {hash}\n{RUN}: {run}\n", text.trim())
}

/// Makes a commit of `tree` on top of `parent`, as the person where git knows who that is. Nothing refers to it yet.
pub(super) async fn commit(repo: &Repo, tree: &TreeId, parent: &str, message: &str) -> Result<String, GitError> {
    let mut git = repo.git(["commit-tree", "-p", parent, "-F", "-", &tree.0]).input(message);
    for who in ["AUTHOR", "COMMITTER"] {
        git = identity(repo, git, who, "NAME", "gonogo").await?;
        git = identity(repo, git, who, "EMAIL", "gonogo@localhost").await?;
    }
    git.text().await
}

async fn identity(repo: &Repo, git: Git, who: &str, part: &str, ours: &str) -> Result<Git, GitError> {
    let variable = format!("GIT_{who}_{part}");
    let key = part.to_lowercase();
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if set(&variable) || part == "EMAIL" && set("EMAIL") {
        return Ok(git);
    }
    for section in [who.to_lowercase().as_str(), "user"] {
        if repo.git(["config", "--get", &format!("{section}.{key}")]).attempt().await?.good {
            return Ok(git);
        }
    }
    Ok(git.env(variable, ours))
}

/// Moves a reference from `old` (nothing: it must not exist) to `new` (nothing: it goes), or fails if it isn't at `old`.
pub(super) async fn move_ref(
    repo: &Repo,
    name: &str,
    new: Option<&str>,
    old: Option<&str>,
    why: &str,
) -> Result<(), GitError> {
    let none = zeros(&repo.object_format);
    let old = old.unwrap_or(&none);
    match new {
        Some(new) => repo.git(["update-ref", "-m", why, name, new, old]).lasting().run().await?,
        None => repo.git(["update-ref", "-d", name, old]).lasting().run().await?,
    };
    Ok(())
}

/// The newest commit of `tip`'s last twenty that applies or takes back this proposal, and which of both.
pub(super) async fn find(repo: &Repo, tip: &str, hash: &Hash) -> Result<Option<(String, Deed)>, RepoError> {
    let log = repo.git(["log", DEPTH, "--format=%H%n%B%x00", tip]).run().await?;
    let log = String::from_utf8_lossy(&log.out).into_owned();
    let (applies, undoes) = (format!("{APPLIES}: {hash}"), format!("{UNDOES}: {hash}"));
    Ok(log.split('\0').find_map(|entry| {
        let mut lines = entry.trim_start().lines();
        let commit = lines.next()?.to_owned();
        lines.find_map(|line| match line {
            line if line == applies => Some((commit.clone(), Deed::Applies)),
            line if line == undoes => Some((commit.clone(), Deed::Undoes)),
            _ => None,
        })
    }))
}

/// A branch name for a repair of `job`.
pub(super) fn branch_name(job: &str, hash: &Hash) -> String {
    let mut slug = String::new();
    for character in job.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => slug.push(character),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    format!("gonogo/fix-{}-{}", slug.trim_end_matches('-'), hash.short())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_named_after_job_and_hash() {
        assert_eq!(
            branch_name("test [3.12, linux]", &"0123456789abcdef".into()),
            "gonogo/fix-test-3-12-linux-0123456789"
        );
    }
}
