//! One process at a time holds the log.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

/// How often the lock is tried, 5 ms apart.
const TRIES: u32 = 10;

/// Holds the log for as long as it lives; the operating system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct Hold {
    file: File,
    path: PathBuf,
}

/// Why the log could not be held.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// Another process holds it.
    #[error("another gonogo holds the log in {} (process {})", directory.display(), pid.map_or("unknown".to_owned(), |pid| pid.to_string()))]
    Taken {
        /// The directory of the log.
        directory: PathBuf,
        /// The holder, as far as it said so.
        pid: Option<u32>,
    },
    /// The lock file could not be opened or written.
    #[error("can't use the lock file {}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl HoldError {
    /// What to do about a lock file that can't be used.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Taken { .. } => None,
            Self::Io { .. } => Some(
                "make the state directory writable for you (`gonogo doctor` says what is wrong), or set GONOGO_HOME to another",
            ),
        }
    }
}

/// The process that holds the log in `directory`, if one does.
pub fn holder(directory: &Path) -> Option<u32> {
    match look(directory) {
        Held::ByDaemon(pid) | Held::ByProcess(pid) => Some(pid),
        Held::ByNobody | Held::Unknown => None,
    }
}

/// Who holds a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nobody.
    ByNobody,
    /// A daemon, which answers at a socket, or is about to.
    ByDaemon(u32),
    /// A process that works for one terminal alone.
    ByProcess(u32),
    /// Somebody who has not written down yet who they are.
    Unknown,
}

/// Who holds the log in `directory` now. The lock alone says whether anybody does: what is written in its file may be of one that
/// has ended.
pub fn look(directory: &Path) -> Held {
    let Ok(mut file) = File::open(directory.join("records.lock")) else { return Held::ByNobody };
    if file.try_lock_shared().is_ok() {
        return Held::ByNobody;
    }
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    let Ok(pid) = text.trim().parse() else { return Held::Unknown };
    // By its command line, which it has from its first moment on.
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    if line.is_empty() {
        // It is being ended, and lets go of the lock last of all; or whoever has it now has not written down yet who they are.
        return Held::Unknown;
    }
    let mut words = line.split(|byte| *byte == 0).skip_while(|word| *word != b"daemon");
    if words.nth(1) == Some(b"serve") { Held::ByDaemon(pid) } else { Held::ByProcess(pid) }
}

impl std::fmt::Display for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ByNobody | Self::Unknown => Ok(()),
            Self::ByDaemon(pid) | Self::ByProcess(pid) => write!(f, " (process {pid})"),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Whoever looks who holds it is not told of one that has gone. What is left by a crash is of no account: the lock counts.
        let _ = self.file.set_len(0);
    }
}

impl Hold {
    /// Takes hold of the log in `directory`, without waiting.
    pub fn take(directory: &Path) -> Result<Self, HoldError> {
        let path = directory.join("records.lock");
        let failed = |source| HoldError::Io { path: path.clone(), source };
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.map_err(failed)?;
        let mut tries = 0;
        while let Err(error) = file.try_lock() {
            match error {
                // Somebody who only looks whether it is held (see `look`) has it for a moment.
                TryLockError::WouldBlock if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(Duration::from_millis(5));
                }
                TryLockError::WouldBlock => {
                    let mut text = String::new();
                    let _ = file.read_to_string(&mut text);
                    return Err(HoldError::Taken { directory: directory.to_owned(), pid: text.trim().parse().ok() });
                }
                TryLockError::Error(source) => return Err(failed(source)),
            }
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { file, path })
    }

    /// Whether the file of this name is still the one that is held: otherwise somebody else may hold the log too.
    pub fn stands(&self) -> bool {
        let named = std::fs::metadata(&self.path).map(|about| (about.dev(), about.ino()));
        let ours = self.file.metadata().map(|about| (about.dev(), about.ino()));
        matches!((named, ours), (Ok(named), Ok(ours)) if named == ours)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_that_is_being_ended_is_waited_for_and_not_taken_for_another() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(look(dir.path()), Held::ByNobody);
        let hold = Hold::take(dir.path()).unwrap();
        assert_eq!(look(dir.path()), Held::ByProcess(std::process::id()));
        // What is written there is of one that is gone, as it is while the next one begins, and in the last moments of one that
        // was killed.
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        std::fs::write(dir.path().join("records.lock"), format!("{}\n", ended.id())).unwrap();
        assert_eq!(look(dir.path()), Held::Unknown);
        drop(hold);
        assert_eq!(look(dir.path()), Held::ByNobody);
    }
}
