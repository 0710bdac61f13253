#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;
use crate::domain::talk::{ToolResult, ToolSpec};

const KINDS: [ProviderKind; 8] = [
    ProviderKind::Anthropic,
    ProviderKind::OpenAi,
    ProviderKind::OpenAiResponses,
    ProviderKind::Gemini,
    ProviderKind::DeepSeek,
    ProviderKind::OpenRouter,
    ProviderKind::Ollama,
    ProviderKind::Compatible,
];

fn name() -> ModelName {
    ModelName { provider: "p".into(), model: "m".into() }
}

fn conversation(wire: Option<Value>) -> Prompt {
    let call = |id: &str| ToolCall { id: id.into(), tool: "read".into(), arguments: json!({ "path": "a" }) };
    let result =
        |call: &str, ok| Message::Tool { result: ToolResult { call: call.into(), text: format!("of {call}"), ok } };
    Prompt {
        messages: vec![
            Message::System { text: "Be brief.".into() },
            Message::User { text: "Why?".into() },
            Message::Model { text: "Let me look.".into(), calls: vec![call("c1"), call("c2")], wire },
            result("c1", true),
            result("c2", false),
        ],
        tools: vec![ToolSpec { name: "read".into(), about: "Reads.".into(), schema: json!({ "type": "object" }) }],
        max_output: 100,
    }
}

fn body(kind: ProviderKind, prompt: &Prompt) -> Value {
    Ask { kind, model: &name(), prompt, max_output: 100, effort: None }.request().body
}

#[test]
fn every_wire_says_the_conversation_in_its_own_words_and_never_a_temperature() {
    for kind in KINDS {
        let body = body(kind, &conversation(None));
        let text = body.to_string();
        for word in ["Be brief.", "Why?", "Let me look.", "of c1", "of c2", "Reads."] {
            assert_eq!(text.matches(word).count(), 1, "{kind:?}: {word}");
        }
        assert!(!text.contains("temperature") && !text.contains("top_p"), "{kind:?}");
        assert!(text.contains("100"), "{kind:?} has its limit");
    }
}

#[test]
fn both_results_of_one_turn_stand_in_one_message_where_the_wire_wants_it() {
    let anthropic = body(ProviderKind::Anthropic, &conversation(None));
    let roles: Vec<&str> =
        anthropic["messages"].as_array().unwrap().iter().map(|m| m["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
    assert_eq!(anthropic["messages"][2]["content"][1]["is_error"], true);
    let gemini = body(ProviderKind::Gemini, &conversation(None));
    assert_eq!(gemini["contents"].as_array().unwrap().len(), 3);
    assert_eq!(gemini["contents"][2]["parts"][0]["functionResponse"]["name"], "read");
}

#[test]
fn signed_thoughts_go_back_in_their_place_to_the_same_model_while_the_turn_lasts() {
    let thought = json!({ "type": "thinking", "thinking": "hm", "signature": "s" });
    let parts = json!([thought, { "type": "text" }, { "type": "call", "at": 0 }, { "type": "call", "at": 1 }]);
    let wire = |model: &str| Some(json!({ "model": model, "parts": parts }));
    let kinds = |prompt: &Prompt| -> Vec<String> {
        let body = body(ProviderKind::Anthropic, prompt);
        let content = body["messages"][1]["content"].as_array().unwrap().clone();
        content.iter().map(|block| block["type"].as_str().unwrap().to_owned()).collect()
    };
    let mut prompt = conversation(wire("p/m"));
    assert_eq!(kinds(&prompt), ["thinking", "text", "tool_use", "tool_use"]);
    assert_eq!(kinds(&conversation(wire("p/other"))), ["text", "tool_use", "tool_use"], "another model's");
    prompt.messages.push(Message::User { text: "And now?".into() });
    assert_eq!(kinds(&prompt), ["text", "tool_use", "tool_use"], "the turn is over");
}

#[test]
fn the_newer_models_of_openai_are_asked_by_way_of_responses() {
    let prompt = conversation(None);
    let path = |model: &str| {
        let model = ModelName { provider: "p".into(), model: model.into() };
        Ask { kind: ProviderKind::OpenAi, model: &model, prompt: &prompt, max_output: 1, effort: None }.request().path
    };
    assert_eq!([path("gpt-4.1"), path("gpt-6.1-sol")], ["chat/completions", "responses"]);
}

#[test]
fn a_number_of_a_call_that_is_out_of_all_bounds_takes_no_memory() {
    let (model, prompt) = (name(), Prompt::default());
    let ask = Ask { kind: ProviderKind::Compatible, model: &model, prompt: &prompt, max_output: 1, effort: None };
    let mut fold = ask.fold();
    let mut out = Vec::new();
    let piece = |index: u64| json!({ "choices": [{ "delta": { "tool_calls": [{ "index": index, "function": { "name": "x", "arguments": "{}" } }] } }] });
    fold.take(&piece(u64::MAX).to_string(), &mut out).unwrap();
    let failed = (0..1000).find_map(|index| fold.take(&piece(index).to_string(), &mut out).err());
    assert!(matches!(failed, Some(Wrong::Broken(_))), "{failed:?}");
}

#[test]
fn a_call_that_the_limit_cut_off_was_never_called() {
    let (model, prompt) = (name(), Prompt::default());
    let ask = Ask { kind: ProviderKind::Compatible, model: &model, prompt: &prompt, max_output: 1, effort: None };
    let of = |reason: &str| {
        let mut fold = ask.fold();
        let call = json!({ "index": 0, "id": "c", "function": { "name": "x", "arguments": "{\"a\": [1, " } });
        let chunk =
            json!({ "choices": [{ "delta": { "content": "So", "tool_calls": [call] }, "finish_reason": reason }] });
        fold.take(&chunk.to_string(), &mut Vec::new()).unwrap();
        fold.finish()
    };
    let cut = of("length").unwrap();
    assert_eq!((cut.calls.len(), cut.stop), (0, Stop::Length));
    assert!(matches!(of("tool_calls"), Err(Wrong::Broken(_))));
}
