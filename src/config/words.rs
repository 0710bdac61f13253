//! What values and places of a file are called when a person reads about them.

use serde_json::Value;
use toml::de::DeValue;

use super::text;

/// What a schema lets in, in words.
pub(super) fn describe(root: &Value, schema: &Value) -> String {
    let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/"));
    let schema = name.map_or(schema, |name| &root["$defs"][name]);
    if let Some(options) = schema["anyOf"].as_array() {
        let options: Vec<String> = options.iter().map(|option| describe(root, option)).collect();
        return options.join(", or ");
    }
    if let Some(names) = schema["enum"].as_array() {
        return one_of(&names.iter().filter_map(Value::as_str).collect::<Vec<_>>());
    }
    if let Some(looks) = schema["format"].as_str().and_then(text::looks_like) {
        return looks.to_owned();
    }
    let bounds = match (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        (Some(least), Some(most)) => format!("a whole number from {least} to {most}"),
        (Some(least), None) => format!("a whole number, {least} or more"),
        _ => "a whole number".to_owned(),
    };
    match &schema["type"] {
        Value::Array(_) => "a text in quotes, a number, true or false".to_owned(),
        kind if kind == "string" => "a text in quotes".to_owned(),
        kind if kind == "integer" => bounds,
        kind if kind == "number" => "a number".to_owned(),
        kind if kind == "boolean" => "true or false".to_owned(),
        kind if kind == "array" => format!("a list in brackets, each {}", describe(root, &schema["items"])),
        _ => match schema["properties"].as_object() {
            Some(known) => {
                let mut known: Vec<String> = known.keys().map(|key| format!("`{key}`")).collect();
                known.sort_unstable();
                format!("a table with {}", known.join(", "))
            }
            None => "a table".to_owned(),
        },
    }
}

/// What stands in the file, in words.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The names that would be right; not a long list of them where one was most likely meant.
pub(super) fn expected_names(names: &[&str], one_is_near: bool) -> Option<String> {
    (!one_is_near || names.len() <= 8).then(|| one_of(names))
}

/// The names that would be right.
pub(super) fn one_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [only] => only.clone(),
        _ => format!("one of {}", quoted.join(", ")),
    }
}

/// What a path leads to, in words.
pub(super) fn owner(path: &[String]) -> String {
    let kind_of = |list: &str| match list {
        "pipelines" => Some("pipeline"),
        "jobs" => Some("job"),
        "gates" => Some("gate"),
        _ => None,
    };
    match path {
        [] => "this file".to_owned(),
        [.., list, name] if kind_of(list).is_some() && path.len().is_multiple_of(2) => {
            format!("{} `{name}`", kind_of(list).unwrap_or_default())
        }
        [before @ .., list, index] if index.parse::<usize>().is_ok() => {
            let number = index.parse::<usize>().unwrap_or_default() + 1;
            let item = list.strip_suffix('s').unwrap_or(list);
            let of = if before.is_empty() { String::new() } else { format!(" of {}", owner(before)) };
            format!("{item} {number}{of}")
        }
        [pipelines, _, .., key] if pipelines == "pipelines" && path.len() != 3 => {
            format!("`{key}` of {}", owner(&path[..path.len() - 1]))
        }
        _ => format!("`[{}]`", path.join(".")),
    }
}
