//! How a subcommand gets a session: it holds the log itself, or reads along with whoever holds it.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    signal::unix::{Signal, SignalKind, signal},
};
use tracing_appender::non_blocking::WorkerGuard;

use crate::{
    config::{
        paths::Paths,
        settings::{self, Settings},
    },
    control::{
        follow::Follower,
        handle::{self, ControlHandle, Options, StartError},
    },
    domain::{
        actor::Actor,
        id::{RequestId, Seq},
    },
    protocol::{
        command::{Command, Refusal},
        event::Record,
        frame::{Ask, Frame},
        query::{Answer, Query},
        session::{Attach, Session, Visitor, VisitorKind},
    },
    state::board::State,
    store::{hold::HoldError, log::OpenError},
};

use super::{logging, report::Problem};

/// Where gonogo's files are, and what the user wants of it.
#[derive(Debug)]
pub struct Place {
    /// The files.
    pub paths: Paths,
    /// The settings: what is right in `config.toml`, over the defaults.
    pub settings: Settings,
    /// What is wrong in `config.toml`, rendered.
    pub problems: Vec<String>,
    /// gonogo's own log; what is logged is written until this is dropped.
    logging: OnceLock<Option<WorkerGuard>>,
}

impl Place {
    /// Works out where things are and reads `config.toml`. A wrong one keeps nobody from working: what is wrong is warned of.
    pub fn find() -> Result<Self, Problem> {
        let paths = Paths::from_env();
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let loaded = settings::load(&paths.config_file, home.as_deref())
            .map_err(|error| Problem::usage("can't read the configuration").because(&error))?;
        let problems = loaded.problems.iter().map(ToString::to_string).collect();
        Ok(Self { paths, settings: loaded.settings, problems, logging: OnceLock::new() })
    }

    /// Says on standard error what is wrong in `config.toml`.
    pub fn warn(&self) {
        for problem in &self.problems {
            super::report::warn(problem);
        }
    }

    fn options(&self, resume: bool) -> Options {
        Options {
            resume,
            state_dir: self.paths.state_dir.clone(),
            cache_dir: self.paths.cache_dir.clone(),
            jobs: self.settings.limits.jobs,
            grace: self.settings.limits.grace.duration(),
            fix: self.settings.fix.clone(),
        }
    }

    /// Takes hold of the log and starts control in this process. `resume` takes up what was left of earlier days.
    pub fn control(&self, resume: bool) -> Result<ControlHandle, Problem> {
        self.logging.get_or_init(|| logging::start(&self.paths.state_dir));
        handle::start(self.options(resume), &Handle::current()).map_err(|error| match &error {
            StartError::Open(OpenError::Hold(HoldError::Taken { pid, .. })) => {
                let problem = Problem::fault(&error);
                match pid {
                    Some(pid) => problem.hint(format!(
                        "do it on the board of process {pid}, or end that first (`kill {pid}` ends it in good order); `gonogo status`, `watch` and `logs` work beside it"
                    )),
                    None => problem.hint("`gonogo status`, `watch` and `logs` work beside it"),
                }
            }
            StartError::Open(OpenError::Newer { .. }) => Problem::fault("can't start").because(&error).hint("use the newer gonogo"),
            StartError::Open(_) | StartError::Log(_) => Problem::fault("can't start")
                .because(&error)
                .hint(format!("is there space, and may you write to {}? `gonogo doctor` looks", self.paths.state_dir.display())),
            StartError::Thread(_) => Problem::fault("can't start").because(&error),
        })
    }

    /// Reads along, whoever holds the log; `None` if nothing has been recorded yet.
    pub fn follow(&self) -> Result<Option<Follower>, Problem> {
        let refusal = Refusal::new("this command only reads");
        Follower::open(&self.paths.state_dir, refusal, &Handle::current())
            .map_err(|error| Problem::fault("can't read the log").because(&error))
    }
}

/// Starts control, does the work, and ends control in good order, whatever becomes of the work. A signal never ends gonogo
/// over the heads of its jobs: the work hears the first ones for itself (see [`super::attend`]); after `patience` of them it is
/// broken off.
pub async fn with_control<T>(
    place: &Place,
    patience: u32,
    work: impl AsyncFnOnce(&ControlHandle) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let mut interrupts = Interrupts::new()?;
    let control = place.control(false)?;
    let broken_off = async {
        for _ in 0..patience {
            interrupts.next().await;
        }
    };
    let done = tokio::select! {
        done = work(&control) => done,
        () = broken_off => Err(Problem::no_go("interrupted")),
    };
    control.shut_down(person()).await;
    done
}

/// The signals by which a person, a terminal or the system asks gonogo to end.
pub struct Interrupts {
    signals: [Signal; 4],
}

impl Interrupts {
    /// Listens from now on.
    pub fn new() -> Result<Self, Problem> {
        let hear = |kind| signal(kind).map_err(Problem::from);
        Ok(Self {
            signals: [
                hear(SignalKind::interrupt())?,
                hear(SignalKind::terminate())?,
                hear(SignalKind::hangup())?,
                hear(SignalKind::quit())?,
            ],
        })
    }

    /// The next one.
    pub async fn next(&mut self) {
        let [interrupt, terminate, hang_up, quit] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
            _ = quit.recv() => {}
        }
    }
}

/// Who is at the keyboard.
pub fn person() -> Actor {
    let name = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    let name = name.or_else(|| nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten().map(|user| user.name));
    Actor::Person(name.unwrap_or_else(|| "somebody".to_owned()))
}

/// A session with the state that its records have made so far.
#[derive(Debug)]
pub struct Client {
    session: Session,
    /// The fold.
    pub state: State,
    /// Folded in while a reply was waited for, and not yet handed out by [`Self::hear`].
    unheard: VecDeque<Vec<Arc<Record>>>,
    caught_up: Option<Seq>,
}

/// What came over a session.
#[derive(Debug)]
pub enum Heard {
    /// Records, folded in already.
    Records(Vec<Arc<Record>>),
    /// Something that may be missed.
    Telemetry,
    /// What became of an ask.
    Reply(RequestId, Result<Answer, Refusal>),
}

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_mins(1);

impl Client {
    /// Opens a session and folds everything that has been recorded so far.
    pub async fn open(attach: &dyn Attach, actor: Actor) -> Result<Self, Problem> {
        Self::open_with(attach, actor, |_, _| {}).await
    }

    /// The same; `each` sees every record on the way.
    pub async fn open_with(
        attach: &dyn Attach,
        actor: Actor,
        mut each: impl FnMut(&State, &Record),
    ) -> Result<Self, Problem> {
        let mut client = Self {
            session: attach.attach(Visitor::here(actor, VisitorKind::Command), Seq(0)),
            state: State::default(),
            unheard: VecDeque::new(),
            caught_up: None,
        };
        while client.caught_up.is_none_or(|seq| client.state.seq < seq) {
            if let Heard::Records(records) = client.hear().await? {
                records.iter().for_each(|record| each(&client.state, record));
            }
        }
        Ok(client)
    }

    /// Records that have come, and are not yet handed out, if there are any.
    pub fn unheard(&mut self) -> Option<Vec<Arc<Record>>> {
        self.unheard.pop_front()
    }

    /// The next thing that comes.
    pub async fn hear(&mut self) -> Result<Heard, Problem> {
        match self.unheard() {
            Some(records) => Ok(Heard::Records(records)),
            None => self.listen().await,
        }
    }

    async fn listen(&mut self) -> Result<Heard, Problem> {
        match self.session.frame().await {
            Some(Frame::Hello { seq, .. }) => {
                self.caught_up = Some(seq);
                Ok(Heard::Telemetry)
            }
            Some(Frame::Records(records)) => {
                for record in &records {
                    self.state.apply(record);
                }
                Ok(Heard::Records(records))
            }
            Some(Frame::Telemetry(_) | Frame::Peers(_) | Frame::Health(_) | Frame::Link(_) | Frame::Part { .. }) => {
                Ok(Heard::Telemetry)
            }
            Some(Frame::Reply { id, result }) => Ok(Heard::Reply(id, result)),
            Some(Frame::Goodbye { reason }) => Err(Problem::fault(reason)),
            None => Err(Problem::fault("gonogo's control has ended")),
        }
    }

    /// Gives a command and waits for what becomes of it.
    pub async fn command(&mut self, command: Command) -> Result<Answer, Problem> {
        let id = self.session.next_id();
        self.send(Ask::Command { id, command }).await?;
        self.reply(id).await
    }

    /// Reads something.
    pub async fn query(&mut self, query: Query) -> Result<Answer, Problem> {
        let id = self.session.next_id();
        self.send(Ask::Query { id, query }).await?;
        self.reply(id).await
    }

    async fn send(&self, ask: Ask) -> Result<(), Problem> {
        self.session.ask(ask).await.map_err(Problem::fault)
    }

    async fn reply(&mut self, id: RequestId) -> Result<Answer, Problem> {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let heard = tokio::time::timeout_at(end, self.listen()).await;
            match heard.map_err(|_| Problem::fault("no answer came within a minute"))?? {
                Heard::Reply(of, result) if of == id => return result.map_err(Problem::from),
                Heard::Records(records) => self.unheard.push_back(records),
                Heard::Reply(..) | Heard::Telemetry => {}
            }
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = Self::no_go(refusal.message);
        match refusal.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}
