//! What there is of outputs on the disk, run by run, and how it is removed.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use crate::domain::{id::RunId, time::Timestamp};

use super::segment::found;

/// How the folder of a run is called while it is being removed: this, and the run's number.
const REMOVED: &str = ".removed-";

/// The output of all jobs of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The run.
    pub run: RunId,
    /// What it takes of the disk, in bytes: whole blocks, indexes included.
    pub bytes: u64,
    /// When one of its files was last written.
    pub modified: Timestamp,
}

/// What is stored under `dir`, the folder of all outputs; oldest run first. Looks at every file once: a thousand runs take some
/// tens of milliseconds.
pub fn stored(dir: &Path) -> io::Result<Vec<Stored>> {
    let mut runs = Vec::new();
    for entry in found(fs::read_dir(dir))?.into_iter().flatten() {
        let entry = entry?;
        if let Some(run) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
            let mut size = Size::default();
            size.add(&entry.path())?;
            let modified = Timestamp::from_second(size.modified).unwrap_or_default();
            runs.push(Stored { run: RunId(run), bytes: size.bytes, modified });
        }
    }
    runs.sort_unstable_by_key(|stored| stored.run);
    Ok(runs)
}

/// What all of `dir` takes of the disk, in bytes, with what an interrupted [`remove`] has left.
pub fn total(dir: &Path) -> io::Result<u64> {
    let mut size = Size::default();
    size.add(dir)?;
    Ok(size.bytes)
}

/// Removes all output of a run under `dir`. Nothing of it may be written at the time; who reads it finds an empty output, or an
/// error in the middle of one.
///
/// Cut off at any moment, it leaves the run whole, or gone but for a folder that the next call, of any run, removes. Gives whether there
/// was anything.
pub fn remove(dir: &Path, run: RunId) -> io::Result<bool> {
    for entry in found(fs::read_dir(dir))?.into_iter().flatten() {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(REMOVED)) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    let aside = dir.join(format!("{REMOVED}{run}"));
    if found(fs::rename(dir.join(run.to_string()), &aside))?.is_none() {
        return Ok(false);
    }
    // before anything is deleted: the name must not come back with half of the files
    File::open(dir)?.sync_all()?;
    fs::remove_dir_all(aside)?;
    Ok(true)
}

#[derive(Default)]
struct Size {
    bytes: u64,
    /// Seconds since 1970.
    modified: i64,
}

impl Size {
    /// Adds a file, or a folder with all that is in it. What disappears meanwhile is not there.
    fn add(&mut self, path: &Path) -> io::Result<()> {
        let Some(metadata) = found(fs::symlink_metadata(path))? else { return Ok(()) };
        self.bytes += metadata.blocks() * 512;
        if metadata.is_dir() {
            for entry in found(fs::read_dir(path))?.into_iter().flatten() {
                self.add(&entry?.path())?;
            }
        } else {
            self.modified = self.modified.max(metadata.mtime());
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        domain::id::OutputId,
        redact::{Redactor, Secrets},
        store::output::{Reader, Writer},
    };

    #[test]
    fn runs_are_listed_and_removed() {
        let dir = tempfile::TempDir::new().unwrap();
        let dir = dir.path().join("output");
        assert_eq!((stored(&dir).unwrap(), total(&dir).unwrap(), remove(&dir, RunId(1)).unwrap()), (vec![], 0, false));
        let id = |run, job: &str| OutputId::attempt(RunId(run), &job.into(), 1);
        for id in [id(12, "a"), id(2, "a"), id(2, "b/c")] {
            let mut writer = Writer::open(&dir, &id, Redactor::of(std::sync::Arc::new(Secrets::default()))).unwrap();
            writer.append(&vec![b'x'; 50_000], Timestamp::now()).unwrap();
            writer.finish(Timestamp::now()).unwrap();
        }
        fs::write(dir.join("notes"), "no run").unwrap();
        let runs = stored(&dir).unwrap();
        assert_eq!(runs.iter().map(|stored| stored.run).collect::<Vec<_>>(), [RunId(2), RunId(12)]);
        assert!(runs[0].bytes >= 100_000 && (50_000..100_000).contains(&runs[1].bytes), "{runs:?}");
        assert!(total(&dir).unwrap() >= runs[0].bytes + runs[1].bytes);
        assert!(Timestamp::now().duration_since(runs[0].modified).as_secs() < 60);

        // a removal that was cut off is no run any more, and is gone with the next one
        fs::rename(dir.join("12"), dir.join(".removed-12")).unwrap();
        assert_eq!(stored(&dir).unwrap().len(), 1);
        assert!(remove(&dir, RunId(2)).unwrap());
        assert_eq!(Reader::open(&dir, &id(2, "a")).totals().unwrap().bytes, 0);
        let left: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["notes"]);
    }
}
