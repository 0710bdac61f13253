//! Searches an output, block by block, and tells of what it finds at once.

use std::{
    io,
    num::NonZero,
    ops::{ControlFlow, Range},
    sync::{
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use regex::bytes::{Regex, RegexBuilder};

use super::{
    matching::Matching,
    reader::{Moment, Reader},
};

/// What is searched at once.
const BLOCK: u64 = if cfg!(test) { 701 } else { 512 << 10 };
/// Blocks that one thread takes one after the other: a compressed frame that lies in two of them is unpacked once.
const RUN: u64 = 4;
/// What a thread may have to say before somebody listens: two runs without a hit.
const AHEAD: usize = 2 * RUN as usize;
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
    /// Uses up to four threads of its own, and about 2 MB a thread.
    pub fn find(
        &self,
        wanted: &Wanted<'_>,
        cancel: &AtomicBool,
        mut found: impl FnMut(Hits) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let forward = wanted.direction == Direction::Forward;
        let moment = self.now()?;
        let from = wanted.from.max(1);
        let bytes = if forward {
            let Some(start) = moment.start_of(from)? else { return Ok(()) };
            start..moment.length
        } else {
            0..moment.start_of(from.saturating_add(1))?.unwrap_or(moment.length)
        };
        let count = bytes.end.div_ceil(BLOCK) - bytes.start / BLOCK;
        // block `number` on the way
        let block = |number: u64| {
            let number = if forward { bytes.start / BLOCK + number } else { bytes.end.div_ceil(BLOCK) - 1 - number };
            bytes.start.max(number * BLOCK)..bytes.end.min((number + 1) * BLOCK)
        };
        let near = if forward { (bytes.start, from - 1) } else { (0, 0) };
        let all = bytes.end - bytes.start;
        let mut told = Told { moment, all, searched: 0, forward, near, last: 0, at: Instant::now() };
        let threads = thread::available_parallelism().map_or(1, NonZero::get) as u64;
        let threads = threads.min(THREADS).min(count.div_ceil(RUN));
        thread::scope(|scope| {
            // Each thread takes a few blocks one after the other, then leaves as many to each of the others.
            let results: Vec<_> = (0..threads)
                .map(|thread| {
                    let (send, results) = sync_channel(AHEAD);
                    let blocks = (0..count).filter(move |number| number / RUN % threads == thread).map(&block);
                    let matching =
                        Matching::new(self.folder.clone(), bytes.clone(), wanted.pattern.clone(), wanted.text);
                    scope.spawn(move || work(matching, blocks, &send, cancel));
                    results
                })
                .collect();
            for number in 0..count {
                let results = &results[(number / RUN % threads) as usize];
                if told.block(&block(number), results, cancel, &mut found)?.is_break() {
                    break;
                }
            }
            Ok(())
        })
    }
}

/// What a thread has to say of a block.
enum Step {
    Hits(Vec<Hit>),
    Done(io::Result<()>),
}

/// What a thread does. It waits when it is [`AHEAD`].
fn work(
    mut matching: Matching,
    blocks: impl Iterator<Item = Range<u64>>,
    send: &SyncSender<Step>,
    cancel: &AtomicBool,
) {
    // sending fails when nobody wants to know any more
    let tell = |step| match send.send(step) {
        Ok(()) if !cancel.load(Relaxed) => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    };
    for block in blocks {
        let done = matching.look(block, |hits| tell(Step::Hits(hits)));
        if tell(Step::Done(done)).is_break() {
            break;
        }
    }
}

/// What was told of a search so far.
struct Told {
    moment: Moment,
    all: u64,
    searched: u64,
    forward: bool,
    /// A byte before all that is still to come, and the line breaks before it.
    near: (u64, u64),
    /// The line that was found last.
    last: u64,
    at: Instant,
}

impl Told {
    /// Tells of what a thread finds in a block.
    fn block(
        &mut self,
        block: &Range<u64>,
        results: &Receiver<Step>,
        cancel: &AtomicBool,
        found: &mut impl FnMut(Hits) -> ControlFlow<()>,
    ) -> io::Result<ControlFlow<()>> {
        let mut lines = Vec::new();
        loop {
            // a thread that says nothing more was cancelled
            let step = results.recv().ok().filter(|_| !cancel.load(Relaxed));
            match step {
                None => return Ok(ControlFlow::Break(())),
                Some(Step::Hits(hits)) if self.forward => {
                    if self.hits(block, hits, found)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                // backward, the last of a block come first
                Some(Step::Hits(hits)) => lines.extend(hits),
                Some(Step::Done(done)) => {
                    done?;
                    lines.reverse();
                    self.searched += block.end - block.start;
                    return self.hits(block, lines, found);
                }
            }
        }
    }

    /// Tells of lines in a block, which are counted from its beginning, or of how far it is.
    fn hits(
        &mut self,
        block: &Range<u64>,
        mut lines: Vec<Hit>,
        found: &mut impl FnMut(Hits) -> ControlFlow<()>,
    ) -> io::Result<ControlFlow<()>> {
        if !lines.is_empty() {
            let breaks = self.moment.breaks_before(block.start, self.near)?;
            if self.forward {
                self.near = (block.start, breaks);
            }
            lines.iter_mut().for_each(|hit| hit.line += breaks + 1);
            // a line that lies in two blocks may be found in both
            if lines.first().is_some_and(|first| first.line == self.last) {
                lines.remove(0);
            }
        }
        let finished = self.searched == self.all;
        if lines.is_empty() && !finished && self.at.elapsed() < TELL {
            return Ok(ControlFlow::Continue(()));
        }
        self.last = lines.last().map_or(self.last, |last| last.line);
        self.at = Instant::now();
        Ok(found(Hits { lines, searched: self.searched, all: self.all }))
    }
}
