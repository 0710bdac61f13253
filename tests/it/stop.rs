//! Ends before the time: signals, cancels, timeouts. Whatever happens, no process stays.

use std::time::{Duration, Instant};

use gonogo::{
    domain::id::RunId,
    protocol::{
        command::Command,
        event::{Event, Record, RunEvent},
    },
    state::{board::State, job::JobStatus},
};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::{
    home::{Home, contains, wait_for},
    inside::Inside,
};

const LONG: &str = "[pipelines.ci.jobs.wait]\nsteps = [\"touch ../started; sleep 600 & sleep 600\", \"touch ../second\"]\n[pipelines.ci.jobs.next]\nneeds = [\"wait\"]\nsteps = [\"touch ../next\"]\n";

#[test]
fn an_interrupt_cancels_the_run_and_ends_its_processes() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let home = Home::new();
        let project = home.project("shop", LONG);
        let running = home.start(&project, &["run"]);
        project.wait_for_file("../started");
        assert!(!home.leftovers().is_empty(), "the job's processes are found while it runs");
        running.signal(signal);
        let ran = running.finish().expect(1);
        contains(&ran.stdout, "cancelled");
        assert!(home.leftovers().is_empty(), "{:?}", home.leftovers());
        assert_eq!(home.status_of(1)["outcome"], "cancelled");
        assert_eq!(home.job(1, "wait")["status"], "cancelled");
        assert_eq!(home.job(1, "next")["skipped"], "run cancelled");
        assert!(!project.has("../second") && !project.has("../next"));
    }
}

#[test]
fn a_cancelled_run_can_be_retried() {
    let home = Home::new();
    let project =
        home.project("shop", "[pipelines.ci.jobs.wait]\nsteps = [\"touch ../started; test -e ready || sleep 600\"]\n");
    let running = home.start(&project, &["run"]);
    project.wait_for_file("../started");
    running.signal(Signal::SIGINT);
    running.finish().expect(1);
    project.write("ready", "");
    home.run(&project, &["retry", "1"]).expect(0);
    assert_eq!(home.status_of(1)["outcome"], "passed");
    assert_eq!(home.job(1, "wait")["attempts"], 2);
}

#[test]
fn a_second_interrupt_does_not_wait_for_the_grace() {
    let home = Home::new();
    home.settings("[limits]\ngrace = \"10m\"\n");
    let project = home.project(
        "shop",
        "[pipelines.ci.jobs.deaf]\nsteps = [\"trap '' TERM INT; touch ../started; while true; do sleep 1; done\"]\n",
    );
    let mut running = home.start(&project, &["run"]);
    project.wait_for_file("../started");
    running.signal(Signal::SIGINT);
    // It waits for the job, which hears nothing.
    wait_for("the cancel to be recorded", || {
        let asked = |record: &Record| matches!(record.event, Event::Run { event: RunEvent::Cancelling { .. }, .. });
        if home.log().iter().any(asked) { Ok(()) } else { Err("it is not".to_owned()) }
    });
    assert!(running.is_running());
    running.signal(Signal::SIGINT);
    running.finish().expect(1);
    assert!(home.leftovers().is_empty(), "{:?}", home.leftovers());
}

#[test]
fn a_job_and_a_step_end_when_their_time_is_up() {
    let home = Home::new();
    let project = home.project(
        "shop",
        r#"
[pipelines.ci.jobs.job]
timeout = "300ms"
steps = ["sleep 600 & sleep 600"]
[pipelines.ci.jobs.step]
steps = [{ run = "echo working; sleep 600", timeout = "300ms" }, "touch ../second"]
"#,
    );
    let began = Instant::now();
    let ran = home.run(&project, &["run"]).expect(1);
    assert!(began.elapsed() < Duration::from_mins(1), "it took {:?}", began.elapsed());
    contains(&ran.stdout, "timed out");
    for job in ["job", "step"] {
        let job = home.job(1, job);
        assert_eq!(job["outcome"]["failure"], json!({ "kind": "timed_out", "after": 300 }), "{job}");
        assert_eq!(job["diagnosis"]["category"], "timeout");
    }
    assert_eq!(home.logs("1/step"), "working\n");
    assert!(!project.has("../second"));
    assert!(home.leftovers().is_empty(), "{:?}", home.leftovers());
}

#[test]
fn cancelling_one_job_leaves_the_others_running() {
    let home = Home::new();
    let project = home.project(
        "shop",
        "[pipelines.ci.jobs.a]\nsteps = [\"sleep 600\"]\n[pipelines.ci.jobs.b]\nsteps = [\"while ! test -e ../go-on; do sleep 0.02; done\"]\n",
    );
    let status = |state: &State, job: &str| state.runs[&RunId(1)].job(&job.into()).unwrap().status.clone();
    let mut inside = Inside::open(&home);
    inside.start(&project);
    inside.until(|state| {
        let planned = state.runs.get(&RunId(1)).is_some_and(|run| run.planned);
        planned && ["a", "b"].iter().all(|job| status(state, job) == JobStatus::Running)
    });
    inside.ask(Command::Cancel { run: RunId(1), job: Some("a".into()) });
    inside.until(|state| status(state, "a") == JobStatus::Cancelled);
    assert_eq!(status(&inside.state, "b"), JobStatus::Running);
    project.write("../go-on", "");
    inside.finish(1);
    assert_eq!(home.job(1, "b")["status"], "passed");
    assert_eq!(home.status_of(1)["outcome"], "cancelled");
}
