//! Writing a whole file.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Tool, plain_path};

/// Its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteFile {
    /// Path below the top of the workspace.
    pub path: String,
    /// All of its text.
    pub text: String,
}

impl Tool for WriteFile {
    const NAME: &'static str = "write_file";
    const ABOUT: &'static str = "Writes a whole text file of the workspace, new or in place of the old one. To change a part of a file, use patch_file.";

    fn check(&self) -> Result<(), String> {
        plain_path(&self.path)
    }
}
