//! What lasts: the state without the records that pruning deletes, and whatever the clock does.

use proptest::prelude::*;

use super::{
    fold::{moves, play},
    *,
};
use crate::{
    protocol::{event::RunEvent, query::Answer},
    store::log::Log,
};

fn at_hand(log: &Log) -> State {
    let mut state = State::default();
    log.reader().unwrap().at_hand(|record| state.apply(&record)).unwrap();
    state
}

proptest! {
    // Each writes a log to the disk.
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_without_the_records_of_old_runs_makes_the_same_state(moves in moves(), cut in 0..200usize) {
        let mut sim = Sim::new(2);
        moves.into_iter().for_each(|step| play(&mut sim, step));
        let home = tempfile::tempdir().unwrap();
        let log = Log::open(home.path()).unwrap();
        log.begin().unwrap();
        let (mut state, mut halfway) = (State::default(), State::default());
        for (at, record) in sim.log.iter().enumerate() {
            log.append(record, state.run_of(&record.event)).unwrap();
            state.apply(record);
            if at < cut {
                halfway.apply(record);
            }
        }
        log.commit().unwrap();
        let runs: Vec<RunId> = (1..=sim.state.newest_run().0).map(RunId).collect();
        let kept = log.reader().unwrap().kept().unwrap();
        let old = kept.iter().filter(|(_, ended, recorded)| ended.is_some() && *recorded).count();
        // All of them: what was not put aside is left alone.
        log.forget(&runs).unwrap();
        prop_assert_eq!(&at_hand(&log), &sim.state);
        let left = log.reader().unwrap().kept().unwrap();
        prop_assert!(left.iter().all(|(_, ended, recorded)| ended.is_none() || !recorded));
        prop_assert_eq!(left.len(), kept.len());
        let mut count = 0;
        log.read(halfway.seq, |record| {
            halfway.apply(&record);
            count += 1;
        }).unwrap();
        prop_assert_eq!(&halfway, &sim.state, "as a client that was away meanwhile hears it");
        prop_assert!(old == 0 || count < sim.log.len());
        drop(log);
        let wrong = crate::store::log::salvage::look(home.path()).unwrap();
        prop_assert_eq!(wrong, (None, 0), "the list of runs follows from what is left");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_clock_does_nothing_fails_and_the_same_happens(moves in moves(), clock in proptest::collection::vec(any::<i32>(), 400)) {
        let mut sim = Sim::new(2);
        moves.into_iter().for_each(|step| play(&mut sim, step));
        let mut state = State::default();
        for (at, record) in sim.log.iter().enumerate() {
            // Anywhere in 136 years.
            let at = Timestamp::from_second(i64::from(clock[at % clock.len()]) + (1 << 31)).unwrap();
            state.apply(&Record { at, ..record.clone() });
        }
        let outcomes = |state: &State| -> Vec<_> {
            state.runs.values().map(|run| (run.id, run.outcome, run.jobs.iter().map(|job| job.status.word()).collect::<Vec<_>>())).collect()
        };
        prop_assert_eq!(outcomes(&state), outcomes(&sim.state));
        prop_assert_eq!(&state.active, &sim.state.active);
        for run in state.runs.values() {
            let now = Timestamp::from_second(1 << 31).unwrap();
            let years = Millis::from_secs(140 * 366 * 86_400);
            prop_assert!(run.took(now) <= years && run.jobs.iter().all(|job| job.took(now).is_none_or(|took| took <= years)));
            prop_assert!(run.summary().is_none_or(|summary| summary.took() <= years));
        }
        schedule(&state, &BTreeSet::new());
        observe(&state, Report::RetryDue { run: RunId(1), job: "a".into() });
    }
}

#[test]
fn only_a_person_may_delete_and_what_gonogo_does_by_itself_is_said_if_it_came_to_something() {
    let mut sim = Sim::new(1);
    let prune = Command::Prune { keep: crate::protocol::command::Keep::default() };
    assert!(sim.command_as(&Actor::Policy, &prune).is_err());
    assert!(matches!(sim.command(&prune), Ok(Answer::Done)));
    let pruned = |by, outputs| Report::Pruned { by, runs: 0, outputs, bytes: 0 };
    assert!(observe(&sim.state, pruned(Actor::Policy, 0)).is_empty());
    assert_eq!(observe(&sim.state, pruned(Actor::Policy, 1)).len(), 1);
    assert_eq!(observe(&sim.state, pruned(person(), 0)).len(), 1);
}

#[test]
fn a_run_whose_records_are_gone_is_still_listed() {
    let mut sim = Sim::new(1);
    (0..200).for_each(|_| {
        let run = sim.start("x", &pipeline(vec![job("a", &[])]), &no_fix());
        sim.pass(run, "a");
    });
    let home = tempfile::tempdir().unwrap();
    let log = Log::open(home.path()).unwrap();
    log.begin().unwrap();
    let mut state = State::default();
    for record in &sim.log {
        log.append(record, state.run_of(&record.event)).unwrap();
        state.apply(record);
    }
    log.commit().unwrap();
    log.forget(&[RunId(1), RunId(2)]).unwrap();
    let reader = log.reader().unwrap();
    let left = reader.run(RunId(1)).unwrap();
    assert!(matches!(&left[..], [Record { event: Event::Run { event: RunEvent::PutAside { .. }, .. }, .. }]));
    assert_eq!(reader.aside(None, Some(RunId(3)), 9).unwrap().len(), 2);
    assert!(reader.run(RunId(3)).unwrap().len() > 2);
}
