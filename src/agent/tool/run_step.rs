//! Running one declared step.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Tool;

/// Its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunStep {
    /// Number of the step, from 1, as read_run lists them.
    pub step: u32,
    /// The job. Left out: the one that failed.
    #[serde(default)]
    pub job: Option<String>,
}

impl Tool for RunStep {
    const NAME: &'static str = "run_step";
    const ABOUT: &'static str = "Runs one declared step of a job in the workspace: quicker than the whole job.";

    fn check(&self) -> Result<(), String> {
        if self.step == 0 { Err("steps are counted from 1".into()) } else { Ok(()) }
    }
}
