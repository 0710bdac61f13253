//! Searching files.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Tool, not_empty, plain_path};

/// Its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchFiles {
    /// Regular expression, in the syntax of ripgrep.
    pub pattern: String,
    /// Only in files whose path fits this glob.
    #[serde(default)]
    pub glob: Option<String>,
}

impl Tool for SearchFiles {
    const NAME: &'static str = "search_files";
    const ABOUT: &'static str = "Finds the lines of text files of the workspace that match a regular expression.";

    fn check(&self) -> Result<(), String> {
        not_empty("the pattern", &self.pattern)?;
        self.glob.as_deref().map_or(Ok(()), plain_path)
    }
}
