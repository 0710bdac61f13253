//! OpenAI's responses.

use serde_json::{Value, json};

use super::{Ask, Draft, Request, Wrong, count, object, set};
use crate::{
    agent::model::Piece,
    config::settings::model::{Effort, ProviderKind},
    domain::{
        talk::{Message, Stop, ToolSpec},
        usage::Usage,
    },
};

pub(super) fn request(ask: &Ask<'_>) -> Request {
    let mut input: Vec<Value> = Vec::new();
    for (message, wire) in ask.messages() {
        match message {
            Message::System { .. } => {}
            Message::User { text } => input.push(json!({ "role": "user", "content": text })),
            Message::Tool { result } => {
                input.push(json!({ "type": "function_call_output", "call_id": result.call, "output": result.text }));
            }
            Message::Model { text, calls, .. } => {
                input.extend(wire.and_then(|wire| wire["parts"].as_array()).into_iter().flatten().cloned());
                if !text.is_empty() {
                    input.push(json!({ "role": "assistant", "content": text }));
                }
                input.extend(calls.iter().map(|call| {
                    let arguments = object(&call.arguments).to_string();
                    json!({ "type": "function_call", "call_id": call.id, "name": call.tool, "arguments": arguments })
                }));
            }
        }
    }
    let mut body = json!({
        "model": ask.model.model,
        "stream": true,
        // Nothing is kept there; so the reasoning has to come here, sealed, and go back.
        "store": false,
        "include": ["reasoning.encrypted_content"],
        "max_output_tokens": ask.max_output,
        "input": input,
    });
    let system = ask.system();
    if !system.is_empty() {
        body["instructions"] = system.into();
    }
    if !ask.prompt.tools.is_empty() {
        let tool = |tool: &ToolSpec| {
            let ToolSpec { name, about, schema } = tool;
            json!({ "type": "function", "name": name, "description": about, "parameters": schema, "strict": false })
        };
        body["tools"] = ask.prompt.tools.iter().map(tool).collect();
    }
    if let Some(effort) = ask.effort {
        let effort = if effort == Effort::Max { "xhigh" } else { effort.name() };
        body["reasoning"] = json!({ "effort": effort });
    }
    Request { path: "responses".to_owned(), body }
}

pub(super) fn take(draft: &mut Draft, _: ProviderKind, data: &Value, out: &mut Vec<Piece>) -> Result<(), Wrong> {
    let index = data["output_index"].as_u64().unwrap_or(0);
    let delta = data["delta"].as_str().unwrap_or_default();
    match data["type"].as_str().unwrap_or_default() {
        "response.output_text.delta" => draft.say(delta, out),
        "response.refusal.delta" => draft.refusal.push_str(delta),
        "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => draft.reason(delta, out),
        "response.output_item.added" => {
            let item = &data["item"];
            if item["type"] == "function_call" {
                let call = draft.call(index)?;
                set(&mut call.id, &item["call_id"]);
                set(&mut call.tool, &item["name"]);
                draft.calling(index, out);
            }
        }
        "response.function_call_arguments.delta" => {
            draft.call(index)?.arguments.push_str(delta);
            draft.calling(index, out);
        }
        "response.output_item.done" => {
            let item = &data["item"];
            match item["type"].as_str() {
                Some("function_call") => {
                    let call = draft.call(index)?;
                    // What is said at the end is whole.
                    for (field, name) in
                        [(&mut call.id, "call_id"), (&mut call.tool, "name"), (&mut call.arguments, "arguments")]
                    {
                        if let Some(text) = item[name].as_str().filter(|text| !text.is_empty()) {
                            text.clone_into(field);
                        }
                    }
                }
                Some("reasoning") if item["encrypted_content"].is_string() => {
                    let summary = if item["summary"].is_array() { item["summary"].clone() } else { json!([]) };
                    draft.parts.push(json!({
                        "type": "reasoning", "id": item["id"], "summary": summary, "encrypted_content": item["encrypted_content"],
                    }));
                }
                _ => {}
            }
        }
        "response.completed" | "response.incomplete" => {
            let response = &data["response"];
            usage(draft, &response["usage"]);
            draft.stop = Some(match response["incomplete_details"]["reason"].as_str() {
                Some("content_filter") => Stop::Refused { why: String::new() },
                Some(_) => Stop::Length,
                None => Stop::Done,
            });
            draft.done = true;
        }
        "response.failed" => return Err(Wrong::Said(data["response"].clone())),
        "error" => return Err(Wrong::Said(data.clone())),
        "response.created" | "response.in_progress" | "response.queued" => out.push(Piece::Alive),
        _ => {}
    }
    Ok(())
}

fn usage(draft: &mut Draft, counts: &Value) {
    let Some(input) = count(&counts["input_tokens"]) else {
        return;
    };
    let details = &counts["input_tokens_details"];
    let cached = count(&details["cached_tokens"]).unwrap_or(0);
    let written = count(&details["cache_write_tokens"]).unwrap_or(0);
    draft.usage = Some(Usage {
        input: input.saturating_sub(cached).saturating_sub(written),
        cache_read: cached,
        cache_write_5m: written,
        cache_write_1h: 0,
        output: count(&counts["output_tokens"]).unwrap_or(0),
        reasoning: count(&counts["output_tokens_details"]["reasoning_tokens"]).unwrap_or(0),
    });
}
