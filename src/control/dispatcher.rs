//! The one loop: a batch of inputs, what follows from them, one durable commit, then what has to be done.
//!
//! It runs on a thread of its own, since it waits for the disk. Everything that takes time is a task that reports back.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use crate::{
    domain::{
        actor::Actor,
        budget::BudgetPolicy,
        environment::Environment,
        id::{RequestId, RunId, Seq, ThreadId},
        outcome::CancelReason,
    },
    engine::port::Stop,
    protocol::{
        command::{Command, Refusal},
        container::{ContainerAction, ContainerRef},
        event::{Cause, ControlEvent, Event, RunEvent, ThreadEvent},
        query::Answer,
        thread::ThreadCommand,
    },
    state::run::Run,
    store::log::LogError,
};

use super::{
    advance::Limits,
    commit::Book,
    input::{Input, Prune, Question, Report, TaskKey},
    observe::lost,
    perform::Performer,
    schedule::{Effect, schedule},
    session::Reply,
};

/// At most so many inputs are taken into one commit.
const BATCH: usize = 256;

/// Records that nobody waits for (a step has begun) are committed with the next ones, or after this time.
const LINGER: Duration = Duration::from_millis(4);

/// How long tasks may take to end when gonogo is ending, before they are ended; longer where the configuration gives jobs more.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait before recording is tried again (disk full).
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// The loop and what it owns.
pub(super) struct Dispatcher {
    pub(super) book: Book,
    pub(super) inputs: mpsc::Receiver<Input>,
    pub(super) performer: Performer,
    pub(super) limits: Limits,
    /// What may be spent on models.
    pub(super) budgets: BudgetPolicy,
    /// The change of the ledger up to which it was looked for budgets that are nearly spent.
    pub(super) counted: Seq,
    pub(super) runtime: Handle,
    pub(super) live: BTreeSet<TaskKey>,
    pub(super) stopping: Option<std::time::Instant>,
    /// It ends when nothing is under way any more; until then no new run begins.
    pub(super) draining: bool,
    /// What could not be recorded yet.
    pub(super) unrecorded: Vec<Input>,
    /// How long tasks may take to end when gonogo is ending.
    pub(super) patience: Duration,
    /// The state holds what was not recorded, and the log can't be read to make it anew: nothing is decided or done by it.
    pub(super) unsound: bool,
    /// Deletions of old runs that are asked for: one at a time.
    pub(super) prunes: Vec<Prune>,
}

/// An input that is to be recorded.
pub(super) enum Work {
    Report(Report),
    Left(ControlEvent),
    /// With the number that a new conversation gets.
    Facts {
        thread: Option<ThreadId>,
        facts: Vec<ThreadEvent>,
        done: oneshot::Sender<ThreadId>,
        got: Cell<ThreadId>,
    },
    Command {
        actor: Actor,
        environment: Arc<Environment>,
        id: RequestId,
        command: Command,
        place: usize,
    },
}

impl Work {
    fn ends(&self) -> bool {
        matches!(self, Self::Command { command: Command::ShutDown { wait: false }, .. })
    }
}

/// What is to be done to a container, and the place of its reply.
fn container_act(work: &Work) -> Option<(usize, (ContainerRef, ContainerAction))> {
    match work {
        Work::Command { command: Command::Container { container, what, .. }, place, .. } => {
            Some((*place, (container.clone(), *what)))
        }
        _ => None,
    }
}

/// Where replies go, and what they are as far as that is known.
pub(super) type Replies = Vec<(Reply, Result<Answer, Refusal>)>;

impl Dispatcher {
    /// Runs until it is told to end and everything has ended, or nobody is left who could tell it anything.
    pub(super) fn run(mut self) {
        let runtime = self.runtime.clone();
        let _inside = runtime.enter();
        self.turn(Vec::new());
        while let Some(batch) = self.next_batch() {
            self.turn(batch);
            if self.stopping.is_some_and(|since| self.has_stopped(since.elapsed())) {
                break;
            }
        }
        if let Err(error) = self.record_end() {
            tracing::error!("the end could not be recorded: {error}");
        }
    }

    /// Says how far those who are attached have seen, and that control has ended.
    fn record_end(&mut self) -> Result<(), LogError> {
        let present = self.book.published().present().borrow().clone();
        for (by, from, seen) in present.boards() {
            let event = ControlEvent::Left { by: by.clone(), from: from.to_owned(), seen };
            self.book.record(&Cause::Control, Event::Control { event })?;
        }
        self.book.record(&Cause::Control, Event::Control { event: ControlEvent::Stopped })?;
        self.book.seal()
    }

    /// Everything has ended and is recorded; or it has been waited for long enough, and the next gonogo finds it lost.
    fn has_stopped(&self, after: Duration) -> bool {
        let ended = self.live.is_empty() && (self.unrecorded.is_empty() || after > self.patience);
        ended || after > 2 * self.patience
    }

    /// Says that control has begun, and what was lost when the last one ended. Until that is durable nothing may begin.
    pub(super) fn begin(book: &mut Book) -> Result<(), LogError> {
        let started = ControlEvent::Started { pid: std::process::id(), version: env!("CARGO_PKG_VERSION").into() };
        book.record(&Cause::Control, Event::Control { event: started })?;
        for event in lost(book.state(), crate::domain::time::Timestamp::now()) {
            book.record(&Cause::Control, event)?;
        }
        book.seal()
    }

    /// Waits for inputs. Those that only tell of a step's beginning or end don't make it hurry.
    fn next_batch(&mut self) -> Option<Vec<Input>> {
        let mut batch = std::mem::take(&mut self.unrecorded);
        if !batch.is_empty() {
            std::thread::sleep(TRY_AGAIN);
            if self.stopping.is_some_and(|since| since.elapsed() > self.patience) {
                self.stop_all(Stop::Now(CancelReason::ShuttingDown));
            }
        } else if let Some(since) = self.stopping {
            let left = self.patience.saturating_sub(since.elapsed());
            let next =
                self.runtime.block_on(tokio::time::timeout(left.max(Duration::from_millis(10)), self.inputs.recv()));
            match next {
                Ok(input) => batch.push(input?),
                Err(_) => self.stop_all(Stop::Now(CancelReason::ShuttingDown)),
            }
        } else {
            batch.push(self.inputs.blocking_recv()?);
        }
        // However much waits to be recorded: who asks something meanwhile is answered, and an end is heard.
        let most = batch.len() + BATCH;
        self.drain_into(&mut batch, most);
        let end = tokio::time::Instant::now() + LINGER;
        while !batch.is_empty() && batch.len() < BATCH && batch.iter().all(Input::can_wait) {
            let more = self.runtime.block_on(tokio::time::timeout_at(end, self.inputs.recv()));
            let Ok(Some(input)) = more else { break };
            batch.push(input);
            self.drain_into(&mut batch, BATCH);
        }
        Some(batch)
    }

    fn drain_into(&mut self, batch: &mut Vec<Input>, most: usize) {
        while batch.len() < most
            && let Ok(input) = self.inputs.try_recv()
        {
            batch.push(input);
        }
    }

    /// One turn: inputs become records, the state advances, everything becomes durable, and only then is acted on.
    fn turn(&mut self, batch: Vec<Input>) {
        let mut work = Vec::with_capacity(batch.len());
        let mut replies = Replies::new();
        let mut forget = Vec::new();
        let mut looks = Vec::new();
        let mut questions = Vec::new();
        for input in batch {
            match input {
                Input::Ended(key) => {
                    self.live.remove(&key);
                    self.performer.forget(&key);
                }
                Input::Prune(prune) => self.prunes.push(prune),
                Input::Forget { runs, done } => forget.push((runs, done)),
                Input::Look { done } => looks.push(done),
                Input::Question(question) => questions.push(question),
                Input::Facts { thread, facts, done } => {
                    work.push(Work::Facts { thread, facts, done, got: Cell::default() });
                }
                Input::Report(report) => work.push(Work::Report(report)),
                Input::Left { by, from, seen } => work.push(Work::Left(ControlEvent::Left { by, from, seen })),
                Input::Command { actor, environment, id, command, reply } => {
                    work.push(Work::Command { actor, environment, id, command, place: replies.len() });
                    replies.push((reply, Err(Refusal::new("it was not decided on"))));
                }
            }
        }
        let sound = if self.unsound { self.book.roll_back() } else { Ok(()) };
        self.unsound = sound.is_err();
        let recorded = sound.and_then(|()| self.record(&work, &mut replies)).and_then(|()| self.book.seal());
        let mut acts: BTreeMap<usize, _> = work.iter().filter_map(container_act).collect();
        if let Err(error) = recorded {
            if work.iter().any(Work::ends) {
                // It ends all the same. What could not be recorded is found lost by the next gonogo.
                self.stopping.get_or_insert_with(std::time::Instant::now);
                self.book.published().begin_to_end();
                self.stop_all(Stop::Gracefully(CancelReason::ShuttingDown));
            }
            self.not_recorded(&error, &mut replies, work);
        } else {
            self.forget(forget);
            for item in &work {
                if let Work::Command { actor, command: Command::Talk { what }, place, .. } = item
                    && let ThreadCommand::Interrupt { thread } = what
                    && replies.get(*place).is_some_and(|(_, result)| result.is_ok())
                {
                    self.performer.interrupt(*thread, actor);
                }
                if let Work::Command { actor, command: Command::Prune { keep }, place, .. } = item
                    && replies.get(*place).is_some_and(|(_, result)| result.is_ok())
                {
                    self.prunes.push(Prune { by: actor.clone(), keep: *keep, cache_bytes: None });
                }
            }
            for item in work {
                if let Work::Facts { done, got, .. } = item {
                    // Whoever wrote it may have been stopped; it is written all the same.
                    let _ = done.send(got.get());
                }
            }
        }
        for Question(ask) in questions {
            ask(self.book.state());
        }
        if self.stopping.is_none() && self.unrecorded.is_empty() && !self.unsound {
            // Before whoever wished is answered, and asks how far it is.
            self.performer.wish(self.book.state());
        }
        for done in looks {
            // Whoever asked may have given up.
            let _ = done.send(());
        }
        for (place, (reply, result)) in replies.into_iter().enumerate() {
            match acts.remove(&place).filter(|_| result == Ok(Answer::Done)) {
                Some((container, what)) => self.performer.contain(container, what, reply),
                // The session may be gone; its request was carried out all the same.
                None => drop(reply.send(result)),
            }
        }
        if self.stopping.is_none() && self.unrecorded.is_empty() && !self.unsound {
            for effect in schedule(self.book.state(), &self.live) {
                match effect {
                    Effect::Start(key) => {
                        self.performer.start(self.book.state(), &key);
                        self.live.insert(key);
                    }
                    Effect::Stop(key, stop) => self.performer.stop(&key, stop),
                }
            }
            if !self.live.contains(&TaskKey::Prune)
                && let Some(prune) = self.prunes.pop()
            {
                self.live.insert(TaskKey::Prune);
                self.performer.prune(prune);
            }
        }
        self.book.published().set_at_work(self.is_at_work());
    }

    /// Deletes what was recorded of old runs, a few at a time, so that nobody waits long for the next turn.
    fn forget(&mut self, forget: Vec<(Vec<RunId>, oneshot::Sender<()>)>) {
        for (runs, done) in forget {
            match self.book.forget(&runs) {
                // Whoever asked may have given up; it is done all the same.
                Ok(()) => drop(done.send(())),
                Err(error) => tracing::warn!("old records could not be deleted: {error}"),
            }
        }
    }

    /// The log can't be written: nothing of this turn has happened, except in the world, and that is kept to be told again.
    fn not_recorded(&mut self, error: &LogError, replies: &mut Replies, work: Vec<Work>) {
        let mut chain = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(error) = source {
            chain = format!("{chain}: {error}");
            source = error.source();
        }
        tracing::error!("not recorded: {chain}");
        self.book.published().fare(|health| health.not_recording = Some(chain.clone()));
        let mut refusal = Refusal::new(format!("it could not be recorded: {chain}"));
        refusal.hint = error.hint().map(str::to_owned);
        for (_, result) in replies.iter_mut() {
            *result = Err(refusal.clone());
        }
        if let Err(error) = self.book.roll_back() {
            self.unsound = true;
            tracing::error!("the log can't be read either: {error}");
        }
        let reports = work.into_iter().filter_map(|item| match item {
            Work::Report(report) => Some(Input::Report(report)),
            Work::Facts { thread, facts, done, .. } => Some(Input::Facts { thread, facts, done }),
            Work::Command { .. } | Work::Left(_) => None,
        });
        self.unrecorded.extend(reports);
    }

    /// gonogo is ending: runs that are at work are cancelled, and said to be; every task is asked to end. A run that does
    /// nothing but wait at a gate goes on waiting: the next gonogo takes the answer.
    pub(super) fn begin_stopping(&mut self) -> Result<(), LogError> {
        if self.stopping.is_some() {
            self.stop_all(Stop::Now(CancelReason::ShuttingDown));
            return Ok(());
        }
        let open = |run: &&Run| run.outcome.is_none() && run.cancelling.is_none() && !run.waits_for_a_person();
        let under_way: Vec<_> = self.book.state().active_runs().filter(open).map(|run| run.id).collect();
        for run in under_way {
            let event = RunEvent::Cancelling { reason: CancelReason::ShuttingDown };
            self.book.record(&Cause::Control, Event::Run { run, event })?;
        }
        self.stopping = Some(std::time::Instant::now());
        self.book.published().begin_to_end();
        self.stop_all(Stop::Gracefully(CancelReason::ShuttingDown));
        Ok(())
    }

    fn stop_all(&mut self, stop: Stop) {
        for key in &self.live {
            self.performer.stop(key, stop.clone());
        }
    }
}
