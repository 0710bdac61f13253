//! A turn of a conversation, as a task.

use std::{
    fmt::Write as _,
    path::PathBuf,
    sync::{Arc, atomic::AtomicU32},
    time::Duration,
};

use crate::{
    agent::{
        driver::{self, Ended},
        machine::Begin,
        model::Model,
        prompt::{self, Fence},
        role::Role,
        tool::{Action, Toolbox},
    },
    control::{input::Report, perform::Ground},
    domain::{
        id::{ProjectId, RunId, ThreadId},
        talk::Message,
    },
    engine::port::StopSignal,
    protocol::thread::{ThreadEvent, TurnOutcome, Woken},
    state::{board::State, thread::Thread},
};

use super::{
    desk::{self, Desk},
    look,
};

/// How long an agent of a conversation waits for a person.
const EXPIRY: Duration = Duration::from_hours(24);

/// A turn of a conversation.
pub(in crate::control) struct TurnTask {
    thread: Thread,
    turn: u32,
    again: bool,
    root: Option<PathBuf>,
    name: String,
    newest: Option<RunId>,
    project: Option<ProjectId>,
    declared: Vec<String>,
    begun: bool,
    ground: Ground,
}

impl TurnTask {
    pub(in crate::control) fn of(state: &State, id: ThreadId, ground: Ground) -> Option<Self> {
        let thread = state.threads.get(&id)?;
        let turn = thread.turn.as_ref()?;
        let project = thread.project.and_then(|project| state.projects.get(&project));
        let newest = project.and_then(|project| state.latest_run(project.id));
        let declared =
            newest.into_iter().flat_map(|run| &run.jobs).flat_map(|job| job.planned.spec.secrets.clone()).collect();
        Some(Self {
            turn: turn.number,
            again: matches!(turn.why, Woken::Again { .. }),
            root: project.map(|project| project.root.clone()),
            name: project.map(|project| project.name.clone()).unwrap_or_default(),
            newest: newest.map(|run| run.id),
            project: thread.project,
            declared,
            // It was begun before, and its end could not be recorded: it is not done twice.
            begun: thread.has_begun(),
            thread: thread.clone(),
            ground,
        })
    }

    pub(in crate::control) async fn run(self, signal: StopSignal) {
        if self.begun {
            let outcome = TurnOutcome::Lost;
            return self.ground.report(Report::TurnBroke { thread: self.thread.id, outcome }).await;
        }
        let outcome = match self.prepare() {
            Ok((role, model)) => {
                let ended = self.talk(&role, model, signal).await;
                // The driver has recorded its end, unless nothing can be.
                if ended.outcome != TurnOutcome::Lost {
                    return;
                }
                ended.outcome
            }
            Err(outcome) => outcome,
        };
        self.ground.report(Report::TurnBroke { thread: self.thread.id, outcome }).await;
    }

    fn prepare(&self) -> Result<(Role, Arc<dyn Model>), TurnOutcome> {
        let world = &self.ground.options.agents;
        let name = &self.thread.role;
        let Some(role) = world.roles.get(name) else {
            let known: Vec<&str> = world.roles.all().map(|role| role.name.as_str()).collect();
            let hint = Some(format!("roles: {}", known.join(", ")));
            return Err(TurnOutcome::Failed { why: format!("there is no role `{name}`"), hint });
        };
        let chosen = if self.thread.model.is_empty() { &role.model } else { &self.thread.model };
        match world.minds.mind(name, chosen) {
            Ok(model) => Ok((role.clone(), model)),
            Err(no) => Err(TurnOutcome::Failed { why: no.why, hint: no.hint }),
        }
    }

    async fn talk(&self, role: &Role, model: Arc<dyn Model>, signal: StopSignal) -> Ended {
        let fence = Fence::new();
        let thread = self.thread.id;
        let heard = self.ground.interrupts.listen(thread);
        let place = self.root.as_deref().and_then(|root| look::place(root, &self.ground));
        let tools = role.tools.iter().map(String::as_str).filter(|name| !Action::needs_workspace(name));
        let begin = Begin {
            limits: role.limits.clone(),
            window: self.ground.options.agents.minds.window(&model.name()),
            tools: Toolbox::new(tools),
            messages: self.messages(role, &fence),
        };
        let desk = Desk {
            ground: &self.ground,
            thread,
            turn: self.turn,
            role: role.name.clone(),
            about: self.thread.about.clone(),
            project: self.project,
            name: self.root.is_some().then(|| self.name.clone()),
            root: self.root.clone(),
            place,
            bench: None,
            secrets: desk::secrets(self.declared.iter(), &self.ground.environment, &self.ground.options.agents),
            permissions: AtomicU32::new(self.thread.permissions),
            expiry: EXPIRY,
        };
        driver::drive(&desk, model, begin, (self.turn, &fence), heard.stop(signal)).await
    }

    fn messages(&self, role: &Role, fence: &Fence) -> Vec<Message> {
        let mut place = String::new();
        if self.root.is_some() {
            let _ = write!(place, "You are in the project `{}`.", self.name);
        }
        if let Some(run) = self.thread.about.run.or(self.newest) {
            let about =
                if self.thread.about.run.is_some() { "This conversation is about" } else { "Its newest run is" };
            let _ = write!(place, " {about} run {run}.");
        }
        if let Some(job) = &self.thread.about.job {
            let _ = write!(place, " It is about its job `{job}`.");
        }
        let system = Message::System { text: prompt::system(role, fence, &place) };
        std::iter::once(system).chain(prompt::history(&self.thread, fence, self.again)).collect()
    }
}

/// What a turn that could not be gone on with is reported as.
pub(in crate::control) fn broke(thread: ThreadId, why: String) -> Report {
    Report::TurnBroke { thread, outcome: TurnOutcome::Failed { why, hint: None } }
}

/// The facts with which an agent of a repair begins to work.
pub(super) fn began(turn: u32, why: Woken) -> ThreadEvent {
    ThreadEvent::TurnStarted { turn, why }
}
