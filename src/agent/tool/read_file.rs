//! Reading lines of a file.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Tool, plain_path};

/// Its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadFile {
    /// Path below the top of the workspace.
    pub path: String,
    /// The first line, from 1. Left out: 1.
    #[serde(default)]
    pub first: Option<u32>,
    /// How many lines, 400 at most. Left out: 200.
    #[serde(default)]
    pub count: Option<u32>,
}

impl Tool for ReadFile {
    const NAME: &'static str = "read_file";
    const ABOUT: &'static str = "Reads lines of a text file of the workspace, each with its number.";

    fn check(&self) -> Result<(), String> {
        plain_path(&self.path)
    }
}
