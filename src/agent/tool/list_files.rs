//! Listing files.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Tool, plain_path};

/// Its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListFiles {
    /// Glob such as `src/**/*.rs`. Left out: everything.
    #[serde(default)]
    pub glob: Option<String>,
}

impl Tool for ListFiles {
    const NAME: &'static str = "list_files";
    const ABOUT: &'static str = "Lists files of the workspace whose path fits a glob, ignored ones left out.";

    fn check(&self) -> Result<(), String> {
        self.glob.as_deref().map_or(Ok(()), plain_path)
    }
}
