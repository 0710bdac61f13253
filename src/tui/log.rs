//! What the log pane remembers: which output, where in it, and the few lines around there that have been read.

use std::collections::BTreeMap;

use crate::{
    domain::id::OutputId,
    protocol::query::{OutputLine, Page, Query},
};

use super::widget::{ansi, columns, text_input::TextInput};

/// Lines read in one go, at most.
const BATCH: u64 = 512;
/// Lines remembered, at most: what scrolling back a few screens needs.
const KEPT: usize = 4096;

/// The log pane.
#[derive(Clone, Debug, Default)]
pub struct LogPane {
    /// Which output is shown.
    pub output: Option<OutputId>,
    /// The person chose it, or has scrolled in it: it isn't changed for another by itself.
    pub pinned: bool,
    /// Lines in the whole output as far as is known.
    pub total: u64,
    /// First line shown.
    pub top: u64,
    /// Rows of it (when wrapped) that stand above the pane.
    pub skip: usize,
    /// The newest line stays in sight.
    pub follow: bool,
    /// Lines that were there when following was given up: what came since is new.
    pub seen: u64,
    /// Long lines are wrapped.
    pub wrap: bool,
    /// The time of each line is shown.
    pub time: bool,
    /// Columns that stand left of the pane.
    pub shift: usize,
    /// The line that was jumped to.
    pub mark: Option<u64>,
    /// What was searched for.
    pub search: Option<Search>,
    /// What is being typed: what to look for, or where to go.
    pub field: Option<Field>,
    /// How far a search that is under way has come: bytes, of how many.
    pub searched: (u64, u64),
    lines: BTreeMap<u64, OutputLine>,
    /// Reads under way: from, to.
    reading: Vec<(u64, u64)>,
    known: bool,
    /// Why lines could not be read; not asked for again until something changes.
    stuck: Option<String>,
}

/// A line that is being typed at the bottom of the pane.
#[derive(Clone, Debug)]
pub struct Field {
    /// What for.
    pub seek: Seek,
    /// What has been typed.
    pub input: TextInput,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// Lines that match.
    Text,
    /// The line with a number.
    Line,
    /// The line that was written at a time of day.
    Time,
}

/// A search.
#[derive(Clone, Debug)]
pub struct Search {
    /// As typed.
    pub pattern: String,
    /// To show what was found; `None` where only the other side can read the pattern.
    pub regex: Option<regex::Regex>,
    /// Number of lines that match, once it is known, and whether there may be more.
    pub hits: Option<(usize, bool)>,
}

impl Search {
    /// Letters match both cases unless one is a capital.
    pub fn new(pattern: &str) -> Self {
        let both_cases = !pattern.chars().any(char::is_uppercase);
        let regex = regex::RegexBuilder::new(pattern).case_insensitive(both_cases).size_limit(1 << 20).build().ok();
        Self { pattern: pattern.to_owned(), regex, hits: None }
    }
}

impl LogPane {
    /// Shows nothing, in the person's manner.
    pub fn empty(wrap: bool, time: bool) -> Self {
        Self { follow: true, wrap, time, ..Self::default() }
    }

    /// Shows another output: from its end if it is still being written, else from its beginning.
    pub fn show(&mut self, output: OutputId, total: Option<u64>, follow: bool) {
        *self = Self {
            output: Some(output),
            pinned: self.pinned,
            total: total.unwrap_or(0),
            seen: total.unwrap_or(0),
            known: total.is_some(),
            follow,
            wrap: self.wrap,
            time: self.time,
            search: self.search.take().map(|search| Search { hits: None, ..search }),
            field: self.field.take(),
            ..Self::default()
        };
    }

    /// The output has grown. Gives back whether anything on the screen changes.
    pub fn grew(&mut self, output: &OutputId, total: u64) -> bool {
        if self.output.as_ref() != Some(output) || (self.known && total <= self.total) {
            return false;
        }
        // The last line may have been read while it was half written.
        if let Some(last) = self.total.checked_sub(1) {
            self.lines.remove(&last);
        }
        self.total = total;
        self.known = true;
        self.stuck = None;
        true
    }

    /// What was read is of another log: it is read again.
    pub fn forget(&mut self) {
        self.lines.clear();
        self.reading.clear();
        self.stuck = None;
    }

    /// A read was not asked for after all.
    pub fn not_read(&mut self, output: &OutputId, asked: (u64, u64)) {
        if self.output.as_ref() == Some(output) {
            self.reading.retain(|range| *range != asked);
        }
    }

    /// Something has happened: what could not be read may be there now.
    pub fn retry(&mut self) {
        self.stuck = None;
    }

    /// Why nothing can be shown, if that is so.
    pub fn stuck(&self) -> Option<&str> {
        self.stuck.as_deref()
    }

    /// Lines that came since following was given up.
    pub fn new_lines(&self) -> u64 {
        if self.follow { 0 } else { self.total.saturating_sub(self.seen) }
    }

    /// A line, if it has been read.
    pub fn line(&self, number: u64) -> Option<&OutputLine> {
        self.lines.get(&number)
    }

    /// Takes in lines that were asked for.
    pub fn read(&mut self, output: &OutputId, asked: (u64, u64), page: Page) {
        if self.output.as_ref() != Some(output) {
            return;
        }
        self.reading.retain(|range| *range != asked);
        self.total = self.total.max(page.total_lines);
        if !self.known {
            self.known = true;
            self.seen = self.total;
        }
        if page.lines.is_empty() && self.total > asked.0 {
            self.stuck = Some("these lines are not there any more".into());
        }
        for (number, line) in (page.first..).zip(page.lines) {
            self.lines.insert(number, line);
        }
        while self.lines.len() > KEPT {
            let (first, last) = (self.lines.keys().next(), self.lines.keys().next_back());
            let (Some(&first), Some(&last)) = (first, last) else { break };
            let far = if self.top.abs_diff(first) > self.top.abs_diff(last) { first } else { last };
            self.lines.remove(&far);
        }
    }

    /// A read came to nothing: it is tried again when something changes.
    pub fn unread(&mut self, output: &OutputId, asked: (u64, u64), why: String) {
        if self.output.as_ref() == Some(output) {
            self.reading.retain(|range| *range != asked);
            self.stuck = Some(why);
        }
    }

    /// Rows that a line takes.
    pub fn rows(&self, number: u64, width: usize) -> usize {
        if !self.wrap {
            return 1;
        }
        let text = self.line(number).map_or("", |line| &line.text);
        columns::width(&ansi::plain(text)).div_ceil(width.max(1)).max(1)
    }

    /// Puts the pane where it belongs in a space of `height` rows, and says what must be read for that.
    pub fn settle(&mut self, height: usize, width: usize) -> Option<(Query, (u64, u64))> {
        self.place(height, width);
        let (first, count) = self.missing(height as u64)?;
        let output = self.output.clone()?;
        let asked = (first, first + count);
        self.reading.push(asked);
        Some((Query::Lines { output, first, count: count as u32 }, asked))
    }

    /// Puts the pane where it belongs; gives back whether something must be read for that.
    pub fn place(&mut self, height: usize, width: usize) -> bool {
        let height_lines = height as u64;
        if self.follow {
            let end = self.readable_end(height_lines);
            self.seen = self.total;
            (self.top, self.skip) = self.top_for(end, height, width);
        } else {
            let (last_top, last_skip) = self.top_for(self.total, height, width);
            if (self.top, self.skip) > (last_top, last_skip) {
                (self.top, self.skip) = (last_top, last_skip);
            }
        }
        self.missing(height_lines).is_some()
    }

    /// Lines have been asked for that are not there yet.
    pub fn is_reading(&self) -> bool {
        !self.reading.is_empty()
    }

    /// The end up to which a whole pane of lines has been read, if that is near the true end: shown until the rest is there.
    fn readable_end(&self, height: u64) -> u64 {
        let Some((&last, _)) = self.lines.last_key_value() else { return self.total };
        let whole = (last.saturating_sub(height.saturating_sub(1))..=last).all(|n| self.lines.contains_key(&n));
        if whole { (last + 1).min(self.total) } else { self.total }
    }

    /// Which line, and row of it, stands first when `end` stands last.
    fn top_for(&self, end: u64, height: usize, width: usize) -> (u64, usize) {
        if !self.wrap {
            return (end.saturating_sub(height as u64), 0);
        }
        let mut left = height;
        let mut top = end;
        while top > 0 && left > 0 {
            top -= 1;
            let rows = self.rows(top, width);
            if rows > left {
                return (top, rows - left);
            }
            left -= rows;
        }
        (top, 0)
    }

    /// What to read next, from and how many: what is shown and is not there, with a screen more either way. One read at a time
    /// of an end that moves on.
    fn missing(&self, height: u64) -> Option<(u64, u64)> {
        let at_once = if self.follow { 1 } else { 4 };
        if self.output.is_none() || self.stuck.is_some() || self.reading.len() >= at_once {
            return None;
        }
        let (low, high) = if self.known {
            let end = if self.follow { self.total } else { self.top + height };
            (end.saturating_sub(2 * height), (end + height).min(self.total))
        } else {
            (0, BATCH)
        };
        let gap = |n: &u64| !self.lines.contains_key(n) && !self.reading.iter().any(|(a, b)| (a..b).contains(&n));
        let first = (low..high).find(gap)?;
        let last = (low..high).rev().find(gap).unwrap_or(first);
        Some((first, (last + 1 - first).min(BATCH)))
    }

    /// Moves by rows; gives up following.
    pub fn scroll(&mut self, by: i64, width: usize) {
        self.let_go();
        for _ in 0..by.unsigned_abs() {
            if by < 0 {
                if self.skip > 0 {
                    self.skip -= 1;
                } else if self.top > 0 {
                    self.top -= 1;
                    self.skip = self.rows(self.top, width) - 1;
                }
            } else if self.skip + 1 < self.rows(self.top, width) {
                self.skip += 1;
            } else if self.top + 1 < self.total {
                self.top += 1;
                self.skip = 0;
            }
        }
    }

    /// Gives up following: from now on the log stays where it is.
    pub fn let_go(&mut self) {
        self.pinned = true;
        if self.follow {
            self.follow = false;
            self.seen = self.total;
        }
    }

    /// Follows from now on.
    pub fn follow(&mut self) {
        self.follow = true;
        self.mark = None;
        self.shift = 0;
    }

    /// Shows a line in the upper third, marked.
    pub fn jump(&mut self, line: u64, height: usize) {
        self.let_go();
        self.mark = Some(line);
        self.skip = 0;
        self.top = line.saturating_sub(height as u64 / 3);
    }

    /// Where a search goes on from: the marked line if it is in sight, else the first in sight.
    pub fn here(&self, height: usize) -> u64 {
        self.mark.filter(|mark| (self.top..self.top + height as u64).contains(mark)).unwrap_or(self.top)
    }
}

/// What `e` looks for in an output: the words with which tools say that something is wrong. Counts of nought don't.
pub const ERROR_PATTERN: &str = concat!(
    r"^\s*(error|Error|ERROR|not ok)\b|^\s*[✗✘]|^E   |\b[Ee]rror(\[\w+\])?:|\bERROR\b|\bERR!|\bfatal( error)?:|\bFAIL(ED|URE)?\b",
    r"|\b[1-9]\d* (errors?|failed|failing|failures?)\b|\bpanicked at\b|\bTraceback \(|\b\w+(Error|Exception)\b",
    r"|\berror TS\d+|[Cc]ommand not found|[Pp]ermission denied|[Nn]o such file or directory|\bassertion .*failed\b",
);

/// Whether a line says that something is wrong, for the mark at its left.
pub fn says_error(text: &str) -> bool {
    use std::sync::LazyLock;
    static ERROR: LazyLock<Option<regex::Regex>> = LazyLock::new(|| regex::Regex::new(ERROR_PATTERN).ok());
    ERROR.as_ref().is_some_and(|error| error.is_match(text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::id::{JobKey, RunId};

    fn output() -> OutputId {
        OutputId::attempt(RunId(1), &JobKey::from("test"), 1)
    }

    fn page(first: u64, count: u64, total: u64) -> Page {
        let line = |n| OutputLine { text: format!("line {n}"), ..OutputLine::default() };
        Page { first, total_lines: total, total_bytes: 0, lines: (first..first + count).map(line).collect() }
    }

    fn answer(log: &mut LogPane, total: u64, height: usize) -> usize {
        let mut reads = 0;
        while let Some((Query::Lines { first, count, .. }, asked)) = log.settle(height, 80) {
            reads += 1;
            let count = u64::from(count).min(total.saturating_sub(first));
            log.read(&output(), asked, page(first, count, total));
            assert!(reads < 20, "it reads for ever");
        }
        reads
    }

    #[test]
    fn a_long_log_opens_at_its_end_with_few_reads() {
        let mut log = LogPane::default();
        log.show(output(), None, true);
        let reads = answer(&mut log, 10_000_000, 20);
        assert!(reads <= 3, "{reads} reads");
        assert_eq!(log.top, 10_000_000 - 20);
        assert!((log.top..log.total).all(|n| log.line(n).is_some()));
    }

    #[test]
    fn what_is_read_stays_where_it_is_while_more_comes() {
        let mut log = LogPane::default();
        log.show(output(), Some(100), true);
        answer(&mut log, 100, 10);
        assert_eq!(log.top, 90);
        log.scroll(-5, 80);
        for total in 101..400 {
            log.grew(&output(), total);
            answer(&mut log, total, 10);
            assert_eq!((log.top, log.follow), (85, false));
        }
        assert_eq!(log.new_lines(), 299);
        log.follow();
        answer(&mut log, 399, 10);
        assert_eq!((log.top, log.new_lines()), (389, 0));
    }

    #[test]
    fn while_following_nothing_blank_is_shown_before_the_new_lines_are_there() {
        let mut log = LogPane::default();
        log.show(output(), Some(100), true);
        answer(&mut log, 100, 10);
        log.grew(&output(), 5000);
        let read = log.settle(10, 80);
        assert_eq!(log.top, 89, "line 99 is read again, since it may have been half written");
        assert!(read.is_some());
    }

    #[test]
    fn what_cannot_be_read_is_not_asked_for_again_and_again() {
        let mut log = LogPane::default();
        log.show(output(), Some(100), true);
        let (_, asked) = log.settle(10, 80).unwrap();
        log.unread(&output(), asked, "no such output".into());
        assert_eq!((log.settle(10, 80), log.stuck()), (None, Some("no such output")));
        log.grew(&output(), 101);
        assert!(log.settle(10, 80).is_some());
        log.read(&output(), (0, 5), page(0, 0, 101));
        assert_eq!(log.settle(10, 80), None);
    }

    #[test]
    fn wrapped_lines_scroll_by_rows() {
        let mut log = LogPane { wrap: true, ..LogPane::default() };
        log.show(output(), Some(3), false);
        let long = OutputLine { text: "x".repeat(25), ..OutputLine::default() };
        let lines = vec![long.clone(), long.clone(), long];
        log.read(&output(), (0, 3), Page { first: 0, total_lines: 3, total_bytes: 0, lines });
        log.scroll(4, 10);
        assert_eq!((log.top, log.skip), (1, 1));
        log.scroll(-2, 10);
        assert_eq!((log.top, log.skip), (0, 2));
        log.scroll(100, 10);
        log.settle(4, 10);
        assert_eq!((log.top, log.skip), (1, 2));
    }

    #[test]
    fn lines_that_say_error_are_known() {
        for bad in [
            "error[E0308]: mismatched types",
            "test a ... FAILED",
            "thread 'main' panicked at x",
            "ValueError: no",
            "src/x.ts(1,2): error TS2322: no",
            "npm ERR! code E404",
            "3 failed, 2 passed",
        ] {
            assert!(says_error(bad), "{bad}");
        }
        for good in ["test result: ok. 3 passed; 0 failed", "compiling terror v1", "no errors found"] {
            assert!(!says_error(good), "{good}");
        }
    }
}
