//! The file of a role, checked.

use std::{fmt, path::Path, time::Duration};

use serde::Deserialize;

use crate::{
    agent::{machine::Limits, tool},
    config::{
        suggest,
        text::{DurationText, complaint},
    },
    domain::usage::NanoUsd,
};

use super::Role;

/// A file of a role that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RoleError {
    /// Which file.
    pub file: String,
    /// What is wrong with it.
    pub why: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl fmt::Display for RoleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.why)
    }
}

impl RoleError {
    fn new(path: &Path, why: impl fmt::Display) -> Self {
        Self { file: path.display().to_string(), why: why.to_string(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn unread(path: &Path, error: &std::io::Error) -> Self {
        Self::new(path, format!("can't be read: {error}"))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RoleFile {
    about: Option<String>,
    prompt: Option<String>,
    tools: Option<Vec<String>>,
    model: Option<String>,
    #[serde(default)]
    limits: LimitsFile,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LimitsFile {
    steps: Option<u32>,
    tokens: Option<u64>,
    /// Dollars, as a text: `"0.50"`.
    cost: Option<String>,
    time: Option<DurationText>,
    attempts: Option<u32>,
    output: Option<u32>,
}

/// Reads the text of a file. What it does not name is as in `base`, or has to be named.
pub(super) fn read(path: &Path, text: &str, base: Option<&Role>) -> Result<Role, RoleError> {
    let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 40 || !name.bytes().all(plain) {
        return Err(RoleError::new(path, format!("`{name}` is no name of a role"))
            .hint("name the file with small letters, digits and `-`, such as `security-engineer.toml`"));
    }
    let file: RoleFile = toml::from_str(text).map_err(|error| RoleError::new(path, error.to_string().trim_end()))?;
    let missing = |what: &str| {
        RoleError::new(path, format!("`{what}` is missing")).hint(format!("a role of one's own needs `{what}`"))
    };
    let prompt = file.prompt.or_else(|| base.map(|base| base.prompt.clone())).ok_or_else(|| missing("prompt"))?;
    if prompt.trim().is_empty() {
        return Err(RoleError::new(path, "`prompt` is empty"));
    }
    let tools = file.tools.or_else(|| base.map(|base| base.tools.clone())).ok_or_else(|| missing("tools"))?;
    for (at, wanted) in tools.iter().enumerate() {
        if !tool::NAMES.contains(&wanted.as_str()) {
            let error = RoleError::new(path, format!("there is no tool `{wanted}`"));
            let near = suggest::did_you_mean(wanted, tool::NAMES.iter().copied());
            return Err(error.hint(near.unwrap_or_else(|| format!("tools: {}", tool::NAMES.join(", ")))));
        }
        if tools.iter().take(at).any(|before| before == wanted) {
            return Err(RoleError::new(path, format!("the tool `{wanted}` is named twice")));
        }
    }
    let model = file.model.or_else(|| base.map(|base| base.model.clone())).unwrap_or_default();
    let about = file.about.or_else(|| base.map(|base| base.about.clone())).unwrap_or_default();
    let limits = limits(path, file.limits, base.map(|base| base.limits.clone()).unwrap_or_default())?;
    Ok(Role { name, about, prompt, tools, model, limits })
}

fn limits(path: &Path, file: LimitsFile, base: Limits) -> Result<Limits, RoleError> {
    let within = |what: &str, value: Option<u64>, most: u64, otherwise: u64| match value {
        Some(value) if value == 0 || value > most => {
            Err(RoleError::new(path, format!("`limits.{what}` is {value}")).hint(format!("between 1 and {most}")))
        }
        value => Ok(value.unwrap_or(otherwise)),
    };
    let time = match &file.time {
        Some(text) => match complaint("duration", &text.0) {
            Some(why) => return Err(RoleError::new(path, format!("`limits.time` is \"{}\": {why}", text.0))),
            None => text.millis().duration(),
        },
        None => base.time,
    };
    if time.is_zero() || time > Duration::from_hours(24) {
        return Err(RoleError::new(path, "`limits.time` is not between 1 ms and 24 h"));
    }
    let cost = match &file.cost {
        Some(text) => Some(dollars(text).ok_or_else(|| {
            RoleError::new(path, format!("`limits.cost` is \"{text}\"")).hint("dollars, such as \"0.50\"")
        })?),
        None => base.cost,
    };
    Ok(Limits {
        steps: within("steps", file.steps.map(u64::from), 500, base.steps.into())? as u32,
        tokens: within("tokens", file.tokens, 100_000_000, base.tokens)?,
        cost,
        time,
        attempts: within("attempts", file.attempts.map(u64::from), 10, base.attempts.into())? as u32,
        output: within("output", file.output.map(u64::from), 200_000, base.output.into())? as u32,
    })
}

/// `"12.34"`, with at most nine places, as money.
fn dollars(text: &str) -> Option<NanoUsd> {
    let text = text.trim().trim_start_matches('$');
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 9 || whole.is_empty() || ![whole, part].concat().bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nano: u64 = format!("{part:0<9}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(nano).map(NanoUsd)
}
