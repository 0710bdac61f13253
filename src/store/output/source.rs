//! Reads the bytes of an output across its segments, whatever their kind. This is the one place that does.

use std::{io, path::PathBuf};

use super::{
    gap::Gap,
    packed::read_up_to,
    segment::{SEGMENT, Segment},
};

/// The first so many bytes of an output. The segment that was read last stays open, and of a compressed one the last frame in memory.
pub struct Source {
    folder: PathBuf,
    length: u64,
    open: Option<(u64, Option<Segment>)>,
}

impl Source {
    /// The first `length` bytes of the output in a folder. They must have been there once.
    pub fn new(folder: PathBuf, length: u64) -> Self {
        Self { folder, length, open: None }
    }

    /// Reads from byte `from` on; less than asked only at the end. In the place of what is lost there is a [`Gap`].
    pub fn read(&mut self, from: u64, into: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.length.saturating_sub(from)).unwrap_or(usize::MAX).min(into.len());
        let mut done = 0;
        while done < room {
            let at = from + done as u64;
            let (number, within) = (at / SEGMENT, at % SEGMENT);
            let size = SEGMENT.min(self.length - number * SEGMENT);
            let part = usize::try_from(size - within).unwrap_or(usize::MAX).min(room - done);
            self.read_segment(number, within, size, &mut into[done..done + part])?;
            done += part;
        }
        Ok(room)
    }

    /// Reads from one segment, which should have `size` bytes.
    fn read_segment(&mut self, number: u64, within: u64, size: u64, into: &mut [u8]) -> io::Result<()> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != number) {
            self.open = Some((number, Segment::open(&self.folder, number)?));
        }
        let mut segment = self.open.as_mut().and_then(|(_, segment)| segment.as_mut());
        let read = match &mut segment {
            Some(Segment::Plain(file)) => read_up_to(file, within, into)?,
            Some(Segment::Packed(packed)) => packed.read_at(within, into)?,
            None => 0,
        };
        if read < into.len() {
            let there = segment.map_or(Ok(0), |segment| segment.size())?.min(size);
            let from = (within + read as u64).saturating_sub(there);
            Gap::of(size - there).copy(from, &mut into[read..]);
        }
        Ok(())
    }
}
