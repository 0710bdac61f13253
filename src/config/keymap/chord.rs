//! A key, alone or held together with others, and how it is written.

use std::{fmt, str::FromStr};

/// A key, with what is held down beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyChord {
    /// Held down.
    pub ctrl: bool,
    /// Held down.
    pub alt: bool,
    /// Held down. Never set for [`Key::Char`]: `G` is a character of its own.
    pub shift: bool,
    /// The key itself.
    pub key: Key,
}

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is the key of that name")]
pub enum Key {
    /// What the key types.
    Char(char),
    /// `F1` to `F24`.
    F(u8),
    Enter,
    Esc,
    Tab,
    Backspace,
    Delete,
    Insert,
    Home,
    End,
    PageUp,
    PageDown,
    Up,
    Down,
    Left,
    Right,
}

/// Named keys: what a file may call them (the first is the usual name), how they are shown.
const NAMED: [(&[&str], &str, Key); 15] = [
    (&["space"], "Space", Key::Char(' ')),
    (&["enter", "return"], "Enter", Key::Enter),
    (&["esc", "escape"], "Esc", Key::Esc),
    (&["tab"], "Tab", Key::Tab),
    (&["backspace"], "Backspace", Key::Backspace),
    (&["delete", "del"], "Delete", Key::Delete),
    (&["insert", "ins"], "Insert", Key::Insert),
    (&["home"], "Home", Key::Home),
    (&["end"], "End", Key::End),
    (&["page-up", "pageup", "pgup"], "PgUp", Key::PageUp),
    (&["page-down", "pagedown", "pgdn"], "PgDn", Key::PageDown),
    (&["up"], "Up", Key::Up),
    (&["down"], "Down", Key::Down),
    (&["left"], "Left", Key::Left),
    (&["right"], "Right", Key::Right),
];

impl KeyChord {
    /// A key as a terminal reports it: shift is folded into the character, and a letter held with Ctrl is lower case.
    pub fn new(ctrl: bool, alt: bool, shift: bool, key: Key) -> Self {
        match key {
            Key::Char(c) if ctrl => Self { ctrl, alt, shift: false, key: Key::Char(c.to_ascii_lowercase()) },
            Key::Char(c) if shift => Self { ctrl, alt, shift: false, key: Key::Char(upper(c)) },
            key => Self { ctrl, alt, shift: shift && !matches!(key, Key::Char(_)), key },
        }
    }

    /// A character's key, with nothing held down.
    pub fn char(c: char) -> Self {
        Self::new(false, false, false, Key::Char(c))
    }
}

fn upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    upper.next().filter(|_| upper.next().is_none()).unwrap_or(c)
}

/// A text that names no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyChordError {
    /// Neither a character nor a named key.
    #[error("isn't a key")]
    NoSuchKey,
    /// Taken by the program itself.
    #[error("can't be rebound: it always clears the field, or leaves")]
    Reserved,
}

impl FromStr for KeyChord {
    type Err = KeyChordError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (mut ctrl, mut alt, mut shift) = (false, false, false);
        let mut rest = text;
        loop {
            let lower = rest.to_lowercase();
            let held = [("ctrl", 0), ("alt", 1), ("shift", 2)].into_iter().find(|(name, _)| {
                lower.strip_prefix(name).is_some_and(|rest| rest.len() > 1 && rest.starts_with(['-', '+']))
            });
            let Some((name, which)) = held else { break };
            match which {
                0 => ctrl = true,
                1 => alt = true,
                _ => shift = true,
            }
            rest = &rest[name.len() + 1..];
        }
        let key = key(rest).ok_or(KeyChordError::NoSuchKey)?;
        let chord = Self::new(ctrl, alt, shift, key);
        if chord == Self::new(true, false, false, Key::Char('c')) { Err(KeyChordError::Reserved) } else { Ok(chord) }
    }
}

fn key(text: &str) -> Option<Key> {
    let mut chars = text.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return (!c.is_control()).then_some(if c == ' ' { Key::Char(' ') } else { Key::Char(c) });
    }
    let lower = text.to_lowercase();
    let function =
        lower.strip_prefix('f').and_then(|number| number.parse().ok()).filter(|number| (1..=24).contains(number));
    let named = || NAMED.iter().find(|(names, ..)| names.contains(&lower.as_str())).map(|(.., key)| *key);
    function.map(Key::F).or_else(named)
}

/// As it is shown on the screen: `g`, `G`, `Ctrl-L`, `Shift-Tab`, `Space`.
impl fmt::Display for KeyChord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for (held, name) in [(self.ctrl, "Ctrl-"), (self.alt, "Alt-"), (self.shift, "Shift-")] {
            text.push_str(if held { name } else { "" });
        }
        let named = NAMED.iter().find(|(.., key)| *key == self.key).map(|(_, shown, _)| (*shown).to_owned());
        let key = match (named, self.key) {
            (Some(name), _) => name,
            (None, Key::F(number)) => format!("F{number}"),
            (None, Key::Char(c)) if self.ctrl => c.to_uppercase().to_string(),
            (None, Key::Char(c)) => c.to_string(),
            (None, other) => format!("{other:?}"),
        };
        f.pad(&(text + &key))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_are_read_as_people_write_them() {
        for (text, shown) in [
            ("g", "g"),
            ("G", "G"),
            ("shift-g", "G"),
            ("ctrl-d", "Ctrl-D"),
            ("Ctrl+L", "Ctrl-L"),
            ("shift-tab", "Shift-Tab"),
            ("enter", "Enter"),
            ("space", "Space"),
            (" ", "Space"),
            ("f5", "F5"),
            ("?", "?"),
            ("-", "-"),
            ("ctrl--", "Ctrl--"),
            ("alt-x", "Alt-x"),
            ("pgdn", "PgDn"),
            ("f", "f"),
        ] {
            let chord: KeyChord = text.parse().unwrap();
            assert_eq!(chord.to_string(), shown, "{text}");
            assert_eq!(shown.parse::<KeyChord>().unwrap(), chord, "what is shown can be typed: {shown}");
        }
        for wrong in ["", "gg", "ctrl-", "f25", "f0", "hyper-x", "ctrl-c"] {
            assert!(wrong.parse::<KeyChord>().is_err(), "{wrong}");
        }
    }
}
