//! Where gonogo's files are, what the user wants of it, and how a command reaches control.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use tokio::runtime::Handle;
use tracing_appender::non_blocking::WorkerGuard;

use crate::{
    agent::{model::Models, role::Roles},
    config::{
        paths::Paths,
        settings::{self, Settings},
    },
    control::{
        agents::world::World,
        follow::Follower,
        handle::{self, ControlHandle, Options, StartError},
    },
    engine::docker::host::Hosts,
    protocol::{command::Refusal, session::surroundings},
    store::{
        hold::{Held, HoldError, look},
        log::OpenError,
    },
};

use super::{logging, report::Problem};

/// How a command reaches control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The daemon's, which is started where none runs.
    Daemon,
    /// Its own, for as long as it runs.
    InProcess,
}

/// Where gonogo's files are, and what the user wants of it.
#[derive(Debug)]
pub struct Place {
    /// The files.
    pub paths: Paths,
    /// The settings: what is right in `config.toml`, over the defaults.
    pub settings: Settings,
    /// What is wrong in `config.toml`, rendered.
    pub problems: Vec<String>,
    /// How control is reached.
    pub reach: Reach,
    /// The roles of agents.
    pub roles: Roles,
    /// gonogo's own log; what is logged is written until this is dropped.
    logging: OnceLock<Option<WorkerGuard>>,
}

impl Place {
    /// Works out where things are and reads `config.toml`. A wrong one keeps nobody from working: what is wrong is warned of.
    pub fn find(reach: Reach) -> Result<Self, Problem> {
        let paths = find_paths()?;
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let loaded = settings::load(&paths.config_file, home.as_deref())
            .map_err(|error| Problem::usage("can't read the configuration").because(&error))?;
        let mut problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
        let (roles, wrong) = Roles::built_in().with_own(&paths.config_dir().join("roles"));
        problems.extend(wrong.into_iter().map(|error| match &error.hint {
            Some(hint) => format!("{error}\n hint: {hint}"),
            None => error.to_string(),
        }));
        Ok(Self { paths, settings: loaded.settings, problems, reach, roles, logging: OnceLock::new() })
    }

    /// Says on standard error what is wrong in `config.toml`.
    pub fn warn(&self) {
        for problem in &self.problems {
            super::report::warn(problem);
        }
    }

    /// Takes hold of the log and starts control in this process. `resume` takes up what was left of earlier days.
    pub fn control(&self, resume: bool) -> Result<ControlHandle, Problem> {
        self.logging.get_or_init(|| logging::start(&self.paths.state_dir));
        handle::start(self.options(resume)?, &Handle::current()).map_err(|error| self.no_control(&error))
    }

    /// The engines of the settings and of this process's environment.
    pub fn hosts(&self) -> Hosts {
        Hosts::new(&self.settings.engines, &surroundings())
    }

    fn options(&self, resume: bool) -> Result<Options, Problem> {
        Ok(Options {
            resume,
            state_dir: self.paths.state_dir.clone(),
            cache_dir: self.paths.cache_dir.clone(),
            jobs: self.settings.limits.jobs,
            grace: self.settings.limits.grace.duration(),
            hosts: self.hosts(),
            fix: self.settings.fix.clone(),
            agents: self.world()?,
            budgets: self.settings.budgets.clone(),
        })
    }

    /// What agents need beside control.
    fn world(&self) -> Result<World, Problem> {
        let kept_out = vec![self.paths.config_dir().to_owned(), self.paths.runtime_dir.clone()];
        Ok(World {
            roles: Arc::new(self.roles.clone()),
            minds: Arc::new(Models::new(&self.settings.models, &surroundings())),
            prices: super::prices::known(self)?,
            kept_out,
            ..World::default()
        })
    }

    fn no_control(&self, error: &StartError) -> Problem {
        match error {
            StartError::Open(OpenError::Hold(HoldError::Taken { .. })) => {
                Problem::fault(error).hint(end_it_first(&self.paths.state_dir))
            }
            StartError::Open(OpenError::Newer { .. }) => {
                Problem::fault("can't start").because(error).hint("use the newer gonogo")
            }
            StartError::Open(_) | StartError::Log(_) => Problem::fault("can't start").because(error).hint(format!(
                "is there space, and may you write to {}? `gonogo doctor` looks",
                self.paths.state_dir.display()
            )),
            StartError::Thread(_) => Problem::fault("can't start").because(error),
        }
    }

    /// Reads along, whoever holds the log; `None` if nothing has been recorded yet.
    pub fn follow(&self) -> Result<Option<Follower>, Problem> {
        let refusal = Refusal::new("this command only reads");
        Follower::open(&self.paths.state_dir, refusal, &Handle::current())
            .map_err(|error| Problem::fault("can't read the log").because(&error))
    }
}

/// Works out where gonogo's files are.
pub fn find_paths() -> Result<Paths, Problem> {
    Paths::from_env()
        .map_err(|error| Problem::usage("there is no place for gonogo's files").because(&error).hint(error.hint()))
}

/// The directory that the command was given in.
pub fn working_directory() -> Result<PathBuf, Problem> {
    std::env::current_dir().map_err(|error| {
        Problem::usage("the working directory is gone").because(&error).hint("go to a directory that is there")
    })
}

/// What to do where another process holds the log, and this one can't do without.
pub fn end_it_first(state_dir: &Path) -> String {
    match look(state_dir) {
        Held::ByDaemon(_) => {
            "a daemon is at work: leave out --in-process, or end it first (`gonogo daemon stop`)".to_owned()
        }
        Held::ByProcess(pid) => format!(
            "do it on the board of process {pid}, or end that first (`kill {pid}` ends it in good order); `gonogo status`, `watch` and `logs` work beside it"
        ),
        Held::ByNobody | Held::Unknown => "try again; `gonogo status`, `watch` and `logs` work beside it".to_owned(),
    }
}
