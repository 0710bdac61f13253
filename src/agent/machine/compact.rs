//! Room in a full context: old results of tools go first, then old exchanges.

use crate::domain::talk::{Message, ToolSpec};

/// The newest messages are left as they are.
const KEPT: usize = 6;

/// A result that is no longer than this stays.
const SMALL: usize = 300;

/// Roughly how many tokens messages are: rather too many than too few. Three bytes of code or JSON are about one.
pub(super) fn estimate(messages: &[Message], tools: &[ToolSpec]) -> u64 {
    let schema = |tool: &ToolSpec| tool.about.len() + tool.schema.to_string().len();
    let bytes = messages.iter().map(size).sum::<usize>() + tools.iter().map(schema).sum::<usize>();
    (bytes / 3) as u64 + 8 * messages.len() as u64
}

fn size(message: &Message) -> usize {
    match message {
        Message::System { text } | Message::User { text } => text.len(),
        Message::Model { text, calls, wire } => {
            let calls: usize = calls.iter().map(|call| call.tool.len() + call.arguments.to_string().len()).sum();
            text.len() + calls + wire.as_ref().map_or(0, |wire| wire.to_string().len())
        }
        Message::Tool { result } => result.text.len(),
    }
}

/// Makes room until the messages are `most` tokens at most, or nothing more can go. Says whether anything went.
pub(super) fn compact(messages: &mut Vec<Message>, tools: &[ToolSpec], most: u64) -> bool {
    let mut changed = false;
    let old = messages.len().saturating_sub(KEPT);
    for at in 0..old {
        if estimate(messages, tools) <= most {
            return changed;
        }
        changed |= messages.get_mut(at).is_some_and(leave_out);
    }
    while estimate(messages, tools) > most {
        if !drop_oldest(messages) {
            break;
        }
        changed = true;
    }
    // What is left is one exchange: its results are cut.
    let mut room = 16 << 10;
    while estimate(messages, tools) > most && room > SMALL {
        for message in messages.iter_mut() {
            if let Message::Tool { result } = message
                && result.text.len() > room
            {
                result.text = format!("{}\n[the rest was left out to save room]", head(&result.text, room));
                changed = true;
            }
        }
        room /= 2;
    }
    changed
}

/// Puts a line in the place of a long result.
fn leave_out(message: &mut Message) -> bool {
    let Message::Tool { result } = message else { return false };
    if result.text.len() <= SMALL {
        return false;
    }
    result.text = format!("[{} bytes were left out to save room; ask again if they are needed]", result.text.len());
    true
}

/// Drops the oldest exchange after what the turn is about, and says how many messages are gone.
fn drop_oldest(messages: &mut Vec<Message>) -> bool {
    let is_head = |message: &Message| matches!(message, Message::System { .. });
    let first = messages.iter().take_while(|message| is_head(message)).count() + 1;
    let mark = messages.get(first).and_then(gone);
    let from = first + usize::from(mark.is_some());
    // Whole exchanges: results never stand without their calls.
    let begins = |message: &Message| !matches!(message, Message::Tool { .. });
    let after = from + 1;
    let Some(next) = messages.iter().skip(after).position(begins).map(|at| at + after) else { return false };
    messages.drain(from..next);
    let count = mark.unwrap_or(0) + (next - from);
    let text = format!("[{count}{GONE}]");
    match messages.get_mut(first) {
        Some(message) if gone(message).is_some() => *message = Message::User { text },
        _ => messages.insert(first, Message::User { text }),
    }
    true
}

const GONE: &str = " earlier messages were left out to save room";

fn gone(message: &Message) -> Option<usize> {
    let Message::User { text } = message else { return None };
    text.strip_prefix('[')?.strip_suffix(']')?.strip_suffix(GONE)?.parse().ok()
}

fn head(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}
