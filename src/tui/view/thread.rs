//! Pane 5: a conversation with an agent and what is being said to it, or the list of them.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::state::{board::State, thread::Thread};

use crate::tui::{
    layout::Layout,
    markdown::Look,
    thread::{export::unpriced, page::Draw},
    ui::{Pane, Ui},
    update::text::contains,
    widget::{clean::visible, columns},
};

use super::{empty, pane, status, thread_entry, thread_input, thread_list};

/// How entries are drawn now.
pub struct Drawn<'a> {
    /// What is looked at.
    pub ui: &'a Ui,
}

impl Draw for Drawn<'_> {
    fn rows(&self, entry: &crate::state::thread::Entry, width: usize) -> Vec<Line<'static>> {
        thread_entry::rows(self.ui, entry, width)
    }

    fn form(&self, entry: &crate::state::thread::Entry) -> u8 {
        thread_entry::form(self.ui, entry)
    }

    fn look(&self) -> Look<'_> {
        Look { theme: &self.ui.options.theme, glyphs: self.ui.options.glyphs }
    }
}

/// Columns and rows that a conversation has.
pub fn room(ui: &Ui, layout: &Layout) -> (usize, usize) {
    let area = pane::indent(layout.inside(layout.agent));
    let (above, _) = thread_input::split(ui, area);
    (usize::from(above.width), usize::from(above.height))
}

/// Draws it; gives back where its cursor stands.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State, layout: &Layout) -> Option<(u16, u16)> {
    if area.is_empty() {
        return None;
    }
    let thread = ui.thread.thread(state);
    let title = match thread {
        Some(thread) => format!("5 Agent · {} {}", thread.id, visible(&thread.title)),
        None => "5 Agent".to_owned(),
    };
    let notes = thread.map_or_else(|| list_notes(ui, state), |thread| notes(ui, thread, usize::from(area.width)));
    let inside = pane::indent(pane::frame(buf, area, ui, layout, Some(Pane::Agent), &title, notes));
    if inside.is_empty() {
        return None;
    }
    let (above, below) = thread_input::split(ui, inside);
    match thread {
        Some(thread) => conversation(buf, above, ui, thread),
        None => thread_list::render(buf, above, ui, state),
    }
    thread_input::render(buf, below, ui, thread)
}

fn list_notes(ui: &Ui, state: &State) -> Vec<Span<'static>> {
    let waits = state.asking.len();
    if waits == 0 {
        return Vec::new();
    }
    vec![Span::styled(format!("{} {waits} ask", ui.options.glyphs.asking), ui.options.theme.warn)]
}

/// Who answers, how full the context is, what it used and cost, how it stands: as much of it as leaves room for the title.
fn notes(ui: &Ui, thread: &Thread, width: usize) -> Vec<Span<'static>> {
    let forms = [4, 3, 2, 1].map(|detail| of_detail(ui, thread, detail));
    let [.., shortest] = &forms;
    let title = 14 + columns::width(&thread.title).min(30);
    forms.iter().find(|form| columns::spans_width(form) + title <= width).unwrap_or(shortest).clone()
}

fn of_detail(ui: &Ui, thread: &Thread, detail: u8) -> Vec<Span<'static>> {
    let theme = &ui.options.theme;
    let quiet = |text: String| Span::styled(text, theme.quiet);
    let mut parts = Vec::new();
    if detail > 1 {
        parts.push(quiet(visible(&thread.role)));
    }
    if let Some(model) = &thread.last_model {
        if detail > 2 {
            parts.push(quiet(visible(&if detail > 3 { model.to_string() } else { model.model.clone() })));
        }
        let context = match ui.options.windows.get(&model.to_string()) {
            Some(window) if *window > 0 => format!("ctx {}%", thread.context * 100 / window),
            _ => format!("ctx {}", tokens(thread.context)),
        };
        if detail > 1 {
            parts.push(quiet(context));
        }
        if detail > 3 {
            let (up, down) = (tokens(thread.usage.prompt()), tokens(thread.usage.output));
            parts.push(quiet(format!("in {up} out {down}")));
        }
        parts.push(Span::styled(cost(thread), theme.text));
    }
    let (glyph, style) = thread_list::badge(ui, thread);
    parts.push(Span::styled(format!("{glyph} {}", word(ui, thread)), style));
    let mut spans = Vec::new();
    for part in parts {
        if !spans.is_empty() {
            spans.push(quiet(format!(" {} ", ui.options.glyphs.dot)));
        }
        spans.push(part);
    }
    spans
}

/// The word for how it stands; while pieces of an answer come, that.
fn word(ui: &Ui, thread: &Thread) -> String {
    match ui.thread.live.get(&thread.id) {
        _ if !thread.wishes.is_empty() => thread.word().to_owned(),
        Some(live) if live.text.is_empty() && live.thinking > 0 => format!("thinking {} B", live.thinking),
        Some(live) if !live.text.is_empty() => "streaming".to_owned(),
        _ => thread.word().to_owned(),
    }
}

/// `171k`
pub fn tokens(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..10_000 => format!("{}.{}k", count / 1_000, count % 1_000 / 100),
        10_000..1_000_000 => format!("{}k", count / 1_000),
        _ => format!("{}.{}M", count / 1_000_000, count % 1_000_000 / 100_000),
    }
}

/// What it has cost; what has no price is said to have none.
pub fn cost(thread: &Thread) -> String {
    match (thread.cost.0, thread.unpriced) {
        (0, 1..) => "unpriced".to_owned(),
        _ => format!("{}{}", thread.cost, unpriced(thread)),
    }
}

/// All of that in a line.
pub fn cost_words(thread: &Thread) -> String {
    let usage = &thread.usage;
    format!(
        "{}: in {} (cache {}), out {} tokens in {} turns",
        cost(thread),
        tokens(usage.prompt()),
        tokens(usage.cache_read),
        tokens(usage.output),
        thread.turns
    )
}

fn conversation(buf: &mut Buffer, area: Rect, ui: &Ui, thread: &Thread) {
    if ui.thread.page.rows() == 0 {
        let text = if thread.aside { "reading the log…" } else { "nothing has been said yet" };
        empty::render(buf, area, ui, text);
    }
    let theme = &ui.options.theme;
    let rows = ui.thread.page.window(ui.thread.top, usize::from(area.height));
    for (at, row) in rows.into_iter().enumerate() {
        let indent = (row.indent as u16).min(area.width);
        let place = Rect { x: area.x + indent, width: area.width - indent, ..area };
        let Some(line) = row.line else { continue };
        columns::put(buf, place, at as u16, line);
        let whole = Rect { y: area.y + at as u16, height: 1, ..area };
        if row.begins.is_some() && row.begins == ui.thread.tool {
            pane::choose(buf, whole, ui, ui.focus == Pane::Agent && !ui.thread.typing);
        }
        if !ui.thread.pattern.is_empty() && contains(&line.to_string(), &ui.thread.pattern) {
            mark(buf, place, at as u16, &line.to_string(), ui);
        }
    }
    if let Some(before) = ui.thread.left_at {
        let new = ui.thread.page.rows().saturating_sub(before);
        let text = if new > 0 { format!(" +{new} new ") } else { " not at the end ".to_owned() };
        let x = area.right().saturating_sub(text.len() as u16);
        if area.height > 0 {
            buf.set_stringn(x, area.bottom() - 1, &text, usize::from(area.width), theme.warn);
        }
    }
}

/// Marks what was searched for.
fn mark(buf: &mut Buffer, area: Rect, row: u16, text: &str, ui: &Ui) {
    let (lower, pattern) = (text.to_lowercase(), ui.thread.pattern.to_lowercase());
    // Where small letters are as long as large ones, which is nearly everywhere.
    if lower.len() != text.len() {
        return;
    }
    for (at, found) in lower.match_indices(&pattern) {
        let (Some(before), wide) = (text.get(..at), columns::width(found)) else { continue };
        let x = area.x + columns::width(before) as u16;
        if x < area.right() {
            let width = (wide as u16).min(area.right() - x);
            buf.set_style(Rect { x, y: area.y + row, width, height: 1 }, ui.options.theme.found);
        }
    }
}

/// When something was said.
pub(super) fn time(ui: &Ui, at: crate::domain::time::Timestamp) -> String {
    status::time_of_day(ui, at)
}
