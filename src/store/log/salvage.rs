//! What can be saved of a damaged log, and what is put right in one that is whole.

use std::{
    fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior, params};

use crate::protocol::event::Cause;

use super::{FILE, LogError, LogReader, connect, replace, schema};

/// What was put right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Records that stand in the log now.
    pub records: u64,
    /// Of a log that was damaged: where it is kept as it was.
    pub kept: Option<PathBuf>,
    /// Positions of which no record could be read: pruned long ago, or lost now. One without an end (`u64::MAX`): nobody knows how
    /// many there were.
    pub missing: Vec<RangeInclusive<u64>>,
    /// Runs that stood otherwise in the table of runs than the records have it.
    pub runs: u64,
}

/// What is the matter with the log in `directory`, if something is: damage in words, and how many runs stand wrong.
pub fn look(directory: &Path) -> Result<(Option<String>, u64), LogError> {
    let looked = LogReader::open(&directory.join(FILE)).and_then(|reader| {
        reader.check()?;
        schema::wrong_runs(&reader.connection)
    });
    match looked {
        Ok(wrong) => Ok((None, wrong)),
        Err(error) if is_damage(&error) => Ok((Some(chain(&error)), 0)),
        Err(error) => Err(error),
    }
}

fn chain(error: &LogError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Whether the file itself is damaged; anything else (no space, no permission) is nothing to be saved from.
fn is_damage(error: &LogError) -> bool {
    match error {
        LogError::Integrity(_) | LogError::Damaged { .. } => true,
        LogError::Sqlite(error) => error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseCorrupt),
        _ => false,
    }
}

/// Repairs the log in `directory`, which the caller holds and nobody has open. A damaged one is read record by record into a new
/// one, and kept. Safe to be cut off anywhere, and to be done again.
pub fn repair(directory: &Path) -> Result<Repaired, LogError> {
    replace::finish(directory)?;
    let log = directory.join(FILE);
    let mut repaired = Repaired::default();
    if look(directory)?.0.is_some() {
        let writing = replace::fresh(directory)?;
        repaired.missing = read_into(&log, &writing)?;
        replace::ready(directory)?;
        repaired.kept = replace::keep(directory, "damaged")?;
        replace::finish(directory)?;
    }
    let mut connection = connect(&log)?;
    repaired.runs = schema::wrong_runs(&connection)?;
    if repaired.runs > 0 {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        schema::remake_runs(&transaction)?;
        transaction.commit()?;
    }
    repaired.records = connection.query_row("SELECT count(*) FROM records", [], |row| row.get::<_, i64>(0))? as u64;
    Ok(repaired)
}

/// Reads every record that still reads out of the log at `from` into a new one at `to`; gives the positions that are missing.
fn read_into(from: &Path, to: &Path) -> Result<Vec<RangeInclusive<u64>>, LogError> {
    let damaged = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // One that was cut short is read as far as it goes.
    damaged.pragma_update(None, "writable_schema", true)?;
    // A page whose cells look wrong is refused rather than half read.
    damaged.pragma_update(None, "cell_size_check", true)?;
    let format = schema::version(&damaged)?;
    let mut new = Connection::open(to)?;
    new.pragma_update(None, "synchronous", "full")?;
    let transaction = new.transaction_with_behavior(TransactionBehavior::Immediate)?;
    schema::make(&transaction, 0, format)?;
    let (mut seq, mut missing) = (0, Vec::new());
    let newest = newest(&damaged);
    let last = match newest {
        Some(newest) => newest,
        None => fs::metadata(from)?.len() / SMALLEST,
    };
    while seq < last {
        seq = run_of_rows(&damaged, &transaction, seq, &mut missing);
        // From here on one by one, until one reads again.
        let from = seq + 1;
        while seq < last {
            seq += 1;
            if let Ok(Some(row)) = one(&damaged, seq)
                && row.save(&transaction)?
            {
                note(&mut missing, from, seq - 1);
                break;
            }
            if seq == last {
                note(&mut missing, from, if newest.is_some() { seq } else { u64::MAX });
            }
        }
    }
    if format >= 2 {
        schema::remake_runs(&transaction)?;
    }
    schema::make(&transaction, format, schema::MIGRATIONS.len())?;
    transaction.commit()?;
    Ok(missing)
}

fn note(missing: &mut Vec<RangeInclusive<u64>>, from: u64, to: u64) {
    if from <= to {
        missing.push(from..=to);
    }
}

/// The smallest row there is, in bytes.
const SMALLEST: u64 = 40;

/// The newest record there was: the table may not say so any more, but then an index does.
fn newest(damaged: &Connection) -> Option<u64> {
    let ask = |sql| damaged.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).ok().flatten();
    let newest = [
        ask("SELECT max(seq) FROM records"),
        ask("SELECT max(seq) FROM records INDEXED BY records_run WHERE run IS NOT NULL"),
        ask("SELECT max(seq) FROM records INDEXED BY records_of_no_run WHERE run IS NULL"),
    ];
    newest.into_iter().flatten().max().map(|newest| newest as u64)
}

/// A row as it stands in the file.
struct Row {
    seq: i64,
    at: i64,
    run: Option<i64>,
    cause: String,
    event: String,
}

impl Row {
    fn of(row: &rusqlite::Row) -> rusqlite::Result<Self> {
        Ok(Self { seq: row.get(0)?, at: row.get(1)?, run: row.get(2)?, cause: row.get(3)?, event: row.get(4)? })
    }

    /// Writes it, if it reads as a record; says whether it does.
    fn save(&self, to: &Transaction) -> Result<bool, LogError> {
        let reads = serde_json::from_str::<Cause>(&self.cause).is_ok()
            && serde_json::from_str::<serde_json::Value>(&self.event).is_ok_and(|event| event.is_object());
        if reads {
            let mut insert =
                to.prepare_cached("INSERT INTO records (seq, at, run, cause, event) VALUES (?1, ?2, ?3, ?4, ?5)")?;
            insert.execute(params![self.seq, self.at, self.run, self.cause, self.event])?;
        }
        Ok(reads)
    }
}

/// Reads rows after `since` in one go, as far as that goes well; gives the position of the last.
fn run_of_rows(from: &Connection, to: &Transaction, since: u64, missing: &mut Vec<RangeInclusive<u64>>) -> u64 {
    let mut seq = since;
    let Ok(mut select) =
        from.prepare_cached("SELECT seq, at, run, cause, event FROM records NOT INDEXED WHERE seq > ?1 ORDER BY seq")
    else {
        return seq;
    };
    let Ok(mut rows) = select.query([since as i64]) else { return seq };
    while let Ok(Some(row)) = rows.next() {
        let Ok(row) = Row::of(row) else { break };
        // Pages that are mixed up may lead backwards.
        if row.seq as u64 <= seq || !matches!(row.save(to), Ok(true)) {
            break;
        }
        note(missing, seq + 1, row.seq as u64 - 1);
        seq = row.seq as u64;
    }
    seq
}

fn one(from: &Connection, seq: u64) -> rusqlite::Result<Option<Row>> {
    let mut select =
        from.prepare_cached("SELECT seq, at, run, cause, event FROM records NOT INDEXED WHERE seq = ?1")?;
    select.query_row([seq as i64], Row::of).optional()
}
