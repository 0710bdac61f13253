//! Ending a repair.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Tool, not_empty};

/// Its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Propose {
    /// What was wrong and what the change does, in one to three plain sentences.
    pub summary: String,
}

impl Tool for Propose {
    const NAME: &'static str = "propose";
    const ABOUT: &'static str =
        "Ends the work: what the workspace holds now is proposed. Only after run_job has passed with it.";

    fn check(&self) -> Result<(), String> {
        not_empty("the summary", &self.summary)
    }
}
