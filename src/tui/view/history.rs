//! What happened, one line a moment: part of the timeline, and a column of its own on a large screen.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::state::{
    board::State,
    timeline::{Moment, Tone},
};

use crate::tui::{
    layout::Layout,
    ui::{Pane, Ui},
    update::moments,
    widget::columns,
};

use super::{pane, status};

/// Draws the column.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State, layout: &Layout) {
    if area.is_empty() {
        return;
    }
    let area = pane::frame(buf, area, ui, layout, None, "What happened", Vec::new());
    list(buf, pane::indent(area), ui, state);
}

/// Draws the moments; the cursor's, or the newest, is in sight.
pub fn list(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State) {
    let home = ui.here(state);
    let moments: Vec<&Moment> = moments::of(ui, &home).collect();
    let height = usize::from(area.height);
    let cursor = ui.timeline.cursor.and_then(|seq| moments.iter().position(|moment| moment.seq == seq));
    let end = match cursor {
        Some(at) => (at + height / 2 + 1).clamp(height.min(moments.len()), moments.len()),
        None => moments.len(),
    };
    let first = end.saturating_sub(height);
    let jobs = moments.iter().filter_map(|m| m.job.as_ref()).map(|job| columns::width(&job.0)).max().unwrap_or(0);
    let jobs = jobs.min(usize::from(area.width) / 4);
    for (row, moment) in moments[first..end].iter().enumerate() {
        columns::put(buf, area, row as u16, &line(ui, moment, jobs, usize::from(area.width)));
        if cursor == Some(first + row) {
            let row = Rect { y: area.y + row as u16, height: 1, ..area };
            pane::choose(buf, row, ui, ui.focus == Pane::Timeline);
        }
    }
}

fn line(ui: &Ui, moment: &Moment, jobs: usize, width: usize) -> Line<'static> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let style = theme.tone(moment.tone);
    // Colour for what went wrong and for what waits; a repair's glyph is enough.
    let words = if moment.tone == Tone::Repair || moment.tone == Tone::Good { theme.text } else { style };
    let job = moment.job.as_ref().map_or("", |job| job.as_str());
    let job = columns::clip(job, jobs, glyphs.more);
    let filled = " ".repeat(jobs.saturating_sub(columns::width(&job)));
    let spans = vec![
        Span::styled(format!("{} ", status::time_of_day(ui, moment.at)), theme.quiet),
        Span::styled(format!("{} ", glyphs.tone(moment.tone)), style),
        Span::styled(format!("{job}{filled} "), theme.strong),
    ];
    let used = columns::spans_width(&spans);
    let what = moment.what.lines().next().unwrap_or_default();
    let what = columns::clip(&glyphs.plain(what), width.saturating_sub(used), glyphs.more);
    let mut spans = spans;
    spans.push(Span::styled(what, words));
    Line::from(spans)
}
