//! Runs, jobs and diagnoses in words, for a model. Pure.

use std::fmt::Write as _;

use crate::{
    domain::{diagnosis::Diagnosis, id::ProjectId, time::Timestamp},
    state::{
        board::State,
        job::Job,
        run::{GateStatus, Run},
    },
};

/// So many findings are told.
const FINDINGS: usize = 30;

/// What a failure is.
pub(super) fn diagnosis(diagnosis: &Diagnosis) -> String {
    let mut text = format!("category: {}\n", diagnosis.category);
    if let Some(tool) = &diagnosis.tool {
        let _ = writeln!(text, "tool: {tool}");
    }
    let _ = writeln!(text, "in short: {}", diagnosis.headline());
    for found in diagnosis.diagnostics.iter().take(FINDINGS) {
        let code = found.code.as_ref().map(|code| format!(" [{code}]")).unwrap_or_default();
        let _ = writeln!(text, "- {}{code} {}", found.place(), found.message);
    }
    if diagnosis.diagnostics.len() > FINDINGS {
        let _ = writeln!(text, "- and {} more", diagnosis.diagnostics.len() - FINDINGS);
    }
    if !diagnosis.tests.is_empty() {
        let _ = writeln!(
            text,
            "failed tests: {}",
            diagnosis.tests.iter().take(FINDINGS).cloned().collect::<Vec<_>>().join(", ")
        );
    }
    if let Some((first, last)) = diagnosis.evidence {
        let _ = writeln!(text, "lines {first} to {last} of the output say so");
    }
    text
}

/// A run in a line.
fn line(run: &Run) -> String {
    let outcome = run.outcome.map_or("under way", |outcome| outcome.word());
    let failed: Vec<&str> =
        run.jobs.iter().filter(|job| job.status.word() == "failed").map(|job| job.key().as_str()).collect();
    let failed = if failed.is_empty() { String::new() } else { format!("; failed: {}", failed.join(", ")) };
    let (commit, dirty) = (commit(run), if run.source.dirty { " with uncommitted changes" } else { "" });
    let pipeline = run.pipeline_name();
    format!(
        "run {} of {pipeline}: {outcome}, at {commit}{dirty} \"{}\", {}, by {}{failed}",
        run.id, run.source.subject, run.requested_at, run.by
    )
}

fn commit(run: &Run) -> &str {
    run.source.commit.get(..12).unwrap_or(&run.source.commit)
}

/// The latest runs of a project, newest first.
pub(super) fn runs(state: &State, project: Option<ProjectId>, count: usize) -> String {
    let all = state.runs.values().rev().filter(|run| project.is_none_or(|project| run.project == project));
    let lines: Vec<String> = all.take(count).map(line).collect();
    if lines.is_empty() { "there are no runs yet".into() } else { lines.join("\n") }
}

/// Everything of a run.
pub(super) fn run(state: &State, run: &Run, now: Timestamp) -> String {
    let mut text = line(run);
    text.push('\n');
    if let Some((why, _)) = &run.refused {
        let _ = writeln!(text, "it never had a plan: {why}");
    }
    for job in &run.jobs {
        let _ = writeln!(text, "{}", of_job(job, now));
    }
    for gate in &run.gates {
        let stands = match &gate.status {
            GateStatus::Waiting => "waits for its needs".to_owned(),
            GateStatus::Asking => "asks a person now".to_owned(),
            GateStatus::Go { by } => format!("GO by {by}"),
            GateStatus::NoGo { by, why } => format!("NO-GO by {by}: {why}"),
            GateStatus::Skipped { reason } => format!("skipped: {reason}"),
        };
        let _ = writeln!(text, "gate {} \"{}\": {stands}", gate.planned.name, gate.planned.question);
    }
    for known in run.proposals.iter().filter_map(|id| state.proposals.get(id)) {
        let _ = writeln!(
            text,
            "proposal {} for {}: {} ({})",
            known.id,
            known.proposal.job,
            known.proposal.title,
            known.status.word()
        );
    }
    text
}

fn of_job(job: &Job, now: Timestamp) -> String {
    let took = job.took(now).map(|took| format!(", {took}")).unwrap_or_default();
    let mut text = format!("job {}: {}{took}", job.key(), job.status.word());
    if let Some(outcome) = job.attempt().and_then(|attempt| attempt.outcome.as_ref())
        && let crate::domain::outcome::JobOutcome::Failed { failure } = outcome
    {
        let _ = write!(text, " ({failure})");
    }
    if let Some(found) = job.diagnosis() {
        let _ = write!(text, "; {}: {}", found.category, found.headline());
    }
    for (number, step) in (1..).zip(&job.planned.spec.steps) {
        let _ = write!(text, "\n  step {number}: {}", step.run.lines().next().unwrap_or_default());
    }
    if let Some(target) = &job.planned.spec.deploy {
        let _ = write!(text, "\n  deploys to {target}");
    }
    for repair in &job.repairs {
        let result = repair.result.as_ref().map_or("under way".to_owned(), |result| format!("{result:?}"));
        let _ = write!(text, "\n  repair {}: {result}", repair.number);
    }
    text
}
