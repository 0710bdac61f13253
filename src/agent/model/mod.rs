//! Models: one trait, and what speaks each provider's wire.
//!
//! [`Models`] knows who can be asked and gives out a [`Model`] for each role: a chain of models that tries again, falls back, and leaves
//! alone whoever fails all the time. `docs/models.md` says how.

mod attempt;
mod breaker;
mod chain;
mod fault;
mod key;
mod models;
mod rate;
mod retry;
mod sse;
mod wire;

pub use attempt::Timing;
pub use breaker::BreakerState;
pub use models::{BY_VARIABLE, KeyState, Models, NoModel, ProviderState, URL_VARIABLE};
pub use retry::Patience;

use std::time::Duration;

use futures::stream::BoxStream;

use crate::domain::{
    talk::{Message, ModelName, Stop, ToolCall, ToolSpec},
    usage::{NanoUsd, Usage},
};

/// What a model is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompt {
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// Tools that it may call.
    pub tools: Vec<ToolSpec>,
    /// Tokens of output at most, reasoning included.
    pub max_output: u32,
}

/// Pieces of an answer, as they come.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Of the text.
    Text(String),
    /// Of the reasoning.
    Reasoning(String),
    /// Of a call of a tool: so many bytes of it are there.
    Calling {
        /// Name of the tool, as soon as it is known.
        tool: String,
        /// Bytes of its arguments so far.
        bytes: u64,
    },
    /// The provider lives; nothing was said.
    Alive,
    /// It starts over, with the same model or the next one: what came before is void.
    Again {
        /// What was wrong, and what is done now.
        why: String,
    },
    /// It is complete. Always the last.
    End(Box<Reply>),
}

/// A complete answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The message, with the calls and what the provider wants back: always [`Message::Model`].
    pub message: Message,
    /// The calls of it once more, checked: what is not whole JSON is an error of the reply.
    pub calls: Vec<ToolCall>,
    /// Why it stopped there.
    pub stop: Stop,
    /// What it used; `None` where the provider did not say.
    pub usage: Option<Usage>,
    /// What it cost by the provider's own account, which wins over any table.
    pub cost: Option<NanoUsd>,
    /// Which model answered, by its full name.
    pub model: ModelName,
}

/// Why a model did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Too much was asked for a while.
    #[error("rate limit of {provider}")]
    RateLimited {
        /// Whose.
        provider: String,
        /// When it may be tried again, if it said so.
        after: Option<Duration>,
        /// In its words.
        said: String,
    },
    /// The credit is spent, or a spending limit reached: waiting doesn't help.
    #[error("no credit left at {provider}: {said}")]
    NoCredit {
        /// At whose.
        provider: String,
        /// In its words.
        said: String,
    },
    /// It has too much to do, or a fault of its own.
    #[error("{provider} is not able to answer: {said}")]
    Unavailable {
        /// Which provider.
        provider: String,
        /// When it may be tried again, if it said so.
        after: Option<Duration>,
        /// In its words.
        said: String,
    },
    /// It can't be reached.
    #[error("{provider} can't be reached: {said}")]
    Unreachable {
        /// Which provider.
        provider: String,
        /// What the connection said.
        said: String,
    },
    /// The key is missing or wrong, or may not use this model.
    #[error("{provider} refused the key: {said}")]
    Denied {
        /// Which provider.
        provider: String,
        /// In its words.
        said: String,
    },
    /// More was sent than fits its context.
    #[error("the conversation is too long for {model}")]
    TooLong {
        /// Which model.
        model: ModelName,
    },
    /// It does not understand the request: a fault of gonogo's, or of the configuration.
    #[error("{provider} does not take the request: {said}")]
    BadRequest {
        /// Which provider.
        provider: String,
        /// In its words.
        said: String,
    },
    /// The answer broke off, or was none.
    #[error("the answer of {provider} broke off: {said}")]
    BrokenOff {
        /// Whose.
        provider: String,
        /// What was wrong with it.
        said: String,
    },
    /// So many faults came one after the other that it is left alone for a while.
    #[error("{provider} is left alone for a while after {faults} faults")]
    Resting {
        /// Which provider.
        provider: String,
        /// Until it is tried again.
        for_: Duration,
        /// How many.
        faults: u32,
    },
}

/// Something that can be asked as a model is. Dropping the stream stops it.
pub trait Model: Send + Sync {
    /// Asks it. The last piece is [`Piece::End`], unless an error comes.
    fn ask(&self, prompt: Prompt) -> BoxStream<'static, Result<Piece, ModelError>>;

    /// Its name.
    fn name(&self) -> ModelName;
}
