//! OpenAI's chat completions, and all who speak it: DeepSeek, OpenRouter, Ollama, vLLM, llama.cpp, LM Studio.

use serde_json::{Value, json};

use super::{Ask, Draft, Request, Wrong, count, object};
use crate::{
    agent::model::Piece,
    config::settings::model::{Effort, ProviderKind},
    domain::{
        talk::{Message, Stop, ToolSpec},
        usage::{NanoUsd, Usage},
    },
};

pub(super) fn request(ask: &Ask<'_>) -> Request {
    let mut messages: Vec<Value> = Vec::new();
    for (message, wire) in ask.messages() {
        messages.push(match message {
            Message::System { text } => json!({ "role": "system", "content": text }),
            Message::User { text } => json!({ "role": "user", "content": text }),
            Message::Tool { result } => {
                json!({ "role": "tool", "tool_call_id": result.call, "content": result.text })
            }
            Message::Model { text, calls, .. } => {
                let mut said = json!({ "role": "assistant", "content": text });
                if !calls.is_empty() {
                    let call = |call: &crate::domain::talk::ToolCall| {
                        let function = json!({ "name": call.tool, "arguments": object(&call.arguments).to_string() });
                        json!({ "id": call.id, "type": "function", "function": function })
                    };
                    said["tool_calls"] = calls.iter().map(call).collect();
                    if ask.kind == ProviderKind::DeepSeek {
                        // It has to be there, even where another model called.
                        said["reasoning_content"] = "".into();
                    }
                }
                for field in ["reasoning_content", "reasoning_details"] {
                    if let Some(value) = wire.and_then(|wire| wire.get(field)) {
                        said[field] = value.clone();
                    }
                }
                said
            }
        });
    }
    let mut body = json!({
        "model": ask.model.model,
        "stream": true,
        "stream_options": { "include_usage": true },
        "messages": messages,
    });
    let limit = if ask.kind == ProviderKind::OpenAi { "max_completion_tokens" } else { "max_tokens" };
    body[limit] = ask.max_output.into();
    if ask.kind == ProviderKind::OpenRouter {
        body["usage"] = json!({ "include": true });
    }
    if !ask.prompt.tools.is_empty() {
        let tool = |tool: &ToolSpec| {
            let function = json!({ "name": tool.name, "description": tool.about, "parameters": tool.schema });
            json!({ "type": "function", "function": function })
        };
        body["tools"] = ask.prompt.tools.iter().map(tool).collect();
    }
    match (ask.kind, ask.effort) {
        (_, None) => {}
        (ProviderKind::DeepSeek, Some(Effort::None)) => body["thinking"] = json!({ "type": "disabled" }),
        (ProviderKind::DeepSeek, Some(Effort::Medium)) => body["reasoning_effort"] = Effort::High.name().into(),
        (ProviderKind::OpenAi, Some(Effort::Max)) => body["reasoning_effort"] = "xhigh".into(),
        (_, Some(effort)) => body["reasoning_effort"] = effort.name().into(),
    }
    Request { path: "chat/completions".to_owned(), body }
}

pub(super) fn take(draft: &mut Draft, kind: ProviderKind, data: &Value, out: &mut Vec<Piece>) -> Result<(), Wrong> {
    if data["error"].is_object() || data["error"].is_string() {
        return Err(Wrong::Said(data.clone()));
    }
    usage(draft, &data["usage"]);
    let choice = &data["choices"][0];
    let delta = &choice["delta"];
    let reasoning = delta["reasoning_content"].as_str().or(delta["reasoning"].as_str()).unwrap_or_default();
    draft.reason(reasoning, out);
    match kind {
        ProviderKind::OpenRouter => {
            for detail in delta["reasoning_details"].as_array().into_iter().flatten() {
                detail_of(draft, detail);
            }
        }
        ProviderKind::DeepSeek | ProviderKind::Compatible if delta["reasoning_content"].is_string() => {
            draft.wire.insert("reasoning_content".to_owned(), Value::Null);
        }
        _ => {}
    }
    draft.say(delta["content"].as_str().unwrap_or_default(), out);
    draft.refusal.push_str(delta["refusal"].as_str().unwrap_or_default());
    for (at, part) in delta["tool_calls"].as_array().into_iter().flatten().enumerate() {
        let number = part["index"].as_u64().unwrap_or(at as u64);
        let call = draft.call(number)?;
        let function = &part["function"];
        for (field, value) in [(&mut call.id, &part["id"]), (&mut call.tool, &function["name"])] {
            if let Some(text) = value.as_str().filter(|text| field.is_empty() && !text.is_empty()) {
                text.clone_into(field);
            }
        }
        match &function["arguments"] {
            Value::String(more) => call.arguments.push_str(more),
            // Some servers have the object itself.
            Value::Object(_) => call.arguments = function["arguments"].to_string(),
            _ => {}
        }
        draft.calling(number, out);
    }
    if let Some(reason) = choice["finish_reason"].as_str() {
        draft.stop = Some(match reason {
            "length" => Stop::Length,
            "tool_calls" | "function_call" => Stop::Tools,
            "content_filter" => Stop::Refused { why: String::new() },
            "error" => return Err(Wrong::Said(data.clone())),
            // DeepSeek's word for having too much to do.
            "insufficient_system_resource" => return Err(Wrong::Broken("it ran out of resources".to_owned())),
            _ => Stop::Done,
        });
    }
    if draft.wire.get("reasoning_content").is_some() && draft.stop.is_some() {
        draft.wire.insert("reasoning_content".to_owned(), draft.reasoning.clone().into());
    }
    Ok(())
}

/// A piece of signed reasoning: texts of the same number belong together, everything else stays as it is.
fn detail_of(draft: &mut Draft, detail: &Value) {
    let Some(details) =
        draft.wire.entry("reasoning_details").or_insert_with(|| Value::Array(Vec::new())).as_array_mut()
    else {
        return;
    };
    let same = |last: &&mut Value| last["type"] == detail["type"] && last["index"] == detail["index"];
    match details.last_mut().filter(same) {
        Some(last) if detail["type"] != "reasoning.encrypted" => {
            for field in ["text", "summary"] {
                if let Some(more) = detail[field].as_str() {
                    last[field] = (last[field].as_str().unwrap_or_default().to_owned() + more).into();
                }
            }
            for field in ["signature", "format", "id"] {
                if !detail[field].is_null() {
                    last[field] = detail[field].clone();
                }
            }
        }
        _ => details.push(detail.clone()),
    }
}

fn usage(draft: &mut Draft, counts: &Value) {
    let Some(prompt) = count(&counts["prompt_tokens"]) else {
        return;
    };
    let details = &counts["prompt_tokens_details"];
    let cached = count(&details["cached_tokens"]).or_else(|| count(&counts["prompt_cache_hit_tokens"])).unwrap_or(0);
    let written = count(&details["cache_write_tokens"]).unwrap_or(0);
    draft.usage = Some(Usage {
        input: prompt.saturating_sub(cached).saturating_sub(written),
        cache_read: cached,
        cache_write_5m: written,
        cache_write_1h: 0,
        output: count(&counts["completion_tokens"]).unwrap_or(0),
        reasoning: count(&counts["completion_tokens_details"]["reasoning_tokens"]).unwrap_or(0),
    });
    if let Some(cost) = counts["cost"].as_f64().filter(|cost| cost.is_finite() && *cost >= 0.0) {
        draft.cost = Some(NanoUsd((cost * 1e9).round() as u64));
    }
}
