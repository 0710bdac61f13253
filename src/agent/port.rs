//! What an agent needs of the world. Control gives it.

use std::{future::Future, sync::Arc};

use crate::{
    domain::{
        talk::ModelName,
        usage::{NanoUsd, Usage},
    },
    protocol::thread::{ThreadEvent, TurnOutcome},
    redact::Secrets,
};

use super::{machine::Permit, tool::Action};

/// What a tool came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// It worked.
    pub ok: bool,
    /// What the model is told. It is data; whoever gives it need not fence it.
    pub text: String,
}

impl Used {
    /// It worked.
    pub fn well(text: impl Into<String>) -> Self {
        Self { ok: true, text: text.into() }
    }

    /// It did not.
    pub fn badly(text: impl Into<String>) -> Self {
        Self { ok: false, text: text.into() }
    }
}

/// Money that was set aside for a call of a model. Dropping it without [`Reserve::settle`] counts all of it as spent.
pub trait Reserve: Send {
    /// What was set aside; `None`: the model has no price.
    fn bound(&self) -> Option<NanoUsd>;

    /// This is what it cost.
    fn settle(self, actual: Option<NanoUsd>);
}

/// A call that can't be paid for: how the turn ends.
pub type Unpaid = TurnOutcome;

/// The world of a turn. Dropping a future that it gave ends what it started.
pub trait AgentPort: Send + Sync {
    /// Money that was set aside.
    type Reserved: Reserve;

    /// Records facts; comes back when they are durable. `false`: they can't be, and nothing may be done on their strength.
    fn record(&self, facts: Vec<ThreadEvent>) -> impl Future<Output = bool> + Send;

    /// Lets those who watch see a piece of an answer; `at`: bytes of it before this.
    fn show(&self, at: u64, text: String, reasoning: bool);

    /// Sets aside what a call can cost at most.
    fn reserve(
        &self,
        model: &ModelName,
        prompt_tokens: u64,
        max_output: u32,
        left: Option<NanoUsd>,
    ) -> Result<Self::Reserved, Unpaid>;

    /// What a call cost, and what says so. `None`: no price is known.
    fn price(&self, model: &ModelName, usage: &Usage) -> (Option<NanoUsd>, String);

    /// Finds out whether something may be done; may wait for a person.
    fn permit(&self, action: &Action) -> impl Future<Output = Permit> + Send;

    /// Does it.
    fn use_tool(&self, action: &Action) -> impl Future<Output = Used> + Send;

    /// Waits for a person count as time of the turn.
    fn waits_count(&self) -> bool;

    /// What must not leave.
    fn secrets(&self) -> Arc<Secrets>;
}

/// How a turn ended, in words.
pub fn outcome_words(outcome: &TurnOutcome) -> String {
    match outcome {
        TurnOutcome::Done => "it has said all".into(),
        TurnOutcome::Limit { what } => format!("a limit was reached: {what}"),
        TurnOutcome::Stuck { what } => format!("it made no progress: {what}"),
        TurnOutcome::Refused { why } => format!("the model refused: {why}"),
        TurnOutcome::Failed { why, hint: Some(hint) } => format!("{why} (hint: {hint})"),
        TurnOutcome::Failed { why, hint: None } => why.clone(),
        TurnOutcome::Interrupted { by } => format!("stopped by {by}"),
        TurnOutcome::Lost => "gonogo ended meanwhile".into(),
        TurnOutcome::Unknown => "it ended in a way that a newer gonogo knows".into(),
    }
}
