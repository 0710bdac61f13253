//! What stands where nothing is: what to press.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::config::keymap::action::{Action, Context};

use crate::tui::{ui::Ui, widget::columns};

/// A quiet text; `{start}` and the like become keys.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, text: &str) {
    let theme = &ui.options.theme;
    let mut row = 0;
    for paragraph in text.lines() {
        for line in columns::words(&with_keys(ui, paragraph), usize::from(area.width.saturating_sub(2))) {
            let line = Line::from(vec![Span::raw(" "), Span::styled(ui.options.glyphs.plain(&line), theme.quiet)]);
            columns::put(buf, area, row, &line);
            row += 1;
        }
    }
}

fn with_keys(ui: &Ui, text: &str) -> String {
    let mut text = text.to_owned();
    for (name, action) in
        [("{start}", Action::Start), ("{help}", Action::Help), ("{palette}", Action::Palette), ("{quit}", Action::Quit)]
    {
        if text.contains(name) {
            text = text.replace(name, &ui.options.keymap.label(Context::Global, action));
        }
    }
    text
}

/// For the board as a whole, before there is anything.
pub fn nothing_yet(ui: &Ui) -> &'static str {
    match (ui.link.caught_up, &ui.options.root) {
        (false, _) => "reading the log…",
        (true, Some(_)) => "No run yet.\n{start} starts the pipeline of this repository.\n{help} shows all keys.",
        (true, None) => {
            "No project yet.\nOpen the board inside a repository that has a gonogo.toml (`gonogo init` writes one), or start \
             a run there with `gonogo run`.\n{help} shows all keys, {quit} leaves."
        }
    }
}
