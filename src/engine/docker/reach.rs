//! Waiting for an engine that does not answer.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use crate::{
    domain::container::EngineFault,
    engine::{port::StopSignal, recorder::Recorder},
};

use super::{
    attempt::{Early, stopped},
    fault::Fault,
    host::Host,
};

/// An engine has so long to come back before a job is begun.
const TO_BEGIN: Duration = Duration::from_secs(20);

/// An engine has so long to come back while a job of it is under way: it may be started anew, or the line to it be cut.
pub(super) const TO_GO_ON: Duration = Duration::from_mins(10);

/// One question may take so long.
const QUESTION: Duration = Duration::from_secs(10);

/// Waits until the engine answers; what is waited for is said in the output.
pub(super) async fn reach(
    host: &Host,
    recorder: &mut Recorder,
    deadline: Option<Instant>,
    stop: &StopSignal,
) -> Result<(), Early> {
    let said = format!("the engine {} does not answer; waiting for it\n", host.name());
    let mut say = Some(recorder);
    let asked = || async {
        let docker = host.client().await?;
        docker.ping().await.map_err(|error| Fault::of(format!("the engine {} can't be reached", host.name()), &error))
    };
    let waiting = || {
        if let Some(recorder) = say.take() {
            recorder.record(said.as_bytes());
        }
    };
    ask(asked, TO_BEGIN, deadline, stop, waiting).await.map(|_| ())
}

/// Asks until the engine answers, anything but that it is away: for at most `patience`.
pub(super) async fn ask<T, F: Future<Output = Result<T, Fault>>>(
    question: impl Fn() -> F,
    patience: Duration,
    deadline: Option<Instant>,
    stop: &StopSignal,
    mut waiting: impl FnMut(),
) -> Result<T, Early> {
    let end = Instant::now() + patience;
    let mut wait = Duration::from_millis(100);
    let mut stop = stop.clone();
    loop {
        let answer = timeout(QUESTION, question()).await.unwrap_or_else(|_| {
            Err(Fault::new(EngineFault::Away, "the engine can't be reached", "it does not answer in 10 seconds"))
        });
        match answer {
            Err(fault) if fault.fault == EngineFault::Away && Instant::now() < end => waiting(),
            answer => return answer.map_err(Early::from),
        }
        if stop.borrow_and_update().is_some() {
            return Err(stopped(&stop));
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(Early::TimedOut);
        }
        tokio::select! {
            () = sleep(wait) => {}
            changed = stop.changed() => if changed.is_err() { return Err(stopped(&stop)) },
        }
        wait = (wait * 2).min(Duration::from_secs(2));
    }
}

/// A signal that is never given.
pub(super) fn unstoppable() -> StopSignal {
    static NEVER: std::sync::LazyLock<tokio::sync::watch::Sender<Option<crate::engine::port::Stop>>> =
        std::sync::LazyLock::new(|| tokio::sync::watch::channel(None).0);
    NEVER.subscribe()
}
