//! Anthropic's messages.

use serde_json::{Value, json};

use super::{Ask, Draft, Request, Wrong, count, object, set};
use crate::{
    agent::model::Piece,
    config::settings::model::ProviderKind,
    domain::{
        talk::{Message, Stop},
        usage::Usage,
    },
};

pub(super) fn request(ask: &Ask<'_>) -> Request {
    let mut messages: Vec<Value> = Vec::new();
    // What one side says stands in one message.
    let mut say = |role: &str, blocks: Vec<Value>| {
        if blocks.is_empty() {
            return;
        }
        match messages.last_mut() {
            Some(last) if last["role"] == role => {
                if let Some(content) = last["content"].as_array_mut() {
                    content.extend(blocks);
                }
            }
            _ => messages.push(json!({ "role": role, "content": blocks })),
        }
    };
    for (message, wire) in ask.messages() {
        match message {
            Message::System { .. } => {}
            Message::User { text } => say("user", text_block(text).into_iter().collect()),
            Message::Tool { result } => {
                let block = json!({
                    "type": "tool_result", "tool_use_id": result.call, "content": result.text, "is_error": !result.ok,
                });
                say("user", vec![block]);
            }
            Message::Model { text, calls, .. } => {
                let calls: Vec<Value> = calls
                    .iter()
                    .map(|call| {
                        json!({ "type": "tool_use", "id": call.id, "name": call.tool, "input": object(&call.arguments) })
                    })
                    .collect();
                let mut text = text_block(text);
                let mut left: Vec<Option<Value>> = calls.into_iter().map(Some).collect();
                let mut blocks = Vec::new();
                for part in wire.and_then(|wire| wire["parts"].as_array()).into_iter().flatten() {
                    match part["type"].as_str() {
                        Some("text") => blocks.extend(text.take()),
                        Some("call") => {
                            let at = part["at"].as_u64().and_then(|at| usize::try_from(at).ok());
                            blocks.extend(at.and_then(|at| left.get_mut(at)?.take()));
                        }
                        _ => blocks.push(part.clone()),
                    }
                }
                blocks.extend(text);
                blocks.extend(left.into_iter().flatten());
                say("assistant", blocks);
            }
        }
    }
    let mut body = json!({
        "model": ask.model.model,
        "max_tokens": ask.max_output,
        "stream": true,
        // What was said stays the same from call to call: it is read from the cache the next time.
        "cache_control": { "type": "ephemeral" },
        "messages": messages,
    });
    let system = ask.system();
    if !system.is_empty() {
        body["system"] = system.into();
    }
    if !ask.prompt.tools.is_empty() {
        let tool = |tool: &crate::domain::talk::ToolSpec| json!({ "name": tool.name, "description": tool.about, "input_schema": tool.schema });
        body["tools"] = ask.prompt.tools.iter().map(tool).collect();
    }
    match ask.effort {
        Some(crate::config::settings::model::Effort::None) => body["thinking"] = json!({ "type": "disabled" }),
        Some(effort) => body["output_config"] = json!({ "effort": effort.name() }),
        None => {}
    }
    Request { path: "messages".to_owned(), body }
}

/// Empty texts are refused.
fn text_block(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| json!({ "type": "text", "text": text }))
}

pub(super) fn take(draft: &mut Draft, _: ProviderKind, data: &Value, out: &mut Vec<Piece>) -> Result<(), Wrong> {
    let index = data["index"].as_u64().unwrap_or(0);
    match data["type"].as_str().unwrap_or_default() {
        "message_start" => usage(draft, &data["message"]["usage"]),
        "content_block_start" => {
            let block = &data["content_block"];
            match block["type"].as_str() {
                Some("text") => {
                    draft.parts.push(json!({ "type": "text" }));
                    draft.say(block["text"].as_str().unwrap_or_default(), out);
                }
                Some("tool_use") => {
                    draft.parts.push(json!({ "type": "call", "at": draft.calls.len() }));
                    let call = draft.call(index)?;
                    set(&mut call.id, &block["id"]);
                    set(&mut call.tool, &block["name"]);
                    // Whole at once: some servers that speak this wire do it.
                    if block["input"].as_object().is_some_and(|input| !input.is_empty()) {
                        call.arguments = block["input"].to_string();
                    }
                    draft.calling(index, out);
                }
                Some("thinking") => {
                    draft.parts.push(block.clone());
                    draft.reason(block["thinking"].as_str().unwrap_or_default(), out);
                }
                Some("redacted_thinking") => draft.parts.push(block.clone()),
                _ => {}
            }
        }
        "content_block_delta" => {
            let delta = &data["delta"];
            let field = |name: &str| delta[name].as_str().unwrap_or_default().to_owned();
            match delta["type"].as_str() {
                Some("text_delta") => draft.say(&field("text"), out),
                Some("input_json_delta") => {
                    draft.call(index)?.arguments.push_str(&field("partial_json"));
                    draft.calling(index, out);
                }
                Some("thinking_delta") => {
                    append(draft, "thinking", &field("thinking"));
                    draft.reason(&field("thinking"), out);
                }
                Some("signature_delta") => append(draft, "signature", &field("signature")),
                _ => {}
            }
        }
        "message_delta" => {
            usage(draft, &data["usage"]);
            let details = &data["delta"]["stop_details"];
            let why =
                || details["explanation"].as_str().or(details["category"].as_str()).unwrap_or_default().to_owned();
            draft.stop = match data["delta"]["stop_reason"].as_str() {
                Some("max_tokens" | "model_context_window_exceeded") => Some(Stop::Length),
                Some("tool_use") => Some(Stop::Tools),
                Some("refusal") => Some(Stop::Refused { why: why() }),
                Some("pause_turn") => return Err(Wrong::Broken("it paused".to_owned())),
                Some(_) => Some(Stop::Done),
                None => draft.stop.take(),
            };
        }
        "message_stop" => draft.done = true,
        "ping" => out.push(Piece::Alive),
        "error" => return Err(Wrong::Said(data.clone())),
        _ => {}
    }
    if draft.done && draft.parts.iter().all(|part| matches!(part["type"].as_str(), Some("text" | "call"))) {
        // Nothing that has to go back as it was.
        draft.parts.clear();
    }
    Ok(())
}

/// To the thought that is being thought.
fn append(draft: &mut Draft, field: &str, more: &str) {
    if let Some(block) = draft.parts.iter_mut().rfind(|part| part["type"] == "thinking") {
        let whole = block[field].as_str().unwrap_or_default().to_owned() + more;
        block[field] = whole.into();
    }
}

/// Counts are of the whole answer so far: the last of each holds.
fn usage(draft: &mut Draft, counts: &Value) {
    if !counts.is_object() {
        return;
    }
    let usage = draft.usage.get_or_insert_with(Usage::default);
    let keep = |field: &mut u64, value: &Value| *field = count(value).unwrap_or(*field);
    keep(&mut usage.input, &counts["input_tokens"]);
    keep(&mut usage.cache_read, &counts["cache_read_input_tokens"]);
    keep(&mut usage.output, &counts["output_tokens"]);
    keep(&mut usage.reasoning, &counts["output_tokens_details"]["thinking_tokens"]);
    let by_age = &counts["cache_creation"];
    if by_age.is_object() {
        keep(&mut usage.cache_write_5m, &by_age["ephemeral_5m_input_tokens"]);
        keep(&mut usage.cache_write_1h, &by_age["ephemeral_1h_input_tokens"]);
    } else if let Some(written) = count(&counts["cache_creation_input_tokens"]) {
        // The end only has the sum, the beginning has it by age.
        usage.cache_write_5m = written.saturating_sub(usage.cache_write_1h);
    }
}
