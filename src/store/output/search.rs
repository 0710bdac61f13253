//! Searches an output, block by block.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use regex::bytes::{Regex, RegexBuilder};

use super::{
    index::count_breaks,
    reader::{Moment, Reader},
    show,
};

/// What is searched at once, and twice as much at most.
const BLOCK: u64 = if cfg!(test) { 700 } else { 512 << 10 };
/// In a line that is longer than a block, a match of up to this length is found wherever it stands.
const OVERLAP: u64 = if cfg!(test) { 40 } else { 16 << 10 };

/// Which way to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To later lines.
    Forward,
    /// To earlier lines.
    Backward,
}

/// Compiles what a person typed for [`Reader::search`].
pub fn pattern(text: &str, ignore_case: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).case_insensitive(ignore_case).multi_line(true).build()
}

impl Reader {
    /// Numbers of up to `limit` lines in which `pattern` (made by [`pattern`]) matches, beginning with line `from`, nearest
    /// first. Colours are not seen; what a lone `\r` has overwritten is. Ends early, with what was found, when `cancel`
    /// becomes true.
    pub fn search(
        &self,
        pattern: &Regex,
        from: u64,
        direction: Direction,
        limit: usize,
        cancel: &AtomicBool,
    ) -> io::Result<Vec<u64>> {
        let moment = self.now()?;
        let mut search = Search { moment: &moment, pattern, plain: Vec::new(), found: Vec::new() };
        match direction {
            Direction::Forward => search.forward(from.max(1), limit, cancel)?,
            Direction::Backward => search.backward(from, limit, cancel)?,
        }
        search.found.truncate(limit);
        Ok(search.found)
    }
}

struct Search<'a> {
    moment: &'a Moment<'a>,
    pattern: &'a Regex,
    /// A block without its colours.
    plain: Vec<u8>,
    found: Vec<u64>,
}

/// Some lines, or a part of a line that is too long.
struct Part<'a> {
    text: &'a [u8],
    /// Number of the first line.
    line: u64,
    begins_inside: bool,
    ends_inside: bool,
}

impl Search<'_> {
    fn forward(&mut self, from: u64, limit: usize, cancel: &AtomicBool) -> io::Result<()> {
        let Some(mut at) = self.moment.start_of(from)? else { return Ok(()) };
        let (mut line, mut inside) = (from, false);
        while at < self.moment.length && self.found.len() < limit && !cancel.load(Relaxed) {
            let block = self.moment.read(at, at + BLOCK)?;
            if block.is_empty() {
                break;
            }
            let last = at + block.len() as u64 >= self.moment.length;
            let end = match block.iter().rposition(|byte| *byte == b'\n') {
                _ if last => block.len(),
                Some(last) => last + 1,
                None => block.len(),
            };
            let ends_inside = !last && block[end - 1] != b'\n';
            self.block(Part { text: &block[..end], line, begins_inside: inside, ends_inside }, limit);
            line += count_breaks(&block[..end]);
            at += end as u64 - if ends_inside { OVERLAP } else { 0 };
            inside = ends_inside;
        }
        Ok(())
    }

    fn backward(&mut self, from: u64, limit: usize, cancel: &AtomicBool) -> io::Result<()> {
        let mut end = self.moment.start_of(from + 1)?.unwrap_or(self.moment.length);
        let mut ends_inside = false;
        while end > 0 && self.found.len() < limit && !cancel.load(Relaxed) {
            let mut start = end.saturating_sub(BLOCK);
            let mut block = self.moment.read(start, end)?;
            let (mut next, mut begins_inside) = (start, false);
            if start > 0 {
                match block[..block.len() - 1].iter().position(|byte| *byte == b'\n') {
                    Some(first) => {
                        block.drain(..=first);
                        start += first as u64 + 1;
                        next = start;
                    }
                    // inside a long line: the parts of it overlap
                    None => (next, begins_inside) = (start + OVERLAP, true),
                }
            }
            let line = self.moment.line_of(start)?;
            let known = self.found.len();
            self.block(Part { text: &block, line, begins_inside, ends_inside }, usize::MAX);
            ends_inside = begins_inside;
            self.found[known..].reverse();
            self.found.dedup();
            end = next;
        }
        Ok(())
    }

    /// Adds the lines of a part in which the pattern matches.
    fn block(&mut self, part: Part<'_>, limit: usize) {
        let mut plain = std::mem::take(&mut self.plain);
        let text = if part.text.contains(&0x1b) {
            show::strip(part.text, &mut plain);
            &plain[..]
        } else {
            part.text
        };
        let mut line = part.line;
        // where the part begins or ends inside a line, that is no place for `^` or `$`
        let (mut at, mut counted) = (usize::from(part.begins_inside), 0);
        let again = if part.ends_inside { text.len().saturating_sub(OVERLAP as usize) } else { usize::MAX };
        while self.found.len() < limit {
            let Some(found) = self.pattern.find_at(text, at) else { break };
            if found.start() == text.len() && text.ends_with(b"\n") {
                // the empty text behind the last line is none
                break;
            }
            if found.end() == text.len() && found.start() > again {
                // seen whole with the next part
                break;
            }
            let before = text[..found.start()].iter().rposition(|byte| *byte == b'\n').map_or(0, |found| found + 1);
            let end = text[found.start()..].iter().position(|byte| *byte == b'\n');
            let end = end.map_or(text.len(), |length| found.start() + length);
            // a match that crosses the end of its line may be none within the line
            if found.end() <= end || self.pattern.is_match(&text[before..end]) {
                line += count_breaks(&text[counted..before]);
                counted = before;
                if self.found.last() != Some(&line) {
                    self.found.push(line);
                }
            }
            at = end + 1;
            if at >= text.len() {
                break;
            }
        }
        self.plain = plain;
    }
}
