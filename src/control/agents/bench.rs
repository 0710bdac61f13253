//! An agent's workspace: what it writes there, and what it runs there.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    agent::{port::Used, tool::Action},
    control::repairs,
    domain::{id::JobKey, outcome::JobOutcome},
    fix::repair::port::{CommandRun, JobRun, RepairError, RepairPort as _},
    workspace::{change::Workspace, repo::TreeId},
};

use super::{desk::Desk, tell};

/// So much of an output is told: its end.
const TOLD: usize = 12 << 10;

/// A workspace that is an agent's to change.
pub(super) struct Bench<'a> {
    pub(super) port: &'a repairs::Port<'a>,
    pub(super) workspace: &'a Workspace,
    /// The files as they were when it began.
    pub(super) base: TreeId,
    /// The failed job has passed with the files as they are.
    pub(super) proven: &'a AtomicBool,
}

impl Bench<'_> {
    pub(super) async fn perform(&self, desk: &Desk<'_>, action: &Action) -> Used {
        match action {
            Action::WriteFile(write) => {
                let write = write.clone();
                self.change(desk, move |place| place.write(&write.path, &write.text)).await
            }
            Action::PatchFile(patch) => {
                let patch = patch.clone();
                self.change(desk, move |place| place.patch(&patch.path, &patch.old, &patch.new)).await
            }
            Action::RunJob(run) => {
                let job = self.job(run.job.as_deref());
                if !self.port.may_run(&job) {
                    return Used::badly(format!("{job} is no job that can be run here"));
                }
                match self.port.run_job(&job, &self.workspace.root, &format!("agent: {job}")).await {
                    Ok(run) => {
                        if job == *self.port.job() {
                            self.proven.store(run.outcome == JobOutcome::Passed, Ordering::Relaxed);
                        }
                        job_ran(&job, &run)
                    }
                    Err(error) => failed(&error),
                }
            }
            Action::RunStep(step) => {
                let job = self.job(step.job.as_deref());
                let Some(line) = self.port.step(&job, step.step as usize) else {
                    return Used::badly(format!("job {job} has no step {}", step.step));
                };
                match self.port.run_line(&job, &line, &self.workspace.root, "agent").await {
                    Ok(run) => command_ran(&run),
                    Err(error) => failed(&error),
                }
            }
            Action::RunCommand(run) => {
                // Whatever it does to the files: the proof is no longer of these.
                self.proven.store(false, Ordering::Relaxed);
                match self.port.run_line(self.port.job(), &run.command, &self.workspace.root, "agent").await {
                    Ok(run) => command_ran(&run),
                    Err(error) => failed(&error),
                }
            }
            Action::Propose(_) if !self.proven.load(Ordering::Relaxed) => {
                let job = self.port.job();
                Used::badly(format!("run_job has not passed for {job} since the last change: run it first"))
            }
            Action::Propose(_) => Used::well("proposed"),
            _ => Used::badly("that is nothing to be done in a workspace"),
        }
    }

    fn job(&self, named: Option<&str>) -> JobKey {
        named.map_or_else(|| self.port.job().clone(), JobKey::from)
    }

    async fn change(
        &self,
        desk: &Desk<'_>,
        change: impl FnOnce(&crate::agent::place::Place) -> Result<(), crate::agent::place::PlaceError> + Send + 'static,
    ) -> Used {
        let Some(place) = desk.place.as_ref().map(Arc::clone) else { return Used::badly("there are no files here") };
        match tokio::task::spawn_blocking(move || change(&place)).await {
            Ok(Ok(())) => {
                self.proven.store(false, Ordering::Relaxed);
                Used::well("written")
            }
            Ok(Err(error)) => Used::badly(error.to_string()),
            Err(_) => Used::badly("a fault of gonogo's own"),
        }
    }
}

fn failed(error: &RepairError) -> Used {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    Used::badly(text)
}

fn job_ran(job: &JobKey, run: &JobRun) -> Used {
    let took = run.took;
    match &run.outcome {
        JobOutcome::Passed => Used::well(format!("{job} passed in {took}")),
        JobOutcome::Failed { failure } => {
            let said = run.diagnosis.as_ref().map(tell::diagnosis).unwrap_or_default();
            let step = run.step.map(|step| format!(" in step {}", step + 1)).unwrap_or_default();
            Used::badly(format!(
                "{job} failed{step} ({failure}) after {took}\n{said}\nThe end of its output:\n{}",
                end(&run.output)
            ))
        }
        JobOutcome::Cancelled { reason } => Used::badly(format!("{job} was stopped: {reason}")),
        JobOutcome::Lost => Used::badly(format!("{job} was lost")),
    }
}

fn command_ran(run: &CommandRun) -> Used {
    let status = run.status.map_or("ended by a signal".to_owned(), |status| format!("exit {status}"));
    let text = format!("{status}\n{}\n{}", end(&run.stdout), end(&run.stderr));
    if run.status == Some(0) { Used::well(text) } else { Used::badly(text) }
}

/// The end of an output.
pub(super) fn end(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let from = text.len().saturating_sub(TOLD);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    let shown = text.get(from..).unwrap_or_default().trim_end();
    if from > 0 { format!("[...]\n{shown}") } else { shown.to_owned() }
}
