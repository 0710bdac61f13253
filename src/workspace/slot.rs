//! One workspace directory: a small repository that borrows its objects, made and mended by writing a handful of files.
//!
//! There is no "half made": every file of the git directory is written anew at each checkout, and git replaces its index
//! in one step. A workspace that was left by `kill -9` in the middle of anything is brought to its next tree like any other.

use std::{
    fmt::Write as _,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use tokio::task::spawn_blocking;

use super::{
    git::{Git, GitError},
    repo::Repo,
};

/// Keys of the person's own repository that decide how files look, or who commits.
const INHERITED: [&str; 11] = [
    "core.autocrlf",
    "core.eol",
    "core.filemode",
    "core.symlinks",
    "core.ignorecase",
    "core.precomposeunicode",
    "core.excludesfile",
    "core.attributesfile",
    "core.longpaths",
    "filter.",
    "user.",
];

/// Everything of the person's repository that a workspace's git directory is made of.
#[derive(Debug)]
struct Blueprint {
    config: String,
    objects: PathBuf,
    head: String,
    refs: String,
    /// Files to be copied where they exist: ignore rules, attributes, the borders of a shallow clone.
    copies: Vec<(PathBuf, &'static str)>,
}

/// Makes `git_dir` a fresh git directory over the objects of `repo`, keeping the index that may be there; `HEAD` stands at
/// the commit that is checked out in `repo`.
pub(super) async fn prepare(repo: &Repo, root: &Path, git_dir: &Path) -> Result<(), GitError> {
    let head = repo.git(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]).attempt().await?;
    let refs = repo.git(["for-each-ref", "--format=%(objectname) %(refname)"]).run().await?;
    let local = repo.git(["config", "--local", "--list", "-z"]).attempt().await?;
    let shared = |name: &'static str| (repo.common_dir.join(name), name);
    let blueprint = Blueprint {
        config: config(&repo.object_format, &String::from_utf8_lossy(&local.out)),
        objects: repo.common_dir.join("objects"),
        head: if head.good { format!("{}\n", head.text()?) } else { "ref: refs/heads/main\n".to_owned() },
        refs: String::from_utf8_lossy(&refs.out).into_owned(),
        copies: vec![shared("info/exclude"), shared("info/attributes"), shared("shallow")],
    };
    let (root, git_dir) = (root.to_owned(), git_dir.to_owned());
    let wrong = GitError::file("prepare", &git_dir);
    spawn_blocking(move || write(&blueprint, &root, &git_dir)).await.map_err(io::Error::other).flatten().map_err(wrong)
}

fn write(blueprint: &Blueprint, root: &Path, git_dir: &Path) -> io::Result<()> {
    fs::create_dir_all(root)?;
    if !fs::symlink_metadata(git_dir).is_ok_and(|found| found.is_dir()) {
        remove(git_dir)?;
    }
    fs::create_dir_all(git_dir)?;
    // The index stays: it knows which files are unchanged, and these keep their times.
    for entry in fs::read_dir(git_dir)? {
        let entry = entry?;
        if entry.file_name() != "index" {
            remove(&entry.path())?;
        }
    }
    for dir in ["objects/info", "refs/heads", "refs/tags", "info"] {
        fs::create_dir_all(git_dir.join(dir))?;
    }
    fs::write(git_dir.join("config"), &blueprint.config)?;
    fs::write(git_dir.join("HEAD"), &blueprint.head)?;
    fs::write(git_dir.join("packed-refs"), &blueprint.refs)?;
    fs::write(git_dir.join("objects/info/alternates"), format!("{}\n", blueprint.objects.display()))?;
    for (from, to) in &blueprint.copies {
        match fs::copy(from, git_dir.join(to)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    // Repositories tell people's tools not to show lock files as text; whoever approves a change of them must read it.
    append(git_dir, "\n* !diff\n")
}

fn append(git_dir: &Path, attributes: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(git_dir.join("info/attributes"))?;
    file.write_all(attributes.as_bytes())
}

/// Adds attributes that win over those of the tree, until the next checkout.
pub(super) async fn add_attributes(git_dir: &Path, lines: String) -> Result<(), GitError> {
    let (dir, wrong) = (git_dir.to_owned(), GitError::file("write attributes in", git_dir));
    spawn_blocking(move || append(&dir, &lines)).await.map_err(io::Error::other).flatten().map_err(wrong)
}

/// Removes whatever is there, following no link.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// The configuration file: the format, and what is inherited of `local` (as `git config --list -z` prints it).
fn config(object_format: &str, local: &str) -> String {
    let mut text = match object_format {
        "" | "sha1" => "[core]\n\trepositoryformatversion = 0\n".to_owned(),
        other => format!("[extensions]\n\tobjectformat = {other}\n[core]\n\trepositoryformatversion = 1\n"),
    };
    text.push_str("\tbare = false\n\tlogallrefupdates = false\n");
    for entry in local.split('\0') {
        let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
        let wanted = |rule: &&str| if rule.ends_with('.') { key.starts_with(*rule) } else { key == *rule };
        let (Some((section, rest)), true) = (key.split_once('.'), INHERITED.iter().any(wanted)) else {
            continue;
        };
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = match rest.rsplit_once('.') {
            Some((name, key)) => {
                let name = name.replace('\\', "\\\\").replace('"', "\\\"");
                writeln!(text, "[{section} \"{name}\"]\n\t{key} = \"{value}\"")
            }
            None => writeln!(text, "[{section}]\n\t{rest} = \"{value}\""),
        };
    }
    text
}

/// Brings the files to exactly `tree`; what is ignored stays, what is unchanged keeps its time.
pub(super) async fn fill(git: impl Fn() -> Git, tree: &str) -> Result<(), GitError> {
    git().args(["read-tree", "--reset", "-u", "--no-recurse-submodules", tree]).run().await?;
    git().args(["clean", "-ffdq"]).run().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_decides_how_files_look_is_inherited() {
        let local = "core.bare\nfalse\0core.autocrlf\ninput\0remote.origin.url\nssh://x\0filter.l\\fs.clean\na \"b\"\0user.name\nDeniz\0";
        assert_eq!(
            config("sha1", local),
            "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tlogallrefupdates = false\n\
             [core]\n\tautocrlf = \"input\"\n[filter \"l\\\\fs\"]\n\tclean = \"a \\\"b\\\"\"\n[user]\n\tname = \"Deniz\"\n"
        );
    }
}
