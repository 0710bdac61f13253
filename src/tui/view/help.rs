//! All keys, from the table.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::config::keymap::action::{Action, Context, Entry};

use crate::tui::{
    ui::{Pane, Ui},
    widget::columns,
};

use super::pane;

/// What a context is called on the screen.
fn title(context: Context) -> &'static str {
    match context {
        Context::Global => "Everywhere",
        Context::List => "Projects and runs",
        Context::Logs => "Logs",
        Context::Timeline => "Timeline",
        Context::Agent => "Agent (and there: S begins anew, r retries, x stops, / finds)",
        Context::Containers => "Containers (and there: S starts, r restarts, x stops, X kills, / filters)",
        Context::Approval => "Approval card, once it is armed",
    }
}

/// What a key does, here: leaving is not the same everywhere.
pub fn about(ui: &Ui, row: &Entry) -> &'static str {
    match row.action {
        Action::Quit if ui.options.in_process => "Quit; what runs ends with gonogo (asks first)",
        Action::Quit => "Detach; runs go on",
        _ => row.about,
    }
}

/// Draws it over the panes: the keys of the focused pane first.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, scroll: usize) {
    let lines = lines(ui);
    let wide = if area.width >= 130 { 124 } else { 78 };
    let inside = pane::popup(buf, area, ui, wide, area.height.saturating_sub(2), "Keys · Esc closes");
    if inside.is_empty() {
        return;
    }
    let count = if inside.width >= 110 { 2 } else { 1 };
    let width = inside.width / count;
    let height = usize::from(inside.height);
    let pages = height * usize::from(count);
    let scroll = scroll.min(lines.len().saturating_sub(pages));
    for (index, line) in lines.iter().skip(scroll).take(pages).enumerate() {
        let x = inside.x + (index / height) as u16 * width;
        let column = Rect { x, width: width.saturating_sub(u16::from(count > 1)), ..inside };
        columns::put(buf, column, (index % height) as u16, line);
    }
}

fn lines(ui: &Ui) -> Vec<Line<'static>> {
    let theme = &ui.options.theme;
    let own = ui.focus.context();
    let own = if ui.focus == Pane::Card { Context::Approval } else { own };
    let rest = Context::ALL.into_iter().filter(|context| *context != own);
    let mut out = Vec::new();
    for context in std::iter::once(own).chain(rest) {
        if !out.is_empty() {
            out.push(Line::default());
        }
        out.push(Line::styled(title(context), theme.accent.patch(theme.strong)));
        for (row, keys) in ui.options.keymap.rows().filter(|(row, _)| row.context == context) {
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            out.push(Line::from(vec![
                Span::styled(format!(" {:<16}", keys.join("  ")), theme.strong),
                Span::raw(format!(" {}", about(ui, row))),
            ]));
        }
    }
    out
}

/// `docs/keys.md`: the same table as text.
pub fn markdown(keymap: &crate::config::keymap::Keymap) -> String {
    use std::fmt::Write as _;
    let mut out = String::from(
        "# Keys\n\nMade from the table in `src/config/keymap/action.rs`; a test holds them equal. Every key can be changed in \
         `config.toml` under `[keys.CONTEXT]`.\nCtrl-C clears what is being typed; a second one leaves.\n",
    );
    for context in Context::ALL {
        let _ = write!(
            out,
            "\n## {} (`keys.{}`)\n\n| Keys | Name | What it does |\n|---|---|---|\n",
            title(context),
            context.name()
        );
        for (row, keys) in keymap.rows().filter(|(row, _)| row.context == context) {
            let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            let _ = writeln!(out, "| {} | `{}` | {} |", keys.join(" "), row.name, row.about);
        }
    }
    out
}
