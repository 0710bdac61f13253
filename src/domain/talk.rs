//! What is said between gonogo and a model, in no provider's terms.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum Message {
    /// What it is to be, from gonogo. Providers put it where it belongs.
    System {
        /// The text.
        text: String,
    },
    /// From whoever asks.
    User {
        /// The text.
        text: String,
    },
    /// From the model.
    Model {
        /// Its text; may be empty where it only calls tools.
        text: String,
        /// Tools that it calls, in its order.
        calls: Vec<ToolCall>,
        /// What its provider wants back exactly as it was (signed or plain reasoning), in the provider's own form. Only of use to
        /// the same model, and only while the turn lasts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wire: Option<Value>,
    },
    /// What a tool gave: one for each call of the message before.
    Tool {
        /// The answer.
        result: ToolResult,
    },
}

/// A tool that a model wants to be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The provider's name for this call; the result carries the same.
    pub id: String,
    /// Name of the tool.
    pub tool: String,
    /// Its arguments: an object, or what there was of it if it was not whole.
    pub arguments: Value,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolResult {
    /// Of which call.
    pub call: String,
    /// What the model is told.
    pub text: String,
    /// It worked.
    pub ok: bool,
}

/// A tool as a model is told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// Its name: letters, digits, `_` and `-`, 64 at most.
    pub name: String,
    /// What it does, and when to use it.
    pub about: String,
    /// JSON Schema of its arguments.
    pub schema: Value,
}

/// Why a model stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Stop {
    /// It has said all.
    Done,
    /// It wants tools to be used.
    Tools,
    /// It reached the limit of output tokens.
    Length,
    /// It, or its provider's filter, refuses.
    Refused {
        /// In the provider's words; may be empty.
        why: String,
    },
}

/// A model by its provider's name in `config.toml` and its own: `anthropic/claude-sonnet-5-5`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ModelName {
    /// Name of the provider in `config.toml`.
    pub provider: String,
    /// As the provider calls it.
    pub model: String,
}

impl std::fmt::Display for ModelName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{}/{}", self.provider, self.model))
    }
}
