//! What may still be spent: asked before every call of a model, told after it. One lock, so that however many agents ask at once, no
//! hard limit is passed by a single call.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    domain::{
        budget::{BudgetPolicy, BudgetScope},
        id::RunId,
        talk::ModelName,
        time::Timestamp,
        usage::NanoUsd,
    },
    state::{board::State, budget::standings},
};

/// So many runs are remembered, the newest.
const RUNS: usize = 4096;

/// What may still be spent. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Budgets(Arc<Purse>);

struct Purse {
    policy: BudgetPolicy,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    accounts: Mutex<BTreeMap<Key, Account>>,
}

/// Which budget, and of which run where each has its own.
type Key = (usize, Option<RunId>);

#[derive(Clone, Debug, Default)]
struct Account {
    period: String,
    settled: NanoUsd,
    reserved: NanoUsd,
}

/// Who wants to call a model.
#[derive(Clone, Copy, Debug)]
pub struct Spender<'a> {
    /// Name of the project that it is for.
    pub project: Option<&'a str>,
    /// The run that it is for.
    pub run: Option<RunId>,
    /// Which model.
    pub model: &'a ModelName,
}

/// Money that was set aside for a call. Dropped without a word it counts as spent: nobody knows what became of the call.
#[must_use = "dropped without a word it counts as spent"]
pub struct Reserved {
    purse: Arc<Purse>,
    keys: Vec<Key>,
    bound: NanoUsd,
}

/// Why a call may not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverBudget {
    /// It could cost more than is left.
    #[error(
        "the budget of {limit} for {budget} ({period}) does not allow a call that could cost {could}: {spent} is spent{}",
        aside(.reserved)
    )]
    Limit {
        /// Which budget: `day`, `project shop`.
        budget: String,
        /// The time that counts: `2026-11-20`, `run 12`.
        period: String,
        /// Its hard limit.
        limit: NanoUsd,
        /// What was spent in this time.
        spent: NanoUsd,
        /// What is set aside for calls under way.
        reserved: NanoUsd,
        /// What the call could cost.
        could: NanoUsd,
    },
    /// Nobody knows what it could cost.
    #[error("no price is known for {model}, and the budget of {limit} for {budget} is a hard one")]
    Unpriced {
        /// The model.
        model: ModelName,
        /// Which budget.
        budget: String,
        /// Its hard limit.
        limit: NanoUsd,
    },
}

fn aside(reserved: &NanoUsd) -> String {
    if *reserved == NanoUsd(0) { String::new() } else { format!(", {reserved} is set aside for calls under way") }
}

impl OverBudget {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Limit { budget, .. } => {
                format!("`gonogo cost` shows what it went into; raise `stop` of {} in config.toml", key(budget))
            }
            Self::Unpriced { model, .. } => format!(
                "say what it costs under [prices.models.\"{model}\"] in config.toml, run `gonogo prices import`, or allow it with `unpriced = \"allow\"` in [budgets]"
            ),
        }
    }
}

/// Where a budget stands in `config.toml`.
fn key(budget: &str) -> String {
    match budget.split_once(' ') {
        Some((kind, name)) => format!("[budgets.{kind}s.\"{name}\"]"),
        None => format!("[budgets.{budget}]"),
    }
}

impl Budgets {
    /// Budgets as the configuration has them, of which this much is spent already. `clock` says what day it is.
    pub fn new(policy: BudgetPolicy, state: &State, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let now = clock();
        let mut accounts: BTreeMap<Key, Account> = BTreeMap::new();
        for standing in standings(&policy, state, now) {
            let Some(at) = policy.budgets.iter().position(|budget| *budget == standing.budget) else { continue };
            let account = Account { period: standing.period, settled: standing.spent, reserved: NanoUsd(0) };
            accounts.insert((at, standing.run), account);
        }
        let purse = Purse { policy, clock: Box::new(clock), accounts: Mutex::new(accounts) };
        // Calls that were cut off count with what was set aside for them; nothing else will be heard of them.
        for (id, (model, bound)) in &state.ledger.asked {
            let (Some(thread), Some(bound)) = (state.threads.get(id), bound) else { continue };
            let project = thread.project.and_then(|project| state.projects.get(&project));
            let spender =
                Spender { project: project.map(|project| project.name.as_str()), run: thread.about.run, model };
            let keys = purse.keys(&spender);
            let mut accounts = purse.lock();
            for key in keys {
                purse.account(&mut accounts, key, now).settled += *bound;
            }
        }
        Self(Arc::new(purse))
    }

    /// Sets aside what a call can cost at most, of every budget that it falls under; or of none, and says why. `bound` is `None`
    /// where no price is known.
    pub fn reserve(&self, spender: &Spender<'_>, bound: Option<NanoUsd>) -> Result<Reserved, OverBudget> {
        let purse = &self.0;
        let now = (purse.clock)();
        let keys = purse.keys(spender);
        let mut accounts = purse.lock();
        for &key in &keys {
            let budget = &purse.policy.budgets[key.0];
            let Some(limit) = budget.stop else { continue };
            let account = purse.account(&mut accounts, key, now);
            match bound {
                None if !purse.policy.allow_unpriced => {
                    let (model, budget) = (spender.model.clone(), budget.scope.to_string());
                    return Err(OverBudget::Unpriced { model, budget, limit });
                }
                Some(could) if could > NanoUsd(0) && account.settled + account.reserved + could > limit => {
                    return Err(OverBudget::Limit {
                        budget: budget.scope.to_string(),
                        period: account.period.clone(),
                        limit,
                        spent: account.settled,
                        reserved: account.reserved,
                        could,
                    });
                }
                None | Some(_) => {}
            }
        }
        let bound = bound.unwrap_or_default();
        for &key in &keys {
            purse.account(&mut accounts, key, now).reserved += bound;
        }
        Ok(Reserved { purse: Arc::clone(purse), keys, bound })
    }
}

impl fmt::Debug for Budgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Budgets").field(&*self.0.lock()).finish()
    }
}

impl fmt::Debug for Reserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reserved").field("bound", &self.bound).finish_non_exhaustive()
    }
}

impl Purse {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Account>> {
        // Sums are whole after every line; whoever failed with it left nothing half done.
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The budgets that a call falls under.
    fn keys(&self, spender: &Spender<'_>) -> Vec<Key> {
        let budgets = self.policy.budgets.iter().enumerate();
        let key = |(at, budget): (usize, &crate::domain::budget::Budget)| match &budget.scope {
            BudgetScope::Run => spender.run.map(|run| (at, Some(run))),
            BudgetScope::Day | BudgetScope::Month => Some((at, None)),
            BudgetScope::Project(name) => (spender.project == Some(name.as_str())).then_some((at, None)),
            BudgetScope::Model(_) => budget.scope.is_model(spender.model).then_some((at, None)),
        };
        budgets.filter_map(key).collect()
    }

    /// The account as it is today: with a new day or month nothing is spent, and what is under way counts on.
    fn account<'a>(&self, accounts: &'a mut BTreeMap<Key, Account>, key: Key, now: Timestamp) -> &'a mut Account {
        if key.1.is_some() && !accounts.contains_key(&key) && accounts.len() > RUNS {
            let idle = accounts.iter().filter(|(key, account)| key.1.is_some() && account.reserved == NanoUsd(0));
            if let Some(oldest) = idle.map(|(key, _)| *key).min_by_key(|(_, run)| *run) {
                accounts.remove(&oldest);
            }
        }
        let period = self.policy.budgets[key.0].scope.period(now, key.1).unwrap_or_default();
        let account = accounts.entry(key).or_default();
        // A clock that is set back gives nothing back.
        if period > account.period {
            account.period = period;
            account.settled = NanoUsd(0);
        }
        account
    }
}

impl Reserved {
    /// The call is over, and cost this much; `None`: nobody knows, so what was set aside counts.
    pub fn settle(mut self, actual: Option<NanoUsd>) {
        self.end(actual.unwrap_or(self.bound));
    }

    /// The call was never made.
    pub fn release(mut self) {
        self.end(NanoUsd(0));
    }

    fn end(&mut self, actual: NanoUsd) {
        let now = (self.purse.clock)();
        let mut accounts = self.purse.lock();
        for key in std::mem::take(&mut self.keys) {
            let account = self.purse.account(&mut accounts, key, now);
            account.reserved = account.reserved.less(self.bound);
            account.settled += actual;
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.end(self.bound);
    }
}
