//! Searches an output, block by block, and tells of what it finds at once.

use std::{
    io,
    num::NonZero,
    ops::{ControlFlow, Range},
    sync::{
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::sync_channel,
    },
    thread,
    time::{Duration, Instant},
};

use regex::bytes::{Regex, RegexBuilder};

use super::{
    matching::{Found, Matching},
    reader::Reader,
};

/// What is searched at once.
const BLOCK: u64 = if cfg!(test) { 701 } else { 1 << 20 };
/// Threads that search. More would not be faster than the memory.
const THREADS: u64 = 4;
/// Where nothing is found, how far the search is is told so often.
const TELL: Duration = Duration::from_millis(100);

/// Which way to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To later lines.
    Forward,
    /// To earlier lines.
    Backward,
}

/// What to search for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Made by [`pattern`].
    pub pattern: &'a Regex,
    /// The line to begin with; 1 is the first.
    pub from: u64,
    /// Which way to go from there.
    pub direction: Direction,
    /// At most so many bytes of the text of a line that is found; 0 where only its number is wanted.
    pub text: usize,
}

/// A line that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// 1 is the first.
    pub line: u64,
    /// The beginning of the line without its colours, made harmless; of a longer line the surroundings of the match.
    pub text: String,
}

/// What a search has come to since it last told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// Lines that were found, nearest first.
    pub lines: Vec<Hit>,
    /// Bytes that were searched, from the beginning.
    pub searched: u64,
    /// Bytes that there are to search.
    pub all: u64,
}

/// Compiles what a person typed for [`Reader::find`].
pub fn pattern(text: &str, ignore_case: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).case_insensitive(ignore_case).multi_line(true).build()
}

impl Reader {
    /// Hands over the lines in which a pattern matches, in order and as they are found, and at least every 100 ms how far it
    /// is; at the end, `searched` is `all`. Colours are not seen; what a lone `\r` has overwritten is. Ends early when `found`
    /// breaks, or soon after `cancel` becomes true.
    ///
    /// Uses a few threads of its own, and up to 3 MB a thread.
    pub fn find(
        &self,
        wanted: &Wanted<'_>,
        cancel: &AtomicBool,
        mut found: impl FnMut(Hits) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let forward = wanted.direction == Direction::Forward;
        let moment = self.now()?;
        let Some((bytes, breaks)) = (if forward {
            moment.start_of(wanted.from.max(1))?.map(|start| (start..moment.length, wanted.from.max(1) - 1))
        } else {
            Some(match moment.start_of(wanted.from.saturating_add(1))? {
                Some(end) => (0..end, wanted.from),
                None => (0..moment.length, moment.line_of(moment.length)? - 1),
            })
        }) else {
            return Ok(());
        };
        let count = bytes.end.div_ceil(BLOCK) - bytes.start / BLOCK;
        // block `number` on the way
        let block = |number: u64| {
            let number = if forward { bytes.start / BLOCK + number } else { bytes.end.div_ceil(BLOCK) - 1 - number };
            bytes.start.max(number * BLOCK)..bytes.end.min((number + 1) * BLOCK)
        };
        let mut told = Told { all: bytes.end - bytes.start, searched: 0, breaks, forward, last: 0, at: Instant::now() };
        let matching = || Matching::new(self.folder.clone(), bytes.clone(), wanted.pattern.clone(), wanted.text);
        let threads = thread::available_parallelism().map_or(1, NonZero::get) as u64;
        let threads = threads.min(THREADS).min(count);
        if threads < 2 {
            let mut matching = matching();
            for block in (0..count).map(block) {
                if cancel.load(Relaxed) || told.tell(&block, matching.look(block.clone())?, &mut found).is_break() {
                    break;
                }
            }
            return Ok(());
        }
        thread::scope(|scope| {
            // Each thread takes every so-manieth block, and waits when it is two of them ahead.
            let (block, matching) = (&block, &matching);
            let results: Vec<_> = (0..threads)
                .map(|first| {
                    let (send, results) = sync_channel(2);
                    scope.spawn(move || {
                        let mut matching = matching();
                        for number in (first..count).step_by(threads as usize) {
                            // it fails when nobody wants to know any more
                            if cancel.load(Relaxed) || send.send(matching.look(block(number))).is_err() {
                                break;
                            }
                        }
                    });
                    results
                })
                .collect();
            for number in 0..count {
                let Ok(result) = results[(number % threads) as usize].recv() else { break };
                if cancel.load(Relaxed) || told.tell(&block(number), result?, &mut found).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Numbers of up to `limit` lines in which `pattern` (made by [`pattern`]) matches, beginning with line `from`, nearest
    /// first: [`Self::find`] for those who can wait. Ends early, with what was found, when `cancel` becomes true.
    pub fn search(
        &self,
        pattern: &Regex,
        from: u64,
        direction: Direction,
        limit: usize,
        cancel: &AtomicBool,
    ) -> io::Result<Vec<u64>> {
        let mut lines = Vec::new();
        if limit > 0 {
            self.find(&Wanted { pattern, from, direction, text: 0 }, cancel, |hits| {
                lines.extend(hits.lines.iter().map(|hit| hit.line).take(limit - lines.len()));
                if lines.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
        }
        Ok(lines)
    }
}

/// What was told of a search so far.
struct Told {
    all: u64,
    searched: u64,
    /// Line breaks before the next block; backward, before its end.
    breaks: u64,
    forward: bool,
    /// The line that was found last.
    last: u64,
    at: Instant,
}

impl Told {
    fn tell(
        &mut self,
        block: &Range<u64>,
        in_block: Found,
        found: &mut impl FnMut(Hits) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.searched += block.end - block.start;
        if !self.forward {
            self.breaks = self.breaks.saturating_sub(in_block.breaks);
        }
        let mut lines = in_block.hits;
        lines.iter_mut().for_each(|hit| hit.line += self.breaks + 1);
        if self.forward {
            self.breaks += in_block.breaks;
        } else {
            lines.reverse();
        }
        // a line that lies in two blocks may be found in both
        if lines.first().is_some_and(|first| first.line == self.last) {
            lines.remove(0);
        }
        if let Some(last) = lines.last() {
            self.last = last.line;
        }
        if lines.is_empty() && self.searched < self.all && self.at.elapsed() < TELL {
            return ControlFlow::Continue(());
        }
        self.at = Instant::now();
        found(Hits { lines, searched: self.searched, all: self.all })
    }
}
