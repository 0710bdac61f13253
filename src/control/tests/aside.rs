//! Runs that have been quiet for long are put aside: state stays small, and nothing that follows from it changes.

use super::*;
use crate::{protocol::event::RunEvent, store::log::Log};

fn many(sim: &mut Sim, runs: usize) {
    for _ in 0..runs {
        let run = sim.start("x", &pipeline(vec![job("a", &[])]), &no_fix());
        sim.pass(run, "a");
    }
}

#[test]
fn quiet_runs_are_put_aside_and_numbers_go_on() {
    let mut sim = Sim::new(1);
    many(&mut sim, 40);
    let records: u64 = sim.state.runs.values().map(|run| run.records).sum();
    assert!(records <= super::super::aside::AT_HAND, "{records} records at hand");
    assert_eq!(sim.state.runs.len() + sim.state.aside.len(), 40);
    assert_eq!(sim.state.projects[&ProjectId(1)].runs, sim.state.runs.keys().copied().collect::<Vec<_>>());
    assert_eq!(sim.state.aside[0].run, RunId(1));
    assert_eq!(sim.state.aside[0].jobs, 1);
    assert_eq!(sim.state.next_run(), RunId(41));
}

#[test]
fn a_run_with_an_open_question_stays_at_hand() {
    let mut sim = Sim::new(1);
    let asks = sim.start("x", &pipeline(vec![job("a", &[])]), &FixPolicy::default());
    sim.fail(asks, "a", Category::Lint);
    let proposal = sim.propose(asks, "a");
    many(&mut sim, 40);
    assert!(sim.state.runs.contains_key(&asks));
    assert!(sim.state.proposals.contains_key(&proposal));
}

#[test]
fn the_log_gives_what_is_at_hand_and_the_rest_on_demand() {
    let mut sim = Sim::new(1);
    many(&mut sim, 400);
    let home = tempfile::tempdir().unwrap();
    let log = Log::open(home.path()).unwrap();
    let mut state = State::default();
    log.begin().unwrap();
    for record in &sim.log {
        log.append(record, state.run_of(&record.event)).unwrap();
        state.apply(record);
    }
    log.commit().unwrap();
    let (mut at_hand, mut count) = (State::default(), 0);
    let reader = log.reader().unwrap();
    reader
        .at_hand(|record| {
            at_hand.apply(&record);
            count += 1;
        })
        .unwrap();
    assert_eq!(at_hand, sim.state);
    assert!(count < 500, "{count} of {} records", sim.log.len());
    let first = reader.run(RunId(1)).unwrap();
    assert!(matches!(first[0].event, Event::Run { event: RunEvent::Requested { .. }, .. }));
    let mut alone = State::default();
    first
        .iter()
        .filter(|record| !matches!(record.event, Event::Run { event: RunEvent::PutAside { .. }, .. }))
        .for_each(|record| alone.apply(record));
    assert_eq!(alone.runs[&RunId(1)].outcome, Some(crate::domain::outcome::RunOutcome::Passed));
    let runs = |project: Option<u64>, before, limit| -> Vec<u64> {
        let records = reader.aside(project.map(ProjectId), before, limit).unwrap();
        records.iter().filter_map(|record| record.event.run()).map(|run| run.0).collect()
    };
    assert_eq!(runs(None, Some(RunId(4)), 2), [3, 2]);
    assert_eq!(runs(Some(1), Some(RunId(3)), 9), [2, 1]);
    assert!(runs(Some(2), None, 9).is_empty());
}
