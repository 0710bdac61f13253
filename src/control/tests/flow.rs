//! Jobs, gates, limits, retries, cancels.

use super::*;
use crate::{
    domain::{
        container::EngineFault,
        definition::{Concurrency, EngineKind, RetryPolicy, When},
        id::ApprovalId,
        outcome::{CancelReason, Failure, RunOutcome, SkipReason},
    },
    engine::port::Stop,
    protocol::command::{Decision, Retry},
};

#[test]
fn a_job_starts_when_what_it_needs_has_passed_and_not_before() {
    let mut sim = Sim::new(4);
    let run = sim.start("p", &pipeline(vec![job("build", &[]), job("test", &["build"])]), &no_fix());
    assert_eq!(*sim.status(run, "build"), JobStatus::Running);
    assert_eq!(*sim.status(run, "test"), JobStatus::Waiting);
    sim.pass(run, "build");
    assert_eq!(*sim.status(run, "test"), JobStatus::Running);
    sim.pass(run, "test");
    assert_eq!(sim.run(run).outcome, Some(RunOutcome::Passed));
    assert!(sim.state.active.is_empty());
}

#[test]
fn what_needs_a_failed_job_is_skipped_with_its_name_and_the_run_fails() {
    let mut sim = Sim::new(4);
    let jobs = vec![job("a", &[]), job("b", &["a"]), job("c", &["b"])];
    let run = sim.start("p", &pipeline(jobs), &no_fix());
    sim.fail(run, "a", Category::Test);
    assert_eq!(*sim.status(run, "b"), JobStatus::Skipped { reason: SkipReason::NeedFailed { need: "a".into() } });
    assert_eq!(*sim.status(run, "c"), JobStatus::Skipped { reason: SkipReason::NeedFailed { need: "b".into() } });
    assert_eq!(sim.run(run).outcome, Some(RunOutcome::Failed));
}

#[test]
fn jobs_for_failure_and_always_run_when_they_should() {
    for fails in [false, true] {
        let mut sim = Sim::new(4);
        let on_failure = JobSpec { when: When::Failure, ..job("report", &["a"]) };
        let always = JobSpec { when: When::Always, ..job("tidy", &["a"]) };
        let run = sim.start("p", &pipeline(vec![job("a", &[]), on_failure, always]), &no_fix());
        if fails {
            sim.fail(run, "a", Category::Test);
        } else {
            sim.pass(run, "a");
        }
        assert_eq!(*sim.status(run, "tidy"), JobStatus::Running);
        let report = if fails { JobStatus::Running } else { JobStatus::Skipped { reason: SkipReason::NothingFailed } };
        assert_eq!(*sim.status(run, "report"), report);
    }
}

#[test]
fn no_more_jobs_run_than_the_limit_and_projects_take_turns() {
    let mut sim = Sim::new(2);
    let many = pipeline(
        vec![job("m", &[])].into_iter().map(|m| JobSpec { matrix: values("n", &["1", "2", "3", "4"]), ..m }).collect(),
    );
    let first = sim.start("first", &many, &no_fix());
    let second = sim.start("second", &many, &no_fix());
    let running =
        |sim: &Sim, run: RunId| sim.run(run).jobs.iter().filter(|job| job.status == JobStatus::Running).count();
    assert_eq!((running(&sim, first), running(&sim, second)), (2, 0));
    sim.pass(first, "m [1]");
    assert_eq!((running(&sim, first), running(&sim, second)), (1, 1), "the place goes to the project that has none");
}

#[test]
fn only_named_categories_are_tried_again_with_growing_waits() {
    let mut sim = Sim::new(1);
    let retry = RetryPolicy { attempts: 3, on: vec![Category::Network], wait: Millis(1000) };
    let run = sim.start("p", &pipeline(vec![JobSpec { retry, ..job("a", &[]) }]), &no_fix());
    let mut waits = Vec::new();
    for _ in 0..2 {
        sim.fail(run, "a", Category::Network);
        let JobStatus::Retrying { at, .. } = sim.status(run, "a").clone() else { panic!("{:?}", sim.status(run, "a")) };
        waits.push(Millis::between(sim.now(), at).0);
        assert!(sim.wanted().contains(&TaskKey::Retry(run, "a".into())));
        sim.report(Report::RetryDue { run, job: "a".into() });
        assert_eq!(*sim.status(run, "a"), JobStatus::Running);
    }
    assert!((900..=1250).contains(&waits[0]) && (1900..=2500).contains(&waits[1]), "{waits:?}");
    sim.fail(run, "a", Category::Network);
    assert_eq!(*sim.status(run, "a"), JobStatus::Failed, "the third attempt was the last");

    let retry = RetryPolicy { attempts: 3, on: vec![Category::Network], wait: Millis(1000) };
    let run = sim.start("p", &pipeline(vec![JobSpec { retry, ..job("a", &[]) }]), &no_fix());
    sim.fail(run, "a", Category::Test);
    assert_eq!(*sim.status(run, "a"), JobStatus::Failed);
}

#[test]
fn a_report_that_was_overtaken_says_nothing() {
    let mut sim = Sim::new(1);
    let run = sim.start("p", &pipeline(vec![job("a", &[])]), &no_fix());
    sim.pass(run, "a");
    let length = sim.log.len();
    sim.end(run, "a", JobOutcome::Lost, None);
    let what = JobReport::StepFinished { step: 0, exit: 1, took: Millis(1) };
    sim.report(Report::Job { run, job: "a".into(), attempt: 7, at: sim.now(), what });
    assert_eq!(sim.log.len(), length);
}

#[test]
fn a_gate_asks_when_its_needs_have_passed_and_stops_the_run_at_no() {
    for go in [true, false] {
        let mut sim = Sim::new(1);
        let mut ci = pipeline(vec![job("test", &[]), job("ship", &["go"])]);
        ci.gates.push(gate("go", &["test"]));
        let run = sim.start("p", &ci, &no_fix());
        let id = ApprovalId::Gate { run, gate: "go".into() };
        let yes = Decision::Go { hash: None, into: None };
        assert!(sim.command(&Command::Answer { approval: id.clone(), decision: yes.clone() }).is_err(), "too early");
        sim.pass(run, "test");
        assert_eq!(crate::state::approval::pending(&sim.state).len(), 1);
        let decision = if go { yes } else { Decision::NoGo { why: "friday".into() } };
        let agent = Actor::Agent("engineer".into());
        assert!(sim.command_as(&agent, &Command::Answer { approval: id.clone(), decision: decision.clone() }).is_err());
        sim.command(&Command::Answer { approval: id, decision }).unwrap();
        if go {
            assert_eq!(*sim.status(run, "ship"), JobStatus::Running);
        } else {
            assert_eq!(
                *sim.status(run, "ship"),
                JobStatus::Skipped { reason: SkipReason::NeedFailed { need: "go".into() } }
            );
            assert_eq!(sim.run(run).outcome, Some(RunOutcome::Failed));
        }
    }
}

#[test]
fn a_cancel_skips_what_waits_stops_what_runs_and_a_second_one_stops_it_now() {
    let mut sim = Sim::new(1);
    let run = sim.start("p", &pipeline(vec![job("a", &[]), job("b", &["a"])]), &no_fix());
    let key = TaskKey::Job(run, "a".into(), 1);
    let live = BTreeSet::from([key.clone()]);
    let cancel = Command::Cancel { run, job: None };
    let reason = CancelReason::Asked { by: "deniz".into() };
    sim.command(&cancel).unwrap();
    assert_eq!(*sim.status(run, "b"), JobStatus::Skipped { reason: SkipReason::RunCancelled });
    assert_eq!(schedule(&sim.state, &live), [Effect::Stop(key.clone(), Stop::Gracefully(reason.clone()))]);
    sim.command(&cancel).unwrap();
    assert_eq!(schedule(&sim.state, &live), [Effect::Stop(key, Stop::Now(reason.clone()))]);
    sim.end(run, "a", JobOutcome::Cancelled { reason }, None);
    assert_eq!(sim.run(run).outcome, Some(RunOutcome::Cancelled));
    assert!(sim.command(&cancel).is_err());
}

#[test]
fn a_retry_runs_the_failed_jobs_and_what_needs_them_again_and_leaves_the_rest() {
    let mut sim = Sim::new(4);
    let run = sim.start("p", &pipeline(vec![job("a", &[]), job("b", &[]), job("c", &["b"])]), &no_fix());
    sim.pass(run, "a");
    assert!(sim.command(&Command::Retry { run, what: Retry::Failed }).is_err(), "still under way");
    sim.fail(run, "b", Category::Test);
    sim.command(&Command::Retry { run, what: Retry::Failed }).unwrap();
    assert_eq!(*sim.status(run, "a"), JobStatus::Passed);
    assert_eq!(*sim.status(run, "b"), JobStatus::Running);
    assert_eq!(sim.run(run).job(&"b".into()).unwrap().attempts.len(), 2);
    sim.pass(run, "b");
    sim.pass(run, "c");
    assert_eq!(sim.run(run).outcome, Some(RunOutcome::Passed));
    assert!(sim.command(&Command::Retry { run, what: Retry::Failed }).is_err(), "nothing failed");
}

#[test]
fn runs_of_one_group_follow_each_other_or_take_each_others_place() {
    for cancel_running in [false, true] {
        let mut sim = Sim::new(4);
        let mut ci = pipeline(vec![job("a", &[])]);
        ci.concurrency = Some(Concurrency { group: "main".into(), cancel_running });
        let first = sim.start("p", &ci, &no_fix());
        let second = sim.start("p", &ci, &no_fix());
        assert_eq!(*sim.status(second, "a"), JobStatus::Waiting);
        if cancel_running {
            assert_eq!(sim.run(first).cancelling, Some(CancelReason::Superseded));
            sim.end(first, "a", JobOutcome::Cancelled { reason: CancelReason::Superseded }, None);
        } else {
            sim.pass(first, "a");
        }
        assert_eq!(*sim.status(second, "a"), JobStatus::Running);
    }
}

#[test]
fn a_trigger_that_a_job_does_not_name_skips_it() {
    let mut sim = Sim::new(4);
    let only_push = JobSpec { on: vec!["push".into()], ..job("publish", &[]) };
    let ci = pipeline(vec![job("a", &[]), only_push]);
    let run = sim.start_as("p", &ci, &no_fix(), Trigger::Event { name: "pull_request".into() });
    assert_eq!(*sim.status(run, "publish"), JobStatus::Skipped { reason: SkipReason::NotForTrigger });
    let run = sim.start_as("p", &ci, &no_fix(), Trigger::Event { name: "push".into() });
    assert_eq!(*sim.status(run, "publish"), JobStatus::Running);
}

#[test]
fn a_cancelled_job_leaves_no_run_green() {
    let mut sim = Sim::new(1);
    let run = sim.start("p", &pipeline(vec![job("a", &[]), job("b", &["a"])]), &no_fix());
    sim.command(&Command::Cancel { run, job: Some("b".into()) }).unwrap();
    sim.pass(run, "a");
    assert_eq!(sim.run(run).outcome, Some(RunOutcome::Cancelled));
}

#[test]
fn a_go_does_not_outlive_what_it_was_said_of() {
    let mut sim = Sim::new(4);
    let mut ci = pipeline(vec![job("build", &[]), job("ship", &["go"]), job("docs", &[])]);
    ci.gates.push(gate("go", &["build"]));
    let run = sim.start("p", &ci, &no_fix());
    sim.pass(run, "build");
    let yes = Decision::Go { hash: None, into: None };
    sim.command(&Command::Answer { approval: ApprovalId::Gate { run, gate: "go".into() }, decision: yes }).unwrap();
    sim.pass(run, "ship");
    sim.fail(run, "docs", Category::Docs);
    sim.command(&Command::Retry { run, what: Retry::Failed }).unwrap();
    sim.pass(run, "docs");
    assert_eq!(sim.run(run).outcome, Some(RunOutcome::Passed), "nothing of the build was made anew");
    for what in [Retry::All, Retry::Job { job: "build".into() }] {
        sim.command(&Command::Retry { run, what }).unwrap();
        assert_eq!(*sim.status(run, "ship"), JobStatus::Waiting);
        sim.pass(run, "build");
        if sim.status(run, "docs") == &JobStatus::Running {
            sim.pass(run, "docs");
        }
        assert_eq!(*sim.status(run, "ship"), JobStatus::Waiting, "a person is asked again");
        let no = Decision::NoGo { why: "friday".into() };
        sim.command(&Command::Answer { approval: ApprovalId::Gate { run, gate: "go".into() }, decision: no }).unwrap();
    }
}

#[test]
fn a_retried_run_waits_for_the_one_of_its_group_that_is_under_way() {
    let mut sim = Sim::new(4);
    let mut ci = pipeline(vec![job("a", &[])]);
    ci.concurrency = Some(Concurrency { group: "main".into(), cancel_running: false });
    let first = sim.start("p", &ci, &no_fix());
    sim.fail(first, "a", Category::Test);
    let second = sim.start("p", &ci, &no_fix());
    sim.command(&Command::Retry { run: first, what: Retry::Failed }).unwrap();
    assert_eq!(*sim.status(first, "a"), JobStatus::Waiting);
    sim.pass(second, "a");
    assert_eq!(*sim.status(first, "a"), JobStatus::Running);
}

#[test]
fn of_two_runs_of_a_group_that_are_planned_at_once_the_older_goes_first() {
    let mut sim = Sim::new(4);
    let mut ci = pipeline(vec![job("a", &[])]);
    ci.concurrency = Some(Concurrency { group: "main".into(), cancel_running: false });
    let start = Command::StartRun { root: "/p".into(), pipeline: None, jobs: Vec::new(), trigger: Trigger::Manual };
    sim.command(&start).unwrap();
    sim.command(&start).unwrap();
    sim.plan(RunId(2), &ci, &no_fix());
    assert_eq!(*sim.status(RunId(2), "a"), JobStatus::Waiting);
    sim.plan(RunId(1), &ci, &no_fix());
    assert_eq!(*sim.status(RunId(1), "a"), JobStatus::Running);
    assert_eq!(*sim.status(RunId(2), "a"), JobStatus::Waiting);
}

#[test]
fn the_rest_of_a_run_that_was_cut_off_waits_for_a_person_and_a_gate_still_asks() {
    let mut sim = Sim::new(1);
    let cut = sim.start("p", &pipeline(vec![job("a", &[]), job("b", &["a"])]), &no_fix());
    let mut ci = pipeline(vec![job("ship", &["go"])]);
    ci.gates.push(gate("go", &[]));
    let asks = sim.start("q", &ci, &no_fix());
    sim.record(super::super::observe::lost(&sim.state, sim.now()));
    sim.settle();
    assert_eq!(sim.run(cut).outcome, Some(RunOutcome::Lost));
    assert_eq!(sim.run(asks).outcome, None);
    sim.command(&Command::Retry { run: cut, what: Retry::Failed }).unwrap();
    assert_eq!(*sim.status(cut, "a"), JobStatus::Running);
}

/// A job in a container.
fn in_container(name: &str, needs: &[&str]) -> JobSpec {
    JobSpec { engine: EngineKind::Docker, ..job(name, needs) }
}

#[test]
fn a_container_goes_on_without_gonogo_and_with_it_its_run() {
    let mut sim = Sim::new(2);
    let run = sim.start("p", &pipeline(vec![in_container("a", &[]), job("b", &[]), job("c", &["a"])]), &no_fix());
    sim.record(super::super::observe::lost(&sim.state, sim.now()));
    sim.settle();
    assert_eq!(*sim.status(run, "a"), JobStatus::Running, "it is taken up again");
    assert_eq!(*sim.status(run, "b"), JobStatus::Lost, "a process of this machine is not");
    assert_eq!(*sim.status(run, "c"), JobStatus::Waiting);
    sim.end(run, "a", JobOutcome::Passed, None);
    assert_eq!(*sim.status(run, "c"), JobStatus::Running);
}

#[test]
fn an_engine_that_was_away_is_tried_again_and_one_that_refuses_is_not() {
    for (fault, again) in [
        (EngineFault::Away, true),
        (EngineFault::Interrupted, true),
        (EngineFault::ImageMissing, false),
        (EngineFault::Refused, false),
    ] {
        let mut sim = Sim::new(1);
        let run = sim.start("p", &pipeline(vec![in_container("a", &[])]), &no_fix());
        let failed = JobOutcome::Failed { failure: Failure::Engine { fault, why: "so".into(), hint: None } };
        let mut tries = 1;
        sim.end(run, "a", failed.clone(), None);
        while matches!(sim.status(run, "a"), JobStatus::Retrying { .. }) {
            sim.report(Report::RetryDue { run, job: "a".into() });
            sim.settle();
            tries += 1;
            sim.end(run, "a", failed.clone(), None);
        }
        assert_eq!(tries, if again { 3 } else { 1 }, "{fault:?}");
        assert_eq!(*sim.status(run, "a"), JobStatus::Failed);
    }
}
