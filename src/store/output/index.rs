//! The sparse index: at byte B of the output, L line breaks had come, and it was time T.
//!
//! An entry is made every 64 KB, and where 100 ms have passed since the last one, whether or not a line begins there. So
//! every look-up reads at most 64 KB of output, however long the lines are, and times are right to 100 ms.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use crate::domain::time::Timestamp;

use super::{
    segment::{self, SEGMENT, Segment},
    source::Source,
};

/// Bytes between two entries.
pub const SPACING: u64 = if cfg!(test) { 301 } else { 64 << 10 };
/// Microseconds between two entries, if there are bytes between them.
pub const TIME_SPACING: i64 = 100_000;

/// What the file begins with.
const MAGIC: &[u8; 8] = b"gonogoi1";
const HEADER: u64 = MAGIC.len() as u64;
const SIZE: usize = 24;

/// One entry: three little-endian numbers of 8 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// A place in the output.
    pub byte: u64,
    /// Line breaks before it.
    pub lines: u64,
    /// When the bytes from there on came: microseconds since 1970.
    pub at: i64,
}

impl Entry {
    fn to_bytes(self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        bytes[..8].copy_from_slice(&self.byte.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.lines.to_le_bytes());
        bytes[16..].copy_from_slice(&self.at.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; SIZE]) -> Self {
        let number = |from: usize| {
            let mut number = [0; 8];
            number.copy_from_slice(&bytes[from..from + 8]);
            number
        };
        Self {
            byte: u64::from_le_bytes(number(0)),
            lines: u64::from_le_bytes(number(8)),
            at: i64::from_le_bytes(number(16)),
        }
    }

    /// The time as a value.
    pub fn time(self) -> Timestamp {
        Timestamp::from_microsecond(self.at).unwrap_or_default()
    }

    /// Can this be entry `number`? What follows the first entry that can't is not believed either.
    fn may_be(self, number: u64) -> bool {
        self.byte >= number && self.lines <= self.byte
    }

    /// Can this entry follow `last`?
    fn follows(self, last: Option<Self>) -> bool {
        match last {
            None => self.byte == 0 && self.lines == 0,
            Some(last) => {
                self.byte > last.byte
                    && self.lines >= last.lines
                    && self.lines - last.lines <= self.byte - last.byte
                    && self.at >= last.at
            }
        }
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("index")
}

/// An index as it is at one moment.
#[derive(Debug)]
pub struct Index {
    file: Option<File>,
    count: u64,
}

impl Index {
    /// Opens the index for reading; one that is missing, or not an index, is empty.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let file = match File::open(path(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self { file: None, count: 0 }),
            file => file?,
        };
        let mut magic = [0; MAGIC.len()];
        let known = file.read_exact_at(&mut magic, 0).is_ok() && magic == *MAGIC;
        let count = if known { (file.metadata()?.len() - HEADER) / SIZE as u64 } else { 0 };
        Ok(Self { file: Some(file), count })
    }

    /// Entry `number`, if there is one.
    pub fn get(&self, number: u64) -> io::Result<Option<Entry>> {
        let Some(file) = self.file.as_ref().filter(|_| number < self.count) else { return Ok(None) };
        let mut bytes = [0; SIZE];
        file.read_exact_at(&mut bytes, HEADER + number * SIZE as u64)?;
        Ok(Some(Entry::from_bytes(&bytes)))
    }

    /// The last entry, with its number, of those at the beginning for which `holds` is true.
    pub fn last_where(&self, holds: impl Fn(&Entry) -> bool) -> io::Result<Option<(u64, Entry)>> {
        let (mut low, mut high, mut found) = (0, self.count, None);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle)? {
                Some(entry) if entry.may_be(middle) && holds(&entry) => {
                    found = Some((middle, entry));
                    low = middle + 1;
                }
                _ => high = middle,
            }
        }
        Ok(found)
    }

    /// Entries that lie beyond the output's `length` (it was cut), or that can be none (a power failure has left zeros), are
    /// forgotten.
    pub fn limit(&mut self, length: u64) -> io::Result<()> {
        let last = self.last_where(|entry| entry.byte <= length)?;
        self.count = last.map_or(0, |(number, _)| number + 1);
        while let (Some(before), Some(last)) = (self.before_last()?, self.last()?)
            && !last.follows(Some(before))
        {
            self.count -= 1;
        }
        Ok(())
    }

    /// The last entry.
    pub fn last(&self) -> io::Result<Option<Entry>> {
        Ok(self.last_where(|_| true)?.map(|(_, entry)| entry))
    }

    fn before_last(&self) -> io::Result<Option<Entry>> {
        self.count.checked_sub(2).map_or(Ok(None), |number| self.get(number))
    }
}

/// Time of the last change of the segment that holds a byte.
fn modified(folder: &Path, byte: u64) -> Option<Timestamp> {
    let segment = Segment::open(folder, byte / SEGMENT).ok()??;
    Timestamp::try_from(segment.modified().ok()?).ok()
}

/// Line breaks from one entry to the next; `None` where they are further from each other than entries are.
fn breaks_between(source: &mut Source, from: Entry, to: Entry) -> io::Result<Option<u64>> {
    let Some(length) = to.byte.checked_sub(from.byte).filter(|length| *length <= SPACING) else { return Ok(None) };
    let mut block = vec![0; usize::try_from(length).unwrap_or(0)];
    let read = source.read(from.byte, &mut block)?;
    Ok((read == block.len()).then(|| count_breaks(&block)))
}

/// Counts line breaks.
pub fn count_breaks(bytes: &[u8]) -> u64 {
    // sums of a byte are what the compiler turns into vector instructions
    bytes.chunks(255).map(|chunk| u64::from(chunk.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>())).sum()
}

/// The index being written.
#[derive(Debug)]
pub struct IndexWriter {
    folder: PathBuf,
    file: Option<File>,
    /// Entries in the file.
    written: u64,
    /// Entries that are not in the file yet.
    waiting: Vec<u8>,
    /// The last entry.
    last: Option<Entry>,
    /// Bytes and lines counted so far, and the time of the last bytes.
    here: Entry,
}

impl IndexWriter {
    /// Goes on where an earlier writer stopped: keeps what is right of the index, and counts again what it lacks.
    pub fn open(folder: PathBuf, length: u64) -> io::Result<Self> {
        let index = Index::open(&folder)?;
        let mut new = Self { folder, file: None, written: 0, waiting: Vec::new(), last: None, here: Entry::default() };
        while let Some(entry) = index.get(new.written)? {
            if !entry.follows(new.last) || entry.byte > length {
                break;
            }
            new.last = Some(entry);
            new.written += 1;
        }
        let mut source = Source::new(new.folder.clone(), length);
        // The count of lines goes on from the last one, so it is counted again whether that one is right.
        while let (Some(last), Some(number)) = (new.last, new.written.checked_sub(2)) {
            let before = index.get(number)?.unwrap_or_default();
            if breaks_between(&mut source, before, last)? == Some(last.lines - before.lines) {
                break;
            }
            (new.last, new.written) = (Some(before), new.written - 1);
        }
        new.here = new.last.unwrap_or_default();
        if index.file.is_some() {
            new.open_file()?;
        }
        let anew = new.last.is_none();
        let mut block = vec![0; if anew { 1 << 20 } else { 64 << 10 }];
        while new.here.byte < length {
            let from = new.here.byte;
            // whole blocks of a segment, since each has a time of its own
            let room = usize::try_from(SEGMENT - from % SEGMENT).unwrap_or(usize::MAX).min(block.len());
            let read = source.read(from, &mut block[..room])?;
            if read == 0 {
                break;
            }
            // What came after the last entry came within 100 ms of it. Without any, the file's time is the best there is.
            let changed = if anew { modified(&new.folder, from) } else { None };
            let at = changed.map_or(new.here.at, Timestamp::as_microsecond);
            new.count(&block[..read], at);
        }
        new.flush()?;
        Ok(new)
    }

    /// Line breaks so far.
    pub fn lines(&self) -> u64 {
        self.here.lines
    }

    /// These bytes were appended to the output.
    pub fn count(&mut self, mut bytes: &[u8], at: i64) {
        if bytes.is_empty() {
            return;
        }
        self.here.at = self.here.at.max(at);
        if self.last.is_none_or(|last| self.here.at.saturating_sub(last.at) >= TIME_SPACING) {
            self.enter();
        }
        while !bytes.is_empty() {
            let next = self.last.map_or(0, |last| last.byte) + SPACING;
            if self.here.byte >= next {
                self.enter();
                continue;
            }
            let (now, later) =
                bytes.split_at(bytes.len().min(usize::try_from(next - self.here.byte).unwrap_or(usize::MAX)));
            self.here.byte += now.len() as u64;
            self.here.lines += count_breaks(now);
            bytes = later;
        }
    }

    fn enter(&mut self) {
        if self.last.is_none_or(|last| last.byte < self.here.byte) {
            self.waiting.extend_from_slice(&self.here.to_bytes());
            self.last = Some(self.here);
        }
    }

    /// Writes what is waiting. After an error it goes on waiting: the output is readable without.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let end = HEADER + self.written * SIZE as u64;
        if self.file.is_none() {
            self.open_file()?;
        }
        if let Some(file) = &self.file {
            file.write_all_at(&self.waiting, end)?;
        }
        self.written += (self.waiting.len() / SIZE) as u64;
        self.waiting.clear();
        Ok(())
    }
    /// Opens the file, and cuts off what lies behind its right part.
    fn open_file(&mut self) -> io::Result<()> {
        let file = segment::open_for_writing(&path(&self.folder))?;
        file.write_all_at(MAGIC, 0)?;
        file.set_len(HEADER + self.written * SIZE as u64)?;
        self.file = Some(file);
        Ok(())
    }
}
