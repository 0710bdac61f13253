//! Control from outside: started, attached to, ended.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, thread::JoinHandle, time::Duration};

use tokio::{runtime::Handle, sync::mpsc};
use tokio_util::task::TaskTracker;

use crate::{
    config::paths::{self, private_directory},
    domain::{
        actor::Actor,
        budget::BudgetPolicy,
        id::{RequestId, Seq},
        time::Timestamp,
    },
    engine::{
        docker::{
            host::Hosts,
            pool::{Ground, Pools},
            watch::Watch,
        },
        local::leftover,
    },
    protocol::{
        command::{Command, Keep},
        session::{Attach, Session, Visitor},
    },
    store::log::{Log, LogError, OpenError},
};

use super::{
    advance::Limits,
    agents::{till::Till, world::World},
    budget::Budgets,
    commit::Book,
    dispatcher::{Dispatcher, PATIENCE},
    environments,
    input::{Input, Prune},
    listen::{self, Listener},
    pack::Packer,
    perform::Performer,
    publish::Published,
    session::{self, Containers, Desk},
    taken_up,
};

/// Inputs that may wait for the loop; more than that and engines wait.
const INPUTS: usize = 1024;

/// Turns of agents at once, over all projects.
const TURNS: usize = 8;

/// How often what is old is looked for.
const HOUR: Duration = Duration::from_hours(1);

/// Where things are kept, and how much may be under way.
#[derive(Clone, Debug)]
pub struct Options {
    /// Directory of the log, the outputs and the artifacts.
    pub state_dir: PathBuf,
    /// Directory of job caches and workspaces.
    pub cache_dir: PathBuf,
    /// Jobs at once, over all projects.
    pub jobs: usize,
    /// Time between asking a process to end and ending it.
    pub grace: Duration,
    /// Whether repairs that were cut off, and follow-up runs that are owed, are taken up of all runs (the daemon does, and a board that is on its own), or only
    /// of those that something is asked of from now on (a single command).
    pub resume: bool,
    /// What the user's configuration says of repairs, where a project's own says nothing.
    pub fix: crate::domain::definition::FixPolicy,
    /// The engines that run containers.
    pub hosts: Hosts,
    /// Roles, models and money of agents.
    pub agents: World,
    /// What may be spent on models.
    pub budgets: BudgetPolicy,
}

/// A running control. Dropping it without [`ControlHandle::shut_down`] leaves runs to be found lost by the next one.
#[derive(Debug)]
pub struct ControlHandle {
    desk: Desk,
    pools: Pools,
    inputs: mpsc::Sender<Input>,
    thread: JoinHandle<()>,
    tasks: TaskTracker,
    runtime: Handle,
}

/// Why control could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The log could not be read, or the start not written into it.
    #[error("can't use the log")]
    Log(#[from] LogError),
    /// No thread could be started.
    #[error("can't start a thread")]
    Thread(#[source] std::io::Error),
}

/// Takes hold of the log, ends what an earlier gonogo has left behind, and starts the loop. Tasks run on `runtime`.
pub fn start(options: Options, runtime: &Handle) -> Result<ControlHandle, StartError> {
    let log = Log::open(&options.state_dir)?;
    // It holds copies of people's sources.
    private_directory(&options.cache_dir)
        .map_err(|source| OpenError::Directory { path: options.cache_dir.clone(), source })?;
    let mut book = Book::open(log)?;
    leftover::adopt_orphans();
    let marker = marker(&options.state_dir);
    let taken_up = taken_up::find(book.state(), &marker);
    let cut_off = book.state().active_runs().any(|run| {
        run.jobs.iter().any(|job| {
            job.status == crate::state::job::JobStatus::Running
                || job.repair().is_some_and(|repair| repair.result.is_none())
        })
    });
    if cut_off {
        // Before anything new is started: two of the same job must never work in one checkout.
        let ended = leftover::sweep(&marker, &taken_up.markers);
        tracing::info!(ended, "the last gonogo was cut off; its processes were ended");
    }
    Dispatcher::begin(&mut book)?;
    let since = if options.resume { Seq(0) } else { book.state().seq };
    let patience = PATIENCE.max(options.grace + Duration::from_secs(2));
    let (inputs, receiver) = mpsc::channel(INPUTS);
    let tasks = TaskTracker::new();
    let published: Arc<Published> = Arc::clone(book.published());
    let output_dir = options.state_dir.join("output");
    let limits = Limits {
        jobs: options.jobs.max(1),
        repairs: options.jobs.div_ceil(2).max(1),
        turns: TURNS,
        new_runs: true,
        since,
    };
    listen::sweep(&output_dir);
    let hosts = options.hosts.clone();
    let containers = Containers {
        watch: Watch::new(hosts.clone(), marker.trim_end_matches('-'), runtime, &tasks),
        listener: Listener::new(hosts, output_dir.clone(), Arc::clone(&published), tasks.clone(), runtime.clone()),
    };
    let (packer, pack) = Packer::new(output_dir.clone(), Arc::clone(&published));
    packer.catch_up(book.state());
    tasks.spawn_on(pack, runtime);
    let ground = Ground {
        hosts: options.hosts.clone(),
        home: marker.trim_end_matches('-').to_owned(),
        output_dir: output_dir.clone(),
        keeps: options.resume,
    };
    let pools = Pools::start(ground, environments::wishes(book.state()), runtime, &tasks);
    options.hosts.begin(marker.trim_end_matches('-'), &taken_up.markers);
    tasks.spawn_on(taken_up::sweep(options.hosts.clone()), runtime);
    let budgets = options.budgets.clone();
    let mut options = options;
    if options.agents.purse.is_none() {
        let left = Budgets::new(budgets.clone(), book.state(), Timestamp::now);
        options.agents.purse = Some(Arc::new(Till::new(options.agents.prices.clone(), left)));
    }
    let mut performer = Performer::new(
        options,
        marker,
        inputs.clone(),
        Arc::clone(&published),
        packer,
        pools.clone(),
        runtime.clone(),
        tasks.clone(),
    );
    performer.take_up(taken_up.attempts);
    let dispatcher = Dispatcher {
        book,
        inputs: receiver,
        performer,
        limits,
        budgets,
        counted: Seq(0),
        runtime: runtime.clone(),
        live: BTreeSet::new(),
        stopping: None,
        draining: false,
        patience,
        unsound: false,
        unrecorded: Vec::new(),
        prunes: Vec::new(),
    };
    let desk = Desk {
        inputs: Ok(inputs.clone()),
        published: Arc::clone(&published),
        output_dir,
        owner: paths::login(paths::user()),
        pools: Some(pools.clone()),
        containers: Some(containers),
    };
    let thread = std::thread::Builder::new().name("control".into()).spawn(move || {
        // However the loop ends, nobody may go on waiting for it.
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| dispatcher.run()));
        if ended.is_err() {
            tracing::error!("control failed in a way that it should not");
            published.fail();
        }
        published.end();
    });
    Ok(ControlHandle {
        desk,
        pools,
        inputs,
        thread: thread.map_err(StartError::Thread)?,
        tasks,
        runtime: runtime.clone(),
    })
}

/// Begins the marker of every process started for this state directory: another gonogo's are left alone.
fn marker(state_dir: &std::path::Path) -> String {
    let path = std::path::absolute(state_dir).unwrap_or_else(|_| state_dir.to_owned());
    let hash = blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex();
    format!("{}-", hash.get(..12).unwrap_or_default())
}

impl Attach for ControlHandle {
    fn is_ending(&self) -> bool {
        self.desk.published.is_ending()
    }

    fn log(&self) -> Option<String> {
        self.desk.published.log_id()
    }

    fn attach(&self, visitor: Visitor, since: Option<Seq>) -> Session {
        let (session, serve) = session::open(self.desk.clone(), visitor, since);
        self.tasks.spawn_on(serve, &self.runtime);
        session
    }
}

impl ControlHandle {
    /// Waits until control has ended, as a command to a session may have said.
    pub async fn ended(&self) {
        self.desk.published.ended().await;
    }

    /// It has ended by a fault of its own.
    pub fn has_failed(&self) -> bool {
        self.desk.published.has_failed()
    }

    /// Somebody is attached, or something is under way.
    pub fn is_needed(&self) -> bool {
        self.desk.published.is_needed()
    }

    /// Has old runs, job caches and workspaces deleted as these limits say, now and once an hour from now on. Between, nothing
    /// is woken for it.
    pub fn tidy(&self, keep: Keep, cache_bytes: u64) {
        let (inputs, published) = (self.inputs.clone(), Arc::clone(&self.desk.published));
        let prune = Prune { by: Actor::Policy, keep, cache_bytes: Some(cache_bytes) };
        self.tasks.spawn_on(
            async move {
                while inputs.send(Input::Prune(prune.clone())).await.is_ok() {
                    tokio::select! {
                        () = tokio::time::sleep(HOUR) => {}
                        () = published.ended() => return,
                    }
                }
            },
            &self.runtime,
        );
    }

    /// Tells it to end: what runs is asked to end, then ended; everything is recorded. Sessions say goodbye when it has ended.
    pub async fn tell_to_end(&self, by: Actor) {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let command = Input::Command {
            actor: by,
            environment: Arc::default(),
            id: RequestId(0),
            command: Command::ShutDown { wait: false },
            reply,
        };
        if self.inputs.send(command).await.is_ok() {
            let _ = answer.await;
        }
    }

    /// Ends it, and waits until it has ended. Sessions must be dropped for it to return.
    pub async fn shut_down(self, by: Actor) {
        self.tell_to_end(by).await;
        drop(self.inputs);
        drop(self.desk);
        self.tasks.close();
        let thread = self.thread;
        let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        self.pools.end().await;
        // Sessions that their clients still hold end with the publisher; nothing else is left to wait for long.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.tasks.wait()).await;
    }
}
