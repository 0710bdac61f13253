//! What somebody who was away is told.

use super::*;
use crate::{
    domain::id::ApprovalId,
    protocol::{command::Decision, event::ControlEvent},
    state::away::{Item, Kind, since},
};

fn kinds(items: &[Item]) -> Vec<(Kind, Option<u64>)> {
    items.iter().map(|item| (item.kind, item.run.map(|run| run.0))).collect()
}

/// What is told to deniz, who left when everything so far had been seen.
fn told(sim: &Sim, left: (Seq, Timestamp)) -> Vec<Item> {
    since(&sim.state, left.0, left.1, &person())
}

fn leave(sim: &Sim) -> (Seq, Timestamp) {
    (sim.state.seq, sim.state.at)
}

fn ships() -> Pipeline {
    Pipeline { gates: vec![gate("ship", &["a"])], ..pipeline(vec![job("a", &[]), job("b", &["ship"])]) }
}

fn answer(sim: &mut Sim, name: &str, approval: ApprovalId, go: bool) {
    let hash = match &approval {
        ApprovalId::Proposal(id) => Some(sim.state.proposals[id].proposal.hash.clone()),
        ApprovalId::Gate { .. } | ApprovalId::Permission { .. } => None,
    };
    let decision = if go { Decision::Go { hash, into: None } } else { Decision::NoGo { why: "no".into() } };
    sim.command_as(&Actor::Person(name.into()), &Command::Answer { approval, decision }).unwrap();
}

#[test]
fn nothing_happened_nothing_is_told() {
    let mut sim = Sim::new(4);
    let run = sim.start("x", &ships(), &no_fix());
    sim.pass(run, "a");
    assert_eq!(told(&sim, leave(&sim)), []);
}

#[test]
fn what_was_seen_is_not_told_again() {
    let mut sim = Sim::new(4);
    let before = sim.start("x", &pipeline(vec![job("a", &[])]), &no_fix());
    sim.fail(before, "a", Category::Test);
    let left = leave(&sim);
    let after = sim.start("x", &pipeline(vec![job("a", &[])]), &no_fix());
    sim.fail(after, "a", Category::Test);
    assert_eq!(kinds(&told(&sim, left)), [(Kind::Failed, Some(after.0))]);
}

#[test]
fn the_gravest_comes_first() {
    let mut sim = Sim::new(9);
    let left = leave(&sim);
    let passes = sim.start("x", &pipeline(vec![job("a", &[])]), &no_fix());
    sim.pass(passes, "a");
    let stopped = sim.start("x", &pipeline(vec![job("a", &[])]), &no_fix());
    sim.command(&Command::Cancel { run: stopped, job: None }).unwrap();
    sim.end(stopped, "a", JobOutcome::Cancelled { reason: crate::domain::outcome::CancelReason::Superseded }, None);
    let answered = sim.start("x", &ships(), &no_fix());
    sim.pass(answered, "a");
    answer(&mut sim, "mira", ApprovalId::Gate { run: answered, gate: "ship".into() }, true);
    let fails = sim.start("x", &pipeline(vec![job("a", &[])]), &no_fix());
    sim.fail(fails, "a", Category::Test);
    let asks = sim.start("x", &ships(), &no_fix());
    sim.pass(asks, "a");
    let items = told(&sim, left);
    let wanted = [
        (Kind::Asks, Some(asks.0)),
        (Kind::Failed, Some(fails.0)),
        (Kind::Answered, Some(answered.0)),
        (Kind::Stopped, Some(stopped.0)),
        (Kind::Passed, Some(passes.0)),
    ];
    assert_eq!(kinds(&items), wanted);
    assert_eq!(items[1].job, Some("a".into()));
    assert!(items[1].what.starts_with("ci failed, a: "), "{}", items[1].what);
    assert_eq!(items[2].what, "mira said GO to gate ship");
}

#[test]
fn my_own_answers_are_no_news_to_me_but_what_came_of_them_is() {
    let mut sim = Sim::new(4);
    let run = sim.start("x", &pipeline(vec![job("a", &[]), job("b", &[])]), &FixPolicy::default());
    sim.fail(run, "a", Category::Format);
    sim.fail(run, "b", Category::Format);
    let (mine, theirs) = (sim.propose(run, "a"), sim.propose(run, "b"));
    let left = leave(&sim);
    answer(&mut sim, "deniz", ApprovalId::Proposal(mine), false);
    answer(&mut sim, "mira", ApprovalId::Proposal(theirs), false);
    let items = told(&sim, left);
    assert_eq!(kinds(&items), [(Kind::Answered, Some(run.0))]);
    assert_eq!(items[0].what, format!("mira said NO-GO to #{theirs}: no"));
}

#[test]
fn a_question_that_was_answered_meanwhile_does_not_ask_any_more() {
    let mut sim = Sim::new(4);
    let run = sim.start("x", &pipeline(vec![job("a", &[])]), &FixPolicy::default());
    let left = leave(&sim);
    sim.fail(run, "a", Category::Format);
    let id = sim.propose(run, "a");
    let asks = |items: &[Item]| items.iter().filter(|item| item.kind == Kind::Asks).count();
    assert_eq!(asks(&told(&sim, left)), 1);
    answer(&mut sim, "deniz", ApprovalId::Proposal(id), true);
    assert_eq!(asks(&told(&sim, left)), 0);
}

#[test]
fn many_runs_that_passed_are_one_line_whether_they_are_at_hand_or_not() {
    let mut sim = Sim::new(1);
    let left = leave(&sim);
    for _ in 0..30 {
        let run = sim.start("x", &pipeline(vec![job("a", &[])]), &no_fix());
        sim.pass(run, "a");
    }
    assert!(!sim.state.aside.is_empty());
    let items = told(&sim, left);
    assert_eq!(kinds(&items), [(Kind::Passed, Some(30))]);
    assert_eq!(items[0].what, "30 runs passed; this is the newest of them");
}

#[test]
fn a_crash_is_told_with_what_it_cost_and_an_end_in_good_order_is_not() {
    let started = || Event::Control { event: ControlEvent::Started { pid: 1, version: "1".into() } };
    let mut sim = Sim::new(1);
    sim.record(vec![started(), Event::Control { event: ControlEvent::Stopped }]);
    let left = leave(&sim);
    sim.record(vec![started()]);
    assert_eq!(told(&sim, left), []);
    let run = sim.start("x", &pipeline(vec![job("a", &[])]), &no_fix());
    sim.record(vec![started()]);
    sim.end(run, "a", JobOutcome::Lost, None);
    let items = told(&sim, left);
    assert_eq!(kinds(&items), [(Kind::CutOff, Some(run.0)), (Kind::Failed, Some(run.0))]);
    assert_eq!(items[0].what, "gonogo was cut off and started again; 1 run was lost");
}
