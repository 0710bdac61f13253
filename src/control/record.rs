//! What a turn of the loop records: of what was asked and seen, and of what follows.

use std::{borrow::Cow, cell::Cell, sync::Arc};

use crate::{
    domain::{
        actor::{Actor, Trigger},
        environment::Environment,
        id::{RequestId, RunId, ThreadId},
    },
    protocol::{
        command::{Command, Refusal},
        event::{Cause, ControlEvent, Event, RunEvent, ThreadEvent},
        query::Answer,
        thread::ThreadCommand,
    },
    state::{board::State, budget::to_warn},
    store::log::LogError,
};

use super::{
    advance::advance,
    agents::{secrets, world::World},
    decide::decide,
    dispatcher::{Dispatcher, Replies, Work},
    input::Report,
    observe::observe,
};

/// The answer to a command that is sent again after its connection was lost, while it is being done.
const TAKEN_ON: &str = "it was taken on before the connection was lost";

impl Dispatcher {
    /// Records a turn's work and everything that follows from it; nothing of it is durable yet.
    pub(super) fn record(&mut self, work: &[Work], replies: &mut Replies) -> Result<(), LogError> {
        self.book.keep_in_place()?;
        for item in work {
            match item {
                Work::Report(report) => {
                    let cause = if matches!(report, Report::Repair { .. }) { Cause::Repair } else { Cause::Engine };
                    for event in observe(self.book.state(), report.clone()) {
                        self.book.record(&cause, event)?;
                    }
                }
                Work::Left(event) => {
                    self.book.record(&Cause::Control, Event::Control { event: event.clone() })?;
                }
                Work::Facts { thread, facts, got, .. } => self.facts(*thread, facts, got)?,
                Work::Command { actor, environment, id, command, place } => {
                    let result = self.command(actor, environment, *id, command)?;
                    if let Some((_, slot)) = replies.get_mut(*place) {
                        *slot = result;
                    }
                }
            }
        }
        self.settle()?;
        // Looked at when everything that follows is known: the last run may just have ended.
        if self.draining && self.stopping.is_none() && !self.is_at_work() {
            self.begin_stopping()?;
            self.settle()?;
        }
        Ok(())
    }

    /// Records what an agent does, in a conversation that is known, or in a new one.
    fn facts(&mut self, thread: Option<ThreadId>, facts: &[ThreadEvent], got: &Cell<ThreadId>) -> Result<(), LogError> {
        let id = thread.unwrap_or_else(|| self.book.state().next_thread());
        got.set(id);
        for fact in facts {
            let known = self.book.state().threads.get(&id).map(|thread| thread.about.repair.is_some());
            if known.is_none() && !matches!(fact, ThreadEvent::Opened { .. }) {
                continue;
            }
            let cause = if known == Some(false) { Cause::Control } else { Cause::Repair };
            self.book.record(&cause, Event::Thread { thread: id, event: Box::new(fact.clone()) })?;
        }
        Ok(())
    }

    /// Records what follows from the state by itself.
    fn settle(&mut self) -> Result<(), LogError> {
        let limits = if self.stopping.is_some() { self.limits.stopping() } else { self.limits };
        // Each round's events change the state that the next one looks at; it settles within the depth of a plan.
        for _ in 0..10_000 {
            let events = advance(self.book.state(), limits);
            if events.is_empty() {
                break;
            }
            for event in events {
                if let Event::Run {
                    run,
                    event: RunEvent::Requested { trigger: Trigger::AfterRepair { run: of, .. }, .. },
                } = &event
                {
                    self.performer.inherit(*run, *of);
                }
                self.book.record(&Cause::Control, event)?;
            }
        }
        self.warn_of_budgets()
    }

    /// Says of each budget, once for each time that it is for, that it is nearly spent.
    fn warn_of_budgets(&mut self) -> Result<(), LogError> {
        let changed = self.book.state().ledger.changed;
        if changed == self.counted {
            return Ok(());
        }
        for standing in to_warn(&self.budgets, self.book.state(), self.book.state().at) {
            let (spent, limit) = (standing.spent, standing.limit());
            let budget = standing.budget.scope.to_string();
            let event = ControlEvent::BudgetWarned { budget, period: standing.period, spent, limit };
            self.book.record(&Cause::Control, Event::Control { event })?;
        }
        self.counted = changed;
        Ok(())
    }

    /// Decides on a command, records what is granted, and remembers it: the same one, sent again after its connection was lost,
    /// is answered as before and not done again.
    fn command(
        &mut self,
        actor: &Actor,
        environment: &Arc<Environment>,
        id: RequestId,
        command: &Command,
    ) -> Result<Result<Answer, Refusal>, LogError> {
        if let Some(answer) = self.book.answered().get(id) {
            return Ok(Ok(answer.clone()));
        }
        if self.stopping.is_some() && !matches!(command, Command::ShutDown { .. }) {
            let refusal = Refusal::new("gonogo is ending");
            return Ok(Err(refusal.hint("ask again in a moment: the next gonogo takes it on")));
        }
        if self.draining && matches!(command, Command::StartRun { .. } | Command::Retry { .. }) {
            let refusal =
                Refusal::new("gonogo ends as soon as nothing is under way, and begins nothing new until then");
            return Ok(Err(refusal
                .hint("start it again when that has ended, or take the end back: `gonogo daemon stop --never-mind`")));
        }
        let command = clean(command, environment, self.performer.world());
        let command = command.as_ref();
        let (events, answer) = match decide(self.book.state(), actor, id, command) {
            Ok(granted) => granted,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let cause = Cause::Request { actor: actor.clone(), id };
        for event in events {
            self.book.record(&cause, event)?;
        }
        // Where a run was asked for is where it finds programs and secrets. Who only answers a question of it has others.
        let asked = match (command, &answer) {
            (_, Answer::Run { run, .. }) => Some((*run, true)),
            (Command::Retry { run, .. } | Command::Repair { run, .. }, _) => Some((*run, true)),
            (Command::Answer { .. } | Command::Revise { .. }, answer) => {
                run_of(answer, self.book.state()).map(|run| (run, false))
            }
            _ => None,
        };
        if let (Command::Talk { .. }, Answer::Thread { thread }) = (command, &answer) {
            self.performer.remember_talk(self.book.state(), *thread, environment);
        }
        if let Some((run, anew)) = asked {
            self.performer.remember(self.book.state(), run, environment, anew);
        }
        match command {
            Command::ShutDown { wait: true } => self.drain(true),
            Command::StayUp => self.drain(false),
            Command::ShutDown { wait: false } => self.begin_stopping()?,
            _ => {}
        }
        if id != RequestId(0) {
            let remembered = match command {
                // What comes of it is known later: who was cut off asks how the container stands.
                Command::Container { .. } => Answer::Text { text: TAKEN_ON.into() },
                _ => answer.clone(),
            };
            self.book.answered().remember(id, remembered);
        }
        Ok(Ok(answer))
    }

    fn drain(&mut self, draining: bool) {
        self.draining = draining;
        self.limits.new_runs = !draining;
        self.book.published().fare(|health| health.draining = draining);
    }

    /// Something is under way that would be lost, or cut off, if gonogo ended now.
    pub(super) fn is_at_work(&self) -> bool {
        let mut active = self.book.state().active_runs();
        !self.live.is_empty() || active.any(|run| run.outcome.is_none() && !run.waits_for_a_person())
    }
}

/// What somebody says to an agent, without secrets: it is recorded, and sent to a model.
fn clean<'a>(command: &'a Command, environment: &Environment, world: &World) -> Cow<'a, Command> {
    let Command::Talk { what } = command else { return Cow::Borrowed(command) };
    let secrets = secrets(std::iter::empty(), environment, world);
    let mut what = what.clone();
    match &mut what {
        ThreadCommand::Say { text, attached, .. } => {
            *text = secrets.redact_text(text);
            for one in attached {
                one.text = secrets.redact_text(&one.text);
            }
        }
        ThreadCommand::Allow { why, .. } => *why = secrets.redact_text(why),
        _ => {}
    }
    Cow::Owned(Command::Talk { what })
}

/// The run that an answered request is about.
fn run_of(answer: &Answer, state: &State) -> Option<RunId> {
    match answer {
        Answer::Run { run, .. } => Some(*run),
        Answer::Proposal { proposal } => state.proposals.get(proposal).map(|known| known.proposal.run),
        _ => None,
    }
}
