//! Whole logs: copied while they are written, and put in the place of the one that stands there, safe at every moment.
//!
//! The new log is complete and on disk as `records.db.next` before anything is done to the old one; whoever opens the log next
//! finishes what was cut off.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::Connection;

use crate::domain::{id::RunId, time::Timestamp};

use super::{FILE, LogError, LogReader, create_private, schema};

/// A complete log that is to take the place of the one that stands there.
const NEXT: &str = "records.db.next";

/// A log that is being written; worth nothing after a crash.
const WRITING: &str = "records.db.writing";

/// What stands in a copy of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// How many records.
    pub records: u64,
    /// How many runs, those that were put aside included.
    pub runs: u64,
    /// The newest run; 0 for none.
    pub newest_run: RunId,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Why there is no backup, or why a file can't take the place of the log.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The log can't be read, or the copy not written.
    #[error("the copy could not be made")]
    Log(#[from] LogError),
    /// The file could not be written, or put in its place.
    #[error("can't write {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Copies the log at `from` into the file `to`, whole and at one moment, while others go on writing: what is read is one
/// snapshot of the WAL, which keeps no writer waiting. The copy is checked before it gets its name; a file that had this name
/// is gone then.
pub fn back_up(from: &Path, to: &Path) -> Result<About, CopyError> {
    let failed = |source| CopyError::File { path: to.to_owned(), source };
    let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Private from its first moment, and gone if anything fails.
    let temporary = tempfile::Builder::new().prefix(".gonogo-backup-").tempfile_in(directory).map_err(failed)?;
    let reader = LogReader::open(from)?;
    vacuum_into(&reader.connection, temporary.path())?;
    let about = check(temporary.path())?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary.persist(to).map_err(|error| failed(error.error))?;
    sync(directory).map_err(failed)?;
    Ok(about)
}

/// Checks a file that may become the log: that it is one, of no newer format, and whole.
pub fn check(file: &Path) -> Result<About, LogError> {
    let reader = LogReader::open(file)?;
    if reader.is_blank()? {
        return Err(LogError::Foreign);
    }
    let records = reader.check()?;
    let runs = "SELECT count(DISTINCT run), coalesce(max(run), 0) FROM records WHERE run IS NOT NULL";
    let (runs, newest): (i64, i64) = reader.connection.query_row(runs, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let bytes = fs::metadata(file)?.len();
    Ok(About { records, runs: runs as u64, newest_run: RunId(newest as u64), bytes })
}

/// Writes all that an open log holds to the disk, to take the place of the one in `directory`: see [`finish`].
pub(super) fn copy(from: &Connection, directory: &Path) -> Result<(), LogError> {
    let writing = fresh(directory)?;
    vacuum_into(from, &writing)?;
    ready(directory)
}

/// An empty private file for a log that is being written.
pub(super) fn fresh(directory: &Path) -> io::Result<PathBuf> {
    let writing = directory.join(WRITING);
    remove(&writing)?;
    create_private(&writing)?;
    Ok(writing)
}

/// The log that was being written is complete: from now on it is the one that counts.
pub(super) fn ready(directory: &Path) -> Result<(), LogError> {
    let writing = directory.join(WRITING);
    File::open(&writing)?.sync_all()?;
    fs::rename(&writing, directory.join(NEXT))?;
    Ok(sync(directory)?)
}

/// Puts a checked copy in the place of the log in `directory`, which the caller holds, and keeps what stood there. Gives the
/// name under which that is kept; `None` if nothing stood there.
pub fn restore(from: &Path, directory: &Path) -> Result<Option<PathBuf>, CopyError> {
    let failed = |source| CopyError::File { path: directory.join(FILE), source };
    let writing = fresh(directory).map_err(failed)?;
    vacuum_into(&LogReader::open(from)?.connection, &writing)?;
    check(&writing)?;
    // Whoever has read the old one further than this copy goes must not take what comes now for what they have read.
    let copy = Connection::open(&writing).map_err(LogError::from)?;
    schema::rename(&copy)?;
    drop(copy);
    settle(&directory.join(FILE));
    ready(directory)?;
    let kept = keep(directory, "before").map_err(failed)?;
    finish(directory).map_err(failed)?;
    Ok(kept)
}

/// Brings everything recorded into the one file. A log that is too damaged for that is kept with its side files as they are.
fn settle(log: &Path) {
    if !log.exists() {
        return;
    }
    let settled = Connection::open(log).map_err(LogError::from).and_then(|connection| {
        connection.busy_timeout(Duration::from_secs(5))?;
        schema::version(&connection)?;
        Ok(connection.pragma_query(None, "wal_checkpoint(TRUNCATE)", |_| Ok(()))?)
    });
    if let Err(error) = settled {
        tracing::warn!("the log that is put away could not be brought into one file: {error}");
    }
}

/// Keeps the log in `directory` under another name, with what SQLite keeps beside it as far as that still counts. It stands
/// under its own name too until the next one takes its place, so that at no moment there seems to be no log.
pub(super) fn keep(directory: &Path, why: &str) -> io::Result<Option<PathBuf>> {
    let log = directory.join(FILE);
    if !log.exists() {
        return Ok(None);
    }
    if let Some(kept) = kept(directory, &log)? {
        return Ok(Some(kept));
    }
    let when = Timestamp::now().strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
    let mut names = (1..).map(|number| match number {
        1 => format!("{FILE}.{why}-{when}"),
        _ => format!("{FILE}.{why}-{when}-{number}"),
    });
    let name = names.find(|name| !directory.join(name).exists()).unwrap_or_default();
    let side = directory.join(format!("{FILE}-wal"));
    if fs::metadata(&side).is_ok_and(|about| about.len() > 0) {
        // First: without it the file is older than it was.
        fs::rename(&side, directory.join(format!("{name}-wal")))?;
    }
    let kept = directory.join(name);
    // Some file systems know no second name.
    fs::hard_link(&log, &kept).or_else(|_| fs::rename(&log, &kept))?;
    sync(directory)?;
    Ok(Some(kept))
}

/// The other name of a log that is kept already, by somebody who was cut off then.
fn kept(directory: &Path, log: &Path) -> io::Result<Option<PathBuf>> {
    let ours = fs::metadata(log)?;
    if ours.nlink() < 2 {
        return Ok(None);
    }
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let about = entry.metadata()?;
        if entry.file_name() != FILE && (about.dev(), about.ino()) == (ours.dev(), ours.ino()) {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

/// Puts the log that is ready, if one is, in its place; what stands there is kept. Safe to be cut off anywhere.
pub fn finish(directory: &Path) -> io::Result<()> {
    remove(&directory.join(WRITING))?;
    let next = directory.join(NEXT);
    if !next.exists() {
        return Ok(());
    }
    keep(directory, "before")?;
    // They belong to the log that stood there; with the new one they would be taken for its own.
    for side in ["-wal", "-shm", "-journal"] {
        remove(&directory.join(format!("{FILE}{side}")))?;
    }
    sync(directory)?;
    fs::rename(next, directory.join(FILE))?;
    sync(directory)
}

fn vacuum_into(from: &Connection, to: &Path) -> Result<(), LogError> {
    // The file exists, is empty and is private: SQLite writes into it.
    from.execute("VACUUM INTO ?1", [to.to_str().ok_or_else(|| io::Error::other("its name is not text"))?])?;
    fs::set_permissions(to, Permissions::from_mode(0o600))?;
    Ok(())
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
