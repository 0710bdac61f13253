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
    sync::{mpsc, oneshot, watch},
};
use tokio_util::task::TaskTracker;

use crate::{
    domain::{
        actor::Actor,
        environment::Environment,
        id::{JobKey, OutputId, RunId, ThreadId},
        outcome::{Failure, JobOutcome},
        time::{Millis, Timestamp},
    },
    engine::{
        docker::{act::act, fault::Fault, pool::Pools},
        port::{Ended, JobReport, Seen, Stop, StopSignal},
    },
    protocol::{
        command::Refusal,
        container::{ContainerAction, ContainerRef},
        event::{RepairResult, ThreadEvent},
        query::Answer,
        session::surroundings,
    },
    redact::Secrets,
    state::{board::State, job::JobStatus},
    workspace::{pool::Pool, repo::Repo},
};

use super::{
    agents::{
        Interrupts,
        turn::{self, TurnTask},
        world::World,
    },
    attempts, environments,
    handle::Options,
    input::{Input, NoPlan, Prune, Question, RepairReport, Report, TaskKey},
    observe::LONGEST_WAIT,
    pack::Packer,
    patches,
    planner::{self, Wish},
    prune,
    publish::Published,
    repairs,
    session::Reply,
};

/// What tasks need to know of their surroundings.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    pub(super) options: Arc<Options>,
    /// Begins the marker of every process.
    pub(super) marker: String,
    pub(super) inputs: mpsc::Sender<Input>,
    pub(super) published: Arc<Published>,
    /// The variables at the place of whoever asked for it; gonogo's own where nobody did, or that is no longer known.
    pub(super) environment: Arc<Environment>,
    /// Where finished outputs are handed in.
    pub(super) packer: Packer,
    /// Prepared containers.
    pub(super) pools: Pools,
    /// Turns of agents that can be stopped.
    pub(super) interrupts: Arc<Interrupts>,
}

/// Starts and stops tasks.
pub(super) struct Performer {
    ground: Ground,
    runtime: Handle,
    tasks: TaskTracker,
    stops: HashMap<TaskKey, watch::Sender<Option<Stop>>>,
    /// From where the runs that are active were asked for. In memory alone: it holds secrets.
    environments: HashMap<RunId, Arc<Environment>>,
    /// From where somebody last spoke with an agent. In memory alone, too.
    talks: HashMap<ThreadId, Arc<Environment>>,
    /// Attempts that an earlier gonogo began, and that go on.
    taken_up: HashMap<TaskKey, Seen>,
}

impl Performer {
    #[allow(clippy::too_many_arguments, reason = "each is one thing that it needs")]
    pub(super) fn new(
        options: Options,
        marker: String,
        inputs: mpsc::Sender<Input>,
        published: Arc<Published>,
        packer: Packer,
        pools: Pools,
        runtime: Handle,
        tasks: TaskTracker,
    ) -> Self {
        let environment = Arc::new(surroundings());
        let interrupts = Arc::default();
        let options = Arc::new(options);
        let ground = Ground { options, marker, inputs, published, environment, packer, pools, interrupts };
        Self {
            ground,
            runtime,
            tasks,
            stops: HashMap::new(),
            environments: HashMap::new(),
            talks: HashMap::new(),
            taken_up: HashMap::new(),
        }
    }

    /// These attempts were begun by an earlier gonogo.
    pub(super) fn take_up(&mut self, attempts: HashMap<TaskKey, Seen>) {
        self.taken_up = attempts;
    }

    /// What agents need beside control.
    pub(super) fn world(&self) -> &World {
        &self.ground.options.agents
    }

    /// Tells which environments are wanted, if that has changed.
    pub(super) fn wish(&self, state: &State) {
        self.ground.pools.wish(|wishes| environments::are_the_wishes(state, wishes), || environments::wishes(state));
    }

    /// Somebody there asked for this run, or that it run again (`anew`); or for something of it, which counts only where nothing
    /// better is known.
    pub(super) fn remember(&mut self, state: &State, run: RunId, environment: &Arc<Environment>, anew: bool) {
        self.environments.retain(|run, _| state.active.contains(run));
        if anew {
            self.environments.insert(run, Arc::clone(environment));
        } else {
            self.environments.entry(run).or_insert_with(|| Arc::clone(environment));
        }
    }

    /// Somebody there spoke with an agent.
    pub(super) fn remember_talk(&mut self, state: &State, thread: ThreadId, environment: &Arc<Environment>) {
        self.talks.retain(|thread, _| state.talking.contains(thread));
        self.talks.insert(thread, Arc::clone(environment));
    }

    /// Somebody wants the turn of this conversation stopped.
    pub(super) fn interrupt(&self, thread: ThreadId, by: &Actor) {
        self.ground.interrupts.interrupt(thread, by.clone());
    }

    /// This run follows from the other, and is asked for from the same place.
    pub(super) fn inherit(&mut self, run: RunId, of: RunId) {
        if let Some(environment) = self.environments.get(&of).cloned() {
            self.environments.insert(run, environment);
        }
    }

    /// The variables for what is done for a run.
    fn environment(&self, run: RunId) -> Arc<Environment> {
        Arc::clone(self.environments.get(&run).unwrap_or(&self.ground.environment))
    }

    /// Starts the task of this name, with what the state says it is about.
    pub(super) fn start(&mut self, state: &State, key: &TaskKey) {
        let (stop, signal) = watch::channel(None);
        self.stops.insert(key.clone(), stop);
        let mut ground = self.ground.clone();
        if let TaskKey::Job(run, ..) | TaskKey::Repair(run, ..) = key {
            ground.environment = self.environment(*run);
        }
        if let TaskKey::Turn(thread) = key {
            ground.environment = Arc::clone(self.talks.get(thread).unwrap_or(&self.ground.environment));
        }
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
                let seen = self.taken_up.remove(key);
                let Some(task) = attempts::JobTask::of(state, *run, job, *attempt, ground, seen) else {
                    return self.skip(key);
                };
                self.spawn(key, task.run(signal));
            }
            TaskKey::Retry(run, job) => {
                let found = state.runs.get(run).and_then(|run| run.job(job)).map(|job| &job.status);
                let Some(JobStatus::Retrying { at, .. }) = found else { return self.skip(key) };
                let wait = Millis::between(Timestamp::now(), *at).min(LONGEST_WAIT).duration();
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
            TaskKey::Turn(thread) => {
                let Some(task) = TurnTask::of(state, *thread, ground) else { return self.skip(key) };
                self.spawn(key, task.run(signal));
            }
            TaskKey::Apply(id) => {
                let Some(task) = patches::PatchTask::of(state, *id, ground) else { return self.skip(key) };
                self.spawn(key, task.apply());
            }
            TaskKey::Undo(id) => {
                let Some(task) = patches::PatchTask::of(state, *id, ground) else { return self.skip(key) };
                self.spawn(key, task.undo());
            }
            // It follows from no state: see `prune`.
            TaskKey::Prune => self.skip(key),
        }
    }

    /// Starts deleting old runs.
    pub(super) fn prune(&mut self, prune: Prune) {
        let (stop, signal) = watch::channel(None);
        self.stops.insert(TaskKey::Prune, stop);
        self.spawn(&TaskKey::Prune, prune::perform(prune, self.ground.clone(), signal));
    }

    /// Does something to a container, and says what came of it.
    pub(super) fn contain(&self, container: ContainerRef, what: ContainerAction, reply: Reply) {
        let hosts = self.ground.options.hosts.clone();
        let task = async move {
            let done = act(&hosts, &container, what).await.map(|()| Answer::Done).map_err(|fault| refusal(&fault));
            // The session may be gone; it was done all the same.
            let _ = reply.send(done);
        };
        self.tasks.spawn_on(task, &self.runtime);
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
        match key {
            TaskKey::Job(run, job, attempt) => self.ground.packer.hand_in(OutputId::attempt(*run, job, *attempt)),
            TaskKey::Repair(run, job, number) => self.ground.packer.hand_in(OutputId::repair(*run, job, *number)),
            _ => {}
        }
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

    /// Looks something up in the state; `None` if control has ended.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Option<T> {
        let (tell, answer) = oneshot::channel();
        // Whoever asked may have been stopped meanwhile.
        let ask = Box::new(move |state: &State| drop(tell.send(question(state))));
        self.inputs.send(Input::Question(Question(ask))).await.ok()?;
        answer.await.ok()
    }

    /// Records facts of a conversation (of a new one: `None`), and waits until they are durable; `None` if they can't be.
    pub(super) async fn record(&self, thread: Option<ThreadId>, facts: Vec<ThreadEvent>) -> Option<ThreadId> {
        let (done, is_done) = oneshot::channel();
        self.inputs.send(Input::Facts { thread, facts, done }).await.ok()?;
        is_done.await.ok()
    }

    /// The variables by which a step knows where it runs.
    pub(super) fn variables(&self, run: RunId, job: &JobKey, attempt: u32) -> BTreeMap<String, String> {
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

    /// By what this gonogo is known to engines.
    pub(super) fn home(&self) -> &str {
        self.marker.trim_end_matches('-')
    }

    /// Where workspaces of a repository are kept.
    pub(super) fn pool(&self, repo: &Repo) -> Pool {
        Pool::new(&self.options.cache_dir, repo)
    }

    pub(super) fn output_dir(&self) -> PathBuf {
        self.options.state_dir.join("output")
    }
}

/// What an engine could not do, for whoever asked for it.
pub(super) fn refusal(fault: &Fault) -> Refusal {
    let refusal = Refusal::new(fault);
    match fault.fault.hint() {
        Some(hint) => refusal.hint(hint),
        None => refusal,
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
        TaskKey::Turn(thread) => turn::broke(thread, why),
        TaskKey::Retry(run, job) => Report::RetryDue { run, job },
        TaskKey::Prune => return None,
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
pub(super) async fn stopped_within(wait: Duration, mut signal: StopSignal) -> bool {
    tokio::select! {
        () = tokio::time::sleep(wait) => false,
        _ = signal.changed() => true,
    }
}
