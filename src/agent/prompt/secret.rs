//! Secrets out of what is sent, and out of what streams back.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    domain::talk::Message,
    redact::{Redactor, Secrets},
};

/// So much of a word is held back at most.
const WORD: usize = 8 << 10;

/// Takes secrets out of messages. What a provider wants back exactly as it was stays: it came from there.
pub fn redact(secrets: &Arc<Secrets>, messages: &mut [Message]) {
    let clean = |text: &mut String| *text = secrets.redact_text(text);
    for message in messages {
        match message {
            Message::System { text } | Message::User { text } => clean(text),
            Message::Model { text, calls, .. } => {
                clean(text);
                for call in calls {
                    value(secrets, &mut call.arguments);
                }
            }
            Message::Tool { result } => clean(&mut result.text),
        }
    }
}

/// Takes secrets out of every text of a value.
pub(crate) fn value(secrets: &Arc<Secrets>, at: &mut Value) {
    match at {
        Value::String(text) => *text = secrets.redact_text(text),
        Value::Array(list) => list.iter_mut().for_each(|one| value(secrets, one)),
        Value::Object(object) => object.values_mut().for_each(|one| value(secrets, one)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What a model says, as it comes: a word is let go of when it is whole, so that no part of a secret is seen.
#[derive(Debug)]
pub struct Stream {
    redactor: Redactor,
    word: String,
}

impl Stream {
    /// A stream in which these are secret.
    pub fn new(secrets: &Arc<Secrets>) -> Self {
        Self { redactor: Redactor::of(Arc::clone(secrets)), word: String::new() }
    }

    /// Takes in a piece, and gives what can be shown.
    pub fn push(&mut self, piece: &str) -> String {
        self.word.push_str(piece);
        let end = match self.word.rfind(|c: char| c.is_ascii_whitespace()) {
            Some(space) => space + 1,
            None if self.word.len() > WORD => self.word.len(),
            None => return String::new(),
        };
        let mut out = Vec::new();
        self.redactor.push(self.word.get(..end).unwrap_or_default().as_bytes(), &mut out);
        self.word.drain(..end);
        self.redactor.flush_idle(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// What was still held back: it is over.
    pub fn finish(&mut self) -> String {
        let mut out = Vec::new();
        self.redactor.push(std::mem::take(&mut self.word).as_bytes(), &mut out);
        self.redactor.finish(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}
