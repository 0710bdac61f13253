//! Files of a workspace picked by globs: artifacts that are kept, reports that are read.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use ignore::WalkBuilder;

use super::port::Order;

/// At most so many reports of at most so many bytes each are read.
const REPORTS: usize = 200;
const REPORT_BYTES: u64 = 16 << 20;

/// File systems' clocks are coarser than ours, and those of servers may be a little behind.
const CLOCK: Duration = Duration::from_secs(2);

/// Globs as gitignore has them: `*` stays within a directory, `**` doesn't.
pub fn globs(patterns: &[String]) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(GlobBuilder::new(pattern.trim_start_matches("./")).literal_separator(true).build()?);
    }
    set.build()
}

/// Paths, relative to `root` and sorted, of the files that the globs pick. `ignored` takes files in that git ignores.
pub fn pick(root: &Path, globs: &GlobSet, ignored: bool) -> Vec<PathBuf> {
    let mut walk = WalkBuilder::new(root);
    walk.hidden(false).require_git(false).follow_links(false);
    if ignored {
        walk.standard_filters(false);
    }
    walk.filter_entry(|entry| entry.file_name() != ".git");
    let files = walk.build().flatten().filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()));
    let relative = |path: &Path| path.strip_prefix(root).map(Path::to_owned).ok();
    let mut paths: Vec<PathBuf> =
        files.filter_map(|entry| relative(entry.path())).filter(|path| globs.is_match(path)).collect();
    paths.sort();
    paths
}

/// A job's key as a name for a directory: what is not plain is written as its code, so that two keys never meet.
pub fn directory_name(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = key.chars().map(|c| if plain(c) { c.to_string() } else { format!("%{:x}", c as u32) }).collect();
    if name.starts_with('.') { format!("%{name}") } else { name }
}

/// Copies the artifacts of a job that passed to `<dir>/<run>/<job>/`, and gives their paths.
pub async fn keep(order: &Order, dir: &Path) -> io::Result<Vec<String>> {
    if order.job.spec.artifacts.is_empty() {
        return Ok(Vec::new());
    }
    let to = dir.join(order.run.to_string()).join(directory_name(order.key().as_str()));
    let (patterns, from) = (order.job.spec.artifacts.clone(), order.workspace.clone());
    let copy = tokio::task::spawn_blocking(move || {
        let globs = globs(&patterns).map_err(io::Error::other)?;
        copy(&from, &to, &pick(&from, &globs, true))
    });
    copy.await.map_err(io::Error::other)?
}

/// Copies files from one directory to another, and gives their paths as text.
pub fn copy(from: &Path, to: &Path, paths: &[PathBuf]) -> io::Result<Vec<String>> {
    for path in paths {
        let target = to.join(path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(from.join(path), target)?;
    }
    Ok(paths.iter().map(|path| path.to_string_lossy().into_owned()).collect())
}

/// The texts of the reports that were written since `since`: an older one is of an earlier run.
pub fn read_reports(root: &Path, patterns: &[String], since: SystemTime) -> Vec<String> {
    if patterns.is_empty() {
        return Vec::new();
    }
    let Ok(globs) = globs(patterns) else { return Vec::new() };
    let fresh = |path: &PathBuf| {
        let about = fs::metadata(path).ok()?;
        let changed = about.modified().ok()?;
        (changed.checked_add(CLOCK).is_none_or(|latest| latest >= since) && about.len() <= REPORT_BYTES)
            .then(|| fs::read(path).ok())?
    };
    let paths = pick(root, &globs, true).into_iter().map(|path| root.join(path));
    paths
        .filter_map(|path| fresh(&path))
        .take(REPORTS)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn two_keys_never_share_a_directory() {
        let names = ["a b", "a%20b", "a/b", "..", ".", "a [1, 2]"].map(directory_name);
        let distinct: std::collections::BTreeSet<&String> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{names:?}");
        assert!(names.iter().all(|name| !name.starts_with('.') && !name.contains('/')));
    }

    #[test]
    fn globs_pick_files_and_leave_git_alone() {
        let root = tempfile::tempdir().unwrap();
        for path in ["src/a.rs", "src/deep/b.rs", "target/x.rs", ".git/c.rs"] {
            fs::create_dir_all(root.path().join(path).parent().unwrap()).unwrap();
            fs::write(root.path().join(path), "").unwrap();
        }
        fs::write(root.path().join(".gitignore"), "target\n").unwrap();
        let all = globs(&["**/*.rs".into()]).unwrap();
        assert_eq!(pick(root.path(), &all, false), ["src/a.rs", "src/deep/b.rs"].map(PathBuf::from));
        assert_eq!(pick(root.path(), &all, true).len(), 3);
        let flat = globs(&["src/*.rs".into()]).unwrap();
        assert_eq!(pick(root.path(), &flat, false), [PathBuf::from("src/a.rs")]);
    }
}
