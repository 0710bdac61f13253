//! Running a job.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Tool;

/// Its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunJob {
    /// The job. Left out: the one that failed.
    #[serde(default)]
    pub job: Option<String>,
}

impl Tool for RunJob {
    const NAME: &'static str = "run_job";
    const ABOUT: &'static str = "Runs a whole job of the pipeline in the workspace and says how it ended. This is the proof of a repair: it has to pass.";
}
