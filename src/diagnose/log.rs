//! Clean lines with their numbers in the original, and the steps that they belong to.

use super::{strip::strip, wrapper};

/// What the runner says of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Output like any other.
    Plain,
    /// `##[error]`.
    Error,
    /// `##[warning]`.
    Warning,
    /// The runner's own talk: group heads, commands and environment of a step, debug output.
    Quiet,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    start: usize,
    end: usize,
    number: u64,
    step: u32,
    mark: Mark,
}

/// A stretch of output of one command.
#[derive(Clone, Debug, Default)]
pub(super) struct Step {
    /// The job it belongs to, where the log names it.
    pub job: String,
    /// What it runs.
    pub name: String,
    /// The runner said that it failed.
    pub failed: bool,
    /// The runner said that it was cancelled.
    pub cancelled: bool,
    /// Its failure was allowed (`|| true`).
    pub tolerated: bool,
    /// The runner's own clean-up.
    pub cleanup: bool,
}

/// How steps are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One stretch of output.
    Plain,
    /// A shell that traces its commands (`set -x`, GitLab's `$`): what failed is the last of them.
    Trace,
    /// A runner that marks the steps that failed.
    Runner,
}

/// A log, ready to be matched line by line.
#[derive(Debug)]
pub(super) struct Log {
    text: String,
    lines: Vec<Line>,
    /// The steps, in order; never empty.
    pub steps: Vec<Step>,
    /// How the steps are told apart.
    pub kind: Kind,
}

impl Log {
    /// Strips every line and finds the steps.
    pub fn read(text: &str) -> Self {
        let mut log = Self {
            text: String::with_capacity(text.len()),
            lines: Vec::with_capacity(text.len() / 64),
            steps: vec![Step::default()],
            kind: Kind::Plain,
        };
        let mut quiet = false;
        let (mut buffer, mut last) = (String::new(), String::new());
        for (index, raw) in text.split('\n').enumerate() {
            buffer.clear();
            let (column, raw) = wrapper::columns(raw, &last);
            if let Some((job, name)) = column
                && !(last.len() == job.len() + name.len() + 2
                    && last.starts_with(job)
                    && last.trim_end().ends_with(name))
            {
                last.clear();
                last.extend([job, "\t", name, "\t"]);
            }
            strip(raw, &mut buffer);
            if let Some(output) = wrapper::event(&buffer) {
                buffer.clear();
                strip(output.trim_end_matches('\n'), &mut buffer);
            }
            let body = wrapper::prefix(&buffer).trim_end();
            log.enter(column, body);
            let (mark, body) = log.mark(body, &mut quiet);
            let start = log.text.len();
            log.text.push_str(body);
            let step = log.steps.len() as u32 - 1;
            log.lines.push(Line { start, end: log.text.len(), number: index as u64 + 1, step, mark });
        }
        log.close();
        log
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// A line; beyond the end, nothing.
    pub fn line(&self, index: usize) -> &str {
        self.lines.get(index).map_or("", |line| &self.text[line.start..line.end])
    }

    /// The lines from `from`, at most `most` of them, within the step of `from`.
    pub fn after(&self, from: usize, most: usize) -> impl Iterator<Item = (usize, &str)> {
        let step = self.step_of(from.min(self.len().saturating_sub(1)));
        (from..self.len()).take(most).take_while(move |&i| self.step_of(i) == step).map(|i| (i, self.line(i)))
    }

    /// The lines before `index`, the nearest first, at most `most` of them, within its step.
    pub fn before(&self, index: usize, most: usize) -> impl Iterator<Item = (usize, &str)> {
        let step = self.step_of(index);
        (0..index).rev().take(most).take_while(move |&i| self.step_of(i) == step).map(|i| (i, self.line(i)))
    }

    /// The line's number in the original: 1 is the first.
    pub fn number(&self, index: usize) -> u64 {
        self.lines.get(index).map_or(0, |line| line.number)
    }

    /// What the runner says of the line.
    pub fn mark_of(&self, index: usize) -> Mark {
        self.lines.get(index).map_or(Mark::Plain, |line| line.mark)
    }

    /// Index of the step of the line.
    pub fn step_of(&self, index: usize) -> usize {
        self.lines.get(index).map_or(0, |line| line.step as usize)
    }

    /// Begins a new step where the columns, the runner or a traced command say so.
    fn enter(&mut self, column: Option<(&str, &str)>, body: &str) {
        let Some(last) = self.steps.last() else { return };
        if let Some((job, name)) = column
            && (last.job != job || last.name != name)
            && !(last.job == job && last.name.starts_with("Run ") && name == "UNKNOWN STEP")
        {
            self.begin(job, name, false);
        }
        if let Some(command) = body.strip_prefix("##[group]Run ") {
            let (job, name) = column.unwrap_or_default();
            let name = if matches!(name, "" | "UNKNOWN STEP") { format!("Run {command}") } else { name.to_owned() };
            self.kind = Kind::Runner;
            self.begin(job, &name, false);
        } else if body == "Post job cleanup." || body == "Cleaning up orphan processes" {
            let (job, name) = column.unwrap_or_default();
            self.begin(job, name, true);
        } else if self.kind != Kind::Runner
            && let Some(command) = self.traced(body)
        {
            self.kind = Kind::Trace;
            if matches!(command, "true" | ":")
                && let Some(last) = self.steps.last_mut()
            {
                last.tolerated = true;
            }
            self.begin("", command, false);
        }
    }

    /// The command of a traced line: `+ make test`, `$ make test`.
    fn traced<'a>(&self, body: &'a str) -> Option<&'a str> {
        let command = body.strip_prefix("+ ").or_else(|| body.strip_prefix("$ "))?;
        let first = self.lines.iter().all(|line| line.start == line.end);
        let begun = self.kind == Kind::Trace || first || body.starts_with('$');
        let shape = command.starts_with(|c: char| c.is_ascii_alphabetic() || "./[(:_".contains(c))
            || command.starts_with("'['");
        let shape = shape && !["actual - expected", "expected - actual", "Received"].contains(&command);
        let previous = self.line(self.len().saturating_sub(1));
        let diff = previous.starts_with(['-', '@']) || previous.starts_with('+') && !previous.starts_with("+ ");
        (begun && shape && !diff).then_some(command)
    }

    fn begin(&mut self, job: &str, name: &str, cleanup: bool) {
        self.close();
        let (job, name) = (job.to_owned(), name.to_owned());
        self.steps.push(Step { job, name, cleanup, ..Step::default() });
    }

    /// A step of an action has no exit code: it failed if its last word is an error.
    fn close(&mut self) {
        let step = self.steps.len() - 1;
        let last = self.lines.iter().rev().take_while(|l| l.step as usize == step).find(|l| l.start != l.end);
        let failed = last.is_some_and(|line| line.mark == Mark::Error);
        if let Some(step) = self.steps.last_mut() {
            step.failed |= failed && !step.cancelled && !step.cleanup;
        }
    }

    fn mark<'a>(&mut self, body: &'a str, quiet: &mut bool) -> (Mark, &'a str) {
        let Some((kind, rest)) = body.strip_prefix("##[").and_then(|rest| rest.split_once(']')) else {
            return (if *quiet { Mark::Quiet } else { Mark::Plain }, body);
        };
        match kind {
            "group" => *quiet = rest.starts_with("Run "),
            "endgroup" => *quiet = false,
            "error" => {
                self.kind = Kind::Runner;
                *quiet = false;
                if let Some(step) = self.steps.last_mut() {
                    step.failed |= rest.starts_with("Process completed with exit code");
                    step.cancelled |= rest.starts_with("The operation was cancel");
                }
                return (Mark::Error, rest);
            }
            "warning" => return (Mark::Warning, rest),
            _ => {}
        }
        (Mark::Quiet, body)
    }
}
