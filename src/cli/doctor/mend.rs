//! What can be mended of the files: looked at without touching anything, and mended by `--repair`. Each can be cut off anywhere,
//! and be done again.

use std::{ops::RangeInclusive, path::PathBuf};

use crate::{
    cli::{
        backup::{put_outputs_away, take_hold},
        place::Place,
        report::{Problem, hint_of},
    },
    control::prune,
    domain::id::RunId,
    store::{
        log::{FILE, LogReader, salvage},
        retain,
    },
    workspace::pool,
};

use super::{Finding, Health, bad, good, note, size};

const REPAIR: &str = "`gonogo doctor --repair` does it";

/// How many missing ranges are named.
const NAMED: usize = 8;

/// What `--repair` would mend.
pub fn look(place: &Place) -> Vec<Finding> {
    let mut found = Vec::new();
    let (state, cache) = (&place.paths.state_dir, &place.paths.cache_dir);
    match salvage::look(state) {
        Ok((Some(_), _)) => found.push(bad("records", "what still reads of the damaged log can be saved", REPAIR)),
        Ok((None, runs @ 1..)) => found.push(note("runs", format!("the list of runs is wrong about {runs}"), REPAIR)),
        // Nothing to mend, or nothing that is found out here: the log has its own line.
        Ok((None, 0)) | Err(_) => {}
    }
    let unknown = unknown_outputs(place);
    if unknown > 0 {
        found.push(note("outputs", format!("{unknown} folders of runs that the log doesn't know"), REPAIR));
    }
    let left = leftovers(place).len();
    if left > 0 {
        found.push(note("leftovers", format!("{left} files or folders of work that was cut off"), REPAIR));
    }
    let surplus = retain::surplus_caches(cache, place.settings.limits.cache_size).unwrap_or_default();
    let unused = pool::unused(cache, prune::WORKSPACE_AGE).unwrap_or_default();
    if !surplus.is_empty() || unused > 0 {
        let bytes = size(surplus.iter().map(|cached| cached.bytes).sum());
        let said = format!("{} job caches above the limit ({bytes}), {unused} workspaces of no use", surplus.len());
        found.push(note("caches", said, "`gonogo prune` or `gonogo doctor --repair` deletes them"));
    }
    let kept = std::fs::read_dir(state).into_iter().flatten().flatten().filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("records.db.before-") || name.starts_with("records.db.damaged-")
    });
    let kept: Vec<PathBuf> = kept.map(|entry| entry.path()).collect();
    if !kept.is_empty() {
        let bytes = size(kept.iter().map(|path| retain::size(path)).sum());
        let said = format!("{} files of logs that were replaced are kept ({bytes}) in {}", kept.len(), state.display());
        found.push(good("kept", said));
    }
    found
}

/// Mends, and says what was mended.
pub async fn mend(place: &Place) -> Result<Vec<Finding>, Problem> {
    let state = &place.paths.state_dir;
    let mut mended = Vec::new();
    let mut say = |what: &'static str, said: String| {
        mended.push(Finding { health: Health::Mended, what: what.into(), said, hint: None });
    };
    if state.exists() {
        let _hold = take_hold(state)?;
        let log = state.join(FILE);
        let blank = LogReader::open(&log).and_then(|reader| reader.is_blank()).unwrap_or(false);
        if log.is_file() && !blank {
            let repaired = salvage::repair(state).map_err(|error| {
                let (_, hint) = hint_of(&error);
                Problem::fault("the log can't be repaired")
                    .because(&error)
                    .hint(hint.unwrap_or("nothing was changed; `gonogo restore` puts a backup in its place"))
            })?;
            if let Some(kept) = &repaired.kept {
                let lost = ranges(&repaired.missing);
                say(
                    "records",
                    format!("{} saved{lost}; the damaged log is kept: {}", repaired.records, kept.display()),
                );
            }
            if repaired.runs > 0 {
                say("runs", format!("{} put right in the list of runs", repaired.runs));
            }
            if let Some(away) = put_outputs_away(state, newest(place), repaired.kept.as_deref())? {
                say("outputs", format!("those of runs that the log doesn't know were moved to {}", away.display()));
            }
        }
        let left = leftovers(place);
        for path in &left {
            let gone = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
            gone.map_err(|error| Problem::fault(format!("can't delete {}", path.display())).because(&error))?;
        }
        if !left.is_empty() {
            say("leftovers", format!("{} deleted", left.len()));
        }
    }
    let limit = place.settings.limits.cache_size;
    let surplus = retain::surplus_caches(&place.paths.cache_dir, limit)?.len();
    let unused = pool::unused(&place.paths.cache_dir, prune::WORKSPACE_AGE)?;
    if surplus > 0 || unused > 0 {
        prune::caches(&place.paths.cache_dir, limit).await;
        say("caches", format!("{surplus} job caches and {unused} workspaces deleted"));
    }
    if mended.is_empty() {
        mended.push(good("repair", "there was nothing to mend"));
    }
    Ok(mended)
}

fn newest(place: &Place) -> RunId {
    let newest = LogReader::open(&place.paths.state_dir.join(FILE)).and_then(|log| log.newest_run());
    // Where that can't be told, none is taken to be unknown.
    newest.unwrap_or(RunId(u64::MAX))
}

fn unknown_outputs(place: &Place) -> usize {
    let newest = newest(place);
    let later = |folder| retain::later(&place.paths.state_dir.join(folder), newest).unwrap_or_default().len();
    later("output") + later("artifacts")
}

/// What work that was cut off has left behind.
fn leftovers(place: &Place) -> Vec<PathBuf> {
    let (state, cache) = (&place.paths.state_dir, &place.paths.cache_dir);
    let mut found = Vec::new();
    for dir in [state.join("output"), state.join("artifacts")] {
        found.extend(retain::leftovers(&dir).unwrap_or_default());
    }
    for shelf in std::fs::read_dir(cache.join("jobs")).into_iter().flatten().flatten() {
        found.extend(retain::leftovers(&shelf.path()).unwrap_or_default());
    }
    found.extend(["records.db.writing", "records.db.writing-journal"].map(|name| state.join(name)));
    found.retain(|path| path.exists());
    found
}

/// `, lost: 3, 10 to 12`, or nothing.
fn ranges(missing: &[RangeInclusive<u64>]) -> String {
    if missing.is_empty() {
        return String::new();
    }
    let one = |range: &RangeInclusive<u64>| match (range.start(), range.end()) {
        (from, to) if from == to => from.to_string(),
        (from, &u64::MAX) => format!("{from} and later"),
        (from, to) => format!("{from} to {to}"),
    };
    let mut parts: Vec<String> = missing.iter().take(NAMED).map(one).collect();
    if missing.len() > NAMED {
        parts.push(format!("{} more ranges", missing.len() - NAMED));
    }
    format!("; missing, lost or pruned before: records {}", parts.join(", "))
}
