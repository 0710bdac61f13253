//! Who is attached: who, from where, since when, doing what.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::protocol::{frame::Peer, session::VisitorKind};

use crate::tui::{ui::Ui, widget::columns};

use super::{pane, status};

/// Draws it over the panes.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui) {
    let theme = &ui.options.theme;
    let peers = &ui.link.peers;
    let high = (peers.len() as u16).saturating_add(4).clamp(6, area.height.max(6));
    let inside = pane::popup(buf, area, ui, 64, high, "Who is here · Esc closes");
    if inside.is_empty() {
        return;
    }
    let heads = format!("  {:<16}  {:<20}  {:<8}  doing", "who", "from", "since");
    columns::put(buf, inside, 0, &Line::styled(heads, theme.quiet));
    for (row, peer) in peers.iter().take(usize::from(inside.height) - 1).enumerate() {
        columns::put(buf, inside, row as u16 + 1, &line(ui, peer));
    }
    if peers.is_empty() {
        columns::put(buf, inside, 1, &Line::styled("  nobody is known to be here yet", theme.quiet));
    }
}

fn line(ui: &Ui, peer: &Peer) -> Line<'static> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let column = |text: &str, wide: usize| {
        let text = columns::clip(&glyphs.plain(text), wide, glyphs.more);
        format!("{text}{}  ", " ".repeat(wide.saturating_sub(columns::width(&text))))
    };
    let doing = match peer.kind {
        VisitorKind::Board => "board",
        VisitorKind::Watch => "watch",
        VisitorKind::Command => "command",
    };
    let from = if peer.from.is_empty() { "the same process" } else { &peer.from };
    let marker = if peer.you { glyphs.chosen } else { " " };
    let name = if peer.you { format!("{}, you", peer.actor) } else { peer.actor.to_string() };
    Line::from(vec![
        Span::styled(format!("{marker} "), theme.accent),
        Span::styled(column(&name, 16), if peer.you { theme.strong } else { theme.text }),
        Span::raw(column(from, 20)),
        Span::styled(column(&status::time_of_day(ui, peer.since), 8), theme.quiet),
        Span::raw(doing),
    ])
}
