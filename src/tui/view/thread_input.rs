//! Below a conversation: what is being typed, and what waits in it.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    config::keymap::action::{Action, Context},
    state::{rule::wish_words, thread::Thread},
};

use crate::tui::{
    ui::{Pane, Ui},
    widget::{clean::visible, columns},
};

/// What is typed takes so many rows at most.
const HIGHEST: u16 = 8;

/// The place of the conversation, and of what is below it: a line of notes and what is typed.
pub fn split(ui: &Ui, area: Rect) -> (Rect, Rect) {
    let rows = ui.thread.input.rows(usize::from(area.width.saturating_sub(2))).0.len() as u16;
    let rows = rows.clamp(1, HIGHEST).min((area.height / 3).max(1));
    let high = (rows + 1).min(area.height);
    let above = Rect { height: area.height - high, ..area };
    (above, Rect { y: above.bottom(), height: high, ..area })
}

/// Draws it; gives back where the cursor stands.
pub(super) fn render(buf: &mut Buffer, area: Rect, ui: &Ui, thread: Option<&Thread>) -> Option<(u16, u16)> {
    if area.is_empty() {
        return None;
    }
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let width = usize::from(area.width);
    if area.height > 1 {
        columns::put(buf, area, 0, &above(ui, thread, width));
    }
    let place = Rect { y: area.y + area.height.min(2) - 1, height: area.height.saturating_sub(1).max(1), ..area };
    if let Some(field) = &ui.thread.field {
        let line = Line::from(vec![Span::styled("/", theme.accent), Span::raw(field.text().to_owned())]);
        columns::put(buf, place, 0, &line);
        return Some((place.x + 1 + field.column() as u16, place.y));
    }
    let prompt = format!("{} ", glyphs.plain("›"));
    let style = if ui.composes() { theme.accent.patch(theme.strong) } else { theme.quiet };
    columns::put(buf, place, 0, &Line::styled(prompt, style));
    let text = Rect { x: place.x + 2.min(place.width), width: place.width.saturating_sub(2), ..place };
    if ui.thread.input.is_empty() && !ui.composes() {
        let key = ui.options.keymap.label(Context::Agent, Action::Write);
        columns::put(buf, text, 0, &Line::styled(format!("{key} writes to the agent"), theme.quiet));
        return None;
    }
    let (rows, (row, column)) = ui.thread.input.rows(usize::from(text.width));
    let high = usize::from(text.height);
    let first = (row + 1).saturating_sub(high);
    for (at, line) in rows.iter().skip(first).take(high).enumerate() {
        columns::put(buf, text, at as u16, &Line::raw(line.clone()));
    }
    let at = (text.x + column as u16, text.y + (row - first) as u16);
    (ui.composes() && ui.focus == Pane::Agent && text.height > 0).then_some(at)
}

/// What an agent asks; what could be meant; how what is typed is said.
fn above(ui: &Ui, thread: Option<&Thread>, width: usize) -> Line<'static> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let asked = thread.and_then(|thread| thread.wishes.values().next());
    let clip = |text: &str| columns::clip(&glyphs.plain(text), width, glyphs.more);
    if let Some(asked) = asked {
        let key = ui.options.keymap.label(Context::Global, Action::Approvals);
        let right = if ui.composes() { "Esc, then ".to_owned() } else { String::new() };
        let right = vec![Span::styled(format!("{right}{key} answers"), theme.accent)];
        let words = visible(&wish_words(&asked.wish)).replace('\n', " ");
        let left = vec![Span::styled(format!("{} asks: {words}", glyphs.asking), theme.warn.patch(theme.strong))];
        return columns::spread(left, right, width);
    }
    if !ui.thread.offered.is_empty() {
        return Line::styled(clip(&ui.thread.offered.join("  ")), theme.accent);
    }
    if ui.thread.editing.is_some() {
        return Line::styled(clip("changing what you said: Enter says it anew, Esc leaves it"), theme.warn);
    }
    let waiting = thread.map_or(0, |thread| if thread.turn.is_some() { thread.waiting } else { 0 });
    let text = match (ui.composes(), thread.is_some_and(|thread| thread.turn.is_some())) {
        _ if ui.thread.draft.is_some() => "on its way…".to_owned(),
        (_, true) if waiting > 0 => format!("{waiting} queued · Esc interrupts"),
        (true, true) => "Enter or Tab queues · Esc interrupts · Ctrl-J line".to_owned(),
        (true, false) => "Enter says it · Ctrl-J line · @file @log @run @diff · / commands · Esc leaves".to_owned(),
        (false, _) => return Line::styled(glyphs.rule.repeat(width), theme.frame),
    };
    Line::styled(clip(&text), theme.quiet)
}
