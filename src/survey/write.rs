//! Writes what was found as a `gonogo.toml` that a person wants to read.

use std::collections::BTreeMap;

use super::{
    Survey,
    found::{FoundJob, FoundStep},
};

/// The text of a `gonogo.toml` for what was found.
pub fn definition(survey: &Survey) -> String {
    let mut text = String::from(
        "# The pipelines of this repository, for gonogo. `gonogo run` runs them, `gonogo config check` checks this file.\n",
    );
    text.push_str("# `gonogo init` wrote it from what it found here; change it as you like.\n");
    text.push_str("\n[pipelines.ci]\non = [\"push\", \"pull_request\"]\n");
    for job in survey.runnable() {
        text.push_str(&format!("\n# {}.\n{}", sentence(&job.why), table(job)));
    }
    if survey.runnable().next().is_none() {
        text.push_str("\n# Nothing was found that runs here. Put the command in that checks your project.\n");
        text.push_str("[pipelines.ci.jobs.check]\nsteps = [\"echo 'nothing to check yet'\"]\n");
    }
    for job in survey.jobs.iter().filter(|job| job.hindered.is_some()) {
        let why = job.hindered.as_deref().unwrap_or_default();
        text.push_str(&format!("\n# Left out, because {why}. ({}.)\n", sentence(&job.why)));
        for line in table(job).lines() {
            text.push_str(&format!("# {line}\n"));
        }
    }
    if !survey.skipped.is_empty() {
        text.push_str("\n# Not taken over:\n");
        for skipped in &survey.skipped {
            text.push_str(&format!("# - {}: {}\n", one_line(&skipped.what), one_line(&skipped.why)));
        }
    }
    text.push_str("\n[fix]\n# Repairs of these kinds, once proven, need no person. Try [\"format\"].\nauto = []\n");
    text.push_str("# No repair may touch these.\nnever = [\".github/**\", \"gonogo.toml\"]\n");
    text
}

fn table(job: &FoundJob) -> String {
    let mut text = format!("[pipelines.ci.jobs.{}]\n", job.name);
    if !job.needs.is_empty() {
        text.push_str(&format!("needs = [{}]\n", join(job.needs.iter().map(|need| quoted(need)))));
    }
    if !job.env.is_empty() {
        text.push_str(&format!("env = {}\n", inline(&job.env)));
    }
    let steps: Vec<String> = job.steps.iter().map(step).collect();
    match steps.as_slice() {
        [only] if !only.contains('\n') => text.push_str(&format!("steps = [{only}]\n")),
        steps => {
            let lines: String = steps.iter().map(|step| format!("  {step},\n")).collect();
            text.push_str(&format!("steps = [\n{lines}]\n"));
        }
    }
    text
}

fn step(step: &FoundStep) -> String {
    let name = step.name.as_ref().filter(|_| step.run.contains('\n'));
    if name.is_none() && step.dir.is_none() && step.env.is_empty() {
        return quoted(&step.run);
    }
    let pairs = [("name", name), ("run", Some(&step.run)), ("dir", step.dir.as_ref())];
    let mut pairs: Vec<String> =
        pairs.iter().filter_map(|(key, value)| Some(format!("{key} = {}", quoted((*value)?)))).collect();
    if !step.env.is_empty() {
        pairs.push(format!("env = {}", inline(&step.env)));
    }
    format!("{{ {} }}", pairs.join(", "))
}

fn inline(env: &BTreeMap<String, String>) -> String {
    format!("{{ {} }}", join(env.iter().map(|(name, value)| format!("{name} = {}", quoted(value)))))
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// The text in TOML's quotes: as it is where that is possible.
fn quoted(text: &str) -> String {
    if text.contains('\n') && !text.contains("'''") {
        return format!("'''\n{text}'''");
    }
    if text.contains(['"', '\\']) && !text.contains(['\'', '\n']) {
        return format!("'{text}'");
    }
    toml::Value::String(text.to_owned()).to_string()
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn sentence(text: &str) -> String {
    let text = one_line(text);
    let mut chars = text.chars();
    // A file's name keeps its case.
    let first_word = text.split(' ').next().unwrap_or_default();
    match chars.next() {
        Some(first) if !first_word.contains(['.', '/', '`']) => first.to_uppercase().chain(chars).collect(),
        _ => text,
    }
}
