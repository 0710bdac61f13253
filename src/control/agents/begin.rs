//! Which turns begin, and which were lost. Pure.

use crate::{
    domain::{
        id::{Seq, ThreadId},
        time::{Millis, Timestamp},
        usage::Usage,
    },
    protocol::{
        event::Event,
        thread::{CallEnd, ModelCall, ThreadEvent, TurnOutcome, Woken},
    },
    state::{board::State, thread::Thread},
};

/// The turns that begin now: at most so many are under way at once. Nothing begins in conversations of other days.
pub(in crate::control) fn start_turns(state: &State, most: usize, since: Seq, events: &mut Vec<Event>) {
    let talking = || state.talking.iter().filter_map(|id| state.threads.get(id));
    let mut free = most.saturating_sub(talking().filter(|thread| thread.turn.is_some()).count());
    for thread in talking().filter(|thread| thread.touched > since) {
        let Some(why) = thread.wants_a_turn() else { continue };
        if free == 0 {
            return;
        }
        free -= 1;
        events.push(of(thread.id, ThreadEvent::TurnStarted { turn: thread.turns + 1, why }));
    }
}

/// A turn that a task of its own performs; that of a repair is a part of the repair.
pub(in crate::control) fn is_of_its_own(thread: &Thread) -> bool {
    thread.turn.as_ref().is_some_and(|turn| !matches!(turn.why, Woken::Repair | Woken::Review))
}

/// What became of turns that were under way when gonogo last ended.
pub(in crate::control) fn lost_turns(state: &State, now: Timestamp, events: &mut Vec<Event>) {
    for thread in state.talking.iter().filter_map(|id| state.threads.get(id)) {
        events.extend(ended(thread, TurnOutcome::Lost, now));
    }
}

/// The end of a turn that nobody goes on with. A model that was being asked may have answered: what was set aside is spent.
pub(in crate::control) fn ended(thread: &Thread, outcome: TurnOutcome, now: Timestamp) -> Vec<Event> {
    let Some(turn) = &thread.turn else { return Vec::new() };
    let lost = turn.asked.as_ref().map(|(model, since, bound)| {
        let call = ModelCall {
            model: model.clone(),
            usage: Usage::default(),
            cost: *bound,
            priced_by: if bound.is_some() { "upper bound".into() } else { String::new() },
            first: Millis(0),
            took: Millis::between(*since, now),
            retries: 0,
            end: CallEnd::Lost,
        };
        of(thread.id, ThreadEvent::Called { turn: turn.number, call: Box::new(call) })
    });
    let end = of(thread.id, ThreadEvent::TurnEnded { turn: turn.number, outcome });
    lost.into_iter().chain([end]).collect()
}

fn of(thread: ThreadId, event: ThreadEvent) -> Event {
    Event::Thread { thread, event: Box::new(event) }
}
