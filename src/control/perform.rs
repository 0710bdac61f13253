//! Does what the schedule says: starts tasks, stops them. A task reports, and says when it has ended, however it ended.

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::FutureExt as _;
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
};
use tokio_util::task::TaskTracker;

use crate::{
    domain::{
        definition::WorkspaceKind,
        id::{Hash, JobKey, OutputId, ProposalId, RunId},
        outcome::{Failure, JobOutcome},
        plan::PlannedJob,
        time::{Millis, Timestamp},
    },
    engine::{
        local::{self, Done},
        port::{Ended, JobPort, JobReport, Order, Stop, StopSignal},
    },
    protocol::{event::RepairResult, telemetry::Telemetry},
    redact::Secrets,
    state::{board::State, job::JobStatus},
    workspace::{
        apply::{self, Approved},
        change::Workspace,
        pool::{Pool, PoolError},
        repo::Repo,
        undo,
    },
};

use super::{
    handle::Options,
    input::{Input, NoPlan, RepairReport, Report, TaskKey},
    planner::{self, Wish, chain},
    publish::Published,
    repairs,
};

/// How often a free workspace is looked for, where all are in use.
const BUSY: Duration = Duration::from_millis(100);

/// What tasks need to know of their surroundings.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    pub(super) options: Arc<Options>,
    /// Begins the marker of every process.
    pub(super) marker: String,
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) published: Arc<Published>,
}

/// Starts and stops tasks.
pub(super) struct Performer {
    ground: Ground,
    runtime: Handle,
    tasks: TaskTracker,
    stops: HashMap<TaskKey, watch::Sender<Option<Stop>>>,
}

impl Performer {
    pub(super) fn new(
        options: Options,
        marker: String,
        inputs: mpsc::Sender<Input>,
        published: Arc<Published>,
        runtime: Handle,
        tasks: TaskTracker,
    ) -> Self {
        let ground = Ground { options: Arc::new(options), marker, inputs, published };
        Self { ground, runtime, tasks, stops: HashMap::new() }
    }

    /// Starts the task of this name, with what the state says it is about.
    pub(super) fn start(&mut self, state: &State, key: &TaskKey) {
        let (stop, signal) = watch::channel(None);
        self.stops.insert(key.clone(), stop);
        let ground = self.ground.clone();
        match key {
            TaskKey::Plan(run) => {
                let Some((root, wish)) = wish(state, *run) else { return self.skip(key) };
                let (run, fix) = (*run, self.ground.options.fix.clone());
                self.spawn(key, async move {
                    let result = planner::plan(&root, &wish, &fix).await.map(Box::new).map_err(|no| {
                        // It may quote a line of the file.
                        let secrets = Arc::new(Secrets::new::<&str, &str>(&[]));
                        NoPlan { error: secrets.redact_text(&no.error), ..no }
                    });
                    ground.report(Report::Planned { run, result }).await;
                });
            }
            TaskKey::Job(run, job, attempt) => {
                let Some(task) = JobTask::of(state, *run, job, *attempt, ground) else { return self.skip(key) };
                self.spawn(key, task.run(signal));
            }
            TaskKey::Retry(run, job) => {
                let found = state.runs.get(run).and_then(|run| run.job(job)).map(|job| &job.status);
                let Some(JobStatus::Retrying { at, .. }) = found else { return self.skip(key) };
                let wait = Millis::between(Timestamp::now(), *at).duration();
                let (run, job) = (*run, job.clone());
                self.spawn(key, async move {
                    if !stopped_within(wait, signal).await {
                        ground.report(Report::RetryDue { run, job }).await;
                    }
                });
            }
            TaskKey::Repair(run, job, number) => {
                let Some(task) = repairs::RepairTask::of(state, *run, job, *number, ground) else {
                    return self.skip(key);
                };
                self.spawn(key, task.run(signal));
            }
            TaskKey::Apply(id) => {
                let Some(task) = PatchTask::of(state, *id, ground) else { return self.skip(key) };
                self.spawn(key, task.apply());
            }
            TaskKey::Undo(id) => {
                let Some(task) = PatchTask::of(state, *id, ground) else { return self.skip(key) };
                self.spawn(key, task.undo());
            }
        }
    }

    /// Asks a task to end.
    pub(super) fn stop(&self, key: &TaskKey, stop: Stop) {
        if let Some(sender) = self.stops.get(key) {
            sender.send_if_modified(|now| {
                // Only ever more urgently: a graceful stop never replaces an immediate one.
                let worse = !matches!(now, Some(Stop::Now(_))) && now.as_ref() != Some(&stop);
                if worse {
                    *now = Some(stop);
                }
                worse
            });
        }
    }

    /// A task has ended.
    pub(super) fn forget(&mut self, key: &TaskKey) {
        self.stops.remove(key);
    }

    /// The state no longer knows what the task would be about: it ends before it has begun.
    fn skip(&mut self, key: &TaskKey) {
        self.spawn(key, async {});
    }

    fn spawn(&self, key: &TaskKey, work: impl Future<Output = ()> + Send + 'static) {
        let (ground, key) = (self.ground.clone(), key.clone());
        let task = async move {
            if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                tracing::error!(?key, "a task failed in a way that it should not");
                if let Some(report) = broken(&key) {
                    ground.report(report).await;
                }
            }
            let _ = ground.inputs.send(Input::Ended(key)).await;
        };
        self.tasks.spawn_on(task, &self.runtime);
    }
}

impl Ground {
    pub(super) async fn report(&self, report: Report) {
        // Control ends only after its tasks; if it is gone all the same, the next one finds what was lost.
        let _ = self.inputs.send(Input::Report(report)).await;
    }

    /// The variables by which a step knows where it runs.
    pub(super) fn environment(&self, run: RunId, job: &JobKey, attempt: u32) -> BTreeMap<String, String> {
        // One trace a run, one span an attempt: https://www.w3.org/TR/trace-context/ section 3.2.
        let trace = blake3::hash(format!("{}{run}", self.marker).as_bytes()).to_hex();
        let span = blake3::hash(format!("{}{run}/{job}/{attempt}", self.marker).as_bytes()).to_hex();
        BTreeMap::from([
            ("GONOGO_RUN".into(), run.to_string()),
            ("GONOGO_JOB".into(), job.to_string()),
            ("GONOGO_ATTEMPT".into(), attempt.to_string()),
            (
                "TRACEPARENT".into(),
                format!("00-{}-{}-01", trace.get(..32).unwrap_or_default(), span.get(..16).unwrap_or_default()),
            ),
        ])
    }

    /// Where workspaces of a repository are kept.
    pub(super) fn pool(&self, repo: &Repo) -> Pool {
        Pool::new(&self.options.cache_dir, repo)
    }

    pub(super) fn output_dir(&self) -> PathBuf {
        self.options.state_dir.join("output")
    }
}

/// What to report of a task that broke.
fn broken(key: &TaskKey) -> Option<Report> {
    let why = "a fault of gonogo's own; its log has more".to_owned();
    let no = NoPlan { error: why.clone(), hint: None };
    Some(match key.clone() {
        TaskKey::Plan(run) => Report::Planned { run, result: Err(no) },
        TaskKey::Job(run, job, attempt) => {
            let outcome = JobOutcome::Failed { failure: Failure::NotRun { why, hint: None } };
            let ended = Ended { outcome, took: Millis(0), diagnosis: None, lines: 0, artifacts: Vec::new() };
            Report::Job { run, job, attempt, at: Timestamp::now(), what: JobReport::Finished(Box::new(ended)) }
        }
        TaskKey::Repair(run, job, number) => {
            let what = RepairReport::Finished(RepairResult::GaveUp { why });
            Report::Repair { run, job, number, what }
        }
        TaskKey::Apply(proposal) => Report::Applied { proposal, result: Err(no) },
        TaskKey::Undo(proposal) => Report::Undone { proposal, result: Err(no) },
        TaskKey::Retry(run, job) => Report::RetryDue { run, job },
    })
}

fn wish(state: &State, run: RunId) -> Option<(PathBuf, Wish)> {
    let run = state.runs.get(&run)?;
    let root = state.projects.get(&run.project)?.root.clone();
    Some((root, Wish { pipeline: run.pipeline.clone(), only: run.only.clone(), trigger: run.trigger.clone() }))
}

/// Where a project stands in its repository: empty where it is all of it.
pub(super) fn inside(repo: &Repo, root: &Path) -> PathBuf {
    root.strip_prefix(&repo.root).map(Path::to_owned).unwrap_or_default()
}

/// The project's place in a workspace. Without a slash at its end, by which outputs would name it differently.
pub(super) fn within(workspace: &Path, inside: &Path) -> PathBuf {
    workspace.join(inside).components().collect()
}

/// Waits, or until told to stop; says whether it was told.
async fn stopped_within(wait: std::time::Duration, mut signal: StopSignal) -> bool {
    tokio::select! {
        () = tokio::time::sleep(wait) => false,
        _ = signal.changed() => true,
    }
}

/// An attempt of a job, as a task.
struct JobTask {
    root: PathBuf,
    run: RunId,
    job: PlannedJob,
    attempt: u32,
    ground: Ground,
}

/// What a running job may touch: the loop's ear, and telemetry.
struct Port<'a> {
    task: &'a JobTask,
    output: OutputId,
}

impl JobPort for Port<'_> {
    async fn report(&self, report: JobReport) {
        self.task.report(report).await;
    }

    fn grew(&self, lines: u64, bytes: u64) {
        self.task.ground.published.tell(Telemetry::OutputGrew { output: self.output.clone(), lines, bytes });
    }
}

impl JobTask {
    fn of(state: &State, run: RunId, job: &JobKey, attempt: u32, ground: Ground) -> Option<Self> {
        let found = state.runs.get(&run)?;
        let root = state.projects.get(&found.project)?.root.clone();
        Some(Self { root, run, job: found.job(job)?.planned.clone(), attempt, ground })
    }

    async fn report(&self, what: JobReport) {
        let (run, job, attempt) = (self.run, self.job.key.clone(), self.attempt);
        self.ground.report(Report::Job { run, job, attempt, at: Timestamp::now(), what }).await;
    }

    async fn run(self, signal: StopSignal) {
        let began = tokio::time::Instant::now();
        let done = match self.job.spec.workspace {
            WorkspaceKind::InPlace => self.run_in(self.root.clone(), signal).await,
            WorkspaceKind::Isolated => match self.isolated(&signal).await {
                // The workspace is held until the job has ended.
                Ok((workspace, inside)) => self.run_in(within(&workspace.root, &inside), signal).await,
                Err((why, hint)) => {
                    let outcome = JobOutcome::Failed { failure: Failure::NotRun { why, hint } };
                    let took = began.elapsed().into();
                    Done::Ended(Box::new(Ended { outcome, took, diagnosis: None, lines: 0, artifacts: Vec::new() }))
                }
            },
        };
        let report = match done {
            Done::Ended(ended) => JobReport::Finished(ended),
            Done::Cached { key, from, saved } => JobReport::CacheHit { key, from, saved },
        };
        self.report(report).await;
    }

    /// A workspace, and where the project stands in it: a repository may hold several.
    async fn isolated(&self, signal: &StopSignal) -> Result<(Workspace, PathBuf), (String, Option<String>)> {
        let words = |what: &str, error: &dyn std::error::Error, hint: Option<&str>| {
            (format!("{what}: {}", chain(error)), hint.map(str::to_owned))
        };
        let repo = Repo::discover(&self.root).await.map_err(|e| words("no isolated workspace", &e, e.hint()))?;
        let tree = repo.exact_tree().await.map_err(|e| words("no isolated workspace", &e, e.hint()))?;
        let pool = self.ground.pool(&repo);
        let workspace = loop {
            match pool.checkout(&tree).await {
                // One comes free when another job or repair ends.
                Err(PoolError::Busy { .. }) if signal.borrow().is_none() => {
                    stopped_within(BUSY, signal.clone()).await;
                }
                taken => break taken,
            }
        };
        let workspace = workspace.map_err(|e| words("no isolated workspace", &e, e.hint()))?;
        Ok((workspace, inside(&repo, &self.root)))
    }

    async fn run_in(&self, workspace: PathBuf, signal: StopSignal) -> Done {
        let output = OutputId::attempt(self.run, &self.job.key, self.attempt);
        let options = &self.ground.options;
        let order = Order {
            run: self.run,
            job: self.job.clone(),
            attempt: self.attempt,
            workspace,
            output: output.clone(),
            output_dir: self.ground.output_dir(),
            artifact_dir: Some(options.state_dir.join("artifacts")),
            cache_dir: Some(options.cache_dir.clone()),
            env: self.ground.environment(self.run, &self.job.key, self.attempt),
            marker: format!(
                "{}{}-{}-{}",
                self.ground.marker,
                self.run,
                Hash::of(self.job.key.as_str()).short(),
                self.attempt
            ),
            grace: options.grace,
        };
        local::run(&order, &Port { task: self, output }, signal).await
    }
}

/// Applying a proposal, or taking it back, as a task.
struct PatchTask {
    root: PathBuf,
    proposal: crate::state::proposal::ProposalState,
    commit: String,
    into: crate::domain::definition::ApplyInto,
    ground: Ground,
}

impl PatchTask {
    fn of(state: &State, id: ProposalId, ground: Ground) -> Option<Self> {
        use crate::state::proposal::ProposalStatus;
        let proposal = state.proposals.get(&id)?.clone();
        let root = state.projects.get(&proposal.proposal.project)?.root.clone();
        let commit = state.runs.get(&proposal.proposal.run)?.source.commit.clone();
        let into = match (&proposal.status, &proposal.applied) {
            (ProposalStatus::Applying { into }, _) => *into,
            (_, Some(applied)) => applied.into,
            _ => return None,
        };
        Some(Self { root, proposal, commit, into, ground })
    }

    fn approved(&self) -> Approved<'_> {
        let proposal = &self.proposal.proposal;
        Approved {
            patch: &proposal.patch,
            base_tree: &proposal.base_tree,
            base_commit: (!self.commit.is_empty()).then_some(self.commit.as_str()),
            hash: &proposal.hash,
            run: proposal.run,
            job: &proposal.job,
            message: &proposal.title,
        }
    }

    async fn apply(self) {
        let result = async {
            let repo = Repo::discover(&self.root).await.map_err(|e| no(&e, e.hint().map(str::to_owned)))?;
            let applied = apply::apply(&repo, &self.approved(), self.into).await;
            applied.map(|a| (a.commit, a.branch)).map_err(|e| no(&e, e.hint().map(str::to_owned)))
        }
        .await;
        self.ground.report(Report::Applied { proposal: self.proposal.id, result }).await;
    }

    async fn undo(self) {
        let result = async {
            let repo = Repo::discover(&self.root).await.map_err(|e| no(&e, e.hint().map(str::to_owned)))?;
            let where_to = self.proposal.applied.clone();
            let (commit, branch) = where_to.map_or((None, None), |applied| (applied.commit, applied.branch));
            let applied = apply::Applied { into: self.into, commit, branch, already: false };
            undo::undo(&repo, &applied, &self.approved()).await.map(|u| u.commit).map_err(|e| no(&e, e.hint()))
        }
        .await;
        self.ground.report(Report::Undone { proposal: self.proposal.id, result }).await;
    }
}

fn no(error: &dyn std::error::Error, hint: Option<String>) -> NoPlan {
    NoPlan { error: chain(error), hint }
}
