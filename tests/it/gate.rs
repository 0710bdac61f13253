//! Gates and concurrency: runs that wait, for a person or for each other.

use gonogo::{
    domain::{id::Seq, outcome::RunOutcome},
    protocol::event::{Event, JobEvent, Record, RunEvent},
};
use serde_json::json;

use crate::{
    home::{Home, contains},
    inside::Inside,
};

const RELEASE: &str = r#"
[pipelines.release.jobs.test]
steps = ["echo tested >> ../order"]
[pipelines.release.gates.ready]
question = "Ship to production?"
needs = ["test"]
[pipelines.release.jobs.ship]
needs = ["ready"]
steps = ["echo shipped >> ../order"]
"#;

#[test]
fn a_gate_waits_until_somebody_says_go() {
    let home = Home::new();
    let project = home.project("shop", RELEASE);
    let ran = home.run(&project, &["run"]).expect(1);
    contains(&ran.stdout, "Ship to production?");
    contains(&ran.stdout, "gonogo go 1/ready");
    assert_eq!(project.read("../order"), "tested\n");
    let waiting = home.ask(&["approvals", "--json"]).expect(0).json();
    assert_eq!(waiting[0]["id"], "1/ready");
    assert_eq!(waiting[0]["question"], "Ship to production?");
    contains(&home.ask(&["approvals", "1/ready"]).expect(0).stdout, "Ship to production?");

    home.run(&project, &["go", "1/ready"]).expect(0);
    assert_eq!(project.read("../order"), "tested\nshipped\n");
    assert_eq!(home.status_of(1)["outcome"], "passed");
    let again = home.run(&project, &["go", "1/ready"]).expect(1);
    contains(&again.stderr, "already answered by tester");
}

#[test]
fn a_gate_that_hears_no_stops_what_needs_it() {
    let home = Home::new();
    let project = home.project("shop", RELEASE);
    home.run(&project, &["run"]).expect(1);
    home.run(&project, &["nogo", "1/ready", "--why", "too late on a Friday"]).expect(1);
    assert_eq!(home.status_of(1)["outcome"], "failed");
    assert_eq!(home.job(1, "ship")["skipped"], "needs ready");
    assert_eq!(project.read("../order"), "tested\n");
    assert!(home.records().iter().any(|record| record.to_string().contains("too late on a Friday")));
    contains(&home.ask(&["approvals"]).expect(0).stdout, "nothing waits");
}

#[test]
fn a_gate_does_not_ask_after_a_failure() {
    let home = Home::new();
    let project = home.project("shop", &RELEASE.replace("echo tested >> ../order", "exit 1"));
    let ran = home.run(&project, &["run"]).expect(1);
    assert!(!ran.stdout.contains("gonogo go"), "{}", ran.stdout);
    assert_eq!(home.status_of(1)["outcome"], "failed");
}

#[test]
fn a_waiting_run_can_be_cancelled() {
    let home = Home::new();
    let project = home.project("shop", RELEASE);
    home.run(&project, &["run"]).expect(1);
    home.run(&project, &["cancel", "1"]).expect(0);
    assert_eq!(home.status_of(1)["outcome"], "cancelled");
    assert_eq!(home.ask(&["approvals", "--json"]).json(), json!([]));
}

#[test]
fn a_newer_run_of_the_group_takes_the_place_of_one_that_waits() {
    let home = Home::new();
    let group = "[pipelines.release]\nconcurrency = { group = \"production\", cancel-running = true }\n";
    let project = home.project("shop", &format!("{group}{RELEASE}"));
    home.run(&project, &["run"]).expect(1);
    home.run(&project, &["run"]).expect(1);
    assert_eq!(home.status_of(1)["outcome"], "cancelled");
    assert_eq!(home.status_of(2)["outcome"], json!(null));
    home.run(&project, &["go", "2/ready"]).expect(0);
    assert_eq!(project.read("../order"), "tested\ntested\nshipped\n");
}

/// Two runs at once, to their ends.
fn two_runs(definition: &str) -> Vec<Record> {
    let home = Home::new();
    let project = home.project("shop", definition);
    let mut inside = Inside::open(&home);
    inside.start(&project);
    inside.start(&project);
    inside.finish(2)
}

/// The position of the first record about this run that is so.
fn seq(records: &[Record], run: u64, is: impl Fn(&RunEvent) -> bool) -> Seq {
    let found = records
        .iter()
        .find(|record| matches!(&record.event, Event::Run { run: of, event } if of.0 == run && is(event)));
    found.unwrap_or_else(|| panic!("no such record of run {run} in {records:#?}")).seq
}

fn started(event: &RunEvent) -> bool {
    matches!(event, RunEvent::Job { event: JobEvent::Started { .. }, .. })
}

fn finished(event: &RunEvent) -> bool {
    matches!(event, RunEvent::Finished { .. })
}

#[test]
fn runs_of_one_group_go_one_after_the_other() {
    let records =
        two_runs("[pipelines.ci]\nconcurrency = \"deploy\"\n[pipelines.ci.jobs.work]\nsteps = [\"sleep 0.2\"]\n");
    assert!(seq(&records, 1, finished) < seq(&records, 2, started), "they overlapped");
    for run in [1, 2] {
        seq(&records, run, |event| matches!(event, RunEvent::Finished { outcome: RunOutcome::Passed }));
    }
}

#[test]
fn runs_without_a_group_go_side_by_side() {
    // Each waits for a sign of the other, so they end only if they overlap.
    let step = "touch ../here-$GONOGO_RUN; for i in 1 2; do while ! test -e ../here-$i; do sleep 0.02; done; done";
    let records = two_runs(&format!("[pipelines.ci.jobs.work]\ntimeout = \"1m\"\nsteps = [{step:?}]\n"));
    for run in [1, 2] {
        seq(&records, run, |event| matches!(event, RunEvent::Finished { outcome: RunOutcome::Passed }));
    }
}

#[test]
fn a_newer_run_of_the_group_cancels_the_older_where_that_is_wanted() {
    let definition = r#"
[pipelines.ci]
concurrency = { group = "deploy", cancel-running = true }
[pipelines.ci.jobs.work]
steps = ["test $GONOGO_RUN = 2 || sleep 600"]
"#;
    let records = two_runs(definition);
    seq(&records, 1, |event| matches!(event, RunEvent::Finished { outcome: RunOutcome::Cancelled }));
    seq(&records, 2, |event| matches!(event, RunEvent::Finished { outcome: RunOutcome::Passed }));
}
