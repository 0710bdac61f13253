//! Old files of runs: how large they are, and how they go. A folder is renamed aside before it is deleted, so that half of one
//! is never taken for whole.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::domain::id::RunId;

/// Begins the name of a folder that is being deleted,
const GOING: &str = ".going-";

/// or that an older gonogo was deleting.
const REMOVED: &str = ".removed-";

/// Folders of runs below `dir` (outputs, artifacts), and the bytes that each takes on the disk.
pub fn sizes(dir: &Path) -> io::Result<BTreeMap<RunId, u64>> {
    let mut found = BTreeMap::new();
    for entry in entries(dir)? {
        if let Some(run) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
            found.insert(RunId(run), size(&entry.path()));
        }
    }
    Ok(found)
}

/// Folders of runs below `dir` that are newer than `newest`.
pub fn later(dir: &Path, newest: RunId) -> io::Result<Vec<RunId>> {
    let runs = entries(dir)?.into_iter().filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(RunId));
    Ok(runs.filter(|run| *run > newest).collect())
}

/// Bytes that a file, or a folder and everything below it, takes on the disk. What goes away meanwhile counts nothing.
pub fn size(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(about) = fs::symlink_metadata(path) else { return 0 };
    let below = if about.is_dir() { entries(path).unwrap_or_default() } else { Vec::new() };
    about.blocks() * 512 + below.iter().map(|entry| size(&entry.path())).sum::<u64>()
}

/// Deletes the folder of a run below `dir`; one that isn't there is no error.
pub fn remove(dir: &Path, run: RunId) -> io::Result<()> {
    remove_entry(dir, &run.to_string())
}

fn remove_entry(dir: &Path, name: &str) -> io::Result<()> {
    let going = dir.join(format!("{GOING}{name}-{}", std::process::id()));
    match fs::rename(dir.join(name), &going) {
        Ok(()) => {
            // Before anything is deleted: the name must not come back with half of the files.
            fs::File::open(dir)?.sync_all()?;
            fs::remove_dir_all(going)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Folders below `dir` whose deletion was cut off.
pub fn leftovers(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let left = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        [GOING, REMOVED].iter().any(|begin| name.to_string_lossy().starts_with(begin))
    };
    Ok(entries(dir)?.into_iter().filter(left).map(|entry| entry.path()).collect())
}

/// Deletes what [`leftovers`] finds, but nothing that another process is at; gives the number.
pub fn sweep(dir: &Path) -> io::Result<usize> {
    let left = leftovers(dir)?;
    left.iter().try_for_each(|path| match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    })?;
    Ok(left.len())
}

/// What is kept of a job that passed: where, when it was last of use, and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    path: PathBuf,
    used: SystemTime,
    /// Bytes on the disk.
    pub bytes: u64,
}

/// Job caches below `cache` that have to go so that at most `bytes` are left: those that were of no use for longest.
pub fn surplus_caches(cache: &Path, bytes: u64) -> io::Result<Vec<Cached>> {
    let mut found = Vec::new();
    for shelf in entries(&cache.join("jobs"))? {
        for entry in entries(&shelf.path())? {
            let path = entry.path();
            let used = fs::metadata(path.join("entry.json")).or_else(|_| fs::metadata(&path));
            let used = used.and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            found.push(Cached { bytes: size(&path), path, used });
        }
    }
    found.sort_by(|a, b| (b.used, &b.path).cmp(&(a.used, &a.path)));
    let mut total = 0_u64;
    let over = |cached: &Cached| {
        total = total.saturating_add(cached.bytes);
        total > bytes
    };
    let kept = found.iter().position(over).unwrap_or(found.len());
    Ok(found.split_off(kept))
}

/// Deletes a job cache. A job that is just reading it finds nothing, and runs.
pub fn remove_cache(cached: &Cached) -> io::Result<()> {
    match (cached.path.parent(), cached.path.file_name().and_then(|name| name.to_str())) {
        (Some(shelf), Some(name)) => remove_entry(shelf, name),
        _ => Ok(()),
    }
}

/// What stands in a directory; nothing, if there is none.
fn entries(dir: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(dir) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        found => found?.collect(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::{
        domain::{id::OutputId, time::Timestamp},
        redact::Redactor,
        store::output::{Reader, Writer},
    };

    #[test]
    fn a_run_s_folder_goes_whole_and_what_was_cut_off_is_swept() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("output");
        assert!(sizes(&dir).unwrap().is_empty() && later(&dir, RunId(0)).unwrap().is_empty());
        assert_eq!(sweep(&dir).unwrap(), 0);
        remove(&dir, RunId(1)).unwrap();
        let id = |run, job: &str| OutputId::attempt(RunId(run), &job.into(), 1);
        for id in [id(12, "a"), id(2, "a"), id(2, "b/c"), id(30, "a")] {
            let mut writer = Writer::open(&dir, &id, Redactor::of(Arc::default())).unwrap();
            writer.append(&vec![b'x'; 50_000], Timestamp::now()).unwrap();
            writer.finish(Timestamp::now()).unwrap();
        }
        fs::write(dir.join("somebody's"), "no run").unwrap();
        // Deletions that were cut off, the second one's by an older gonogo, are no runs any more.
        fs::rename(dir.join("30"), dir.join(".going-30-1")).unwrap();
        fs::create_dir(dir.join(".removed-7")).unwrap();
        let found = sizes(&dir).unwrap();
        assert!(found.keys().eq(&[RunId(2), RunId(12)]), "{found:?}");
        assert!(found[&RunId(2)] >= 100_000 && (50_000..100_000).contains(&found[&RunId(12)]), "{found:?}");
        assert!(size(&dir) >= found.values().sum::<u64>() + 50_000, "what was cut off still takes its room");
        assert_eq!(later(&dir, RunId(2)).unwrap(), [RunId(12)]);

        remove(&dir, RunId(2)).unwrap();
        remove(&dir, RunId(2)).unwrap();
        assert_eq!(Reader::open(&dir, &id(2, "a")).totals().unwrap().bytes, 0);
        assert_eq!(sweep(&dir).unwrap(), 2);
        assert_eq!(sweep(&dir).unwrap(), 0);
        let mut left: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["12", "somebody's"]);
    }

    #[test]
    fn the_caches_that_were_of_no_use_for_longest_go_first() {
        let home = tempfile::tempdir().unwrap();
        for (at, name) in ["old", "used", "new"].iter().enumerate() {
            let place = home.path().join("jobs/ab").join(name);
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join("entry.json"), [0; 9000]).unwrap();
            let when = SystemTime::UNIX_EPOCH + Duration::from_secs(at as u64);
            fs::File::options().append(true).open(place.join("entry.json")).unwrap().set_modified(when).unwrap();
        }
        let one = size(&home.path().join("jobs/ab/new"));
        let going = surplus_caches(home.path(), 2 * one).unwrap();
        assert!(going.len() == 1 && going[0].path.ends_with("old"), "{going:?}");
        remove_cache(&going[0]).unwrap();
        assert!(surplus_caches(home.path(), 2 * one).unwrap().is_empty());
        assert_eq!(surplus_caches(home.path(), 0).unwrap().len(), 2);
        assert!(surplus_caches(&home.path().join("none"), 0).unwrap().is_empty());
    }
}
