//! What a whole control sequence says: a key, or an answer.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{Answer, Heard};

/// The key of `ESC O` and this byte.
pub(super) fn single_shift(byte: u8) -> Option<KeyCode> {
    match byte {
        b'P'..=b'S' => Some(KeyCode::F(byte - b'P' + 1)),
        b'M' => Some(KeyCode::Enter),
        byte => arrow(byte),
    }
}

/// What `CSI`, these parameters and this final byte say.
pub(super) fn control_sequence(parameters: &[u8], last: u8) -> Option<Heard> {
    let text = std::str::from_utf8(parameters).ok()?;
    if let Some(text) = text.strip_prefix('?') {
        return answer(text, last).map(Heard::Answer);
    }
    let mut numbers = text.split(';');
    let mut next = || Number::read(numbers.next().unwrap_or_default());
    let (first, second, third) = (next()?, next()?, next()?);
    if last == b'R' && second.value.is_some() {
        let (row, column) = (first.value?, second.value?);
        return Some(Heard::Answer(Answer::Cursor { row, column }));
    }
    let (mut held, kind) = (modifiers(second.value.unwrap_or(1)), second.part);
    let code = match last {
        b'P' | b'Q' | b'S' => KeyCode::F(last - b'P' + 1),
        b'Z' => {
            held |= KeyModifiers::SHIFT;
            KeyCode::BackTab
        }
        // xterm's modifyOtherKeys
        b'~' if first.value == Some(27) => coded(third.value?, &mut held)?,
        b'~' => numbered(first.value?)?,
        b'u' => coded(first.value?, &mut held)?,
        last => arrow(last)?,
    };
    let kind = match kind {
        Some(2) => KeyEventKind::Repeat,
        Some(3) => KeyEventKind::Release,
        _ => KeyEventKind::Press,
    };
    Some(Heard::Event(Event::Key(KeyEvent::new_with_kind(code, held, kind))))
}

/// What looks like an answer on the first row, and wasn't asked for: F3, with what is held down.
pub fn shifted_f3(column: u32) -> Event {
    Event::Key(KeyEvent::new(KeyCode::F(3), modifiers(column)))
}

/// `5`, or `5:3`; nothing is a number too.
struct Number {
    value: Option<u32>,
    part: Option<u32>,
}

impl Number {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(':').map(|part| if part.is_empty() { Ok(None) } else { part.parse().map(Some) });
        let mut next = || parts.next().unwrap_or(Ok(None)).ok();
        Some(Self { value: next()?, part: next()? })
    }
}

fn answer(text: &str, last: u8) -> Option<Answer> {
    match last {
        b'c' => Some(Answer::Device),
        b'u' => Some(Answer::Keyboard { flags: text.parse().ok()? }),
        b'y' => {
            let (mode, state) = text.strip_suffix('$')?.split_once(';')?;
            Some(Answer::Mode { mode: mode.parse().ok()?, state: state.parse().ok()? })
        }
        _ => None,
    }
}

/// 1, and then bits for what is held down.
fn modifiers(number: u32) -> KeyModifiers {
    let bits = number.saturating_sub(1);
    [
        (1, KeyModifiers::SHIFT),
        (2, KeyModifiers::ALT),
        (4, KeyModifiers::CONTROL),
        (8, KeyModifiers::SUPER),
        (16, KeyModifiers::HYPER),
        (32, KeyModifiers::META),
    ]
    .into_iter()
    .filter(|(bit, _)| bits & bit != 0)
    .fold(KeyModifiers::NONE, |all, (_, held)| all | held)
}

fn arrow(byte: u8) -> Option<KeyCode> {
    Some(match byte {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        _ => return None,
    })
}

fn numbered(number: u32) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        2 => KeyCode::Insert,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F((number - 10) as u8),
        17..=21 => KeyCode::F((number - 11) as u8),
        23..=26 => KeyCode::F((number - 12) as u8),
        28..=29 => KeyCode::F((number - 13) as u8),
        31..=34 => KeyCode::F((number - 14) as u8),
        _ => return None,
    })
}

/// A key by its character's number, as kitty and xterm send it when they are asked to.
fn coded(number: u32, held: &mut KeyModifiers) -> Option<KeyCode> {
    Some(match number {
        9 if held.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
        9 => KeyCode::Tab,
        13 | 57_414 => KeyCode::Enter,
        27 => KeyCode::Esc,
        127 => KeyCode::Backspace,
        57_399..=57_408 => KeyCode::Char(char::from(b'0' + (number - 57_399) as u8)),
        // Keys that type nothing: media, modifiers by themselves.
        57_344..=63_743 => return None,
        number => {
            let c = char::from_u32(number).filter(|c| !c.is_control())?;
            held.set(KeyModifiers::SHIFT, held.contains(KeyModifiers::SHIFT) || c.is_uppercase());
            KeyCode::Char(c)
        }
    })
}
