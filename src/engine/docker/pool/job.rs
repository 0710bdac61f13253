//! A job's steps in a member: the same script as in a container of its own, run there with `exec`.
//!
//! The engine does not keep what an exec prints. So an attempt that was cut off is not taken up again: it is lost, the next
//! gonogo ends its processes and has the member made anew.

use std::{pin::Pin, time::Duration};

use bollard::{
    container::LogOutput,
    errors::Error,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
    models::ContainerState,
};
use futures::{Stream, StreamExt as _};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    time::{Instant, sleep_until, timeout},
};

use crate::{
    domain::{
        container::EngineFault,
        outcome::{CancelReason, Failure, JobOutcome},
        time::{Millis, Timestamp},
    },
    engine::{
        environment,
        port::{JobPort, JobReport, Order, Stop, StopSignal},
        recorder::Recorder,
        run::not_run,
    },
    protocol::environment::LEASE,
};

use super::{
    super::{
        attempt::{Early, stopped},
        body::{self, Who},
        fault::Fault,
        host::Hosts,
        marks::{Mark, Marks, Part},
        outcome::{self, Said},
        reach,
        script::Script,
    },
    lease::{Lease, NoMember, Wanted},
};

/// Output that may still turn out to be part of a secret is held back no longer than this once nothing comes.
const SILENCE: Duration = Duration::from_millis(80);

/// Between two tries to end what does not end.
const AGAIN: Duration = Duration::from_secs(5);

/// Members that are not usable after all are replaced so often.
const TRIES: u32 = 3;

/// Longer than anything lasts.
const FOREVER: Duration = Duration::from_hours(24 * 365);

/// Runs the steps of an order in a member of its environment; `None` where it needs a container of its own: the environment is
/// kept in another form than the order has it, or its engine does not see this machine's files.
pub(in crate::engine) async fn run(
    order: &Order,
    hosts: &Hosts,
    port: &impl JobPort,
    recorder: &mut Recorder,
    secrets: &[(String, String)],
    deadline: Option<Instant>,
    mut stop: StopSignal,
) -> Result<Option<JobOutcome>, Early> {
    let (Some(pools), Some(spec)) = (&order.pools, &order.job.environment) else { return Ok(None) };
    let host = hosts.pick(&order.job.spec.container.runs_on)?;
    if !host.shares_files() {
        return Ok(None);
    }
    reach::reach(&host, recorder, deadline, &stop).await?;
    let mut wanted = Wanted {
        project: order.project.clone(),
        spec: (**spec).clone(),
        holder: format!("run {}/{}", order.run, order.key()),
        job: true,
        only_up: false,
        broken: None,
    };
    for _ in 0..TRIES {
        let assigned = tokio::select! {
            assigned = pools.assign(wanted.clone()) => Some(assigned),
            () = asked(&mut stop) => None,
            () = sleep_until(deadline.unwrap_or_else(|| Instant::now() + FOREVER)) => return Err(Early::TimedOut),
        };
        let Some(assigned) = assigned else { return Err(stopped(&stop)) };
        let mut lease = match assigned {
            Ok(lease) => lease,
            Err(NoMember::Other) => return Ok(None),
            Err(NoMember::Fault(fault)) => return Err(fault.into()),
            Err(NoMember::Ending) => return Err(stopped(&stop)),
            Err(why @ (NoMember::Failed(_) | NoMember::NotUp)) => {
                let hint = format!("what was printed: gonogo env logs {}", spec.name);
                return Ok(Some(not_run(why.to_string(), Some(hint))));
            }
        };
        let mut steps = Steps::new(order, port, recorder);
        match steps.begin(&lease, secrets).await {
            Ok(open) => return Ok(Some(steps.follow(&mut lease, open, deadline, stop).await)),
            // Somebody has removed or stopped it since it was last looked at.
            Err(fault) if fault.fault == EngineFault::Refused => {
                lease.soil();
                wanted.broken = Some(lease.assigned.id.clone());
                tracing::info!(run = %order.run, job = %order.key(), "{} is not usable: {fault}", lease.assigned.name);
            }
            Err(fault) => return Err(fault.into()),
        }
    }
    let what = format!("no member of `{}` is usable", spec.name);
    Err(Fault::new(EngineFault::Refused, what, format!("{TRIES} were tried")).into())
}

/// Waits until it has to stop.
async fn asked(stop: &mut StopSignal) {
    let _ = stop.wait_for(Option::is_some).await;
}

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;
type Input = Pin<Box<dyn AsyncWrite + Send>>;

/// A script that runs.
struct Open {
    exec: String,
    output: Output,
    input: Input,
    text: String,
    nonce: String,
}

/// The steps of an attempt, and how far they have come.
struct Steps<'a, P> {
    order: &'a Order,
    port: &'a P,
    recorder: &'a mut Recorder,
    step: Option<(u32, Timestamp)>,
    said: Said,
    cut: Option<Cut>,
}

/// Why the script, or a step of it, was ended before its time.
enum Cut {
    Stopped(CancelReason),
    TimedOut(Millis),
    /// The step's time was up, and the job goes on without it.
    Step,
}

impl<'a, P: JobPort> Steps<'a, P> {
    fn new(order: &'a Order, port: &'a P, recorder: &'a mut Recorder) -> Self {
        Self { order, port, recorder, step: None, said: Said::default(), cut: None }
    }

    /// Starts a shell in the member; it is given its script when it is followed.
    async fn begin(&self, lease: &Lease, secrets: &[(String, String)]) -> Result<Open, Fault> {
        let order = self.order;
        let docker = lease.host.client().await?;
        let failed = |error: Error| {
            let mut fault = Fault::of(format!("the steps can't be run in {}", lease.assigned.name), &error);
            if matches!(error, Error::DockerResponseServerError { status_code: 404 | 409, .. }) {
                fault.fault = EngineFault::Refused;
            }
            fault
        };
        let nonce = blake3::hash(lease.assigned.lease.as_bytes()).to_hex().get(..32).unwrap_or_default().to_owned();
        let container = &order.job.spec.container;
        let who = Who::of(container, "", &order.workspace, true);
        let mut variables = environment::own(order);
        variables.extend(order.job.spec.env.clone());
        // Nothing that is taken up again needs them: they go the same way as everything else, by the script alone.
        variables.extend(secrets.iter().cloned());
        let text = Script {
            nonce: &nonce,
            directory: &lease.assigned.directory,
            variables: &variables,
            secrets: &[],
            before: "",
            steps: &order.job.spec.steps,
            give_back: who.give_back,
            apart: false,
        }
        .text();
        let tty = order.job.spec.tty;
        let quiet = format!(
            "stty -echo -icanon 2>/dev/null || exit 97; printf '\\036gonogo:{nonce}:quiet\\036'; exec sh /dev/stdin"
        );
        let cmd = if tty { vec!["sh".to_owned(), "-c".to_owned(), quiet] } else { vec!["sh".to_owned()] };
        let exec = CreateExecOptions {
            cmd: Some(cmd),
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(tty),
            env: Some(vec![format!("{LEASE}={}", lease.assigned.lease), format!("GONOGO_JOB_ID={}", order.marker)]),
            ..CreateExecOptions::default()
        };
        let exec = docker.create_exec(&lease.assigned.id, exec).await.map_err(failed)?.id;
        let options = StartExecOptions { detach: false, tty, output_capacity: Some(64 << 10) };
        let started = docker.start_exec(&exec, Some(options)).await.map_err(failed)?;
        let StartExecResults::Attached { output, input } = started else {
            return Err(Fault::new(EngineFault::Interrupted, "the steps can't be heard", "the engine gave no output"));
        };
        Ok(Open { exec, output, input, text, nonce })
    }

    /// Hears the script until it has ended, and ends it when it has to be.
    async fn follow(
        &mut self,
        lease: &mut Lease,
        open: Open,
        deadline: Option<Instant>,
        mut stop: StopSignal,
    ) -> JobOutcome {
        let Open { exec, mut output, mut input, text, nonce } = open;
        let tty = self.order.job.spec.tty;
        let mut marks = Marks::new(&nonce);
        let far = Instant::now() + FOREVER;
        let (mut silent_at, mut act_at): (Option<Instant>, Option<Instant>) = (None, None);
        let mut signal = "TERM";
        let (mut to_send, mut deaf, mut broke) = (Some(text), false, None);
        stop.mark_changed();
        if !tty && let Some(text) = to_send.take() {
            send(&mut input, &text, tty).await;
        }
        loop {
            let of_step = self.step_deadline();
            let next = [deadline, of_step].into_iter().flatten().min();
            tokio::select! {
                biased;
                changed = stop.changed(), if !deaf => {
                    let wish = stop.borrow_and_update().clone();
                    // Nobody is left who could ask: control is gone, so it must not go on.
                    let wish = if changed.is_err() { Some(Stop::Now(CancelReason::ShuttingDown)) } else { wish };
                    if let Some(wish) = wish {
                        deaf = matches!(wish, Stop::Now(_));
                        self.cut = Some(Cut::Stopped(wish.reason().clone()));
                        signal = if deaf { "KILL" } else { "TERM" };
                        act_at = Some(Instant::now());
                    }
                }
                () = sleep_until(next.unwrap_or(far)), if self.cut.is_none() && next.is_some() => {
                    self.cut = Some(self.out_of_time(of_step.is_some() && of_step == next));
                    (signal, act_at) = ("TERM", Some(Instant::now()));
                }
                () = sleep_until(act_at.unwrap_or(far)), if act_at.is_some() => {
                    self.end(lease, signal).await;
                    act_at = Some(Instant::now() + if signal == "TERM" { self.order.grace } else { AGAIN });
                    signal = "KILL";
                }
                () = sleep_until(silent_at.unwrap_or(far)), if silent_at.is_some() => {
                    silent_at = None;
                    self.recorder.idle();
                    self.port.grew(self.recorder.lines(), self.recorder.bytes());
                }
                part = output.next() => match part {
                    Some(Ok(part)) => {
                        let (mut reports, mut quiet) = (Vec::new(), false);
                        marks.feed(&part.into_bytes(), |part| match part {
                            Part::Bytes(bytes) => self.recorder.record(bytes),
                            Part::Mark(Mark::Quiet) => quiet = true,
                            Part::Mark(mark) => reports.extend(self.mark(mark)),
                        });
                        for report in reports {
                            self.port.report(report).await;
                        }
                        if quiet && let Some(text) = to_send.take() {
                            send(&mut input, &text, tty).await;
                        }
                        if matches!(self.cut, Some(Cut::Step)) && self.step.is_none() {
                            // The step has ended, and the job goes on.
                            (self.cut, act_at) = (None, None);
                        }
                        silent_at = Some(Instant::now() + SILENCE);
                        self.port.grew(self.recorder.lines(), self.recorder.bytes());
                    }
                    Some(Err(error)) => {
                        broke = Some(error);
                        break;
                    }
                    None => break,
                },
            }
        }
        marks.finish(|part| {
            if let Part::Bytes(bytes) = part {
                self.recorder.record(bytes);
            }
        });
        let code = match exit(lease, &exec).await {
            Some(code) => code,
            None => {
                // It still runs, or nothing is known of it: what it prints is no longer heard.
                lease.soil();
                let why = broke.map_or_else(|| "its output ended before it did".to_owned(), |error| error.to_string());
                if self.cut.is_none() {
                    return Fault::new(EngineFault::Interrupted, "the line to its steps was cut", why).outcome();
                }
                137
            }
        };
        self.outcome(lease, code)
    }

    fn step_deadline(&self) -> Option<Instant> {
        let (step, began) = self.step?;
        let allowed = self.order.job.spec.steps.get(step as usize)?.timeout?;
        let left = allowed.duration().saturating_sub(Millis::between(began, Timestamp::now()).duration());
        Some(Instant::now() + left)
    }

    fn out_of_time(&self, of_step: bool) -> Cut {
        let step = self.step.filter(|_| of_step).map(|(step, _)| step);
        let spec = step.and_then(|step| self.order.job.spec.steps.get(step as usize));
        match spec {
            Some(spec) if spec.allow_failure => Cut::Step,
            Some(spec) => Cut::TimedOut(spec.timeout.unwrap_or_default()),
            None => Cut::TimedOut(self.order.job.spec.timeout.unwrap_or_default()),
        }
    }

    /// Signals everything of this attempt. The script takes note of TERM, and ends after its step.
    async fn end(&self, lease: &Lease, signal: &str) {
        // What hangs is tried again.
        if let Ok(Err(fault)) = timeout(AGAIN, lease.signal(signal)).await {
            tracing::debug!(run = %self.order.run, job = %self.order.key(), "its steps could not be signalled: {fault}");
        }
    }

    fn mark(&mut self, mark: Mark) -> Option<JobReport> {
        let at = Timestamp::now();
        match mark {
            Mark::Quiet => None,
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
                Some(JobReport::StepStarted { step, pid: 0, started: 0, first_line: self.recorder.lines() })
            }
            Mark::Ended { step, exit } => {
                let began = self.step.take().map_or(at, |(_, began)| began);
                self.said.last = Some((step, exit));
                Some(JobReport::StepFinished { step, exit, took: Millis::between(began, at) })
            }
        }
    }

    fn outcome(&mut self, lease: &mut Lease, code: i64) -> JobOutcome {
        match self.cut.take() {
            Some(Cut::Stopped(reason)) => return JobOutcome::Cancelled { reason },
            Some(Cut::TimedOut(after)) => return JobOutcome::Failed { failure: Failure::TimedOut { after } },
            Some(Cut::Step) | None => {}
        }
        if self.said.last.is_none() && matches!(code, 126 | 127) {
            let hint = "take an image with a shell (the -slim or -alpine variant, say)".to_owned();
            return not_run("its image has no `sh`, which runs the steps".into(), Some(hint));
        }
        let said = Said { open: self.step.is_some(), ..self.said };
        let state = ContainerState { exit_code: Some(code), ..ContainerState::default() };
        let ended = outcome::of(&self.order.job.spec, &body::directory(self.order), said, &state);
        if let JobOutcome::Failed { failure: Failure::OutOfMemory { .. } | Failure::Engine { .. } } = ended {
            // What was ended by force may have left anything behind.
            lease.soil();
        }
        ended
    }
}

async fn send(input: &mut Input, text: &str, tty: bool) {
    // Where it ends before it has read all, its end says why. A terminal that is hung up ends what runs on it: it stays open.
    if input.write_all(text.as_bytes()).await.is_ok() && input.flush().await.is_ok() && !tty {
        let _ = input.shutdown().await;
    }
}

/// How the script has ended; `None` while it runs, or where nothing is known.
async fn exit(lease: &Lease, exec: &str) -> Option<i64> {
    let docker = lease.host.client().await.ok()?;
    let end = Instant::now() + Duration::from_secs(2);
    loop {
        let found = timeout(AGAIN, docker.inspect_exec(exec)).await.ok()?.ok()?;
        match found.exit_code.filter(|_| found.running != Some(true)) {
            Some(code) => return Some(code),
            None if Instant::now() > end => return None,
            None => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}
