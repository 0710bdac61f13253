//! The local engine: a job's steps as processes on this machine, each in a process group of its own.
//!
//! One task runs one attempt from its first step to its last leftover process. What it prints goes through [`Recorder`]
//! to the output files; what it does is reported through the port.

pub mod capture;
pub mod leftover;
mod process;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use nix::sys::signal::Signal;
use tokio::{
    io::AsyncReadExt as _,
    time::{Instant, sleep_until},
};

use crate::domain::{
    definition::StepSpec,
    outcome::{Failure, JobOutcome},
    time::Millis,
};

use self::process::{Process, Spawn};
use super::{
    environment,
    port::{JobPort, JobReport, Order, Stop, StopSignal},
    recorder::Recorder,
    run::not_run,
};

/// Output that may still turn out to be part of a secret is held back no longer than this once the process falls silent.
const SILENCE: Duration = Duration::from_millis(80);

/// Whoever looks is told at most this often that there is more: as often as a screen can show it.
const TELL: Duration = Duration::from_millis(16);

/// Runs the steps of an attempt to their end.
pub(super) async fn attempt(
    order: &Order,
    port: &impl JobPort,
    recorder: &mut Recorder,
    secrets: &[(String, String)],
    deadline: Option<Instant>,
    mut stop: StopSignal,
) -> JobOutcome {
    let mut attempt = Attempt { order, port, recorder, deadline, groups: Vec::new() };
    attempt.steps(&mut stop, secrets).await
}

/// An attempt under way.
struct Attempt<'a, P> {
    order: &'a Order,
    port: &'a P,
    recorder: &'a mut Recorder,
    deadline: Option<Instant>,
    /// Process groups of the steps so far.
    groups: Vec<i32>,
}

/// Why a step was ended before its time.
enum Cut {
    Stopped(Stop),
    TimedOut(Millis),
}

impl<P: JobPort> Attempt<'_, P> {
    async fn steps(&mut self, stop: &mut StopSignal, secrets: &[(String, String)]) -> JobOutcome {
        let mut pipe = match process::Pipe::new() {
            Ok(pipe) => pipe,
            Err(error) => return not_run(format!("no pipe for its output: {error}"), None),
        };
        let steps = &self.order.job.spec.steps;
        for (index, step) in steps.iter().enumerate() {
            if let Some(stop) = stop.borrow().as_ref() {
                return JobOutcome::Cancelled { reason: stop.reason().clone() };
            }
            match self.step(index as u32, step, &mut pipe, stop, secrets).await {
                None => {}
                Some(JobOutcome::Failed { .. }) if step.allow_failure => {}
                Some(outcome) => {
                    self.drain(pipe).await;
                    return outcome;
                }
            }
        }
        self.drain(pipe).await;
        JobOutcome::Passed
    }

    /// Runs one step; `None` if it ended well.
    async fn step(
        &mut self,
        index: u32,
        step: &StepSpec,
        pipe: &mut process::Pipe,
        stop: &mut StopSignal,
        secrets: &[(String, String)],
    ) -> Option<JobOutcome> {
        let mut variables: BTreeMap<String, String> = environment::of(self.order, step);
        variables.extend(secrets.iter().cloned());
        let directory: PathBuf = match &step.dir {
            Some(dir) => self.order.workspace.join(dir),
            None => self.order.workspace.clone(),
        };
        let spawn =
            Spawn { script: &step.run, directory: &directory, variables: &variables, tty: self.order.job.spec.tty };
        let began = Instant::now();
        let mut process = match Process::spawn(&spawn, pipe) {
            Ok(process) => process,
            Err(error) => {
                let (why, hint) = error.words(&directory);
                return Some(not_run(why, hint));
            }
        };
        self.groups.push(process.group());
        self.recorder.step_began(index);
        self.port
            .report(JobReport::StepStarted {
                step: index,
                pid: process.id(),
                started: leftover::start_time(process.id()).unwrap_or(0),
                first_line: self.recorder.lines(),
            })
            .await;
        let step_deadline = step.timeout.map(|timeout| began + timeout.duration());
        let (status, cut) = self.attend(&mut process, pipe, stop, step_deadline, step.timeout).await;
        self.record_rest(&mut process, pipe).await;
        // Ids are used again: a group that is gone is forgotten.
        self.groups.retain(|group| leftover::is_alive(*group));
        let exit = process::exit_number(&status);
        self.port.report(JobReport::StepFinished { step: index, exit, took: began.elapsed().into() }).await;
        match cut {
            Some(Cut::Stopped(stop)) => Some(JobOutcome::Cancelled { reason: stop.reason().clone() }),
            Some(Cut::TimedOut(after)) => Some(JobOutcome::Failed { failure: Failure::TimedOut { after } }),
            None => process::failure(&status).map(|failure| JobOutcome::Failed { failure }),
        }
    }

    /// Reads what the process prints until it has ended, and ends it when it has to be.
    async fn attend(
        &mut self,
        process: &mut Process,
        pipe: &mut process::Pipe,
        stop: &mut StopSignal,
        step_deadline: Option<Instant>,
        step_timeout: Option<Millis>,
    ) -> (std::io::Result<std::process::ExitStatus>, Option<Cut>) {
        let mut buffer = vec![0; 256 << 10];
        let mut cut: Option<Cut> = None;
        let mut kill_at: Option<Instant> = None;
        let mut silent_at: Option<Instant> = None;
        let (mut told, mut tell_at) = (Instant::now(), None);
        let mut open = true;
        let group = process.group();
        let (child, mut printer) = process.parts(pipe);
        let far = Instant::now() + Duration::from_hours(8760);
        let deadline = [self.deadline, step_deadline].into_iter().flatten().min();
        loop {
            tokio::select! {
                biased;
                changed = stop.changed(), if changed_matters(cut.as_ref()) => {
                    let wish = stop.borrow_and_update().clone();
                    match (changed, wish) {
                        (Ok(()), Some(wish)) => {
                            let now = matches!(wish, Stop::Now(_));
                            process::signal(group, if now { Signal::SIGKILL } else { Signal::SIGTERM });
                            kill_at = Some(Instant::now() + if now { Duration::ZERO } else { self.order.grace });
                            cut = Some(Cut::Stopped(wish));
                        }
                        (Ok(()), None) => {}
                        // Nobody is left who could stop it: control is gone, so it must not go on.
                        (Err(_), _) => {
                            process::signal(group, Signal::SIGKILL);
                            cut = Some(Cut::Stopped(Stop::Now(crate::domain::outcome::CancelReason::ShuttingDown)));
                        }
                    }
                }
                status = child.wait() => return (status, cut),
                () = sleep_until(deadline.unwrap_or(far)), if deadline.is_some() && cut.is_none() => {
                    let after = match (step_deadline, step_timeout) {
                        (Some(at), Some(after)) if Some(at) == deadline => after,
                        _ => self.order.job.spec.timeout.unwrap_or_default(),
                    };
                    process::signal(group, Signal::SIGTERM);
                    kill_at = Some(Instant::now() + self.order.grace);
                    cut = Some(Cut::TimedOut(after));
                }
                () = sleep_until(kill_at.unwrap_or(far)), if kill_at.is_some() => {
                    process::signal(group, Signal::SIGKILL);
                    kill_at = Some(far);
                }
                () = sleep_until(silent_at.unwrap_or(far)), if silent_at.is_some() => {
                    silent_at = None;
                    self.recorder.idle();
                    self.port.grew(self.recorder.lines(), self.recorder.bytes());
                }
                () = sleep_until(tell_at.unwrap_or(far)), if tell_at.is_some() => {
                    (told, tell_at) = (Instant::now(), None);
                    self.port.grew(self.recorder.lines(), self.recorder.bytes());
                }
                read = printer.read(&mut buffer), if open => match read {
                    Ok(0) | Err(_) => open = false,
                    Ok(count) => {
                        self.recorder.record(buffer.get(..count).unwrap_or_default());
                        let now = Instant::now();
                        silent_at = Some(now + SILENCE);
                        if now >= told + TELL {
                            (told, tell_at) = (now, None);
                            self.port.grew(self.recorder.lines(), self.recorder.bytes());
                        } else {
                            tell_at = tell_at.or(Some(told + TELL));
                        }
                        // A flood must not keep those waiting who were woken on this thread.
                        tokio::task::yield_now().await;
                    }
                },
            }
        }
    }

    /// Records what a process that has ended had printed before.
    async fn record_rest(&mut self, process: &mut Process, pipe: &mut process::Pipe) {
        let mut buffer = vec![0; 64 << 10];
        while let Some(count) = process.read_now(pipe, &mut buffer).await {
            self.recorder.record(buffer.get(..count).unwrap_or_default());
        }
        self.port.grew(self.recorder.lines(), self.recorder.bytes());
    }

    /// Reads the pipe to its end, once no process of ours holds it open any more.
    async fn drain(&mut self, pipe: process::Pipe) {
        let groups = std::mem::take(&mut self.groups);
        leftover::end_groups(&groups, self.order.grace.min(Duration::from_secs(2))).await;
        leftover::end_marked_orphans(&self.order.marker, &groups).await;
        let mut rest = pipe.close();
        let mut buffer = vec![0; 64 << 10];
        // Whatever still holds the pipe is not ours to wait for.
        let end = Instant::now() + Duration::from_secs(1);
        while let Ok(Ok(count)) = tokio::time::timeout_at(end, rest.read(&mut buffer)).await {
            if count == 0 {
                break;
            }
            self.recorder.record(buffer.get(..count).unwrap_or_default());
        }
    }
}

fn changed_matters(cut: Option<&Cut>) -> bool {
    !matches!(cut, Some(Cut::Stopped(Stop::Now(_))))
}
