//! Following a container from its start to its end: its output, its marks, and ending it when it has to be.

use std::{io, pin::Pin, time::Duration};

use bollard::{
    container::LogOutput,
    errors::Error,
    models::{ContainerState, ContainerStateStatusEnum},
    query_parameters::LogsOptionsBuilder,
};
use futures::{Stream, StreamExt as _, future::BoxFuture};
use tokio::{
    io::AsyncWrite,
    time::{Instant, sleep_until},
};

use crate::{
    domain::{
        container::EngineFault,
        outcome::{CancelReason, Failure, JobOutcome},
        time::{Millis, Timestamp},
    },
    engine::{
        port::{JobPort, JobReport, Order, Stop, StopSignal},
        recorder::Recorder,
    },
};

use super::{
    attempt::Early,
    back, body,
    ending::{self, Way},
    fault::Fault,
    host::Host,
    marks::{Mark, Marks, Part},
    outcome::{self, Said},
    reach,
    replay::Replay,
    ship,
};

/// Output that may still turn out to be part of a secret is held back no longer than this once the container falls silent.
const SILENCE: Duration = Duration::from_millis(80);

/// Before what broke off is read on: where it breaks off at once again, nobody is kept busy with that.
const PAUSE: Duration = Duration::from_millis(200);

/// Between two tries to end a container that does not end.
const AGAIN: Duration = Duration::from_secs(5);

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;
type Input = Pin<Box<dyn AsyncWrite + Send>>;

/// A container under way.
pub(super) struct Follow<'a, P> {
    order: &'a Order,
    host: &'a Host,
    port: &'a P,
    recorder: &'a mut Recorder,
    secrets: &'a [(String, String)],
    id: String,
    nonce: String,
    marks: Marks,
    output: Option<Output>,
    /// Gives it its script; and then, while it runs, the way to it.
    input: Option<BoxFuture<'a, io::Result<Input>>>,
    /// The script is sent only when the terminal no longer shows what is sent.
    wait_for_quiet: bool,
    sent: Option<ship::Sent>,
    /// So many steps have been reported as begun, and as ended.
    seen: (u32, u32),
    replay: Replay,
    /// What came was not what was printed: all of it has to be recorded anew.
    different: bool,
    /// The engine's log is read, which may lack something until it is read as a whole.
    from_log: bool,
    /// Each part of the output begins with the time at which it was printed.
    stamped: bool,
    step: Option<(u32, Timestamp)>,
    said: Said,
    cut: Option<Cut>,
}

/// Why a container, or a step in it, was ended before its time.
enum Cut {
    Stopped(CancelReason),
    TimedOut(Millis),
    /// The step's time was up, and the job goes on without it.
    Step(u32),
}

impl<'a, P: JobPort> Follow<'a, P> {
    /// A container that has just been started.
    #[allow(clippy::too_many_arguments, reason = "each is one thing that it needs")]
    pub(super) fn new(
        order: &'a Order,
        host: &'a Host,
        port: &'a P,
        recorder: &'a mut Recorder,
        secrets: &'a [(String, String)],
        id: String,
        nonce: &str,
        output: Output,
        sent: Option<ship::Sent>,
    ) -> Self {
        Self {
            order,
            host,
            port,
            recorder,
            secrets,
            id,
            nonce: nonce.to_owned(),
            marks: Marks::new(nonce),
            output: Some(output),
            input: None,
            wait_for_quiet: false,
            sent,
            seen: order.seen.map_or((0, 0), |seen| (seen.begun, seen.ended)),
            replay: Replay::default(),
            different: false,
            from_log: false,
            stamped: false,
            step: None,
            said: Said::default(),
            cut: None,
        }
    }

    /// A container that an earlier gonogo started: its output comes from the beginning.
    #[allow(clippy::too_many_arguments, reason = "each is one thing that it needs")]
    pub(super) fn taken_up(
        order: &'a Order,
        host: &'a Host,
        port: &'a P,
        recorder: &'a mut Recorder,
        secrets: &'a [(String, String)],
        id: String,
        nonce: &str,
        sent: Option<ship::Sent>,
    ) -> Self {
        let nothing = Box::pin(futures::stream::empty());
        let mut follow = Self::new(order, host, port, recorder, secrets, id, nonce, nothing, sent);
        follow.output = None;
        follow.stamped = !order.job.spec.tty;
        follow
    }

    /// What is sent to it, at once or when its terminal is quiet.
    pub(super) fn with_input(mut self, input: BoxFuture<'a, io::Result<Input>>, wait_for_quiet: bool) -> Self {
        self.input = Some(input);
        self.wait_for_quiet = wait_for_quiet;
        self
    }

    /// Follows it until it has ended, over whatever happens to the engine meanwhile.
    pub(super) async fn attend(mut self, deadline: Option<Instant>, mut stop: StopSignal) -> JobOutcome {
        let mut ended = false;
        loop {
            let output = match self.output.take() {
                Some(output) => output,
                None => match self.read_again(!ended).await {
                    Ok(output) => output,
                    Err(fault) => return fault.outcome(),
                },
            };
            self.listen(output, deadline, &mut stop).await;
            let state = match self.state(deadline, &stop).await {
                Ok(state) => state,
                Err(Early::Ended(outcome)) => return outcome,
                Err(Early::Stopped(reason)) => return JobOutcome::Cancelled { reason },
                Err(Early::TimedOut) => return timed_out(self.order.job.spec.timeout.unwrap_or_default()),
            };
            match state.status {
                Some(ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::PAUSED) => {
                    tracing::info!(run = %self.order.run, job = %self.order.key(), "its output broke off; read on");
                    tokio::time::sleep(PAUSE).await;
                }
                // A log that is followed may break off before the last words. What has ended is read to its end, once.
                _ if (self.step.is_some() || self.from_log) && !ended => ended = true,
                _ if self.different => {}
                _ => return self.finish(&state).await,
            }
            if std::mem::take(&mut self.different) {
                tracing::warn!(run = %self.order.run, job = %self.order.key(), "the engine had lost some of its output");
                self.forget();
            } else {
                self.replay.again();
                self.stamped = false;
            }
        }
    }

    /// Begins anew, as if nothing had come.
    fn forget(&mut self) {
        *self.recorder = Recorder::anew(&self.order.output_dir, &self.order.output, self.secrets);
        self.marks = Marks::new(&self.nonce);
        (self.step, self.said) = (None, Said::default());
        self.replay = Replay::default();
        self.stamped = !self.order.job.spec.tty;
    }

    async fn read_again(&mut self, follow: bool) -> Result<Output, Fault> {
        self.from_log = true;
        let options =
            LogsOptionsBuilder::new().follow(follow).stdout(true).stderr(true).timestamps(self.stamped).build();
        Ok(Box::pin(self.host.client().await?.logs(&self.id, Some(options))))
    }

    /// Records what it prints until nothing more comes, and ends it when it has to be.
    async fn listen(&mut self, mut output: Output, deadline: Option<Instant>, stop: &mut StopSignal) {
        let far = Instant::now() + Duration::from_hours(8760);
        let (mut silent_at, mut act_at): (Option<Instant>, Option<Instant>) = (None, None);
        let mut acting: Option<BoxFuture<'static, ()>> = None;
        let mut open_input: Option<Input> = None;
        let mut deaf = false;
        // What was asked before, or while the engine was away, is asked now.
        stop.mark_changed();
        if self.cut.is_some() {
            act_at = Some(Instant::now());
        }
        loop {
            let step_deadline = self.step_deadline();
            let next_deadline = [deadline, step_deadline].into_iter().flatten().min();
            let running = self.cut.is_none();
            tokio::select! {
                biased;
                changed = stop.changed(), if !deaf => {
                    let wish = stop.borrow_and_update().clone();
                    // Nobody is left who could ask: control is gone, so it must not go on.
                    let wish = if changed.is_err() { Some(Stop::Now(CancelReason::ShuttingDown)) } else { wish };
                    if let Some(wish) = wish {
                        let now = matches!(wish, Stop::Now(_));
                        deaf = now;
                        self.cut = Some(Cut::Stopped(wish.reason().clone()));
                        acting = Some(self.end(if now { Way::Now } else { Way::Gracefully }));
                        act_at = Some(Instant::now() + if now { AGAIN } else { self.order.grace });
                    }
                }
                () = sleep_until(next_deadline.unwrap_or(far)), if running && next_deadline.is_some() => {
                    let of_step = step_deadline.is_some() && step_deadline == next_deadline;
                    let spec = self.step.and_then(|(step, _)| self.order.job.spec.steps.get(step as usize).map(|spec| (step, spec)));
                    (self.cut, acting) = match spec {
                        Some((step, spec)) if of_step && spec.allow_failure => {
                            (Some(Cut::Step(step)), Some(self.end(Way::Step("TERM"))))
                        }
                        Some((_, spec)) if of_step => {
                            let after = spec.timeout.unwrap_or_default();
                            (Some(Cut::TimedOut(after)), Some(self.end(Way::Gracefully)))
                        }
                        _ => {
                            let after = self.order.job.spec.timeout.unwrap_or_default();
                            (Some(Cut::TimedOut(after)), Some(self.end(Way::Gracefully)))
                        }
                    };
                    act_at = Some(Instant::now() + self.order.grace);
                }
                () = sleep_until(act_at.unwrap_or(far)), if act_at.is_some() => {
                    acting = Some(self.end(if matches!(self.cut, Some(Cut::Step(_))) { Way::Step("KILL") } else { Way::Now }));
                    act_at = Some(Instant::now() + AGAIN);
                }
                () = poll(&mut acting), if acting.is_some() => acting = None,
                sent = poll(&mut self.input), if self.input.is_some() && !self.wait_for_quiet => {
                    self.input = None;
                    match sent {
                        Ok(input) => open_input = Some(input),
                        // It ended before it had read all: its end says why.
                        Err(error) => tracing::debug!("the script did not arrive whole: {error}"),
                    }
                }
                () = sleep_until(silent_at.unwrap_or(far)), if silent_at.is_some() => {
                    silent_at = None;
                    self.recorder.idle();
                    self.port.grew(self.recorder.lines(), self.recorder.bytes());
                }
                part = output.next() => match part {
                    Some(Ok(part)) => {
                        self.take(&LogOutput::into_bytes(part)).await;
                        if self.different {
                            break;
                        }
                        if let Some(Cut::Step(step)) = self.cut && self.step.map(|(step, _)| step) != Some(step) {
                            (self.cut, act_at) = (None, None);
                        }
                        silent_at = Some(Instant::now() + SILENCE);
                    }
                    Some(Err(error)) => {
                        tracing::debug!("the output of {} broke off: {error}", self.id);
                        break;
                    }
                    None => break,
                },
            }
        }
        drop(open_input);
    }

    fn step_deadline(&self) -> Option<Instant> {
        let (step, began) = self.step?;
        let timeout = self.order.job.spec.steps.get(step as usize)?.timeout?;
        let gone = Millis::between(began, Timestamp::now());
        Some(Instant::now() + Millis(timeout.0.saturating_sub(gone.0)).duration())
    }

    /// Records a part of the output, and reports the marks in it.
    async fn take(&mut self, mut part: &[u8]) {
        let mut at = Timestamp::now();
        if self.stamped
            && let Some((time, rest)) = stamp(part)
        {
            (at, part) = (time, rest);
        }
        let Ok(new) = self.replay.take(part) else {
            self.different = true;
            return;
        };
        let mut reports = Vec::new();
        let mut marks = std::mem::replace(&mut self.marks, Marks::new(""));
        marks.feed(new, |part| match part {
            Part::Bytes(bytes) => self.recorder.record_at(bytes, at),
            Part::Mark(mark) => reports.extend(self.note(mark, at)),
        });
        self.marks = marks;
        for report in reports {
            self.port.report(report).await;
        }
        self.port.grew(self.recorder.lines(), self.recorder.bytes());
    }

    fn note(&mut self, mark: Mark, at: Timestamp) -> Option<JobReport> {
        match mark {
            Mark::Quiet => {
                self.wait_for_quiet = false;
                None
            }
            Mark::OutOfMemory => {
                self.said.out_of_memory = true;
                None
            }
            Mark::NoDirectory => {
                self.said.no_directory = true;
                None
            }
            Mark::Began { step } => {
                self.recorder.step_began(step);
                self.step = Some((step, at));
                let first_line = self.recorder.lines();
                let is_new = step >= self.seen.0;
                self.seen.0 = self.seen.0.max(step + 1);
                is_new.then_some(JobReport::StepStarted { step, pid: 0, started: 0, first_line })
            }
            Mark::Ended { step, exit } => {
                let began = self.step.take().map_or(at, |(_, began)| began);
                self.said.last = Some((step, exit));
                let took = Millis::between(began, at);
                let is_new = step >= self.seen.1;
                self.seen.1 = self.seen.1.max(step + 1);
                is_new.then_some(JobReport::StepFinished { step, exit, took })
            }
        }
    }

    /// What the engine says of it; waits for an engine that is away.
    async fn state(&mut self, deadline: Option<Instant>, stop: &StopSignal) -> Result<ContainerState, Early> {
        let (host, id) = (self.host, self.id.clone());
        let question = || async {
            let docker = host.client().await?;
            let found = docker.inspect_container(&id, None).await;
            match found {
                Ok(found) => Ok(found.state.unwrap_or_default()),
                Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
                    Err(Fault::new(EngineFault::Interrupted, "its container is gone", "somebody removed it"))
                }
                Err(error) => Err(Fault::of("its container can't be asked about", &error)),
            }
        };
        // Whoever has asked for its end doesn't wait for an engine that is away: it is ended when the engine is back.
        let patience = if self.cut.is_some() { AGAIN } else { reach::TO_GO_ON };
        // It has been asked to end, and its time may be up: what is wanted now is how it ended.
        let deadline = deadline.filter(|_| self.cut.is_none());
        let quiet = if self.cut.is_some() { reach::unstoppable() } else { stop.clone() };
        reach::ask(question, patience, deadline, &quiet, || {}).await
    }

    /// It has ended: brings back what it changed, and says how it ended.
    async fn finish(&mut self, state: &ContainerState) -> JobOutcome {
        let mut marks = std::mem::replace(&mut self.marks, Marks::new(""));
        marks.finish(|part| {
            if let Part::Bytes(bytes) = part {
                self.recorder.record(bytes);
            }
        });
        if let Some(sent) = &self.sent {
            let skip: Vec<String> = self.order.job.spec.cache.iter().map(|cache| cache.path.clone()).collect();
            let from = body::directory(self.order).to_string_lossy().into_owned();
            let back = back::bring_back(self.host, &self.id, &from, &self.order.workspace, sent, &skip);
            match back.await {
                Ok(brought) => {
                    for refused in brought.refused {
                        self.recorder.record(format!("not brought back: {refused}\n").as_bytes());
                    }
                }
                Err(fault) => return fault.outcome(),
            }
        }
        match self.cut.take() {
            Some(Cut::Stopped(reason)) => return JobOutcome::Cancelled { reason },
            Some(Cut::TimedOut(after)) => return timed_out(after),
            Some(Cut::Step(_)) | None => {}
        }
        let said = Said { open: self.step.is_some(), ..self.said };
        outcome::of(&self.order.job.spec, &body::directory(self.order), said, state)
    }

    fn end(&self, way: Way) -> BoxFuture<'static, ()> {
        let docker = self.host.connected();
        let id = self.id.clone();
        Box::pin(async move {
            if let Some(docker) = docker {
                // What hangs is tried again.
                let _ = tokio::time::timeout(AGAIN, ending::end(&docker, &id, way)).await;
            }
        })
    }
}

/// Waits for what is under way.
async fn poll<T>(future: &mut Option<BoxFuture<'_, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

fn timed_out(after: Millis) -> JobOutcome {
    JobOutcome::Failed { failure: Failure::TimedOut { after } }
}

/// The time at the beginning of a part of a log, and the rest.
fn stamp(part: &[u8]) -> Option<(Timestamp, &[u8])> {
    let end = part.iter().take(40).position(|byte| *byte == b' ')?;
    let time = std::str::from_utf8(&part[..end]).ok()?.parse().ok()?;
    Some((time, &part[end + 1..]))
}
