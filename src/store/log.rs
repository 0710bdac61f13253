//! The append-only log of records, in SQLite.
//!
//! WAL with `synchronous = FULL`: what `commit` has returned for survives the loss of power. Only control has a [`Log`];
//! everybody else reads through a [`LogReader`].

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};

use crate::{
    config::paths,
    domain::{id::Seq, time::Timestamp},
    protocol::event::{Event, Record},
};

use super::hold::{Hold, HoldError};

const MIGRATIONS: &[&str] = &[include_str!("schema/0001_records.sql")];

/// The log, held for writing.
#[derive(Debug)]
pub struct Log {
    connection: Connection,
    path: PathBuf,
    _hold: Hold,
}

/// Reads the log beside its writer.
#[derive(Debug)]
pub struct LogReader {
    connection: Connection,
}

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
    /// SQLite refused.
    #[error("can't open the log {}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

/// Why something could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// SQLite refused.
    #[error("the log could not be used")]
    Sqlite(#[from] rusqlite::Error),
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
}

impl Log {
    /// Opens (or makes) the log in `directory` and takes hold of it.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        private_directory(directory)?;
        let hold = Hold::take(directory)?;
        let path = directory.join("records.db");
        let failed = |source| OpenError::Sqlite { path: path.clone(), source };
        // Made by us first, so that it is never readable by others, not even for a moment; SQLite gives its side files the same mode.
        if let Err(source) = create_private(&path) {
            return Err(OpenError::Directory { path, source });
        }
        let mut connection = Connection::open(&path).map_err(failed)?;
        connection.busy_timeout(Duration::from_secs(5)).map_err(failed)?;
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).map_err(failed)?;
        connection.pragma_update(None, "synchronous", "full").map_err(failed)?;
        migrate(&mut connection, &path)?;
        Ok(Self { connection, path, _hold: hold })
    }

    /// Opens a reader of the same file.
    pub fn reader(&self) -> Result<LogReader, LogError> {
        LogReader::open(&self.path)
    }

    /// Where it stands.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a transaction: what is appended until [`Self::commit`] is kept together or not at all.
    pub fn begin(&self) -> Result<(), LogError> {
        Ok(self.connection.execute_batch("BEGIN IMMEDIATE")?)
    }

    /// Adds a record to the open transaction.
    pub fn append(&self, record: &Record) -> Result<(), LogError> {
        let json =
            |value: serde_json::Result<String>| value.map_err(|source| LogError::Damaged { seq: record.seq.0, source });
        let cause = json(serde_json::to_string(&record.cause))?;
        let event = json(serde_json::to_string(&record.event))?;
        let run = record.event.run().map(|run| run.0 as i64);
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO records (seq, at, run, cause, event) VALUES (?1, ?2, ?3, ?4, ?5)")?;
        insert.execute(params![record.seq.0 as i64, record.at.as_microsecond(), run, cause, event])?;
        Ok(())
    }

    /// Makes everything since [`Self::begin`] durable.
    pub fn commit(&self) -> Result<(), LogError> {
        Ok(self.connection.execute_batch("COMMIT")?)
    }

    /// Drops everything since [`Self::begin`].
    pub fn roll_back(&self) {
        // Fails only where there is no transaction, and then there is nothing to drop.
        let _ = self.connection.execute_batch("ROLLBACK");
    }

    /// Hands every record after `since` to `each`, in order.
    pub fn read(&self, since: Seq, each: impl FnMut(Record)) -> Result<(), LogError> {
        read(&self.connection, since, i64::MAX, each)
    }
}

impl LogReader {
    /// Opens the log for reading, beside its writer.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        Ok(Self { connection })
    }

    /// Whether nothing stands in the file yet, not even a table: its maker was cut off, or is just making it.
    pub fn is_blank(&self) -> Result<bool, LogError> {
        Ok(self.connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))? == 0)
    }

    /// Position of the newest record; 0 for an empty log.
    pub fn newest(&self) -> Result<Seq, LogError> {
        let newest =
            self.connection.query_row("SELECT coalesce(max(seq), 0) FROM records", [], |row| row.get::<_, i64>(0))?;
        Ok(Seq(newest as u64))
    }

    /// Lets SQLite check the file, and reads every record; gives their number.
    pub fn check(&self) -> Result<u64, LogError> {
        let said: String = self.connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        if said != "ok" {
            return Err(LogError::Integrity(said));
        }
        let mut count = 0;
        read(&self.connection, Seq(0), i64::MAX, |_| count += 1)?;
        Ok(count)
    }

    /// At most `limit` records after `since`, in order.
    pub fn since(&self, since: Seq, limit: u32) -> Result<Vec<Record>, LogError> {
        let mut records = Vec::new();
        read(&self.connection, since, i64::from(limit), |record| records.push(record))?;
        Ok(records)
    }
}

fn read(connection: &Connection, since: Seq, limit: i64, mut each: impl FnMut(Record)) -> Result<(), LogError> {
    let mut select =
        connection.prepare_cached("SELECT seq, at, cause, event FROM records WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
    let mut rows = select.query(params![since.0 as i64, limit])?;
    while let Some(row) = rows.next()? {
        let seq = row.get::<_, i64>(0)? as u64;
        let at = Timestamp::from_microsecond(row.get(1)?).unwrap_or(Timestamp::UNIX_EPOCH);
        let damaged = |source| LogError::Damaged { seq, source };
        let cause = serde_json::from_str(row.get_ref(2)?.as_str().unwrap_or_default()).map_err(damaged)?;
        // An event that this version can't read in full was written by a newer one: it is kept, and has no effect here.
        let event = serde_json::from_str(row.get_ref(3)?.as_str().unwrap_or_default()).unwrap_or(Event::Unknown);
        each(Record { seq: Seq(seq), at, cause, event });
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

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::Sqlite { path: path.to_owned(), source };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    let found: usize =
        transaction.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).map_err(failed)? as usize;
    if found > MIGRATIONS.len() {
        return Err(OpenError::Newer { path: path.to_owned(), found, known: MIGRATIONS.len() });
    }
    for migration in &MIGRATIONS[found..] {
        transaction.execute_batch(migration).map_err(failed)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64).map_err(failed)?;
    transaction.commit().map_err(failed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::protocol::event::{Cause, ControlEvent};

    fn record(seq: u64) -> Record {
        Record {
            seq: Seq(seq),
            at: Timestamp::from_microsecond(seq as i64).unwrap(),
            cause: Cause::Control,
            event: Event::Control { event: ControlEvent::Stopped },
        }
    }

    #[test]
    fn what_was_committed_is_read_again_and_what_was_not_is_gone() {
        let home = tempfile::tempdir().unwrap();
        let log = Log::open(home.path()).unwrap();
        log.begin().unwrap();
        log.append(&record(1)).unwrap();
        log.commit().unwrap();
        log.begin().unwrap();
        log.append(&record(2)).unwrap();
        log.roll_back();
        drop(log);
        let log = Log::open(home.path()).unwrap();
        let mut all = Vec::new();
        log.read(Seq(0), |record| all.push(record)).unwrap();
        assert_eq!(all, [record(1)]);
        assert_eq!(log.reader().unwrap().since(Seq(0), 10).unwrap(), [record(1)]);
    }

    #[test]
    fn records_can_be_neither_changed_nor_doubled() {
        let home = tempfile::tempdir().unwrap();
        let log = Log::open(home.path()).unwrap();
        log.begin().unwrap();
        log.append(&record(1)).unwrap();
        assert!(log.append(&record(1)).is_err());
        log.commit().unwrap();
        assert!(log.connection.execute("UPDATE records SET at = 0", []).is_err());
    }

    #[test]
    fn the_file_is_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let log = Log::open(&home.path().join("state")).unwrap();
        log.begin().unwrap();
        log.append(&record(1)).unwrap();
        log.commit().unwrap();
        for file in std::fs::read_dir(home.path().join("state")).unwrap() {
            let file = file.unwrap();
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
        }
    }

    #[test]
    fn a_second_holder_is_told_who_holds_it() {
        let home = tempfile::tempdir().unwrap();
        let _log = Log::open(home.path()).unwrap();
        let error = Log::open(home.path()).unwrap_err();
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    }

    #[test]
    fn a_newer_format_is_refused_and_an_unknown_event_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let log = Log::open(home.path()).unwrap();
        let insert = "INSERT INTO records VALUES (1, 0, NULL, '{\"by\":\"control\"}', '{\"of\":\"moon\",\"phase\":3}')";
        log.connection.execute(insert, []).unwrap();
        log.connection.execute("INSERT INTO records VALUES (2, 0, 1, '{\"by\":\"control\"}', '{\"of\":\"run\",\"run\":1,\"event\":{\"kind\":\"orbited\",\"n\":1}}')", []).unwrap();
        let mut all = Vec::new();
        log.read(Seq(0), |record| all.push(record.event)).unwrap();
        assert_eq!(all[0], Event::Unknown);
        assert!(matches!(&all[1], Event::Run { event: crate::protocol::event::RunEvent::Unknown, .. }));
        log.connection.pragma_update(None, "user_version", 99).unwrap();
        drop(log);
        assert!(matches!(Log::open(home.path()), Err(OpenError::Newer { found: 99, .. })));
    }
}
