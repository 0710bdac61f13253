//! Calls, understood or not.
#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

fn call(tool: &str, arguments: Value) -> ToolCall {
    ToolCall { id: "1".into(), tool: tool.into(), arguments }
}

fn all() -> Toolbox {
    Toolbox::new(NAMES.iter().copied())
}

#[test]
fn every_tool_is_told_of_in_a_form_that_all_providers_take() {
    let tools = all();
    assert_eq!(tools.specs().len(), NAMES.len());
    for spec in tools.specs() {
        assert!(spec.name.len() <= 64 && spec.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{spec:?}");
        assert_eq!(spec.schema["type"], "object", "{spec:?}");
        assert_eq!(spec.schema["additionalProperties"], false, "{spec:?}");
        let text = spec.schema.to_string();
        for foreign in ["$ref", "$schema", "anyOf", "\"format\"", "null"] {
            assert!(!text.contains(foreign), "{}: {foreign} in {text}", spec.name);
        }
        for (name, property) in spec.schema["properties"].as_object().unwrap() {
            assert!(property["description"].is_string(), "{}: {name} is not described", spec.name);
        }
    }
}

#[test]
fn a_call_is_read_or_the_model_is_told_what_is_wrong_with_it() {
    let tools = all();
    let read = tools.read(&call("read_file", json!({ "path": "src/lib.rs", "first": 3 }))).unwrap();
    assert_eq!(read, Action::ReadFile(ReadFile { path: "src/lib.rs".into(), first: Some(3), count: None }));
    assert!(tools.read(&call("list_runs", Value::Null)).is_ok());
    for (tool, arguments, says) in [
        ("reed_file", json!({}), "there is no tool `reed_file`"),
        ("read_file", json!("{\"path\": \"src"), "not one whole JSON object"),
        ("read_file", json!({ "path": 7 }), "do not fit"),
        ("read_file", json!({}), "path"),
        ("read_file", json!({ "path": "a", "lines": 3 }), "lines"),
        ("read_file", json!({ "path": "/etc/passwd" }), "absolute"),
        ("read_file", json!({ "path": "a/../../b" }), "outside"),
        ("write_file", json!({ "path": "~/.bashrc", "text": "" }), "absolute"),
        ("patch_file", json!({ "path": "a", "old": "x", "new": "x" }), "the same"),
        ("patch_file", json!({ "path": "a", "old": "", "new": "x" }), "write_file"),
        ("git_diff", json!({ "from": "--output=/tmp/x" }), "names no commit"),
        ("git_log", json!({ "since": "HEAD@{1}; rm" }), "names no commit"),
        ("run_step", json!({ "step": 0 }), "from 1"),
        ("run_command", json!({ "command": "ls", "why": " " }), "reason is empty"),
    ] {
        let told = tools.read(&call(tool, arguments.clone())).unwrap_err();
        assert!(told.contains(says), "{tool} {arguments}: {told}");
    }
}

#[test]
fn a_tool_that_an_agent_does_not_have_is_none() {
    let tools = Toolbox::new(["read_file", "no_such_tool"]);
    assert_eq!(tools.specs().len(), 1);
    assert!(tools.read(&call("write_file", json!({ "path": "a", "text": "b" }))).is_err());
}
