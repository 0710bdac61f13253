//! Queries: reads that State cannot answer. They wait for the disk, so they run beside the loop.

use std::{
    ops::ControlFlow,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use regex::bytes::Regex;
use tokio::sync::mpsc;

use crate::{
    domain::id::RequestId,
    protocol::{
        command::Refusal,
        event::{Event, Record, RunEvent},
        frame::Frame,
        query::{Answer, Case, OutputLine, Page, Query},
    },
    store::{
        log::LogError,
        output::{self, Direction, Hits, Reader, Wanted},
    },
};

use super::publish::Published;

/// At most so many hits are sent at once.
const HITS: u32 = 100_000;

/// At most so many bytes of one line are sent.
const LINE_BYTES: usize = 16 << 10;

/// At most so many lines are sent at once.
const LINES: u32 = 8192;

/// At most so many bytes of text are sent at once.
const PAGE_BYTES: usize = 1 << 20;

/// At most so many summaries of runs are sent at once.
const RUNS: u32 = 500;

/// A query that is under way, and can be stopped.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// Its number.
    pub(super) id: RequestId,
    stop: Arc<AtomicBool>,
}

impl Reading {
    pub(super) fn new(id: RequestId) -> Self {
        Self { id, stop: Arc::default() }
    }

    /// Nobody wants to know any more.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Only the list of what is under way still knows it.
    pub(super) fn has_ended(&self) -> bool {
        Arc::strong_count(&self.stop) == 1
    }

    /// Answers the query; `None` if it was stopped. The protocol counts lines from 0, the store from 1.
    pub(super) fn look_up(
        self,
        dir: &Path,
        published: &Published,
        parts: &mpsc::Sender<Frame>,
        query: &Query,
    ) -> Option<Result<Answer, Refusal>> {
        let result = match query {
            Query::Lines { output, first, count } => lines(&Reader::open(dir, output), *first, *count),
            Query::LineAt { output, at } => {
                let line = Reader::open(dir, output).line_at(*at).map_err(|error| failed(&error));
                line.map(|line| Answer::Line { line: line.map(|number| number.saturating_sub(1)) })
            }
            Query::Search { output, pattern, case, from, backwards, limit, text } => {
                let direction = if *backwards { Direction::Backward } else { Direction::Forward };
                let reader = Reader::open(dir, output);
                compile(pattern, *case).and_then(|regex| {
                    self.search(
                        &reader,
                        &Wanted { pattern: &regex, from: from + 1, direction, text: *text as usize },
                        *limit,
                        parts,
                    )
                })
            }
            // Answered by the session itself.
            Query::Environments | Query::Assign { .. } | Query::Collect(_) => {
                Err(Refusal::new("environments are not kept from here"))
            }
            Query::Attach { .. } | Query::Paths { .. } => Err(Refusal::new("that is not read from the log")),
            Query::Thread { thread } => {
                let records = published.reader().and_then(|log| log.thread(*thread));
                let records = records.map(|records| records.into_iter().map(Arc::new).collect());
                records.map(Answer::Records).map_err(|error| unread(&error))
            }
            // A session answers these itself: they wait for an engine.
            Query::Inspect { .. } | Query::ContainerLog { .. } => Err(Refusal::new("that is not read from files")),
            Query::Run { run } => {
                published.reader().and_then(|log| log.run(*run)).map_err(|error| unread(&error)).and_then(|records| {
                    match records.as_slice() {
                        [Record { event: Event::Run { event: RunEvent::PutAside { .. }, .. }, .. }] => Err(
                            Refusal::new(format!("the records of run {run} were deleted; its summary is what is left"))
                                .hint("`limits.runs` and `limits.run-age` in config.toml say what is kept"),
                        ),
                        _ => Ok(Answer::Records(records.into_iter().map(Arc::new).collect())),
                    }
                })
            }
            Query::Runs { project, before, limit } => {
                let limit = (*limit).min(RUNS);
                let records = published.reader().and_then(|log| log.aside(*project, *before, limit));
                records.map_err(|error| unread(&error)).map(|records| {
                    let more = records.len() >= limit as usize;
                    let summary = |event| match event {
                        Event::Run { event: RunEvent::PutAside { summary }, .. } => Some(*summary),
                        _ => None,
                    };
                    Answer::Runs {
                        runs: records.into_iter().filter_map(|record| summary(record.event)).collect(),
                        more,
                    }
                })
            }
        };
        (!self.stop.load(Ordering::Relaxed)).then_some(result)
    }

    /// Searches; what is found is sent as it is found, and the last of it is the reply.
    fn search(
        &self,
        reader: &Reader,
        wanted: &Wanted<'_>,
        limit: u32,
        parts: &mpsc::Sender<Frame>,
    ) -> Result<Answer, Refusal> {
        let mut room = limit.min(HITS) as usize;
        let texts = wanted.text > 0;
        let answer = |hits: Hits, more: bool| {
            let searched = (hits.searched, hits.all);
            let lines = hits.lines.iter().map(|hit| hit.line.saturating_sub(1)).collect();
            let texts = if texts { hits.lines.into_iter().map(|hit| hit.text).collect() } else { Vec::new() };
            Answer::Hits { lines, more, texts, searched }
        };
        let mut last: Option<Hits> = None;
        let found = |mut hits: Hits| {
            hits.lines.truncate(room);
            room -= hits.lines.len();
            let said = last.replace(hits).is_none_or(|before| {
                parts.blocking_send(Frame::Part { id: self.id, part: answer(before, true) }).is_ok()
            });
            if said && room > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        reader.find(wanted, &self.stop, found).map_err(|error| failed(&error))?;
        let last = last.unwrap_or(Hits { lines: Vec::new(), searched: 0, all: 0 });
        Ok(answer(last, room == 0))
    }
}

fn compile(pattern: &str, case: Case) -> Result<Regex, Refusal> {
    let ignore_case = match case {
        Case::Smart => !pattern.chars().any(char::is_uppercase),
        Case::Sensitive => false,
        Case::Ignore => true,
    };
    output::pattern(pattern, ignore_case).map_err(|error| {
        Refusal::new(format!("`{pattern}` is no pattern: {error}")).hint("escape ( [ { . * + ? with \\")
    })
}

fn lines(reader: &Reader, first: u64, count: u32) -> Result<Answer, Refusal> {
    let page = reader.page(first + 1, count.min(LINES) as usize, LINE_BYTES, PAGE_BYTES);
    let (totals, read) = page.map_err(|error| failed(&error))?;
    let line = |line: output::OutputLine| OutputLine { at: line.at, text: line.text, clipped: line.clipped };
    Ok(Answer::Lines(Page {
        first,
        total_lines: totals.lines,
        total_bytes: totals.bytes,
        lines: read.into_iter().map(line).collect(),
    }))
}

fn failed(error: &std::io::Error) -> Refusal {
    Refusal::new(format!("the output can't be read: {error}"))
}

fn unread(error: &LogError) -> Refusal {
    Refusal::new(format!("the log can't be read: {error}"))
}
