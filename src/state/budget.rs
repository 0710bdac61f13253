//! How budgets stand, by the ledger.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::domain::{
    budget::{Budget, BudgetPolicy, BudgetScope, day},
    id::RunId,
    time::Timestamp,
    usage::NanoUsd,
};

use super::board::State;

/// How a budget stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The budget.
    pub budget: Budget,
    /// The run, for a budget of each run.
    pub run: Option<RunId>,
    /// The time that counts: `2026-11`, `run 12`.
    pub period: String,
    /// What was spent in it.
    pub spent: NanoUsd,
}

/// How near its end a budget is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Far from it.
    Fine,
    /// What it warns at is reached.
    Warned,
    /// Nothing is left.
    Spent,
}

impl Level {
    /// The word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Warned => "warn",
            Self::Spent => "spent",
        }
    }
}

impl Standing {
    /// How near its end it is.
    pub fn level(&self) -> Level {
        if self.budget.stop.is_some_and(|stop| self.spent >= stop) {
            Level::Spent
        } else if self.budget.warn.is_some_and(|warn| self.spent >= warn) {
            Level::Warned
        } else {
            Level::Fine
        }
    }

    /// The amount that a bar is drawn against: the hard limit, or else the warning.
    pub fn limit(&self) -> NanoUsd {
        self.budget.stop.or(self.budget.warn).unwrap_or_default()
    }
}

/// How every budget stands at a moment; one of each run for every run that spent something.
pub fn standings(policy: &BudgetPolicy, state: &State, at: Timestamp) -> Vec<Standing> {
    let mut found = Vec::new();
    for budget in &policy.budgets {
        let mut stand = |run, spent| {
            let Some(period) = budget.scope.period(at, run) else { return };
            found.push(Standing { budget: budget.clone(), run, period, spent });
        };
        if budget.scope == BudgetScope::Run {
            for (run, spent) in by_run(state) {
                stand(Some(run), spent);
            }
        } else {
            stand(None, spent_on(&budget.scope, state, at));
        }
    }
    found
}

/// Budgets that have come to what they warn at, and of which that has not been said yet for this time.
pub fn to_warn(policy: &BudgetPolicy, state: &State, at: Timestamp) -> Vec<Standing> {
    let mut found = standings(policy, state, at);
    found.retain(|standing| {
        let said = |(budget, period): &(String, String)| {
            *budget == standing.budget.scope.to_string() && *period == standing.period
        };
        standing.budget.warn.is_some_and(|warn| standing.spent >= warn) && !state.ledger.warned.iter().any(said)
    });
    found
}

/// What every run has spent, with all its repairs.
pub fn by_run(state: &State) -> BTreeMap<RunId, NanoUsd> {
    let mut runs = BTreeMap::new();
    for (thread, sums) in &state.ledger.threads {
        if let Some(run) = state.threads.get(thread).and_then(|thread| thread.about.run) {
            *runs.entry(run).or_insert(NanoUsd(0)) += sums.values().map(|sum| sum.cost).sum::<NanoUsd>();
        }
    }
    runs
}

fn spent_on(scope: &BudgetScope, state: &State, at: Timestamp) -> NanoUsd {
    let today = day(at);
    let from: Date = if *scope == BudgetScope::Day { today } else { today.first_of_month() };
    let lines = state.ledger.days.range(from..=today).flat_map(|(_, lines)| lines);
    let counts = lines.filter(|(line, _)| match scope {
        BudgetScope::Run => false,
        BudgetScope::Day | BudgetScope::Month => true,
        BudgetScope::Project(name) => {
            line.project.and_then(|project| state.projects.get(&project)).is_some_and(|project| project.name == *name)
        }
        BudgetScope::Model(_) => scope.is_model(&line.model),
    });
    counts.map(|(_, sum)| sum.cost).sum()
}
