//! What keys do, as tools. A person is asked where a key would ask, and before anything that deploys.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Tool, not_empty};

/// Starts a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRun {
    /// The pipeline. Left out: the first of gonogo.toml.
    #[serde(default)]
    pub pipeline: Option<String>,
    /// Only these jobs and what they need. Left out: all.
    #[serde(default)]
    pub jobs: Vec<String>,
    /// Why, for the person who may be asked.
    pub why: String,
}

impl Tool for StartRun {
    const NAME: &'static str = "start_run";
    const ABOUT: &'static str = "Starts a pipeline of the project. A person is asked first if it deploys. It only begins it: read_run says how it goes.";

    fn check(&self) -> Result<(), String> {
        not_empty("the reason", &self.why)
    }
}

/// Runs jobs of an ended run again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryRun {
    /// Number of the run.
    pub run: u64,
    /// Only this job and what needs it. Left out: those that failed.
    #[serde(default)]
    pub job: Option<String>,
    /// Every job, also those that passed.
    #[serde(default)]
    pub all: bool,
    /// Why, for the person who may be asked.
    pub why: String,
}

impl Tool for RetryRun {
    const NAME: &'static str = "retry_run";
    const ABOUT: &'static str =
        "Runs the failed jobs of an ended run again, or one job, or all. A person is asked first if it deploys.";

    fn check(&self) -> Result<(), String> {
        not_empty("the reason", &self.why)
    }
}

/// Stops a run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRun {
    /// Number of the run.
    pub run: u64,
    /// Only this job.
    #[serde(default)]
    pub job: Option<String>,
    /// Why, for the person who is asked.
    pub why: String,
}

impl Tool for CancelRun {
    const NAME: &'static str = "cancel_run";
    const ABOUT: &'static str = "Stops a run that is under way, or one job of it. A person is asked first.";

    fn check(&self) -> Result<(), String> {
        not_empty("the reason", &self.why)
    }
}

/// Looks for a repair.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepairJob {
    /// Number of the run.
    pub run: u64,
    /// The failed job.
    pub job: String,
}

impl Tool for RepairJob {
    const NAME: &'static str = "repair_job";
    const ABOUT: &'static str =
        "Has gonogo look for a repair of a failed job. What it finds becomes a proposal that a person answers.";
}
