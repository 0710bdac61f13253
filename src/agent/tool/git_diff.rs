//! Reading a change.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Tool, plain_path, revision};

/// Its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GitDiff {
    /// The older commit. Left out: what the files were when this work began.
    #[serde(default)]
    pub from: Option<String>,
    /// The newer commit. Left out: the files as they are now.
    #[serde(default)]
    pub to: Option<String>,
    /// Only of this path.
    #[serde(default)]
    pub path: Option<String>,
}

impl Tool for GitDiff {
    const NAME: &'static str = "git_diff";
    const ABOUT: &'static str =
        "Shows what changed: between two commits, or between a commit and the files as they are now.";

    fn check(&self) -> Result<(), String> {
        self.path.as_deref().map_or(Ok(()), plain_path)?;
        self.from.as_deref().map_or(Ok(()), revision)?;
        self.to.as_deref().map_or(Ok(()), revision)
    }
}
