//! What comes to the machine.

use crate::{
    agent::model::{ModelError, Reply},
    domain::{actor::Actor, usage::NanoUsd},
    protocol::thread::TurnOutcome,
};

use super::Key;

/// Something happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The turn begins.
    Begin,
    /// A piece of the answer came.
    Piece {
        /// The piece.
        text: String,
        /// It is reasoning.
        reasoning: bool,
    },
    /// The model has answered.
    Replied {
        /// With this.
        reply: Box<Reply>,
        /// What that cost; `None`: no price is known.
        cost: Option<NanoUsd>,
    },
    /// The model did not answer.
    Failed {
        /// Why.
        error: ModelError,
    },
    /// The model was not asked: a budget, or what is left of the turn's money, forbids it.
    NotAsked {
        /// What the turn ends with.
        outcome: TurnOutcome,
    },
    /// It is known whether a call may be done.
    Permitted {
        /// Which.
        key: Key,
        /// Whether.
        permit: Permit,
    },
    /// A tool has done its work.
    Used {
        /// Of which call.
        key: Key,
        /// It worked.
        ok: bool,
        /// What the model is told.
        text: String,
    },
    /// Somebody, or something, stops it.
    Interrupted {
        /// Who.
        by: Actor,
    },
    /// The time that the role gives is over.
    TimeUp,
}

/// Whether something may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permit {
    /// It may; with the words of whoever said so.
    Go {
        /// May be empty.
        words: String,
    },
    /// It may not.
    No {
        /// Why.
        why: String,
    },
}
