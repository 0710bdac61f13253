//! The board, tested as a whole.

#![allow(clippy::unwrap_used)]

mod approval;
mod away;
mod containers;
mod cost;
mod keys;
mod link;
mod screens;
mod wheel;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;

use crate::state::board::State;

use super::{
    glyphs::{Glyphs, UNICODE},
    input,
    options::Options,
    picture,
    theme::Theme,
    ui::{Effect, Ui},
    update,
};

/// Options that don't depend on where the test runs.
fn options(glyphs: &'static Glyphs) -> Options {
    Options {
        theme: Theme::terminal(),
        glyphs,
        zone: TimeZone::UTC,
        root: Some("/home/deniz/acme-api".into()),
        person: "deniz".into(),
        ..Options::default()
    }
}

/// The story's board.
fn board(size: (u16, u16)) -> (Ui, State) {
    picture::story(options(&UNICODE), size)
}

/// A key as it is written in the keymap's texts: `j`, `G`, `esc`, `ctrl-c`.
fn key(name: &str) -> KeyEvent {
    let (modifiers, name) = match name.strip_prefix("ctrl-") {
        Some(rest) => (KeyModifiers::CONTROL, rest),
        None => (KeyModifiers::NONE, name),
    };
    let code = match name {
        "esc" => KeyCode::Esc,
        "enter" => KeyCode::Enter,
        "space" => KeyCode::Char(' '),
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "backspace" => KeyCode::Backspace,
        "page-down" => KeyCode::PageDown,
        "page-up" => KeyCode::PageUp,
        _ => KeyCode::Char(name.chars().next().unwrap()),
    };
    KeyEvent::new(code, modifiers)
}

/// Presses keys, one after the other; gives back what was asked for that is no look-up.
fn press(ui: &mut Ui, state: &State, keys: &[&str]) -> Vec<Effect> {
    let mut out = Vec::new();
    for name in keys {
        let Some(intent) = input::intent(ui, &key(name)) else { continue };
        let effects = update::update(ui, state, intent);
        let (queries, rest): (Vec<Effect>, Vec<Effect>) =
            effects.into_iter().partition(|e| matches!(e, Effect::Query(..)));
        picture::perform(ui, state, queries);
        picture::read_all(ui, state);
        out.extend(rest);
    }
    out
}

/// The text of the screen.
fn screen(ui: &Ui, state: &State) -> String {
    let buffer = picture::buffer(ui, state);
    let mut out = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut line = String::new();
        let mut x = buffer.area.left();
        while x < buffer.area.right() {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += (super::widget::columns::width(symbol) as u16).max(1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
