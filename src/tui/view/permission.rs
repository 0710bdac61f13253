//! What an agent asks, on the card: all of it, however long, and for how long it may be allowed.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::{config::keymap::action::Action, protocol::thread::Wish};

use crate::tui::{
    card::AgentWish,
    ui::Ui,
    widget::{clean::visible, columns},
};

/// Who asks, for what kind of thing, and how grave that is.
pub(super) fn head(ui: &Ui, width: usize) -> Vec<Line<'static>> {
    let Some(asked) = ui.card.wish() else { return Vec::new() };
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let what = match &asked.wish {
        Wish::Run { .. } => "wants to run a command in its workspace",
        Wish::Verb { .. } => "wants gonogo to do this",
        Wish::Question { .. } => "asks",
        Wish::Unknown => "wants something that this version does not know",
    };
    let title = visible(&format!("{} · t{}", asked.title, asked.thread));
    let left = vec![Span::styled(format!("{} {what}", asked.role), theme.strong)];
    let right = vec![Span::styled(columns::clip(&glyphs.plain(&title), width / 2, glyphs.more), theme.quiet)];
    let mut lines = vec![columns::spread(left, right, width)];
    if let Wish::Verb { high: true, .. } = asked.wish {
        let text = "risk high: it can't be taken back, or reaches others; it is allowed once at a time";
        lines.extend(
            columns::words(text, width).into_iter().map(|line| Line::styled(line, theme.bad.patch(theme.strong))),
        );
    }
    lines
}

/// The command, its reason, and what `a` would allow; as many rows as it takes.
fn lines(ui: &Ui, width: usize) -> Vec<Line<'static>> {
    let Some(asked) = ui.card.wish() else { return Vec::new() };
    let theme = &ui.options.theme;
    let (what, why, prefix) = match &asked.wish {
        Wish::Run { command, why } => (command, why.as_str(), "$ "),
        Wish::Verb { verb, why, .. } => (verb, why.as_str(), "gonogo "),
        Wish::Question { question } => (question, "", ""),
        Wish::Unknown => return Vec::new(),
    };
    let mut out = Vec::new();
    for line in format!("{prefix}{}", visible(what)).lines() {
        // Nothing of it is cut off, and nothing is moved: what is read is what would be done.
        let rows = columns::wrap(&[Span::styled(line.to_owned(), theme.strong)], width);
        out.extend(rows.into_iter().map(Line::from));
    }
    let mut note = |label: &str, text: &str| {
        for (row, line) in columns::words(&visible(text), width.saturating_sub(7)).into_iter().enumerate() {
            let label = if row == 0 { format!("{label:<6} ") } else { " ".repeat(7) };
            out.push(Line::from(vec![Span::styled(label, theme.quiet), Span::raw(ui.options.glyphs.plain(&line))]));
        }
    };
    if !why.is_empty() {
        note("why", why);
    }
    note("until", "the agent's turn ends");
    if let Some(pattern) = asked.pattern.as_ref().filter(|_| !matches!(asked.wish, Wish::Question { .. })) {
        note("always", &format!("would be: {pattern}"));
    }
    out
}

/// Rows of it.
pub(super) fn rows(ui: &Ui, width: usize) -> usize {
    lines(ui, width).len()
}

/// Draws it, from the row that it was scrolled to.
pub(super) fn render(buf: &mut Buffer, area: Rect, ui: &Ui) {
    let lines = lines(ui, usize::from(area.width));
    for (row, line) in lines.iter().skip(ui.card.scroll).take(usize::from(area.height)).enumerate() {
        columns::put(buf, area, row as u16, line);
    }
    let last = ui.card.scroll + usize::from(area.height);
    if lines.len() > last && area.height > 0 {
        let more = format!(" {} more ", lines.len() - last);
        let x = area.right().saturating_sub(more.len() as u16);
        buf.set_stringn(x, area.bottom() - 1, &more, usize::from(area.width), ui.options.theme.warn);
    }
}

/// Its keys, before NO-GO.
pub(super) fn keys(asked: &AgentWish, width: usize) -> Vec<(Action, &'static str)> {
    let narrow = width < 70;
    match asked.wish {
        Wish::Question { .. } | Wish::Unknown => vec![(Action::Yes, "answer")],
        Wish::Verb { high: true, .. } => vec![(Action::Yes, "once")],
        Wish::Run { .. } | Wish::Verb { .. } => {
            let mut keys =
                vec![(Action::Yes, "once"), (Action::ForThread, if narrow { "chat" } else { "this conversation" })];
            if asked.pattern.is_some() {
                keys.push((Action::Always, "always"));
            }
            keys
        }
    }
}
