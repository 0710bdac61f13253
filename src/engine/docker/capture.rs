//! One command in a container of a job's image, whose output is wanted rather than shown: fixers, and the versions of tools.

use std::{io, time::Duration};

use bollard::{container::LogOutput, query_parameters::AttachContainerOptionsBuilder};
use futures::StreamExt as _;
use tokio::{io::AsyncWriteExt as _, time::Instant};

use crate::{
    domain::definition::StepSpec,
    engine::{
        environment,
        port::{Captured, Order, StopSignal},
    },
};

use super::{
    attempt, back, body,
    fault::Fault,
    host::{Host, Hosts},
    image::{self, Provide},
    marks::{Marks, Part},
    pool::parts,
    script::Script,
    service::Services,
    sweep,
};

/// At most so much of standard output is kept: JSON of compilers is megabytes, not gigabytes.
const OUT: usize = 64 << 20;

/// At most so much of the end of standard error is kept.
const ERR: usize = 256 << 10;

/// Runs `command` with `sh -c` in the workspace and environment of an order, for at most `limit`.
pub async fn capture(
    order: &Order,
    hosts: &Hosts,
    command: &str,
    limit: Duration,
    stop: StopSignal,
) -> io::Result<Captured> {
    let host = hosts.pick(&order.job.spec.container.runs_on).map_err(io::Error::other)?;
    let end = Instant::now() + limit;
    let mut stopped = stop.clone();
    let work = run(order, &host, command, stop);
    let captured = tokio::select! {
        captured = tokio::time::timeout_at(end, work) => captured.ok(),
        () = asked(&mut stopped) => Some(Ok(Captured { stopped: true, ..Captured::default() })),
    };
    sweep::attempt(order, &host).await;
    match captured {
        Some(captured) => captured.map_err(io::Error::other),
        None => Ok(Captured::default()),
    }
}

/// Waits until it has to stop.
async fn asked(stop: &mut StopSignal) {
    let _ = stop.wait_for(Option::is_some).await;
}

async fn run(order: &Order, host: &Host, command: &str, mut stop: StopSignal) -> Result<Captured, Fault> {
    let spec = &order.job.spec.container;
    let image = image::provide(host, spec, &order.workspace, &mut |_: &[u8]| {}, &mut stop).await;
    let image = match image {
        Ok(image) => image,
        Err(Provide::Fault(fault)) => return Err(fault),
        Err(Provide::Stopped) => return Ok(Captured { stopped: true, ..Captured::default() }),
        Err(Provide::Build { words: why, .. }) => {
            return Err(Fault::new(crate::domain::container::EngineFault::Refused, "its image can't be built", why));
        }
    };
    let docker = host.client().await?;
    let opened = attempt::open(order, host, &image, &Services::default(), false, "command").await?;
    let step = StepSpec { run: command.to_owned(), ..StepSpec::default() };
    let mut variables = environment::own(order);
    variables.extend(order.job.spec.env.clone());
    let secrets = environment::secrets(&order.job.spec.secrets, &order.surroundings).unwrap_or_default();
    let directory = body::directory(order).to_string_lossy().into_owned();
    variables.extend(secrets);
    let before = order.job.environment.as_deref().map(parts::before).unwrap_or_default();
    let script = Script {
        nonce: &opened.nonce,
        directory: &directory,
        variables: &variables,
        secrets: &[],
        before: &before,
        steps: std::slice::from_ref(&step),
        give_back: opened.who.give_back && opened.sent.is_none(),
        apart: true,
    };
    let text = script.text();
    let options = AttachContainerOptionsBuilder::new().stdin(true).stdout(true).stderr(true).stream(true).build();
    let attached = docker.attach_container(&opened.id, Some(options)).await;
    let mut attached = attached.map_err(|error| Fault::of("can't talk to the container", &error))?;
    let started = docker.start_container(&opened.id, None).await;
    started.map_err(|error| Fault::of("the container does not start", &error))?;
    let write = async {
        // Where it ends before it has read all, its end says why.
        if attached.input.write_all(text.as_bytes()).await.is_ok() {
            let _ = attached.input.shutdown().await;
        }
    };
    let mut captured = Captured::default();
    let mut marks = Marks::new(&opened.nonce);
    let read = async {
        while let Some(Ok(part)) = attached.output.next().await {
            match part {
                LogOutput::StdErr { message } => keep_end(&mut captured.stderr, &message),
                part => marks.feed(&part.into_bytes(), |part| match part {
                    Part::Bytes(bytes) => keep(&mut captured.stdout, bytes),
                    Part::Mark(super::marks::Mark::Ended { exit, .. }) => captured.status = Some(exit),
                    Part::Mark(_) => {}
                }),
            }
        }
    };
    tokio::join!(write, read);
    if let Some(sent) = &opened.sent {
        let skip: Vec<String> = order.job.spec.cache.iter().map(|cache| cache.path.clone()).collect();
        back::bring_back(host, &opened.id, &directory, &order.workspace, sent, &skip).await?;
    }
    Ok(captured)
}

fn keep(kept: &mut Vec<u8>, new: &[u8]) {
    let room = OUT.saturating_sub(kept.len());
    kept.extend_from_slice(new.get(..room.min(new.len())).unwrap_or_default());
}

fn keep_end(kept: &mut Vec<u8>, new: &[u8]) {
    kept.extend_from_slice(new);
    if kept.len() > 2 * ERR {
        kept.drain(..kept.len() - ERR);
    }
}
