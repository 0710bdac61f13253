//! Reading what a job printed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Tool;

/// Its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadOutput {
    /// Number of the run. Left out: the one that this is about.
    #[serde(default)]
    pub run: Option<u64>,
    /// The job. Left out: the one that this is about, or the first that failed.
    #[serde(default)]
    pub job: Option<String>,
    /// The first line, from 1. Left out: the end.
    #[serde(default)]
    pub first: Option<u64>,
    /// How many lines, 300 at most. Left out: 100.
    #[serde(default)]
    pub count: Option<u32>,
    /// Only lines that match this regular expression, with two lines around each.
    #[serde(default)]
    pub pattern: Option<String>,
}

impl Tool for ReadOutput {
    const NAME: &'static str = "read_output";
    const ABOUT: &'static str = "Reads lines of what a job printed: its end, lines from a number on, or the lines around those that match a pattern.";
}
