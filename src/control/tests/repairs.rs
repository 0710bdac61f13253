//! When repairs begin, end, and are not begun again.

use super::*;
use crate::{domain::outcome::CancelReason, protocol::event::RepairResult, state::proposal::ProposalStatus};

fn one() -> Pipeline {
    pipeline(vec![job("a", &[])])
}

fn result(sim: &Sim, run: RunId) -> Option<&RepairResult> {
    sim.run(run).job(&"a".into()).unwrap().repair()?.result.as_ref()
}

fn give_up(sim: &mut Sim, run: RunId) {
    let number = sim.run(run).job(&"a".into()).unwrap().repair().unwrap().number;
    let what = RepairReport::Finished(RepairResult::GaveUp { why: "nothing fits".into() });
    sim.report(Report::Repair { run, job: "a".into(), number, what });
}

#[test]
fn a_fault_of_the_code_is_repaired_and_one_of_the_surroundings_is_not() {
    for category in Category::ALL {
        let mut sim = Sim::new(1);
        let run = sim.start("p", &one(), &FixPolicy::default());
        sim.fail(run, "a", category);
        let begun = sim.run(run).job(&"a".into()).unwrap().repair().is_some();
        assert_eq!(begun, category.can_repair(), "{category}");
        assert_eq!(sim.wanted().contains(&TaskKey::Repair(run, "a".into(), 1)), begun);
    }
}

#[test]
fn no_repair_is_begun_where_the_policy_says_no_or_the_run_is_cancelled() {
    let mut sim = Sim::new(1);
    let run = sim.start("p", &one(), &no_fix());
    sim.fail(run, "a", Category::Format);
    assert!(sim.run(run).job(&"a".into()).unwrap().repairs.is_empty());
    let run = sim.start("p", &one(), &FixPolicy::default());
    sim.command(&Command::Cancel { run, job: None }).unwrap();
    sim.fail(run, "a", Category::Format);
    assert!(sim.run(run).job(&"a".into()).unwrap().repairs.is_empty());
}

#[test]
fn a_repair_that_was_cut_off_is_taken_up_again_and_one_that_gave_up_is_not() {
    let mut sim = Sim::new(1);
    let run = sim.start("p", &one(), &FixPolicy::default());
    sim.fail(run, "a", Category::Format);
    sim.record(super::super::observe::lost(&sim.state, sim.now()));
    sim.settle();
    assert_eq!(sim.run(run).job(&"a".into()).unwrap().repairs.len(), 2);
    let ending = RepairResult::Cancelled { reason: CancelReason::ShuttingDown };
    sim.report(Report::Repair { run, job: "a".into(), number: 2, what: RepairReport::Finished(ending) });
    assert_eq!(sim.run(run).job(&"a".into()).unwrap().repairs.len(), 3);
    give_up(&mut sim, run);
    assert_eq!(sim.run(run).job(&"a".into()).unwrap().repairs.len(), 3);
    assert!(sim.state.active.is_empty());
}

#[test]
fn the_same_fault_at_the_same_commit_is_tried_no_more_often_than_the_policy_says() {
    let mut sim = Sim::new(1);
    let fix = FixPolicy { attempts: 2, ..FixPolicy::default() };
    for _ in 0..2 {
        let run = sim.start("p", &one(), &fix);
        sim.fail(run, "a", Category::Format);
        give_up(&mut sim, run);
    }
    let run = sim.start("p", &one(), &fix);
    sim.fail(run, "a", Category::Format);
    let Some(RepairResult::GaveUp { why }) = result(&sim, run) else { panic!("{:?}", result(&sim, run)) };
    assert!(why.contains("2 repairs"), "{why}");
}

#[test]
fn applied_repairs_are_followed_by_a_run_once_nothing_is_open_any_more() {
    let mut sim = Sim::new(2);
    let run = sim.start("p", &pipeline(vec![job("a", &[]), job("b", &[])]), &FixPolicy::default());
    sim.fail(run, "a", Category::Format);
    sim.fail(run, "b", Category::Lint);
    let (first, second) = (sim.propose(run, "a"), sim.propose(run, "b"));
    super::approvals::go(&mut sim, first).unwrap();
    sim.report(Report::Applied { proposal: first, result: Ok((Some("c1".into()), None)) });
    assert_eq!(sim.state.runs.len(), 1, "the second proposal still waits");
    super::approvals::no_go(&mut sim, second);
    let next = RunId(2);
    assert_eq!(sim.run(next).trigger, Trigger::AfterRepair { run, proposals: vec![first] });
    assert_eq!(sim.run(run).followed_by, Some(next));
    sim.settle();
    assert_eq!(sim.state.runs.len(), 2, "only one");
}

#[test]
fn a_fault_that_comes_back_after_its_repair_ends_the_loop() {
    let mut sim = Sim::new(1);
    let run = sim.start("p", &one(), &FixPolicy::default());
    sim.fail(run, "a", Category::Format);
    let id = sim.propose(run, "a");
    super::approvals::go(&mut sim, id).unwrap();
    sim.report(Report::Applied { proposal: id, result: Ok((Some("c1".into()), None)) });
    sim.plan(RunId(2), &one(), &FixPolicy::default());
    sim.fail(RunId(2), "a", Category::Format);
    let Some(RepairResult::GaveUp { why }) = result(&sim, RunId(2)) else { panic!("it goes on") };
    assert!(why.contains("back after proposal #1"), "{why}");
}

#[test]
fn a_newer_proposal_or_a_newer_pass_takes_the_place_of_one_that_waits() {
    let mut sim = Sim::new(1);
    let run = sim.start("p", &one(), &FixPolicy::default());
    sim.fail(run, "a", Category::Format);
    let old = sim.propose(run, "a");
    let run = sim.start("p", &one(), &FixPolicy::default());
    sim.fail(run, "a", Category::Format);
    let new = sim.propose(run, "a");
    assert!(matches!(sim.state.proposals[&old].status, ProposalStatus::Superseded { .. }));
    assert!(sim.state.proposals[&new].is_pending());
    let run = sim.start("p", &one(), &FixPolicy::default());
    sim.pass(run, "a");
    assert!(matches!(sim.state.proposals[&new].status, ProposalStatus::Superseded { .. }));
}

#[test]
fn every_failed_job_gets_its_repair_though_only_one_is_made_at_a_time() {
    let mut sim = Sim::new(1);
    let run = sim.start("p", &pipeline(vec![job("a", &[]), job("b", &[])]), &FixPolicy::default());
    sim.fail(run, "a", Category::Format);
    sim.fail(run, "b", Category::Lint);
    give_up(&mut sim, run);
    assert_eq!(sim.run(run).job(&"b".into()).unwrap().repairs.len(), 1);
}

#[test]
fn a_proposal_that_is_approved_after_its_run_was_cancelled_is_followed_up_all_the_same() {
    let mut sim = Sim::new(2);
    let run = sim.start("p", &pipeline(vec![job("a", &[]), job("slow", &[])]), &FixPolicy::default());
    sim.fail(run, "a", Category::Format);
    let id = sim.propose(run, "a");
    sim.command(&Command::Cancel { run, job: None }).unwrap();
    sim.end(run, "slow", JobOutcome::Cancelled { reason: CancelReason::Superseded }, None);
    super::approvals::go(&mut sim, id).unwrap();
    sim.report(Report::Applied { proposal: id, result: Ok((Some("c1".into()), None)) });
    assert_eq!(sim.run(run).followed_by, Some(RunId(2)));
}

#[test]
fn a_run_that_is_retried_after_its_follow_up_is_followed_up_for_new_repairs_alone() {
    let mut sim = Sim::new(1);
    let run = sim.start("p", &one(), &FixPolicy::default());
    sim.fail(run, "a", Category::Format);
    let id = sim.propose(run, "a");
    super::approvals::go(&mut sim, id).unwrap();
    sim.report(Report::Applied { proposal: id, result: Ok((Some("c1".into()), None)) });
    sim.plan(RunId(2), &one(), &FixPolicy::default());
    sim.pass(RunId(2), "a");
    sim.command(&Command::Retry { run, what: crate::protocol::command::Retry::All }).unwrap();
    assert_eq!(sim.run(run).followed_by, None, "nobody is sent on to the old follow-up");
    sim.pass(run, "a");
    assert_eq!(sim.state.runs.len(), 2, "nothing new was applied");
}

#[test]
fn a_question_ends_when_its_job_passes_in_a_retry() {
    let mut sim = Sim::new(1);
    let run = sim.start("p", &one(), &FixPolicy::default());
    sim.fail(run, "a", Category::Format);
    let id = sim.propose(run, "a");
    sim.command(&Command::Retry { run, what: crate::protocol::command::Retry::Failed }).unwrap();
    sim.pass(run, "a");
    assert!(matches!(sim.state.proposals[&id].status, ProposalStatus::Superseded { .. }));
}

#[test]
fn a_command_that_asks_for_one_thing_begins_no_repair_of_another_day() {
    let mut sim = Sim::new(1);
    let run = sim.start("p", &one(), &FixPolicy::default());
    sim.fail(run, "a", Category::Format);
    sim.limits.since = sim.state.seq;
    sim.record(super::super::observe::lost(&sim.state, sim.now()));
    sim.settle();
    assert_eq!(sim.run(run).job(&"a".into()).unwrap().repairs.len(), 1);
    sim.command(&Command::Retry { run, what: crate::protocol::command::Retry::Failed }).unwrap();
    sim.fail(run, "a", Category::Format);
    assert_eq!(sim.run(run).job(&"a".into()).unwrap().repairs.len(), 2);
}
