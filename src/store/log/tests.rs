//! The log on disk.
#![allow(clippy::unwrap_used)]

use rusqlite::params;

use super::{schema::MIGRATIONS, *};
use crate::domain::{actor::Actor, id::ThreadId, time::Timestamp};
use crate::protocol::event::{Cause, ControlEvent, ThreadEvent};

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
fn a_conversation_is_read_alone() {
    let home = tempfile::tempdir().unwrap();
    let log = Log::open(home.path()).unwrap();
    let said = |seq: u64, thread: u64| {
        let event = Box::new(ThreadEvent::Closed { by: Actor::Person("deniz".into()) });
        Record { event: Event::Thread { thread: ThreadId(thread), event }, ..record(seq) }
    };
    log.begin().unwrap();
    for record in [record(1), said(2, 1), said(3, 2), said(4, 1), said(5, 11)] {
        log.append(&record, None).unwrap();
    }
    log.commit().unwrap();
    assert_eq!(log.reader().unwrap().thread(ThreadId(1)).unwrap(), [said(2, 1), said(4, 1)]);
    assert_eq!(log.reader().unwrap().thread(ThreadId(3)).unwrap(), []);
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
    insert(3, None, r#"{"of":"proposal","proposal":5,"event":{"kind":"declined","by":{"kind":"policy"},"why":""}}"#);
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

fn many(home: &Path, records: u64) -> Log {
    let log = Log::open(home).unwrap();
    log.begin().unwrap();
    (1..=records).for_each(|seq| log.append(&record(seq), Some(RunId(seq / 100))).unwrap());
    log.commit().unwrap();
    log
}

fn seqs(log: &Log) -> Vec<u64> {
    let mut all = Vec::new();
    log.read(Seq(0), |record| all.push(record.seq.0)).unwrap();
    all
}

#[test]
fn a_log_that_is_deleted_or_moved_while_it_is_open_is_written_back() {
    for what in
        [&["records.db"][..], &["records.db-wal"], &["records.db-shm", "records.db"], &["records.lock", "records.db"]]
    {
        let home = tempfile::tempdir().unwrap();
        let mut log = many(home.path(), 50);
        assert_eq!(log.keep_in_place().unwrap(), None);
        for file in what {
            fs::rename(home.path().join(file), home.path().join("taken")).unwrap();
        }
        log.begin().unwrap();
        log.append(&record(51), None).unwrap();
        assert!(matches!(log.commit(), Err(LogError::Misplaced(_))), "{what:?}");
        log.roll_back();
        let said = log.keep_in_place().unwrap().unwrap();
        assert!(said.contains("written back"), "{said}");
        assert_eq!(log.keep_in_place().unwrap(), None);
        log.begin().unwrap();
        log.append(&record(51), None).unwrap();
        log.commit().unwrap();
        assert_eq!(log.reader().unwrap().newest().unwrap(), Seq(51));
        assert!(matches!(Hold::take(home.path()), Err(crate::store::hold::HoldError::Taken { .. })));
        drop(log);
        assert!(seqs(&Log::open(home.path()).unwrap()).into_iter().eq(1..=51), "{what:?}");
    }
}

#[test]
fn another_log_in_the_place_of_this_one_is_left_alone() {
    let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(many(other.path(), 7));
    let mut log = many(home.path(), 50);
    let place = home.path().join(FILE);
    fs::rename(&place, home.path().join("kept")).unwrap();
    fs::copy(other.path().join(FILE), &place).unwrap();
    assert!(matches!(log.keep_in_place(), Err(LogError::Misplaced(_))));
    log.begin().unwrap();
    assert!(matches!(log.commit(), Err(LogError::Misplaced(_))));
    log.roll_back();
    // Put back as it was, it goes on.
    fs::remove_file(&place).unwrap();
    fs::rename(home.path().join("kept"), &place).unwrap();
    assert_eq!(log.keep_in_place().unwrap(), None);
    // A directory that is gone is not made again.
    let away = home.path().with_extension("away");
    fs::rename(home.path(), &away).unwrap();
    assert!(matches!(log.keep_in_place(), Err(LogError::Misplaced(_))));
    fs::rename(&away, home.path()).unwrap();
    assert_eq!(log.keep_in_place().unwrap(), None);
    assert_eq!(seqs(&log).len(), 50);
}

#[test]
fn a_log_that_was_ready_to_take_its_place_takes_it_at_the_next_opening() {
    let home = tempfile::tempdir().unwrap();
    let log = many(home.path(), 5);
    replace::copy(&log.connection, home.path()).unwrap();
    drop(log);
    let log = many_more(home.path());
    assert_eq!(seqs(&log), [1, 2, 3, 4, 5, 6]);
    let kept = fs::read_dir(home.path())
        .unwrap()
        .flatten()
        .filter(|file| file.file_name().to_string_lossy().contains("before"));
    assert_eq!(kept.count(), 1);
}

#[test]
fn of_a_log_that_was_cut_short_the_beginning_is_saved() {
    let home = tempfile::tempdir().unwrap();
    drop(many(home.path(), 20_000));
    let file = home.path().join(FILE);
    let length = fs::metadata(&file).unwrap().len();
    fs::File::options().write(true).open(&file).unwrap().set_len(length / 2).unwrap();
    let repaired = salvage::repair(home.path()).unwrap();
    assert!(repaired.records > 1000 && !repaired.missing.is_empty(), "{repaired:?}");
    assert_eq!(fs::metadata(repaired.kept.unwrap()).unwrap().len(), length / 2);
    assert_eq!(salvage::look(home.path()).unwrap(), (None, 0));
}

#[test]
fn a_log_that_is_kept_already_is_not_kept_twice() {
    let home = tempfile::tempdir().unwrap();
    drop(many(home.path(), 5));
    let kept = replace::keep(home.path(), "before").unwrap();
    assert!(kept.is_some());
    assert_eq!(replace::keep(home.path(), "before").unwrap(), kept);
    assert_eq!(seqs(&Log::open(home.path()).unwrap()).len(), 5);
}

#[test]
fn a_replacement_that_was_cut_off_anywhere_is_finished_by_the_next_opening() {
    let old = tempfile::tempdir().unwrap();
    drop(many(old.path(), 900));
    // What is left of a log that was not closed: it must never be taken for the new one's.
    let stale = tempfile::tempdir().unwrap();
    let open = many(stale.path(), 40);
    for (step, gone) in [
        &[][..],
        &["records.db-wal"],
        &["records.db-wal", "records.db"],
        &["records.db", "records.db-wal", "records.db-shm"],
    ]
    .into_iter()
    .enumerate()
    {
        let home = tempfile::tempdir().unwrap();
        for file in ["records.db", "records.db-wal", "records.db-shm"] {
            fs::copy(stale.path().join(file), home.path().join(file)).unwrap();
        }
        fs::write(home.path().join("records.db.writing"), "half").unwrap();
        fs::copy(old.path().join(FILE), home.path().join("records.db.next")).unwrap();
        gone.iter().for_each(|file| fs::remove_file(home.path().join(file)).unwrap());
        let log = Log::open(home.path()).unwrap();
        assert!(seqs(&log).into_iter().eq(1..=900), "step {step}");
        log.reader().unwrap().check().unwrap();
        let names: Vec<String> =
            fs::read_dir(home.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        assert!(!names.iter().any(|name| name.contains(".next") || name.contains(".writing")), "{names:?}");
        let kept = names.iter().any(|name| name.contains(".before-") && !name.ends_with("-wal"));
        assert_eq!(kept, !gone.contains(&"records.db"), "step {step}: {names:?}");
    }
    drop(open);
}

fn many_more(home: &Path) -> Log {
    let log = Log::open(home).unwrap();
    log.begin().unwrap();
    log.append(&record(6), None).unwrap();
    log.commit().unwrap();
    log
}

#[test]
fn a_damaged_log_is_saved_as_far_as_it_reads_and_kept() {
    let home = tempfile::tempdir().unwrap();
    drop(many(home.path(), 20_000));
    let file = home.path().join(FILE);
    let mut bytes = fs::read(&file).unwrap();
    let pages = bytes.len() / 4096;
    // A page of the table in the middle, found by its kind; and one torn at the end.
    let leaves: Vec<usize> = (1..pages).filter(|page| bytes[page * 4096] == 13).collect();
    for page in [leaves[leaves.len() / 2], leaves[leaves.len() / 2 + 7]] {
        bytes[page * 4096..(page + 1) * 4096].fill(0xa5);
    }
    fs::write(&file, &bytes).unwrap();
    let (damage, _) = salvage::look(home.path()).unwrap();
    assert!(damage.is_some());
    let repaired = salvage::repair(home.path()).unwrap();
    let lost: u64 = repaired.missing.iter().map(|range| range.end() - range.start() + 1).sum();
    assert!(repaired.missing.len() == 2 && lost < 200, "{repaired:?}");
    assert_eq!(repaired.records + lost, 20_000);
    assert_eq!(fs::read(repaired.kept.unwrap()).unwrap(), bytes);
    let again = salvage::repair(home.path()).unwrap();
    assert_eq!((again.records, again.kept, again.missing), (repaired.records, None, Vec::new()));
    assert_eq!(seqs(&Log::open(home.path()).unwrap()).len() as u64, repaired.records);
}

#[test]
fn records_of_old_runs_are_deleted_and_the_file_shrinks_at_the_next_opening() {
    let home = tempfile::tempdir().unwrap();
    let log = many(home.path(), 60_000);
    log.connection.execute_batch("INSERT INTO runs SELECT DISTINCT run, 1, NULL FROM records").unwrap();
    log.connection.execute_batch("UPDATE runs SET aside = 1000000 WHERE run > 50").unwrap();
    let all: Vec<RunId> = (0..=600).map(RunId).collect();
    all.chunks(100).for_each(|some| log.forget(some).unwrap());
    assert!(seqs(&log).into_iter().eq(1..51 * 100));
    drop(log);
    let before = fs::metadata(home.path().join(FILE)).unwrap().len();
    drop(Log::open(home.path()).unwrap());
    let after = fs::metadata(home.path().join(FILE)).unwrap().len();
    assert!(after < before / 2, "{before} bytes, then {after}");
}

#[test]
fn the_list_of_runs_is_made_anew_where_it_is_wrong() {
    let home = tempfile::tempdir().unwrap();
    let log = many(home.path(), 5);
    log.connection.execute_batch("INSERT INTO runs VALUES (77, 1, NULL)").unwrap();
    drop(log);
    assert_eq!(salvage::look(home.path()).unwrap(), (None, 1));
    assert_eq!(salvage::repair(home.path()).unwrap().runs, 1);
    assert_eq!(salvage::look(home.path()).unwrap(), (None, 0));
}

#[test]
fn a_copy_is_one_moment_of_a_log_that_is_being_written() {
    let home = tempfile::tempdir().unwrap();
    let log = many(home.path(), 3000);
    let to = home.path().join("copy");
    let (about, written) = std::thread::scope(|scope| {
        let copying = scope.spawn(|| replace::back_up(&home.path().join(FILE), &to).unwrap());
        let mut next = 3001;
        while !copying.is_finished() {
            log.begin().unwrap();
            log.append(&record(next), None).unwrap();
            log.commit().unwrap();
            next += 1;
        }
        (copying.join().unwrap(), next - 1)
    });
    assert!((3000..=written).contains(&about.records), "{about:?}");
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
    let mut at = 0;
    LogReader::open(&to).unwrap().since(Seq(0), 1_000_000).unwrap().iter().for_each(|record| {
        at += 1;
        assert_eq!(record.seq.0, at);
    });
}

#[test]
fn a_database_of_something_else_is_neither_opened_nor_changed() {
    for (version, sql) in [(0, "CREATE TABLE bookmarks (url TEXT)"), (9, "CREATE TABLE bookmarks (url TEXT)")] {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(FILE);
        let theirs = Connection::open(&file).unwrap();
        theirs.execute_batch(sql).unwrap();
        theirs.pragma_update(None, "user_version", version).unwrap();
        drop(theirs);
        let before = fs::read(&file).unwrap();
        assert!(matches!(Log::open(home.path()), Err(OpenError::Log { source: LogError::Foreign, .. })));
        assert!(matches!(LogReader::open(&file), Err(LogError::Foreign)));
        assert_eq!(fs::read(&file).unwrap(), before);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn whatever_is_damaged_repair_ends_with_a_whole_log_of_what_was_there(
        damage in proptest::collection::vec((0.0..1.0_f64, 1..9000_usize, proptest::prelude::any::<u8>()), 1..5),
        cut in 0.5..1.2_f64,
    ) {
        let home = tempfile::tempdir().unwrap();
        drop(many(home.path(), 4000));
        let file = home.path().join(FILE);
        let mut bytes = fs::read(&file).unwrap();
        // The first page says that it is a database at all.
        for (at, length, byte) in damage {
            let at = 4096 + ((bytes.len() - 4096) as f64 * at) as usize;
            let end = (at + length).min(bytes.len());
            bytes[at..end].fill(byte);
        }
        bytes.truncate((bytes.len() as f64 * cut) as usize);
        fs::write(&file, &bytes).unwrap();
        salvage::repair(home.path()).unwrap();
        assert_eq!(salvage::look(home.path()).unwrap(), (None, 0));
        let log = Log::open(home.path()).unwrap();
        let saved = seqs(&log);
        assert!(saved.iter().all(|seq| (1..=4000).contains(seq)) && saved.is_sorted_by(|a, b| a < b), "{saved:?}");
    }
}

#[test]
fn a_copy_in_the_place_of_a_log_is_another_log() {
    let dir = tempfile::tempdir().unwrap();
    let id = || Log::open(dir.path()).unwrap().id().unwrap().unwrap();
    let first = id();
    assert!(first.len() == 32 && id() == first, "it stays what it is");
    let backup = dir.path().join("backup");
    replace::back_up(&dir.path().join(FILE), &backup).unwrap();
    assert_eq!(LogReader::open(&backup).unwrap().id().unwrap(), Some(first.clone()));
    replace::restore(&backup, dir.path()).unwrap();
    let second = id();
    assert_ne!(second, first);
    replace::restore(&backup, dir.path()).unwrap();
    assert!(![first, second].contains(&id()), "and so is each");

    // One that is deleted while it is open is written back as what it was.
    let mut log = Log::open(dir.path()).unwrap();
    let before = log.id().unwrap();
    std::fs::remove_file(dir.path().join(FILE)).unwrap();
    log.keep_in_place().unwrap().unwrap();
    assert_eq!(log.id().unwrap(), before);
}

#[test]
fn a_log_of_an_older_gonogo_gets_its_name_when_it_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let older = Connection::open(dir.path().join(FILE)).unwrap();
    older.execute_batch(MIGRATIONS[0]).unwrap();
    older.execute_batch(MIGRATIONS[1]).unwrap();
    older.pragma_update(None, "user_version", 2).unwrap();
    drop(older);
    let path = dir.path().join(FILE);
    assert_eq!(LogReader::open(&path).unwrap().id().unwrap(), None, "a reader leaves it as it is");
    replace::back_up(&path, &dir.path().join("backup")).unwrap();
    let id = Log::open(dir.path()).unwrap().id().unwrap();
    assert!(id.is_some());
    replace::restore(&dir.path().join("backup"), dir.path()).unwrap();
    let again = Log::open(dir.path()).unwrap().id().unwrap();
    assert!(again.is_some() && again != id);
}
