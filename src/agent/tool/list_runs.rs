//! Listing runs.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Tool;

/// Its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListRuns {
    /// How many, 50 at most. Left out: 15.
    #[serde(default)]
    pub count: Option<u32>,
}

impl Tool for ListRuns {
    const NAME: &'static str = "list_runs";
    const ABOUT: &'static str =
        "Lists the latest runs of the project: number, pipeline, outcome, commit, when, and which jobs failed.";
}
