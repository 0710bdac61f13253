//! How much may be spent.

use std::fmt;

use jiff::{civil::Date, tz::TimeZone};

use super::{id::RunId, talk::ModelName, time::Timestamp, usage::NanoUsd};

/// What may be spent on calls of models.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BudgetPolicy {
    /// The budgets.
    pub budgets: Vec<Budget>,
    /// Models without a known price may be asked although a budget has a hard limit.
    pub allow_unpriced: bool,
}

/// How much may be spent on something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// On what, and in which time.
    pub scope: BudgetScope,
    /// From here on it is said.
    pub warn: Option<NanoUsd>,
    /// No call is made that could go beyond this.
    pub stop: Option<NanoUsd>,
}

/// What a budget is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BudgetScope {
    /// Each run, with all its repairs.
    Run,
    /// A day (UTC), over everything.
    Day,
    /// A month (UTC), over everything.
    Month,
    /// A month of a project, by its name.
    Project(String),
    /// A month of a model: `provider/model`, or a model of any provider.
    Model(String),
}

impl BudgetScope {
    /// Calls of this model count.
    pub fn is_model(&self, model: &ModelName) -> bool {
        matches!(self, Self::Model(name) if *name == model.model || *name == model.to_string())
    }

    /// The time that counts, in words: `2026-11`, `2026-11-20`, `run 12`. `None`: it is about runs, and none is there.
    pub fn period(&self, at: Timestamp, run: Option<RunId>) -> Option<String> {
        match self {
            Self::Run => run.map(|run| format!("run {run}")),
            Self::Day => Some(day(at).to_string()),
            Self::Month | Self::Project(_) | Self::Model(_) => Some(day(at).strftime("%Y-%m").to_string()),
        }
    }
}

impl fmt::Display for BudgetScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run => f.pad("run"),
            Self::Day => f.pad("day"),
            Self::Month => f.pad("month"),
            Self::Project(name) => f.pad(&format!("project {name}")),
            Self::Model(name) => f.pad(&format!("model {name}")),
        }
    }
}

/// The day of a moment, in UTC: what the ledger and the budgets count by.
pub fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}
