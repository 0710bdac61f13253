//! From the bytes that a process prints to what stands on disk: harmless, without secrets, indexed.

use std::{
    io,
    path::{Path, PathBuf},
};

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::{
    domain::{id::OutputId, time::Timestamp},
    redact::Redactor,
    store::output::{Grown, Writer, folder},
};

/// So much of the disk is left alone: the log has to be written when no output can be any more.
const RESERVE: u64 = 8 << 20;

/// Bytes of a disk that may still be used.
fn left(disk: &nix::sys::statvfs::Statvfs) -> u64 {
    disk.blocks_available().saturating_mul(disk.fragment_size())
}

/// Records the output of one attempt. What can't be kept doesn't stop the process; it is said when it has ended.
pub(super) struct Recorder {
    dir: PathBuf,
    writer: Option<Writer>,
    grown: Grown,
    failed: Option<io::Error>,
}

impl Recorder {
    pub(super) fn new(dir: &Path, output: &OutputId, secrets: &[(String, String)]) -> Self {
        let mut recorder = Self { dir: dir.to_owned(), writer: None, grown: Grown::default(), failed: None };
        match Writer::open(dir, output, Redactor::new(secrets)) {
            Ok(writer) => recorder.writer = Some(writer),
            Err(error) => recorder.failed = Some(error),
        }
        recorder
    }

    /// One that begins again: what was recorded before is dropped, since all of it comes once more.
    pub(super) fn anew(dir: &Path, output: &OutputId, secrets: &[(String, String)]) -> Self {
        let folder = folder(dir, output);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!("{} can't be recorded anew: {error}", folder.display());
            }
            _ => {}
        }
        Self::new(dir, output, secrets)
    }

    pub(super) fn lines(&self) -> u64 {
        self.grown.lines
    }

    pub(super) fn bytes(&self) -> u64 {
        self.grown.bytes
    }

    /// Records what was just read. Reading waits while the disk is busy: that is the back-pressure.
    pub(super) fn record(&mut self, bytes: &[u8]) {
        self.record_at(bytes, Timestamp::now());
    }

    /// Records what was printed at `at`.
    pub(super) fn record_at(&mut self, bytes: &[u8], at: Timestamp) {
        if nix::sys::statvfs::statvfs(&self.dir).is_ok_and(|disk| left(&disk) < RESERVE) {
            self.failed = Some(io::ErrorKind::StorageFull.into());
            return;
        }
        self.write(|writer| writer.append(bytes, at));
    }

    /// A step begins: what its lines belong to.
    pub(super) fn step_began(&mut self, step: u32) {
        self.write(|writer| writer.step_began(step, Timestamp::now()));
    }

    /// The process has fallen silent: what was held back as a possible beginning of a secret is shown, unless it is one.
    pub(super) fn idle(&mut self) {
        self.write(|writer| writer.idle(Timestamp::now()));
    }

    /// Nothing more comes. Gives the error if any of it could not be kept.
    pub(super) fn finish(&mut self) -> Option<io::Error> {
        if let Some(writer) = self.writer.take() {
            self.note(off_the_worker(|| writer.finish(Timestamp::now())));
        }
        self.failed.take()
    }

    fn write(&mut self, work: impl FnOnce(&mut Writer) -> io::Result<Grown>) {
        if let Some(writer) = &mut self.writer {
            let grown = off_the_worker(|| work(writer));
            self.note(grown);
        }
    }

    fn note(&mut self, grown: io::Result<Grown>) {
        match grown {
            Ok(grown) => self.grown = grown,
            Err(error) => self.failed = Some(error),
        }
    }
}

/// Lets the runtime's other tasks move to another thread while the disk is waited for.
fn off_the_worker<T>(work: impl FnOnce() -> T) -> T {
    if Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread) {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}
