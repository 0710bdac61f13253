//! Queries: reads of output that State does not hold. They wait for the disk, so they run beside the loop.

use std::{path::Path, sync::atomic::AtomicBool};

use crate::{
    protocol::{
        command::Refusal,
        query::{Answer, OutputLine, Page, Query},
    },
    store::output::{self, Direction, Reader},
};

/// At most so many bytes of one line are sent.
const LINE_BYTES: usize = 16 << 10;

/// At most so many lines are sent at once.
const LINES: u32 = 2000;

/// Answers a query. The protocol counts lines from 0, the store from 1.
pub(super) fn look_up(dir: &Path, query: &Query) -> Result<Answer, Refusal> {
    match query {
        Query::Lines { output, first, count } => {
            let reader = Reader::open(dir, output);
            let totals = reader.totals().map_err(|error| failed(&error))?;
            let lines =
                reader.lines(first + 1, (*count).min(LINES) as usize, LINE_BYTES).map_err(|error| failed(&error))?;
            let line = |line: output::OutputLine| OutputLine { at: line.at, text: line.text, clipped: line.clipped };
            Ok(Answer::Lines(Page {
                first: *first,
                total_lines: totals.lines,
                total_bytes: totals.bytes,
                lines: lines.into_iter().map(line).collect(),
            }))
        }
        Query::LineAt { output, at } => {
            let line = Reader::open(dir, output).line_at(*at).map_err(|error| failed(&error))?;
            Ok(Answer::Line { line: line.map(|number| number.saturating_sub(1)) })
        }
        Query::Search { output, pattern, from, backwards, limit } => {
            let ignore_case = !pattern.chars().any(char::is_uppercase);
            let regex = output::pattern(pattern, ignore_case).map_err(|error| {
                Refusal::new(format!("`{pattern}` is no pattern: {error}")).hint("escape ( [ { . * + ? with \\")
            })?;
            let direction = if *backwards { Direction::Backward } else { Direction::Forward };
            let limit = (*limit).min(10_000) as usize;
            let hits = Reader::open(dir, output)
                .search(&regex, from + 1, direction, limit, &AtomicBool::new(false))
                .map_err(|error| failed(&error))?;
            let more = hits.len() >= limit;
            Ok(Answer::Hits { lines: hits.into_iter().map(|number| number.saturating_sub(1)).collect(), more })
        }
    }
}

fn failed(error: &std::io::Error) -> Refusal {
    Refusal::new(format!("the output can't be read: {error}"))
}
