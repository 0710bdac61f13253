//! The world of a repair: where its jobs, commands and agents run, and where it tells of itself.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use crate::{
    control::{
        agents::{self, repair::Talk},
        input::{Lore, RepairReport},
        perform::{self, Ground},
    },
    domain::{
        id::{Fingerprint, Hash, JobKey, OutputId, ProjectId, RunId},
        outcome::{Failure, JobOutcome},
        proposal::Proposal,
        time::Timestamp,
    },
    engine::{
        self,
        port::{Done, JobPort, JobReport, Order, StopSignal},
    },
    fix::repair::{
        agent::{AgentRun, AgentTask, Known, Review},
        port::{Attempted, CommandRun, JobRun, Progress, RepairError, RepairPort, Tried},
    },
    protocol::{
        repair::{RepairPhase, TryResult},
        telemetry::Telemetry,
    },
    redact::{Redactor, Secrets},
    store::output::{Reader, Writer},
    workspace::change::Workspace,
};

use super::RepairTask;

/// Python takes what it has compiled for a file as long as its length and the second of its last change are the same: a repair is
/// quicker than that.
fn no_bytecode() -> (String, String) {
    ("PYTHONDONTWRITEBYTECODE".into(), "1".into())
}

/// How long one command of a fixer may take.
const COMMAND_TIME: Duration = Duration::from_mins(15);

/// At most so much of a job's output is handed to fixers.
const HANDED: u64 = 1 << 20;

/// The world of a repair.
pub(in crate::control) struct Port<'a> {
    pub(super) task: &'a RepairTask,
    /// Where the project stands in its repository.
    pub(super) inside: PathBuf,
    pub(super) output: OutputId,
    pub(super) signal: StopSignal,
    pub(super) phase: Mutex<(RepairPhase, Option<String>)>,
    /// Each run of a job has a marker of its own.
    pub(super) marks: AtomicU32,
    /// The conversations of its agents.
    pub(in crate::control) talk: Talk,
}

/// What its agents see of it.
impl Port<'_> {
    pub(in crate::control) fn ground(&self) -> &Ground {
        &self.task.ground
    }

    pub(in crate::control) fn project(&self) -> ProjectId {
        self.task.project
    }

    pub(in crate::control) fn root(&self) -> &Path {
        &self.task.root
    }

    pub(in crate::control) fn run(&self) -> RunId {
        self.task.run
    }

    pub(in crate::control) fn job(&self) -> &JobKey {
        &self.task.job
    }

    pub(in crate::control) fn number(&self) -> u32 {
        self.task.number
    }

    pub(in crate::control) fn lore(&self) -> &Lore {
        &self.task.lore
    }

    pub(in crate::control) fn signal(&self) -> StopSignal {
        self.signal.clone()
    }

    pub(in crate::control) fn is_cancelled(&self) -> bool {
        self.signal.borrow().is_some()
    }

    /// Names of the secrets that any job of the plan declares.
    pub(in crate::control) fn declared(&self) -> impl Iterator<Item = &String> {
        self.task.plan.jobs.iter().flat_map(|job| &job.spec.secrets)
    }

    /// The commands of the failed job.
    pub(in crate::control) fn steps(&self) -> Vec<&str> {
        let job = self.task.plan.jobs.iter().find(|job| job.key == self.task.job);
        job.into_iter().flat_map(|job| &job.spec.steps).map(|step| step.run.as_str()).collect()
    }

    /// One command of a job; 1 is the first.
    pub(in crate::control) fn step(&self, job: &JobKey, number: usize) -> Option<String> {
        let planned =
            self.task.plan.jobs.iter().find(|planned| planned.key == *job && planned.spec.deploy.is_none())?;
        planned.spec.steps.get(number.checked_sub(1)?).map(|step| step.run.clone())
    }

    /// A job that an agent may run: none that deploys.
    pub(in crate::control) fn may_run(&self, job: &JobKey) -> bool {
        self.task.plan.jobs.iter().any(|planned| planned.key == *job && planned.spec.deploy.is_none())
    }
}

/// Which step failed, and how far the output has come.
struct Steps<'a> {
    port: &'a Port<'a>,
    failed: AtomicI64,
}

impl JobPort for Steps<'_> {
    async fn report(&self, report: JobReport) {
        if let JobReport::StepFinished { step, exit, .. } = report
            && exit != 0
        {
            self.failed.store(i64::from(step), Ordering::Relaxed);
        }
    }

    fn grew(&self, lines: u64, bytes: u64) {
        let output = self.port.output.clone();
        self.port.task.ground.published.tell(Telemetry::OutputGrew { output, lines, bytes });
    }
}

impl Port<'_> {
    fn order(&self, job: &JobKey, workspace: &Path) -> Option<Order> {
        let task = self.task;
        let planned = task.plan.jobs.iter().find(|planned| planned.key == *job)?.clone();
        let mark = self.marks.fetch_add(1, Ordering::Relaxed);
        Some(Order {
            run: task.run,
            attempt: task.number,
            workspace: perform::within(workspace, &self.inside),
            output: self.output.clone(),
            output_dir: task.ground.output_dir(),
            // A proof has to run, and keeps nothing.
            artifact_dir: None,
            cache_dir: None,
            surroundings: Arc::clone(&task.ground.environment),
            env: task.ground.variables(task.run, job, task.number).into_iter().chain([no_bytecode()]).collect(),
            marker: format!(
                "{}{}-{}-r{}-{mark}",
                task.ground.marker,
                task.run,
                Hash::of(job.as_str()).short(),
                task.number
            ),
            grace: task.ground.options.grace,
            project: task.root.clone(),
            home: task.ground.home().to_owned(),
            pools: None,
            offline: !planned.spec.container.proof_network,
            seen: None,
            job: planned,
        })
    }

    /// The secrets of the job that is repaired.
    fn secrets(&self) -> Vec<(String, String)> {
        let names = self.task.plan.jobs.iter().find(|job| job.key == self.task.job).map(|job| job.spec.secrets.clone());
        let value =
            |name: String| self.task.ground.environment.get(&name).map(str::to_owned).map(|value| (name, value));
        names.unwrap_or_default().into_iter().filter_map(value).collect()
    }

    /// A line in the repair's output that says what the following ones are of; or what a fixer said.
    async fn write(&self, text: Vec<u8>) {
        let (dir, output) = (self.task.ground.output_dir(), self.output.clone());
        let secrets = self.secrets();
        let write = move || {
            let mut writer = Writer::open(&dir, &output, Redactor::new(&secrets))?;
            writer.append(&text, Timestamp::now())?;
            writer.finish(Timestamp::now())
        };
        match tokio::task::spawn_blocking(write).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!("the repair's output is not whole: {error}"),
            Err(error) => tracing::error!("the repair's output was not written: {error}"),
        }
    }

    async fn heading(&self, label: &str) {
        self.write(format!("── {label}\n").into_bytes()).await;
    }
}

impl RepairPort for Port<'_> {
    async fn run_job(&self, job: &JobKey, workspace: &Path, label: &str) -> Result<JobRun, RepairError> {
        if self.signal.borrow().is_some() {
            return Err(RepairError::Cancelled);
        }
        let missing = || RepairError::Port { what: format!("run job `{job}`: it is not in the plan"), source: None };
        let order = self.order(job, workspace).ok_or_else(missing)?;
        self.heading(label).await;
        let reader = Reader::open(&order.output_dir, &order.output);
        let start = reader.totals().map_or(0, |totals| totals.bytes);
        let steps = Steps { port: self, failed: AtomicI64::new(-1) };
        let hosts = &self.task.ground.options.hosts;
        let done = engine::run(&order, hosts, &steps, self.signal.clone()).await;
        let Done::Ended(ended) = done else {
            return Err(RepairError::Port { what: format!("run job `{job}`: the cache answered"), source: None });
        };
        match &ended.outcome {
            JobOutcome::Cancelled { .. } => return Err(RepairError::Cancelled),
            JobOutcome::Failed { failure: Failure::NotRun { why, .. } | Failure::Engine { why, .. } } => {
                return Err(RepairError::Port { what: format!("run job `{job}`: {why}"), source: None });
            }
            _ => {}
        }
        let read = move || {
            let end = reader.totals()?.bytes;
            reader.bytes(start.max(end.saturating_sub(HANDED))..end)
        };
        let output = tokio::task::spawn_blocking(read).await.ok().and_then(Result::ok).unwrap_or_default();
        Ok(JobRun {
            outcome: ended.outcome,
            output,
            diagnosis: ended.diagnosis.map(|diagnosis| *diagnosis),
            step: usize::try_from(steps.failed.load(Ordering::Relaxed)).ok(),
            took: ended.took,
        })
    }

    async fn run_command(&self, command: &str, workspace: &Path, label: &str) -> Result<CommandRun, RepairError> {
        self.run_line(&self.task.job, command, workspace, label).await
    }

    fn known(&self, fault: &Fingerprint) -> Vec<Known> {
        self.task.lore.known.iter().filter(|(of, _)| of == fault).map(|(_, known)| known.clone()).collect()
    }

    fn agents(&self) -> u32 {
        agents::repair::mind(self, agents::repair::ENGINEER).map_or(0, |(role, _)| role.limits.attempts)
    }

    async fn run_agent(&self, task: &AgentTask<'_>) -> Result<AgentRun, RepairError> {
        agents::repair::mend(self, task).await
    }

    async fn review(&self, proposal: &Proposal, workspace: &Workspace) -> Option<Review> {
        agents::repair::review(self, proposal, workspace).await
    }

    async fn report(&self, progress: Progress) {
        let (phase, fixer) = match progress {
            Progress::Confirming => (RepairPhase::Confirming, None),
            Progress::Trying { fixer } => (RepairPhase::Fixing, Some(fixer)),
            Progress::Proving { fixer, .. } => (RepairPhase::Proving, Some(fixer)),
            Progress::Tried(Tried { fixer, result }) => {
                return self.task.report(RepairReport::Tried(fixer, try_result(result))).await;
            }
            Progress::Confirmed { .. } | Progress::Proved(_) => return,
        };
        let now = (phase, fixer);
        let changed = {
            let mut last = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
            let changed = *last != now;
            last.clone_from(&now);
            changed
        };
        if changed {
            self.task.report(RepairReport::Phase(now.0, now.1)).await;
        }
    }
}

impl Port<'_> {
    /// Runs one command in the environment of a job, without a network unless the job's proof has one.
    pub(in crate::control) async fn run_line(
        &self,
        job: &JobKey,
        command: &str,
        workspace: &Path,
        label: &str,
    ) -> Result<CommandRun, RepairError> {
        if self.signal.borrow().is_some() {
            return Err(RepairError::Cancelled);
        }
        let missing = || RepairError::Port { what: "run a command: the job is not in the plan".into(), source: None };
        let order = self.order(job, workspace).ok_or_else(missing)?;
        self.heading(&format!("{label}: {command}")).await;
        let hosts = &self.task.ground.options.hosts;
        let captured = engine::capture(&order, hosts, command, COMMAND_TIME, self.signal.clone()).await;
        let captured = captured
            .map_err(|error| RepairError::Port { what: format!("run `{command}`"), source: Some(Box::new(error)) })?;
        if captured.stopped {
            return Err(RepairError::Cancelled);
        }
        // What is JSON is for the fixer; what is text is for people too.
        let mut shown = if captured.stdout.starts_with(b"{") || captured.stdout.starts_with(b"[") {
            Vec::new()
        } else {
            captured.stdout.get(..captured.stdout.len().min(HANDED as usize)).unwrap_or_default().to_vec()
        };
        shown.extend_from_slice(&captured.stderr);
        if !shown.is_empty() {
            if shown.last() != Some(&b'\n') {
                shown.push(b'\n');
            }
            self.write(shown).await;
        }
        // What a fixer makes of it goes into the log, or into a patch.
        let secrets = Arc::new(Secrets::new(&self.secrets()));
        let clean = |bytes: &[u8]| secrets.redact_text(&String::from_utf8_lossy(bytes)).into_bytes();
        Ok(CommandRun { status: captured.status, stdout: clean(&captured.stdout), stderr: clean(&captured.stderr) })
    }
}

fn try_result(result: Attempted) -> TryResult {
    match result {
        Attempted::NothingToDo | Attempted::SameAsBefore => TryResult::NothingToDo,
        Attempted::NotRun { why } | Attempted::Unusable { why } | Attempted::Ended { why } => TryResult::Failed { why },
        Attempted::Rejected { reasons } => TryResult::Rejected { reasons },
        Attempted::NotProven { .. } | Attempted::Breaks { .. } | Attempted::Partly { .. } => {
            TryResult::Unproven { why: result.to_string() }
        }
    }
}
