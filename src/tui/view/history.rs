//! What happened, one line a moment: part of the timeline, and a column of its own on a large screen.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    domain::time::Timestamp,
    protocol::container::{ContainerMoment, Happened},
    state::{
        board::State,
        timeline::{Moment, Tone},
    },
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
    let moments = lines_of(ui, &home);
    let height = usize::from(area.height);
    let is_at = |item: &Item<'_>, seq| matches!(item, Item::Run(moment) if moment.seq == seq);
    let cursor = ui.timeline.cursor.and_then(|seq| moments.iter().position(|item| is_at(item, seq)));
    let end = match cursor {
        Some(at) => (at + height / 2 + 1).clamp(height.min(moments.len()), moments.len()),
        None => moments.len(),
    };
    let first = end.saturating_sub(height);
    let jobs = moments.iter().map(|item| columns::width(item.whose())).max().unwrap_or(0);
    let jobs = jobs.min(usize::from(area.width) / 4);
    for (row, moment) in moments[first..end].iter().enumerate() {
        columns::put(buf, area, row as u16, &line(ui, *moment, jobs, usize::from(area.width)));
        if cursor == Some(first + row) {
            let row = Rect { y: area.y + row as u16, height: 1, ..area };
            pane::choose(buf, row, ui, ui.focus == Pane::Timeline);
        }
    }
}

/// A line of the list.
#[derive(Clone, Copy)]
enum Item<'a> {
    /// Of the run.
    Run(&'a Moment),
    /// Of a container, while they are looked at.
    Container(&'a ContainerMoment),
}

impl<'a> Item<'a> {
    fn at(self) -> Timestamp {
        match self {
            Self::Run(moment) => moment.at,
            Self::Container(moment) => moment.at,
        }
    }

    /// The job, or the container.
    fn whose(self) -> &'a str {
        match self {
            Self::Run(moment) => moment.job.as_ref().map_or("", |job| job.as_str()),
            Self::Container(moment) => &moment.name,
        }
    }
}

/// What happened in the run, and to containers since it was asked for, on one clock.
fn lines_of<'a>(ui: &'a Ui, state: &'a State) -> Vec<Item<'a>> {
    let begun = ui.run().and_then(|id| state.runs.get(&id)).map(|run| run.requested_at);
    let containers = ui.containers.moments.iter().filter(|moment| begun.is_none_or(|begun| moment.at >= begun));
    let mut items: Vec<Item<'_>> = moments::of(ui, state).map(Item::Run).collect();
    let before = items.len();
    items.extend(containers.map(Item::Container));
    if items.len() > before {
        items.sort_by_key(|item| item.at());
    }
    items
}

fn line(ui: &Ui, item: Item<'_>, jobs: usize, width: usize) -> Line<'static> {
    let moment = match item {
        Item::Run(moment) => moment,
        Item::Container(moment) => return container_line(ui, moment, jobs, width),
    };
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

fn container_line(ui: &Ui, moment: &ContainerMoment, names: usize, width: usize) -> Line<'static> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let (glyph, style) = happened(ui, moment.what);
    let name = columns::clip(&moment.name, names, glyphs.more);
    let filled = " ".repeat(names.saturating_sub(columns::width(&name)));
    let spans = vec![
        Span::styled(format!("{} ", status::time_of_day(ui, moment.at)), theme.quiet),
        Span::styled(format!("{glyph} "), style),
        Span::styled(format!("{name}{filled} "), theme.accent),
    ];
    let room = width.saturating_sub(columns::spans_width(&spans));
    let words = columns::clip(&format!("container {}", moment.what.words()), room, glyphs.more);
    let style = if moment.what.is_bad() == Some(true) { theme.bad } else { theme.text };
    Line::from([spans, vec![Span::styled(words, style)]].concat())
}

/// Glyph and colour of what happened to a container.
pub fn happened(ui: &Ui, what: Happened) -> (&'static str, Style) {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    match (what, what.is_bad()) {
        (_, Some(true)) => (glyphs.failed, theme.bad),
        (Happened::Died { .. }, _) => (glyphs.waiting, theme.quiet),
        (_, Some(false)) => (glyphs.passed, theme.good),
        (Happened::Started | Happened::Unpaused, _) => (glyphs.running, theme.good),
        (Happened::Restarted, _) => (glyphs.retrying, theme.warn),
        (Happened::Paused, _) => (glyphs.asking, theme.warn),
        _ => (glyphs.stopped, theme.quiet),
    }
}
