//! State and what is looked at, as a screen. One file a pane.

pub mod approval;
pub mod away;
pub mod containers;
pub mod cost;
pub mod empty;
pub mod help;
pub mod history;
pub mod keys_bar;
pub mod link;
mod log_title;
pub mod logs;
pub mod palette;
pub mod pane;
pub mod past;
pub mod people;
pub mod popup;
pub mod projects;
pub mod runs;
pub mod status;
pub mod status_bar;
pub mod text;
pub mod timeline;

use ratatui::{Frame, layout::Position};

use crate::state::board::State;

use super::{
    layout::Layout,
    ui::{Overlay, Ui},
};

/// Draws the whole screen.
pub fn draw(frame: &mut Frame<'_>, ui: &Ui, state: &State) {
    let area = frame.area();
    if area.is_empty() {
        return;
    }
    let layout = Layout::of(ui);
    let buf = frame.buffer_mut();
    // The screen may have become smaller since the layout was made: what is drawn stays within what is there.
    if ui.size != (area.width, area.height) {
        return;
    }
    status_bar::render(buf, layout.status, ui, state);
    projects::render(buf, layout.projects, ui, state, &layout);
    runs::render(buf, layout.runs, ui, state, &layout);
    let mut cursor = logs::render(buf, layout.logs, ui, state, &layout);
    if let Some(at) = containers::render(buf, layout.containers, ui, state, &layout) {
        cursor = Some(at);
    }
    cost::render(buf, layout.cost, ui, state, &layout);
    timeline::render(buf, layout.timeline, ui, state, &layout);
    history::render(buf, layout.history, ui, state, &layout);
    approval::render(buf, layout.card, ui, state, &layout);
    approval::render_line(buf, layout.asks, ui, state);
    keys_bar::render(buf, layout.keys, ui, state);
    let over = match &ui.overlay {
        None => None,
        Some(Overlay::Help { scroll }) => {
            help::render(buf, area, ui, *scroll);
            None
        }
        Some(Overlay::People) => {
            people::render(buf, area, ui);
            None
        }
        Some(Overlay::Away { gone, list, chosen }) => {
            away::render(buf, area, ui, state, (*gone, list, *chosen));
            None
        }
        Some(Overlay::Text { title, lines, scroll, pattern, field }) => {
            let shown = text::Shown { title, lines, scroll: *scroll, pattern, field: field.as_ref() };
            text::render(buf, area, ui, &shown)
        }
        Some(Overlay::Palette { input, chosen }) => palette::render(buf, area, ui, state, input, *chosen),
        Some(overlay) => popup::render(buf, area, ui, overlay),
    };
    if ui.overlay.is_some() {
        cursor = over;
    }
    if let Some((x, y)) = cursor.filter(|(x, y)| *x < area.width && *y < area.height) {
        frame.set_cursor_position(Position { x, y });
    }
}
