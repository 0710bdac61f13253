//! The one loop: a batch of inputs, what follows from them, one durable commit, then what has to be done.
//!
//! It runs on a thread of its own, since it waits for the disk. Everything that takes time is a task that reports back.

use std::{collections::BTreeSet, time::Duration};

use tokio::{runtime::Handle, sync::mpsc};

use crate::{
    domain::{actor::Actor, id::RequestId, outcome::CancelReason},
    engine::port::Stop,
    protocol::{
        command::{Command, Refusal},
        event::{Cause, ControlEvent, Event, RunEvent},
        query::Answer,
    },
    state::run::Run,
    store::log::LogError,
};

use super::{
    advance::{Limits, advance},
    commit::Book,
    decide::decide,
    input::{Input, Report, TaskKey},
    observe::{lost, observe},
    perform::Performer,
    schedule::{Effect, schedule},
    session::Reply,
};

/// At most so many inputs are taken into one commit.
const BATCH: usize = 256;

/// Records that nobody waits for (a step has begun) are committed with the next ones, or after this time.
const LINGER: Duration = Duration::from_millis(4);

/// How long tasks may take to end when gonogo is ending, before they are ended.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait before recording is tried again (disk full).
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// The loop and what it owns.
pub(super) struct Dispatcher {
    pub(super) book: Book,
    pub(super) inputs: mpsc::Receiver<Input>,
    pub(super) performer: Performer,
    pub(super) limits: Limits,
    pub(super) runtime: Handle,
    pub(super) live: BTreeSet<TaskKey>,
    pub(super) stopping: Option<std::time::Instant>,
    /// What could not be recorded yet.
    pub(super) unrecorded: Vec<Input>,
}

/// An input that is to be recorded.
enum Work {
    Report(Report),
    Command { actor: Actor, id: RequestId, command: Command, place: usize },
}

impl Work {
    fn ends(&self) -> bool {
        matches!(self, Self::Command { command: Command::ShutDown, .. })
    }
}

/// Where replies go, and what they are as far as that is known.
type Replies = Vec<(Reply, Result<Answer, Refusal>)>;

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
        let stopped = self.book.record(&Cause::Control, Event::Control { event: ControlEvent::Stopped });
        if let Err(error) = stopped.and_then(|()| self.book.seal()) {
            tracing::error!("the end could not be recorded: {error}");
        }
    }

    /// Everything has ended and is recorded; or it has been waited for long enough, and the next gonogo finds it lost.
    fn has_stopped(&self, after: Duration) -> bool {
        let ended = self.live.is_empty() && (self.unrecorded.is_empty() || after > PATIENCE);
        ended || after > 2 * PATIENCE
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
            if self.stopping.is_some_and(|since| since.elapsed() > PATIENCE) {
                self.stop_all(Stop::Now(CancelReason::ShuttingDown));
            }
        } else if let Some(since) = self.stopping {
            let left = PATIENCE.saturating_sub(since.elapsed());
            let next =
                self.runtime.block_on(tokio::time::timeout(left.max(Duration::from_millis(10)), self.inputs.recv()));
            match next {
                Ok(input) => batch.push(input?),
                Err(_) => self.stop_all(Stop::Now(CancelReason::ShuttingDown)),
            }
        } else {
            batch.push(self.inputs.blocking_recv()?);
        }
        self.drain_into(&mut batch);
        let end = tokio::time::Instant::now() + LINGER;
        while !batch.is_empty() && batch.len() < BATCH && batch.iter().all(Input::can_wait) {
            let more = self.runtime.block_on(tokio::time::timeout_at(end, self.inputs.recv()));
            let Ok(Some(input)) = more else { break };
            batch.push(input);
            self.drain_into(&mut batch);
        }
        Some(batch)
    }

    fn drain_into(&mut self, batch: &mut Vec<Input>) {
        while batch.len() < BATCH
            && let Ok(input) = self.inputs.try_recv()
        {
            batch.push(input);
        }
    }

    /// One turn: inputs become records, the state advances, everything becomes durable, and only then is acted on.
    fn turn(&mut self, batch: Vec<Input>) {
        let mut work = Vec::with_capacity(batch.len());
        let mut replies = Replies::new();
        for input in batch {
            match input {
                Input::Ended(key) => {
                    self.live.remove(&key);
                    self.performer.forget(&key);
                }
                Input::Report(report) => work.push(Work::Report(report)),
                Input::Command { actor, id, command, reply } => {
                    work.push(Work::Command { actor, id, command, place: replies.len() });
                    replies.push((reply, Err(Refusal::new("it was not decided on"))));
                }
            }
        }
        let recorded = self.record(&work, &mut replies).and_then(|()| self.book.seal());
        if let Err(error) = recorded {
            if work.iter().any(Work::ends) {
                // It ends all the same. What could not be recorded is found lost by the next gonogo.
                self.stopping.get_or_insert_with(std::time::Instant::now);
                self.stop_all(Stop::Gracefully(CancelReason::ShuttingDown));
            }
            self.not_recorded(&error, &mut replies, work);
        }
        for (reply, result) in replies {
            // The session may be gone; its request was carried out all the same.
            let _ = reply.send(result);
        }
        if self.stopping.is_none() && self.unrecorded.is_empty() {
            for effect in schedule(self.book.state(), &self.live) {
                match effect {
                    Effect::Start(key) => {
                        self.performer.start(self.book.state(), &key);
                        self.live.insert(key);
                    }
                    Effect::Stop(key, stop) => self.performer.stop(&key, stop),
                }
            }
        }
    }

    fn record(&mut self, work: &[Work], replies: &mut Replies) -> Result<(), LogError> {
        for item in work {
            match item {
                Work::Report(report) => {
                    let cause = if matches!(report, Report::Repair { .. }) { Cause::Repair } else { Cause::Engine };
                    for event in observe(self.book.state(), report.clone()) {
                        self.book.record(&cause, event)?;
                    }
                }
                Work::Command { actor, id, command, place } => {
                    let result = match decide(self.book.state(), actor, *id, command) {
                        Ok((events, answer)) => {
                            let cause = Cause::Request { actor: actor.clone(), id: *id };
                            for event in events {
                                self.book.record(&cause, event)?;
                            }
                            Ok(answer)
                        }
                        Err(refusal) => Err(refusal),
                    };
                    if *command == Command::ShutDown {
                        self.begin_stopping()?;
                    }
                    if let Some((_, slot)) = replies.get_mut(*place) {
                        *slot = result;
                    }
                }
            }
        }
        let limits = if self.stopping.is_some() { self.limits.stopping() } else { self.limits };
        // Each round's events change the state that the next one looks at; it settles within the depth of a plan.
        for _ in 0..10_000 {
            let events = advance(self.book.state(), limits);
            if events.is_empty() {
                break;
            }
            for event in events {
                self.book.record(&Cause::Control, event)?;
            }
        }
        Ok(())
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
        let refusal = Refusal::new(format!("it could not be recorded: {chain}"))
            .hint("free some space in gonogo's state directory; recording goes on by itself");
        for (_, result) in replies.iter_mut() {
            *result = Err(refusal.clone());
        }
        if let Err(error) = self.book.roll_back() {
            tracing::error!("the log can't be read either: {error}");
        }
        let reports = work.into_iter().filter_map(|item| match item {
            Work::Report(report) => Some(Input::Report(report)),
            Work::Command { .. } => None,
        });
        self.unrecorded.extend(reports);
    }

    /// gonogo is ending: runs that are at work are cancelled, and said to be; every task is asked to end. A run that does
    /// nothing but wait at a gate goes on waiting: the next gonogo takes the answer.
    fn begin_stopping(&mut self) -> Result<(), LogError> {
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
        self.stop_all(Stop::Gracefully(CancelReason::ShuttingDown));
        Ok(())
    }

    fn stop_all(&mut self, stop: Stop) {
        for key in &self.live {
            self.performer.stop(key, stop.clone());
        }
    }
}
