//! Whether the open log is still the file of its name: somebody may have deleted, moved or replaced it.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

/// The files of an open log: device and inode of each.
#[derive(Debug)]
pub(super) struct Place {
    log: (u64, u64),
    /// What SQLite keeps beside it while it is open; without them others don't see what was recorded.
    sides: Vec<(&'static str, (u64, u64))>,
}

/// How the files stand.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// As they were opened.
    Good,
    /// One is missing or another, and nothing of anybody else's stands in the way: it can be written back.
    Lost(String),
    /// Something else stands where the log was, or the whole directory is gone.
    Foreign(String),
}

const SIDES: [&str; 2] = ["records.db-wal", "records.db-shm"];

impl Place {
    /// Remembers the files of a log that was just opened at `path`.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let log = identity(path)?;
        let side = |name: &'static str| Some((name, identity(&path.with_file_name(name)).ok()?));
        Ok(Self { log, sides: SIDES.into_iter().filter_map(side).collect() })
    }

    /// Compares them with what stands there now. What can't be looked at is taken to be as it was: the write will tell.
    pub(super) fn standing(&self, path: &Path) -> Standing {
        match identity(path) {
            Ok(found) if found == self.log => {}
            Ok(_) => return Standing::Foreign(format!("another file stands at {}", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return match path.parent() {
                    Some(directory) if !directory.is_dir() => {
                        Standing::Foreign(format!("the directory {} is gone", directory.display()))
                    }
                    _ => Standing::Lost(format!("{} was deleted or moved away", path.display())),
                };
            }
            Err(_) => return Standing::Good,
        }
        for (name, known) in &self.sides {
            let side = path.with_file_name(name);
            match identity(&side) {
                Ok(found) if found == *known => {}
                Err(error) if error.kind() != io::ErrorKind::NotFound => {}
                _ => return Standing::Lost(format!("{} was deleted, moved or replaced", side.display())),
            }
        }
        Standing::Good
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(path).map(|about| (about.dev(), about.ino()))
}
