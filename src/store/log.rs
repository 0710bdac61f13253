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
    domain::{
        id::{ProjectId, RunId, Seq},
        time::Timestamp,
    },
    protocol::event::{Event, Record, RunEvent},
    state::board::ASIDE,
};

use super::hold::{Hold, HoldError};

const MIGRATIONS: &[&str] = &[include_str!("schema/0001_records.sql"), include_str!("schema/0002_runs.sql")];

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

    /// Hands every record to `each`, in order, but for those of runs that were put aside: see [`LogReader::at_hand`].
    pub fn read_at_hand(&self, each: impl FnMut(Record)) -> Result<(), LogError> {
        select(&self.connection, AT_HAND, params![ASIDE as i64], each)
    }

    /// The newest `count` records, in order.
    pub fn newest(&self, count: u32, each: impl FnMut(Record)) -> Result<(), LogError> {
        const NEWEST: &str = "SELECT seq, at, cause, event FROM records
            WHERE seq > (SELECT coalesce(max(seq), 0) FROM records) - ?1 ORDER BY seq";
        select(&self.connection, NEWEST, params![count], each)
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

    /// Every record but those of runs that were put aside, in order: all that [`State`](crate::state::board::State) is made of.
    /// Of what was put aside, the newest summaries.
    pub fn at_hand(&self, each: impl FnMut(Record)) -> Result<(), LogError> {
        let version: i64 = self.connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version < 2 {
            // Written by an older gonogo, and only a writer brings it up to date.
            return read(&self.connection, Seq(0), i64::MAX, each);
        }
        select(&self.connection, AT_HAND, params![ASIDE as i64], each)
    }

    /// Every record of a run, in order.
    pub fn run(&self, run: RunId) -> Result<Vec<Record>, LogError> {
        let mut records = Vec::new();
        let of_run = "SELECT seq, at, cause, event FROM records WHERE run = ?1 ORDER BY seq";
        select(&self.connection, of_run, params![run.0 as i64], |record| records.push(record))?;
        Ok(records)
    }

    /// The records by which runs were put aside, newest run first: of one project, or of all; only of runs before one; at
    /// most `limit`.
    pub fn aside(
        &self,
        project: Option<ProjectId>,
        before: Option<RunId>,
        limit: u32,
    ) -> Result<Vec<Record>, LogError> {
        const PUT_ASIDE: &str = "SELECT records.seq, records.at, records.cause, records.event
            FROM runs JOIN records ON records.seq = runs.aside
            WHERE runs.run < ?1 AND (?2 IS NULL OR runs.project = ?2) ORDER BY runs.run DESC LIMIT ?3";
        let before = before.map_or(i64::MAX, |run| run.0 as i64);
        let project = project.map(|project| project.0 as i64);
        let mut records = Vec::new();
        select(&self.connection, PUT_ASIDE, params![before, project, limit], |record| records.push(record))?;
        Ok(records)
    }

    /// At most `limit` records after `since`, in order.
    pub fn since(&self, since: Seq, limit: u32) -> Result<Vec<Record>, LogError> {
        let mut records = Vec::new();
        read(&self.connection, since, i64::from(limit), |record| records.push(record))?;
        Ok(records)
    }
}

/// All that state is made of.
const AT_HAND: &str = "
    SELECT seq, at, cause, event FROM records WHERE run IS NULL
    UNION ALL
    SELECT seq, at, cause, event FROM runs CROSS JOIN records ON records.run = runs.run WHERE runs.aside IS NULL
    UNION ALL
    SELECT seq, at, cause, event FROM records
    WHERE seq IN (SELECT aside FROM runs WHERE aside IS NOT NULL ORDER BY aside DESC LIMIT ?1)
    ORDER BY seq";

fn read(connection: &Connection, since: Seq, limit: i64, each: impl FnMut(Record)) -> Result<(), LogError> {
    let after = "SELECT seq, at, cause, event FROM records WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    select(connection, after, params![since.0 as i64, limit], each)
}

fn select(
    connection: &Connection,
    what: &str,
    with: impl rusqlite::Params,
    mut each: impl FnMut(Record),
) -> Result<(), LogError> {
    let mut select = connection.prepare_cached(what)?;
    let mut rows = select.query(with)?;
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
        log.append(&record(1), None).unwrap();
        log.commit().unwrap();
        log.begin().unwrap();
        log.append(&record(2), None).unwrap();
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
        log.append(&record(1), None).unwrap();
        assert!(log.append(&record(1), None).is_err());
        log.commit().unwrap();
        assert!(log.connection.execute("UPDATE records SET at = 0", []).is_err());
    }

    #[test]
    fn the_file_is_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let log = Log::open(&home.path().join("state")).unwrap();
        log.begin().unwrap();
        log.append(&record(1), None).unwrap();
        log.commit().unwrap();
        for file in std::fs::read_dir(home.path().join("state")).unwrap() {
            let file = file.unwrap();
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
        }
    }

    #[test]
    fn an_older_log_is_brought_up_to_date() {
        let home = tempfile::tempdir().unwrap();
        let older = Connection::open(home.path().join("records.db")).unwrap();
        older.execute_batch(MIGRATIONS[0]).unwrap();
        older.pragma_update(None, "user_version", 1).unwrap();
        let insert = |seq: u64, run: Option<u64>, event: &str| {
            older
                .execute(
                    "INSERT INTO records VALUES (?1, 0, ?2, '{\"by\":\"control\"}', ?3)",
                    params![seq as i64, run.map(|run| run as i64), event],
                )
                .unwrap();
        };
        let requested = r#"{"of":"run","run":7,"event":{"kind":"requested","project":3,"pipeline":null,"jobs":[],"trigger":{"kind":"manual"},"by":{"kind":"policy"}}}"#;
        insert(1, Some(7), requested);
        insert(2, Some(7), r#"{"of":"proposal","proposal":5,"event":{"kind":"proposed"}}"#);
        insert(
            3,
            None,
            r#"{"of":"proposal","proposal":5,"event":{"kind":"declined","by":{"kind":"policy"},"why":""}}"#,
        );
        insert(4, None, r#"{"of":"control","event":{"kind":"stopped"}}"#);
        let reader = LogReader::open(&home.path().join("records.db")).unwrap();
        let mut before = 0;
        reader.at_hand(|_| before += 1).unwrap();
        assert_eq!(before, 4, "a reader makes do with the older form");
        drop(older);
        let log = Log::open(home.path()).unwrap();
        let numbers = |runs: Vec<Record>| runs.iter().map(|record| record.seq.0).collect::<Vec<_>>();
        assert_eq!(numbers(log.reader().unwrap().run(RunId(7)).unwrap()), [1, 2, 3]);
        let mut at_hand = Vec::new();
        log.read_at_hand(|record| at_hand.push(record)).unwrap();
        assert_eq!(numbers(at_hand), [1, 2, 3, 4]);
        let project: i64 =
            log.connection.query_row("SELECT project FROM runs WHERE run = 7", [], |row| row.get(0)).unwrap();
        assert_eq!(project, 3);
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
