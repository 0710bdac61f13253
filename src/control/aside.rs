//! Which runs are put aside: so that state, and what a client folds when it attaches, does not grow with the log. Pure.

use crate::{
    domain::actor::Trigger,
    protocol::event::{Event, RunEvent},
    state::board::State,
};

/// Quiet runs are kept in state until so many records are about them: what every client folds when it attaches.
pub(super) const AT_HAND: u64 = if cfg!(test) { 60 } else { 2000 };

/// So many of the latest runs of each project stay at hand, however many records they have.
const LATEST: usize = if cfg!(test) { 1 } else { 5 };

/// Runs that are quiet for longest are put aside, so that state does not grow with the log.
pub(super) fn put_aside(state: &State, events: &mut Vec<Event>) {
    let quiet = || state.runs.values().filter(|run| !state.active.contains(&run.id));
    let mut at_hand: u64 = quiet().map(|run| run.records).sum();
    if at_hand <= AT_HAND {
        return;
    }
    let newest = state.newest_proposal();
    for run in quiet() {
        let latest = state
            .projects
            .get(&run.project)
            .is_some_and(|project| project.runs.iter().rev().take(LATEST).any(|latest| *latest == run.id));
        // What the numbers of the next run and the next proposal follow from stays, and so does what shows whether a run
        // that is still at hand is green: a client that never hears of this run must come to the same state.
        let needed = run.id == state.newest_run() || run.proposals.contains(&newest);
        let shows =
            matches!(&run.trigger, Trigger::AfterRepair { run: repaired, .. } if state.runs.contains_key(repaired));
        if latest || needed || shows {
            continue;
        }
        let Some(summary) = run.summary() else { continue };
        events.push(Event::Run { run: run.id, event: RunEvent::PutAside { summary: Box::new(summary) } });
        at_hand -= run.records;
        if at_hand <= AT_HAND {
            return;
        }
    }
}
