//! `kill -9` of the daemon at any moment, under load: nothing acknowledged is lost, nothing is doubled, nothing is left running,
//! and everybody who was attached comes back by themselves.

use std::{collections::BTreeSet, time::Duration};

use gonogo::{
    domain::{actor::Trigger, id::RunId},
    protocol::{
        command::Command,
        event::{Event, Record, RunEvent},
        query::Answer,
        session::VisitorKind,
    },
    state::board::State,
    store::log::LogReader,
};
use nix::sys::signal::{Signal, kill};

use crate::{
    caller::{Caller, wait},
    home::{Home, Project},
    together::rounds,
};

const DEFINITION: &str = r#"
[pipelines.ci.jobs.build]
steps = ["echo built", "sleep 0.05; echo again"]
[pipelines.ci.jobs.test]
needs = ["build"]
steps = ["sleep 0.1 & wait; echo tested"]
[pipelines.ci.jobs.lint]
steps = ["echo linted; sleep 0.02"]
"#;

/// Randomness that needs no crate: the same for the same round.
fn random(round: usize, below: u64) -> u64 {
    let hash = blake3::hash(format!("{round}").as_bytes());
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap()) % below
}

fn start(project: &Project) -> Command {
    Command::StartRun { root: project.root.clone(), pipeline: None, jobs: Vec::new(), trigger: Trigger::Manual }
}

/// What a daemon writes for itself, whoever asks for what.
fn is_about_a_run(record: &Record) -> bool {
    matches!(record.event, Event::Run { .. } | Event::Proposal { .. })
}

#[test]
fn what_was_acknowledged_survives_any_kill() {
    let home = Home::with_daemon();
    let project = home.project("shop", DEFINITION);
    home.ask(&["daemon", "start"]).expect(0);
    let mut acknowledged: BTreeSet<RunId> = BTreeSet::new();
    let times = rounds(50);
    let (watched, state, lost) = wait(async {
        // One that only reads, from beginning to end, and one that asks for runs.
        let mut watch = Caller::attach(&home, VisitorKind::Board, Some(gonogo::domain::id::Seq(0))).await;
        let mut asks = Caller::attach(&home, VisitorKind::Board, None).await;
        for round in 0..times {
            for _ in 0..2 {
                // A command that was cut off is sent again, and done once.
                if let Ok(Answer::Run { run, .. }) = asks.command(start(&project)).await {
                    assert!(acknowledged.insert(run), "run {run} was acknowledged twice");
                }
            }
            let (daemon, pause) = (home.daemon(), Duration::from_millis(random(round, 250)));
            asks.listen(pause).await;
            kill(daemon, Signal::SIGKILL).unwrap();
            // While it is away something is asked for: it is done when it is back, which this brings about.
            let again = home.start(&project, &["run", "--detach", "--json"]);
            let ran = again.finish().expect(0).json();
            if let Ok(Answer::Run { run, .. }) = asks.command(start(&project)).await {
                assert!(acknowledged.insert(run), "run {run} was acknowledged twice");
            }

            assert!(acknowledged.insert(RunId(ran["run"].as_u64().unwrap())), "{ran}");
        }
        asks.until(|state| state.active_runs().all(|run| run.outcome.is_some())).await;
        let newest = asks.state.seq;
        watch.until(|state| state.seq >= newest).await;
        assert!(watch.lost > 0, "the kills were noticed");
        (watch.records, asks.state, asks.lost)
    });
    assert!(lost > 0);
    home.ask(&["daemon", "stop"]).expect(0);
    home.expect_no_leftovers();

    let log = home.log();
    assert!(log.iter().zip(1..).all(|(record, seq)| record.seq.0 == seq), "positions have no gaps");
    let requested: Vec<RunId> = log
        .iter()
        .filter(|record| matches!(record.event, Event::Run { event: RunEvent::Requested { .. }, .. }))
        .filter_map(|record| record.event.run())
        .collect();
    assert_eq!(requested, (1..=requested.len() as u64).map(RunId).collect::<Vec<_>>(), "each run once, in order");
    assert_eq!(acknowledged, requested.into_iter().collect(), "what was acknowledged, and nothing else");
    // The reader saw every record, each once, across all kills.
    let seen: Vec<&Record> = watched.iter().map(|record| &**record).filter(|record| is_about_a_run(record)).collect();
    let known: Vec<&Record> =
        log.iter().filter(|record| is_about_a_run(record) && record.seq <= seen.last().unwrap().seq).collect();
    assert_eq!(seen.len(), known.len());
    assert!(seen == known, "the reader saw something else than what stands in the log");
    // And what the other one folded from what it heard is what the log makes.
    let mut folded = State::default();
    log.iter().filter(|record| record.seq <= state.seq).for_each(|record| folded.apply(record));
    assert!(folded == state, "a client's state is not the log's");
    LogReader::open(&home.gonogo().join("state/records.db")).unwrap().check().unwrap();
}
