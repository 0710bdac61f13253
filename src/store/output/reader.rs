//! Reads an output, also while it is being written. Nothing is kept in memory or open between two calls.

use std::{
    cell::RefCell,
    io,
    ops::Range,
    path::{Path, PathBuf},
};

use crate::domain::{id::OutputId, time::Timestamp};

use super::{
    index::{Entry, Index, TIME_SPACING, count_breaks},
    line::{OutputLine, Window},
    segment, show,
    source::Source,
    step::{self, Step},
    writer::end_path,
};

/// What is read at once.
const BLOCK: usize = if cfg!(test) { 128 } else { 64 << 10 };

/// How much there is of an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Lines, the one under way included.
    pub lines: u64,
    /// Bytes.
    pub bytes: u64,
    /// Nothing more will come. Never so for an output of no bytes, which leaves no trace.
    pub complete: bool,
}

/// Reads one output. Lines are numbered from 1.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) folder: PathBuf,
}

/// An output as it was at one moment.
pub(super) struct Moment {
    index: Index,
    source: RefCell<Source>,
    /// Bytes there are.
    pub length: u64,
}

impl Reader {
    /// An output under `dir`, the folder of all outputs. One that does not exist (yet) is empty.
    pub fn open(dir: &Path, id: &OutputId) -> Self {
        Self { folder: segment::folder(dir, id) }
    }

    /// How much there is.
    pub fn totals(&self) -> io::Result<Totals> {
        // asked first: what is complete now is complete when it is measured
        let complete = end_path(&self.folder).exists();
        let moment = self.now()?;
        Ok(Totals { lines: moment.lines()?, bytes: moment.length, complete })
    }

    /// The steps that have begun.
    pub fn steps(&self) -> io::Result<Vec<Step>> {
        step::read(&self.folder)
    }

    /// Up to `count` lines from line `first` on, each with at most about `most` bytes of its text.
    pub fn lines(&self, first: u64, count: usize, most: usize) -> io::Result<Vec<OutputLine>> {
        self.now()?.read_lines(first.max(1), count, most, usize::MAX)
    }

    /// The same, and how much there is; no more lines once they have `room` bytes of text.
    pub fn page(&self, first: u64, count: usize, most: usize, room: usize) -> io::Result<(Totals, Vec<OutputLine>)> {
        let complete = end_path(&self.folder).exists();
        let moment = self.now()?;
        let totals = Totals { lines: moment.lines()?, bytes: moment.length, complete };
        Ok((totals, moment.read_lines(first.max(1), count, most, room)?))
    }

    /// The last `count` lines.
    pub fn tail(&self, count: usize, most: usize) -> io::Result<Vec<OutputLine>> {
        let moment = self.now()?;
        let first = moment.lines()?.saturating_sub(count as u64) + 1;
        moment.read_lines(first, count, most, usize::MAX)
    }

    /// Bytes `from..from + length` of a line, or as many of them as there are.
    pub fn line_window(&self, line: u64, from: u64, length: usize) -> io::Result<Option<Window>> {
        let moment = self.now()?;
        let Some(range) = moment.line(line)? else { return Ok(None) };
        let start = range.end.min(range.start + from);
        let end = range.end.min(start + length as u64);
        let bytes = moment.read(start, end)?;
        let whole = show::whole_start(&bytes);
        let start = start + (bytes.len() - whole.len()) as u64;
        let whole = if end < range.end { show::whole_end(whole) } else { whole };
        let shown = start - range.start..start - range.start + whole.len() as u64;
        Ok(Some(Window { text: show::text(whole), shown, bytes: range.end - range.start }))
    }

    /// The line that was the last one at a moment, right to 100 ms; the first one for an earlier moment.
    pub fn line_at(&self, time: Timestamp) -> io::Result<Option<u64>> {
        let moment = self.now()?;
        if moment.length == 0 {
            return Ok(None);
        }
        let micros = time.as_microsecond();
        let Some((number, entry)) = moment.index.last_where(|entry| entry.at <= micros)? else { return Ok(Some(1)) };
        if micros.saturating_sub(entry.at) < TIME_SPACING {
            return Ok(Some(entry.lines + 1));
        }
        // long after it: all that came before the next entry was there
        let next = moment.index.get(number + 1)?.map_or(moment.length, |next| next.byte);
        Ok(Some(moment.line_of(next.saturating_sub(1))?))
    }

    /// When the first byte of a line came, right to 100 ms.
    pub fn time_of(&self, line: u64) -> io::Result<Option<Timestamp>> {
        let moment = self.now()?;
        let Some(range) = moment.line(line)? else { return Ok(None) };
        Ok(Some(moment.entry(range.start)?.time()))
    }

    pub(super) fn now(&self) -> io::Result<Moment> {
        let mut index = Index::open(&self.folder)?;
        let known = index.last()?.map_or(0, |entry| entry.byte);
        let length = segment::length(&self.folder, known)?;
        index.limit(length)?;
        Ok(Moment { index, source: RefCell::new(Source::new(self.folder.clone(), length)), length })
    }
}

impl Moment {
    /// The bytes from `from` to `to`, or to the end.
    pub fn read(&self, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(to.min(self.length).saturating_sub(from)).unwrap_or(usize::MAX)];
        let read = self.source.borrow_mut().read(from, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// The last entry of the index for which `holds` is true, and the one behind it.
    fn entries(&self, holds: impl Fn(&Entry) -> bool) -> io::Result<(Entry, Option<Entry>)> {
        let Some((number, entry)) = self.index.last_where(holds)? else { return Ok((Entry::default(), None)) };
        Ok((entry, self.index.get(number + 1)?.filter(|next| next.byte > entry.byte && next.lines >= entry.lines)))
    }

    /// The last entry of the index at or before a byte.
    fn entry(&self, byte: u64) -> io::Result<Entry> {
        Ok(self.entries(|entry| entry.byte <= byte)?.0)
    }

    /// The line in which a byte lies.
    pub fn line_of(&self, byte: u64) -> io::Result<u64> {
        Ok(self.breaks_before(byte, (0, 0))? + 1)
    }

    /// Line breaks before a byte. Some other byte at or before it, and the line breaks before that one, may be known already.
    pub fn breaks_before(&self, byte: u64, known: (u64, u64)) -> io::Result<u64> {
        let (entry, next) = self.entries(|entry| entry.byte <= byte)?;
        let (mut at, mut lines) = known.max((entry.byte, entry.lines));
        while at < byte {
            let block = self.read(at, byte.min(at + BLOCK as u64))?;
            if block.is_empty() {
                break;
            }
            lines += count_breaks(&block);
            at += block.len() as u64;
        }
        // damaged bytes may have more line breaks than those that stood there
        Ok(next.map_or(lines, |next| lines.min(next.lines)))
    }

    /// Lines, the one under way included.
    pub fn lines(&self) -> io::Result<u64> {
        if self.length == 0 {
            return Ok(0);
        }
        // The last byte, a line break too, lies in the last line.
        self.line_of(self.length - 1)
    }

    /// Where a line begins.
    pub fn start_of(&self, line: u64) -> io::Result<Option<u64>> {
        let breaks = line.saturating_sub(1);
        if breaks == 0 {
            return Ok((self.length > 0).then_some(0));
        }
        let (entry, next) = self.entries(|entry| entry.lines < breaks)?;
        let (mut left, mut at) = (breaks - entry.lines, entry.byte);
        loop {
            let block = self.read(at, at + BLOCK as u64)?;
            if let Some(next) = next.filter(|next| at >= next.byte) {
                // damaged bytes may have fewer line breaks than those that stood there
                return Ok(Some(next.byte).filter(|start| *start < self.length));
            }
            let here = count_breaks(&block);
            if block.is_empty() {
                return Ok(None);
            } else if here < left {
                left -= here;
                at += block.len() as u64;
            } else {
                let nth = usize::try_from(left - 1).unwrap_or(usize::MAX);
                let found = block.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(nth);
                let start = found.map(|(place, _)| at + place as u64 + 1);
                return Ok(start.filter(|start| *start < self.length));
            }
        }
    }

    /// The bytes of a line, without its line break.
    fn line(&self, line: u64) -> io::Result<Option<Range<u64>>> {
        let Some(start) = self.start_of(line)? else { return Ok(None) };
        let end = match self.start_of(line + 1)? {
            // (one that damage has swallowed is empty)
            Some(next) => (next - 1).max(start),
            None if self.read(self.length - 1, self.length)? == b"\n" => self.length - 1,
            None => self.length,
        };
        Ok(Some(start..end))
    }

    /// Where the line ends in which a byte lies.
    fn end_of_line(&self, byte: u64) -> io::Result<u64> {
        let next = self.start_of(self.line_of(byte)? + 1)?;
        if let Some(next) = next.filter(|next| *next > byte) {
            return Ok(next - 1);
        }
        let mut at = byte;
        while at < self.length {
            let block = self.read(at, at + BLOCK as u64)?;
            if let Some(found) = block.iter().position(|byte| *byte == b'\n') {
                return Ok(at + found as u64);
            }
            at += block.len() as u64;
        }
        Ok(self.length)
    }

    fn read_lines(&self, first: u64, count: usize, most: usize, mut room: usize) -> io::Result<Vec<OutputLine>> {
        let mut lines = Vec::new();
        let Some(mut at) = self.start_of(first)? else { return Ok(lines) };
        let mut number = first;
        let mut block = Vec::new();
        let mut block_at = at;
        // The index is searched once; from there on it is read along.
        let found = self.index.last_where(|entry| entry.byte <= at)?;
        let (mut after, mut entry) = found.map_or_else(|| (0, Entry::default()), |(number, entry)| (number + 1, entry));
        let mut later = self.index.get(after)?;
        while lines.len() < count && room > 0 && at < self.length {
            let mut rest = block.get(usize::try_from(at - block_at).unwrap_or(usize::MAX)..).unwrap_or_default();
            let mut length = memchr::memchr(b'\n', rest);
            if length.is_none() {
                block = self.read(at, at + (BLOCK + most) as u64)?;
                block_at = at;
                rest = &block;
                length = memchr::memchr(b'\n', rest);
            }
            let (end, next) = match length {
                Some(length) => (at + length as u64, at + length as u64 + 1),
                None if at + rest.len() as u64 >= self.length => (self.length, self.length),
                // a very long line: the index knows where it ends
                None => {
                    let end = self.end_of_line(at + rest.len() as u64)?;
                    (end, end + 1)
                }
            };
            let in_block = &rest[..usize::try_from(end - at).unwrap_or(usize::MAX).min(rest.len())];
            let (text, clipped) = self.text_of(in_block, at..end, most)?;
            while let Some(reached) = later.filter(|later| later.byte <= at) {
                (entry, after) = (reached, after + 1);
                later = self.index.get(after)?;
            }
            room = room.saturating_sub(text.len());
            lines.push(OutputLine { number, at: entry.time(), text, clipped, bytes: end - at });
            (at, number) = (next, number + 1);
        }
        Ok(lines)
    }

    /// The text of a line whose first bytes are known.
    fn text_of(&self, first: &[u8], line: Range<u64>, most: usize) -> io::Result<(String, bool)> {
        let length = line.end - line.start;
        let complete = first.len() as u64 == length;
        let mut bytes = if complete { show::last_return(first) } else { first };
        let tail;
        if !complete {
            // the end of a long line tells whether it starts over there
            tail = self.read(line.end.saturating_sub(most as u64).max(line.start), line.end)?;
            let last = show::last_return(&tail);
            if last.len() < tail.len() {
                bytes = last;
            }
        }
        let clipped = bytes.len() > most || bytes.len() == first.len() && !complete;
        let under_way = line.end == self.length;
        bytes = &bytes[..bytes.len().min(most)];
        if clipped || under_way {
            bytes = show::whole_end(bytes);
        }
        Ok((show::text(bytes), clipped))
    }
}
