//! What the machine wants done.

use crate::{
    agent::{model::Prompt, tool::Action},
    domain::{talk::ToolCall, usage::NanoUsd},
    protocol::thread::TurnOutcome,
};

use super::Key;

/// Something is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the model. Comes to `Replied`, `Failed` or `NotAsked`, unless [`Effect::Hush`] follows.
    Ask {
        /// This.
        prompt: Prompt,
        /// What the turn may still cost.
        left: Option<NanoUsd>,
    },
    /// The model is no longer listened to.
    Hush,
    /// A piece of the answer, to be seen at once.
    Show {
        /// The piece.
        text: String,
        /// It is reasoning.
        reasoning: bool,
    },
    /// The model has said this.
    Say {
        /// The whole of it.
        text: String,
    },
    /// The model wants to use a tool.
    Call {
        /// By this number from now on.
        key: Key,
        /// As it wrote it.
        call: ToolCall,
    },
    /// Find out whether this may be done. Comes to `Permitted`, unless [`Effect::Drop`] follows.
    Permit {
        /// Which call.
        key: Key,
        /// What it is.
        action: Action,
    },
    /// Do it. Comes to `Used`, unless [`Effect::Drop`] follows.
    Use {
        /// Which call.
        key: Key,
        /// What it is.
        action: Action,
    },
    /// Its permission is no longer waited for, or its work no longer wanted.
    Drop {
        /// Which call.
        key: Key,
    },
    /// This is what the model is told of a call.
    Told {
        /// Which.
        key: Key,
        /// It worked.
        ok: bool,
        /// In these words.
        text: String,
    },
    /// The turn has ended. Always the last.
    End {
        /// How.
        outcome: TurnOutcome,
    },
}
