//! Changing a part of a file.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Tool, plain_path};

/// Its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchFile {
    /// Path below the top of the workspace.
    pub path: String,
    /// The text as it is now.
    pub old: String,
    /// What it is to be.
    pub new: String,
}

impl Tool for PatchFile {
    const NAME: &'static str = "patch_file";
    const ABOUT: &'static str = "Replaces text of a file of the workspace. What stands there is given exactly, with its blanks, and often enough to stand there once.";

    fn check(&self) -> Result<(), String> {
        plain_path(&self.path)?;
        if self.old.is_empty() {
            return Err("`old` is empty: write_file makes a new file".into());
        }
        if self.old == self.new {
            return Err("`old` and `new` are the same".into());
        }
        Ok(())
    }
}
