//! The form of the log's tables: made, brought up to date, told apart from what is no log of this program.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

use super::LogError;

pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../schema/0001_records.sql"),
    include_str!("../schema/0002_runs.sql"),
    include_str!("../schema/0003_log.sql"),
];

/// The table `runs`, as it follows from the records. Of a run that was pruned, only the record by which it was put aside is
/// left.
const RUNS: &str = "
    SELECT run, coalesce(
            max(CASE WHEN kind = 'requested' THEN json_extract(event, '$.event.project') END),
            max(CASE WHEN kind = 'put_aside' THEN json_extract(event, '$.event.summary.project') END)) AS project,
        max(CASE WHEN kind = 'put_aside' THEN seq END) AS aside
    FROM (SELECT seq, run, event, json_extract(event, '$.event.kind') AS kind FROM records
        WHERE run IS NOT NULL AND json_extract(event, '$.of') = 'run')
    WHERE kind IN ('requested', 'put_aside') GROUP BY run HAVING project IS NOT NULL";

/// The format of the file: 0 for one in which nothing stands yet.
pub(super) fn version(connection: &Connection) -> Result<usize, LogError> {
    let found = connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))?;
    let found = usize::try_from(found).map_err(|_| LogError::Foreign)?;
    let tables: (i64, i64) = connection.query_row(
        "SELECT count(*), count(*) FILTER (WHERE name = 'records') FROM sqlite_master WHERE type = 'table'",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    match (found, tables) {
        (0, (0, _)) => Ok(0),
        (0, _) | (_, (_, 0)) => Err(LogError::Foreign),
        (found, _) if found > MIGRATIONS.len() => Err(LogError::Newer { found, known: MIGRATIONS.len() }),
        (found, _) => Ok(found),
    }
}

/// Brings the tables up to date.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), LogError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    make(&transaction, found, MIGRATIONS.len())?;
    Ok(transaction.commit()?)
}

/// Makes the tables of format `until` out of those of format `from`.
pub(super) fn make(transaction: &Transaction, from: usize, until: usize) -> Result<(), LogError> {
    for migration in MIGRATIONS.get(from..until).unwrap_or_default() {
        transaction.execute_batch(migration)?;
    }
    Ok(transaction.pragma_update(None, "user_version", until as i64)?)
}

/// Which log this is; `None` for one that an older gonogo wrote, and no writer has brought up to date.
pub(super) fn id(connection: &Connection) -> Result<Option<String>, LogError> {
    if version(connection)? < 3 {
        return Ok(None);
    }
    Ok(connection.query_row("SELECT id FROM log", [], |row| row.get(0)).optional()?)
}

/// Makes another log of a copy. One without a name gets it when it is opened.
pub(super) fn rename(connection: &Connection) -> Result<(), LogError> {
    if version(connection)? >= 3 {
        connection.execute_batch("DELETE FROM log; INSERT INTO log (id) VALUES (lower(hex(randomblob(16))))")?;
    }
    Ok(())
}

/// How many runs stand otherwise in the table `runs` than the records have it.
pub(super) fn wrong_runs(connection: &Connection) -> Result<u64, LogError> {
    let differ = format!(
        "SELECT count(DISTINCT run) FROM (
            SELECT * FROM (SELECT run, project, aside FROM runs EXCEPT {RUNS})
            UNION ALL SELECT * FROM ({RUNS} EXCEPT SELECT run, project, aside FROM runs))"
    );
    Ok(connection.query_row(&differ, [], |row| row.get::<_, i64>(0))? as u64)
}

/// Makes the table `runs` anew from the records.
pub(super) fn remake_runs(transaction: &Transaction) -> Result<(), LogError> {
    transaction.execute_batch("DELETE FROM runs")?;
    transaction.execute(&format!("INSERT INTO runs (run, project, aside) {RUNS}"), [])?;
    Ok(())
}
