//! What a container is made of: the image, what it may use, what stands beside it. Jobs and environments declare one.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::time::Millis;

/// The container in which a job's steps run, or of which an environment is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ContainerSpec {
    /// Image by name. Empty where it is built, or comes from an environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Image by Dockerfile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildSpec>,
    /// Name of the environment (`[environments.NAME]`) of which a prepared container is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Name or labels of the engine that may run it; empty means the default one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runs_on: Vec<String>,
    /// `os/arch[/variant]`, where the image has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// When the image is pulled.
    pub pull: Pull,
    /// What it can reach.
    pub network: Network,
    /// `uid[:gid]` or a name of the image; the image's own, or the owner of the workspace, if it isn't given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Absolute path at which the workspace stands in the container; the same as on this machine if it isn't given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// What it may use.
    pub limits: Limits,
    /// Its own files can't be changed; the workspace, caches and `tmpfs` can.
    pub read_only: bool,
    /// Directories in memory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tmpfs: Vec<String>,
    /// Programs of the image may get more rights than the user that starts them (setuid).
    pub new_privileges: bool,
    /// What runs beside it, in the order of the file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceSpec>,
    /// Proofs of repairs may use the network, which they otherwise may not.
    pub proof_network: bool,
}

/// An image that is built.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BuildSpec {
    /// Directory that is sent to the engine, relative to the project.
    pub context: String,
    /// The Dockerfile, relative to the context.
    pub dockerfile: String,
    /// Stage at which to stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Build arguments.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pull {
    /// When the engine doesn't have it.
    #[default]
    Missing,
    /// Each time.
    Always,
    /// Never: it has to be there.
    Never,
}

/// What a container can reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Everything that the engine lets it.
    #[default]
    Bridge,
    /// Nothing but the services beside it.
    None,
    /// Everything, as the machine that the engine runs on itself.
    Host,
}

/// What a container may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Thousandths of a core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub millicpus: Option<u64>,
    /// Bytes of memory, swap included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Processes and threads at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pids: Option<u32>,
}

/// Something that runs beside a job: a database, say. The job reaches it by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceSpec {
    /// Its name, and its host name on the job's network.
    pub name: String,
    /// Its image.
    pub image: String,
    /// What it runs instead of what the image says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Its variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// By what it is known to be ready; the image's own check if it isn't given, and else that it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthSpec>,
    /// What it may use.
    pub limits: Limits,
    /// Directories in memory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tmpfs: Vec<String>,
}

/// By what a container is known to be ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthSpec {
    /// Run in it with `sh -c`; exit status 0 means ready.
    pub command: String,
    /// Between two checks.
    pub interval: Millis,
    /// A check that takes longer has failed.
    pub timeout: Millis,
    /// So many failures in a row mean that it is unhealthy.
    pub retries: u32,
    /// Failures in this time after its start don't count.
    pub start: Millis,
}

/// A pool of prepared containers of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnvironmentSpec {
    /// Its name, unique in the file.
    pub name: String,
    /// What its containers are made of.
    pub container: ContainerSpec,
    /// Variables of everything that runs in it.
    pub env: BTreeMap<String, String>,
    /// Directories of the machine or volumes of the engine.
    pub mounts: Vec<MountSpec>,
    /// Ports that are reached from outside.
    pub ports: Vec<PortSpec>,
    /// By what it is known to be ready.
    pub health: Option<HealthSpec>,
    /// What it runs; it just stays up if it isn't given.
    pub command: Vec<String>,
    /// Commands that prepare it, once.
    pub setup: Vec<String>,
    /// So many containers are kept ready.
    pub pool: u32,
    /// At most so many exist.
    pub most: u32,
    /// Put to sleep after so long without use; `None`: never.
    pub idle: Option<Millis>,
    /// How it sleeps.
    pub sleep: Sleep,
    /// Made anew after so long; `None`: never.
    pub max_age: Option<Millis>,
}

/// A directory of the machine, or a volume of the engine, in a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MountSpec {
    /// Path relative to the project, absolute path, or name of a volume.
    pub source: String,
    /// Absolute path in the container.
    pub target: String,
    /// It can't be changed there.
    pub read_only: bool,
}

/// A port of a container that is reached from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortSpec {
    /// Port of the machine; 0: any that is free.
    pub host: u16,
    /// Port of the container.
    pub container: u16,
}

/// How an environment that nobody uses sleeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sleep {
    /// Frozen: keeps its memory, wakes at once.
    #[default]
    Pause,
    /// Its processes end; its files stay.
    Stop,
}

/// An engine that runs containers, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EngineSpec {
    /// Its name, unique in the file.
    pub name: String,
    /// Its address as `DOCKER_HOST` has it: `unix:///run/docker.sock`, `tcp://build1:2376`, `ssh://me@build1`; empty where the
    /// environment says it.
    pub address: String,
    /// Directory of `ca.pem`, `cert.pem` and `key.pem`, for TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates: Option<PathBuf>,
    /// Labels by which jobs may ask for it.
    pub labels: Vec<String>,
    /// Jobs that ask for none go there.
    pub default: bool,
    /// Workspaces are sent to it even if its address is one of this machine: it sees other files (a virtual machine).
    pub ship: bool,
}

/// How an engine is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EngineState {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Its version.
    pub version: String,
    /// The newest version of the API that it speaks.
    pub api: String,
    /// The system that its containers run on: `linux`.
    pub os: String,
    /// The machine that its containers run on, as images name it: `amd64`.
    pub arch: String,
    /// Containers that it has.
    pub containers: u64,
    /// Those of them that run.
    pub running: u64,
    /// Processors of its machine.
    pub cpus: u64,
    /// Bytes of memory of its machine.
    pub memory: u64,
    /// It is Podman.
    pub podman: bool,
    /// It runs without the rights of root.
    pub rootless: bool,
}

/// Why an engine did not do what was asked: a fault of the surroundings, never of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineFault {
    /// Nobody answers at its address.
    Away,
    /// It went away, or was started again, while the job ran.
    Interrupted,
    /// There is no such image, and it can't be pulled.
    ImageMissing,
    /// Its disk is full.
    NoSpace,
    /// It, or the registry, does not let us.
    NoPermission,
    /// No engine is known that fits.
    NoEngine,
    /// It does not take what was declared.
    Refused,
}

impl EngineFault {
    /// The word shown for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Away => "engine away",
            Self::Interrupted => "engine interrupted",
            Self::ImageMissing => "image missing",
            Self::NoSpace => "no space",
            Self::NoPermission => "no permission",
            Self::NoEngine => "no such engine",
            Self::Refused => "refused by the engine",
        }
    }

    /// Running the same thing again may help, without anybody doing anything.
    pub fn may_retry(self) -> bool {
        matches!(self, Self::Away | Self::Interrupted)
    }

    /// What to do about it.
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::Away => Some("is it running? `gonogo doctor` asks every engine; start it, then retry the job"),
            Self::Interrupted => {
                Some("retry the job; with \"live-restore\": true in the engine's daemon.json containers outlive it")
            }
            Self::ImageMissing => Some("is the name right? `docker pull` it, or build it with `build`"),
            Self::NoSpace => Some("free some space on the engine's disk: `docker system df` shows where it goes"),
            Self::NoPermission => Some(
                "may this user use the engine (group docker, certificates, ssh key), and is it logged in at the registry (`docker login`)?",
            ),
            Self::NoEngine => Some("add it to [engines] of config.toml, or change `runs-on`"),
            Self::Refused => None,
        }
    }
}
