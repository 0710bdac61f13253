//! Finds the lines of one block in which a pattern matches.

use std::{
    io,
    ops::{ControlFlow, Range},
    path::PathBuf,
};

use regex::bytes::Regex;

use super::{index::count_breaks, search::Hit, show, source::Source};

/// The line in which a block ends is looked at so far beyond it. In a line that goes on even longer, a match of up to this length
/// is found wherever it stands.
const BEYOND: u64 = if cfg!(test) { 40 } else { 64 << 10 };

/// A line mostly ends within so many bytes.
const SOON: u64 = if cfg!(test) { 9 } else { 4 << 10 };
/// Hits that are handed over at once.
const BATCH: usize = if cfg!(test) { 7 } else { 4096 };

/// What one thread needs.
pub struct Matching {
    source: Source,
    /// All that is searched.
    all: Range<u64>,
    pattern: Regex,
    /// Bytes of a line's text.
    most: usize,
    /// Of this, `known` bytes were read; it is not cleared in between, which would cost as much as a search does.
    raw: Vec<u8>,
    known: usize,
    plain: Vec<u8>,
}

impl Matching {
    /// Looks at the bytes `all` of the output in a folder, which begin and end with a line.
    pub fn new(folder: PathBuf, all: Range<u64>, pattern: Regex, most: usize) -> Self {
        Self { source: Source::new(folder, all.end), all, pattern, most, raw: Vec::new(), known: 0, plain: Vec::new() }
    }

    /// Looks at the lines that begin in a block, and hands over those in which the pattern matches, ascending, with the number
    /// of line breaks between the beginning of the block and the line for its number; ends early when that breaks. A line that
    /// is cut by the block's end belongs to it, unless it is a very long one: that is looked at in parts.
    pub fn look(&mut self, block: Range<u64>, found: impl FnMut(Vec<Hit>) -> ControlFlow<()>) -> io::Result<()> {
        self.known = 0;
        self.read(block.start, block.end)?;
        let length = self.known;
        let first = block.start <= self.all.start;
        let last = block.end >= self.all.end;
        let mut end = if last { Some(length) } else { None };
        // mostly the line ends soon
        for more in [SOON, BEYOND] {
            if end.is_none() {
                self.read(block.start + self.known as u64, self.all.end.min(block.end + more))?;
                end = cut(&self.raw[..self.known], length);
            }
        }
        let raw = &self.raw[..self.known];
        let start = if first { Some(0) } else { cut(raw, 0) };
        let begin = start.unwrap_or(0);
        let text = &raw[begin..end.unwrap_or(raw.len()).max(begin)];
        let latest = if end.is_none() { length - begin } else { usize::MAX };
        let part = Part { text, breaks: count_breaks(&raw[..begin]), begins_inside: start.is_none(), latest };
        if memchr::memchr(0x1b, text).is_none() {
            part.hits(&self.pattern, self.most, found);
            return Ok(());
        }
        let mut plain = std::mem::take(&mut self.plain);
        // what is left out moves the latest place of a match
        let latest = if end.is_none() {
            show::strip(&text[..latest], &mut plain);
            plain.len()
        } else {
            usize::MAX
        };
        show::strip(text, &mut plain);
        Part { text: &plain, latest, ..part }.hits(&self.pattern, self.most, found);
        self.plain = plain;
        Ok(())
    }

    /// Reads behind what was read.
    fn read(&mut self, from: u64, to: u64) -> io::Result<()> {
        let known = self.known;
        let end = known + usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
        if self.raw.len() < end {
            self.raw.resize(end, 0);
        }
        self.known += self.source.read(from, &mut self.raw[known..end])?;
        Ok(())
    }
}

/// Where the first line begins that begins behind `at`, if that is near.
fn cut(raw: &[u8], at: usize) -> Option<usize> {
    let end = raw.len().min(at + BEYOND as usize);
    memchr::memchr(b'\n', &raw[at..end]).map(|found| at + found + 1)
}

/// Some lines, or a part of a line that is too long.
struct Part<'a> {
    text: &'a [u8],
    /// Line breaks before it.
    breaks: u64,
    /// It begins inside a line, with a byte that the part before has looked at.
    begins_inside: bool,
    /// Matches that begin behind this place are left alone.
    latest: usize,
}

impl Part<'_> {
    fn hits(&self, pattern: &Regex, most: usize, mut found: impl FnMut(Vec<Hit>) -> ControlFlow<()>) {
        let text = self.text;
        let mut hits = Vec::new();
        let mut line = self.breaks;
        // where the part begins inside a line, that is no place for `^`
        let (mut at, mut counted) = (usize::from(self.begins_inside), 0);
        while at < text.len() {
            let Some(found_at) = pattern.find_at(text, at) else { break };
            if found_at.start() > self.latest || found_at.start() == text.len() && text.ends_with(b"\n") {
                // the empty text behind the last line is none
                break;
            }
            let before = memchr::memrchr(b'\n', &text[..found_at.start()]).map_or(0, |found| found + 1);
            let end = memchr::memchr(b'\n', &text[found_at.start()..]);
            let end = end.map_or(text.len(), |length| found_at.start() + length);
            // a match that crosses the end of its line may be none within the line
            if found_at.end() <= end || pattern.is_match(&text[before..end]) {
                line += count_breaks(&text[counted..before]);
                counted = before;
                hits.push(Hit { line, text: excerpt(&text[before..end], found_at.start() - before, most) });
                if hits.len() == BATCH && found(std::mem::take(&mut hits)).is_break() {
                    return;
                }
            }
            at = end + 1;
        }
        if !hits.is_empty() {
            // nothing comes after it that could be left out
            let _ = found(hits);
        }
    }
}

/// Up to `most` bytes of a line in which there is a match at `start`.
fn excerpt(line: &[u8], start: usize, most: usize) -> String {
    if most == 0 {
        return String::new();
    }
    // some of what stands before it is shown too
    let from = if start < most { 0 } else { start - most / 4 };
    let part = &line[from..line.len().min(from + most)];
    let part = if from > 0 { show::whole_start(part) } else { part };
    show::text(if from + most < line.len() { show::whole_end(part) } else { part })
}
