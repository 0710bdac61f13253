//! Running another command.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Tool, not_empty};

/// Its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunCommand {
    /// A shell command.
    pub command: String,
    /// Why it is needed, for the person who is asked.
    pub why: String,
}

impl Tool for RunCommand {
    const NAME: &'static str = "run_command";
    const ABOUT: &'static str = "Runs a command that the pipeline does not declare in the workspace, without a network. A person is asked first: use it only if nothing else does.";

    fn check(&self) -> Result<(), String> {
        not_empty("the command", &self.command)?;
        not_empty("the reason", &self.why)
    }
}
