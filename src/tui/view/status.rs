//! How a run, a job or a gate stands, as glyph, word and colour: never colour alone.

use ratatui::{style::Style, text::Span};

use crate::{
    domain::{
        outcome::RunOutcome,
        time::{Millis, Timestamp},
    },
    state::{
        board::State,
        job::{Job, JobStatus},
        run::{Gate, GateStatus, Run},
    },
};

use crate::tui::{glyphs::Glyphs, theme::Theme, ui::Ui};

/// Glyph, word and colour.
#[derive(Clone, Copy, Debug)]
pub struct Badge {
    /// Which glyph: a job's status that looks the same.
    pub glyph: fn(&Glyphs) -> &'static str,
    /// The word.
    pub word: &'static str,
    /// Which colour.
    pub style: fn(&Theme) -> Style,
}

impl Badge {
    /// `✓ passed`, the word filled up to `width` columns.
    pub fn spans(&self, ui: &Ui, width: usize) -> Vec<Span<'static>> {
        let style = (self.style)(&ui.options.theme);
        vec![
            Span::styled((self.glyph)(ui.options.glyphs), style),
            Span::styled(format!(" {:<width$}", self.word), style),
        ]
    }

    /// The glyph alone, for where the word stands elsewhere.
    pub fn glyph(&self, ui: &Ui) -> Span<'static> {
        Span::styled((self.glyph)(ui.options.glyphs), (self.style)(&ui.options.theme))
    }

    /// The word alone.
    pub fn word(&self, ui: &Ui) -> Span<'static> {
        Span::styled(self.word, (self.style)(&ui.options.theme))
    }
}

macro_rules! badge {
    ($glyph:ident, $word:expr, $style:ident) => {
        Badge { glyph: |glyphs| glyphs.$glyph, word: $word, style: |theme| theme.$style }
    };
}

/// Of how a run ended.
pub fn outcome(outcome: RunOutcome) -> Badge {
    match outcome {
        RunOutcome::Passed => badge!(passed, "passed", good),
        RunOutcome::Failed => badge!(failed, "failed", bad),
        RunOutcome::Cancelled => badge!(stopped, "cancelled", quiet),
        RunOutcome::Lost => badge!(lost, "lost", warn),
        RunOutcome::Refused => badge!(failed, "refused", bad),
    }
}

/// Of a run.
pub fn run(run: &Run) -> Badge {
    match run.outcome {
        Some(ended) => outcome(ended),
        None if run.cancelling.is_some() => badge!(stopped, "stopping", warn),
        None if asks(run) => badge!(asking, "asks", warn),
        None if !run.planned => badge!(queued, "planning", quiet),
        None => badge!(running, "running", running),
    }
}

fn asks(run: &Run) -> bool {
    run.gates.iter().any(|gate| gate.status == GateStatus::Asking)
        && !run.jobs.iter().any(|job| matches!(job.status, JobStatus::Running | JobStatus::Queued))
}

/// Of a job.
pub fn job(job: &Job) -> Badge {
    match &job.status {
        JobStatus::Waiting => badge!(waiting, "waiting", quiet),
        JobStatus::Queued => badge!(queued, "queued", quiet),
        JobStatus::Running if job.cancelling.is_some() => badge!(stopped, "stopping", warn),
        JobStatus::Running => badge!(running, "running", running),
        JobStatus::Retrying { .. } => badge!(retrying, "retrying", warn),
        JobStatus::Passed => badge!(passed, "passed", good),
        JobStatus::Cached { .. } => badge!(cached, "cached", accent),
        JobStatus::Failed => badge!(failed, "failed", bad),
        JobStatus::Cancelled => badge!(stopped, "cancelled", quiet),
        JobStatus::Lost => badge!(lost, "lost", warn),
        JobStatus::Skipped { .. } => badge!(skipped, "skipped", quiet),
    }
}

/// Of a gate.
pub fn gate(gate: &Gate) -> Badge {
    match &gate.status {
        GateStatus::Waiting => badge!(waiting, "waiting", quiet),
        GateStatus::Asking => badge!(asking, "asks", warn),
        GateStatus::Go { .. } => badge!(passed, "GO", good),
        GateStatus::NoGo { .. } => badge!(failed, "NO-GO", bad),
        GateStatus::Skipped { .. } => badge!(skipped, "skipped", quiet),
    }
}

/// Of a step that has been started, or of one that has not.
pub fn step(exit: Option<Option<i32>>) -> Badge {
    match exit {
        None => badge!(waiting, "", quiet),
        Some(None) => badge!(running, "", running),
        Some(Some(0)) => badge!(passed, "", good),
        Some(Some(_)) => badge!(failed, "", bad),
    }
}

/// The run's answer to the name's question.
pub fn verdict(run: &Run) -> (&'static str, fn(&Theme) -> Style) {
    match run.outcome {
        Some(RunOutcome::Passed) => ("GO", |theme| theme.good),
        Some(_) => ("NO-GO", |theme| theme.bad),
        None if asks(run) => ("HOLD", |theme| theme.warn),
        None => ("RUNNING", |theme| theme.running),
    }
}

/// Something of the run is being worked at now, so that its clock runs.
pub fn is_running(run: &Run) -> bool {
    let repairs = |job: &Job| job.repair().is_some_and(|repair| repair.result.is_none());
    let works = |job: &Job| matches!(job.status, JobStatus::Running | JobStatus::Retrying { .. }) || repairs(job);
    run.ended_at.is_none() && !run.planned || run.jobs.iter().any(works)
}

/// How long a run has taken: up to now while something of it is being worked at, else up to what happened last.
pub fn elapsed(run: &Run, now: Timestamp) -> Millis {
    let last = || run.moments.back().map_or(run.requested_at, |moment| moment.at);
    let until = if is_running(run) { now } else { run.ended_at.unwrap_or_else(last) };
    Millis::between(run.requested_at, until)
}

/// Whether a clock runs on the screen.
pub fn ticks(ui: &Ui, state: &State) -> bool {
    let project = ui.project.and_then(|id| state.projects.get(&id));
    let runs = project.map(|project| project.runs.as_slice()).unwrap_or_default();
    let up = ui.containers.open && ui.containers.known.values().any(|known| known.row.is_up());
    let talks = ui.thread.open && ui.thread.thread(state).is_some_and(|thread| thread.turn.is_some());
    ui.link.hears() && (up || talks || runs.iter().rev().take(64).filter_map(|id| state.runs.get(id)).any(is_running))
}

/// The time of day, in the person's zone.
pub fn time_of_day(ui: &Ui, at: Timestamp) -> String {
    at.to_zoned(ui.options.zone.clone()).strftime("%H:%M:%S").to_string()
}
