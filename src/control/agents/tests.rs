//! Which turns begin, and which were lost, without a world.
#![allow(clippy::unwrap_used)]

use crate::{
    control::{
        advance::{Limits, advance},
        agents::begin::lost_turns,
        decide::decide,
        input::{Report, TaskKey},
        observe::observe,
        schedule::{Effect, schedule},
    },
    domain::{
        actor::Actor,
        id::{Hash, RequestId, Seq, ThreadId},
        talk::ModelName,
        time::Timestamp,
        usage::NanoUsd,
    },
    protocol::{
        command::Command,
        event::{Cause, Event, Record},
        thread::{About, CallEnd, ThreadCommand, ThreadEvent, TurnOutcome, Woken},
    },
    state::{board::State, thread::What},
};

#[derive(Default)]
struct Sim {
    state: State,
}

impl Sim {
    fn record(&mut self, events: Vec<Event>) {
        for event in events {
            let seq = self.state.seq.next();
            let at = Timestamp::from_millisecond(1000 + seq.0 as i64).unwrap();
            self.state.apply(&Record { seq, at, cause: Cause::Control, event });
        }
    }

    fn fact(&mut self, thread: u64, event: ThreadEvent) {
        self.record(vec![Event::Thread { thread: ThreadId(thread), event: Box::new(event) }]);
    }

    fn say(&mut self, thread: Option<u64>) {
        let what = ThreadCommand::Say {
            thread: thread.map(ThreadId),
            root: Some("/shop".into()),
            about: About::default(),
            role: None,
            model: None,
            text: "why?".into(),
            attached: Vec::new(),
        };
        let person = Actor::Person("deniz".into());
        let (events, _) = decide(&self.state, &person, RequestId(1), &Command::Talk { what }).unwrap();
        self.record(events);
    }

    fn limits(since: u64) -> Limits {
        Limits { jobs: 2, repairs: 1, turns: 8, new_runs: true, since: Seq(since) }
    }

    fn settle(&mut self, limits: Limits) {
        for _ in 0..100 {
            let events = advance(&self.state, limits);
            if events.is_empty() {
                return;
            }
            self.record(events);
        }
        panic!("it never settles");
    }

    fn turns(&self) -> Vec<TaskKey> {
        let start = |effect| if let Effect::Start(key) = effect { Some(key) } else { None };
        schedule(&self.state, &std::collections::BTreeSet::new()).into_iter().filter_map(start).collect()
    }
}

#[test]
fn what_somebody_says_is_answered_in_one_turn_after_the_other() {
    let mut sim = Sim::default();
    sim.say(None);
    sim.say(Some(1));
    sim.settle(Sim::limits(0));
    assert_eq!(sim.turns(), [TaskKey::Turn(ThreadId(1))]);
    sim.say(Some(1));
    sim.settle(Sim::limits(0));
    assert_eq!(sim.state.threads[&ThreadId(1)].turns, 1, "it waits for its turn");
    sim.fact(1, ThreadEvent::TurnEnded { turn: 1, outcome: TurnOutcome::Done });
    sim.settle(Sim::limits(0));
    let thread = &sim.state.threads[&ThreadId(1)];
    assert_eq!((thread.turns, thread.turn.as_ref().unwrap().why.clone()), (2, Woken::Said));
}

#[test]
fn so_many_turns_are_under_way_at_once_and_none_of_other_days_or_while_gonogo_ends() {
    let mut sim = Sim::default();
    for _ in 0..12 {
        sim.say(None);
    }
    sim.settle(Sim::limits(sim.state.seq.0));
    assert!(sim.turns().is_empty(), "nobody asked for them today");
    sim.settle(Sim::limits(0).stopping());
    assert!(sim.turns().is_empty());
    sim.settle(Sim::limits(0));
    assert_eq!(sim.turns().len(), 8);
    sim.fact(3, ThreadEvent::TurnEnded { turn: 1, outcome: TurnOutcome::Done });
    sim.settle(Sim::limits(0));
    assert_eq!(sim.turns().last(), Some(&TaskKey::Turn(ThreadId(9))));
}

#[test]
fn the_turn_of_a_repair_is_no_task_of_its_own() {
    let mut sim = Sim::default();
    let about = About { repair: Some(1), ..About::default() };
    let (role, title, by) = ("engineer".into(), "repair".into(), Actor::Policy);
    sim.fact(1, ThreadEvent::Opened { project: None, about, role, title, by });
    sim.fact(1, ThreadEvent::TurnStarted { turn: 1, why: Woken::Repair });
    sim.settle(Sim::limits(0));
    assert!(sim.turns().is_empty());
}

#[test]
fn a_turn_that_was_cut_off_is_lost_and_its_open_call_counts_with_its_bound() {
    let mut sim = Sim::default();
    sim.say(None);
    sim.say(None);
    sim.settle(Sim::limits(0));
    let model = ModelName { provider: "acme".into(), model: "one".into() };
    let asked = ThreadEvent::Asked { turn: 1, model, prompt: Hash::of("x"), bound: Some(NanoUsd(7)) };
    sim.fact(1, asked);
    assert!(sim.state.threads[&ThreadId(1)].has_begun() && !sim.state.threads[&ThreadId(2)].has_begun());
    let mut events = Vec::new();
    lost_turns(&sim.state, sim.state.at, &mut events);
    sim.record(events);
    let thread = &sim.state.threads[&ThreadId(1)];
    assert_eq!((thread.cost, thread.outcome.clone()), (NanoUsd(7), Some(TurnOutcome::Lost)));
    let lost = |entry: &crate::state::thread::Entry| matches!(&entry.what, What::Called { call, .. } if call.end == CallEnd::Lost);
    assert!(thread.entries.iter().any(lost));
    assert_eq!(sim.state.threads[&ThreadId(2)].cost, NanoUsd(0));
    sim.settle(Sim::limits(0));
    assert!(sim.turns().is_empty() && sim.state.talking.is_empty(), "nobody goes on by itself");
}

#[test]
fn a_turn_that_broke_ends_once() {
    let mut sim = Sim::default();
    sim.say(None);
    sim.settle(Sim::limits(0));
    let broke = || super::turn::broke(ThreadId(1), "a fault".into());
    sim.record(observe(&sim.state, broke()));
    assert!(matches!(sim.state.threads[&ThreadId(1)].outcome, Some(TurnOutcome::Failed { .. })));
    assert!(observe(&sim.state, broke()).is_empty());
    assert!(observe(&sim.state, Report::TurnBroke { thread: ThreadId(9), outcome: TurnOutcome::Lost }).is_empty());
}
