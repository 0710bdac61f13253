//! What can be the matter with the log, and what to do about it.

use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::store::hold::HoldError;

/// Why the log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds it, or the lock file is unusable.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// The directory could not be made.
    #[error("can't make the directory {}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file could not be made or opened.
    #[error("can't open the log {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A newer program wrote it.
    #[error("{} was written by a newer gonogo (its format is {found}, this program knows up to {known})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: usize,
        /// The newest format known here.
        known: usize,
    },
    /// What stands there can't be used as the log.
    #[error("can't open the log {}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        source: LogError,
    },
}

/// Why something could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// SQLite refused.
    #[error("the log could not be used")]
    Sqlite(#[from] rusqlite::Error),
    /// A file could not be written, renamed or deleted.
    #[error("a file of the log could not be written")]
    Io(#[from] std::io::Error),
    /// SQLite finds the file damaged.
    #[error("the log is damaged: {0}")]
    Integrity(String),
    /// A record does not read as one.
    #[error("record {seq} of the log does not read")]
    Damaged {
        /// Its position.
        seq: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// A newer program wrote it.
    #[error("the log was written by a newer gonogo: its format is {found}, this program knows up to {known}")]
    Newer {
        /// Its format.
        found: usize,
        /// The newest format known here.
        known: usize,
    },
    /// It is a database, but of something else.
    #[error("this database is not a log of gonogo's")]
    Foreign,
    /// The log is no longer where it was opened, and can't be written back.
    #[error("the log was taken away: {0}")]
    Misplaced(String),
}

impl OpenError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Hold(error) => error.hint(),
            Self::Directory { .. } | Self::File { .. } => Some(WRITABLE),
            Self::Newer { .. } => Some(NEWER),
            Self::Log { source, .. } => source.hint(),
        }
    }
}

const NEWER: &str = "nothing was changed; use the newer gonogo, or set GONOGO_HOME to another directory";

const WRITABLE: &str =
    "make the state directory writable for you (`gonogo doctor` says what is wrong), or set GONOGO_HOME to another";

impl LogError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        const REPAIR: &str = "`gonogo doctor --repair` saves every record that still reads and keeps the damaged file";
        const ELSEWHERE: &str = "nothing was changed; move that file away, put a backup in its place with `gonogo restore`, or set GONOGO_HOME";
        match self {
            Self::Integrity(_) | Self::Damaged { .. } => Some(REPAIR),
            Self::Newer { .. } => Some(NEWER),
            Self::Foreign => Some(ELSEWHERE),
            Self::Misplaced(_) => Some("put it back as it was, and recording goes on by itself; or end this gonogo"),
            Self::Io(_) => Some("free some space in gonogo's state directory; recording goes on by itself"),
            Self::Sqlite(error) => match error.sqlite_error_code()? {
                ErrorCode::DiskFull | ErrorCode::SystemIoFailure => {
                    Some("free some space in gonogo's state directory; recording goes on by itself")
                }
                ErrorCode::DatabaseCorrupt => Some(REPAIR),
                ErrorCode::NotADatabase => Some(ELSEWHERE),
                ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Some(WRITABLE),
                _ => None,
            },
        }
    }
}
