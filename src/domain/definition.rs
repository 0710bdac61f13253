//! What `gonogo.toml` means once it has been checked: pipelines, jobs, steps, gates and the fix policy.
//!
//! [`crate::config`] reads the file and builds these; [`super::plan`] turns a pipeline into a run's plan.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    container::{ContainerSpec, EnvironmentSpec},
    diagnosis::Category,
    time::Millis,
};

/// A whole `gonogo.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definition {
    /// The pipelines, in the order of the file.
    pub pipelines: Vec<Pipeline>,
    /// What may be repaired, how often, and what is never touched.
    pub fix: FixPolicy,
    /// Places that jobs deploy to, and pools of prepared containers, in the order of the file.
    pub environments: Vec<EnvironmentSpec>,
}

fn is_default(container: &ContainerSpec) -> bool {
    *container == ContainerSpec::default()
}

impl Definition {
    /// The environment of this name.
    pub fn environment(&self, name: &str) -> Option<&EnvironmentSpec> {
        self.environments.iter().find(|environment| environment.name == name)
    }

    /// The pipeline of this name.
    pub fn pipeline(&self, name: &str) -> Option<&Pipeline> {
        self.pipelines.iter().find(|p| p.name == name)
    }
}

/// A named graph of jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pipeline {
    /// Its name, unique in the file.
    pub name: String,
    /// Triggers that start it; empty means any.
    pub on: Vec<String>,
    /// Variables for every job; a job's own win.
    pub env: BTreeMap<String, String>,
    /// How runs of it get along with each other.
    pub concurrency: Option<Concurrency>,
    /// Its jobs, in the order of the file.
    pub jobs: Vec<JobSpec>,
    /// Its gates.
    pub gates: Vec<GateSpec>,
}

/// Runs with the same group run one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrency {
    /// The group's name; groups are per project.
    pub group: String,
    /// A new run cancels the one that is under way instead of waiting for it.
    #[serde(default)]
    pub cancel_running: bool,
}

/// A node of the graph.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    /// Its name, unique among the jobs and gates of its pipeline.
    pub name: String,
    /// Jobs and gates that must have ended well before it starts (but see [`When`]).
    #[serde(default)]
    pub needs: Vec<String>,
    /// Where it runs.
    #[serde(default)]
    pub engine: EngineKind,
    /// The container in which its steps run, for engines that use one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub container: ContainerSpec,
    /// Its commands, in order. The first that fails ends the job.
    pub steps: Vec<StepSpec>,
    /// Axes and their values: one job a combination.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub matrix: BTreeMap<String, Vec<String>>,
    /// Variables that its steps see. Nothing else of gonogo's environment reaches them but a short list (see `docs/definition.md`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Names of variables whose values are secret: passed on from gonogo's environment, and redacted wherever they appear.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// The job is ended after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Millis>,
    /// When to try again.
    #[serde(default)]
    pub retry: RetryPolicy,
    /// Directories kept from run to run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cache: Vec<CacheSpec>,
    /// Globs of the files that decide the job's outcome. Where given, a job whose inputs, commands, environment and tools are
    /// unchanged since it passed is not run again: it is a cache hit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// Commands whose output (a tool's version) is part of the job cache's key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// Globs of files kept when the job passes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<String>,
    /// Triggers for which it runs; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<String>,
    /// On which outcomes of its needs it runs.
    #[serde(default)]
    pub when: When,
    /// Run the steps under a pseudo-terminal rather than a pipe.
    #[serde(default)]
    pub tty: bool,
    /// In which directory it works.
    #[serde(default)]
    pub workspace: WorkspaceKind,
    /// Environment to which it deploys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<String>,
}

/// One command of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSpec {
    /// Shown on the board: its own name, or else the command's first line.
    pub name: String,
    /// Handed to `sh -c`.
    pub run: String,
    /// Directory relative to the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
    /// Variables for this step alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The step is ended after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Millis>,
    /// Globs of JUnit XML reports that it writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<String>,
    /// A failure of this step is recorded but doesn't fail the job.
    #[serde(default)]
    pub allow_failure: bool,
}

/// A point where a run waits for a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateSpec {
    /// Its name, unique among the jobs and gates of its pipeline.
    pub name: String,
    /// What the person is asked.
    pub question: String,
    /// What must have ended well before it asks.
    #[serde(default)]
    pub needs: Vec<String>,
}

/// Where a job runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// A process on this machine.
    #[default]
    Local,
    /// A container.
    Docker,
    /// GitHub Actions.
    Github,
}

impl EngineKind {
    /// As written in `gonogo.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Docker => "docker",
            Self::Github => "github",
        }
    }
}

/// In which directory a job works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceKind {
    /// The checkout itself.
    #[default]
    InPlace,
    /// A worktree of the exact tree, uncommitted changes included.
    Isolated,
}

/// On which outcomes of its needs a job runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// All of them passed.
    #[default]
    Success,
    /// At least one of them failed.
    Failure,
    /// They ended, however.
    Always,
}

/// When a failed attempt is followed by another without asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// How many attempts at most, the first included.
    pub attempts: u32,
    /// Only for failures of these categories; empty means none.
    #[serde(default)]
    pub on: Vec<Category>,
    /// Wait before the second attempt; doubled for each further one, with jitter.
    #[serde(default = "RetryPolicy::default_wait")]
    pub wait: Millis,
}

impl RetryPolicy {
    const fn default_wait() -> Millis {
        Millis(1000)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 1, on: Vec::new(), wait: Self::default_wait() }
    }
}

/// A directory kept from run to run, for workspaces that start empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheSpec {
    /// Directory relative to the workspace.
    pub path: String,
    /// Globs of the files whose content names the cache.
    #[serde(default)]
    pub key: Vec<String>,
}

/// What may be repaired, how often, and what is never touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixPolicy {
    /// Whether failed jobs are repaired at all.
    pub enabled: bool,
    /// At most so many repairs for one fault at one commit.
    pub attempts: u32,
    /// Categories whose proven, unflagged proposals need no person.
    pub auto: Vec<Category>,
    /// Globs of paths that no proposal may touch.
    pub never: Vec<String>,
    /// How an approved proposal is applied.
    pub apply: ApplyInto,
    /// The project's own fixers: job name to commands, tried before the built-in ones.
    pub commands: BTreeMap<String, Vec<String>>,
    /// A proposal that changes more lines than this is flagged.
    pub max_lines: u32,
    /// Whether an agent tries where no other fixer mends it, if a model is set up.
    #[serde(default = "yes")]
    pub agent: bool,
}

fn yes() -> bool {
    true
}

impl Default for FixPolicy {
    fn default() -> Self {
        Self {
            enabled: true,
            attempts: 3,
            auto: Vec::new(),
            never: Vec::new(),
            apply: ApplyInto::Commit,
            commands: BTreeMap::new(),
            max_lines: 400,
            agent: true,
        }
    }
}

/// Where an approved patch goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplyInto {
    /// A commit on the current branch.
    #[default]
    Commit,
    /// A commit on a new branch; the checkout stays as it is.
    Branch,
    /// The working tree, uncommitted.
    WorkingTree,
}

impl ApplyInto {
    /// As written in `gonogo.toml` and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Branch => "branch",
            Self::WorkingTree => "working-tree",
        }
    }
}
