//! The append-only log of records, in SQLite.
//!
//! WAL with `synchronous = FULL`: what `commit` has returned for survives the loss of power. Only control has a [`Log`];
//! everybody else reads through a [`LogReader`].

mod error;
mod place;
mod reader;
pub mod replace;
pub mod salvage;
mod schema;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, config::DbConfig, params};

use crate::{
    config::paths,
    domain::id::{RunId, Seq},
    protocol::event::{Event, Record, RunEvent},
    state::board::ASIDE,
};

use super::hold::Hold;
use place::{Place, Standing};
pub use {
    error::{LogError, OpenError},
    reader::LogReader,
};

/// Name of the log in the state directory.
pub const FILE: &str = "records.db";

/// A log of which less than this is unused is not made smaller, in bytes.
const WORTH_SHRINKING: i64 = if cfg!(test) { 1 << 20 } else { 16 << 20 };

/// The log, held for writing.
#[derive(Debug)]
pub struct Log {
    /// Closed before the hold is let go.
    connection: Connection,
    path: PathBuf,
    hold: Hold,
    /// Where the open file stands; `None` while none is open, and then everything recorded stands in the one that is ready to
    /// take its place.
    place: Option<Place>,
}

impl Log {
    /// Opens (or makes) the log in `directory` and takes hold of it.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        private_directory(directory)?;
        let hold = Hold::take(directory)?;
        let path = directory.join(FILE);
        let unusable = |source| OpenError::File { path: path.clone(), source };
        replace::finish(directory).map_err(unusable)?;
        let failed = |source| match source {
            LogError::Newer { found, known } => OpenError::Newer { path: path.clone(), found, known },
            source => OpenError::Log { path: path.clone(), source },
        };
        // Made by us first, so that it is never readable by others, not even for a moment; SQLite gives its side files the same mode.
        create_private(&path).map_err(unusable)?;
        let connection = connect(&path).map_err(failed)?;
        shrink(&connection).map_err(failed)?;
        let place = Place::of(&path).map_err(|source| OpenError::File { path: path.clone(), source })?;
        Ok(Self { connection, path, hold, place: Some(place) })
    }

    /// Opens a reader of the same file.
    pub fn reader(&self) -> Result<LogReader, LogError> {
        LogReader::open(&self.path)
    }

    /// Which log it is: another one than any that was restored from a copy of it.
    pub fn id(&self) -> Result<Option<String>, LogError> {
        schema::id(&self.connection)
    }

    /// Where it stands.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Looks whether the file still stands where it was opened, which costs a few microseconds. If it was deleted or moved
    /// away, all that was recorded is written back there, and what happened is said. Not within a transaction.
    pub fn keep_in_place(&mut self) -> Result<Option<String>, LogError> {
        let directory = self.path.parent().map(Path::to_owned).unwrap_or_default();
        let why = match &self.place {
            None => "it could not be opened again".to_owned(),
            Some(place) => match place.standing(&self.path) {
                Standing::Good if self.hold.stands() => return Ok(None),
                Standing::Good => {
                    self.hold = Hold::take(&directory).map_err(|error| LogError::Misplaced(error.to_string()))?;
                    return Ok(Some("its lock file was deleted, and made anew".to_owned()));
                }
                Standing::Lost(what) => {
                    if !self.hold.stands() {
                        self.hold = Hold::take(&directory).map_err(|error| LogError::Misplaced(error.to_string()))?;
                    }
                    replace::copy(&self.connection, &directory)?;
                    what
                }
                Standing::Foreign(what) => {
                    // Closing would delete the other file's side files.
                    self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
                    return Err(LogError::Misplaced(what));
                }
            },
        };
        // The old one is closed before the new one stands in its place: closing deletes side files by their name.
        self.place = None;
        self.connection = Connection::open_in_memory()?;
        replace::finish(&directory)?;
        create_private(&self.path)?;
        let connection = connect(&self.path)?;
        self.place = Some(Place::of(&self.path)?);
        self.connection = connection;
        Ok(Some(format!("{why}; everything recorded was written back to {}", self.path.display())))
    }

    /// Opens a transaction: what is appended until [`Self::commit`] is kept together or not at all.
    pub fn begin(&self) -> Result<(), LogError> {
        Ok(self.connection.execute_batch("BEGIN IMMEDIATE")?)
    }

    /// Adds a record to the open transaction. `run` is the run that it is about, also where it names only a proposal.
    pub fn append(&self, record: &Record, run: Option<RunId>) -> Result<(), LogError> {
        let json =
            |value: serde_json::Result<String>| value.map_err(|source| LogError::Damaged { seq: record.seq.0, source });
        let cause = json(serde_json::to_string(&record.cause))?;
        let event = json(serde_json::to_string(&record.event))?;
        let (seq, run) = (record.seq.0 as i64, run.map(|run| run.0 as i64));
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO records (seq, at, run, cause, event) VALUES (?1, ?2, ?3, ?4, ?5)")?;
        insert.execute(params![seq, record.at.as_microsecond(), run, cause, event])?;
        match &record.event {
            Event::Run { event: RunEvent::Requested { project, .. }, .. } => {
                let mut insert = self.connection.prepare_cached("INSERT INTO runs (run, project) VALUES (?1, ?2)")?;
                insert.execute(params![run, project.0 as i64])?;
            }
            Event::Run { event: RunEvent::PutAside { .. }, .. } => {
                let mut update = self.connection.prepare_cached("UPDATE runs SET aside = ?2 WHERE run = ?1")?;
                update.execute(params![run, seq])?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Makes everything since [`Self::begin`] durable, unless the file was taken away meanwhile.
    pub fn commit(&self) -> Result<(), LogError> {
        match self.place.as_ref().map(|place| place.standing(&self.path)) {
            Some(Standing::Good) => Ok(self.connection.execute_batch("COMMIT")?),
            Some(Standing::Lost(what) | Standing::Foreign(what)) => Err(LogError::Misplaced(what)),
            None => Err(LogError::Misplaced("it is not open".to_owned())),
        }
    }

    /// Drops everything since [`Self::begin`].
    pub fn roll_back(&self) {
        // Fails only where there is no transaction, and then there is nothing to drop.
        let _ = self.connection.execute_batch("ROLLBACK");
    }

    /// Deletes what was recorded of runs that were put aside, but for the record by which that was done: the list of runs stays,
    /// and what [`Self::read_at_hand`] gives is the same as before. Other runs are left alone. Durable on return.
    pub fn forget(&self, runs: &[RunId]) -> Result<(), LogError> {
        self.begin()?;
        let delete = |run: &RunId| {
            let mut delete = self.connection.prepare_cached(
                "DELETE FROM records WHERE run = ?1 AND seq < (SELECT aside FROM runs WHERE run = ?1)",
            )?;
            delete.execute([run.0 as i64])
        };
        let deleted = runs.iter().try_for_each(|run| delete(run).map(|_| ())).map_err(LogError::from);
        let done = deleted.and_then(|()| self.commit());
        if done.is_err() {
            self.roll_back();
        }
        done
    }

    /// Hands every record after `since` to `each`, in order.
    pub fn read(&self, since: Seq, each: impl FnMut(Record)) -> Result<(), LogError> {
        reader::read(&self.connection, since, i64::MAX, each)
    }

    /// Hands every record to `each`, in order, but for those of runs that were put aside: see [`LogReader::at_hand`].
    pub fn read_at_hand(&self, each: impl FnMut(Record)) -> Result<(), LogError> {
        reader::select(&self.connection, reader::AT_HAND, params![ASIDE as i64], each)
    }

    /// The newest `count` records, in order.
    pub fn newest(&self, count: u32, each: impl FnMut(Record)) -> Result<(), LogError> {
        const NEWEST: &str = "SELECT seq, at, cause, event FROM records
            WHERE seq > (SELECT coalesce(max(seq), 0) FROM records) - ?1 ORDER BY seq";
        reader::select(&self.connection, NEWEST, params![count], each)
    }
}

/// Opens a file as the log, and brings it up to date.
fn connect(path: &Path) -> Result<Connection, LogError> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    // Before anything is changed in what may be somebody else's.
    schema::version(&connection)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

/// Gives back to the disk what pruning has left unused, when that is most of the file.
fn shrink(connection: &Connection) -> Result<(), LogError> {
    let about = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (pages, unused, size) = (about("page_count")?, about("freelist_count")?, about("page_size")?);
    if unused > pages / 2 && unused.saturating_mul(size) >= WORTH_SHRINKING {
        // It needs as much space again for a while; where there is none, the file stays as it is.
        if let Err(error) = connection.execute_batch("VACUUM") {
            tracing::warn!("the log could not be made smaller: {error}");
        }
    }
    Ok(())
}

fn private_directory(path: &Path) -> Result<(), OpenError> {
    paths::private_directory(path).map_err(|source| OpenError::Directory { path: path.to_owned(), source })
}

fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    // A file that was there before may be too open.
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

#[cfg(test)]
mod tests;
