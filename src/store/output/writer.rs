//! Appends to one output.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    domain::{id::OutputId, time::Timestamp},
    redact::Redactor,
};

use super::{
    clean::Cleaner,
    compress,
    index::IndexWriter,
    segment,
    source::Source,
    step::{self, Step},
    tail::Tail,
};

/// How much of an output is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grown {
    /// Whole lines.
    pub lines: u64,
    /// Bytes.
    pub bytes: u64,
}

/// The one writer of an output. Nothing is made on disk before the first byte comes.
///
/// All calls block for as long as the disk takes.
#[derive(Debug)]
pub struct Writer {
    folder: PathBuf,
    cleaner: Cleaner,
    redactor: Redactor,
    tail: Tail,
    index: IndexWriter,
    /// Steps that are not in their file yet.
    steps: Vec<Step>,
    /// The last byte written was a line break, or there is none.
    at_line_start: bool,
    /// Bytes that could not be written since the last one that could, and why.
    lost: u64,
    why: String,
    /// What is ready to be written.
    ready: Vec<u8>,
}

impl Writer {
    /// Opens an output under `dir`, the folder of all outputs; `redactor` watches all that is written.
    ///
    /// If it exists already (a second run of a repair, or the process that wrote it was killed), writing goes on at its end,
    /// and what is damaged of its index is made anew. If its last segment is compressed, that is made plain again first.
    pub fn open(dir: &Path, id: &OutputId, redactor: Redactor) -> io::Result<Self> {
        let folder = segment::folder(dir, id);
        let length = segment::length(&folder, 0)?;
        let mut last = [b'\n'];
        if length > 0 {
            compress::reopen(&folder, length)?;
            Source::new(folder.clone(), length).read(length - 1, &mut last)?;
        }
        Ok(Self {
            tail: Tail::new(folder.clone(), length),
            index: IndexWriter::open(folder.clone(), length)?,
            folder,
            cleaner: Cleaner::default(),
            redactor,
            steps: Vec::new(),
            at_line_start: last == [b'\n'],
            lost: 0,
            why: String::new(),
            ready: Vec::new(),
        })
    }

    /// Appends what a job printed at `at`. The line under way is held back (see [`Redactor`]) until it ends or
    /// [`Self::idle`] is called.
    ///
    /// After an error the bytes of this call are not recorded; a line in their place says so as soon as writing works
    /// again. The writer remains usable.
    pub fn append(&mut self, bytes: &[u8], at: Timestamp) -> io::Result<Grown> {
        self.redactor.push(self.cleaner.push(bytes), &mut self.ready);
        self.record(at)
    }

    /// Nothing has come for a while (50 ms, say): records what is held back, unless it may become a secret.
    pub fn idle(&mut self, at: Timestamp) -> io::Result<Grown> {
        self.redactor.flush_idle(&mut self.ready);
        self.record(at)
    }

    /// A step (0 is the first) begins: ends the line of the one before, if it is open, and remembers the line.
    pub fn step_began(&mut self, step: u32, at: Timestamp) -> io::Result<Grown> {
        let flushed = self.flush(at);
        if !self.at_line_start {
            self.ready.push(b'\n');
        }
        let ended = self.record(at);
        self.steps.push(Step { step, first_line: self.index.lines() + 1, at });
        self.record_steps()?;
        flushed.and(ended)
    }

    /// The job has ended: records what was held back and marks the output as complete.
    pub fn finish(mut self, at: Timestamp) -> io::Result<Grown> {
        let flushed = self.flush(at);
        if self.tail.length > 0 {
            self.record_steps()?;
            segment::open_for_writing(&end_path(&self.folder))?;
        }
        flushed
    }

    fn flush(&mut self, at: Timestamp) -> io::Result<Grown> {
        self.redactor.push(self.cleaner.finish(), &mut self.ready);
        self.redactor.finish(&mut self.ready);
        self.record(at)
    }

    fn record(&mut self, at: Timestamp) -> io::Result<Grown> {
        let ready = std::mem::take(&mut self.ready);
        let (written, error) = match self.tell_of_loss(at) {
            Ok(()) => self.write(&ready, at),
            Err(error) => (0, Some(error)),
        };
        self.lost += (ready.len() - written) as u64;
        self.ready = ready;
        self.ready.clear();
        match error {
            Some(error) => {
                self.why = reason(&error);
                Err(error)
            }
            None => Ok(Grown { lines: self.index.lines(), bytes: self.tail.length }),
        }
    }

    /// Writes the line that says what was not recorded, if anything was not.
    fn tell_of_loss(&mut self, at: Timestamp) -> io::Result<()> {
        if self.lost == 0 {
            return Ok(());
        }
        let start = if self.at_line_start { "" } else { "\n" };
        let line = format!("{start}[gonogo: {} bytes not recorded: {}]\n", self.lost, self.why);
        match self.write(line.as_bytes(), at) {
            (_, Some(error)) => Err(error),
            _ => {
                self.lost = 0;
                self.why.clear();
                Ok(())
            }
        }
    }

    fn write(&mut self, bytes: &[u8], at: Timestamp) -> (usize, Option<io::Error>) {
        if bytes.is_empty() {
            return (0, None);
        }
        let (written, error) = self.tail.write(bytes);
        if written > 0 {
            self.at_line_start = bytes[written - 1] == b'\n';
            self.index.count(&bytes[..written], at.as_microsecond());
            // An index that cannot be written waits for the next time: readers do without what it lacks.
            let _ = self.index.flush();
            let _ = self.record_steps();
        }
        (written, error)
    }

    fn record_steps(&mut self) -> io::Result<()> {
        if self.tail.length > 0 && !self.steps.is_empty() {
            step::append(&self.folder, &self.steps)?;
            self.steps.clear();
        }
        Ok(())
    }
}

/// The file that marks an output as complete.
pub fn end_path(folder: &Path) -> PathBuf {
    folder.join("end")
}

/// `no space left on device`.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}
