//! The daemon: it starts by itself, it outlives the terminal, it ends as its user says.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Stdio, time::Duration};

use gonogo::{
    domain::{
        id::RunId,
        outcome::{JobOutcome, RunOutcome},
    },
    protocol::session::VisitorKind,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    caller::{Caller, wait},
    home::{Home, contains, wait_for},
};

const LONG: &str = "[pipelines.ci.jobs.wait]\nsteps = [\"echo waiting; touch ../started; while ! test -e ../go; do sleep 0.05; done; echo went on\"]\n";
const SHORT: &str = "[pipelines.ci.jobs.greet]\nsteps = [\"echo hello $NAME_OF_ASKER\"]\n";

impl Home {
    /// The daemon's process.
    pub fn daemon(&self) -> Pid {
        let status = self.ask(&["daemon", "status", "--json"]).expect(0).json();
        Pid::from_raw(i32::try_from(status["pid"].as_i64().unwrap()).unwrap())
    }
}

#[test]
fn a_command_starts_it_and_the_next_one_finds_it() {
    let home = Home::with_daemon();
    let project = home.project("shop", SHORT);
    contains(&home.ask(&["daemon", "status"]).expect(1).stdout, "no daemon runs");
    contains(&home.run(&project, &["run"]).expect(0).stdout, "run 1 passed");
    let first = home.daemon();
    home.run(&project, &["run"]).expect(0);
    assert_eq!(home.daemon(), first);
    let mode = |path: &str| fs::metadata(home.gonogo().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("run"), mode("run/gonogo.sock")), (0o700, 0o600));
    contains(&home.ask(&["daemon", "start"]).expect(0).stdout, "at work already");
    contains(&home.ask(&["daemon", "logs"]).expect(0).stdout, "answers at");
    contains(&home.ask(&["daemon", "stop"]).expect(0).stdout, "has ended");
    contains(&home.ask(&["daemon", "stop"]).expect(0).stdout, "no daemon runs");
    assert!(!home.gonogo().join("run/gonogo.sock").exists());
    // What only reads needs none, and starts none.
    contains(&home.ask(&["status"]).expect(0).stdout, "run 2");
    assert_eq!(home.logs("2/greet").trim(), "hello");
    home.ask(&["daemon", "status"]).expect(1);
}

#[test]
fn many_starts_at_once_make_one_daemon() {
    let home = Home::with_daemon();
    let project = home.project("shop", SHORT);
    let all: Vec<_> = (0..8).map(|_| home.start(&project, &["run"])).collect();
    for running in all {
        contains(&running.finish().expect(0).stdout, "passed");
    }
    let state = home.state();
    assert_eq!(state.runs.len(), 8);
    let starts = home.log().iter().filter(|record| format!("{:?}", record.event).contains("Started { pid")).count();
    assert_eq!(starts, 1, "one process held the log");
}

#[test]
fn a_socket_and_a_lock_that_were_left_behind_are_no_hindrance() {
    let home = Home::with_daemon();
    let project = home.project("shop", SHORT);
    home.run(&project, &["run"]).expect(0);
    kill(home.daemon(), Signal::SIGKILL).unwrap();
    wait_for("the daemon to be gone", || match home.ask(&["daemon", "status"]).code() {
        1 => Ok(()),
        code => Err(format!("status says {code}")),
    });
    assert!(home.gonogo().join("run/gonogo.sock").exists(), "the socket is left behind");
    // A process id that is somebody else's now.
    fs::write(home.gonogo().join("state/records.lock"), "1\n").unwrap();
    contains(&home.run(&project, &["run"]).expect(0).stdout, "run 2 passed");
}

#[test]
fn a_run_goes_on_when_whoever_started_it_is_gone() {
    for signal in [Signal::SIGHUP, Signal::SIGKILL, Signal::SIGTERM] {
        let home = Home::with_daemon();
        let project = home.project("shop", LONG);
        let running = home.start(&project, &["run"]);
        project.wait_for_file("../started");
        running.signal(signal);
        running.finish();
        assert_eq!(home.leftovers().len(), home.leftovers().len().max(1), "{signal}: the job goes on");
        project.write("../go", "");
        home.wait_state("the run to pass", |state| {
            state.runs.get(&RunId(1)).is_some_and(|run| run.outcome == Some(RunOutcome::Passed))
        });
        contains(&home.logs("1/wait"), "went on");
    }
}

#[test]
fn ctrl_c_stops_the_run_and_not_the_daemon() {
    let home = Home::with_daemon();
    let project = home.project("shop", LONG);
    let running = home.start(&project, &["run"]);
    project.wait_for_file("../started");
    running.signal(Signal::SIGINT);
    contains(&running.finish().expect(1).stdout, "cancelled");
    home.expect_no_leftovers();
    home.daemon();
}

#[test]
fn a_stop_says_what_would_end_and_waits_or_ends_it() {
    let home = Home::with_daemon();
    let project = home.project("shop", LONG);
    home.run(&project, &["run", "--detach"]).expect(0);
    project.wait_for_file("../started");
    let refused = home.ask(&["daemon", "stop"]).expect(1).stderr;
    contains(&refused, "run 1  shop  ci  wait");
    contains(&refused, "--wait lets these end first");
    let waiting = home.start(&project, &["daemon", "stop", "--wait"]);
    wait_for("nothing new to begin", || {
        let ran = home.run(&project, &["run", "--detach"]);
        if ran.code() == 1 && ran.stderr.contains("begins nothing new") { Ok(()) } else { Err(ran.all()) }
    });
    project.write("../go", "");
    contains(&waiting.finish().expect(0).stdout, "has ended");
    let state = home.state();
    assert_eq!(state.runs[&RunId(1)].outcome, Some(RunOutcome::Passed));
    assert!(state.runs.values().all(|run| run.outcome.is_some()));

    fs::remove_file(home.gonogo().join("../go")).ok();
    fs::remove_file(project.root.join("../go")).ok();
    fs::remove_file(project.root.join("../started")).unwrap();
    home.run(&project, &["run", "--detach"]).expect(0);
    project.wait_for_file("../started");
    home.ask(&["daemon", "stop", "--now"]).expect(0);
    assert!(home.leftovers().is_empty(), "{:?}", home.leftovers());
    let state = home.state();
    assert_eq!(state.runs.values().next_back().unwrap().outcome, Some(RunOutcome::Cancelled));
}

#[test]
fn a_stop_that_waits_is_taken_back() {
    let home = Home::with_daemon();
    let project = home.project("shop", LONG);
    home.run(&project, &["run", "--detach"]).expect(0);
    project.wait_for_file("../started");
    let waiting = home.start(&project, &["daemon", "stop", "--wait"]);
    wait_for("nothing new to begin", || {
        let ran = home.run(&project, &["run", "--detach"]);
        if ran.code() == 1 { Ok(()) } else { Err(ran.all()) }
    });
    waiting.signal(Signal::SIGINT);
    waiting.finish();
    home.ask(&["daemon", "stop", "--never-mind"]).expect(0);
    home.run(&project, &["run", "--detach"]).expect(0);
    project.write("../go", "");
    home.wait_state("both to pass", |state| state.runs.values().all(|run| run.outcome.is_some()));
    home.daemon();
}

#[test]
fn jobs_see_the_variables_of_whoever_asked() {
    let home = Home::with_daemon();
    let definition = "[pipelines.ci.jobs.greet]\nsecrets = [\"WORD_OF_ASKER\"]\nsteps = [\"test \\\"$WORD_OF_ASKER\\\" = hunter2-hunter2 && echo right; echo $WORD_OF_ASKER; command -v only-here\"]\n";
    let project = home.project("shop", definition);
    // The daemon is started from a place that knows neither.
    home.ask(&["daemon", "start"]).expect(0);
    let bin = home.tmp().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("only-here"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(bin.join("only-here"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = home.command(&project.root, &["run"]);
    command.env("WORD_OF_ASKER", "hunter2-hunter2");
    command.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    crate::home::finish(command).expect(0);
    let output = home.logs("1/greet");
    contains(&output, "right");
    contains(&output, "***WORD_OF_ASKER***");
    contains(&output, "only-here");
    let log = fs::read(home.gonogo().join("state/records.db")).unwrap();
    assert!(!String::from_utf8_lossy(&log).contains("hunter2"), "a secret stands in the log");
    // From a place that doesn't know it, it is missed; where it is known it can be run again.
    contains(&home.run(&project, &["run"]).expect(1).all(), "no value for the secret WORD_OF_ASKER");
}

#[test]
fn it_says_who_is_attached() {
    let home = Home::with_daemon();
    let project = home.project("shop", SHORT);
    home.run(&project, &["run"]).expect(0);
    wait(async {
        let _caller = Caller::attach(&home, VisitorKind::Board, None).await;
        let status = home.ask(&["daemon", "status", "--json"]).expect(0).json();
        let attached = status["attached"].as_array().unwrap();
        assert_eq!(attached.len(), 1, "{status}");
        assert_eq!((&attached[0]["kind"], &attached[0]["from"]), (&"board".into(), &"a test".into()));
    });
    wait_for("nobody to be attached", || {
        let status = home.ask(&["daemon", "status", "--json"]).json();
        if status["attached"].as_array().unwrap().is_empty() { Ok(()) } else { Err(status.to_string()) }
    });
}

#[test]
fn a_board_without_a_daemon_and_a_daemon_keep_out_of_each_others_way() {
    let home = Home::with_daemon();
    let project = home.project("shop", LONG);
    let alone = home.start(&project, &["run", "--in-process"]);
    project.wait_for_file("../started");
    let refused = home.run(&project, &["run"]).expect(255);
    contains(&refused.stderr, &format!("(process {})", alone.pid()));
    contains(&refused.stderr, "hint: ");
    contains(&home.ask(&["status"]).expect(0).stdout, "running");
    project.write("../go", "");
    alone.finish().expect(0);
    home.run(&project, &["run"]).expect(0);
    let refused = home.run(&project, &["run", "--in-process"]).expect(255);
    contains(&refused.stderr, "another gonogo holds the log");
}

#[test]
fn a_crash_of_it_is_found_and_told() {
    let home = Home::with_daemon();
    let project = home.project("shop", LONG);
    let running = home.start(&project, &["run"]);
    project.wait_for_file("../started");
    kill(home.daemon(), Signal::SIGKILL).unwrap();
    // Whoever attends the run starts it again, and hears that the run was lost.
    let ran = running.finish().expect(1);
    contains(&ran.stderr, "calling again");
    contains(&ran.stdout, "lost");
    home.expect_no_leftovers();
    let state = home.state();
    let job = state.runs[&RunId(1)].jobs[0].attempt().unwrap();
    assert_eq!(job.outcome, Some(JobOutcome::Lost));
}

#[test]
fn a_socket_that_was_cleaned_away_is_made_anew() {
    let home = Home::with_daemon();
    let project = home.project("shop", LONG);
    home.run(&project, &["run", "--detach"]).expect(0);
    project.wait_for_file("../started");
    let daemon = home.daemon();
    fs::remove_dir_all(home.gonogo().join("run")).unwrap();
    contains(&home.ask(&["daemon", "status"]).expect(255).stderr, "does not answer at its socket");
    wait_for("it to answer again", || {
        let ran = home.ask(&["daemon", "status"]);
        if ran.code() == 0 { Ok(()) } else { Err(ran.all()) }
    });
    assert_eq!(home.daemon(), daemon);
    project.write("../go", "");
    home.wait_state("the run to pass", |state| state.runs.values().all(|run| run.outcome == Some(RunOutcome::Passed)));
    // A signal ends it in good order, whoever is attached.
    wait(async {
        let _caller = Caller::attach(&home, VisitorKind::Board, None).await;
        kill(daemon, Signal::SIGTERM).unwrap();
        wait_for("it to end", || match gonogo::store::hold::holder(&home.gonogo().join("state")) {
            None => Ok(()),
            Some(pid) => Err(format!("{pid} holds the log")),
        });
    });
}

#[test]
fn who_comes_while_it_ends_is_served_by_the_next_one() {
    let home = Home::with_daemon();
    let slow = "[pipelines.ci.jobs.wait]\nsteps = [\"trap 'sleep 0.7' TERM; touch ../started; sleep 600 & wait\"]\n";
    let (project, other) = (home.project("shop", slow), home.project("other", SHORT));
    home.run(&project, &["run", "--detach"]).expect(0);
    project.wait_for_file("../started");
    let before = home.daemon();
    let stopping = home.start(&project, &["daemon", "stop", "--now"]);
    home.wait_state("it to end", |state| state.runs.values().any(|run| run.cancelling.is_some()));
    contains(&home.run(&other, &["run"]).expect(0).stdout, "passed");
    stopping.finish().expect(0);
    assert_ne!(home.daemon(), before);
}

#[test]
fn a_log_that_was_deleted_is_written_back_when_somebody_comes() {
    let home = Home::with_daemon();
    let project = home.project("shop", SHORT);
    home.run(&project, &["run"]).expect(0);
    for name in ["records.db", "records.db-wal", "records.db-shm"] {
        let _ = fs::remove_file(home.gonogo().join("state").join(name));
    }
    contains(&home.ask(&["status"]).expect(0).stdout, "run 1");
    home.ask(&["daemon", "stop"]).expect(0);
    assert_eq!(home.state().runs.len(), 1);
}

#[test]
fn who_answers_a_gate_does_not_change_where_the_run_was_asked_for() {
    let home = Home::with_daemon();
    let definition = "[pipelines.ci.gates.go]\nquestion = \"Go?\"\n[pipelines.ci.jobs.ship]\nneeds = [\"go\"]\nsecrets = [\"DEPLOY_KEY\"]\nsteps = [\"test $DEPLOY_KEY = of-who-asked\"]\n";
    let project = home.project("shop", definition);
    let mut command = home.command(&project.root, &["run", "--detach"]);
    command.env("DEPLOY_KEY", "of-who-asked");
    crate::home::finish(command).expect(0);
    home.wait_state("the gate to ask", |state| !gonogo::state::approval::pending(state).is_empty());
    contains(&home.ask(&["go", "1/go"]).expect(0).stdout, "passed");
}

#[test]
fn restarts_leave_one_at_work() {
    let home = Home::with_daemon();
    home.ask(&["daemon", "start"]).expect(0);
    for _ in 0..15 {
        let before = home.daemon();
        contains(&home.ask(&["daemon", "restart"]).expect(0).stdout, "is at work (process");
        assert_ne!(home.daemon(), before);
    }
}

#[test]
fn in_the_foreground_a_signal_ends_it() {
    let home = Home::with_daemon();
    let project = home.project("shop", SHORT);
    let mut command = home.command(&project.root, &["daemon", "serve"]);
    command.stdin(Stdio::null());
    let mut serving = crate::home::Running::spawn(command);
    wait_for("it to answer", || {
        let ran = home.ask(&["daemon", "status"]);
        if ran.code() == 0 { Ok(()) } else { Err(ran.all()) }
    });
    home.run(&project, &["run"]).expect(0);
    assert!(serving.is_running());
    serving.signal(Signal::SIGTERM);
    serving.finish().expect(0);
    std::thread::sleep(Duration::ZERO);
    home.ask(&["daemon", "status"]).expect(1);
}
