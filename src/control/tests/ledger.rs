//! The ledger equals a plain recount of the records.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::{
    domain::{
        actor::Actor,
        budget::{Budget, BudgetPolicy, BudgetScope, day},
        id::{ProjectId, RunId, Seq, ThreadId},
        talk::{ModelName, Stop},
        time::{Millis, Timestamp},
        usage::{NanoUsd, Usage},
    },
    protocol::{
        event::{Cause, ControlEvent, Event, Record},
        thread::{About, CallEnd, ModelCall, ThreadEvent, TurnOutcome},
    },
    state::{board::State, budget::to_warn, ledger::Sum},
};

/// Conversations, recorded as they would be.
pub(super) struct Talk {
    pub(super) state: State,
    pub(super) at: Timestamp,
    pub(super) log: Vec<Record>,
}

impl Talk {
    pub(super) fn new(at: Timestamp) -> Self {
        Self { state: State::default(), at, log: Vec::new() }
    }

    pub(super) fn push(&mut self, thread: u64, event: ThreadEvent) {
        self.event(Event::Thread { thread: ThreadId(thread), event: Box::new(event) });
    }

    fn event(&mut self, event: Event) {
        let record = Record { seq: Seq(self.log.len() as u64 + 1), at: self.at, cause: Cause::Control, event };
        self.state.apply(&record);
        self.log.push(record);
    }

    pub(super) fn open(&mut self, thread: u64, run: Option<u64>) {
        self.push(
            thread,
            ThreadEvent::Opened {
                project: Some(ProjectId(1 + thread % 2)),
                about: About { run: run.map(RunId), ..About::default() },
                role: if thread.is_multiple_of(3) { "engineer" } else { "analyst" }.into(),
                title: format!("conversation {thread}"),
                by: Actor::Policy,
            },
        );
    }

    pub(super) fn call(&mut self, thread: u64, call: ModelCall) {
        self.push(thread, ThreadEvent::Called { turn: 1, call: Box::new(call) });
    }
}

/// A call that was answered.
pub(super) fn called(model: &str, cost: Option<u64>, tokens: u64) -> ModelCall {
    ModelCall {
        model: ModelName { provider: "p".into(), model: model.into() },
        usage: Usage { input: tokens, output: tokens / 2, ..Usage::default() },
        cost: cost.map(NanoUsd),
        priced_by: String::new(),
        first: Millis(10),
        took: Millis(100),
        retries: 0,
        end: CallEnd::Answered { stop: Stop::Done },
    }
}

fn start() -> Timestamp {
    "2026-11-20T22:00:00Z".parse().unwrap()
}

#[test]
fn a_call_that_was_cut_off_counts_with_what_was_set_aside() {
    let mut talk = Talk::new(start());
    talk.open(1, None);
    let asked = |bound: Option<u64>| ThreadEvent::Asked {
        turn: 1,
        model: ModelName { provider: "p".into(), model: "m".into() },
        prompt: "".into(),
        bound: bound.map(NanoUsd),
    };
    let ended = |end: CallEnd, first: u64| ModelCall { end, first: Millis(first), ..called("m", None, 0) };
    talk.push(1, asked(Some(70)));
    talk.call(1, ended(CallEnd::Lost, 0));
    talk.push(1, asked(Some(5)));
    talk.call(1, ended(CallEnd::Failed { why: "refused".into() }, 0));
    talk.push(1, asked(Some(3)));
    talk.call(1, ended(CallEnd::Failed { why: "broke off".into() }, 40));
    talk.push(1, asked(None));
    talk.call(1, called("m", None, 10));
    let total = talk.state.ledger.total();
    assert_eq!((total.cost, total.calls, total.assumed, total.unpriced), (NanoUsd(73), 4, 2, 1));
    assert!(talk.state.ledger.asked.is_empty());
    // A turn that ended without a word of its call.
    talk.push(1, asked(Some(9)));
    talk.push(1, ThreadEvent::TurnEnded { turn: 1, outcome: TurnOutcome::Lost });
    let total = talk.state.ledger.total();
    assert_eq!((total.cost, total.calls, total.assumed, total.unpriced), (NanoUsd(82), 5, 3, 1));
}

#[test]
fn a_budget_is_warned_of_once_and_then_for_the_next_day_again() {
    let budget = Budget { scope: BudgetScope::Day, warn: Some(NanoUsd(50)), stop: Some(NanoUsd(100)) };
    let policy = BudgetPolicy { budgets: vec![budget], allow_unpriced: false };
    let mut talk = Talk::new(start());
    talk.open(1, None);
    let warn = |talk: &mut Talk| {
        let found = to_warn(&policy, &talk.state, talk.at);
        for standing in &found {
            let (budget, period) = (standing.budget.scope.to_string(), standing.period.clone());
            let event = ControlEvent::BudgetWarned { budget, period, spent: standing.spent, limit: standing.limit() };
            talk.event(Event::Control { event });
        }
        found.len()
    };
    talk.call(1, called("m", Some(49), 1));
    assert_eq!(warn(&mut talk), 0);
    talk.call(1, called("m", Some(1), 1));
    assert_eq!((warn(&mut talk), warn(&mut talk)), (1, 0));
    talk.call(1, called("m", Some(9), 1));
    assert_eq!(warn(&mut talk), 0);
    talk.at += jiff::SignedDuration::from_hours(24);
    assert_eq!(warn(&mut talk), 0);
    talk.call(1, called("m", Some(60), 1));
    assert_eq!(warn(&mut talk), 1);
}

proptest! {
    #[test]
    fn the_ledger_equals_a_recount(
        calls in prop::collection::vec((1_u64..600, 0_usize..3, prop::option::of(0_u64..1_000), 0_u64..90, 0_i64..30), 0..300),
    ) {
        let mut talk = Talk::new(start());
        for thread in 1..600 {
            talk.open(thread, Some(thread / 3));
        }
        for (thread, model, cost, tokens, hours) in calls {
            talk.at += jiff::SignedDuration::from_hours(hours * 3);
            let model = ["a", "b", "c"][model];
            let bound = Some(NanoUsd(tokens)).filter(|_| tokens.is_multiple_of(2));
            let name = ModelName { provider: "p".into(), model: model.into() };
            talk.push(thread, ThreadEvent::Asked { turn: 1, model: name, prompt: "".into(), bound });
            talk.call(thread, called(model, cost, tokens));
        }
        // Counted anew, from the records alone.
        let (mut days, mut threads, mut bounds) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for record in &talk.log {
            let Event::Thread { thread, event } = &record.event else { continue };
            match &**event {
                ThreadEvent::Asked { bound, .. } => {
                    bounds.insert(*thread, *bound);
                }
                ThreadEvent::Called { call, .. } => {
                    let assumed = call.cost.or(bounds[thread]);
                    let sum = Sum {
                        calls: 1,
                        usage: call.usage,
                        cost: assumed.unwrap_or_default(),
                        unpriced: u64::from(assumed.is_none()),
                        assumed: u64::from(call.cost.is_none() && assumed.is_some()),
                        took: call.took,
                    };
                    let day = day(record.at);
                    let about = (ProjectId(1 + thread.0 % 2), thread.0.is_multiple_of(3), call.model.clone());
                    *days.entry((day, about)).or_insert_with(Sum::default) += sum;
                    *threads.entry((*thread, day, call.model.clone())).or_insert_with(Sum::default) += sum;
                }
                _ => {}
            }
        }
        let ledger = &talk.state.ledger;
        let folded: BTreeMap<_, _> = ledger.days.iter().flat_map(|(day, lines)| lines.iter().map(move |(line, sum)| {
            ((*day, (line.project.unwrap(), line.role == "engineer", line.model.clone())), *sum)
        })).collect();
        let kept = ledger.days.keys().next().copied();
        let all: Sum = days.values().sum();
        prop_assert_eq!(ledger.total(), all, "nothing is lost");
        let newest: BTreeMap<_, _> = days.into_iter().filter(|((day, _), _)| Some(*day) >= kept).collect();
        prop_assert_eq!(folded, newest);
        prop_assert!(ledger.days.len() <= 400 && ledger.threads.len() <= 512);
        let by_thread: BTreeMap<_, _> = ledger.threads.iter().flat_map(|(thread, sums)| {
            sums.iter().map(move |((day, model), sum)| ((*thread, *day, model.clone()), *sum))
        }).collect();
        prop_assert_eq!(by_thread, threads);
    }
}
