//! `kill -9` of gonogo at any moment: nothing is lost, nothing is doubled, nothing is left running.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

use gonogo::{
    domain::outcome::{JobOutcome, RunOutcome},
    protocol::event::{ControlEvent, Event, JobEvent, ProposalEvent, Record, RunEvent},
    state::board::State,
};
use nix::sys::signal::Signal;

use crate::home::{Home, Project, Ran, contains};

/// Three jobs, one of which fails until it is repaired; the policy says go, and the next run passes.
const DEFINITION: &str = r#"
[pipelines.ci.jobs.build]
steps = ["sleep 0.1", "echo built"]
[pipelines.ci.jobs.check]
needs = ["build"]
steps = ["sleep 0.1; grep -q good word.txt || { echo 'word.txt:1:1: error: the word is not good'; exit 1; }"]
[pipelines.ci.jobs.ship]
needs = ["check"]
workspace = "isolated"
steps = ["sleep 0.1 & wait; cat word.txt"]
[fix]
enabled = true
auto = ["build", "lint", "test", "unknown", "syntax", "type"]
[fix.commands]
check = "sleep 0.1; echo good > word.txt"
"#;

fn project(home: &Home) -> Project {
    home.project_with("shop", &[("gonogo.toml", DEFINITION), ("word.txt", "bad\n")])
}

/// How long a run takes from its beginning to the end of the run that follows its repair, undisturbed.
fn undisturbed() -> Duration {
    let home = Home::new();
    let project = project(&home);
    let began = Instant::now();
    home.run(&project, &["run"]).expect(0);
    assert_eq!(project.read("word.txt"), "good\n", "the story has a repair in it");
    began.elapsed()
}

/// Starts a run, kills gonogo after this time, starts again, and looks at everything.
fn killed_after(wait: Duration) {
    let home = Home::new();
    let project = project(&home);
    let running = home.start(&project, &["run", "--json"]);
    std::thread::sleep(wait);
    running.signal(Signal::SIGKILL);
    let shown = running.finish();
    let state = home.gonogo().join("state");
    if !state.join("records.db").exists() {
        return;
    }
    let before = home.log();
    // What was shown had been recorded. The last line may be cut off.
    let whole = shown.stdout.rsplit_once('\n').map_or("", |(whole, _)| whole);
    for line in whole.lines() {
        let record: Record = serde_json::from_str(line).unwrap();
        assert!(before.contains(&record), "shown, not recorded: {line}");
    }
    let status = home.ask(&["status", "--json"]);
    if !before.is_empty() {
        status.expect(0).json();
    } else if status.code() != 0 {
        contains(&status.expect(2).stderr, "nothing has been run yet");
    }

    let cut_off = under_way(&before);
    go_on(&home, &project, &before);
    assert!(home.leftovers().is_empty(), "{:?}", home.leftovers());
    let records = home.records();
    let seqs: Vec<u64> = records.iter().map(|record| record["seq"].as_u64().unwrap()).collect();
    assert!(seqs.iter().copied().eq(1..=seqs.len() as u64), "gaps or doubles: {seqs:?}");
    let after: Vec<Record> = records.into_iter().map(|record| serde_json::from_value(record).unwrap()).collect();
    assert!(after.starts_with(&before), "records of before were lost or changed");
    for job in cut_off {
        assert!(lost(&after[before.len()..]).contains(&job), "{job:?} is not shown as lost");
    }
    assert_eq!(under_way(&after), BTreeSet::new(), "attempts without an end");
    applied_once(&project, &after);
    assert_eq!(project.read("word.txt"), "good\n");
    assert_eq!(project.git(&["status", "--porcelain=v1"]), "");
}

type Attempt = (u64, String, u32);

/// Attempts that have begun and not ended.
fn under_way(records: &[Record]) -> BTreeSet<Attempt> {
    let mut open = BTreeSet::new();
    for record in records {
        let Event::Run { run, event: RunEvent::Job { job, event } } = &record.event else { continue };
        match event {
            JobEvent::Started { attempt } => assert!(open.insert((run.0, job.0.clone(), *attempt)), "started twice"),
            JobEvent::Finished { attempt, .. } => {
                assert!(open.remove(&(run.0, job.0.clone(), *attempt)), "ended twice");
            }
            JobEvent::CacheHit { .. } => open.retain(|(of, key, _)| (*of, key.as_str()) != (run.0, job.as_str())),
            _ => {}
        }
    }
    open
}

/// Attempts that were found lost, which must be said before anything new is begun.
fn lost(records: &[Record]) -> BTreeSet<Attempt> {
    let mut found = BTreeSet::new();
    assert!(matches!(records[0].event, Event::Control { event: ControlEvent::Started { .. } }), "{:?}", records[0]);
    for record in &records[1..] {
        match &record.event {
            Event::Run {
                run,
                event: RunEvent::Job { job, event: JobEvent::Finished { attempt, outcome: JobOutcome::Lost, .. } },
            } => {
                found.insert((run.0, job.0.clone(), *attempt));
            }
            Event::Run { event: RunEvent::Job { event: JobEvent::Started { .. }, .. }, .. } => break,
            _ => {}
        }
    }
    found
}

/// What a person does after a crash: runs it, or runs it again, until it is green.
fn go_on(home: &Home, project: &Project, before: &[Record]) {
    let mut state = State::default();
    before.iter().for_each(|record| state.apply(record));
    let mut said = Vec::new();
    for _ in 0..6 {
        let newest = state.runs.values().next_back().filter(|run| run.planned || run.outcome.is_none());
        let run = newest.map(|run| run.id.to_string());
        let ran: Ran = match (&run, newest.and_then(|run| run.outcome)) {
            (None, _) | (_, Some(RunOutcome::Refused | RunOutcome::Passed)) => home.run(project, &["run"]),
            (Some(run), _) => home.run(project, &["retry", run]),
        };
        if ran.code() == 0 {
            return;
        }
        // What was cut off between two jobs goes on by itself, and can't be retried meanwhile.
        said.push(ran.all());
        state = State::default();
        home.log().iter().for_each(|record| state.apply(record));
    }
    panic!("it never became green:\n{}", said.join("\n----\n"));
}

/// Every proposal that was applied is one commit, and no commit is of another.
fn applied_once(project: &Project, records: &[Record]) {
    let mut hashes = BTreeMap::new();
    let mut applied = BTreeSet::new();
    for record in records {
        let Event::Proposal { proposal, event } = &record.event else { continue };
        match event {
            ProposalEvent::Proposed { proposal: inner } => {
                hashes.insert(*proposal, inner.hash.0.clone());
            }
            ProposalEvent::Applied { .. } => assert!(applied.insert(hashes[proposal].clone()), "applied twice"),
            _ => {}
        }
    }
    let log = project.git(&["log", "--format=%B"]);
    let commits: Vec<String> =
        log.lines().filter_map(|line| line.strip_prefix("Gonogo-Proposal: ")).map(str::to_owned).collect();
    let distinct: BTreeSet<String> = commits.iter().cloned().collect();
    assert_eq!(distinct.len(), commits.len(), "a proposal was committed twice:\n{log}");
    assert_eq!(distinct, applied, "commits and records differ");
}

#[test]
fn a_kill_at_any_of_twenty_moments_loses_nothing_and_leaves_nothing() {
    let whole = undisturbed();
    // The clock as dice: other moments each time. Each moment is in a part of its own, so that all of the story is met.
    let seed = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    let moments: Vec<Duration> = (0..20_u32)
        .map(|part| {
            let dice = blake3::hash(&[seed.to_le_bytes(), part.to_le_bytes()].concat());
            let within = f64::from(dice.as_bytes()[0]) / 255.0;
            whole.mul_f64((f64::from(part) + within) / 20.0)
        })
        .collect();
    std::thread::scope(|scope| {
        for quarter in moments.chunks(5) {
            scope.spawn(move || {
                for moment in quarter {
                    eprintln!("killed after {moment:?} of {whole:?}");
                    killed_after(*moment);
                }
            });
        }
    });
}

#[test]
fn a_log_that_was_only_just_made_is_an_empty_one() {
    let home = Home::new();
    let project = project(&home);
    let state = home.gonogo().join("state");
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("records.db"), "").unwrap();
    contains(&home.ask(&["status"]).expect(2).stderr, "nothing has been run yet");
    contains(&home.ask(&["doctor"]).stdout, "nothing recorded yet");
    home.run(&project, &["run"]).expect(0);
}

#[test]
fn processes_of_a_killed_gonogo_are_ended_by_the_next_before_anything_new_begins() {
    let home = Home::new();
    let definition =
        "[pipelines.ci.jobs.work]\nsteps = [\"touch ../started; setsid sleep 600 & test -e ready || sleep 600\"]\n";
    let project = home.project("shop", definition);
    let running = home.start(&project, &["run"]);
    project.wait_for_file("../started");
    running.signal(Signal::SIGKILL);
    drop(running.finish());
    assert!(!home.leftovers().is_empty(), "a kill leaves the job's processes to the next gonogo");
    assert_eq!(home.job(1, "work")["status"], "running");
    project.write("ready", "");
    let ran = home.run(&project, &["retry", "1"]).expect(0);
    contains(&ran.stdout, "passed");
    assert!(home.leftovers().is_empty(), "{:?}", home.leftovers());
    let job = home.job(1, "work");
    assert_eq!(job["attempts"], 2);
    assert!(home.records().iter().any(|record| record.to_string().contains("\"lost\"")));
}

#[test]
fn a_second_home_s_processes_are_left_alone() {
    let (home, other) = (Home::new(), Home::new());
    let definition = "[pipelines.ci.jobs.work]\nsteps = [\"touch ../started; sleep 600\"]\n";
    let (project, others) = (home.project("shop", definition), other.project("shop", definition));
    let theirs = other.start(&others, &["run"]);
    others.wait_for_file("../started");
    let running = home.start(&project, &["run"]);
    project.wait_for_file("../started");
    running.signal(Signal::SIGKILL);
    drop(running.finish());
    // The next gonogo of this home clears up here, and only here.
    home.run(&project, &["retry", "9"]).expect(1);
    assert!(home.leftovers().is_empty(), "{:?}", home.leftovers());
    assert!(!other.leftovers().is_empty(), "another home's job was ended");
    theirs.signal(Signal::SIGINT);
    theirs.finish().expect(1);
}
