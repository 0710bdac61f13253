//! Reading the history.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Tool, plain_path, revision};

/// Its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GitLog {
    /// Only commits that changed this path.
    #[serde(default)]
    pub path: Option<String>,
    /// Only commits after this one.
    #[serde(default)]
    pub since: Option<String>,
    /// How many, 50 at most. Left out: 15.
    #[serde(default)]
    pub count: Option<u32>,
}

impl Tool for GitLog {
    const NAME: &'static str = "git_log";
    const ABOUT: &'static str =
        "Lists commits, newest first: id, date, author, subject and the files that each changed.";

    fn check(&self) -> Result<(), String> {
        self.path.as_deref().map_or(Ok(()), plain_path)?;
        self.since.as_deref().map_or(Ok(()), revision)
    }
}
