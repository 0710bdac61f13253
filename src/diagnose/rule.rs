//! A rule, and the book of all rules that reads a log in one pass.

use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::{Captures, Regex};

use super::{
    family,
    finding::{Finding, Level},
    log::{Log, Mark},
    place,
};
use crate::domain::diagnosis::{Category, Diagnostic};

/// Most findings of one level that are kept of one step.
pub(super) const MOST: usize = 1000;

/// Most findings that are kept of one log.
const ALL: usize = 50_000;

/// Refines what a rule found, or drops it (`false`).
pub(super) type Then = fn(&mut Finding, &Log) -> bool;

/// How a line of a tool's output is recognised, and what it says.
///
/// A rule runs only on lines that hold its needle, or, without a needle, on those that the runner marks as errors. The named groups of its pattern, all optional, are `file`, `line`,
/// `column`, `code`, `message` (else: the whole line) and `test`.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    tool: &'static str,
    category: Category,
    level: Level,
    needle: &'static str,
    pattern: &'static str,
    then: Option<Then>,
}

/// A rule for an error that a tool finds.
pub(super) const fn rule(tool: &'static str, category: Category, needle: &'static str, pattern: &'static str) -> Rule {
    Rule { tool, category, level: Level::Finding, needle, pattern, then: None }
}

impl Rule {
    /// With how much it says.
    pub const fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// With what looks at the lines around it.
    pub const fn then(mut self, then: Then) -> Self {
        self.then = Some(then);
        self
    }

    fn apply(&self, log: &Log, at: usize, found: &Captures<'_>) -> Option<Finding> {
        let group = |name| found.name(name).map(|m| m.as_str().trim()).filter(|text| !text.is_empty());
        let number = |name| group(name).and_then(|text: &str| text.parse().ok()).filter(|n| *n > 0);
        let said = Diagnostic {
            file: group("file").map(|file| place::outside(file).to_owned()),
            line: number("line"),
            column: number("column"),
            code: group("code").map(str::to_owned),
            message: group("message").unwrap_or_else(|| log.line(at).trim()).to_owned(),
        };
        let test = group("test").map(str::to_owned);
        let (tool, category, level) = (self.tool, self.category, self.level);
        let mut finding = Finding { at, until: at, tool, category, level, test, said };
        self.then.is_none_or(|then| then(&mut finding, log)).then_some(finding)
    }
}

struct Book {
    /// The rules and their patterns, compiled when they are first needed.
    rules: Vec<(&'static Rule, OnceLock<Option<Regex>>)>,
    /// Needles of the rules that have one, and whose they are.
    needles: AhoCorasick,
    owners: Vec<usize>,
    /// The rules without a needle, for lines that the runner marks as errors.
    marked: Vec<usize>,
}

static BOOK: LazyLock<Option<Book>> = LazyLock::new(|| {
    let rules: Vec<_> = family::ALL.iter().flat_map(|rules| rules.iter()).map(|rule| (rule, OnceLock::new())).collect();
    let (marked, owners) = (0..rules.len()).partition::<Vec<_>, _>(|&index| rules[index].0.needle.is_empty());
    let needles = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(owners.iter().map(|&index| rules[index].0.needle))
        .ok()?;
    Some(Book { rules, needles, owners, marked })
});

/// All that the rules find, in the order of the log.
pub(super) fn read(log: &Log) -> Vec<Finding> {
    let Some(book) = BOOK.as_ref() else { return Vec::new() };
    let mut found: Vec<Finding> = Vec::new();
    let (mut kept, mut step) = ([0_usize; 6], 0);
    // the highest level of which enough is kept: nothing lower can matter in this step
    let mut full: Option<Level> = None;
    let mut hits = Vec::new();
    for at in 0..log.len() {
        let line = log.line(at);
        if line.is_empty() || log.mark_of(at) == Mark::Quiet {
            continue;
        }
        if log.step_of(at) != step {
            (kept, full, step) = ([0; 6], None, log.step_of(at));
        }
        hits.clear();
        hits.extend(book.needles.find_overlapping_iter(line).map(|hit| book.owners[hit.pattern().as_usize()]));
        hits.sort_unstable();
        hits.dedup();
        if log.mark_of(at) == Mark::Error {
            hits.extend(book.marked.iter());
        }
        let mut best: Option<Finding> = None;
        for &index in &hits {
            let (rule, pattern) = &book.rules[index];
            if full >= Some(rule.level) || best.as_ref().is_some_and(|best| best.level >= Level::Finding) {
                continue;
            }
            let pattern = pattern.get_or_init(|| Regex::new(rule.pattern).ok());
            let Some(groups) = pattern.as_ref().and_then(|pattern| pattern.captures(line)) else { continue };
            let Some(mut finding) = rule.apply(log, at, &groups) else { continue };
            if log.mark_of(at) == Mark::Warning {
                finding.level = finding.level.min(Level::Warning);
            }
            if best.as_ref().is_none_or(|best| finding.level > best.level) {
                best = Some(finding);
            }
        }
        if let Some(finding) = best.filter(|best| kept[best.level as usize] < MOST && found.len() < ALL) {
            kept[finding.level as usize] += 1;
            if kept[finding.level as usize] == MOST {
                full = full.max(Some(finding.level));
            }
            found.push(finding);
        }
    }
    found.sort_by_key(|finding| finding.at);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_valid() {
        for rule in family::ALL.iter().flat_map(|rules| rules.iter()) {
            let pattern = Regex::new(rule.pattern);
            assert!(pattern.is_ok(), "{}: {:?}", rule.tool, pattern.err());
            for name in pattern.iter().flat_map(|p| p.capture_names().flatten()) {
                let known = ["file", "line", "column", "code", "message", "test"];
                assert!(known.contains(&name), "{}: group {name}", rule.tool);
            }
        }
    }
}
