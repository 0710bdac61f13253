//! Finds the lines of one block in which a pattern matches.

use std::{io, ops::Range, path::PathBuf};

use regex::bytes::Regex;

use super::{index::count_breaks, search::Hit, show, source::Source};

/// The line in which a block ends is looked at so far beyond it. In a line that goes on even longer, a match of up to this length
/// is found wherever it stands.
const BEYOND: u64 = if cfg!(test) { 40 } else { 64 << 10 };

/// What one thread needs.
pub struct Matching {
    source: Source,
    /// All that is searched.
    all: Range<u64>,
    pattern: Regex,
    /// Bytes of a line's text.
    most: usize,
    raw: Vec<u8>,
    plain: Vec<u8>,
}

/// What was found in a block.
pub struct Found {
    /// Line breaks in the block.
    pub breaks: u64,
    /// Ascending, with the number of line breaks between the beginning of the block and the line for its number.
    pub hits: Vec<Hit>,
}

impl Matching {
    /// Looks at the bytes `all` of the output in a folder, which begin and end with a line.
    pub fn new(folder: PathBuf, all: Range<u64>, pattern: Regex, most: usize) -> Self {
        Self { source: Source::new(folder, all.end), all, pattern, most, raw: Vec::new(), plain: Vec::new() }
    }

    /// Looks at the lines that begin in a block. A line that is cut by its end belongs to it, unless it is a very long one: that
    /// is looked at in parts.
    pub fn look(&mut self, block: Range<u64>) -> io::Result<Found> {
        let beyond = self.all.end.min(block.end + BEYOND);
        self.raw.resize(usize::try_from(beyond - block.start).unwrap_or(usize::MAX), 0);
        let read = self.source.read(block.start, &mut self.raw)?;
        self.raw.truncate(read);
        let length = usize::try_from(block.end - block.start).unwrap_or(usize::MAX).min(read);
        let begins_inside = block.start > self.all.start && cut(&self.raw, 0).is_none();
        let begin = if block.start > self.all.start { cut(&self.raw, 0).unwrap_or(0) } else { 0 };
        let end = if block.end < self.all.end { cut(&self.raw, length) } else { Some(read) };
        let mut found = Found { breaks: count_breaks(&self.raw[..length]), hits: Vec::new() };
        let text = &self.raw[begin..end.unwrap_or(read).max(begin)];
        let part = Part {
            text,
            breaks: count_breaks(&self.raw[..begin]),
            begins_inside,
            // what begins later is seen with the next block
            latest: if end.is_none() { length - begin } else { usize::MAX },
        };
        if text.contains(&0x1b) {
            // what is left out moves the latest place of a match
            let mut plain = std::mem::take(&mut self.plain);
            let latest = if end.is_none() {
                show::strip(&text[..part.latest], &mut plain);
                plain.len()
            } else {
                usize::MAX
            };
            show::strip(text, &mut plain);
            part_hits(&self.pattern, self.most, &Part { text: &plain, latest, ..part }, &mut found.hits);
            self.plain = plain;
        } else {
            part_hits(&self.pattern, self.most, &part, &mut found.hits);
        }
        Ok(found)
    }
}

/// Where the first line begins that begins behind `at`, if that is near.
fn cut(raw: &[u8], at: usize) -> Option<usize> {
    let end = raw.len().min(at + BEYOND as usize);
    raw[at..end].iter().position(|byte| *byte == b'\n').map(|found| at + found + 1)
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

/// Adds the lines of a part in which the pattern matches.
fn part_hits(pattern: &Regex, most: usize, part: &Part<'_>, hits: &mut Vec<Hit>) {
    let text = part.text;
    let mut line = part.breaks;
    // where the part begins inside a line, that is no place for `^`
    let (mut at, mut counted) = (usize::from(part.begins_inside), 0);
    while at < text.len() {
        let Some(found) = pattern.find_at(text, at) else { break };
        if found.start() > part.latest || found.start() == text.len() && text.ends_with(b"\n") {
            // the empty text behind the last line is none
            break;
        }
        let before = text[..found.start()].iter().rposition(|byte| *byte == b'\n').map_or(0, |found| found + 1);
        let end = text[found.start()..].iter().position(|byte| *byte == b'\n');
        let end = end.map_or(text.len(), |length| found.start() + length);
        // a match that crosses the end of its line may be none within the line
        if found.end() <= end || pattern.is_match(&text[before..end]) {
            line += count_breaks(&text[counted..before]);
            counted = before;
            hits.push(Hit { line, text: excerpt(&text[before..end], found.start() - before, most) });
        }
        at = end + 1;
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
