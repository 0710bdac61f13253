//! Control itself in a test's home, for what takes more than one request at a time.

use std::time::Duration;

use gonogo::{
    control::{
        agents::world::World,
        handle::{self, ControlHandle, Options},
    },
    domain::{
        actor::{Actor, Trigger},
        definition::FixPolicy,
    },
    protocol::{
        command::Command,
        event::Record,
        frame::{Ask, Frame},
        query::Answer,
        session::{Attach as _, Session, Visitor, VisitorKind},
    },
    state::board::State,
};
use tokio::runtime::Runtime;

use crate::home::{DEADLINE, Home, Project};

/// A control, a session with it, and what that has heard.
pub struct Inside {
    runtime: Runtime,
    control: ControlHandle,
    session: Session,
    pub state: State,
    pub records: Vec<Record>,
}

fn person() -> Actor {
    Actor::Person("tester".into())
}

impl Inside {
    pub fn open(home: &Home) -> Self {
        Self::open_as(home, FixPolicy { enabled: false, ..FixPolicy::default() }, World::default())
    }

    /// With repairs as this policy says, and agents of this world.
    pub fn open_as(home: &Home, fix: FixPolicy, agents: World) -> Self {
        Self::open_from(home, fix, agents, Vec::new())
    }

    /// By somebody who has these variables, too.
    pub fn open_from(home: &Home, fix: FixPolicy, agents: World, variables: Vec<(String, String)>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let options = Options {
            resume: true,
            state_dir: home.gonogo().join("state"),
            cache_dir: home.gonogo().join("cache"),
            jobs: 4,
            grace: Duration::from_secs(1),
            hosts: gonogo::engine::docker::host::Hosts::default(),
            fix,
            agents,
            budgets: gonogo::domain::budget::BudgetPolicy::default(),
        };
        let control = handle::start(options, runtime.handle()).unwrap();
        let here = Visitor::here(person(), VisitorKind::Command);
        let own = here.environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = std::sync::Arc::new(own.chain(variables).collect());
        let visitor = Visitor { environment, ..here };
        let session = runtime.block_on(async { control.attach(visitor, None) });
        Self { runtime, control, session, state: State::default(), records: Vec::new() }
    }

    /// Sends a command, which may be refused.
    pub fn ask(&mut self, command: Command) {
        let id = self.session.next_id();
        self.runtime.block_on(self.session.ask(Ask::Command { id, command })).unwrap();
    }

    /// Starts the first pipeline of a project.
    pub fn start(&mut self, project: &Project) {
        let root = project.root.clone();
        self.ask(Command::StartRun { root, pipeline: None, jobs: Vec::new(), trigger: Trigger::Manual });
    }

    /// Sends a command, and waits until it is granted.
    pub fn tell(&mut self, command: Command) -> Answer {
        let id = self.session.next_id();
        let told = async {
            self.session.ask(Ask::Command { id, command }).await.unwrap();
            loop {
                match self.session.frame().await.expect("control goes on") {
                    Frame::Reply { id: of, result } if of == id => return result.unwrap(),
                    Frame::Records(new) => {
                        new.iter().for_each(|record| self.state.apply(record));
                        self.records.extend(new.iter().map(|record| (**record).clone()));
                    }
                    _ => {}
                }
            }
        };
        self.runtime.block_on(async { tokio::time::timeout(DEADLINE, told).await }).expect("no answer")
    }

    /// Ends control; gives the records.
    pub fn end(self) -> Vec<Record> {
        drop(self.session);
        self.runtime.block_on(self.control.shut_down(person()));
        self.records
    }

    /// Hears records until the state is so.
    pub fn until(&mut self, is: impl Fn(&State) -> bool) {
        let hear = async {
            while !is(&self.state) {
                match self.session.frame().await.expect("control goes on") {
                    Frame::Records(new) => {
                        new.iter().for_each(|record| self.state.apply(record));
                        self.records.extend(new.iter().map(|record| (**record).clone()));
                    }
                    Frame::Goodbye { reason, .. } => panic!("{reason}"),
                    _ => {}
                }
            }
        };
        let heard = self.runtime.block_on(async { tokio::time::timeout(DEADLINE, hear).await });
        assert!(heard.is_ok(), "it did not come to be so: {:#?}", self.records);
    }

    /// Hears records until so many runs have ended, then ends control; gives the records.
    pub fn finish(mut self, runs: usize) -> Vec<Record> {
        self.until(|state| state.runs.len() == runs && state.runs.values().all(|run| run.outcome.is_some()));
        self.end()
    }
}
