//! The conversations, newest first.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Span};

use crate::{
    domain::{actor::Actor, id::Seq},
    protocol::thread::TurnOutcome,
    state::{board::State, thread::Thread},
};

use crate::tui::{
    thread::ThreadPane,
    ui::{Pane, Ui},
    widget::{clean::visible, columns},
};

use super::{pane, thread};

/// Glyph and colour of how a conversation stands.
pub(super) fn badge(ui: &Ui, thread: &Thread) -> (&'static str, Style) {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    match (&thread.turn, &thread.outcome) {
        _ if !thread.wishes.is_empty() => (glyphs.asking, theme.warn.patch(theme.strong)),
        (Some(_), _) => (glyphs.running, theme.running),
        (None, Some(TurnOutcome::Done)) => (glyphs.passed, theme.good),
        (None, Some(TurnOutcome::Interrupted { .. })) => (glyphs.stopped, theme.quiet),
        (None, Some(TurnOutcome::Lost)) => (glyphs.lost, theme.warn),
        (None, Some(_)) => (glyphs.failed, theme.bad),
        (None, None) => (glyphs.waiting, theme.quiet),
    }
}

/// Whether something was said there since it was last read, here or on the board before.
fn is_unread(ui: &Ui, state: &State, thread: &Thread) -> bool {
    let before = state.seen.get(&Actor::Person(ui.options.person.clone())).map_or(Seq(0), |seen| seen.seq);
    let read = ui.thread.seen.get(&thread.id).copied().unwrap_or_default().max(before);
    thread.touched > read
}

/// Draws the list, the chosen one in sight.
pub(super) fn render(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State) {
    let listed = ThreadPane::listed(state, ui.project);
    if listed.is_empty() {
        return nothing_yet(buf, area, ui);
    }
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let chosen = listed.iter().position(|thread| Some(thread.id) == ui.thread.chosen).unwrap_or(0);
    let (width, height) = (usize::from(area.width), usize::from(area.height).max(1));
    let first = (chosen + 1).saturating_sub(height);
    for (row, (at, one)) in listed.iter().enumerate().skip(first).take(height).enumerate() {
        let (glyph, style) = badge(ui, one);
        let unread = is_unread(ui, state, one);
        let name = if unread { theme.strong } else { theme.text };
        let left = vec![
            Span::styled(format!("{glyph} {:<8} ", one.word()), style),
            Span::styled(format!("{:<4}", one.id.to_string()), theme.quiet),
            Span::styled(glyphs.plain(&visible(&one.title)), name),
        ];
        let mut right = Vec::new();
        if unread {
            right.push(Span::styled("new  ", theme.accent.patch(theme.strong)));
        }
        if width >= 90 {
            let run = one.about.run.map(|run| format!("run {run}  ")).unwrap_or_default();
            right.push(Span::styled(format!("{run}{}  ", visible(&one.role)), theme.quiet));
        }
        let cost = if one.last_model.is_some() { thread::cost(one) } else { String::new() };
        right.push(Span::styled(cost, theme.quiet));
        right.push(Span::styled(format!(" {}", thread::time(ui, one.touched_at)), theme.quiet));
        columns::put(buf, area, row as u16, &columns::spread(left, right, width));
        if at == chosen {
            let row = Rect { y: area.y + row as u16, height: 1, ..area };
            pane::choose(buf, row, ui, ui.focus == Pane::Agent && !ui.thread.typing);
        }
    }
}

fn nothing_yet(buf: &mut Buffer, area: Rect, ui: &Ui) {
    let key = |context, action| ui.options.keymap.label(context, action);
    use crate::config::keymap::action::{Action, Context};
    let text = format!(
        "No conversation yet.\n{} writes to the operator, who drives gonogo by words: \"why is ci red?\", \"rerun the failed ones\".\n\
         It needs a model: name one in config.toml (docs/models.md). Everything else works without.",
        key(Context::Agent, Action::Write)
    );
    super::empty::render(buf, area, ui, &text);
}
