//! Pane 3: the output of an attempt or of a repair, as far as it is in sight.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    domain::{
        id::OutputId,
        outcome::{Failure, JobOutcome},
    },
    protocol::query::OutputLine,
    state::{
        board::State,
        job::{Job, JobStatus},
    },
};

use crate::tui::{
    layout::Layout,
    log::{self, Seek},
    tree,
    ui::{Pane, Ui},
    widget::{ansi, columns},
};

use super::{empty, log_title, pane, past, status};

/// Columns of the time, with the blank after it.
const TIME: usize = 9;
/// Columns of the mark at the left.
const GUTTER: usize = 1;

/// Rows and columns that there are for text.
pub fn room(ui: &Ui, layout: &Layout) -> (usize, usize) {
    let area = layout.inside(layout.logs);
    let time = if ui.log.time { TIME } else { 0 };
    let field = usize::from(ui.log.field.is_some());
    (usize::from(area.height).saturating_sub(field), usize::from(area.width).saturating_sub(GUTTER + time).max(1))
}

/// Draws it; gives back where the cursor of the search field stands.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State, layout: &Layout) -> Option<(u16, u16)> {
    if area.is_empty() {
        return None;
    }
    let Some(output) = &ui.log.output else {
        let area = pane::frame(buf, area, ui, layout, Some(Pane::Logs), "3 Logs", Vec::new());
        let home = ui.here(state);
        let state: &State = &home;
        let refused = ui.run().and_then(|id| state.runs.get(&id)?.refused.as_ref());
        if let Some((error, hint)) = refused {
            why_refused(buf, area, ui, error, hint.as_deref());
            return None;
        }
        let job = ui.runs.chosen.as_ref().and_then(|node| tree::find_job(state, node.run(), node.job()?));
        let text = match ui.run() {
            Some(run) if !state.runs.contains_key(&run) => past::why_nothing(ui, run),
            _ if ui.containers.open => "Enter shows what the chosen container prints.".to_owned(),
            _ => job.map_or_else(|| "what the chosen job writes".to_owned(), why_nothing),
        };
        empty::render(buf, area, ui, &text);
        return None;
    };
    let home = ui.home(state, output.run);
    let state: &State = &home;
    let area = pane::frame(
        buf,
        area,
        ui,
        layout,
        Some(Pane::Logs),
        &log_title::title(ui, state, output),
        log_title::notes(ui, state, output),
    );
    let (height, width) = room(ui, layout);
    let evidence = evidence(state, output);
    let mut row = 0;
    let mut number = ui.log.top;
    let mut skip = ui.log.skip;
    while row < height && number < ui.log.total {
        let Some(line) = ui.log.line(number) else {
            // Being read: the place stays free, so that nothing jumps when it comes.
            row += 1;
            number += 1;
            continue;
        };
        let bad = evidence.is_some_and(|(from, to)| (from..=to).contains(&number))
            || log::says_error(&ansi::plain(&line.text));
        for (index, text) in rows(ui, line, number, width).into_iter().enumerate().skip(skip) {
            if row == height {
                break;
            }
            let look = RowLook { bad, marked: ui.log.mark == Some(number), first: index == 0 };
            let line = whole_row(ui, line, look, text);
            columns::put(buf, area, row as u16, &line);
            row += 1;
        }
        skip = 0;
        number += 1;
    }
    let blank = (ui.log.top..ui.log.top + height as u64).all(|number| ui.log.line(number).is_none());
    if let Some(why) = ui.log.stuck().filter(|_| blank) {
        empty::render(buf, area, ui, why);
    } else if ui.log.total == 0 {
        let job = tree::find_job(state, output.run, &output.job).filter(|_| !output.repair);
        let text = job.map_or_else(|| "nothing has been written yet".to_owned(), why_nothing);
        empty::render(buf, area, ui, &text);
    }
    field(buf, area, ui)
}

/// Why a run never became a plan: as it was said, carets under places and all.
fn why_refused(buf: &mut Buffer, area: Rect, ui: &Ui, error: &str, hint: Option<&str>) {
    let theme = &ui.options.theme;
    let hint = hint.map(|hint| format!("hint: {hint}"));
    let lines =
        error.lines().map(|line| (line, theme.text)).chain(hint.iter().map(|hint| (hint.as_str(), theme.accent)));
    for (row, (line, style)) in lines.enumerate() {
        let line = Line::from(vec![Span::raw(" "), Span::styled(ui.options.glyphs.plain(line), style)]);
        columns::put(buf, area, row as u16, &line);
    }
}

/// Why a job has written nothing.
fn why_nothing(job: &Job) -> String {
    if let Some(JobOutcome::Failed {
        failure: failure @ (Failure::NotRun { hint, .. } | Failure::Engine { hint, .. }),
    }) = job.attempt().and_then(|attempt| attempt.outcome.as_ref())
    {
        let hint = hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        return format!("{failure}{hint}");
    }
    match &job.status {
        status if status.has_ended() && job.attempt().is_some() => "it wrote nothing".into(),
        JobStatus::Cached { from: Some(run), saved, .. } => {
            format!("not run: nothing that it depends on has changed since run {run}; that saved {saved}")
        }
        JobStatus::Cached { .. } => "not run: nothing that it depends on has changed since it passed".into(),
        JobStatus::Skipped { reason } => format!("not run: {reason}"),
        JobStatus::Waiting if !job.planned.needs.is_empty() => format!("waits for {}", job.planned.needs.join(", ")),
        JobStatus::Queued => "in line for a free place".into(),
        _ => "nothing has been written yet".into(),
    }
}

/// A line's text in rows.
fn rows(ui: &Ui, line: &OutputLine, number: u64, width: usize) -> Vec<Vec<Span<'static>>> {
    let theme = &ui.options.theme;
    let base = if ui.log.mark == Some(number) { theme.marked } else { theme.text };
    let mut spans = ansi::spans(&line.text, base, theme.has_colour());
    if let Some(regex) = ui.log.search.as_ref().and_then(|search| search.regex.as_ref()) {
        spans = found(spans, regex, theme.found);
    }
    if line.clipped {
        spans.push(Span::styled(format!(" {} longer", ui.options.glyphs.more), theme.quiet));
    }
    if ui.log.wrap { columns::wrap(&spans, width) } else { vec![clipped(ui, &spans, width)] }
}

/// The part of a line that is in sight, with a sign where it goes on.
fn clipped(ui: &Ui, spans: &[Span<'static>], width: usize) -> Vec<Span<'static>> {
    let whole = columns::spans_width(spans);
    if whole <= ui.log.shift + width {
        return columns::cut(spans, ui.log.shift, width);
    }
    let mut spans = columns::cut(spans, ui.log.shift, width.saturating_sub(1));
    spans.push(Span::styled(ui.options.glyphs.more, ui.options.theme.quiet));
    spans
}

/// What stands before the text of a row.
#[derive(Clone, Copy, Debug)]
struct RowLook {
    /// It says that something is wrong.
    bad: bool,
    /// It was jumped to.
    marked: bool,
    /// It is the first row of its line.
    first: bool,
}

/// Mark, time, text.
fn whole_row(ui: &Ui, line: &OutputLine, look: RowLook, text: Vec<Span<'static>>) -> Line<'static> {
    let theme = &ui.options.theme;
    let RowLook { bad, marked, first } = look;
    let mark = match (marked && first, bad) {
        (true, _) => Span::styled(ui.options.glyphs.chosen, theme.accent.patch(theme.strong)),
        (false, true) => Span::styled(ui.options.glyphs.error, theme.bad),
        (false, false) => Span::raw(" "),
    };
    let mut spans = vec![mark];
    if ui.log.time {
        let time = if first { status::time_of_day(ui, line.at) } else { String::new() };
        spans.push(Span::styled(format!("{time:<TIME$}"), theme.quiet));
    }
    spans.extend(text);
    Line::from(spans)
}

/// Shows what a search found.
fn found(spans: Vec<Span<'static>>, regex: &regex::Regex, style: Style) -> Vec<Span<'static>> {
    let text: String = spans.iter().map(|span| span.content.as_ref()).collect();
    let hits: Vec<(usize, usize)> =
        regex.find_iter(&text).filter(|m| !m.is_empty()).map(|m| (m.start(), m.end())).collect();
    if hits.is_empty() {
        return spans;
    }
    let mut out = Vec::new();
    let mut at = 0;
    for span in spans {
        let mut start = at;
        let end = at + span.content.len();
        let edges = hits.iter().flat_map(|(from, to)| [*from, *to]).filter(|edge| (at + 1..end).contains(edge));
        for edge in edges.chain([end]) {
            let inside = hits.iter().any(|(from, to)| (*from..*to).contains(&start));
            let piece = text.get(start..edge).unwrap_or_default().to_owned();
            out.push(Span::styled(piece, if inside { style } else { span.style }));
            start = edge;
        }
        at = end;
    }
    out
}

/// The lines that the diagnosis of this attempt rests on (0 is the first).
fn evidence(state: &State, output: &OutputId) -> Option<(u64, u64)> {
    let job = tree::find_job(state, output.run, &output.job).filter(|_| !output.repair)?;
    let attempt = job.attempts.iter().find(|attempt| attempt.number == output.attempt)?;
    let (first, last) = attempt.diagnosis.as_ref()?.evidence?;
    Some((first.saturating_sub(1), last.saturating_sub(1)))
}

/// The search field, over the last row.
fn field(buf: &mut Buffer, area: Rect, ui: &Ui) -> Option<(u16, u16)> {
    let field = ui.log.field.as_ref().filter(|_| area.height > 0)?;
    let theme = &ui.options.theme;
    let prompt = match field.seek {
        Seek::Text => "/",
        Seek::Line => "line ",
        Seek::Time => "time ",
    };
    let line = Line::from(vec![Span::styled(prompt, theme.accent), Span::raw(field.input.text().to_owned())]);
    let row = area.height - 1;
    columns::put(buf, area, row, &Line::raw(" ".repeat(usize::from(area.width))));
    columns::put(buf, area, row, &line);
    let column = ((prompt.len() + field.input.column()) as u16).min(area.width.saturating_sub(1));
    Some((area.x + column, area.y + row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_shown_across_colours() {
        #[allow(clippy::unwrap_used)]
        let regex = regex::Regex::new("b漢c").unwrap();
        let hit = Style::new().add_modifier(ratatui::style::Modifier::REVERSED);
        let spans = found(vec![Span::raw("ab"), Span::raw("漢"), Span::raw("cd b漢c")], &regex, hit);
        let shown: Vec<(&str, bool)> = spans.iter().map(|s| (s.content.as_ref(), s.style == hit)).collect();
        assert_eq!(shown, [("a", false), ("b", true), ("漢", true), ("c", true), ("d ", false), ("b漢c", true)]);
    }
}
