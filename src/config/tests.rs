//! Wrong files and what is said about them, examples, and the agreement of schema, files and docs.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fmt::Write as _, fs, path::Path};

use serde_json::Value;

use super::{definition, keymap::action::ACTIONS, schema, settings};
use crate::domain::definition::FixPolicy;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `text`, or with `UPDATE_SNAPSHOTS=1` what is now the content of the file.
fn assert_snapshot(file: &Path, text: &str) {
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(file, text).unwrap();
    }
    let kept = fs::read_to_string(file).unwrap_or_default();
    assert_eq!(kept, text, "{} differs (UPDATE_SNAPSHOTS=1 rewrites it)", file.display());
}

#[test]
fn thirty_wrong_files_are_answered_as_written_beside_them() {
    let mut files: Vec<_> =
        fs::read_dir(root().join("tests/config/invalid")).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(files.len() >= 30, "{}", files.len());
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        let is_user = file.file_name().unwrap().to_string_lossy().contains("user");
        let (problems, kept) = if is_user {
            (settings::parse("config.toml", &source, None, None).problems, String::new())
        } else {
            let loaded = definition::parse("gonogo.toml", &source, &FixPolicy::default());
            let names: Vec<&str> = loaded.definition.pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
            (
                loaded.problems,
                format!("\n(still runs: {})\n", if names.is_empty() { "nothing".into() } else { names.join(", ") }),
            )
        };
        assert!(!problems.is_empty(), "nothing is wrong with {}", file.display());
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_snapshot(&file.with_extension("txt"), &format!("{}\n{kept}", said.join("\n\n")));
    }
}

#[test]
fn every_example_is_right() {
    for entry in fs::read_dir(root().join("assets/examples")).unwrap() {
        let file = entry.unwrap().path();
        let loaded = definition::load(&file, &FixPolicy::default()).unwrap();
        let said: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
        assert_eq!(said, Vec::<String>::new(), "{}", file.display());
        for pipeline in &loaded.definition.pipelines {
            crate::domain::plan::plan(pipeline, &loaded.definition.fix, &[]).unwrap();
        }
    }
}

/// Every key of a schema, by its path without the names that a person chooses.
fn keys_of(schema: &Value) -> Vec<String> {
    fn walk(root: &Value, schema: &Value, path: &str, keys: &mut Vec<String>, depth: usize) {
        let reference = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/"));
        let schema = reference.map_or(schema, |name| &root["$defs"][name]);
        for option in schema["anyOf"].as_array().into_iter().flatten() {
            walk(root, option, path, keys, depth);
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            keys.push(path.trim_start_matches('.').to_owned());
            walk(root, property, &path, keys, depth + 1);
        }
        for inner in ["items", "additionalProperties"] {
            if schema[inner].is_object() && depth < 12 {
                walk(root, &schema[inner], &format!("{path}.*"), keys, depth + 1);
            }
        }
    }
    let mut keys = Vec::new();
    walk(schema, schema, "", &mut keys, 0);
    keys
}

#[test]
fn the_example_configuration_is_right_and_names_every_key() {
    let source = fs::read_to_string(root().join("config.example.toml")).unwrap();
    let loaded = settings::parse("config.example.toml", &source, None, None);
    assert_eq!(loaded.problems, []);
    assert_eq!(loaded.settings.keymap, super::keymap::Keymap::default(), "it says the default keys");
    for key in keys_of(schema::settings()) {
        let name = key.rsplit('.').next().unwrap();
        assert!(
            source.contains(&format!("{name} ="))
                || source.contains(&format!("{name}]"))
                || source.contains(&format!("[{name}.")),
            "`{key}` is missing"
        );
    }
}

#[test]
fn the_reference_names_every_key_of_the_schema() {
    let page = fs::read_to_string(root().join("docs/definition.md")).unwrap();
    for key in keys_of(schema::definition()) {
        let name = key.rsplit('.').next().unwrap();
        assert!(
            page.contains(&format!("`{name}`")) || page.contains(&format!("{name}.")),
            "`{key}` is not in docs/definition.md"
        );
    }
}

#[test]
fn the_page_of_keys_is_made_from_the_table() {
    let mut table = String::new();
    let mut context = None;
    for entry in ACTIONS {
        if context != Some(entry.context) {
            context = Some(entry.context);
            write!(
                table,
                "\n### `[keys.{}]`\n\n| action | keys | what it does |\n|---|---|---|\n",
                entry.context.name()
            )
            .unwrap();
        }
        let keys: Vec<String> = entry.default_keys().iter().map(|key| format!("`{key}`")).collect();
        writeln!(table, "| `{}` | {} | {} |", entry.name, keys.join(" "), entry.about).unwrap();
    }
    let file = root().join("docs/configuration.md");
    let page = fs::read_to_string(&file).unwrap();
    let (before, rest) = page.split_once("<!-- keys -->\n").expect("the mark before the tables");
    let (_, after) = rest.split_once("<!-- end of keys -->").expect("the mark behind the tables");
    assert_snapshot(&file, &format!("{before}<!-- keys -->\n{table}\n<!-- end of keys -->{after}"));
}

#[test]
fn the_schema_has_a_description_for_every_key() {
    for schema in [schema::definition(), schema::settings()] {
        let defs = schema["$defs"].as_object().into_iter().flatten().map(|(_, table)| table);
        for table in std::iter::once(schema).chain(defs) {
            for (name, property) in table["properties"].as_object().into_iter().flatten() {
                assert!(property["description"].is_string(), "`{name}`: {property}");
            }
        }
    }
}
