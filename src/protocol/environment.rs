//! Environments as they are told of: pools and their members. Read when asked for, never folded.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::{
    id::OutputId,
    time::{Millis, Timestamp},
};

/// An environment of a project, and the prepared containers that there are of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PoolRow {
    /// Root of the project.
    pub project: PathBuf,
    /// Its name.
    pub name: String,
    /// Some are kept ready.
    pub up: bool,
    /// Name of the engine.
    pub engine: String,
    /// So many are kept ready.
    pub pool: u32,
    /// At most so many exist.
    pub most: u32,
    /// Requests that wait for one.
    pub waiting: usize,
    /// What failed last, if nothing has worked since.
    pub trouble: Option<String>,
    /// When it is tried again.
    pub again: Option<Timestamp>,
    /// What was printed when a member was last prepared.
    pub output: Option<OutputId>,
    /// The containers, oldest first.
    pub members: Vec<MemberRow>,
}

/// A prepared container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemberRow {
    /// The engine's number for it; empty while it is being made.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `preparing`, `ready`, `assigned`, `asleep`, `unhealthy`, `doomed`, `leaving`.
    pub state: String,
    /// How it sleeps, if it does: `paused`, `stopped`.
    pub asleep: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// In this state, or unused, since.
    pub since: Option<Timestamp>,
    /// Who has it.
    pub holder: Option<String>,
    /// It is made of what the environment was before it changed.
    pub outdated: bool,
    /// Bytes of memory that it uses.
    pub memory: Option<u64>,
    /// Processor time that it has used since it was made.
    pub cpu: Option<Millis>,
    /// Processes and threads in it.
    pub pids: Option<u64>,
    /// Ports, as `machine:container`.
    pub ports: Vec<String>,
    /// What was printed when it was prepared.
    pub output: Option<OutputId>,
}

/// A member that was assigned: for as long as the session that asked is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Assigned {
    /// Name of the engine.
    pub engine: String,
    /// The engine's number for the container.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where the project stands in it.
    pub directory: String,
    /// What every process in it is to have as the variable [`LEASE`]: when the session ends, so do these.
    pub lease: String,
}

/// The variable by which the processes of an assignment are known.
pub const LEASE: &str = "GONOGO_LEASE";

/// What is left of environments when there is cleaned up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Collect {
    /// Members that nobody has go when they are older than this.
    pub age: Option<Millis>,
    /// So many of each environment stay, the youngest, and those that somebody has.
    pub count: Option<u32>,
    /// Only say what would go.
    pub dry_run: bool,
}

/// A member that went, or would go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Collected {
    /// Root of the project.
    pub project: PathBuf,
    /// Name of the environment.
    pub environment: String,
    /// Name of the engine.
    pub engine: String,
    /// Name of the container.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// Why.
    pub why: String,
    /// Why it could not be removed.
    pub trouble: Option<String>,
}
