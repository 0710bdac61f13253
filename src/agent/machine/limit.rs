//! How far a turn may go.

use std::time::Duration;

use crate::domain::usage::{NanoUsd, Usage};

/// The limits of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls of the model in a turn.
    pub steps: u32,
    /// Tokens of a turn, read and written.
    pub tokens: u64,
    /// Money of a turn; `None`: only the budgets count.
    pub cost: Option<NanoUsd>,
    /// How long a turn may take, waits for a person included.
    pub time: Duration,
    /// Turns of a repair: each starts anew with what was wrong with the one before.
    pub attempts: u32,
    /// Tokens of one answer.
    pub output: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 30,
            tokens: 1_000_000,
            cost: Some(NanoUsd::from_cents(200)),
            time: Duration::from_mins(20),
            attempts: 2,
            output: 8192,
        }
    }
}

/// What a turn has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Calls of the model.
    pub steps: u32,
    /// Tokens, read and written.
    pub tokens: u64,
    /// Money, as far as prices are known.
    pub cost: NanoUsd,
}

impl Spent {
    pub(super) fn add(&mut self, usage: Option<Usage>, cost: Option<NanoUsd>) {
        self.steps += 1;
        let usage = usage.unwrap_or_default();
        self.tokens = self.tokens.saturating_add(usage.prompt()).saturating_add(usage.output);
        self.cost += cost.unwrap_or_default();
    }
}

impl Limits {
    /// Which limit another call of the model would pass.
    pub(super) fn passed(&self, spent: &Spent) -> Option<String> {
        if spent.steps >= self.steps {
            return Some(format!("{} calls of the model", self.steps));
        }
        if spent.tokens >= self.tokens {
            return Some(format!("{} tokens", self.tokens));
        }
        self.cost.filter(|most| spent.cost >= *most).map(|most| format!("{most} for a turn"))
    }

    /// What a turn may still cost.
    pub(super) fn left(&self, spent: &Spent) -> Option<NanoUsd> {
        self.cost.map(|most| most.less(spent.cost))
    }
}
