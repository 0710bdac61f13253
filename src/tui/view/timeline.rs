//! Pane 4: the run on one clock: bars by time, an axis, a cursor, and what happened.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout as Split, Rect},
    style::Style,
    text::{Line, Span},
};

use crate::{
    domain::time::Timestamp,
    protocol::container::ContainerMoment,
    state::{
        board::State,
        run::Run,
        timeline::{self, Bar, BarKind, Row},
    },
};

use crate::tui::{
    layout::{Class, Layout},
    ui::{Pane, Ui},
    update::moments,
    widget::columns,
};

use super::{empty, history, pane, status};

/// Draws it.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State, layout: &Layout) {
    if area.is_empty() {
        return;
    }
    let home = ui.here(state);
    let state: &State = &home;
    let run = ui.run().and_then(|id| state.runs.get(&id));
    let notes = run.map_or_else(Vec::new, |run| legend(ui, state, run, area.width));
    let title = run.map_or_else(|| "4 Timeline".to_owned(), |run| format!("4 Timeline · run {}", run.id));
    let inside = pane::frame(buf, area, ui, layout, Some(Pane::Timeline), &title, notes);
    let Some(run) = run else {
        if ui.containers.moments.is_empty() {
            empty::render(buf, inside, ui, "what a run does, on one clock");
        } else {
            history::list(buf, pane::indent(inside), ui, state);
        }
        return;
    };
    let rows = timeline::rows(state, run);
    let marks = usize::from(marks(ui, run).next().is_some());
    let (bars, list) = split(ui, pane::indent(inside), rows.len() + marks, layout.class);
    render_bars(buf, bars, ui, state, run, &rows);
    history::list(buf, list, ui, state);
}

/// Bars and moments beside each other or over each other, as there is room.
fn split(ui: &Ui, area: Rect, rows: usize, class: Class) -> (Rect, Rect) {
    let nowhere = Rect { height: 0, ..area };
    if class == Class::Wall && !ui.zoom {
        return (area, nowhere);
    }
    if area.height >= 14 {
        let bars = Constraint::Length((rows as u16 + 1).min(area.height / 2));
        let [bars, _, list] = Split::vertical([bars, Constraint::Length(1), Constraint::Fill(1)]).areas(area);
        return (bars, list);
    }
    if area.width >= 100 {
        let [bars, _, list] =
            Split::horizontal([Constraint::Fill(3), Constraint::Length(2), Constraint::Fill(2)]).areas(area);
        return (bars, list);
    }
    (area, nowhere)
}

/// A stretch of time on so many columns.
#[derive(Clone, Copy, Debug)]
struct Scale {
    from: i64,
    to: i64,
    columns: usize,
}

impl Scale {
    /// The whole run. A question that waits long would press everything else together: its end is left open.
    fn of(ui: &Ui, run: &Run, rows: &[Row], columns: usize) -> Self {
        let now = ui.now().as_millisecond();
        let from = run.requested_at.as_millisecond();
        let bars = || rows.iter().flat_map(|row| &row.bars);
        let works = bars().any(|bar| bar.to.is_none() && bar.kind != BarKind::Waiting);
        let last = bars()
            .flat_map(|bar| [Some(bar.from), bar.to.filter(|_| bar.kind != BarKind::Waiting)])
            .flatten()
            .map(Timestamp::as_millisecond)
            .max();
        let to = if works { now } else { last.unwrap_or(now) };
        let span = (to - from).max(100);
        let open = bars().any(|bar| bar.to.is_none() && bar.kind == BarKind::Waiting);
        let whole = if open && !works { span + span / 6 } else { span };
        let span = (whole >> ui.timeline.scale).max(100);
        let middle = moments_at(ui, run).unwrap_or(from + whole);
        let from = (middle - span / 2).clamp(from, from + whole - span);
        Self { from, to: from + span, columns: columns.max(1) }
    }

    /// The column of a moment, where it is on the screen.
    fn column(&self, at: i64) -> i64 {
        (at - self.from) * self.columns as i64 / (self.to - self.from).max(1)
    }
}

fn moments_at(ui: &Ui, run: &Run) -> Option<i64> {
    let seq = ui.timeline.cursor?;
    run.moments.iter().find(|moment| moment.seq == seq).map(|moment| moment.at.as_millisecond())
}

fn render_bars(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State, run: &Run, rows: &[Row]) {
    if area.height == 0 {
        return;
    }
    let theme = &ui.options.theme;
    let least = if marks(ui, run).next().is_some() { 10 } else { 4 };
    let labels = rows.iter().map(|row| columns::width(&row.label)).max().unwrap_or(0).clamp(least, 18);
    let labels = labels.min(usize::from(area.width) / 3);
    let left = (labels + 3) as u16;
    let [names, chart] = Split::horizontal([Constraint::Length(left), Constraint::Fill(1)]).areas(area);
    let scale = Scale::of(ui, run, rows, usize::from(chart.width));
    let marked = usize::from(area.height >= 3 && marks(ui, run).next().is_some());
    let shown = usize::from(area.height).saturating_sub(1 + marked);
    let first = first_row(ui, state, rows, shown);
    for (index, row) in rows.iter().enumerate().skip(first).take(shown) {
        let at = (index - first) as u16;
        let chosen = row.job.is_some() && row.job.as_ref() == ui.job();
        let badge = row.job.as_ref().and_then(|key| crate::tui::tree::run_job(run, key)).map(status::job);
        let badge = badge.or_else(|| run.gates.iter().find(|gate| gate.planned.name == row.label).map(status::gate));
        let name = columns::clip(&row.label, labels, ui.options.glyphs.more);
        let mut spans = Vec::from([badge.map_or(Span::raw(" "), |badge| badge.glyph(ui)), Span::raw(" ")]);
        spans.push(Span::styled(name, if chosen { theme.strong } else { theme.text }));
        columns::put(buf, names, at, &Line::from(spans));
        for bar in &row.bars {
            draw_bar(buf, Rect { y: chart.y + at, height: 1, ..chart }, ui, &scale, bar);
        }
    }
    if let Some(column) = cursor_column(ui, run, &scale) {
        let x = chart.x + column as u16;
        for y in chart.y..chart.y + (rows.len() - first).min(shown) as u16 {
            if chart.contains((x, y).into()) && buf[(x, y)].symbol() == " " {
                buf.set_string(x, y, ui.options.glyphs.upright, theme.accent);
            }
        }
    }
    let mut axis = shown.min(rows.len().saturating_sub(first)) as u16;
    if marked > 0 {
        let row = Rect { y: chart.y + axis, height: 1, ..chart };
        columns::put(buf, names, axis, &Line::styled("  containers", theme.accent));
        for moment in marks(ui, run) {
            let column = scale.column(moment.at.as_millisecond());
            if (0..scale.columns as i64).contains(&column) {
                let (glyph, style) = history::happened(ui, moment.what);
                put(buf, row, column, glyph, style);
            }
        }
        axis += 1;
    }
    render_axis(buf, names, chart, axis, ui, run, &scale);
}

/// What happened to containers since the run was asked for.
fn marks<'a>(ui: &'a Ui, run: &Run) -> impl Iterator<Item = &'a ContainerMoment> + use<'a> {
    let begun = run.requested_at;
    ui.containers.moments.iter().filter(move |moment| moment.at >= begun)
}

/// The row of bars that is shown first: the chosen job is in sight.
fn first_row(ui: &Ui, state: &State, rows: &[Row], shown: usize) -> usize {
    let cursor = ui.timeline.cursor;
    let at_cursor = moments::of(ui, state).find(|m| Some(m.seq) == cursor).and_then(|m| m.job.as_ref());
    let wanted = at_cursor.or(ui.job());
    let at = rows.iter().position(|row| row.job.is_some() && row.job.as_ref() == wanted).unwrap_or(0);
    (at + 1).saturating_sub(shown).min(rows.len().saturating_sub(shown))
}

fn draw_bar(buf: &mut Buffer, area: Rect, ui: &Ui, scale: &Scale, bar: &Bar) {
    let last = scale.columns as i64 - 1;
    let from = scale.column(bar.from.as_millisecond());
    let to = match bar.to {
        // what ends where another begins leaves that one its column
        Some(to) => (scale.column(to.as_millisecond()) - 1).max(from),
        None if bar.kind == BarKind::Waiting => last,
        None => scale.column(ui.now().as_millisecond()),
    };
    if to < 0 || from > last {
        return;
    }
    let style = ui.options.theme.bar(bar.kind);
    let glyphs = ui.options.glyphs;
    for column in from.max(0)..=to.min(last) {
        put(buf, area, column, glyphs.bar(bar.kind), style);
    }
    let end = match bar.kind {
        BarKind::Failed => glyphs.failed,
        BarKind::Stopped => glyphs.stopped,
        BarKind::Running if bar.to.is_none() => glyphs.running,
        _ => return,
    };
    if (0..=last).contains(&to) {
        put(buf, area, to, end, style);
    }
}

fn put(buf: &mut Buffer, area: Rect, column: i64, glyph: &str, style: Style) {
    let x = area.x + column as u16;
    if x < area.right() && area.height > 0 {
        buf.set_string(x, area.y, glyph, style);
    }
}

/// Times under the bars, with the cursor and now.
fn render_axis(buf: &mut Buffer, names: Rect, area: Rect, row: u16, ui: &Ui, run: &Run, scale: &Scale) {
    if row >= area.height {
        return;
    }
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let line = Rect { y: area.y + row, height: 1, ..area };
    let step = nice_step((scale.to - scale.from) * 14 / scale.columns as i64);
    let mut at = scale.from - scale.from.rem_euclid(step) + step;
    let mut free = 0;
    let cursor = cursor_column(ui, run, scale);
    let now = scale.column(ui.now().as_millisecond()).clamp(0, scale.columns as i64 - 1);
    let live = status::is_running(run) && ui.timeline.cursor.is_none();
    let room = if live { now - 5 } else { scale.columns as i64 };
    while at < scale.to {
        let column = scale.column(at);
        let text = axis_label(ui, at, step);
        let wide = columns::width(&text) as i64;
        let under_cursor = cursor.is_some_and(|cursor| (column..=column + wide).contains(&cursor));
        if column >= free && column + wide < room && !under_cursor {
            put(buf, line, column, glyphs.tick, theme.quiet);
            buf.set_string(line.x + column as u16 + 1, line.y, &text, theme.quiet);
            free = column + wide + 2;
        }
        at += step;
    }
    if let Some(column) = cursor {
        put(buf, line, column, glyphs.cursor, theme.accent.patch(theme.strong));
        buf.set_stringn(names.x, line.y, "cursor", usize::from(names.width), theme.accent);
    } else if live {
        put(buf, line, now, glyphs.now, theme.running);
        let wide = 4;
        if now >= wide {
            buf.set_string(line.x + (now - wide) as u16, line.y, " now", theme.running);
        }
    }
}

/// Where the cursor stands.
fn cursor_column(ui: &Ui, run: &Run, scale: &Scale) -> Option<i64> {
    Some(scale.column(moments_at(ui, run)?).clamp(0, scale.columns as i64 - 1))
}

fn axis_label(ui: &Ui, millis: i64, step: i64) -> String {
    let Ok(at) = Timestamp::from_millisecond(millis) else { return String::new() };
    let time = status::time_of_day(ui, at);
    if step < 1000 { format!("{time}.{}", millis.rem_euclid(1000) / 100) } else { time }
}

/// The next round length of time, in milliseconds.
fn nice_step(at_least: i64) -> i64 {
    const STEPS: [i64; 17] = [
        100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000,
        1_800_000, 3_600_000, 7_200_000,
    ];
    STEPS.into_iter().find(|step| *step >= at_least).unwrap_or_else(|| (at_least / 3_600_000 + 1) * 3_600_000)
}

/// What the fills that are on the screen mean, as far as there is room.
fn legend(ui: &Ui, state: &State, run: &Run, width: u16) -> Vec<Span<'static>> {
    let rows = timeline::rows(state, run);
    let theme = &ui.options.theme;
    let mut spans = Vec::new();
    let kinds = [
        (BarKind::Queued, "queued"),
        (BarKind::Backoff, "backoff"),
        (BarKind::Cached, "cached"),
        (BarKind::Repair, "repair"),
        (BarKind::Proof, "proof"),
        (BarKind::Waiting, "waits for you"),
    ];
    for (kind, word) in kinds {
        let there = rows.iter().flat_map(|row| &row.bars).any(|bar| bar.kind == kind);
        if there && columns::spans_width(&spans) + word.len() + 31 < usize::from(width) {
            let gap = if spans.is_empty() { "" } else { "  " };
            spans.push(Span::styled(format!("{gap}{}", ui.options.glyphs.bar(kind)), theme.bar(kind)));
            spans.push(Span::styled(format!(" {word}"), theme.quiet));
        }
    }
    spans
}
