//! Any log rebuilds the same state, however it is cut, doubled or handed over; and control always settles.

use proptest::prelude::*;

use super::*;
use crate::{
    domain::id::ApprovalId,
    protocol::{
        command::{Decision, Retry},
        event::RunEvent,
    },
};

fn puts_aside(record: &Record) -> bool {
    matches!(record.event, Event::Run { event: RunEvent::PutAside { .. }, .. })
}

/// Something that may happen, by small numbers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Move {
    Start(usize),
    End { run: usize, job: usize, how: usize },
    Propose { run: usize, job: usize },
    Answer { proposal: usize, go: bool },
    Applied { proposal: usize, well: bool },
    Cancel(usize),
    Retry(usize),
    CutOff,
}

pub(super) fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        2 => (0..3usize).prop_map(Move::Start),
        8 => (0..4usize, 0..3usize, 0..4usize).prop_map(|(run, job, how)| Move::End { run, job, how }),
        3 => (0..4usize, 0..3usize).prop_map(|(run, job)| Move::Propose { run, job }),
        3 => (0..4usize, any::<bool>()).prop_map(|(proposal, go)| Move::Answer { proposal, go }),
        3 => (0..4usize, any::<bool>()).prop_map(|(proposal, well)| Move::Applied { proposal, well }),
        1 => (0..4usize).prop_map(Move::Cancel),
        1 => (0..4usize).prop_map(Move::Retry),
        1 => Just(Move::CutOff),
    ];
    proptest::collection::vec(one, 0..160)
}

pub(super) fn play(sim: &mut Sim, step: Move) {
    let ci = || {
        let mut ci = pipeline(vec![job("a", &[]), job("b", &["a"]), job("c", &["go"])]);
        ci.gates.push(gate("go", &["a"]));
        ci
    };
    let run_of = |sim: &Sim, at: usize| sim.state.runs.keys().nth(at).copied();
    let job_of = |at: usize| ["a", "b", "c"][at];
    match step {
        Move::Start(project) => {
            sim.start(["x", "y", "z"][project], &ci(), &FixPolicy::default());
        }
        Move::End { run, job, how } => {
            let Some(run) = run_of(sim, run) else { return };
            if !sim.run(run).planned {
                return sim.plan(run, &ci(), &FixPolicy::default());
            }
            if sim.run(run).job(&job_of(job).into()).and_then(|job| job.attempt()).is_none() {
                return;
            }
            match how {
                0 | 1 => sim.pass(run, job_of(job)),
                2 => sim.fail(run, job_of(job), Category::Lint),
                _ => sim.end(run, job_of(job), JobOutcome::Lost, None),
            }
        }
        Move::Propose { run, job } => {
            let Some(run) = run_of(sim, run) else { return };
            if sim.run(run).job(&job_of(job).into()).and_then(|job| job.repair()).is_some() {
                let number = 1;
                let what = RepairReport::Proposed(Box::new(proposal(sim.run(run).project, run, job_of(job))));
                sim.report(Report::Repair { run, job: job_of(job).into(), number, what });
            }
        }
        Move::Answer { proposal, go } => {
            let gate = sim.state.runs.keys().nth(proposal).map(|run| ApprovalId::Gate { run: *run, gate: "go".into() });
            let found = sim.state.proposals.values().nth(proposal);
            let hash = found.map(|found| found.proposal.hash.clone());
            let id = found.map(|found| ApprovalId::Proposal(found.id));
            for approval in [id, gate].into_iter().flatten() {
                let decision = if go {
                    Decision::Go { hash: hash.clone(), into: None }
                } else {
                    Decision::NoGo { why: String::new() }
                };
                let _ = sim.command(&Command::Answer { approval, decision });
            }
        }
        Move::Applied { proposal, well } => {
            let Some(id) = sim.state.proposals.keys().nth(proposal).copied() else { return };
            let no = super::super::input::NoPlan { error: "no".into(), hint: None };
            let result = if well { Ok((Some("c".into()), None)) } else { Err(no) };
            sim.report(Report::Applied { proposal: id, result });
        }
        Move::Cancel(run) => {
            let Some(run) = run_of(sim, run) else { return };
            let _ = sim.command(&Command::Cancel { run, job: None });
        }
        Move::Retry(run) => {
            let Some(run) = run_of(sim, run) else { return };
            let _ = sim.command(&Command::Retry { run, what: Retry::Failed });
        }
        Move::CutOff => {
            sim.record(super::super::observe::lost(&sim.state, sim.now()));
            sim.settle();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_log_rebuilds_the_same_state_and_limits_hold(moves in moves(), cut in 0..200usize) {
        let mut sim = Sim::new(2);
        for step in moves {
            play(&mut sim, step);
            let running = sim.state.active_runs().flat_map(|run| &run.jobs).filter(|job| job.status == JobStatus::Running).count();
            prop_assert!(running <= 2, "{running} jobs at once");
        }
        // From the beginning, as another client would.
        let mut again = State::default();
        sim.log.iter().for_each(|record| again.apply(record));
        prop_assert_eq!(&again, &sim.state);
        // Cut off somewhere, then sent again from the beginning, every record twice: nothing counts twice.
        let mut cut_off = State::default();
        sim.log.iter().take(cut).for_each(|record| cut_off.apply(record));
        for record in &sim.log {
            cut_off.apply(record);
            cut_off.apply(record);
        }
        prop_assert_eq!(&cut_off, &sim.state);
        // Without what was put aside, as a client that begins hears it.
        let mut all = State::default();
        let about: Vec<Option<RunId>> = sim
            .log
            .iter()
            .map(|record| {
                let run = all.run_of(&record.event);
                all.apply(record);
                run
            })
            .collect();
        let aside: BTreeSet<RunId> = sim.log.iter().filter(|record| puts_aside(record)).filter_map(|record| record.event.run()).collect();
        let mut at_hand = State::default();
        for (record, run) in sim.log.iter().zip(about) {
            if puts_aside(record) || run.is_none_or(|run| !aside.contains(&run)) {
                at_hand.apply(record);
            }
        }
        prop_assert_eq!(&at_hand, &sim.state);
        // Through the form in which it is stored.
        let mut stored = State::default();
        for record in &sim.log {
            let text = serde_json::to_string(record).unwrap();
            stored.apply(&serde_json::from_str(&text).unwrap());
        }
        prop_assert_eq!(&stored, &sim.state);
    }
}
