//! A key becomes an intent: by what stands over the panes, by the armed card, by the pane that has the focus, by the keymap.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::config::keymap::{
    action::{Action, Context},
    chord::{Key, KeyChord},
};

use super::{
    thread::Stroke,
    ui::{Intent, Overlay, Pane, Ui},
    widget::{composer, text_input::Edit},
};

/// What this key means now; `None`: nothing. Also tells the card whether it was disturbed.
pub fn intent(ui: &mut Ui, key: &KeyEvent) -> Option<Intent> {
    let (intent, for_card) = meaning(ui, key);
    if !for_card {
        ui.card.disturb(ui.clock.mono);
    }
    intent
}

fn meaning(ui: &Ui, key: &KeyEvent) -> (Option<Intent>, bool) {
    if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
        return (Some(Intent::Interrupt), false);
    }
    if ui.composes() {
        return (composing(key), false);
    }
    if ui.is_typing() {
        return (typing(key), false);
    }
    let Some(chord) = chord(key) else { return (None, false) };
    let find = |contexts: &[Context]| ui.options.keymap.action(contexts, chord);
    match &ui.overlay {
        Some(Overlay::Confirm(_)) => (confirming(key), false),
        Some(over) => {
            let intent = find(&[Context::Global]).map(|action| match action {
                Action::Open if matches!(over, Overlay::Away { .. }) => Intent::Accept,
                Action::Quit if matches!(over, Overlay::Cut) => Intent::Do(action),
                Action::People if matches!(over, Overlay::People) => Intent::Dismiss,
                Action::Away if matches!(over, Overlay::Away { .. }) => Intent::Dismiss,
                Action::Back | Action::Help | Action::Quit | Action::Open => Intent::Dismiss,
                action => Intent::Do(action),
            });
            (intent, false)
        }
        None => {
            let focused = ui.focus == Pane::Card;
            let an_agent_asks = ui.card.wish().is_some();
            let fits = |action: &Action| an_agent_asks || !matches!(action, Action::ForThread | Action::Always);
            let on_card = || find(&[Context::Approval]).filter(|action| focused || !scrolls_card(*action)).filter(fits);
            if ui.card_is_armed()
                && let Some(action) = on_card()
            {
                return (Some(Intent::Do(action)), true);
            }
            let contexts = [ui.focus.context(), Context::Global];
            let action = find(if focused { &contexts[1..] } else { &contexts });
            // Reading the card is no disturbance of it.
            let reads = focused && action.is_some_and(moves);
            (action.map(Intent::Do), reads)
        }
    }
}

/// The keys of a question with y and n are not rebound: they stand in the question.
fn confirming(key: &KeyEvent) -> Option<Intent> {
    match key.code {
        KeyCode::Char('y') => Some(Intent::Answer(true)),
        KeyCode::Char('n') => Some(Intent::Answer(false)),
        KeyCode::Esc => Some(Intent::Dismiss),
        _ => None,
    }
}

/// Letters that scroll the card belong to the pane with the focus where that is another.
fn scrolls_card(action: Action) -> bool {
    use Action::{CardDown, CardHelp, CardPageDown, CardPageUp, CardUp};
    matches!(action, CardDown | CardHelp | CardPageDown | CardPageUp | CardUp)
}

fn moves(action: Action) -> bool {
    use Action::{Bottom, Down, HalfPageDown, HalfPageUp, PageDown, PageUp, Top, Up};
    matches!(action, Down | Up | HalfPageDown | HalfPageUp | PageDown | PageUp | Top | Bottom)
}

fn typing(key: &KeyEvent) -> Option<Intent> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let edit = match key.code {
        KeyCode::Enter => return Some(Intent::Accept),
        KeyCode::Esc => return Some(Intent::Dismiss),
        KeyCode::Down | KeyCode::Tab => return Some(Intent::Choose(1)),
        KeyCode::Up | KeyCode::BackTab => return Some(Intent::Choose(-1)),
        KeyCode::Char('n') if control => return Some(Intent::Choose(1)),
        KeyCode::Char('u') if control => Edit::Clear,
        KeyCode::Char('w') if control => Edit::DeleteWord,
        KeyCode::Char(_) if control || key.modifiers.contains(KeyModifiers::ALT) => return None,
        KeyCode::Char(c) => Edit::Insert(c),
        KeyCode::Backspace => Edit::Backspace,
        KeyCode::Delete => Edit::Delete,
        KeyCode::Left => Edit::Left,
        KeyCode::Right => Edit::Right,
        KeyCode::Home => Edit::Home,
        KeyCode::End => Edit::End,
        _ => return None,
    };
    Some(Intent::Type(edit))
}

/// Letters are text, and nothing else: no letter is a key while somebody writes to an agent.
fn composing(key: &KeyEvent) -> Option<Intent> {
    let held = |modifier| key.modifiers.contains(modifier);
    let (control, alt, shift) = (held(KeyModifiers::CONTROL), held(KeyModifiers::ALT), held(KeyModifiers::SHIFT));
    let stroke = match key.code {
        KeyCode::Enter if alt || shift => Stroke::Edit(composer::Edit::Newline),
        KeyCode::Enter => Stroke::Send,
        KeyCode::Esc => Stroke::Leave,
        KeyCode::Tab => Stroke::Tab,
        KeyCode::Up => Stroke::Up,
        KeyCode::Down => Stroke::Down,
        KeyCode::PageUp => Stroke::Page(false),
        KeyCode::PageDown => Stroke::Page(true),
        KeyCode::Char('j') if control => Stroke::Edit(composer::Edit::Newline),
        KeyCode::Char('u') if control => Stroke::Edit(composer::Edit::Clear),
        KeyCode::Char('w') if control => Stroke::Edit(composer::Edit::DeleteWord),
        KeyCode::Char(_) if control || alt => return None,
        KeyCode::Char(c) => Stroke::Edit(composer::Edit::Insert(c)),
        KeyCode::Backspace => Stroke::Edit(composer::Edit::Backspace),
        KeyCode::Delete => Stroke::Edit(composer::Edit::Delete),
        KeyCode::Left => Stroke::Edit(composer::Edit::Left),
        KeyCode::Right => Stroke::Edit(composer::Edit::Right),
        KeyCode::Home => Stroke::Edit(composer::Edit::Home),
        KeyCode::End => Stroke::Edit(composer::Edit::End),
        _ => return None,
    };
    Some(Intent::Compose(stroke))
}

/// A key as the keymap names it; `None` for keys that it has no name for.
fn chord(key: &KeyEvent) -> Option<KeyChord> {
    let held = |modifier| key.modifiers.contains(modifier);
    let mut shift = held(KeyModifiers::SHIFT);
    let key = match key.code {
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::F(n) => Key::F(n),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => {
            shift = true;
            Key::Tab
        }
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Insert => Key::Insert,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        _ => return None,
    };
    Some(KeyChord::new(held(KeyModifiers::CONTROL), held(KeyModifiers::ALT), shift, key))
}
