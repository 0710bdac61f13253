//! The containers of the engines, as they are watched: rows, gauges, what happens to them. Telemetry: shown, never folded.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::{
    id::{JobKey, RunId},
    time::Timestamp,
};

/// Names a container for good: its engine, and the engine's number for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContainerRef {
    /// Name of the engine.
    pub engine: String,
    /// The engine's number for it (64 hex digits), or a name that it takes for one.
    pub id: String,
}

impl ContainerRef {
    /// The first twelve digits, as engines print them.
    pub fn short(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }
}

/// What stands still about a container, until an event says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerRow {
    /// Which.
    #[serde(flatten)]
    pub container: ContainerRef,
    /// Its name, without the slash that the API puts before it.
    pub name: String,
    /// What it was made of.
    pub image: String,
    /// How it stands.
    pub state: ContainerState,
    /// What its own check says, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// Ports that are reached from outside, or could be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it last ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
    /// The kernel ended it for want of memory.
    #[serde(default)]
    pub oom: bool,
    /// Project and service, where compose made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compose: Option<Compose>,
    /// What of gonogo it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Own>,
}

impl ContainerRow {
    /// It uses the machine: its gauges can be read.
    pub fn is_up(&self) -> bool {
        matches!(self.state, ContainerState::Running | ContainerState::Paused | ContainerState::Restarting)
    }

    /// The run and the job of the gonogo that tells of it, where it belongs to one.
    pub fn job(&self) -> Option<(RunId, Option<&JobKey>)> {
        let own = self.own.as_ref().filter(|own| own.ours)?;
        Some((own.run?, own.job.as_ref()))
    }

    /// The project that it is shown under: of compose, or a run of gonogo's.
    pub fn group(&self) -> Option<String> {
        match (&self.own, &self.compose) {
            (Some(Own { ours: true, run: Some(run), .. }), _) => Some(format!("gonogo run {run}")),
            (Some(Own { ours: true, .. }), _) => Some("gonogo".to_owned()),
            (Some(_), _) => Some("another gonogo".to_owned()),
            (None, Some(compose)) => Some(compose.project.clone()),
            (None, None) => None,
        }
    }
}

/// How a container stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum ContainerState {
    /// Made, never started.
    #[default]
    Created,
    /// At work.
    Running,
    /// Frozen.
    Paused,
    /// Between an end and the next start.
    Restarting,
    /// Being deleted.
    Removing,
    /// Ended.
    Exited {
        /// Its exit status.
        code: i64,
    },
    /// The engine failed to delete it.
    Dead,
}

impl ContainerState {
    /// The word shown for it.
    pub fn word(self) -> String {
        match self {
            Self::Created => "created".into(),
            Self::Running => "running".into(),
            Self::Paused => "paused".into(),
            Self::Restarting => "restarting".into(),
            Self::Removing => "removing".into(),
            Self::Exited { code } => format!("exited {code}"),
            Self::Dead => "dead".into(),
        }
    }
}

/// What a container's own check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Not long enough under way to be judged.
    Starting,
    /// Well.
    Healthy,
    /// Not well.
    Unhealthy,
}

impl Health {
    /// The word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// A port of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Port {
    /// Port of the machine that reaches it, if any does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<u16>,
    /// Port of the container.
    pub container: u16,
    /// `tcp`, `udp`, `sctp`.
    pub protocol: String,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = self.host {
            write!(f, "{host}:")?;
        }
        self.container.fmt(f)?;
        if self.protocol == "tcp" { Ok(()) } else { write!(f, "/{}", self.protocol) }
    }
}

/// Where compose put a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compose {
    /// Name of the project.
    pub project: String,
    /// Name of the service.
    pub service: String,
}

/// What of gonogo a container belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Own {
    /// The gonogo that made it: a hash of its state directory.
    pub home: String,
    /// That gonogo is the one that tells of it: its runs are the ones with these numbers.
    #[serde(default)]
    pub ours: bool,
    /// The run, where it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The job, where it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobKey>,
    /// The attempt of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// `job`, `service`, `environment`, `command`.
    pub role: String,
    /// Name of the service or the environment; may be empty.
    #[serde(default)]
    pub name: String,
}

/// What a container uses now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gauges {
    /// CPU in percent: 100 is one of the machine's processors.
    pub cpu: f64,
    /// Memory in bytes, without the cache that the kernel takes back when it needs to.
    pub memory: u64,
    /// Bytes of memory that it may use; that of the machine where nothing else is said.
    pub memory_limit: u64,
    /// Bytes a second that come in over the network; `None` until two samples are there.
    pub net_in: Option<u64>,
    /// Bytes a second that go out.
    pub net_out: Option<u64>,
    /// Bytes a second read from disks.
    pub block_in: Option<u64>,
    /// Bytes a second written to disks.
    pub block_out: Option<u64>,
    /// Processes and threads.
    pub pids: u64,
}

/// How an engine stands for who watches it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineState {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// How it answers.
    #[serde(flatten)]
    pub link: EngineLink,
}

/// How an engine answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "link")]
pub enum EngineLink {
    /// It is being asked for the first time.
    #[default]
    Asking,
    /// It answers.
    Up,
    /// It doesn't; what is shown of it is as it was before.
    Away {
        /// Why, in its words.
        why: String,
        /// Since when.
        since: Timestamp,
    },
}

/// Something that happened to a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerMoment {
    /// Which.
    #[serde(flatten)]
    pub container: ContainerRef,
    /// Its name then.
    pub name: String,
    /// When, by the engine's clock.
    pub at: Timestamp,
    /// What.
    pub what: Happened,
}

/// What happened to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "happened")]
pub enum Happened {
    /// It was started.
    Started,
    /// It ended.
    Died {
        /// Its exit status.
        code: i64,
    },
    /// The kernel ended a process of it for want of memory.
    OutOfMemory,
    /// Its check says something else than before.
    Health {
        /// What.
        health: Health,
    },
    /// Somebody started it anew.
    Restarted,
    /// It was frozen.
    Paused,
    /// It was thawed.
    Unpaused,
    /// It was deleted.
    Removed,
}

impl Happened {
    /// In a few words.
    pub fn words(self) -> String {
        match self {
            Self::Started => "started".into(),
            Self::Died { code: 0 } => "exited 0".into(),
            Self::Died { code: 137 } => "exited 137 (killed)".into(),
            Self::Died { code } => format!("exited {code}"),
            Self::OutOfMemory => "out of memory".into(),
            Self::Health { health } => health.word().into(),
            Self::Restarted => "restarted".into(),
            Self::Paused => "paused".into(),
            Self::Unpaused => "goes on".into(),
            Self::Removed => "removed".into(),
        }
    }

    /// Whether something went wrong; `None` where it is neither good nor bad.
    pub fn is_bad(self) -> Option<bool> {
        match self {
            Self::Died { code } => Some(code != 0),
            Self::OutOfMemory => Some(true),
            Self::Health { health: Health::Unhealthy } => Some(true),
            Self::Health { health: Health::Healthy } => Some(false),
            _ => None,
        }
    }
}

/// What a client wants to see of containers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    /// Those on its screen, in order: their gauges are read first.
    pub shown: Vec<ContainerRef>,
    /// Gauges of others are wanted too, as far as there is room.
    pub rest: bool,
}

/// What is new of containers since what was said before. May be dropped, since the next one then says it too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerNews {
    /// All that there is follows: what was known before is forgotten.
    pub whole: bool,
    /// All engines, where anything about one has changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub engines: Vec<EngineState>,
    /// Containers that are new or have changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<ContainerRow>,
    /// Containers that there are no more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<ContainerRef>,
    /// Gauges that were read anew; `None` where they are read no longer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gauges: Vec<(ContainerRef, Option<Gauges>)>,
    /// What happened, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moments: Vec<ContainerMoment>,
    /// Containers that are not told of, since there are so many.
    pub omitted: usize,
}

impl ContainerNews {
    /// Nothing is new.
    pub fn is_empty(&self) -> bool {
        !self.whole
            && self.engines.is_empty()
            && self.rows.is_empty()
            && self.gone.is_empty()
            && self.gauges.is_empty()
            && self.moments.is_empty()
    }
}

/// What is done to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "action")]
pub enum ContainerAction {
    /// Start it.
    Start,
    /// Ask it to end, and end it after the engine's time.
    Stop,
    /// End it and start it anew.
    Restart,
    /// Freeze it.
    Pause,
    /// Let it go on.
    Unpause,
    /// End it at once.
    Kill,
    /// Delete it.
    Remove {
        /// Also if it runs.
        #[serde(default)]
        force: bool,
        /// Its nameless volumes as well.
        #[serde(default)]
        volumes: bool,
    },
}

impl ContainerAction {
    /// What was done: `stopped`.
    pub fn done(self) -> &'static str {
        match self {
            Self::Start => "started",
            Self::Stop => "stopped",
            Self::Restart => "restarted",
            Self::Pause => "paused",
            Self::Unpause => "unpaused",
            Self::Kill => "killed",
            Self::Remove { .. } => "removed",
        }
    }

    /// What is wanted: `stop`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
            Self::Kill => "kill",
            Self::Remove { .. } => "remove",
        }
    }
}
