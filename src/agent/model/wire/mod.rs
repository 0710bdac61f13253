//! What providers are sent and what they answer: one file a wire, each a function that makes a request and a fold of events. Pure.
//!
//! Written directly and not over a client crate: `docs/models.md` says what each of its wires lost.

mod anthropic;
mod chat;
mod gemini;
mod responses;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Piece, Prompt, Reply};
use crate::{
    config::settings::model::{Effort, ProviderKind},
    domain::{
        talk::{Message, ModelName, Stop, ToolCall},
        usage::{NanoUsd, Usage},
    },
};

/// Calls of tools in one answer at most.
const MOST_CALLS: usize = 128;

/// Bytes of one answer at most.
const LONGEST: usize = 32 << 20;

/// What is asked, and of which model.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub kind: ProviderKind,
    pub model: &'a ModelName,
    pub prompt: &'a Prompt,
    pub max_output: u32,
    pub effort: Option<Effort>,
}

/// An HTTP request: where to below the base address, and what.
#[derive(Debug)]
pub(super) struct Request {
    pub path: String,
    pub body: Value,
}

/// What is wrong with an answer.
#[derive(Debug, PartialEq)]
pub(super) enum Wrong {
    /// The provider says so itself.
    Said(Value),
    /// It can't be read, or is not whole.
    Broken(String),
}

impl Ask<'_> {
    /// How this model is spoken to: OpenAI's models from the fifth on take tools only as responses.
    fn wire(&self) -> ProviderKind {
        let newer = ["gpt-5", "gpt-6"].iter().any(|newer| self.model.model.starts_with(newer));
        if self.kind == ProviderKind::OpenAi && newer { ProviderKind::OpenAiResponses } else { self.kind }
    }

    /// The request.
    pub(super) fn request(&self) -> Request {
        match self.wire() {
            ProviderKind::Anthropic => anthropic::request(self),
            ProviderKind::OpenAiResponses => responses::request(self),
            ProviderKind::Gemini => gemini::request(self),
            _ => chat::request(self),
        }
    }

    /// What takes its answer in.
    pub(super) fn fold(&self) -> Fold {
        let take = match self.wire() {
            ProviderKind::Anthropic => anthropic::take,
            ProviderKind::OpenAiResponses => responses::take,
            ProviderKind::Gemini => gemini::take,
            _ => chat::take,
        };
        Fold { kind: self.kind, model: self.model.clone(), take, draft: Draft::default() }
    }

    /// The messages; each of the model's with what its provider wants back of it, where this is the same model and the turn lasts.
    fn messages(&self) -> impl Iterator<Item = (&Message, Option<&Value>)> {
        let messages = &self.prompt.messages;
        let turn = messages.iter().rposition(|message| matches!(message, Message::User { .. })).unwrap_or(0);
        let model = self.model.to_string();
        messages.iter().enumerate().map(move |(at, message)| {
            let wire = match message {
                Message::Model { wire: Some(wire), .. } if at >= turn && wire["model"] == model.as_str() => Some(wire),
                _ => None,
            };
            (message, wire)
        })
    }

    /// All that it is to be, in one text.
    fn system(&self) -> String {
        let texts = self.prompt.messages.iter().filter_map(|message| match message {
            Message::System { text } => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n\n")
    }
}

/// Arguments as the object that every wire wants them to be.
fn object(arguments: &Value) -> Value {
    if arguments.is_object() { arguments.clone() } else { Value::Object(Map::new()) }
}

/// Sets a text to what stands there.
fn set(field: &mut String, value: &Value) {
    value.as_str().unwrap_or_default().clone_into(field);
}

/// A count, however it is written.
fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64))
}

/// A call as it comes in.
#[derive(Debug, Default)]
struct Called {
    id: String,
    tool: String,
    arguments: String,
}

/// An answer as it comes in.
#[derive(Debug, Default)]
struct Draft {
    text: String,
    reasoning: String,
    refusal: String,
    calls: BTreeMap<u64, Called>,
    stop: Option<Stop>,
    usage: Option<Usage>,
    cost: Option<NanoUsd>,
    /// What the wire wants back.
    wire: Map<String, Value>,
    /// Parts of the answer in their order, of wires that want it back in that order.
    parts: Vec<Value>,
    /// Nothing more comes.
    done: bool,
    bytes: usize,
}

impl Draft {
    fn say(&mut self, text: &str, out: &mut Vec<Piece>) {
        if !text.is_empty() {
            self.text.push_str(text);
            out.push(Piece::Text(text.to_owned()));
        }
    }

    fn reason(&mut self, text: &str, out: &mut Vec<Piece>) {
        if !text.is_empty() {
            self.reasoning.push_str(text);
            out.push(Piece::Reasoning(text.to_owned()));
        }
    }

    /// The call of this number. More than a few are no answer of a model.
    fn call(&mut self, number: u64) -> Result<&mut Called, Wrong> {
        if self.calls.len() >= MOST_CALLS && !self.calls.contains_key(&number) {
            return Err(Wrong::Broken(format!("it calls more than {MOST_CALLS} tools at once")));
        }
        Ok(self.calls.entry(number).or_default())
    }

    fn calling(&self, number: u64, out: &mut Vec<Piece>) {
        if let Some(call) = self.calls.get(&number) {
            out.push(Piece::Calling { tool: call.tool.clone(), bytes: call.arguments.len() as u64 });
        }
    }
}

/// An answer that is being taken in.
pub(super) struct Fold {
    kind: ProviderKind,
    model: ModelName,
    take: fn(&mut Draft, ProviderKind, &Value, &mut Vec<Piece>) -> Result<(), Wrong>,
    draft: Draft,
}

impl Fold {
    /// Takes the data of an event; gives what is to be shown.
    pub(super) fn take(&mut self, data: &str, out: &mut Vec<Piece>) -> Result<(), Wrong> {
        self.draft.bytes += data.len();
        if self.draft.bytes > LONGEST {
            return Err(Wrong::Broken(format!("it is longer than {} MB", LONGEST >> 20)));
        }
        if data.trim() == "[DONE]" {
            self.draft.done = true;
            return Ok(());
        }
        let data: Value =
            serde_json::from_str(data).map_err(|error| Wrong::Broken(format!("an event is no JSON: {error}")))?;
        (self.take)(&mut self.draft, self.kind, &data, out)
    }

    /// Whether nothing more has to come.
    pub(super) fn is_done(&self) -> bool {
        self.draft.done
    }

    /// Whether everything was said; counts may still come.
    pub(super) fn is_whole(&self) -> bool {
        self.draft.done || self.draft.stop.is_some()
    }

    /// The answer.
    pub(super) fn finish(self) -> Result<Reply, Wrong> {
        let Self { model, draft, .. } = self;
        let broken = |said: &str| Err(Wrong::Broken(said.to_owned()));
        let Some(stop) = draft.stop else {
            return broken("it ended before it was whole");
        };
        let mut calls = Vec::new();
        for call in draft.calls.into_values() {
            let text = call.arguments.trim();
            let arguments =
                if text.is_empty() { Some(Value::Object(Map::new())) } else { serde_json::from_str(text).ok() };
            match arguments.filter(Value::is_object) {
                Some(arguments) if !call.tool.is_empty() => {
                    let id = if call.id.is_empty() { format!("call_{}", calls.len()) } else { call.id };
                    calls.push(ToolCall { id, tool: call.tool, arguments });
                }
                // Cut off by the limit: it was never called.
                _ if stop == Stop::Length => {}
                _ => return broken(&format!("the arguments for `{}` are no whole JSON", call.tool)),
            }
        }
        let stop = match stop {
            Stop::Done if !draft.refusal.is_empty() => Stop::Refused { why: draft.refusal },
            Stop::Done | Stop::Tools if !calls.is_empty() => Stop::Tools,
            Stop::Tools => Stop::Done,
            Stop::Refused { why } if why.is_empty() => Stop::Refused { why: draft.refusal },
            stop => stop,
        };
        if stop == Stop::Done && draft.text.trim().is_empty() {
            return broken("it says nothing");
        }
        let mut wire = draft.wire;
        if !draft.parts.is_empty() {
            wire.insert("parts".to_owned(), draft.parts.into());
        }
        let wire = (!wire.is_empty()).then(|| {
            wire.insert("model".to_owned(), model.to_string().into());
            Value::Object(wire)
        });
        let message = Message::Model { text: draft.text, calls: calls.clone(), wire };
        Ok(Reply { message, calls, stop, usage: draft.usage, cost: draft.cost, model })
    }
}
