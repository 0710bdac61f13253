//! From the bytes that a process prints to what stands on disk: harmless, without secrets, indexed.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::{Builder, JoinHandle},
};

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::{
    domain::{id::OutputId, time::Timestamp},
    redact::Redactor,
    store::output::{Grown, Writer},
};

/// So much of the disk is left alone: the log has to be written when no output can be any more.
const RESERVE: u64 = 8 << 20;

/// A process that prints more than this without a pause gets a thread that records it while more is read. Leaving the runtime's
/// worker and coming back costs about as much as recording one read.
const FLOOD: usize = 512 << 10;

/// Reads that may wait for that thread: up to 64 KiB each. Then reading waits.
const WAITING: usize = 16;

/// Bytes of a disk that may still be used.
fn left(disk: &nix::sys::statvfs::Statvfs) -> u64 {
    disk.blocks_available().saturating_mul(disk.fragment_size())
}

/// Records the output of one attempt. What can't be kept doesn't stop the process; it is said when it has ended.
pub(super) struct Recorder {
    dir: PathBuf,
    record: Arc<Record>,
    /// Bytes since the last pause.
    burst: usize,
    thread: Option<Thread>,
}

/// A thread that records.
struct Thread {
    send: SyncSender<Read>,
    thread: JoinHandle<()>,
}

/// What was read at once, and when.
struct Read {
    bytes: Vec<u8>,
    at: Timestamp,
}

/// What the thread shares.
#[derive(Default)]
struct Record {
    writer: Mutex<Option<Writer>>,
    /// Never held for longer than a moment, unlike `writer`.
    noted: Mutex<Noted>,
}

#[derive(Default)]
struct Noted {
    grown: Grown,
    failed: Option<io::Error>,
}

impl Record {
    fn write(&self, work: impl FnOnce(&mut Writer) -> io::Result<Grown>) {
        let grown = lock(&self.writer).as_mut().map(work);
        if let Some(grown) = grown {
            self.note(grown);
        }
    }

    fn note(&self, grown: io::Result<Grown>) {
        let mut noted = lock(&self.noted);
        match grown {
            Ok(grown) => noted.grown = grown,
            Err(error) => noted.failed = Some(error),
        }
    }
}

impl Recorder {
    pub(super) fn new(dir: &Path, output: &OutputId, secrets: &[(String, String)]) -> Self {
        let record = Record::default();
        match Writer::open(dir, output, Redactor::new(secrets)) {
            Ok(writer) => *lock(&record.writer) = Some(writer),
            Err(error) => record.note(Err(error)),
        }
        Self { dir: dir.to_owned(), record: Arc::new(record), burst: 0, thread: None }
    }

    /// Lines recorded so far.
    pub(super) fn lines(&self) -> u64 {
        lock(&self.record.noted).grown.lines
    }

    /// Bytes recorded so far.
    pub(super) fn bytes(&self) -> u64 {
        lock(&self.record.noted).grown.bytes
    }

    /// Records what was just read. Reading waits while the disk is busy: that is the back-pressure.
    pub(super) fn record(&mut self, bytes: &[u8]) {
        if nix::sys::statvfs::statvfs(&self.dir).is_ok_and(|disk| left(&disk) < RESERVE) {
            self.record.note(Err(io::ErrorKind::StorageFull.into()));
            return;
        }
        let now = Timestamp::now();
        self.burst += bytes.len();
        if self.burst > FLOOD && self.thread.is_none() {
            self.thread = self.start().ok();
        }
        match &self.thread {
            None => off_the_worker(|| self.record.write(|writer| writer.append(bytes, now))),
            Some(Thread { send, .. }) => {
                if let Err(TrySendError::Full(read)) = send.try_send(Read { bytes: bytes.to_vec(), at: now }) {
                    // it fails only if the thread has panicked, which `pause` notes
                    off_the_worker(|| drop(send.send(read)));
                }
            }
        }
    }

    fn start(&self) -> io::Result<Thread> {
        let (send, reads) = sync_channel::<Read>(WAITING);
        let record = Arc::clone(&self.record);
        let thread = Builder::new().name("recorder".into()).spawn(move || {
            for read in reads {
                record.write(|writer| writer.append(&read.bytes, read.at));
            }
        })?;
        Ok(Thread { send, thread })
    }

    /// Waits until all that was read is recorded.
    fn pause(&mut self) {
        self.burst = 0;
        if let Some(Thread { send, thread }) = self.thread.take() {
            drop(send);
            if off_the_worker(|| thread.join()).is_err() {
                self.record.note(Err(io::Error::other("recording it broke off")));
            }
        }
    }

    /// A step begins: what its lines belong to.
    pub(super) fn step_began(&mut self, step: u32) {
        self.pause();
        off_the_worker(|| self.record.write(|writer| writer.step_began(step, Timestamp::now())));
    }

    /// The process has fallen silent: what was held back as a possible beginning of a secret is shown, unless it is one.
    pub(super) fn idle(&mut self) {
        self.pause();
        off_the_worker(|| self.record.write(|writer| writer.idle(Timestamp::now())));
    }

    /// Nothing more comes. Gives the error if any of it could not be kept.
    pub(super) fn finish(&mut self) -> Option<io::Error> {
        self.pause();
        let writer = lock(&self.record.writer).take();
        if let Some(writer) = writer {
            self.record.note(off_the_worker(|| writer.finish(Timestamp::now())));
        }
        lock(&self.record.noted).failed.take()
    }
}

/// What a thread that has panicked left is still there.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets the runtime's other tasks move to another thread while the disk is waited for.
fn off_the_worker<T>(work: impl FnOnce() -> T) -> T {
    if Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread) {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{domain::id::RunId, store::output::Reader};

    #[test]
    fn a_flood_is_recorded_in_order_around_its_pauses() {
        let dir = tempfile::TempDir::new().unwrap();
        let id = OutputId::attempt(RunId(1), &"flood".into(), 1);
        let mut recorder = Recorder::new(dir.path(), &id, &[]);
        let mut expected = Vec::new();
        for step in 0..3 {
            recorder.step_began(step);
            for read in 0..30_u32 {
                let text = format!("step {step} read {read}, {}\n", "and more of it ".repeat(4000));
                recorder.record(text.as_bytes());
                expected.extend_from_slice(text.as_bytes());
                assert_eq!(recorder.thread.is_some(), read >= 8);
            }
            recorder.record(b"a prompt: ");
            recorder.idle();
            expected.extend_from_slice(b"a prompt: ");
            assert_eq!(recorder.bytes(), expected.len() as u64, "all of it is there when it falls silent");
            recorder.record(b"yes\n");
            expected.extend_from_slice(b"yes\n");
        }
        assert!(recorder.finish().is_none());
        assert_eq!(recorder.lines(), 93);
        let reader = Reader::open(dir.path(), &id);
        assert!(reader.bytes(0..u64::MAX).unwrap() == expected);
        assert_eq!(reader.steps().unwrap()[2].first_line, 63);
    }
}
