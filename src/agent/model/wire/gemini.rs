//! Google's Gemini.

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
    let mut contents: Vec<Value> = Vec::new();
    let mut say = |role: &str, parts: Vec<Value>| {
        if parts.is_empty() {
            return;
        }
        match contents.last_mut() {
            Some(last) if last["role"] == role => {
                if let Some(before) = last["parts"].as_array_mut() {
                    before.extend(parts);
                }
            }
            _ => contents.push(json!({ "role": role, "parts": parts })),
        }
    };
    // Results name the tool; the calls before them say which it was.
    let mut tools: Vec<(&str, &str)> = Vec::new();
    for (message, wire) in ask.messages() {
        match message {
            Message::System { .. } => {}
            Message::User { text } => say("user", vec![json!({ "text": text })]),
            Message::Tool { result } => {
                let tool = tools.iter().rfind(|(id, _)| *id == result.call).map_or("tool", |(_, tool)| *tool);
                let field = if result.ok { "output" } else { "error" };
                say("user", vec![json!({ "functionResponse": { "name": tool, "response": { field: result.text } } })]);
            }
            Message::Model { text, calls, .. } => {
                let mut parts = Vec::new();
                if !text.is_empty() {
                    parts.push(json!({ "text": text }));
                }
                let signature = |key: &str| wire.and_then(|wire| wire["signatures"].get(key));
                for (at, call) in calls.iter().enumerate() {
                    tools.push((&call.id, &call.tool));
                    let mut part = json!({ "functionCall": { "name": call.tool, "args": object(&call.arguments) } });
                    if let Some(signature) = signature(&at.to_string()) {
                        part["thoughtSignature"] = signature.clone();
                    }
                    parts.push(part);
                }
                if let Some(signature) = signature("text") {
                    parts.push(json!({ "text": "", "thoughtSignature": signature }));
                }
                say("model", parts);
            }
        }
    }
    let mut body = json!({ "contents": contents, "generationConfig": { "maxOutputTokens": ask.max_output } });
    let system = ask.system();
    if !system.is_empty() {
        body["systemInstruction"] = json!({ "parts": [{ "text": system }] });
    }
    if !ask.prompt.tools.is_empty() {
        let tool = |tool: &ToolSpec| json!({ "name": tool.name, "description": tool.about, "parametersJsonSchema": tool.schema });
        body["tools"] = json!([{ "functionDeclarations": ask.prompt.tools.iter().map(tool).collect::<Vec<_>>() }]);
    }
    if let Some(effort) = ask.effort {
        body["generationConfig"]["thinkingConfig"] = match effort {
            Effort::None => json!({ "thinkingBudget": 0 }),
            Effort::Max => json!({ "includeThoughts": true, "thinkingLevel": "high" }),
            effort => json!({ "includeThoughts": true, "thinkingLevel": effort.name() }),
        };
    }
    Request { path: format!("models/{}:streamGenerateContent?alt=sse", ask.model.model), body }
}

pub(super) fn take(draft: &mut Draft, _: ProviderKind, data: &Value, out: &mut Vec<Piece>) -> Result<(), Wrong> {
    if data["error"].is_object() {
        return Err(Wrong::Said(data.clone()));
    }
    usage(draft, &data["usageMetadata"]);
    if let Some(reason) = data["promptFeedback"]["blockReason"].as_str() {
        draft.stop = Some(Stop::Refused { why: reason.to_owned() });
    }
    let candidate = &data["candidates"][0];
    for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
        let text = part["text"].as_str().unwrap_or_default();
        if part["thought"] == true {
            draft.reason(text, out);
        } else {
            draft.say(text, out);
        }
        let mut place = "text".to_owned();
        let called = &part["functionCall"];
        if called.is_object() {
            let number = draft.calls.len() as u64;
            place = number.to_string();
            let call = draft.call(number)?;
            // Names of calls are its own affair; older models have none.
            let id = called["id"].as_str().filter(|id| !id.is_empty());
            call.id = id.map_or_else(|| format!("call_{number}"), str::to_owned);
            set(&mut call.tool, &called["name"]);
            call.arguments = object(&called["args"]).to_string();
            draft.calling(number, out);
        }
        if part["thoughtSignature"].is_string() {
            let signatures = draft.wire.entry("signatures").or_insert_with(|| json!({}));
            signatures[place] = part["thoughtSignature"].clone();
        }
    }
    match candidate["finishReason"].as_str() {
        None | Some("FINISH_REASON_UNSPECIFIED") => {}
        Some("STOP") => draft.stop = Some(Stop::Done),
        Some("MAX_TOKENS") => draft.stop = Some(Stop::Length),
        Some(reason @ ("MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS")) => {
            return Err(Wrong::Broken(format!("it called a tool in a wrong way ({reason})")));
        }
        Some(reason) => {
            let why = candidate["finishMessage"].as_str().unwrap_or(reason);
            draft.stop = Some(Stop::Refused { why: why.to_owned() });
        }
    }
    Ok(())
}

/// Counts are of the whole answer so far: the last ones hold.
fn usage(draft: &mut Draft, counts: &Value) {
    let Some(prompt) = count(&counts["promptTokenCount"]) else {
        return;
    };
    let cached = count(&counts["cachedContentTokenCount"]).unwrap_or(0);
    let thoughts = count(&counts["thoughtsTokenCount"]).unwrap_or(0);
    let tools = count(&counts["toolUsePromptTokenCount"]).unwrap_or(0);
    draft.usage = Some(Usage {
        input: prompt.saturating_sub(cached).saturating_add(tools),
        cache_read: cached,
        output: count(&counts["candidatesTokenCount"]).unwrap_or(0).saturating_add(thoughts),
        reasoning: thoughts,
        ..Usage::default()
    });
}
