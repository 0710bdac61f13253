//! The layers of the house: who may import whom, and what may be used where.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Each folder of `src`, its layer, and whether folders of the same layer may import each other (downwards in this list).
/// A folder imports from lower layers only.
const LAYERS: &[(u32, &[&str])] = &[
    (0, &["domain"]),
    (1, &["config", "protocol", "state"]),
    (2, &["workspace", "diagnose", "redact", "survey", "price"]),
    (3, &["store", "engine", "fix", "agent"]),
    (4, &["control"]),
    (5, &["tui", "ipc"]),
    (6, &["cli"]),
];

/// Imports within a layer that are allowed, and why.
const SIBLINGS: &[(&str, &str, &str)] = &[
    ("state", "protocol", "state is the fold of the protocol's events"),
    (
        "engine",
        "store",
        "the engine's recorder writes output files, and its diagnosis reads them: `store::output` alone",
    ),
];

/// What faces may see: never control, or what is below it.
const FACES: &[(&str, &[&str])] =
    &[("tui", &["protocol", "state", "config", "domain"]), ("ipc", &["protocol", "state", "config", "domain"])];

/// A crate that belongs to a folder.
struct Kept {
    name: &'static str,
    home: &'static str,
    /// The files elsewhere that may use it, with the reason.
    others: &'static [(&'static str, &'static str)],
}

const KEPT: &[Kept] = &[
    Kept { name: "ratatui", home: "tui", others: &[] },
    Kept {
        name: "crossterm",
        home: "tui",
        others: &[
            ("cli/doctor/mod.rs", "asks how large the terminal is"),
            ("cli/env/terminal.rs", "says how large the terminal is"),
            ("cli/exec.rs", "asks how large the terminal is"),
        ],
    },
    Kept { name: "rusqlite", home: "store", others: &[] },
];

/// Places that are pure: no runtime, no files, no clock.
const PURE: &[&str] = &[
    "domain/",
    "state/",
    "diagnose/",
    "redact/",
    "control/decide.rs",
    "control/environments.rs",
    "control/observe.rs",
    "control/advance.rs",
    "control/aside.rs",
    "control/schedule.rs",
    "control/retain.rs",
    "control/threads.rs",
    "price/",
    "agent/machine/",
    "agent/model/breaker.rs",
    "agent/model/fault.rs",
    "agent/model/rate.rs",
    "agent/model/retry.rs",
    "agent/model/sse.rs",
    "agent/model/wire/",
    "engine/docker/pool/plan/",
];
const IMPURE: &[&str] =
    &["tokio::", "std::fs", "fs::", "now()", "std::env", "std::process::Command", "SystemTime", "Instant::"];

/// Lines of a file at most; tests may be longer.
const LONGEST: usize = 500;

/// A source file: its path below `src`, and its text without comments, strings and tests.
struct Source {
    path: String,
    text: String,
    whole: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(dir) = open.pop() {
        for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let whole = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                found.push(Source { path, text: code(&whole), whole });
            }
        }
    }
    assert!(found.len() > 100, "only {} files were found", found.len());
    found
}

impl Source {
    fn folder(&self) -> Option<&str> {
        self.path.split_once('/').map(|(folder, _)| folder)
    }

    fn is_test(&self) -> bool {
        let name = Path::new(&self.path);
        name.components().any(|part| part.as_os_str() == "tests")
            || name.file_name().is_some_and(|name| name == "tests.rs" || name == "fixture.rs")
    }

    /// Folders of `src` that it names after `crate::`, in `use` and elsewhere.
    fn imports(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (at, _) in self.text.match_indices("crate::") {
            let rest = &self.text[at + "crate::".len()..];
            if let Some(group) = rest.strip_prefix('{') {
                found.extend(heads(group));
            } else {
                found.extend(word(rest));
            }
        }
        found
    }
}

/// The code of a file up to its tests, without comments and the insides of strings.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut out = String::new();
    for line in text.lines() {
        let mut in_text = false;
        let mut before = ' ';
        let mut characters = line.chars().peekable();
        while let Some(character) = characters.next() {
            if !in_text && character == '/' && characters.peek() == Some(&'/') {
                break;
            }
            if character == '"' && before != '\\' && before != '\'' {
                in_text = !in_text;
            }
            if !in_text {
                out.push(character);
            }
            before = character;
        }
        out.push('\n');
    }
    out
}

/// The first words of the parts of `a::b, c::{d, e}}`, up to the brace that closes it.
fn heads(group: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut depth = 0;
    let mut at_head = true;
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => at_head = true,
            c if at_head && c.is_alphabetic() => {
                found.extend(word(&group[at..]));
                at_head = false;
            }
            _ => {}
        }
    }
    found
}

fn word(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

fn layer_of(folder: &str) -> Option<u32> {
    LAYERS.iter().find(|(_, folders)| folders.contains(&folder)).map(|(layer, _)| *layer)
}

fn allowed(from: &str, to: &str) -> bool {
    if let Some((_, seen)) = FACES.iter().find(|(face, _)| *face == from) {
        return seen.contains(&to);
    }
    match (layer_of(from), layer_of(to)) {
        (Some(own), Some(other)) if own == other => SIBLINGS.iter().any(|(a, b, _)| (*a, *b) == (from, to)),
        (Some(own), Some(other)) => own > other,
        _ => false,
    }
}

/// Every import of a folder by another, with a file that has it.
fn all_imports() -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for source in sources() {
        let Some(folder) = source.folder() else { continue };
        for import in source.imports() {
            if import != folder && layer_of(&import).is_some() {
                found.insert((folder.to_owned(), import), source.path.clone());
            }
        }
    }
    found
}

#[test]
fn every_folder_has_a_layer() {
    let folders: BTreeSet<String> = sources().iter().filter_map(|source| source.folder().map(str::to_owned)).collect();
    let known: BTreeSet<String> =
        LAYERS.iter().flat_map(|(_, folders)| *folders).map(|name| (*name).to_owned()).collect();
    assert_eq!(folders, known);
}

#[test]
fn imports_go_downwards_only() {
    let wrong: Vec<String> = all_imports()
        .iter()
        .filter(|((from, to), _)| !allowed(from, to))
        .map(|((from, to), path)| format!("{from} imports {to} (src/{path})"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_exception_is_used_and_no_wider_than_it_says() {
    let imports = all_imports();
    for (from, to, why) in SIBLINGS {
        assert!(imports.contains_key(&((*from).to_owned(), (*to).to_owned())), "{from} no longer imports {to}: {why}");
    }
    for source in sources().iter().filter(|source| source.folder() == Some("engine")) {
        let text = source.text.replace("store::output", "");
        assert!(!text.contains("store::"), "src/{} uses more of the store than its outputs", source.path);
    }
}

#[test]
fn the_scan_sees_what_is_written() {
    let text = "use crate::{\n    domain::{id::RunId, time},\n    state,\n};\n// crate::tui\nfn a() { crate::store::log::open(\"crate::cli\") }\n";
    let source = Source { path: "x/y.rs".into(), text: code(text), whole: text.into() };
    assert_eq!(source.imports(), ["domain", "state", "store"].map(str::to_owned).into());
    assert!(
        !allowed("domain", "state") && !allowed("tui", "control") && !allowed("fix", "engine") && allowed("cli", "tui")
    );
}

#[test]
fn crates_stay_where_they_belong() {
    for source in sources() {
        for Kept { name, home, others } in KEPT {
            let uses = source.text.contains(&format!("{name}::"));
            let here = source.folder() == Some(*home) || others.iter().any(|(path, _)| source.path == *path);
            assert!(!uses || here, "src/{} uses {name}, which belongs to {home}", source.path);
        }
    }
}

#[test]
fn what_is_pure_knows_no_clock_no_files_and_no_runtime() {
    for source in sources().iter().filter(|source| !source.is_test()) {
        if !PURE.iter().any(|place| source.path.starts_with(place)) {
            continue;
        }
        for (number, line) in (1..).zip(source.text.lines()) {
            for impure in IMPURE {
                assert!(!line.contains(impure), "src/{}:{number} uses {impure}: {line}", source.path);
            }
        }
    }
}

#[test]
fn no_file_is_about_two_things() {
    for source in sources().iter().filter(|source| !source.is_test()) {
        let lines = source.whole.lines().count();
        assert!(lines <= LONGEST, "src/{} has {lines} lines", source.path);
    }
}

#[test]
fn every_file_says_what_it_is_about() {
    let silent: Vec<PathBuf> = sources()
        .iter()
        .filter(|source| !source.is_test() && !source.whole.starts_with("//!"))
        .map(|source| PathBuf::from(&source.path))
        .collect();
    assert!(silent.is_empty(), "no `//!` at the beginning of {silent:?}");
}

#[test]
fn nothing_is_called_by_a_word_that_says_nothing() {
    let banned = ["manager", "helper", "helpers", "util", "utils", "common", "misc", "handler", "context", "imp"];
    for source in sources() {
        for part in source.path.trim_end_matches(".rs").split('/') {
            assert!(!banned.contains(&part), "src/{}", source.path);
        }
    }
}
