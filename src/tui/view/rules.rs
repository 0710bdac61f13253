//! What agents may do without asking, over the panes.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::state::board::State;

use crate::tui::{ui::Ui, widget::columns};

use super::pane;

/// Draws it.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State, chosen: usize) {
    let theme = &ui.options.theme;
    let high = (state.rules.len() as u16).saturating_add(5).clamp(7, area.height.max(7));
    let inside = pane::popup(buf, area, ui, 78, high, "Rules: what agents do without asking");
    if inside.is_empty() {
        return;
    }
    if state.rules.is_empty() {
        let text = "None. `a` on the card of a question gives one, for what fits a pattern.";
        for (row, line) in columns::words(text, usize::from(inside.width)).iter().enumerate() {
            columns::put(buf, inside, row as u16, &Line::styled(line.clone(), theme.quiet));
        }
    }
    let room = usize::from(inside.height.saturating_sub(1)).max(1);
    let first = (chosen + 1).saturating_sub(room);
    for (row, (at, (number, rule))) in state.rules.iter().enumerate().skip(first).take(room).enumerate() {
        let project = rule.project.and_then(|id| state.projects.get(&id)).map_or("no project", |p| p.name.as_str());
        let marker = if at == chosen { ui.options.glyphs.chosen } else { " " };
        let left = vec![
            Span::styled(format!("{marker} {number:<3}"), theme.accent),
            Span::styled(format!("{} {}", rule.kind.word(), rule.pattern), theme.strong),
        ];
        let right = vec![Span::styled(format!("{project}, by {}", rule.by), theme.quiet)];
        columns::put(buf, inside, row as u16, &columns::spread(left, right, usize::from(inside.width)));
    }
    let keys = Line::from(vec![
        Span::styled("x", theme.accent.patch(theme.strong)),
        Span::raw(" revokes   "),
        Span::styled("Esc", theme.accent.patch(theme.strong)),
        Span::raw(" back"),
    ]);
    columns::put(buf, inside, inside.height - 1, &keys);
}
