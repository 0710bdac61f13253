//! Texts of the files that must have a form: durations, globs, paths, names. Each knows its JSON Schema `format`, and
//! [`complaint`] checks a text by that format.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::domain::{time::Millis, usage::NanoUsd};

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident $format:literal $expected:literal)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
            #[serde(transparent)]
            pub struct $name(pub String);

            impl JsonSchema for $name {
                fn inline_schema() -> bool {
                    true
                }
                fn schema_name() -> Cow<'static, str> {
                    $format.into()
                }
                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({ "type": "string", "format": $format })
                }
            }
        )*

        /// What a text of this format looks like.
        pub fn looks_like(format: &str) -> Option<&'static str> {
            match format {
                $($format => Some($expected),)*
                _ => None,
            }
        }
    };
}

text! {
    /// A length of time.
    DurationText "duration" "a length of time such as \"90s\", \"10m\" or \"1h 30m\""
    /// A pattern of paths inside the repository.
    Glob "glob" "a glob such as \"src/**/*.rs\", relative to the repository"
    /// A path inside the workspace.
    RelativePath "relative-path" "a path inside the repository, such as \"web\""
    /// The name of an environment variable.
    VariableName "variable" "a variable's name: letters, digits and `_`, not beginning with a digit"
    /// The name of a pipeline, job, gate or matrix axis.
    NodeName "name" "a name of letters, digits, `-`, `_` and `.`, beginning with a letter or digit"
    /// A command line.
    CommandLine "command" "a command for `sh`, such as \"cargo test\""
    /// A size in bytes.
    SizeText "size" "a size such as \"500 MB\" or \"2 GB\""
    /// Where an engine answers.
    EngineAddress "engine-address" "an address such as \"ssh://me@build1\", \"tcp://build1:2376\" or \"unix:///run/docker.sock\""
    /// An amount of money.
    MoneyText "money" "an amount of dollars such as \"$5\" or \"$2.50\""
    /// What a minute costs.
    MinuteText "minute-price" "a price such as \"$0.008/min\", or \"0\""
    /// A model of a provider.
    ModelText "model" "a provider and a model such as \"anthropic/claude-opus-5-5\""
    /// A key, or two held together.
    KeyText "key" "a key such as \"g\", \"G\", \"ctrl-l\", \"f5\", \"space\" or \"shift-tab\""
}

impl DurationText {
    /// The time, which [`complaint`] has found no fault with.
    pub fn millis(&self) -> Millis {
        duration(&self.0).unwrap_or_default()
    }
}

impl SizeText {
    /// The number of bytes, which [`complaint`] has found no fault with.
    pub fn bytes(&self) -> u64 {
        size(&self.0).unwrap_or_default()
    }
}

impl MoneyText {
    /// The amount, which [`complaint`] has found no fault with.
    pub fn amount(&self) -> NanoUsd {
        NanoUsd::parse(&self.0).unwrap_or_default()
    }
}

impl MinuteText {
    /// The price of a minute, which [`complaint`] has found no fault with.
    pub fn minute(&self) -> NanoUsd {
        minute_price(&self.0).unwrap_or_default()
    }
}

/// Events that a pipeline or job can name in `on`.
pub const EVENTS: [&str; 8] =
    ["push", "pull_request", "merge_group", "tag", "release", "schedule", "webhook", "manual"];

/// An event for which a pipeline or job runs: one of [`EVENTS`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct EventName(pub String);

impl JsonSchema for EventName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "event".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": EVENTS, "title": "event" })
    }
}

/// What is wrong with a text of this format.
pub fn complaint(format: &str, text: &str) -> Option<String> {
    let not = |what: &str| Some(format!("isn't {what}"));
    let wrong = match format {
        "duration" => duration(text).err(),
        "size" => size(text).err(),
        "glob" => relative(text).or_else(|| Some(format!("isn't a glob: {}", globset::Glob::new(text).err()?.kind()))),
        "relative-path" => relative(text),
        "variable" if !is_variable(text) => not("the name of a variable"),
        "name" if !is_name(text) => not("a name"),
        "engine-address" if !is_address(text) => not("the address of an engine"),
        "money" if NanoUsd::parse(text).is_none() => not("an amount of dollars"),
        "minute-price" if minute_price(text).is_none() => not("the price of a minute"),
        "model" if !is_model(text) => not("a model of a provider"),
        "command" if text.trim().is_empty() => not("a command"),
        "key" => text.parse::<super::keymap::chord::KeyChord>().err().map(|error| error.to_string()),
        _ => None,
    };
    wrong.map(|why| if text.is_empty() { "this is empty".to_owned() } else { format!("`{text}` {why}") })
}

fn is_address(text: &str) -> bool {
    ["unix://", "tcp://", "http://", "https://", "ssh://"]
        .iter()
        .any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
}

fn minute_price(text: &str) -> Option<NanoUsd> {
    NanoUsd::parse(text.trim().strip_suffix("/min").unwrap_or(text))
}

fn is_model(text: &str) -> bool {
    text.split_once('/').is_some_and(|(provider, model)| is_name(provider) && !model.trim().is_empty())
}

fn is_variable(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.is_empty() && text.chars().all(word) && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a text can name a pipeline, job, gate or axis.
pub fn is_name(text: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.starts_with(char::is_alphanumeric) && text.chars().all(part)
}

fn relative(path: &str) -> Option<String> {
    if path.trim().is_empty() {
        return Some("is empty".to_owned());
    }
    if path.starts_with(['/', '~']) || path.split(['/', '\\']).any(|part| part == "..") {
        return Some("leads out of the repository".to_owned());
    }
    None
}

/// Reads `90s`, `10m`, `1h 30m`, `1d`, `500ms`.
fn duration(text: &str) -> Result<Millis, String> {
    let mut total: u64 = 0;
    for (number, unit) in parts(text)? {
        let unit: u64 = match unit.as_str() {
            "ms" => 1,
            "s" | "sec" | "secs" | "second" | "seconds" => 1000,
            "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
            "h" | "hour" | "hours" => 3_600_000,
            "d" | "day" | "days" => 86_400_000,
            "" => return Err("has no unit: ms, s, m, h or d".to_owned()),
            other => return Err(format!("has an unknown unit `{other}`: ms, s, m, h or d")),
        };
        total = number.checked_mul(unit).and_then(|ms| total.checked_add(ms)).ok_or("is too long")?;
    }
    if total == 0 { Err("is no time at all".to_owned()) } else { Ok(Millis(total)) }
}

/// Reads `500 MB`, `2GB`, `1 GiB`.
fn size(text: &str) -> Result<u64, String> {
    let mut total: u64 = 0;
    for (number, unit) in parts(text)? {
        let unit: u64 = match unit.to_ascii_lowercase().as_str() {
            "b" => 1,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "tb" => 1_000_000_000_000,
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            "tib" => 1 << 40,
            _ => return Err(format!("has an unknown unit `{unit}`: B, kB, MB, GB, TB (or KiB, MiB, GiB, TiB)")),
        };
        total = number.checked_mul(unit).and_then(|bytes| total.checked_add(bytes)).ok_or("is too large")?;
    }
    Ok(total)
}

/// Numbers, each with the letters behind it.
fn parts(text: &str) -> Result<Vec<(u64, String)>, String> {
    let mut rest = text.trim();
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number = rest[..digits].parse().map_err(|_| {
            let why = match rest.chars().next() {
                Some('.' | ',') => "has a fraction: use a smaller unit",
                Some('-') => "is negative",
                Some('0'..='9') => "is too large",
                _ => "doesn't begin with a number",
            };
            why.to_owned()
        })?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        parts.push((number, rest[..letters].to_owned()));
        rest = rest[letters..].trim_start();
    }
    if parts.is_empty() { Err("is empty".to_owned()) } else { Ok(parts) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn durations_are_read_and_the_wrong_ones_say_why() {
        let read = ["90s", "10m", "1h 30m", "1h30m", "500ms", "2 d"].map(|text| duration(text).unwrap().0);
        assert_eq!(read, [90_000, 600_000, 5_400_000, 5_400_000, 500, 172_800_000]);
        for (wrong, why) in [
            ("10", "has no unit"),
            ("", "empty"),
            ("ten minutes", "begin with a number"),
            ("-5m", "negative"),
            ("1.5h", "fraction"),
            ("5 weeks", "unknown unit"),
            ("0s", "no time"),
            ("99999999999999999999d", "too large"),
            ("999999999999999999d", "too long"),
        ] {
            let said = duration(wrong).unwrap_err();
            assert!(said.contains(why), "{wrong}: {said}");
        }
    }

    #[test]
    fn sizes_are_read() {
        assert_eq!(["500 MB", "2GB", "1 GiB"].map(|text| size(text).unwrap()), [500_000_000, 2_000_000_000, 1 << 30]);
        assert!(size("5 elephants").is_err());
    }

    #[test]
    fn paths_stay_inside_and_globs_are_globs() {
        assert!(complaint("glob", "src/**/*.rs").is_none());
        for wrong in ["/etc", "../x", "~/x", "a/../b", "", "src/[a"] {
            assert!(complaint("glob", wrong).is_some(), "{wrong}");
        }
        assert!(complaint("variable", "1A").is_some() && complaint("variable", "DATABASE_URL").is_none());
        assert!(complaint("name", "a b").is_some() && complaint("name", "übung-1.2_x").is_none());
    }
}
