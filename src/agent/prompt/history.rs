//! What was said before in a conversation, as messages.

use std::fmt::Write as _;

use serde_json::Value;

use crate::{
    domain::talk::{Message, ToolCall, ToolResult},
    state::thread::{Entry, Thread, What},
};

use super::Fence;

/// What a tool gave, as the model is told: what it printed or read is data.
pub fn answered(fence: &Fence, text: &str) -> String {
    fence.around(text)
}

/// The conversation so far, oldest first. `again`: the last turn is left out, since it is tried once more.
pub fn history(thread: &Thread, fence: &Fence, again: bool) -> Vec<Message> {
    let last = if again { thread.turns } else { 0 };
    let counts = |entry: &&Entry| turn(&entry.what).is_none_or(|turn| last == 0 || turn < last);
    let mut messages: Vec<Message> = Vec::new();
    let mut results: Vec<Message> = Vec::new();
    for entry in thread.entries.iter().filter(counts) {
        match &entry.what {
            What::Called { .. } => messages.append(&mut results),
            What::Said { text, attached, .. } => {
                messages.append(&mut results);
                let mut said = text.clone();
                for one in attached {
                    let _ = write!(said, "\n\n{}:\n{}", one.name, fence.around(&one.text));
                }
                messages.push(Message::User { text: said });
            }
            What::Answered { text, .. } => {
                messages.append(&mut results);
                messages.push(Message::Model { text: text.clone(), calls: Vec::new(), wire: None });
            }
            What::Tool { call, tool, arguments, answer, .. } => {
                let arguments = serde_json::from_str(arguments).unwrap_or(Value::Object(serde_json::Map::new()));
                // Numbered anew: providers name calls again and again by the same names.
                let id = format!("{call}-{}", entry.seq);
                let made = ToolCall { id: id.clone(), tool: tool.clone(), arguments };
                match messages.last_mut() {
                    Some(Message::Model { calls, .. }) => calls.push(made),
                    _ => messages.push(Message::Model { text: String::new(), calls: vec![made], wire: None }),
                }
                let (ok, text) = match answer {
                    Some(answer) => (answer.ok, answered(fence, &answer.text)),
                    None => (false, "it was cut off".to_owned()),
                };
                results.push(Message::Tool { result: ToolResult { call: id, text, ok } });
            }
            What::Ended { outcome, .. } => {
                messages.append(&mut results);
                let said = format!("[the turn before ended early: {}]", super::super::port::outcome_words(outcome));
                messages.push(Message::User { text: said });
            }
            What::Permitted { .. } => {}
        }
    }
    messages.append(&mut results);
    messages
}

fn turn(what: &What) -> Option<u32> {
    match what {
        What::Answered { turn, .. }
        | What::Tool { turn, .. }
        | What::Called { turn, .. }
        | What::Ended { turn, .. } => Some(*turn),
        What::Said { .. } | What::Permitted { .. } => None,
    }
}
