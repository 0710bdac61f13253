//! `gonogo.toml`: found, read, checked, and turned into a [`Definition`].

pub mod container;
mod convert;
pub(super) use convert::policy;
pub mod file;
mod rules;

use std::{
    io,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use crate::{
    config::{
        check::{self, Checked},
        error::{ConfigError, Mistake, locate_all},
        schema, syntax,
    },
    domain::definition::{Definition, FixPolicy},
};

/// The file's name.
pub const FILE_NAME: &str = "gonogo.toml";

/// What a file says, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The pipelines that nothing is wrong with, and the fix policy. Where something is wrong with the policy, its right keys
    /// count but nothing is applied without a person.
    pub definition: Definition,
    /// Everything that is wrong, in the order of the file.
    pub problems: Vec<ConfigError>,
}

/// A file that can't be read at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`", path.display())]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// The `gonogo.toml` of a directory or of the nearest one above it, but not of one above the repository.
pub fn find(from: &Path) -> Option<PathBuf> {
    for directory in from.ancestors() {
        let file = directory.join(FILE_NAME);
        if file.is_file() {
            return Some(file);
        }
        if directory.join(".git").exists() {
            return None;
        }
    }
    None
}

/// Reads a file. `fix` is the policy where the file doesn't say (see [`crate::config::settings::Settings::fix`]).
pub fn load(path: &Path, fix: &FixPolicy) -> Result<Loaded, ReadError> {
    let (text, not_utf8) = read(path)?;
    let name = path.display().to_string();
    let mut loaded = parse(&name, &text, fix);
    if let Some(mistake) = not_utf8 {
        loaded.definition.pipelines.clear();
        loaded.problems.insert(0, mistake.locate(&name, &text));
    }
    Ok(loaded)
}

/// Reads a file as text; what isn't UTF-8 is replaced, and said.
pub(super) fn read(path: &Path) -> Result<(String, Option<Mistake>), ReadError> {
    let bytes = std::fs::read(path).map_err(|source| ReadError { path: path.to_owned(), source })?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok((text, None)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let mistake = Mistake::new(at..at + 1, &[], "this file isn't UTF-8 text").hint("save it as UTF-8");
            Ok((String::from_utf8_lossy(error.as_bytes()).into_owned(), Some(mistake)))
        }
    }
}

/// Checks the text of a file. `name` is what the problems call it.
pub fn parse(name: &str, source: &str, fix: &FixPolicy) -> Loaded {
    let readable = syntax::readable(source);
    let syntax = readable.mistakes;
    let Checked { mut value, places, mut mistakes } =
        check::check(schema::definition(), &syntax::parse(&readable.text));
    for mistake in mistakes.iter_mut().filter(|mistake| mistake.message.contains("no `pipelines`")) {
        mistake.expected = Some("at least one job of a pipeline: `[pipelines.ci.jobs.test]`".to_owned());
        mistake.hint = Some("`gonogo init` writes a file that fits the repository".to_owned());
    }
    for mistake in &syntax {
        keep_name(&mut value, &mistake.path);
    }
    let mut read = convert::definition(value, &places, fix);
    mistakes.append(&mut read.faults);
    rules::check(&read, &places, source, &mut mistakes);
    // Around what could not be read, nothing else can be said.
    let unclear = |path: &[String]| syntax.iter().any(|broken| path.starts_with(&broken.path));
    mistakes.retain(|mistake| !unclear(&mistake.path));
    mistakes.extend(syntax.iter().cloned());

    let lost = syntax.iter().any(|broken| broken.path.len() < 2);
    let wrong = |top: &str, name: &str| mistakes.iter().any(|m| m.path.starts_with(&[top.to_owned(), name.to_owned()]));
    read.definition.pipelines.retain(|pipeline| !lost && !wrong("pipelines", &pipeline.name));
    if lost || mistakes.iter().any(|mistake| mistake.path.first().is_some_and(|top| top == "fix")) {
        read.definition.fix.auto.clear();
    }
    Loaded { definition: read.definition, problems: locate_all(mistakes, name, source) }
}

/// Puts an empty table where one stands that could not be read, so that what refers to it isn't called wrong.
fn keep_name(value: &mut Value, path: &[String]) {
    let named = matches!(path, [top, _, ..] if top == "pipelines") && path.len() <= 4;
    let mut level = value;
    for key in path.iter().filter(|_| named) {
        let Some(object) = level.as_object_mut() else { return };
        level = object.entry(key).or_insert_with(|| Value::Object(Map::new()));
    }
}

#[cfg(test)]
mod tests;
