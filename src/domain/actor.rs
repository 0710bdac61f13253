//! Who asked, and why a run was started.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::{ProposalId, RunId};

/// Who asked for something: recorded with every request that changed anything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "name")]
pub enum Actor {
    /// A person at a terminal, by login name.
    Person(String),
    /// An agent. It may never answer an approval.
    Agent(String),
    /// A token of the HTTP API or of MCP.
    Token(String),
    /// A schedule.
    Schedule,
    /// The project's own policy (`fix.auto`) or gonogo itself, following it.
    Policy,
}

impl Actor {
    /// Whether this actor may answer gates and proposals (design invariant 4).
    pub fn may_approve(&self) -> bool {
        match self {
            Self::Person(_) | Self::Policy => true,
            Self::Agent(_) | Self::Token(_) | Self::Schedule => false,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => f.pad(name),
            Self::Agent(name) => write!(f, "agent {name}"),
            Self::Token(name) => write!(f, "token {name}"),
            Self::Schedule => f.pad("schedule"),
            Self::Policy => f.pad("policy"),
        }
    }
}

/// Why a run exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Trigger {
    /// Somebody started it by hand. Its name in `on` is `manual`.
    Manual,
    /// Something outside happened: `push`, `pull_request`, `schedule`, ...
    Event {
        /// The event's name, as written in `on`.
        name: String,
    },
    /// The run that shows whether the applied repairs of an earlier run made it green.
    AfterRepair {
        /// The run that was repaired.
        run: RunId,
        /// What was applied.
        proposals: Vec<ProposalId>,
    },
}

impl Trigger {
    /// The name by which a pipeline's or a job's `on` speaks of this trigger; `None` matches any `on`.
    pub fn on_name(&self) -> Option<&str> {
        match self {
            Self::Manual | Self::AfterRepair { .. } => None,
            Self::Event { name } => Some(name),
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manual => f.pad("manual"),
            Self::Event { name } => f.pad(name),
            Self::AfterRepair { run, .. } => write!(f, "after repair of run {run}"),
        }
    }
}
