//! Asking a person.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Tool, not_empty};

/// Its arguments.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskPerson {
    /// The question.
    pub question: String,
}

impl Tool for AskPerson {
    const NAME: &'static str = "ask_person";
    const ABOUT: &'static str = "Asks a person something that no tool can tell, and waits for the answer. Ask rarely.";

    fn check(&self) -> Result<(), String> {
        not_empty("the question", &self.question)
    }
}
