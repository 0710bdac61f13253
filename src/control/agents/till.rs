//! Prices and budgets, as agents ask for them.

use std::fmt;

use crate::{
    control::budget::{Budgets, Spender},
    domain::{
        talk::ModelName,
        time::Timestamp,
        usage::{NanoUsd, Usage},
    },
    price::table::Prices,
    protocol::thread::TurnOutcome,
};

use super::world::{Aside, Payer, Purse};

/// The prices that are known, and what may still be spent.
pub(in crate::control) struct Till {
    prices: Prices,
    budgets: Budgets,
}

impl Till {
    pub(in crate::control) fn new(prices: Prices, budgets: Budgets) -> Self {
        Self { prices, budgets }
    }
}

impl fmt::Debug for Till {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Till").finish_non_exhaustive()
    }
}

impl Purse for Till {
    fn bound(&self, model: &ModelName, prompt_tokens: u64, max_output: u32) -> Option<NanoUsd> {
        self.prices.bound(model, prompt_tokens, max_output.into(), Timestamp::now())
    }

    fn reserve(&self, payer: &Payer<'_>, model: &ModelName, bound: Option<NanoUsd>) -> Result<Aside, TurnOutcome> {
        let spender = Spender { project: payer.project, run: payer.run, model };
        match self.budgets.reserve(&spender, bound) {
            Ok(reserved) => Ok(Aside::new(bound, move |actual| reserved.settle(actual))),
            Err(over) => Err(TurnOutcome::Limit { what: format!("{over} (hint: {})", over.hint()) }),
        }
    }

    fn price(&self, model: &ModelName, usage: &Usage) -> (Option<NanoUsd>, String) {
        match self.prices.cost(model, usage, Timestamp::now()) {
            Some(priced) => (Some(priced.cost), priced.by),
            None => (None, String::new()),
        }
    }
}
