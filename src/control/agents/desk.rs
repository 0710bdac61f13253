//! The desk of an agent: what the driver of its turn sees of the world.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use crate::{
    agent::{
        machine::Permit,
        place::Place,
        port::{AgentPort, Unpaid, Used},
        tool::Action,
    },
    control::perform::Ground,
    domain::{
        environment::Environment,
        id::{JobKey, ProjectId, RunId, ThreadId},
        talk::ModelName,
        usage::{NanoUsd, Usage},
    },
    protocol::{
        telemetry::Telemetry,
        thread::{About, ThreadEvent, TurnOutcome},
    },
    redact::Secrets,
    state::board::State,
};

use super::{
    bench::Bench,
    world::{Aside, Payer, World},
};

/// The world of one turn.
pub(super) struct Desk<'a> {
    pub(super) ground: &'a Ground,
    pub(super) thread: ThreadId,
    pub(super) turn: u32,
    pub(super) role: String,
    pub(super) about: About,
    pub(super) project: Option<ProjectId>,
    /// Its name.
    pub(super) name: Option<String>,
    /// The project's checkout.
    pub(super) root: Option<PathBuf>,
    /// The files that it may reach.
    pub(super) place: Option<Arc<Place>>,
    /// Where it may write and run: only in a repair.
    pub(super) bench: Option<Bench<'a>>,
    pub(super) secrets: Arc<Secrets>,
    /// Permissions that were asked for in this conversation so far.
    pub(super) permissions: AtomicU32,
    /// How long a person may take to answer.
    pub(super) expiry: Duration,
}

impl Desk<'_> {
    /// The run that is meant: the one that is named, or the one that this is about.
    pub(super) fn run_meant(&self, named: Option<u64>) -> Option<RunId> {
        named.map(RunId).or(self.about.run)
    }

    /// The job that is meant, in a run.
    pub(super) fn job_meant(&self, named: Option<&str>, run: Option<u64>) -> Option<JobKey> {
        let own = self.about.job.clone().filter(|_| run.is_none_or(|run| self.about.run == Some(RunId(run))));
        named.map(JobKey::from).or(own)
    }

    /// Looks something up in the state; `None` if control has ended.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Option<T> {
        self.ground.ask(question).await
    }
}

impl AgentPort for Desk<'_> {
    type Reserved = Aside;

    async fn record(&self, facts: Vec<ThreadEvent>) -> bool {
        self.ground.record(Some(self.thread), facts).await.is_some()
    }

    fn show(&self, at: u64, text: String, reasoning: bool) {
        let (thread, turn) = (self.thread, self.turn);
        self.ground.published.tell(Telemetry::Streamed { thread, turn, at, text, reasoning });
    }

    fn reserve(
        &self,
        model: &ModelName,
        prompt_tokens: u64,
        max_output: u32,
        left: Option<NanoUsd>,
    ) -> Result<Aside, Unpaid> {
        let Some(purse) = &self.ground.options.agents.purse else {
            return Err(TurnOutcome::Failed { why: "nobody keeps the money".into(), hint: None });
        };
        let bound = purse.bound(model, prompt_tokens, max_output);
        if let (Some(bound), Some(left)) = (bound, left)
            && bound > left
        {
            let what = format!("the money of a turn: {left} is left, and the next call of {model} may cost {bound}");
            return Err(TurnOutcome::Limit { what });
        }
        purse.reserve(&Payer { project: self.name.as_deref(), run: self.about.run }, model, bound)
    }

    fn price(&self, model: &ModelName, usage: &Usage) -> (Option<NanoUsd>, String) {
        let purse = self.ground.options.agents.purse.as_ref();
        purse.map_or((None, String::new()), |purse| purse.price(model, usage))
    }

    async fn permit(&self, action: &Action) -> Permit {
        super::permit::permit(self, action).await
    }

    async fn use_tool(&self, action: &Action) -> Used {
        match action {
            Action::WriteFile(_)
            | Action::PatchFile(_)
            | Action::RunJob(_)
            | Action::RunStep(_)
            | Action::RunCommand(_)
            | Action::Propose(_) => match &self.bench {
                Some(bench) => bench.perform(self, action).await,
                None => Used::badly("there is no workspace here"),
            },
            Action::StartRun(_) | Action::RetryRun(_) | Action::CancelRun(_) | Action::RepairJob(_) => {
                super::act::act(self, action).await
            }
            // The answer is the permission's own words.
            Action::AskPerson(_) => Used::badly("nobody was asked"),
            _ => super::look::look(self, action).await,
        }
    }

    fn secrets(&self) -> Arc<Secrets> {
        Arc::clone(&self.secrets)
    }

    fn waits_count(&self) -> bool {
        self.bench.is_some()
    }
}

impl Desk<'_> {
    /// The number of the next permission of this conversation.
    pub(super) fn next_permission(&self) -> u32 {
        self.permissions.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Words in the name of a variable by which it holds a secret.
const SECRET: [&str; 6] = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "API_KEY", "PRIVATE"];

/// What must not leave: the values of declared secrets, and of every variable whose name says that it is one.
pub(in crate::control) fn secrets<'a>(
    declared: impl Iterator<Item = &'a String>,
    environment: &Environment,
    world: &World,
) -> Arc<Secrets> {
    let declared = declared.filter_map(|name| Some((name.clone(), environment.get(name)?.to_owned())));
    let named = environment.iter().filter(|(name, value)| {
        let name = name.to_uppercase();
        value.len() >= 8 && SECRET.iter().any(|word| name.contains(word)) && !value.starts_with('/')
    });
    let named = named.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Arc::new(Secrets::new(&declared.chain(named).chain(world.minds.keys()).collect::<Vec<_>>()))
}
