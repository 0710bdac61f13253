//! The keys of a container as they are typed, in a job and in an environment, and what they mean.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    config::{
        choice::Choice,
        schema::{OneOrMany, Scalar, Table},
        text::{CommandLine, DurationText, NodeName, RelativePath, SizeText, VariableName},
    },
    domain::{
        container::{
            BuildSpec, ContainerSpec, EnvironmentSpec, HealthSpec, Limits, MountSpec, Network, PortSpec, Pull,
            ServiceSpec, Sleep,
        },
        time::Millis,
    },
};

use super::convert::{chosen, commands, variables};

/// The container in which a job's steps run, or of which an environment is made.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct ContainerFile {
    /// Container image by name, for `engine = "docker"`.
    pub image: Option<String>,
    /// Container image by Dockerfile: the directory of its context, or a table.
    pub build: Option<BuildFile>,
    /// Name or labels of the engine that may run it (see `[engines]` of config.toml); the default engine if it isn't given.
    pub runs_on: Option<OneOrMany<NodeName>>,
    /// Platform of the image, such as `linux/arm64`; the engine's own if it isn't given.
    pub platform: Option<String>,
    /// When the image is pulled: when it is `missing` (if it isn't said), `always` or `never`.
    pub pull: Option<Choice<Pull>>,
    /// What it can reach: everything through a `bridge` (if it isn't said), `none` but its services, or all that the `host` can.
    pub network: Option<Choice<Network>>,
    /// Who runs in it: `uid`, `uid:gid` or a name that the image knows.
    pub user: Option<Scalar>,
    /// Absolute path at which the workspace stands in the container; the same as outside if it isn't given.
    pub workdir: Option<String>,
    /// What it may use.
    pub limits: LimitsFile,
    /// Whether its own files can't be changed; the workspace, caches and `tmpfs` can.
    pub read_only: bool,
    /// Directories in memory.
    pub tmpfs: Vec<String>,
    /// Whether programs of the image may get more rights than the user that starts them.
    pub new_privileges: bool,
}

/// An image that is built: the directory of its context, or a table.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum BuildFile {
    /// Directory that is sent to the engine.
    Context(RelativePath),
    /// More about it.
    Full(Box<BuildTable>),
}

/// An image that is built.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct BuildTable {
    /// Directory that is sent to the engine; the project if it isn't given.
    pub context: Option<RelativePath>,
    /// The Dockerfile, relative to the context; `Dockerfile` if it isn't given.
    pub dockerfile: Option<RelativePath>,
    /// Stage at which to stop.
    pub target: Option<String>,
    /// Build arguments.
    pub args: Table<VariableName, Scalar>,
}

/// What a container may use.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LimitsFile {
    /// Cores, such as 1.5.
    #[schemars(range(min = 0.01, max = 4096.0))]
    pub cpus: Option<f64>,
    /// Memory, swap included.
    pub memory: Option<SizeText>,
    /// Processes and threads at once.
    #[schemars(range(min = 1, max = 4_000_000))]
    pub pids: Option<u32>,
}

/// Something that runs beside a job, which reaches it by its name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(extend("required" = ["image"]))]
pub struct ServiceFile {
    /// Its image.
    pub image: Option<String>,
    /// What it runs instead of what the image says: a command for `sh`, or a program and its arguments.
    pub command: Option<OneOrMany<String>>,
    /// Its variables.
    pub env: Table<VariableName, Scalar>,
    /// By what it is known to be ready; the image's own check if it isn't given, and else that it runs.
    pub health: Option<HealthFile>,
    /// What it may use.
    pub limits: LimitsFile,
    /// Directories in memory.
    pub tmpfs: Vec<String>,
}

/// By what a container is known to be ready: a command for `sh` in it, or a table.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum HealthFile {
    /// Exit status 0 means ready.
    Command(CommandLine),
    /// More about it.
    Full(HealthTable),
}

/// By what a container is known to be ready.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(extend("required" = ["command"]))]
pub struct HealthTable {
    /// Run in it with `sh -c`; exit status 0 means ready.
    pub command: Option<CommandLine>,
    /// Between two checks; a second if it isn't given.
    pub interval: Option<DurationText>,
    /// A check that takes longer has failed; 5 seconds if it isn't given.
    pub timeout: Option<DurationText>,
    /// So many failures in a row mean that it is unhealthy; 30 if it isn't given.
    #[schemars(range(min = 1, max = 10_000))]
    pub retries: Option<u32>,
    /// Failures in this time after its start don't count.
    pub start: Option<DurationText>,
}

/// A place that jobs deploy to, or a pool of prepared containers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
#[schemars(extend("additionalProperties" = false))]
pub struct EnvironmentFile {
    /// Where what is deployed there is reached.
    pub url: Option<String>,
    /// What its containers are made of.
    #[serde(flatten)]
    pub container: ContainerFile,
    /// Variables of everything that runs in it.
    pub env: Table<VariableName, Scalar>,
    /// Directories and volumes in it, as `SOURCE:TARGET` or `SOURCE:TARGET:ro`.
    pub mounts: Vec<String>,
    /// Ports that are reached from outside: `3000`, or `"8080:3000"` for port 8080 of the machine.
    pub ports: Vec<Scalar>,
    /// By what it is known to be ready.
    pub health: Option<HealthFile>,
    /// What it runs; it just stays up if it isn't given.
    pub command: Option<OneOrMany<String>>,
    /// Commands that prepare it, once.
    pub setup: Vec<CommandLine>,
    /// So many containers are kept ready; 1 if it isn't given.
    #[schemars(range(min = 0, max = 100))]
    pub pool: Option<u32>,
    /// At most so many exist; 4 if it isn't given.
    #[schemars(range(min = 1, max = 1000))]
    pub most: Option<u32>,
    /// Put to sleep after so long without use; 10 minutes if it isn't given.
    pub idle: Option<DurationText>,
    /// How it sleeps: `pause` freezes it (if it isn't said), `stop` ends its processes.
    pub sleep: Option<Choice<Sleep>>,
    /// Made anew after so long; 7 days if it isn't given.
    pub max_age: Option<DurationText>,
}

impl ContainerFile {
    /// What the keys mean, services and the environment apart.
    pub(super) fn spec(self) -> ContainerSpec {
        let Scalar(user) = self.user.unwrap_or_default();
        ContainerSpec {
            image: self.image,
            build: self.build.map(build),
            runs_on: names(self.runs_on),
            platform: self.platform,
            pull: chosen(self.pull),
            network: chosen(self.network),
            user: (!user.is_empty()).then_some(user),
            workdir: self.workdir,
            limits: limits(&self.limits),
            read_only: self.read_only,
            tmpfs: self.tmpfs,
            new_privileges: self.new_privileges,
            ..ContainerSpec::default()
        }
    }
}

fn names(names: Option<OneOrMany<NodeName>>) -> Vec<String> {
    names.map(OneOrMany::into_vec).unwrap_or_default().into_iter().map(|NodeName(name)| name).collect()
}

fn build(file: BuildFile) -> BuildSpec {
    let table = match file {
        BuildFile::Context(context) => BuildTable { context: Some(context), ..BuildTable::default() },
        BuildFile::Full(table) => *table,
    };
    let path = |path: Option<RelativePath>, otherwise: &str| path.map_or_else(|| otherwise.to_owned(), |path| path.0);
    BuildSpec {
        context: path(table.context, "."),
        dockerfile: path(table.dockerfile, "Dockerfile"),
        target: table.target,
        args: variables(table.args),
    }
}

fn limits(file: &LimitsFile) -> Limits {
    Limits {
        millicpus: file.cpus.map(|cpus| (cpus * 1000.0).round() as u64),
        memory: file.memory.as_ref().map(SizeText::bytes),
        pids: file.pids,
    }
}

/// A text is a command for the shell; a list is a program and its arguments.
fn words(command: Option<OneOrMany<String>>) -> Vec<String> {
    match command {
        None => Vec::new(),
        Some(OneOrMany::One(line)) => vec!["sh".into(), "-c".into(), line],
        Some(OneOrMany::Many(words)) => words,
    }
}

fn health(file: HealthFile) -> HealthSpec {
    let table = match file {
        HealthFile::Command(command) => HealthTable { command: Some(command), ..HealthTable::default() },
        HealthFile::Full(table) => table,
    };
    let time = |time: &Option<DurationText>, otherwise| time.as_ref().map_or(otherwise, DurationText::millis);
    HealthSpec {
        interval: time(&table.interval, Millis::from_secs(1)),
        timeout: time(&table.timeout, Millis::from_secs(5)),
        retries: table.retries.unwrap_or(30),
        start: time(&table.start, Millis(0)),
        command: table.command.map(|CommandLine(command)| command).unwrap_or_default(),
    }
}

/// A service of a job.
pub(super) fn service((name, file): (String, ServiceFile)) -> ServiceSpec {
    ServiceSpec {
        name,
        image: file.image.unwrap_or_default(),
        command: words(file.command),
        env: variables(file.env),
        health: file.health.map(health),
        limits: limits(&file.limits),
        tmpfs: file.tmpfs,
    }
}

/// An environment.
pub(super) fn environment(name: String, file: EnvironmentFile) -> EnvironmentSpec {
    EnvironmentSpec {
        name,
        container: file.container.spec(),
        env: variables(file.env),
        mounts: file.mounts.iter().filter_map(|text| mount(text)).collect(),
        ports: file.ports.iter().filter_map(|Scalar(text)| port(text)).collect(),
        health: file.health.map(health),
        command: words(file.command),
        setup: commands(file.setup),
        pool: file.pool.unwrap_or(1),
        most: file.most.unwrap_or(4).max(file.pool.unwrap_or(1)),
        idle: Some(file.idle.as_ref().map_or(Millis::from_secs(600), DurationText::millis)),
        sleep: chosen(file.sleep),
        max_age: Some(file.max_age.as_ref().map_or(Millis::from_secs(7 * 86_400), DurationText::millis)),
    }
}

/// `SOURCE:TARGET[:ro]`.
pub(super) fn mount(text: &str) -> Option<MountSpec> {
    let (text, read_only) = match text.strip_suffix(":ro") {
        Some(rest) => (rest, true),
        None => (text.strip_suffix(":rw").unwrap_or(text), false),
    };
    let (source, target) = text.rsplit_once(':')?;
    let right = !source.is_empty() && target.starts_with('/');
    right.then(|| MountSpec { source: source.into(), target: target.into(), read_only })
}

/// `CONTAINER` or `HOST:CONTAINER`.
pub(super) fn port(text: &str) -> Option<PortSpec> {
    let (host, container) = text.split_once(':').unwrap_or(("0", text));
    let port = PortSpec { host: host.parse().ok()?, container: container.parse().ok()? };
    (port.container != 0).then_some(port)
}
