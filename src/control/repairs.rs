//! Repairs as tasks: the procedure of [`crate::fix`], with the local engine to prove by.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use crate::{
    domain::{
        diagnosis::Diagnosis,
        id::{Fingerprint, Hash, JobKey, OutputId, ProjectId, RunId},
        outcome::{CancelReason, Failure, JobOutcome},
        plan::Plan,
        proposal::Proposal,
        time::Timestamp,
    },
    engine::{
        self,
        port::{Done, JobPort, JobReport, Order, StopSignal},
    },
    fix::repair::{
        self, Case,
        agent::{AgentRun, AgentTask, Known, Review},
        port::{Attempted, CommandRun, JobRun, Progress, RepairError, RepairPort, Tried},
    },
    protocol::{
        repair::{RepairPhase, RepairResult, Revision, TryResult},
        telemetry::Telemetry,
    },
    redact::{Redactor, Secrets},
    state::board::State,
    store::output::{Reader, Writer},
    workspace::{change::Workspace, repo::Repo},
};

use super::{
    agents::{self, repair::Talk},
    input::{Lore, RepairReport, Report},
    perform::{self, Ground},
    planner::chain,
};

/// Python takes what it has compiled for a file as long as its length and the second of its last change are the same: a repair is
/// quicker than that.
fn no_bytecode() -> (String, String) {
    ("PYTHONDONTWRITEBYTECODE".into(), "1".into())
}

/// How long one command of a fixer may take.
const COMMAND_TIME: Duration = Duration::from_mins(15);

/// At most so much of a job's output is handed to fixers.
const HANDED: u64 = 1 << 20;

/// The repair of a job, as a task.
pub(super) struct RepairTask {
    root: PathBuf,
    project: ProjectId,
    run: RunId,
    job: JobKey,
    number: u32,
    plan: Plan,
    diagnosis: Option<Diagnosis>,
    revision: Option<Revision>,
    lore: Lore,
    ground: Ground,
}

impl RepairTask {
    pub(super) fn of(state: &State, run: RunId, key: &JobKey, number: u32, ground: Ground) -> Option<Self> {
        let found = state.runs.get(&run)?;
        let job = found.job(key)?;
        let repair = job.repairs.iter().find(|repair| repair.number == number)?;
        let diagnosis = match &repair.revision {
            Some(revision) => state.proposals.get(&revision.of).map(|p| p.proposal.diagnosis.clone()),
            None => job.diagnosis().cloned(),
        };
        Some(Self {
            root: state.projects.get(&found.project)?.root.clone(),
            project: found.project,
            run,
            job: key.clone(),
            number,
            plan: found.plan(),
            diagnosis,
            revision: repair.revision.clone(),
            lore: agents::repair::lore(state, run, key),
            ground,
        })
    }

    pub(super) async fn run(self, signal: StopSignal) {
        let what = match Box::pin(self.repair(signal.clone())).await {
            Ok(what) => what,
            Err(RepairError::Cancelled) => RepairReport::Finished(cancelled(&signal)),
            Err(error) => RepairReport::Finished(RepairResult::Infrastructure { why: chain(&error) }),
        };
        self.report(what).await;
    }

    async fn report(&self, what: RepairReport) {
        let report = Report::Repair { run: self.run, job: self.job.clone(), number: self.number, what };
        self.ground.report(report).await;
    }

    async fn repair(&self, signal: StopSignal) -> Result<RepairReport, RepairError> {
        let Some(diagnosis) = &self.diagnosis else {
            let why = "nothing is known of the failure".into();
            return Ok(RepairReport::Finished(RepairResult::NotRepairable { why }));
        };
        self.report(RepairReport::Phase(RepairPhase::Preparing, None)).await;
        let repo = match Repo::discover(&self.root).await {
            Ok(repo) => repo,
            Err(error) => {
                let why = format!("repairs need a git repository: {}", chain(&error));
                return Ok(RepairReport::Finished(RepairResult::NotRepairable { why }));
            }
        };
        let tree = match repo.exact_tree().await {
            Ok(tree) => tree,
            Err(error) => return Ok(RepairReport::Finished(RepairResult::Infrastructure { why: chain(&error) })),
        };
        let output = OutputId::repair(self.run, &self.job, self.number);
        let case = Case {
            project: self.project,
            run: self.run,
            job: &self.job,
            plan: &self.plan,
            diagnosis,
            base_tree: &tree,
            output: Some(&output),
        };
        let port = Port {
            task: self,
            output: output.clone(),
            inside: perform::inside(&repo, &self.root),
            signal: signal.clone(),
            phase: Mutex::new((RepairPhase::Preparing, None)),
            marks: AtomicU32::new(0),
            talk: Talk::default(),
        };
        let pool = self.ground.pool(&repo);
        let ended = match &self.revision {
            None => Box::pin(repair::repair(&port, &pool, &case)).await?,
            Some(Revision { of, by, patch }) => {
                repair::revise(&port, &pool, &case, (*of, patch), &by.to_string()).await?
            }
        };
        Ok(match ended {
            repair::Ended::Proposed(proposal) if self.shows_a_secret(&proposal.patch.0) => {
                // It can't be redacted: what is approved is what is applied, to the byte.
                let why = format!("{}: its patch would show a secret", proposal.fixer);
                RepairReport::Finished(RepairResult::GaveUp { why })
            }
            repair::Ended::Proposed(proposal) => {
                self.report(RepairReport::Tried(proposal.fixer.clone(), TryResult::Proven)).await;
                RepairReport::Proposed(proposal)
            }
            repair::Ended::Flaky { .. } => RepairReport::Finished(RepairResult::Flaky),
            repair::Ended::GaveUp { tried } => {
                let words: Vec<String> =
                    tried.iter().map(|tried| format!("{}: {}", tried.fixer, tried.result)).collect();
                let mut why = if words.is_empty() { "no fixer fits this failure".into() } else { words.join("; ") };
                if self.plan.fix.agent
                    && let Err(no) = agents::repair::mind(&port, agents::repair::ENGINEER)
                {
                    let hint = no.hint.map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
                    let _ = write!(why, "; no agent tried: {}{hint}", no.why);
                }
                RepairReport::Finished(RepairResult::GaveUp { why })
            }
            repair::Ended::NotRepairable { why } => RepairReport::Finished(RepairResult::NotRepairable { why }),
            repair::Ended::Infrastructure { why } => RepairReport::Finished(RepairResult::Infrastructure { why }),
            repair::Ended::Cancelled => RepairReport::Finished(cancelled(&signal)),
        })
    }
}

impl RepairTask {
    /// Whether a text holds the value of a secret that any job of the plan declares, or something of a token's shape.
    fn shows_a_secret(&self, text: &str) -> bool {
        let names = self.plan.jobs.iter().flat_map(|job| &job.spec.secrets);
        let values: Vec<(&String, String)> =
            names.filter_map(|name| Some((name, self.ground.environment.get(name)?.to_owned()))).collect();
        Arc::new(Secrets::new(&values)).redact_text(text) != text
    }
}

fn cancelled(signal: &StopSignal) -> RepairResult {
    let reason = signal.borrow().as_ref().map_or(CancelReason::ShuttingDown, |stop| stop.reason().clone());
    RepairResult::Cancelled { reason }
}

/// The world of a repair.
pub(super) struct Port<'a> {
    task: &'a RepairTask,
    /// Where the project stands in its repository.
    inside: PathBuf,
    output: OutputId,
    signal: StopSignal,
    phase: Mutex<(RepairPhase, Option<String>)>,
    /// Each run of a job has a marker of its own.
    marks: AtomicU32,
    /// The conversations of its agents.
    pub(super) talk: Talk,
}

/// What its agents see of it.
impl Port<'_> {
    pub(super) fn ground(&self) -> &Ground {
        &self.task.ground
    }

    pub(super) fn project(&self) -> ProjectId {
        self.task.project
    }

    pub(super) fn root(&self) -> &Path {
        &self.task.root
    }

    pub(super) fn run(&self) -> RunId {
        self.task.run
    }

    pub(super) fn job(&self) -> &JobKey {
        &self.task.job
    }

    pub(super) fn number(&self) -> u32 {
        self.task.number
    }

    pub(super) fn lore(&self) -> &Lore {
        &self.task.lore
    }

    pub(super) fn signal(&self) -> StopSignal {
        self.signal.clone()
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.signal.borrow().is_some()
    }

    /// Names of the secrets that any job of the plan declares.
    pub(super) fn declared(&self) -> impl Iterator<Item = &String> {
        self.task.plan.jobs.iter().flat_map(|job| &job.spec.secrets)
    }

    /// The commands of the failed job.
    pub(super) fn steps(&self) -> Vec<&str> {
        let job = self.task.plan.jobs.iter().find(|job| job.key == self.task.job);
        job.into_iter().flat_map(|job| &job.spec.steps).map(|step| step.run.as_str()).collect()
    }

    /// One command of a job; 1 is the first.
    pub(super) fn step(&self, job: &JobKey, number: usize) -> Option<String> {
        let planned =
            self.task.plan.jobs.iter().find(|planned| planned.key == *job && planned.spec.deploy.is_none())?;
        planned.spec.steps.get(number.checked_sub(1)?).map(|step| step.run.clone())
    }

    /// A job that an agent may run: none that deploys.
    pub(super) fn may_run(&self, job: &JobKey) -> bool {
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
    pub(super) async fn run_line(
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
