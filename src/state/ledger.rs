//! What calls of models used and cost: sums that stay bounded, however long the log is.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::AddAssign,
};

use jiff::civil::Date;

use crate::{
    domain::{
        budget::day,
        id::{ProjectId, Seq, ThreadId},
        talk::ModelName,
        time::Millis,
        usage::{NanoUsd, Usage},
    },
    protocol::{
        event::Record,
        thread::{CallEnd, ModelCall, ThreadEvent},
    },
};

use super::thread::Thread;

/// So many days are kept apart; what is older is one sum.
const DAYS: usize = 400;

/// So many conversations are kept apart, the newest.
const THREADS: usize = 512;

/// So many warnings are remembered, the newest.
const WARNINGS: usize = 256;

/// What calls of models used and cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// By day (UTC).
    pub days: BTreeMap<Date, BTreeMap<Line, Sum>>,
    /// Before the first of these days.
    pub earlier: Sum,
    /// By conversation, then by day and model.
    pub threads: BTreeMap<ThreadId, BTreeMap<(Date, ModelName), Sum>>,
    /// Calls under way: the model, and what was set aside.
    pub asked: BTreeMap<ThreadId, (ModelName, Option<NanoUsd>)>,
    /// Budgets and the times for which it was said that they are nearly spent.
    pub warned: VecDeque<(String, String)>,
    /// The record that changed it last.
    pub changed: Seq,
}

/// What one sum of a day is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// The project that the conversation was about.
    pub project: Option<ProjectId>,
    /// The role that the model had.
    pub role: String,
    /// The model.
    pub model: ModelName,
}

/// Calls, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub calls: u64,
    /// Their tokens.
    pub usage: Usage,
    /// What they cost, as far as that is known.
    pub cost: NanoUsd,
    /// Calls of which nobody knows what they cost.
    pub unpriced: u64,
    /// Calls that count with what was set aside for them, since nobody said what they used.
    pub assumed: u64,
    /// How long they took.
    pub took: Millis,
}

/// What a call counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// This is what it cost.
    Known(NanoUsd),
    /// Nobody said: what was set aside for it counts.
    Assumed(NanoUsd),
    /// Its model has no price.
    Unpriced,
}

/// What a call for which `bound` was set aside counts for. One that failed before anything came cost nothing.
pub fn spent(call: &ModelCall, bound: Option<NanoUsd>) -> Spent {
    let nothing_came = call.usage == Usage::default() && call.first == Millis(0);
    match (call.cost, bound) {
        (Some(cost), _) => Spent::Known(cost),
        (None, _) if nothing_came && matches!(call.end, CallEnd::Failed { .. }) => Spent::Known(NanoUsd(0)),
        (None, Some(bound)) => Spent::Assumed(bound),
        (None, None) => Spent::Unpriced,
    }
}

impl Spent {
    /// The amount; `None`: unpriced.
    pub fn amount(self) -> Option<NanoUsd> {
        match self {
            Self::Known(amount) | Self::Assumed(amount) => Some(amount),
            Self::Unpriced => None,
        }
    }
}

impl Sum {
    /// One call.
    pub fn of(call: &ModelCall, bound: Option<NanoUsd>) -> Self {
        let spent = spent(call, bound);
        Self {
            calls: 1,
            usage: call.usage,
            cost: spent.amount().unwrap_or_default(),
            unpriced: u64::from(spent == Spent::Unpriced),
            assumed: u64::from(matches!(spent, Spent::Assumed(_))),
            took: call.took,
        }
    }
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.usage += other.usage;
        self.cost += other.cost;
        self.unpriced += other.unpriced;
        self.assumed += other.assumed;
        self.took = Millis(self.took.0.saturating_add(other.took.0));
    }
}

impl<'a> std::iter::Sum<&'a Self> for Sum {
    fn sum<I: Iterator<Item = &'a Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, one| {
            sum += *one;
            sum
        })
    }
}

impl Ledger {
    /// Folds a fact of a conversation in, which `thread` knows already.
    pub(super) fn apply(&mut self, id: ThreadId, thread: Option<&Thread>, event: &ThreadEvent, record: &Record) {
        match event {
            ThreadEvent::Asked { model, bound, .. } => {
                self.give_up(id, thread, record);
                self.asked.insert(id, (model.clone(), *bound));
            }
            ThreadEvent::Called { call, .. } => {
                let bound = self.asked.remove(&id).and_then(|(_, bound)| bound);
                self.enter(id, thread, (&call.model, Sum::of(call, bound)), record);
            }
            ThreadEvent::TurnEnded { .. } => self.give_up(id, thread, record),
            _ => {}
        }
    }

    /// Nothing will be heard any more of a call that was under way: what was set aside for it counts.
    fn give_up(&mut self, id: ThreadId, thread: Option<&Thread>, record: &Record) {
        let Some((model, bound)) = self.asked.remove(&id) else { return };
        let (unpriced, assumed) = (u64::from(bound.is_none()), u64::from(bound.is_some()));
        let sum = Sum { calls: 1, cost: bound.unwrap_or_default(), unpriced, assumed, ..Sum::default() };
        self.enter(id, thread, (&model, sum), record);
    }

    fn enter(&mut self, id: ThreadId, thread: Option<&Thread>, (model, sum): (&ModelName, Sum), record: &Record) {
        self.changed = record.seq;
        let day = day(record.at);
        let line = Line {
            project: thread.and_then(|thread| thread.project),
            role: thread.map(|thread| thread.role.clone()).unwrap_or_default(),
            model: model.clone(),
        };
        *self.days.entry(day).or_default().entry(line).or_default() += sum;
        *self.threads.entry(id).or_default().entry((day, model.clone())).or_default() += sum;
        while self.days.len() > DAYS
            && let Some((_, oldest)) = self.days.pop_first()
        {
            self.earlier += oldest.values().sum::<Sum>();
        }
        while self.threads.len() > THREADS {
            self.threads.pop_first();
        }
    }

    /// It was said that a budget is nearly spent.
    pub(super) fn warn(&mut self, budget: &str, period: &str) {
        self.warned.push_back((budget.to_owned(), period.to_owned()));
        let surplus = self.warned.len().saturating_sub(WARNINGS);
        self.warned.drain(..surplus);
    }

    /// All that was ever spent.
    pub fn total(&self) -> Sum {
        let mut sum: Sum = self.days.values().flat_map(BTreeMap::values).sum();
        sum += self.earlier;
        sum
    }

    /// What was spent from a day on, up to another, both included.
    pub fn between(&self, from: Date, to: Date) -> Sum {
        if from > to {
            return Sum::default();
        }
        self.days.range(from..=to).flat_map(|(_, lines)| lines.values()).sum()
    }
}
