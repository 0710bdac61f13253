//! `gonogo.toml` exactly as it is typed. These structs, their comments included, are the schema.

use schemars::JsonSchema;
use serde::Deserialize;

use super::container::{ContainerFile, EnvironmentFile, ServiceFile};
use crate::{
    config::{
        choice::Choice,
        schema::{OneOrMany, Scalar, Table},
        text::{CommandLine, DurationText, EventName, Glob, NodeName, RelativePath, VariableName},
    },
    domain::{
        definition::{ApplyInto, EngineKind, When, WorkspaceKind},
        diagnosis::Category,
    },
};

/// The pipelines of a repository, and what may be repaired in it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(extend("required" = ["pipelines"]))]
pub struct DefinitionFile {
    /// The pipelines, by name.
    pub pipelines: Table<NodeName, PipelineFile>,
    /// Places that jobs deploy to, and pools of prepared containers, by name.
    pub environments: Table<NodeName, EnvironmentFile>,
    /// What may be repaired, how often, and what is never touched.
    pub fix: FixFile,
}

/// A named graph of jobs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PipelineFile {
    /// Events that start it; without it, any. It can always be started by hand.
    #[schemars(extend("uniqueItems" = true))]
    pub on: Vec<EventName>,
    /// Variables for every job; a job's own win.
    pub env: Table<VariableName, Scalar>,
    /// Runs with the same group run one after the other.
    pub concurrency: Option<ConcurrencyFile>,
    /// Its jobs, by name.
    pub jobs: Table<NodeName, JobFile>,
    /// Points where a run waits for a person, by name.
    pub gates: Table<NodeName, GateFile>,
}

/// How runs of a pipeline get along with each other: the name of a group, or a table.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ConcurrencyFile {
    /// The group's name.
    Group(NodeName),
    /// The group, and what happens to the run that is under way.
    Full(ConcurrencyTable),
}

/// Runs with the same group run one after the other.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(extend("required" = ["group"]))]
pub struct ConcurrencyTable {
    /// The group's name; groups are per project.
    pub group: Option<NodeName>,
    /// A new run cancels the one that is under way instead of waiting for it.
    pub cancel_running: bool,
}

/// A node of the graph.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
#[schemars(extend("additionalProperties" = false))]
pub struct JobFile {
    /// Jobs and gates of this pipeline that must have ended well before it starts.
    #[schemars(extend("uniqueItems" = true))]
    pub needs: Vec<String>,
    /// Where it runs; `local` if it isn't said.
    pub engine: Option<Choice<EngineKind>>,
    /// The container in which its steps run, for `engine = "docker"`.
    #[serde(flatten)]
    pub container: ContainerFile,
    /// What runs beside it, by name: databases and the like.
    pub services: Table<NodeName, ServiceFile>,
    /// Name of the environment of this file of which a prepared container is used.
    pub environment: Option<NodeName>,
    /// Whether proofs of repairs of this job may use the network, which they otherwise may not.
    pub proof_network: bool,
    /// Its commands, in order. The first that fails ends the job.
    #[schemars(length(min = 1))]
    pub steps: Option<Vec<StepFile>>,
    /// Axes and their values: one job a combination, with `${{ matrix.AXIS }}` put in.
    pub matrix: Table<NodeName, AxisFile>,
    /// Variables that its steps see.
    pub env: Table<VariableName, Scalar>,
    /// Names of variables that are passed on from gonogo's environment, and whose values are redacted wherever they appear.
    #[schemars(extend("uniqueItems" = true))]
    pub secrets: Vec<VariableName>,
    /// The job is ended after this time.
    pub timeout: Option<DurationText>,
    /// When a failed attempt is followed by another without asking.
    pub retry: Option<RetryFile>,
    /// Directories kept from run to run, for workspaces that start empty.
    pub cache: Vec<CacheFile>,
    /// Files that decide the job's outcome: while they, its commands, environment and tools are unchanged since it passed, it is
    /// not run again.
    pub inputs: Vec<Glob>,
    /// Commands whose output, such as a tool's version, is part of the job cache's key.
    pub tools: Vec<CommandLine>,
    /// Files kept when the job passes.
    pub artifacts: Vec<Glob>,
    /// Events for which it runs; without it, any.
    #[schemars(extend("uniqueItems" = true))]
    pub on: Vec<EventName>,
    /// On which outcomes of its needs it runs; `success` if it isn't said.
    pub when: Option<Choice<When>>,
    /// Run the steps under a pseudo-terminal rather than a pipe.
    pub tty: bool,
    /// In which directory it works: the checkout itself (`in-place`, if it isn't said) or a worktree of the same files (`isolated`).
    pub workspace: Option<Choice<WorkspaceKind>>,
    /// Environment to which it deploys.
    pub deploy: Option<NodeName>,
}

/// One axis of a matrix.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline, extend("minItems" = 1, "uniqueItems" = true))]
pub struct AxisFile(pub Vec<Scalar>);

/// One command of a job: the command itself, or a table.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum StepFile {
    /// Handed to `sh -c`.
    Command(CommandLine),
    /// A command with more to say about it.
    Full(Box<StepTable>),
}

/// A command with more to say about it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(extend("required" = ["run"]))]
pub struct StepTable {
    /// Shown on the board; the command's first line if it isn't given.
    pub name: Option<String>,
    /// Handed to `sh -c`.
    pub run: Option<CommandLine>,
    /// Directory in which it runs, relative to the workspace.
    pub dir: Option<RelativePath>,
    /// Variables for this step alone.
    pub env: Table<VariableName, Scalar>,
    /// The step is ended after this time.
    pub timeout: Option<DurationText>,
    /// JUnit XML reports that it writes.
    pub reports: Vec<Glob>,
    /// A failure of this step is recorded but doesn't fail the job.
    pub allow_failure: bool,
}

/// When a failed attempt is followed by another without asking.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(extend("required" = ["attempts", "on"]))]
pub struct RetryFile {
    /// How many attempts at most, the first included.
    #[schemars(range(min = 1, max = 20))]
    pub attempts: Option<u32>,
    /// Only for failures of these categories.
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub on: Vec<Choice<Category>>,
    /// Wait before the second attempt, doubled for each further one; one second if it isn't given.
    pub wait: Option<DurationText>,
}

/// A directory kept from run to run.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(extend("required" = ["path"]))]
pub struct CacheFile {
    /// The directory, relative to the workspace.
    pub path: Option<RelativePath>,
    /// Files whose content names the cache.
    pub key: Vec<Glob>,
}

/// A point where a run waits for a person.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(extend("required" = ["question"]))]
pub struct GateFile {
    /// What the person is asked.
    pub question: Option<String>,
    /// Jobs and gates of this pipeline that must have ended well before it asks.
    #[schemars(extend("uniqueItems" = true))]
    pub needs: Vec<String>,
}

/// What may be repaired, how often, and what is never touched.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FixFile {
    /// Whether failed jobs are repaired at all; `true` if it isn't said.
    pub enabled: Option<bool>,
    /// At most so many repairs for one fault at one commit; 3 if it isn't said.
    #[schemars(range(min = 1, max = 20))]
    pub attempts: Option<u32>,
    /// Categories whose proven, unflagged proposals need no person; none if it isn't said.
    #[schemars(extend("uniqueItems" = true))]
    pub auto: Option<Vec<Choice<Category>>>,
    /// Paths that no proposal may touch.
    pub never: Option<Vec<Glob>>,
    /// How an approved proposal is applied: as a `commit` on the current branch (if it isn't said), on a new `branch`, or into the
    /// `working-tree`.
    pub apply: Option<Choice<ApplyInto>>,
    /// A proposal that changes more lines than this is flagged; 400 if it isn't said.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_lines: Option<u32>,
    /// Whether an agent tries where no other fixer mends it, if a model is set up; `true` if it isn't said.
    pub agent: Option<bool>,
    /// The project's own fixers: the name of a job, and what to run when it fails.
    pub commands: Table<NodeName, OneOrMany<CommandLine>>,
}
