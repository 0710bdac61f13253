//! What is recorded survives: copied, put back, taken away under a running gonogo, damaged, pruned.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::PathBuf,
    time::Duration,
};

use gonogo::{
    control::handle::{self, Options},
    domain::{
        actor::{Actor, Trigger},
        definition::FixPolicy,
        id::{ProjectId, RunId, Seq},
        outcome::RunOutcome,
        time::{Millis, Timestamp},
    },
    protocol::{
        command::{Command, Keep, Refusal},
        event::{Cause, ControlEvent, Event, ProjectEvent, Record, RunEvent, Source},
        frame::{Ask, Frame},
        query::Answer,
        session::{Attach as _, Session, Visitor, VisitorKind},
        summary::RunSummary,
    },
    state::board::State,
    store::log::Log,
};

use nix::sys::signal::Signal;

use crate::{
    caller::Caller,
    home::{DEADLINE, Home, Project, Running, contains},
};

const QUICK: &str = "[pipelines.ci.jobs.work]\nsteps = [\"echo done\"]\n";

/// A job that goes on until the file `go` is there.
const WAITS: &str = "[pipelines.ci.jobs.work]\nsteps = [\"touch started; while ! test -e go; do sleep 0.05; done\"]\n\
    [pipelines.ci.jobs.more]\nneeds = [\"work\"]\nsteps = [\"echo more\"]\n";

fn log_of(home: &Home) -> PathBuf {
    home.gonogo().join("state/records.db")
}

/// A project whose run waits for the file `go`.
fn under_way(home: &Home) -> (Project, Running) {
    let project = home.project("shop", WAITS);
    let running = home.start(&project, &["run"]);
    project.wait_for_file("started");
    (project, running)
}

#[test]
fn a_backup_made_while_gonogo_works_is_restored() {
    let home = Home::new();
    let copy = home.tmp().join("copy.db");
    let to = copy.to_str().unwrap();
    contains(&home.ask(&["backup", to]).expect(2).stderr, "nothing has been run yet");
    let (project, running) = under_way(&home);
    let said = home.ask(&["backup", to, "--json"]).expect(0).json();
    assert_eq!(said["runs"], 1);
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    contains(&home.ask(&["backup", to]).expect(2).stderr, "--force");
    contains(&home.ask(&["backup", to, "--force"]).expect(0).stdout, "checked");
    contains(&home.ask(&["backup", "none/copy.db"]).expect(255).stderr, "hint: is the directory there");
    let refused = home.ask(&["restore", to]).expect(1);
    contains(&refused.stderr, &format!("process {}", running.pid()));
    contains(&refused.stderr, "hint: end it first");
    project.write("go", "");
    running.finish().expect(0);
    home.run(&project, &["run"]).expect(0);
    let all = home.log();

    let said = home.ask(&["restore", to]).expect(0);
    contains(&said.stdout, "to go back: gonogo restore");
    contains(&said.stdout, "outputs of later runs are kept in");
    let restored = home.log();
    assert!(restored.len() < all.len() && all.starts_with(&restored), "{} of {}", restored.len(), all.len());
    // Numbers are given anew, and find nothing of those who had them.
    home.run(&project, &["run"]).expect(0);
    assert_eq!(home.job(2, "more")["status"], "passed");
    assert_eq!(home.logs("2/more"), "more\n");

    let kept = said.stdout.split('\'').nth(1).unwrap().to_owned();
    home.ask(&["restore", &kept]).expect(0);
    assert_eq!(home.log(), all);
    contains(&home.ask(&["doctor"]).expect(0).stdout, "of logs that were replaced are kept");
}

#[test]
fn who_slept_while_a_log_was_restored_and_grew_beyond_what_they_knew_begins_anew() {
    let home = Home::with_daemon();
    let project = home.project("shop", QUICK);
    let copy = home.tmp().join("copy.db");
    home.run(&project, &["run"]).expect(0);
    home.ask(&["backup", copy.to_str().unwrap()]).expect(0);
    home.run(&project, &["run"]).expect(0);
    // It reads only while it is waited for.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut caller = runtime.block_on(Caller::attach(&home, VisitorKind::Board, None));
    let (known, last) = (caller.state.seq, caller.records.clone());
    assert!(caller.state.runs.contains_key(&RunId(2)));

    home.ask(&["daemon", "stop", "--now"]).expect(0);
    home.ask(&["restore", copy.to_str().unwrap()]).expect(0);
    let other = home.project("other", QUICK);
    for _ in 0..3 {
        home.run(&other, &["run"]).expect(0);
    }
    let log = home.log();
    let newest = log.last().unwrap().seq;
    assert!(newest > known, "{newest} of {known}");
    runtime.block_on(caller.until(|state| state.seq >= newest && state.runs.contains_key(&RunId(4))));
    let heard: Vec<Record> = caller.records.iter().map(|record| (**record).clone()).collect();
    assert!(caller.lost > 0 && heard[..log.len()] == log[..], "nothing of the other log is left");
    let replaced = last.iter().zip(&caller.records).filter(|(old, new)| old != new).count();
    assert!(replaced > 0, "what it knew was of another log");
}

#[test]
fn a_restore_that_is_killed_leaves_the_old_log_or_the_new_one() {
    let home = Home::new();
    history(&home, 300);
    let copy = home.tmp().join("copy.db");
    let newest = || Log::open(&home.gonogo().join("state")).unwrap().reader().unwrap().newest().unwrap();
    let old = newest();
    home.ask(&["backup", copy.to_str().unwrap()]).expect(0);
    let project = home.project("shop", QUICK);
    home.run(&project, &["run"]).expect(0);
    let new = newest();
    let started = std::time::Instant::now();
    home.ask(&["restore", copy.to_str().unwrap()]).expect(0);
    let whole = started.elapsed();
    let mut seen = std::collections::BTreeSet::new();
    for part in 0..12 {
        home.run(&project, &["run"]).expect(0);
        let running = Running::spawn(home.command(&home.tmp(), &["restore", copy.to_str().unwrap()]));
        std::thread::sleep(whole.mul_f64(f64::from(part) / 10.0));
        running.signal(Signal::SIGKILL);
        drop(running.finish());
        // A reader finds a log at every moment.
        home.ask(&["status"]).expect(0);
        let found = newest();
        assert!(found == old || found >= new, "{found:?}");
        home.ask(&["doctor"]).expect(0);
        seen.insert(found == old);
    }
    eprintln!("killed before it was done, and after: {seen:?}");
}

#[test]
fn what_is_no_copy_of_a_log_is_not_restored() {
    let home = Home::new();
    let project = home.project("shop", QUICK);
    home.run(&project, &["run"]).expect(0);
    let before = home.log();
    let file = home.tmp().join("file");
    let from = file.to_str().unwrap();
    contains(&home.ask(&["restore", from]).expect(2).stderr, "there is no file");
    for text in ["", "no database, but long enough to look like one to whoever reads the first bytes of it"] {
        fs::write(&file, text.repeat(20)).unwrap();
        contains(&home.ask(&["restore", from]).expect(2).stderr, "can't be restored");
    }
    assert_eq!(home.log(), before);
}

#[test]
fn a_log_deleted_under_a_running_gonogo_is_written_back_whole() {
    for files in [&["records.db"][..], &["records.db", "records.db-wal", "records.db-shm", "records.lock"]] {
        let home = Home::new();
        let (project, running) = under_way(&home);
        let before = home.log();
        for file in files {
            fs::remove_file(log_of(&home).with_file_name(file)).unwrap();
        }
        project.write("go", "");
        running.finish().expect(0);
        let after = home.log();
        assert!(after.starts_with(&before), "{files:?}");
        assert!(after.iter().map(|record| record.seq.0).eq(1..=after.len() as u64));
        let rescued = |record: &Record| matches!(record.event, Event::Control { event: ControlEvent::Rescued { .. } });
        assert_eq!(after.iter().filter(|record| rescued(record)).count(), 1);
        assert_eq!(home.job(1, "more")["status"], "passed");
        home.ask(&["doctor"]).expect(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_runs_go_by_themselves_as_the_limits_say() {
    let home = Home::new();
    history(&home, 40);
    let control = handle::start(options(&home), &tokio::runtime::Handle::current()).unwrap();
    let keep = Keep { output_age: Some(Millis::from_secs(30 * 86_400)), runs: Some(5), ..Keep::default() };
    fs::create_dir_all(home.gonogo().join("cache/jobs/ab/abcd")).unwrap();
    control.tidy(keep, 0);
    let me = Actor::Person("me".into());
    let mut session = control.attach(Visitor::here(me.clone(), VisitorKind::Watch), None);
    let pruned = loop {
        let Some(Frame::Records(records)) = tokio::time::timeout(DEADLINE, session.frame()).await.unwrap() else {
            continue;
        };
        let pruned = records.iter().find_map(|record| match &record.event {
            Event::Control { event: ControlEvent::Pruned { by, runs, outputs, .. } } => {
                Some((by.clone(), *runs, *outputs))
            }
            _ => None,
        });
        if let Some(pruned) = pruned {
            break pruned;
        }
    };
    assert_eq!(pruned, (Actor::Policy, 35, 35));
    assert!(!home.gonogo().join("cache/jobs/ab/abcd").exists());
    let mut state = State::default();
    gonogo::store::log::LogReader::open(&log_of(&home)).unwrap().at_hand(|record| state.apply(&record)).unwrap();
    assert_eq!(state.aside.len(), 40);
    drop(session);
    control.shut_down(me).await;
}

fn options(home: &Home) -> Options {
    Options {
        state_dir: home.gonogo().join("state"),
        cache_dir: home.gonogo().join("cache"),
        jobs: 1,
        grace: Duration::from_secs(1),
        resume: false,
        hosts: gonogo::engine::docker::host::Hosts::default(),
        fix: FixPolicy::default(),
        agents: gonogo::control::agents::world::World::default(),
        budgets: gonogo::domain::budget::BudgetPolicy::default(),
    }
}

/// The next word on how control fares.
async fn health(session: &mut Session) -> Option<String> {
    loop {
        match tokio::time::timeout(DEADLINE, session.frame()).await.unwrap() {
            Some(Frame::Health(health)) => return health.not_recording,
            Some(_) => {}
            None => panic!("control has ended"),
        }
    }
}

async fn add_project(session: &mut Session, root: &str) -> Result<Answer, Refusal> {
    let id = session.next_id();
    let command = Command::AddProject { root: root.into(), name: None };
    session.ask(Ask::Command { id, command }).await.unwrap();
    loop {
        match tokio::time::timeout(DEADLINE, session.frame()).await.unwrap() {
            Some(Frame::Reply { result, .. }) => return result,
            Some(_) => {}
            None => panic!("control has ended"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_another_file_stands_in_the_place_of_the_log_requests_are_refused_and_everybody_hears_why() {
    let home = Home::new();
    let (log, kept) = (log_of(&home), home.gonogo().join("state/kept"));
    let control = handle::start(options(&home), &tokio::runtime::Handle::current()).unwrap();
    let me = Actor::Person("me".into());
    let mut session = control.attach(Visitor::here(me.clone(), VisitorKind::Board), None);
    let mut looker_on = control.attach(Visitor::here(me.clone(), VisitorKind::Watch), None);
    add_project(&mut session, "/a").await.unwrap();
    fs::rename(&log, &kept).unwrap();
    fs::write(&log, "somebody else's").unwrap();
    let refusal = add_project(&mut session, "/b").await.unwrap_err();
    contains(&refusal.message, "another file stands at");
    assert!(refusal.hint.is_some());
    contains(&health(&mut looker_on).await.unwrap(), "another file stands at");
    assert_eq!(fs::read_to_string(&log).unwrap(), "somebody else's");
    // Put back as it was, it goes on.
    fs::rename(&kept, &log).unwrap();
    add_project(&mut session, "/b").await.unwrap();
    assert_eq!(health(&mut looker_on).await, None);
    // The whole directory.
    let away = home.gonogo().join("away");
    fs::rename(home.gonogo().join("state"), &away).unwrap();
    contains(&add_project(&mut session, "/c").await.unwrap_err().message, "is gone");
    assert!(!home.gonogo().join("state").exists());
    fs::rename(&away, home.gonogo().join("state")).unwrap();
    add_project(&mut session, "/c").await.unwrap();
    drop((session, looker_on));
    control.shut_down(me).await;
    let state = home.state();
    assert_eq!(state.projects.len(), 3);
}

#[test]
fn a_damaged_log_is_repaired_and_the_damaged_one_kept() {
    let home = Home::new();
    let project = home.project("shop", QUICK);
    for _ in 0..8 {
        home.run(&project, &["run"]).expect(0);
    }
    let (log, before) = (log_of(&home), home.log());
    let mut bytes = fs::read(&log).unwrap();
    let leaves: Vec<usize> = (1..bytes.len() / 4096).filter(|page| bytes[page * 4096] == 13).collect();
    let page = leaves[leaves.len() / 2];
    bytes[page * 4096..page * 4096 + 2000].fill(0xff);
    fs::write(&log, &bytes).unwrap();
    let said = home.ask(&["doctor"]).expect(1);
    contains(&said.stdout, "damaged");
    contains(&said.stdout, "hint: `gonogo doctor --repair`");
    let said = home.ask(&["doctor", "--repair"]).expect(0);
    contains(&said.stdout, "the damaged log is kept");
    let after = home.log();
    assert!(after.len() > before.len() / 2 && after.iter().all(|record| before.contains(record)));
    home.run(&project, &["run"]).expect(0);
    contains(&home.ask(&["doctor", "--repair"]).expect(0).stdout, "there was nothing to mend");
}

#[test]
fn repair_waits_for_nobody_and_clears_what_was_cut_off() {
    let home = Home::new();
    let (project, running) = under_way(&home);
    contains(&home.ask(&["doctor", "--repair"]).expect(1).stderr, "holds the log");
    project.write("go", "");
    running.finish().expect(0);
    let state = home.gonogo().join("state");
    fs::create_dir_all(state.join("output/.going-3-77/work")).unwrap();
    fs::create_dir_all(state.join("output/900/work/1")).unwrap();
    fs::write(state.join("records.db.writing"), "half").unwrap();
    let said = home.ask(&["doctor"]).expect(0).stdout;
    contains(&said, "2 files or folders of work that was cut off");
    contains(&said, "1 folders of runs that the log doesn't know");
    let said = home.ask(&["doctor", "--repair", "--json"]).expect(0).json();
    assert!(said.as_array().unwrap().iter().filter(|row| row["health"] == "mended").count() >= 2, "{said}");
    assert!(!state.join("output/900").exists() && state.join("unknown-outputs/output/900").exists());
    contains(&home.ask(&["doctor", "--repair"]).expect(0).stdout, "there was nothing to mend");
}

/// Writes a log of so many runs that were put aside, a day apart, the newest today; and one that is at hand. Each has output.
fn history(home: &Home, runs: u64) {
    let state = home.gonogo().join("state");
    let log = Log::open(&state).unwrap();
    log.begin().unwrap();
    let (mut seq, mut fold) = (0, State::default());
    let mut record = |at: Timestamp, event: Event| {
        seq += 1;
        let record = Record { seq: Seq(seq), at, cause: Cause::Control, event };
        log.append(&record, fold.run_of(&record.event)).unwrap();
        fold.apply(&record);
    };
    let day = |run: u64| {
        let ago = jiff::SignedDuration::from_hours(24 * (runs as i64 - run as i64) - 12);
        Timestamp::from_second(Timestamp::now().as_second()).unwrap() - ago
    };
    let project = ProjectId(1);
    record(day(1), Event::Project { project, event: ProjectEvent::Added { root: "/x".into(), name: "x".into() } });
    for run in 1..=runs + 1 {
        let (at, id) = (day(run.min(runs)), RunId(run));
        let (by, trigger) = (Actor::Person("me".into()), Trigger::Manual);
        let requested =
            RunEvent::Requested { project, pipeline: None, jobs: vec![], trigger: trigger.clone(), by: by.clone() };
        record(at, Event::Run { run: id, event: requested });
        record(at, Event::Run { run: id, event: RunEvent::Finished { outcome: RunOutcome::Passed } });
        let output = state.join(format!("output/{run}/work/1"));
        fs::create_dir_all(&output).unwrap();
        fs::write(output.join("00000.seg"), vec![b'x'; 100_000]).unwrap();
        if run > runs {
            continue;
        }
        let summary = RunSummary {
            run: id,
            project,
            pipeline: None,
            trigger,
            by,
            source: Source::default(),
            requested_at: at,
            ended_at: at,
            outcome: RunOutcome::Passed,
            jobs: 0,
            failed: vec![],
            proposals: vec![],
        };
        record(at, Event::Run { run: id, event: RunEvent::PutAside { summary: Box::new(summary) } });
    }
    log.commit().unwrap();
}

#[test]
fn pruning_says_what_would_go_and_does_it_and_state_stays_the_same() {
    let home = Home::new();
    contains(&home.ask(&["prune", "--dry-run"]).expect(2).stderr, "nothing has been run yet");
    history(&home, 40);
    let fold = || {
        let mut state = State::default();
        let reader = gonogo::store::log::LogReader::open(&log_of(&home)).unwrap();
        reader.at_hand(|record| state.apply(&record)).unwrap();
        state
    };
    let outputs = || {
        let names = fs::read_dir(home.gonogo().join("state/output")).unwrap().flatten();
        let mut runs: Vec<u64> = names.map(|entry| entry.file_name().to_str().unwrap().parse().unwrap()).collect();
        runs.sort_unstable();
        runs
    };
    let before = fold();
    contains(&home.ask(&["prune", "-n"]).expect(0).stdout, "would go: 9 runs' outputs");
    contains(&home.ask(&["prune", "-n", "--older-than", "soon"]).expect(2).stderr, "--older-than");
    let would = home.ask(&["prune", "-n", "--keep-runs", "10", "--json"]).expect(0).json();
    assert_eq!((&would["runs"], &would["outputs"]), (&30.into(), &30.into()), "{would}");
    assert_eq!(outputs().len(), 41);

    let gone = home.ask(&["prune", "--json"]).expect(0).json();
    assert_eq!((&gone["runs"], &gone["outputs"]), (&0.into(), &9.into()), "{gone}");
    assert!(gone["bytes"].as_u64().unwrap() > 9 * 100_000);
    assert!(outputs().into_iter().eq(10..=41));
    contains(
        &home.ask(&["prune", "--max-size", "1 MB", "--keep-runs", "20"]).expect(0).stdout,
        "gone: 20 runs' records",
    );
    let left = outputs();
    assert!((6..=10).contains(&left.len()) && left.last() == Some(&41), "{left:?}");
    contains(&home.ask(&["prune", "--max-size", "1 MB", "--keep-runs", "20"]).expect(0).stdout, "nothing is old");
    let mut after = fold();
    (after.seq, after.at) = (before.seq, before.at);
    assert_eq!(after, before, "the list of runs and the numbers are as they were");
    home.ask(&["doctor"]).expect(0);
    contains(&home.ask(&["doctor", "--repair"]).expect(0).stdout, "there was nothing to mend");
    assert!(home.log().iter().any(|record| matches!(
        &record.event,
        Event::Control { event: ControlEvent::Pruned { runs: 20, by: Actor::Person(_), .. } }
    )));
}

#[test]
fn what_is_no_log_of_this_program_is_refused_in_words_and_left_as_it_is() {
    let home = Home::new();
    let project = home.project("shop", QUICK);
    home.run(&project, &["run"]).expect(0);
    let log = log_of(&home);
    let mut newer = fs::read(&log).unwrap();
    // Where the format stands in the file: big-endian, at byte 60.
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    let cases: [(Vec<u8>, &str); 2] = [
        (newer, "newer gonogo"),
        (b"this is a letter to somebody, and no database at all. ".repeat(100), "not a database"),
    ];
    for (bytes, why) in cases {
        fs::write(&log, &bytes).unwrap();
        for (args, code) in [
            (&["status"][..], 255),
            (&["watch", "--until-idle"], 255),
            (&["run"], 255),
            (&["doctor"], 1),
            (&["prune", "-n"], 255),
        ] {
            let ran = home.run(&project, args).expect(code);
            contains(&ran.all(), why);
            contains(&ran.all(), "hint: ");
            assert!(!ran.all().contains("panicked"), "{ran:?}");
        }
        home.ask(&["doctor", "--repair"]).expect(255);
        assert_eq!(fs::read(&log).unwrap(), bytes);
    }
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    for (args, code) in [(&["status"][..], 255), (&["run"], 255), (&["doctor"], 1)] {
        let ran = home.run(&project, args).expect(code);
        contains(&ran.all(), "hint: ");
    }
    assert!(log.is_dir() && fs::metadata(&log).unwrap().nlink() >= 1);
}
