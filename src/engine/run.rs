//! An attempt of a job from its first look into the cache to its diagnosis, on whichever engine.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::{
    domain::{
        definition::EngineKind,
        outcome::{Failure, JobOutcome},
        time::{Millis, Timestamp},
    },
    redact::Secrets,
    store::output::Reader,
};

use super::{
    artifact,
    cache::{self, Entry},
    docker::{self, host::Hosts},
    environment, local,
    port::{Captured, Done, Ended, JobPort, Order, StopSignal},
    recorder::Recorder,
    verdict,
};

/// Runs an attempt to its end.
pub async fn run(order: &Order, hosts: &Hosts, port: &impl JobPort, stop: StopSignal) -> Done {
    // What is taken up again began earlier.
    let earlier = order.seen.map_or(Millis(0), |seen| Millis::between(seen.since, Timestamp::now())).duration();
    let began = Instant::now().checked_sub(earlier).unwrap_or_else(Instant::now);
    let since = SystemTime::now();
    let mut key = None;
    // What is taken up again was not in the cache when it began.
    if let Some(dir) = &order.cache_dir
        && !order.job.spec.inputs.is_empty()
        && order.seen.is_none()
    {
        match cache::look_up(dir, order, hosts, &stop).await {
            Ok((found, Some(hit))) => {
                if let Some(dir) = &order.artifact_dir
                    && let Err(error) = artifact::keep(order, dir).await
                {
                    tracing::warn!(run = %order.run, job = %order.key(), "artifacts not kept: {error}");
                }
                return Done::Cached { key: found, from: hit.run, saved: hit.took };
            }
            Ok((found, None)) => key = Some(found),
            Err(error) => {
                if let Some(stop) = stop.borrow().as_ref() {
                    return ended(JobOutcome::Cancelled { reason: stop.reason().clone() }, began);
                }
                let failure = Failure::NotRun { why: error.to_string(), hint: error.hint() };
                return ended(JobOutcome::Failed { failure }, began);
            }
        }
    }
    let secrets = match environment::secrets(&order.job.spec.secrets, &order.surroundings) {
        Ok(secrets) => secrets,
        // Its container has kept them.
        Err(_) if order.seen.is_some() => Vec::new(),
        Err(failure) => return ended(JobOutcome::Failed { failure }, began),
    };
    // A repair's output holds several runs, one after the other: only what comes now is this one's.
    let before = if order.output.repair {
        Reader::open(&order.output_dir, &order.output).totals().map_or((0, 0), |totals| (totals.bytes, totals.lines))
    } else {
        (0, 0)
    };
    let deadline = order.job.spec.timeout.map(|timeout| began + timeout.duration());
    let (outcome, mut recorder, secrets) = match order.job.spec.engine {
        EngineKind::Docker => Box::pin(docker::attempt(order, hosts, port, secrets, deadline, stop)).await,
        EngineKind::Local | EngineKind::Github => {
            let mut recorder = Recorder::new(&order.output_dir, &order.output, &secrets);
            let outcome = local::attempt(order, port, &mut recorder, &secrets, deadline, stop).await;
            (outcome, recorder, secrets)
        }
    };
    let outcome = unless_lost(recorder.finish(), outcome);
    port.grew(recorder.lines(), recorder.bytes());
    let mut ended = Ended { lines: recorder.lines(), ..of(outcome, began) };
    match &ended.outcome {
        JobOutcome::Failed { failure } => {
            // Where the clock went back meanwhile, reports are dated by the new time.
            let since = SystemTime::now().checked_sub(began.elapsed()).map_or(since, |seen_now| seen_now.min(since));
            ended.diagnosis =
                Some(Box::new(verdict::diagnosis(order, failure, since, before, Secrets::new(&secrets)).await));
        }
        JobOutcome::Passed => {
            if let Some(dir) = &order.artifact_dir {
                ended.artifacts = artifact::keep(order, dir).await.unwrap_or_else(|error| {
                    tracing::warn!(run = %order.run, job = %order.key(), "artifacts not kept: {error}");
                    Vec::new()
                });
            }
            if let (Some(dir), Some(key)) = (&order.cache_dir, key) {
                let entry = Entry { run: Some(order.run), took: ended.took };
                if let Err(error) = cache::remember(dir, &key, &entry, order).await {
                    tracing::warn!(run = %order.run, job = %order.key(), "outcome not remembered: {error}");
                }
            }
        }
        JobOutcome::Cancelled { .. } | JobOutcome::Lost => {}
    }
    Done::Ended(Box::new(ended))
}

/// Runs one command in the workspace and environment of an order, for at most `limit`.
pub async fn capture(
    order: &Order,
    hosts: &Hosts,
    command: &str,
    limit: Duration,
    stop: StopSignal,
) -> std::io::Result<Captured> {
    match order.job.spec.engine {
        EngineKind::Docker => Box::pin(docker::capture(order, hosts, command, limit, stop)).await,
        EngineKind::Local | EngineKind::Github => local::capture::capture(order, command, limit, stop).await,
    }
}

fn ended(outcome: JobOutcome, began: Instant) -> Done {
    Done::Ended(Box::new(of(outcome, began)))
}

fn of(outcome: JobOutcome, began: Instant) -> Ended {
    Ended { outcome, took: began.elapsed().into(), diagnosis: None, lines: 0, artifacts: Vec::new() }
}

/// A job whose output could not be kept has not been shown to pass.
fn unless_lost(lost: Option<std::io::Error>, outcome: JobOutcome) -> JobOutcome {
    match (lost, outcome) {
        (Some(error), JobOutcome::Passed) => not_run(
            format!("its output could not be recorded: {error}"),
            Some("free some disk space (`gonogo doctor` shows where it goes), then run it again".into()),
        ),
        (_, outcome) => outcome,
    }
}

pub(super) fn not_run(why: String, hint: Option<String>) -> JobOutcome {
    JobOutcome::Failed { failure: Failure::NotRun { why, hint } }
}
