//! What the output of a failed job says.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Tool;

/// Its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadDiagnosis {
    /// Number of the run. Left out: the one that this is about.
    #[serde(default)]
    pub run: Option<u64>,
    /// The job. Left out: the one that this is about, or the first that failed.
    #[serde(default)]
    pub job: Option<String>,
}

impl Tool for ReadDiagnosis {
    const NAME: &'static str = "read_diagnosis";
    const ABOUT: &'static str =
        "Says what failed in a job and where: category, findings with file and line, failed tests.";
}
