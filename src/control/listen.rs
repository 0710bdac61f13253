//! The log of any container, recorded into an output of its own while a session reads it, so that pane 3, searches and
//! `gonogo logs` work with it as with any other. It is scratch: bounded, and deleted when nobody reads it any more.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bollard::query_parameters::InspectContainerOptions;
use tokio::{
    runtime::Handle,
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    domain::{id::OutputId, time::Timestamp},
    engine::docker::{
        act,
        host::Hosts,
        log::{Batch, Log, Wish},
    },
    protocol::{container::ContainerRef, telemetry::Telemetry},
    redact::Redactor,
    store::output::{Grown, Writer, folder, scratch},
};

use super::publish::Published;

/// A log may take so many bytes; then it says so and stops.
const MOST: u64 = 1 << 30;

/// Batches that may wait for the disk.
const WAITING: usize = 8;

/// After so long without a word, a line that has not ended is shown.
const SILENCE: Duration = Duration::from_millis(50);

/// Longer than anything lasts.
const FOREVER: Duration = Duration::from_hours(24 * 365);

/// Growth is not told more often than this.
const TOLD: Duration = Duration::from_millis(30);

/// A container that has ended is looked at again after this: it may have been started anew.
const AGAIN: Duration = Duration::from_secs(1);

/// Records logs of containers.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    hosts: Hosts,
    dir: PathBuf,
    published: Arc<Published>,
    tasks: TaskTracker,
    runtime: Handle,
    count: Arc<AtomicU32>,
}

/// A log is recorded for as long as this lives.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) output: OutputId,
    stop: CancellationToken,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Deletes what an earlier gonogo has recorded.
pub(super) fn sweep(dir: &Path) {
    match fs::remove_dir_all(scratch(dir)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => tracing::warn!("old logs of containers: {error}"),
        _ => {}
    }
}

impl Listener {
    pub(super) fn new(
        hosts: Hosts,
        dir: PathBuf,
        published: Arc<Published>,
        tasks: TaskTracker,
        runtime: Handle,
    ) -> Self {
        Self { hosts, dir, published, tasks, runtime, count: Arc::default() }
    }

    /// Records from now on.
    pub(super) fn listen(&self, container: ContainerRef, name: &str, since: Option<u32>) -> Listening {
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let output = OutputId::container(name, number);
        let stop = CancellationToken::new();
        let since = since.map(|seconds| Timestamp::now().as_second() - i64::from(seconds));
        let work = record(self.clone(), container, since, output.clone(), stop.clone());
        self.tasks.spawn_on(work, &self.runtime);
        Listening { output, stop }
    }
}

/// Records a log until it is stopped, then deletes it.
async fn record(
    listener: Listener,
    container: ContainerRef,
    since: Option<i64>,
    output: OutputId,
    stop: CancellationToken,
) {
    let (batches, incoming) = mpsc::channel(WAITING);
    let writing = {
        let (dir, output, published) = (listener.dir.clone(), output.clone(), Arc::clone(&listener.published));
        tokio::task::spawn_blocking(move || write(&dir, &output, &published, incoming))
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = read(&listener.hosts, &container, since, batches) => stop.cancelled().await,
    }
    // The channel is shut by now, so the writer has ended or will.
    let _ = writing.await;
    let folder = folder(&listener.dir, &output);
    let deleted = tokio::task::spawn_blocking(move || {
        let deleted = fs::remove_dir_all(&folder);
        // The folder of the name goes with its last output.
        let _ = folder.parent().map(fs::remove_dir);
        deleted
    });
    if let Ok(Err(error)) = deleted.await
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%output, "the log of a container could not be deleted: {error}");
    }
}

/// Reads until nobody takes what comes. A container that ends and is started anew goes on in the same output.
async fn read(hosts: &Hosts, container: &ContainerRef, mut since: Option<i64>, batches: mpsc::Sender<Vec<Batch>>) {
    let mut last = None;
    let mut said = String::new();
    loop {
        let why = match act::client(hosts, &container.engine).await {
            Ok(client) => {
                let wish = Wish { follow: true, since, after: last, ..Wish::default() };
                let mut log = Log::open(client, &container.id, wish);
                loop {
                    match log.next().await {
                        Some(Ok(some)) => {
                            if let Some(newest) = some.last() {
                                (since, last) = (Some(newest.until.as_second()), Some(newest.until));
                            }
                            if batches.send(some).await.is_err() {
                                return;
                            }
                        }
                        Some(Err(error)) => break error.to_string(),
                        None => break String::new(),
                    }
                }
            }
            Err(fault) => fault.to_string(),
        };
        if !why.is_empty() && why != said {
            let now = Timestamp::now();
            let line = Batch { at: now, until: now, bytes: format!("[gonogo: {why}]\n").into_bytes(), stderr: true };
            said = why;
            if batches.send(vec![line]).await.is_err() {
                return;
            }
        }
        // Until it runs again.
        loop {
            sleep(AGAIN).await;
            let Ok(client) = act::client(hosts, &container.engine).await else { continue };
            let inspected = client.inspect_container(&container.id, None::<InspectContainerOptions>).await;
            if inspected.is_ok_and(|known| known.state.and_then(|state| state.running).unwrap_or(false)) {
                break;
            }
            if batches.is_closed() {
                return;
            }
        }
    }
}

/// Writes what comes, and tells how far it has grown.
fn write(dir: &Path, output: &OutputId, published: &Published, mut incoming: mpsc::Receiver<Vec<Batch>>) {
    let mut writer = match Writer::open(dir, output, Redactor::new::<&str, &str>(&[])) {
        Ok(writer) => writer,
        Err(error) => return tracing::warn!(%output, "the log of a container can't be recorded: {error}"),
    };
    let runtime = Handle::current();
    let (mut grown, mut told) = (Grown::default(), (Instant::now(), Grown::default()));
    let mut full = false;
    // Something may be held back that is shown after a silence; else the next word is waited for without a clock.
    let mut held = false;
    loop {
        let wait = if held { SILENCE } else { FOREVER };
        match runtime.block_on(timeout(wait, incoming.recv())) {
            Ok(Some(batches)) => {
                for batch in batches.iter().filter(|_| !full) {
                    // What can't be written is said in the output itself, as soon as that works again.
                    grown = writer.append(&batch.bytes, batch.at).unwrap_or(grown);
                }
                held = true;
            }
            Ok(None) => break,
            Err(_) => {
                grown = writer.idle(Timestamp::now()).unwrap_or(grown);
                held = false;
            }
        }
        if grown.bytes > MOST && !full {
            full = true;
            let line = "\n[gonogo: a gigabyte of this log is kept, and it ends here: choose a shorter window]\n";
            grown = writer.append(line.as_bytes(), Timestamp::now()).unwrap_or(grown);
        }
        if grown != told.1 && (told.0.elapsed() > TOLD || !held) {
            told = (Instant::now(), grown);
            let (lines, bytes) = (grown.lines, grown.bytes);
            published.tell(Telemetry::OutputGrew { output: output.clone(), lines, bytes });
        }
    }
    // It is deleted in a moment: that it can't be finished is of no matter.
    let _ = writer.finish(Timestamp::now());
}
