//! The one loop: a batch of inputs, what follows from them, one durable commit, then what has to be done.
//!
//! It runs on a thread of its own, since it waits for the disk. Everything that takes time is a task that reports back.

use std::{collections::BTreeSet, time::Duration};

use tokio::{runtime::Handle, sync::mpsc};

use crate::{
    domain::outcome::CancelReason,
    engine::port::Stop,
    protocol::{
        command::{Command, Refusal},
        event::{Cause, ControlEvent, Event, RunEvent},
        query::Answer,
    },
    state::{
        job::{Job, JobStatus},
        run::{GateStatus, Run},
    },
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

type Replies = Vec<(Reply, Result<Answer, Refusal>)>;

impl Dispatcher {
    /// Runs until it is told to end and everything has ended, or nobody is left who could tell it anything.
    pub(super) fn run(mut self) {
        let runtime = self.runtime.clone();
        let _inside = runtime.enter();
        self.turn(Vec::new(), true);
        loop {
            let Some(batch) = self.next_batch() else { break };
            self.turn(batch, false);
            let given_up = self.stopping.is_some_and(|since| since.elapsed() > PATIENCE);
            if self.stopping.is_some() && self.live.is_empty() && (self.unrecorded.is_empty() || given_up) {
                break;
            }
        }
        let stopped = self.book.record(&Cause::Control, Event::Control { event: ControlEvent::Stopped });
        if let Err(error) = stopped.and_then(|()| self.book.seal()) {
            tracing::error!("the end could not be recorded: {error}");
        }
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
    fn turn(&mut self, batch: Vec<Input>, first: bool) {
        let mut replies = Replies::new();
        let mut reports = Vec::new();
        let ends = |input: &Input| matches!(input, Input::Command { command: Command::ShutDown, .. });
        let ending = batch.iter().any(ends);
        let recorded = self.record(batch, first, &mut replies, &mut reports).and_then(|()| self.book.seal());
        if let Err(error) = recorded {
            if ending {
                // It ends all the same. What could not be recorded is found lost by the next gonogo.
                self.stopping.get_or_insert_with(std::time::Instant::now);
                self.stop_all(Stop::Gracefully(CancelReason::ShuttingDown));
            }
            self.not_recorded(&error, &mut replies, reports);
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

    fn record(
        &mut self,
        batch: Vec<Input>,
        first: bool,
        replies: &mut Replies,
        reports: &mut Vec<Report>,
    ) -> Result<(), LogError> {
        if first {
            let started = ControlEvent::Started { pid: std::process::id(), version: env!("CARGO_PKG_VERSION").into() };
            self.book.record(&Cause::Control, Event::Control { event: started })?;
            for event in lost(self.book.state(), crate::domain::time::Timestamp::now()) {
                self.book.record(&Cause::Control, event)?;
            }
        }
        for input in batch {
            match input {
                Input::Ended(key) => {
                    self.live.remove(&key);
                    self.performer.forget(&key);
                }
                Input::Report(report) => {
                    reports.push(report.clone());
                    let cause = if matches!(report, Report::Repair { .. }) { Cause::Repair } else { Cause::Engine };
                    for event in observe(self.book.state(), report) {
                        self.book.record(&cause, event)?;
                    }
                }
                Input::Command { actor, id, command, reply } => {
                    let result = decide(self.book.state(), &actor, id, &command);
                    let result = match result {
                        Ok((events, answer)) => {
                            let cause = Cause::Request { actor, id };
                            for event in events {
                                self.book.record(&cause, event)?;
                            }
                            Ok(answer)
                        }
                        Err(refusal) => Err(refusal),
                    };
                    if command == Command::ShutDown {
                        self.begin_stopping()?;
                    }
                    replies.push((reply, result));
                }
            }
        }
        let limits =
            if self.stopping.is_some() { Limits { jobs: 0, repairs: 0, new_runs: false } } else { self.limits };
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
    fn not_recorded(&mut self, error: &LogError, replies: &mut Replies, reports: Vec<Report>) {
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
        self.unrecorded.extend(reports.into_iter().map(Input::Report));
    }

    /// gonogo is ending: runs that are at work are cancelled, and said to be; every task is asked to end. A run that does
    /// nothing but wait at a gate goes on waiting: the next gonogo takes the answer.
    fn begin_stopping(&mut self) -> Result<(), LogError> {
        if self.stopping.is_some() {
            self.stop_all(Stop::Now(CancelReason::ShuttingDown));
            return Ok(());
        }
        let open = |run: &&Run| run.outcome.is_none() && run.cancelling.is_none() && !waits_for_a_person(run);
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

/// A gate asks, and until it is answered there is nothing to do.
fn waits_for_a_person(run: &Run) -> bool {
    let at_work = |job: &Job| matches!(job.status, JobStatus::Queued | JobStatus::Running | JobStatus::Retrying { .. });
    run.gates.iter().any(|gate| gate.status == GateStatus::Asking) && !run.jobs.iter().any(at_work)
}
