//! Everything by name: actions, runs, jobs, projects.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::state::board::State;

use crate::tui::{
    ui::Ui,
    update,
    widget::{columns, text_input::TextInput},
};

use super::pane;

/// Draws it over the panes; gives back where its cursor stands.
pub fn render(
    buf: &mut Buffer,
    area: Rect,
    ui: &Ui,
    state: &State,
    input: &TextInput,
    chosen: usize,
) -> Option<(u16, u16)> {
    let entries = update::entries(ui, state, input.text());
    let theme = &ui.options.theme;
    let rows = (entries.len() as u16 + 3).clamp(6, 20);
    let inside = pane::popup(buf, area, ui, 76, rows.min(area.height), "Command");
    if inside.is_empty() {
        return None;
    }
    let typed = Line::from(vec![Span::styled(": ", theme.accent), Span::raw(input.text().to_owned())]);
    columns::put(buf, inside, 0, &typed);
    let list = Rect { y: inside.y + 1, height: inside.height - 1, ..inside };
    let height = usize::from(list.height);
    let first = (chosen + 1).saturating_sub(height);
    let names = entries.iter().map(|entry| columns::width(&entry.name)).max().unwrap_or(0).min(24);
    for (row, (index, entry)) in entries.iter().enumerate().skip(first).take(height).enumerate() {
        let marker = if index == chosen { ui.options.glyphs.chosen } else { " " };
        let name = columns::clip(&entry.name, names, ui.options.glyphs.more);
        let gap = " ".repeat(names.saturating_sub(columns::width(&name)) + 2);
        let left = vec![
            Span::styled(format!("{marker} "), theme.accent),
            Span::styled(format!("{name}{gap}"), if index == chosen { theme.strong } else { theme.text }),
            Span::styled(entry.about.clone(), theme.quiet),
        ];
        let right = vec![Span::styled(entry.keys.clone(), theme.accent)];
        columns::put(buf, list, row as u16, &columns::spread(left, right, usize::from(list.width)));
    }
    if entries.is_empty() {
        columns::put(buf, list, 0, &Line::styled("  nothing is called that", theme.quiet));
    }
    Some((inside.x + 2 + input.column() as u16, inside.y))
}
