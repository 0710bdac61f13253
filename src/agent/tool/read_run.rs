//! Reading a run.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Tool;

/// Its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadRun {
    /// Number of the run. Left out: the one that this is about, or the newest.
    #[serde(default)]
    pub run: Option<u64>,
}

impl Tool for ReadRun {
    const NAME: &'static str = "read_run";
    const ABOUT: &'static str =
        "Says how a run stands: its jobs, how long each took, what failed and why, repairs, proposals and gates.";
}
