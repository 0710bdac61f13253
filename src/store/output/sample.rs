//! The bytes of an output, for those who read it as a whole (the diagnosis, a download).

use std::{io, ops::Range};

use super::reader::Reader;

/// What is handed over at once.
const CHUNK: u64 = 256 << 10;

/// The beginning and the end of an output, in whole lines where they are not longer than the sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// From the first byte on. All of it, if nothing is omitted.
    pub head: Vec<u8>,
    /// Bytes between head and tail.
    pub omitted: u64,
    /// Number of the tail's first line.
    pub tail_line: u64,
    /// Up to the last byte.
    pub tail: Vec<u8>,
}

impl Reader {
    /// Some bytes, or as many of them as there are.
    pub fn bytes(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        self.now()?.read(range.start, range.end)
    }

    /// Hands over the whole output, as long as it was when this began, until `take` says false.
    pub fn for_each_chunk(&self, mut take: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
        let moment = self.now()?;
        let mut at = 0;
        while at < moment.length {
            let chunk = moment.read(at, at + CHUNK)?;
            if chunk.is_empty() || !take(&chunk) {
                break;
            }
            at += chunk.len() as u64;
        }
        Ok(())
    }

    /// The whole output if it has at most `most` bytes; otherwise the first fifth of as many and the rest from its end.
    pub fn sample(&self, most: usize) -> io::Result<Sample> {
        let moment = self.now()?;
        if moment.length <= most as u64 {
            return Ok(Sample {
                head: moment.read(0, moment.length)?,
                tail_line: moment.lines()? + 1,
                ..Sample::default()
            });
        }
        let mut head = moment.read(0, most as u64 / 5)?;
        if let Some(last) = head.iter().rposition(|byte| *byte == b'\n') {
            head.truncate(last + 1);
        }
        let mut start = moment.length - (most - most / 5) as u64;
        let mut tail = moment.read(start, moment.length)?;
        if let Some(first) = tail.iter().position(|byte| *byte == b'\n').filter(|first| first + 1 < tail.len()) {
            tail.drain(..=first);
            start += first as u64 + 1;
        }
        Ok(Sample { omitted: start - head.len() as u64, tail_line: moment.line_of(start)?, head, tail })
    }
    /// The same in one piece, with a line in between that says how much was left out.
    pub fn capped(&self, most: usize) -> io::Result<Vec<u8>> {
        let sample = self.sample(most)?;
        let mut bytes = sample.head;
        if sample.omitted > 0 {
            bytes.extend_from_slice(format!("[gonogo: {} bytes left out]\n", sample.omitted).as_bytes());
            bytes.extend_from_slice(&sample.tail);
        }
        Ok(bytes)
    }
}
