//! A long text over the panes.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::tui::{
    ui::Ui,
    update::text::contains,
    widget::{columns, text_input::TextInput},
};

use super::pane;

/// A text, where it is scrolled to, and what is looked for in it.
pub struct Shown<'a> {
    /// What it is.
    pub title: &'a str,
    /// Its lines.
    pub lines: &'a [String],
    /// The first that is shown.
    pub scroll: usize,
    /// What was looked for.
    pub pattern: &'a str,
    /// What is being typed to be looked for.
    pub field: Option<&'a TextInput>,
}

/// Draws it; gives back where the cursor of its field stands.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, shown: &Shown<'_>) -> Option<(u16, u16)> {
    let theme = &ui.options.theme;
    let title = format!("{} · / finds · y copies · Esc closes", shown.title);
    let inside = pane::popup(buf, area, ui, area.width, area.height, &title);
    let height = inside.height.saturating_sub(2);
    for (row, line) in shown.lines.iter().skip(shown.scroll).take(usize::from(height)).enumerate() {
        let style = if contains(line, shown.pattern) { theme.found } else { theme.text };
        columns::put(buf, inside, row as u16, &Line::styled(line.clone(), style));
    }
    let last = inside.height.saturating_sub(1);
    if let Some(field) = shown.field {
        let line = Line::from(vec![Span::styled("/", theme.accent), Span::raw(field.text().to_owned())]);
        columns::put(buf, inside, last, &line);
        return Some((inside.x + 1 + field.column() as u16, inside.y + last));
    }
    let end = (shown.scroll + usize::from(height)).min(shown.lines.len());
    let place = format!("lines {} to {end} of {}", shown.scroll + 1, shown.lines.len());
    columns::put(buf, inside, last, &Line::styled(place, theme.quiet));
    None
}
