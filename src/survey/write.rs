//! Writes what was found as a `gonogo.toml` that a person wants to read.

use std::collections::BTreeMap;

use super::{
    Survey,
    found::{FoundJob, FoundStep},
};

/// The text of a `gonogo.toml` for what was found.
pub fn definition(survey: &Survey) -> String {
    let mut lines: Vec<String> = [
        "# The pipelines of this repository, for gonogo. `gonogo run` runs them, `gonogo config check` checks this file.",
        "# `gonogo init` wrote it from what it found here; change it as you like.",
        "",
        "[pipelines.ci]",
        "on = [\"push\", \"pull_request\"]",
    ]
    .map(str::to_owned)
    .into();
    for job in survey.runnable() {
        lines.extend([String::new(), format!("# {}.", sentence(&job.why)), table(job)]);
    }
    if survey.runnable().next().is_none() {
        lines.push("\n# Nothing was found that runs here. Put the command in that checks your project.".to_owned());
        lines.push("[pipelines.ci.jobs.check]\nsteps = [\"echo 'nothing to check yet'\"]".to_owned());
    }
    for job in &survey.jobs {
        let Some(why) = &job.hindered else { continue };
        lines.push(format!("\n# Left out, because {}. ({}.)", one_line(why), sentence(&job.why)));
        lines.extend(table(job).lines().map(|line| format!("# {line}")));
    }
    if !survey.skipped.is_empty() {
        lines.push("\n# Not taken over:".to_owned());
        lines
            .extend(survey.skipped.iter().map(|left| format!("# - {}: {}", one_line(&left.what), one_line(&left.why))));
    }
    lines.push(
        "\n[fix]\n# Repairs of these kinds, once proven, need no person. Try [\"format\"].\nauto = []".to_owned(),
    );
    lines.push("# No repair may touch these.\nnever = [\".github/**\", \"gonogo.toml\"]\n".to_owned());
    lines.join("\n")
}

fn table(job: &FoundJob) -> String {
    let mut lines = vec![format!("[pipelines.ci.jobs.{}]", job.name)];
    if !job.needs.is_empty() {
        lines.push(format!("needs = [{}]", join(job.needs.iter().map(|need| quoted(need)))));
    }
    if !job.env.is_empty() {
        lines.push(format!("env = {}", inline(&job.env)));
    }
    let steps: Vec<String> = job.steps.iter().map(step).collect();
    match steps.as_slice() {
        [only] if !only.contains('\n') => lines.push(format!("steps = [{only}]")),
        steps => {
            lines.push("steps = [".to_owned());
            lines.extend(steps.iter().map(|step| format!("  {step},")));
            lines.push("]".to_owned());
        }
    }
    lines.join("\n")
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
