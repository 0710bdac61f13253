//! Attempts of jobs as tasks: the local engine, in the job's workspace.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    domain::{
        definition::WorkspaceKind,
        id::{Hash, JobKey, OutputId, RunId},
        outcome::{Failure, JobOutcome},
        plan::PlannedJob,
        time::Timestamp,
    },
    engine::{
        self,
        port::{Done, Ended, JobPort, JobReport, Order, Seen, StopSignal},
    },
    protocol::telemetry::Telemetry,
    state::board::State,
    workspace::{change::Workspace, pool::PoolError, repo::Repo},
};

use super::{
    input::Report,
    perform::{Ground, inside, stopped_within, within},
    planner::chain,
};

/// How often a free workspace is looked for, where all are in use.
const BUSY: Duration = Duration::from_millis(100);

/// An attempt of a job, as a task.
pub(super) struct JobTask {
    root: PathBuf,
    run: RunId,
    job: PlannedJob,
    attempt: u32,
    ground: Ground,
    /// It was begun by an earlier gonogo, and went on without it.
    seen: Option<Seen>,
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
    pub(super) fn of(
        state: &State,
        run: RunId,
        job: &JobKey,
        attempt: u32,
        ground: Ground,
        seen: Option<Seen>,
    ) -> Option<Self> {
        let found = state.runs.get(&run)?;
        let root = state.projects.get(&found.project)?.root.clone();
        Some(Self { root, run, job: found.job(job)?.planned.clone(), attempt, ground, seen })
    }

    async fn report(&self, what: JobReport) {
        let (run, job, attempt) = (self.run, self.job.key.clone(), self.attempt);
        self.ground.report(Report::Job { run, job, attempt, at: Timestamp::now(), what }).await;
    }

    pub(super) async fn run(self, signal: StopSignal) {
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
            surroundings: Arc::clone(&self.ground.environment),
            env: self.ground.variables(self.run, &self.job.key, self.attempt),
            marker: marker(&self.ground.marker, self.run, &self.job.key, self.attempt),
            grace: options.grace,
            project: self.root.clone(),
            home: self.ground.home().to_owned(),
            pools: self.job.is_in_member().then(|| self.ground.pools.clone()),
            offline: false,
            seen: self.seen,
        };
        engine::run(&order, &options.hosts, &Port { task: self, output }, signal).await
    }
}

/// By what everything that an attempt starts is known.
pub(super) fn marker(of: &str, run: RunId, job: &JobKey, attempt: u32) -> String {
    format!("{of}{run}-{}-{attempt}", Hash::of(job.as_str()).short())
}
