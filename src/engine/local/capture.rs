//! One command whose output is wanted rather than shown: what fixers and compilers print for machines.

use std::{process::Stdio, time::Duration};

use nix::sys::signal::Signal;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::{Instant, sleep_until},
};

use crate::{
    domain::definition::StepSpec,
    engine::{
        environment,
        port::{Captured, Order, Stop, StopSignal},
    },
};

use super::{leftover, process};

/// At most so much of standard output is kept: JSON of compilers is megabytes, not gigabytes.
const OUT: usize = 64 << 20;

/// At most so much of the end of standard error is kept.
const ERR: usize = 256 << 10;

/// Runs `command` with `sh -c` in the workspace and environment of an order, for at most `limit`.
pub async fn capture(order: &Order, command: &str, limit: Duration, mut stop: StopSignal) -> std::io::Result<Captured> {
    let mut variables = environment::of(order, &StepSpec::default());
    if let Ok(secrets) = environment::secrets(&order.job.spec.secrets, &order.surroundings) {
        variables.extend(secrets);
    }
    let mut child = tokio::process::Command::new(process::SHELL)
        .args(["-c", command])
        .current_dir(&order.workspace)
        .env_clear()
        .envs(&variables)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let group = child.id().map_or(0, |id| id as i32);
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let reading = async { tokio::join!(read(out, OUT, false), read(err, ERR, true)) };
    tokio::pin!(reading);
    let end = Instant::now() + limit;
    let mut captured = Captured::default();
    let mut kill_at = None;
    let mut read_all = None;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            done = &mut reading, if read_all.is_none() => read_all = Some(done),
            changed = stop.changed(), if !captured.stopped => {
                captured.stopped = changed.is_err() || stop.borrow_and_update().is_some();
                if captured.stopped {
                    let now = changed.is_err() || matches!(*stop.borrow(), Some(Stop::Now(_)));
                    process::signal(group, if now { Signal::SIGKILL } else { Signal::SIGTERM });
                    kill_at = Some(Instant::now() + order.grace);
                }
            }
            () = sleep_until(kill_at.unwrap_or(end)) => {
                process::signal(group, Signal::SIGKILL);
                kill_at = Some(Instant::now() + Duration::from_hours(1));
            }
        }
    };
    leftover::end_groups(&[group], Duration::from_millis(200)).await;
    leftover::end_marked_orphans(&order.marker, &[group]).await;
    if read_all.is_none() {
        // Whatever still holds the pipes is not ours to wait for.
        read_all = tokio::time::timeout(Duration::from_secs(1), &mut reading).await.ok();
    }
    (captured.stdout, captured.stderr) = read_all.unwrap_or_default();
    captured.status = status.code();
    Ok(captured)
}

/// Reads to the end, keeping the first or the last `most` bytes.
async fn read(from: Option<impl AsyncRead + Unpin>, most: usize, end: bool) -> Vec<u8> {
    let Some(mut from) = from else { return Vec::new() };
    let mut kept = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count) = from.read(&mut buffer).await {
        if count == 0 {
            break;
        }
        let new = buffer.get(..count).unwrap_or_default();
        if end {
            kept.extend_from_slice(new);
            if kept.len() > 2 * most {
                kept.drain(..kept.len() - most);
            }
        } else {
            let room = most.saturating_sub(kept.len());
            kept.extend_from_slice(new.get(..room.min(count)).unwrap_or_default());
        }
    }
    kept
}
