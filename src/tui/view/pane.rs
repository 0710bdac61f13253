//! The frame of a pane: its number and name at the left, what there is to know of it at the right.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::Span,
    widgets::{Block, Borders, Clear, Widget as _},
};

use crate::tui::{
    layout::{Class, Layout},
    ui::{Pane, Ui},
    widget::columns,
};

/// Draws the frame, and gives back what is inside.
pub fn frame(
    buf: &mut Buffer,
    area: Rect,
    ui: &Ui,
    layout: &Layout,
    pane: Option<Pane>,
    title: &str,
    notes: Vec<Span<'_>>,
) -> Rect {
    let inside = layout.inside(area);
    if area.is_empty() {
        return inside;
    }
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let focused = pane == Some(ui.focus) && ui.overlay.is_none();
    let (line, name) =
        if focused { (theme.accent, theme.accent.patch(theme.strong)) } else { (theme.frame, theme.strong) };
    if layout.framed {
        Block::new().borders(Borders::ALL).border_set(glyphs.frame(focused)).border_style(line).render(area, buf);
    } else {
        let rule = if focused { glyphs.frame(true).horizontal_top } else { glyphs.rule };
        buf.set_stringn(area.x, area.y, rule.repeat(usize::from(area.width)), usize::from(area.width), line);
    }
    let room = usize::from(area.width.saturating_sub(4));
    let notes = columns::cut(&notes, 0, room);
    let used = columns::spans_width(&notes);
    let left = room.saturating_sub(used + usize::from(used > 0) * 3);
    let title = columns::clip(&glyphs.plain(title), left, glyphs.more);
    if !title.is_empty() {
        buf.set_stringn(area.x + 1, area.y, format!(" {title} "), left + 2, name);
    }
    if used > 0 {
        let x = area.right().saturating_sub(used as u16 + 3).max(area.x + 1);
        let mut spans = vec![Span::styled(" ", line)];
        spans.extend(notes);
        spans.push(Span::styled(" ", line));
        buf.set_line(x, area.y, &spans.into(), area.right().saturating_sub(x + 1));
    }
    inside
}

/// Where panes 1 and 2 share a place, the one names the other.
pub fn other_tab(ui: &Ui, layout: &Layout, notes: &mut Vec<Span<'static>>, other: &'static str) {
    if matches!(layout.class, Class::Single | Class::Stack) {
        let theme = &ui.options.theme;
        notes.insert(0, Span::styled(format!("{other} {} ", ui.options.glyphs.dot), theme.quiet));
    }
}

/// Without the column next to the frame.
pub fn indent(area: Rect) -> Rect {
    let by = area.width.min(1);
    Rect { x: area.x + by, width: area.width - by, ..area }
}

/// A box over the panes, with a title.
pub fn popup(buf: &mut Buffer, area: Rect, ui: &Ui, wide: u16, high: u16, title: &str) -> Rect {
    let (width, height) = (wide.min(area.width), high.min(area.height));
    let x = area.x + (area.width - width) / 2;
    let y = area.y + (area.height - height) / 3;
    let area = Rect { x, y, width, height };
    Clear.render(area, buf);
    let theme = &ui.options.theme;
    let block = Block::new().borders(Borders::ALL).border_set(ui.options.glyphs.frame(true)).border_style(theme.accent);
    block.render(area, buf);
    let room = usize::from(area.width.saturating_sub(4));
    if room > 0 {
        let title = columns::clip(&ui.options.glyphs.plain(title), room, ui.options.glyphs.more);
        buf.set_stringn(area.x + 1, area.y, format!(" {title} "), room + 2, theme.accent.patch(theme.strong));
    }
    let (width, height) = (area.width.saturating_sub(4), area.height.saturating_sub(2));
    Rect { x: area.x + 2.min(area.width), y: area.y + 1.min(area.height), width, height }
}

/// Makes a row stand out as the chosen one.
pub fn choose(buf: &mut Buffer, row: Rect, ui: &Ui, focused: bool) {
    let theme = &ui.options.theme;
    if focused && ui.overlay.is_none() {
        // Colours would turn into a patchwork of backgrounds.
        buf.set_style(row, Style::reset());
        buf.set_style(row, theme.chosen);
    } else {
        buf.set_style(row, theme.chosen_elsewhere);
    }
}
