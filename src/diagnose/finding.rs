//! What one rule found at one place of the log, before anything is chosen.

use crate::domain::diagnosis::{Category, Diagnostic};

/// How much a finding says about why the job failed: the highest of a step wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Follows from another fault: `make: *** Error 1`.
    Consequence,
    /// A tool's warning: a cause only where warnings were made errors.
    Warning,
    /// Looks like an error.
    Guess,
    /// An error that may have been tolerated or retried.
    Symptom,
    /// A tool's own error.
    Finding,
    /// Ends a job by itself: out of memory, out of time, cancelled.
    Decisive,
}

/// What one rule found.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// Index of its first line.
    pub at: usize,
    /// Index of its last line.
    pub until: usize,
    /// The tool that said it.
    pub tool: &'static str,
    /// What kind of fault it is.
    pub category: Category,
    /// How much it says.
    pub level: Level,
    /// The test that failed.
    pub test: Option<String>,
    /// Where and what.
    pub said: Diagnostic,
}

impl Finding {
    /// A finding without a place.
    pub fn new(at: usize, tool: &'static str, category: Category, level: Level, message: &str) -> Self {
        let said = Diagnostic { message: message.trim().to_owned(), ..Diagnostic::default() };
        Self { at, until: at, tool, category, level, test: None, said }
    }

    /// Whether both are the same finding, said twice.
    pub fn same(&self, other: &Self) -> bool {
        let (a, b) = (&self.said, &other.said);
        let line = a.line == b.line && a.column == b.column;
        let place = same_file(a.file.as_deref(), b.file.as_deref()) && line;
        if !place || self.test.is_some() && other.test.is_some() && self.test != other.test {
            return false;
        }
        if a.message == b.message && (a.code == b.code || a.code.is_none() || b.code.is_none()) {
            return true;
        }
        let exact = a.line.is_some() && a.column.is_some() && a.code.is_some() != b.code.is_some();
        let inside = !a.message.is_empty()
            && !b.message.is_empty()
            && (a.message.contains(&b.message) || b.message.contains(&a.message));
        if a.file.is_none() && a.line.is_none() && inside && a.code == b.code && self.category == other.category {
            return true;
        }
        exact && (self.tool == other.tool || inside)
            || a.file.is_some() && a.line.is_some() && inside && a.code == b.code
    }

    /// Takes over what the other, which is the same, says more exactly.
    pub fn merge(&mut self, other: Self) {
        if self.said.code.is_none() && other.said.code.is_some() {
            self.said.code = other.said.code;
            if !other.said.message.is_empty() {
                self.said.message = other.said.message;
            }
        }
        self.test = self.test.take().or(other.test);
    }
}

/// Whether both names may be of one file: one may be absolute and the other relative.
fn same_file(a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            let (a, b) = (a.trim_start_matches("./"), b.trim_start_matches("./"));
            let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
            long.strip_suffix(short).is_some_and(|head| head.is_empty() || head.ends_with(['/', '\\']))
        }
        (a, b) => a == b,
    }
}
