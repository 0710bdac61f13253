//! Newtypes for everything that has a name or a number.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.trim_start_matches('#').parse().map(Self)
            }
        }
    };
}

number_id! {
    /// Position of a record in the log: 1 is the first. They follow each other without gaps; records of old runs may be deleted
    /// later.
    Seq
}
number_id! {
    /// A run, numbered from 1 in the order in which runs were asked for, over all projects.
    RunId
}
number_id! {
    /// A watched project, numbered from 1 in the order in which it was first seen.
    ProjectId
}
number_id! {
    /// A proposal, numbered from 1 over all projects.
    ProposalId
}
number_id! {
    /// A conversation with an agent, numbered from 1 over all projects.
    ThreadId
}
number_id! {
    /// A request of one session; replies carry the same number.
    RequestId
}

impl Seq {
    /// Behind every record that there ever is.
    pub const LAST: Self = Self(u64::MAX);

    /// The position after this one.
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl $name {
            /// The text of the id.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// A node of a run's plan: the job's name, with its matrix values in brackets (`test [3.12, linux]`).
    JobKey
}
text_id! {
    /// Lower-case hex of a BLAKE3 hash: what an approval names.
    Hash
}
text_id! {
    /// Same fault, same text: a short hash of what a diagnosis is about (see [`crate::diagnose`]).
    Fingerprint
}

impl Hash {
    /// The hash of a text.
    pub fn of(text: &str) -> Self {
        Self(blake3::hash(text.as_bytes()).to_hex().to_string())
    }

    /// The first ten characters, enough to tell proposals apart on a screen.
    pub fn short(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
    }
}

/// Names the output of one attempt of a job, or of one repair of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OutputId {
    /// The run it belongs to.
    pub run: RunId,
    /// The job it belongs to.
    pub job: JobKey,
    /// Attempt of the job (1 is the first) or, with `repair`, number of the repair.
    pub attempt: u32,
    /// Output of a repair (its confirmation, its fixers, its proofs) rather than of the job itself.
    #[serde(default)]
    pub repair: bool,
}

/// Begins what stands for the job in outputs of environments.
const ENVIRONMENT: &str = "environment/";

impl OutputId {
    /// The output of attempt `attempt` of a job.
    pub fn attempt(run: RunId, job: &JobKey, attempt: u32) -> Self {
        Self { run, job: job.clone(), attempt, repair: false }
    }

    /// What was printed when a member of an environment was prepared. `of` names the environment, `number` the member.
    pub fn environment(of: &str, number: u32) -> Self {
        Self { run: RunId(0), job: JobKey(format!("{ENVIRONMENT}{of}")), attempt: number, repair: false }
    }

    /// It is of an environment, of no job.
    pub fn is_environment(&self) -> bool {
        self.run == RunId(0) && self.job.0.starts_with(ENVIRONMENT)
    }

    /// What a container prints, recorded while somebody reads it: no run has the number 0.
    pub fn container(name: &str, number: u32) -> Self {
        Self { run: RunId(0), job: JobKey(name.to_owned()), attempt: number, repair: false }
    }

    /// It is the log of a container, of no job.
    pub fn is_container(&self) -> bool {
        self.run == RunId(0) && !self.is_environment()
    }

    /// The output of repair `repair` of a job.
    pub fn repair(run: RunId, job: &JobKey, repair: u32) -> Self {
        Self { run, job: job.clone(), attempt: repair, repair: true }
    }

    /// The output of a service that runs beside it.
    pub fn beside(&self, service: &str) -> Self {
        Self { job: JobKey(format!("{}:{service}", self.job)), ..self.clone() }
    }
}

impl fmt::Display for OutputId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.repair { "repair " } else { "" };
        write!(f, "{}/{}/{kind}{}", self.run, self.job, self.attempt)
    }
}

/// A pending question: what `gonogo go` and `gonogo nogo` answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalId {
    /// A proposed repair.
    Proposal(ProposalId),
    /// A gate of a run.
    Gate {
        /// The run that waits.
        run: RunId,
        /// The gate's name.
        gate: String,
    },
    /// Something that an agent may not do by itself.
    Permission {
        /// The conversation in which it asks.
        thread: ThreadId,
        /// Which of its questions: 1 is the first.
        number: u32,
    },
}

impl fmt::Display for ApprovalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proposal(id) => write!(f, "{id}"),
            Self::Gate { run, gate } => write!(f, "{run}/{gate}"),
            Self::Permission { thread, number } => write!(f, "t{thread}/{number}"),
        }
    }
}

/// A text that names no approval.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` names no approval: a proposal is a number (`3`), a gate is RUN/GATE (`12/ship`), what an agent asks is tTHREAD/NUMBER (`t3/1`)"
)]
pub struct ApprovalIdError(String);

impl FromStr for ApprovalId {
    type Err = ApprovalIdError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ApprovalIdError(text.to_owned());
        match text.split_once('/') {
            Some((thread, number)) if thread.starts_with('t') => {
                let thread = thread.get(1..).unwrap_or_default().parse().map_err(|_| wrong())?;
                Ok(Self::Permission { thread, number: number.parse().map_err(|_| wrong())? })
            }
            Some((run, gate)) if !gate.is_empty() => {
                Ok(Self::Gate { run: run.parse().map_err(|_| wrong())?, gate: gate.to_owned() })
            }
            Some(_) => Err(wrong()),
            None => Ok(Self::Proposal(text.parse().map_err(|_| wrong())?)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_approval_is_named_by_a_number_by_run_and_gate_or_by_conversation_and_number() {
        assert_eq!("3".parse::<ApprovalId>().unwrap(), ApprovalId::Proposal(ProposalId(3)));
        assert_eq!("#3".parse::<ApprovalId>().unwrap(), ApprovalId::Proposal(ProposalId(3)));
        let gate = ApprovalId::Gate { run: RunId(12), gate: "ship".into() };
        assert_eq!("12/ship".parse::<ApprovalId>().unwrap(), gate);
        assert_eq!(gate.to_string(), "12/ship");
        let asks = ApprovalId::Permission { thread: ThreadId(3), number: 1 };
        assert_eq!("t3/1".parse::<ApprovalId>().unwrap(), asks);
        assert_eq!(asks.to_string(), "t3/1");
        for wrong in ["", "x", "12/", "x/ship", "t3", "t/1", "t3/", "t3/x", "tx/1"] {
            assert!(wrong.parse::<ApprovalId>().is_err(), "{wrong}");
        }
    }
}
