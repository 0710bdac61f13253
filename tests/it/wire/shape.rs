//! Answers in the shape of each wire: the events, one by one, as the providers' documentation has them.

use serde_json::{Value, json};

use super::Wire;

/// An answer, in no wire's terms.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub reasoning: String,
    pub text: String,
    pub calls: Vec<Call>,
    pub ending: Ending,
    /// The wire's own object of usage; 100 tokens in and 20 out if none is given, nothing at all if it is null.
    pub usage: Option<Value>,
}

/// A call of a tool.
#[derive(Clone, Debug)]
pub struct Call {
    pub tool: String,
    /// As a text, so that it may be broken.
    pub arguments: String,
}

/// Why it ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Ending {
    /// Everything was said, or tools are called.
    #[default]
    Whole,
    /// The limit of output is reached.
    Length,
    /// It refuses.
    Refused(String),
}

impl Said {
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    pub fn calls(calls: &[(&str, Value)]) -> Self {
        let call =
            |(tool, arguments): &(&str, Value)| Call { tool: (*tool).to_owned(), arguments: arguments.to_string() };
        Self { calls: calls.iter().map(call).collect(), ..Self::default() }
    }

    pub fn with_text(mut self, text: &str) -> Self {
        text.clone_into(&mut self.text);
        self
    }

    pub fn with_reasoning(mut self, reasoning: &str) -> Self {
        reasoning.clone_into(&mut self.reasoning);
        self
    }

    pub fn with_usage(mut self, usage: Value) -> Self {
        self.usage = Some(usage);
        self
    }

    pub fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }
}

/// The events of an answer; `number` makes the names of calls differ between answers.
pub fn events(wire: Wire, said: &Said, number: usize) -> Vec<String> {
    match wire {
        Wire::Anthropic => anthropic(said, number),
        Wire::Responses => responses(said, number),
        Wire::Gemini => gemini(said),
        other => chat(other, said, number),
    }
}

/// An event that is no JSON.
pub fn malformed(wire: Wire) -> String {
    match wire {
        Wire::Anthropic => {
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":\n\n".to_owned()
        }
        _ => "data: {\"oh\n\n".to_owned(),
    }
}

/// The provider's own word that it failed, in the middle of an answer.
pub fn error(wire: Wire) -> String {
    match wire {
        Wire::Anthropic => named(
            "error",
            &json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } }),
        ),
        Wire::Responses => named(
            "error",
            &json!({ "type": "error", "code": "server_error", "message": "The server had an error", "param": null }),
        ),
        Wire::Gemini => {
            plain(&json!({ "error": { "code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE" } }))
        }
        Wire::OpenRouter => plain(&json!({
            "id": "gen-1", "object": "chat.completion.chunk",
            "error": { "code": 502, "message": "Provider disconnected" },
            "choices": [{ "index": 0, "delta": { "content": "" }, "finish_reason": "error" }],
        })),
        _ => plain(&json!({ "error": { "message": "Error in input stream", "type": "server_error", "code": null } })),
    }
}

fn plain(data: &Value) -> String {
    format!("data: {data}\n\n")
}

fn named(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

/// A text in pieces of a few letters; cut between letters, wherever that is.
fn pieces(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(7).map(|piece| piece.iter().collect()).collect()
}

fn anthropic(said: &Said, number: usize) -> Vec<String> {
    let usage = said.usage.clone().unwrap_or_else(|| {
        json!({ "input_tokens": 100, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 20 })
    });
    let mut first = usage.clone();
    if first.is_object() {
        first["output_tokens"] = 1.into();
    }
    let message = json!({
        "id": format!("msg_{number}"), "type": "message", "role": "assistant", "model": "scripted-1-20261101", "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": first,
    });
    let mut events = vec![
        named("message_start", &json!({ "type": "message_start", "message": message })),
        named("ping", &json!({ "type": "ping" })),
    ];
    let mut index = 0;
    let mut block = |start: Value, deltas: Vec<Value>| {
        events.push(named(
            "content_block_start",
            &json!({ "type": "content_block_start", "index": index, "content_block": start }),
        ));
        for delta in deltas {
            let data = json!({ "type": "content_block_delta", "index": index, "delta": delta });
            events.push(named("content_block_delta", &data));
        }
        events.push(named("content_block_stop", &json!({ "type": "content_block_stop", "index": index })));
        index += 1;
    };
    if !said.reasoning.is_empty() {
        let mut deltas: Vec<Value> = pieces(&said.reasoning)
            .iter()
            .map(|piece| json!({ "type": "thinking_delta", "thinking": piece }))
            .collect();
        deltas.push(json!({ "type": "signature_delta", "signature": "c2lnbmVkIHRo" }));
        deltas.push(json!({ "type": "signature_delta", "signature": "b3VnaHQ=" }));
        block(json!({ "type": "thinking", "thinking": "", "signature": "" }), deltas);
        block(json!({ "type": "redacted_thinking", "data": "cmVkYWN0ZWQ=" }), Vec::new());
    }
    if !said.text.is_empty() {
        let deltas = pieces(&said.text).iter().map(|piece| json!({ "type": "text_delta", "text": piece })).collect();
        block(json!({ "type": "text", "text": "" }), deltas);
    }
    for (at, call) in said.calls.iter().enumerate() {
        let mut deltas = vec![json!({ "type": "input_json_delta", "partial_json": "" })];
        if call.arguments != "{}" {
            deltas.extend(
                pieces(&call.arguments)
                    .iter()
                    .map(|piece| json!({ "type": "input_json_delta", "partial_json": piece })),
            );
        }
        let id = format!("toolu_{number}_{at}");
        block(json!({ "type": "tool_use", "id": id, "name": call.tool, "input": {} }), deltas);
    }
    let (reason, details) = match &said.ending {
        Ending::Whole if said.calls.is_empty() => ("end_turn", Value::Null),
        Ending::Whole => ("tool_use", Value::Null),
        Ending::Length => ("max_tokens", Value::Null),
        Ending::Refused(why) => ("refusal", json!({ "type": "refusal", "category": "cyber", "explanation": why })),
    };
    // Counts are of the whole answer so far.
    let last = if usage.is_object() { json!({ "output_tokens": usage["output_tokens"] }) } else { Value::Null };
    events.push(named(
        "message_delta",
        &json!({
            "type": "message_delta",
            "delta": { "stop_reason": reason, "stop_sequence": null, "stop_details": details },
            "usage": last,
        }),
    ));
    events.push(named("message_stop", &json!({ "type": "message_stop" })));
    events
}

fn chat(wire: Wire, said: &Said, number: usize) -> Vec<String> {
    let usage = said.usage.clone().unwrap_or_else(|| match wire {
        Wire::OpenRouter => {
            json!({ "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, "cost": 0.00042 })
        }
        _ => json!({ "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120 }),
    });
    let chunk = |choices: Value, usage: Value| {
        plain(&json!({
            "id": format!("chatcmpl-{number}"), "object": "chat.completion.chunk", "created": 1_795_000_000, "model": "scripted-1-20261101",
            "choices": choices, "usage": usage,
        }))
    };
    let delta = |delta: Value| chunk(json!([{ "index": 0, "delta": delta, "finish_reason": null }]), Value::Null);
    let mut events = Vec::new();
    match wire {
        Wire::OpenRouter => events.push(": OPENROUTER PROCESSING\n\n".to_owned()),
        Wire::DeepSeek => events.push(": keep-alive\n\n\n".to_owned()),
        _ => {}
    }
    events.push(delta(json!({ "role": "assistant", "content": "" })));
    for piece in pieces(&said.reasoning) {
        events.push(delta(match wire {
            Wire::OpenRouter => json!({
                "reasoning": piece, "reasoning_details": [{ "type": "reasoning.text", "text": piece, "index": 0 }],
            }),
            Wire::Ollama => json!({ "reasoning": piece }),
            _ => json!({ "reasoning_content": piece, "content": null }),
        }));
    }
    if wire == Wire::OpenRouter && !said.reasoning.is_empty() {
        let signed = json!([{ "type": "reasoning.text", "text": "", "signature": "c2ln", "index": 0 }]);
        events.push(delta(json!({ "reasoning_details": signed })));
    }
    events.extend(pieces(&said.text).into_iter().map(|piece| delta(json!({ "content": piece }))));
    if let Ending::Refused(why) = &said.ending
        && wire == Wire::OpenAi
    {
        events.extend(pieces(why).into_iter().map(|piece| delta(json!({ "refusal": piece }))));
    }
    for (at, call) in said.calls.iter().enumerate() {
        let id = format!("call_{number}_{at}");
        if wire == Wire::Ollama {
            // In one piece.
            let function = json!({ "name": call.tool, "arguments": call.arguments });
            events.push(delta(
                json!({ "tool_calls": [{ "index": at, "id": id, "type": "function", "function": function }] }),
            ));
            continue;
        }
        let function = json!({ "name": call.tool, "arguments": "" });
        events.push(delta(
            json!({ "tool_calls": [{ "index": at, "id": id, "type": "function", "function": function }] }),
        ));
        for piece in pieces(&call.arguments) {
            events.push(delta(json!({ "tool_calls": [{ "index": at, "function": { "arguments": piece } }] })));
        }
    }
    let reason = match &said.ending {
        Ending::Whole if said.calls.is_empty() => "stop",
        Ending::Whole => "tool_calls",
        Ending::Length => "length",
        Ending::Refused(_) if wire == Wire::OpenAi => "stop",
        Ending::Refused(_) => "content_filter",
    };
    let last = json!([{ "index": 0, "delta": {}, "finish_reason": reason }]);
    if wire == Wire::DeepSeek {
        // It has the counts with the reason.
        events.push(chunk(last, usage));
    } else {
        events.push(chunk(last, Value::Null));
        if !usage.is_null() {
            events.push(chunk(json!([]), usage));
        }
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn responses(said: &Said, number: usize) -> Vec<String> {
    let usage = said.usage.clone().unwrap_or_else(|| {
        json!({
            "input_tokens": 100, "input_tokens_details": { "cached_tokens": 0 },
            "output_tokens": 20, "output_tokens_details": { "reasoning_tokens": 0 }, "total_tokens": 120,
        })
    });
    let response = |status: &str, more: Value| {
        let mut response = json!({
            "id": format!("resp_{number}"), "object": "response", "model": "scripted-1-20261101", "status": status, "output": [], "usage": null,
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            response[key] = value.clone();
        }
        response
    };
    let mut sequence = 0;
    let mut events = Vec::new();
    let mut push = |name: &str, mut data: Value| {
        data["type"] = name.into();
        data["sequence_number"] = sequence.into();
        sequence += 1;
        events.push(named(name, &data));
    };
    push("response.created", json!({ "response": response("in_progress", json!({})) }));
    push("response.in_progress", json!({ "response": response("in_progress", json!({})) }));
    let mut output = Vec::new();
    if !said.reasoning.is_empty() {
        let id = format!("rs_{number}");
        let at = output.len();
        push(
            "response.output_item.added",
            json!({ "output_index": at, "item": { "id": id, "type": "reasoning", "summary": [] } }),
        );
        for piece in pieces(&said.reasoning) {
            push(
                "response.reasoning_summary_text.delta",
                json!({ "output_index": at, "item_id": id, "summary_index": 0, "delta": piece }),
            );
        }
        let item = json!({
            "id": id, "type": "reasoning", "summary": [{ "type": "summary_text", "text": said.reasoning }], "encrypted_content": "ZW5jcnlwdGVk",
        });
        push("response.output_item.done", json!({ "output_index": at, "item": item }));
        output.push(item);
    }
    let refusal = match &said.ending {
        Ending::Refused(why) => Some(why.as_str()),
        _ => None,
    };
    if !said.text.is_empty() || refusal.is_some() {
        let id = format!("msg_{number}");
        let at = output.len();
        let item = json!({ "id": id, "type": "message", "role": "assistant", "status": "in_progress", "content": [] });
        push("response.output_item.added", json!({ "output_index": at, "item": item }));
        let mut content = Vec::new();
        for (kind, field, text) in
            [("output_text", "text", said.text.as_str()), ("refusal", "refusal", refusal.unwrap_or(""))]
        {
            if text.is_empty() {
                continue;
            }
            for piece in pieces(text) {
                let place = content.len();
                push(
                    &format!("response.{kind}.delta"),
                    json!({ "output_index": at, "item_id": id, "content_index": place, "delta": piece }),
                );
            }
            content.push(json!({ "type": kind, field: text }));
        }
        let item =
            json!({ "id": id, "type": "message", "role": "assistant", "status": "completed", "content": content });
        push("response.output_item.done", json!({ "output_index": at, "item": item }));
        output.push(item);
    }
    for (number_of, call) in said.calls.iter().enumerate() {
        let at = output.len();
        let id = format!("fc_{number}_{number_of}");
        let mut item = json!({
            "id": id, "type": "function_call", "call_id": format!("call_{number}_{number_of}"), "name": call.tool, "arguments": "",
        });
        push("response.output_item.added", json!({ "output_index": at, "item": item }));
        for piece in pieces(&call.arguments) {
            push(
                "response.function_call_arguments.delta",
                json!({ "output_index": at, "item_id": id, "delta": piece }),
            );
        }
        push(
            "response.function_call_arguments.done",
            json!({ "output_index": at, "item_id": id, "arguments": call.arguments }),
        );
        item["arguments"] = call.arguments.clone().into();
        push("response.output_item.done", json!({ "output_index": at, "item": item }));
        output.push(item);
    }
    if said.ending == Ending::Length {
        let more = json!({ "output": output, "usage": usage, "incomplete_details": { "reason": "max_output_tokens" } });
        push("response.incomplete", json!({ "response": response("incomplete", more) }));
    } else {
        push(
            "response.completed",
            json!({ "response": response("completed", json!({ "output": output, "usage": usage })) }),
        );
    }
    events
}

fn gemini(said: &Said) -> Vec<String> {
    let usage = said
        .usage
        .clone()
        .unwrap_or_else(|| json!({ "promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120 }));
    let chunk = |parts: Value, reason: Option<&str>, usage: Value| {
        let mut candidate = json!({ "content": { "role": "model", "parts": parts }, "index": 0 });
        if let Some(reason) = reason {
            candidate["finishReason"] = reason.into();
        }
        let mut data = json!({ "candidates": [candidate], "modelVersion": "scripted-1-20261101", "responseId": "r1" });
        if !usage.is_null() {
            data["usageMetadata"] = usage;
        }
        format!("data: {data}\r\n\r\n")
    };
    // Counts grow from event to event; the last ones hold.
    let early = json!({ "promptTokenCount": 100, "totalTokenCount": 100 });
    let early = if usage.is_null() { Value::Null } else { early };
    let mut events = Vec::new();
    for piece in pieces(&said.reasoning) {
        events.push(chunk(json!([{ "text": piece, "thought": true }]), None, early.clone()));
    }
    for piece in pieces(&said.text) {
        events.push(chunk(json!([{ "text": piece }]), None, early.clone()));
    }
    let signed = !said.reasoning.is_empty();
    for (at, call) in said.calls.iter().enumerate() {
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        let mut part = json!({ "functionCall": { "name": call.tool, "args": arguments } });
        if signed && at == 0 {
            part["thoughtSignature"] = "dGhvdWdodA==".into();
        }
        events.push(chunk(json!([part]), None, early.clone()));
    }
    if signed && said.calls.is_empty() {
        events.push(chunk(json!([{ "text": "", "thoughtSignature": "dGhvdWdodA==" }]), None, early));
    }
    let reason = match &said.ending {
        Ending::Whole => "STOP",
        Ending::Length => "MAX_TOKENS",
        Ending::Refused(_) => "SAFETY",
    };
    events.push(chunk(json!([{ "text": "" }]), Some(reason), usage));
    events
}
