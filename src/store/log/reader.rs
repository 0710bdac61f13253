//! Reads the log beside its writer.

use std::{fs, path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags, params};

use crate::{
    domain::{
        id::{ProjectId, RunId, Seq, ThreadId},
        time::Timestamp,
    },
    protocol::event::{Event, Record},
    state::board::ASIDE,
};

use super::{LogError, schema};

/// Reads the log beside its writer.
#[derive(Debug)]
pub struct LogReader {
    pub(super) connection: Connection,
}

impl LogReader {
    /// Opens the log for reading, beside its writer. What is no log, or a newer program's, is refused.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        match schema::version(&connection) {
            Err(LogError::Sqlite(error)) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) => {
                Self::open_settled(path).unwrap_or(Err(LogError::Sqlite(error)))
            }
            Err(error) => Err(error),
            Ok(_) => Ok(Self { connection }),
        }
    }

    /// Opens a log whose directory can't be written, where SQLite can't make the files that it wants beside it. That is well if
    /// everything stands in the one file and nobody can change it.
    fn open_settled(path: &Path) -> Option<Result<Self, LogError>> {
        let mut side = path.as_os_str().to_owned();
        side.push("-wal");
        let settled = path.is_file() && fs::metadata(side).map_or(true, |about| about.len() == 0);
        let name = path.to_str().filter(|_| settled)?;
        let name = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(format!("file:{name}?immutable=1"), flags).ok()?;
        Some(schema::version(&connection).map(|_| Self { connection }))
    }

    /// Whether nothing stands in the file yet, not even a table: its maker was cut off, or is just making it.
    pub fn is_blank(&self) -> Result<bool, LogError> {
        Ok(schema::version(&self.connection)? == 0)
    }

    /// Which log it is; `None` for one of an older gonogo.
    pub fn id(&self) -> Result<Option<String>, LogError> {
        schema::id(&self.connection)
    }

    /// Position of the newest record; 0 for an empty log.
    pub fn newest(&self) -> Result<Seq, LogError> {
        let newest =
            self.connection.query_row("SELECT coalesce(max(seq), 0) FROM records", [], |row| row.get::<_, i64>(0))?;
        Ok(Seq(newest as u64))
    }

    /// The newest run that something is recorded of; 0 for none.
    pub fn newest_run(&self) -> Result<RunId, LogError> {
        let newest = "SELECT coalesce(max(run), 0) FROM records WHERE run IS NOT NULL";
        Ok(RunId(self.connection.query_row(newest, [], |row| row.get::<_, i64>(0))? as u64))
    }

    /// Lets SQLite check the file, and reads every record; gives their number.
    pub fn check(&self) -> Result<u64, LogError> {
        let said: String = self.connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        if said != "ok" {
            return Err(LogError::Integrity(said.replace('\n', " ")));
        }
        let mut count = 0;
        read(&self.connection, Seq(0), i64::MAX, |_| count += 1)?;
        Ok(count)
    }

    /// Every record but those of runs that were put aside, in order: all that [`State`](crate::state::board::State) is made of.
    /// Of what was put aside, the newest summaries.
    pub fn at_hand(&self, each: impl FnMut(Record)) -> Result<(), LogError> {
        if schema::version(&self.connection)? < 2 {
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

    /// Every record of a conversation, in order.
    pub fn thread(&self, thread: ThreadId) -> Result<Vec<Record>, LogError> {
        const OF_THREAD: &str = "SELECT seq, at, cause, event FROM records WHERE run IS NULL
            AND json_extract(event, '$.of') = 'thread' AND json_extract(event, '$.thread') = ?1 ORDER BY seq";
        let mut records = Vec::new();
        select(&self.connection, OF_THREAD, params![thread.0 as i64], |record| records.push(record))?;
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

    /// Every run, oldest first: when it ended, if it was put aside, and whether more than its summary is still recorded.
    pub fn kept(&self) -> Result<Vec<(RunId, Option<Timestamp>, bool)>, LogError> {
        const KEPT: &str = "SELECT runs.run, json_extract(records.event, '$.event.summary.ended_at'),
                EXISTS (SELECT 1 FROM records AS other WHERE other.run = runs.run AND other.seq < runs.aside)
            FROM runs LEFT JOIN records ON records.seq = runs.aside ORDER BY runs.run";
        if schema::version(&self.connection)? < 2 {
            // Written by an older gonogo, which put nothing aside.
            return Ok(Vec::new());
        }
        let mut select = self.connection.prepare_cached(KEPT)?;
        let kept = select.query_map([], |row| {
            let ended: Option<String> = row.get(1)?;
            let run = RunId(row.get::<_, i64>(0)? as u64);
            Ok((run, ended.and_then(|ended| ended.parse().ok()), row.get(2)?))
        })?;
        Ok(kept.collect::<Result<_, _>>()?)
    }

    /// At most `limit` records after `since`, in order.
    pub fn since(&self, since: Seq, limit: u32) -> Result<Vec<Record>, LogError> {
        let mut records = Vec::new();
        read(&self.connection, since, i64::from(limit), |record| records.push(record))?;
        Ok(records)
    }
}

/// All that state is made of.
pub(super) const AT_HAND: &str = "
    SELECT seq, at, cause, event FROM records WHERE run IS NULL
    UNION ALL
    SELECT seq, at, cause, event FROM runs CROSS JOIN records ON records.run = runs.run WHERE runs.aside IS NULL
    UNION ALL
    SELECT seq, at, cause, event FROM records
    WHERE seq IN (SELECT aside FROM runs WHERE aside IS NOT NULL ORDER BY aside DESC LIMIT ?1)
    ORDER BY seq";

pub(super) fn read(connection: &Connection, since: Seq, limit: i64, each: impl FnMut(Record)) -> Result<(), LogError> {
    let after = "SELECT seq, at, cause, event FROM records WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    select(connection, after, params![since.0 as i64, limit], each)
}

pub(super) fn select(
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
