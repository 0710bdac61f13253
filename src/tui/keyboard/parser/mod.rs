//! What a terminal sends, byte by byte, as keys, pastes and answers. Where it is cut makes no difference, what can't be read
//! is dropped, and nothing is kept beyond a limit.

use std::collections::VecDeque;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use super::{
    Heard,
    sequence::{control_sequence, single_shift},
};

/// A control sequence longer than this is none.
const LONGEST: usize = 64;
/// What is pasted beyond this is dropped.
const PASTE: usize = 1 << 20;
const PASTE_END: &[u8] = b"\x1b[201~";

/// Takes bytes, gives what they say.
#[derive(Debug, Default)]
pub struct Parser {
    state: State,
    /// The bytes of what is being read.
    bytes: Vec<u8>,
    heard: VecDeque<Heard>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    /// Esc has come: a key, or the beginning of something.
    Escape,
    /// `ESC O`: one more.
    Shift,
    /// `ESC [`: up to its final byte.
    Control,
    /// `ESC [ [`: a function key of the Linux console.
    Console,
    /// `ESC ]`, `ESC P` or `ESC _` (the byte): a string, if the next byte looks like one.
    Opening(u8),
    /// In a string, up to its end; Esc may be the beginning of that.
    Text { escape: bool },
    /// A character of several bytes; held together with Alt, or not.
    Character { alt: bool },
    /// Between the marks of a paste.
    Paste,
}

/// What a beginning waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// It may be a key already: for a moment only.
    Key,
    /// It can't be a key: the rest is on its way.
    Rest,
}

impl Parser {
    /// Takes bytes in.
    pub fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.byte(byte);
        }
    }

    /// The next thing that was said.
    pub fn pop(&mut self) -> Option<Heard> {
        self.heard.pop_front()
    }

    /// Whether something has begun that may go on.
    pub fn pending(&self) -> Option<Pending> {
        match self.state {
            State::Ground => None,
            State::Escape | State::Shift | State::Opening(_) => Some(Pending::Key),
            State::Control if self.bytes.is_empty() => Some(Pending::Key),
            _ => Some(Pending::Rest),
        }
    }

    /// Nothing more has come: what has begun is a key, or nothing; a paste is what came of it.
    pub fn rest(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        match std::mem::take(&mut self.state) {
            State::Escape => self.key(KeyCode::Esc, KeyModifiers::NONE),
            State::Shift => self.key(KeyCode::Char('O'), KeyModifiers::ALT | KeyModifiers::SHIFT),
            State::Control if bytes.is_empty() => self.key(KeyCode::Char('['), KeyModifiers::ALT),
            State::Opening(byte) => self.character(char::from(byte), true),
            State::Paste => self.pasted(&bytes),
            _ => {}
        }
    }

    fn byte(&mut self, byte: u8) {
        match self.state {
            State::Ground => self.ground(byte, false),
            State::Escape => match byte {
                // The first one was a key.
                0x1b => self.key(KeyCode::Esc, KeyModifiers::NONE),
                b'[' => self.begin(State::Control),
                b'O' => self.begin(State::Shift),
                b']' | b'P' | b'_' => self.begin(State::Opening(byte)),
                byte => self.ground(byte, true),
            },
            State::Shift => {
                self.state = State::Ground;
                match single_shift(byte) {
                    Some(code) => self.key(code, KeyModifiers::NONE),
                    None => self.after(byte, |this| {
                        this.key(KeyCode::Char('O'), KeyModifiers::ALT | KeyModifiers::SHIFT);
                    }),
                }
            }
            State::Console => {
                self.state = State::Ground;
                match byte {
                    b'A'..=b'E' => self.key(KeyCode::F(byte - b'A' + 1), KeyModifiers::NONE),
                    byte => self.after(byte, |_| {}),
                }
            }
            State::Control => self.control(byte),
            State::Opening(kind) => {
                let string = match kind {
                    b']' => byte.is_ascii_digit(),
                    b'P' => byte.is_ascii_digit() || b"$!+>|=".contains(&byte),
                    _ => byte == b'G',
                };
                if string {
                    self.state = State::Text { escape: false };
                } else {
                    self.state = State::Ground;
                    self.after(byte, |this| this.character(char::from(kind), true));
                }
            }
            State::Text { escape } => match byte {
                b'\\' if escape => self.state = State::Ground,
                0x1b if escape => {}
                // Another sequence has begun without an end of this one.
                byte if escape => {
                    self.state = State::Escape;
                    self.byte(byte);
                }
                0x1b => self.state = State::Text { escape: true },
                0x07 | 0x18 | 0x1a => self.state = State::Ground,
                _ => {}
            },
            State::Character { alt } => {
                if byte & 0xc0 != 0x80 {
                    self.state = State::Ground;
                    return self.byte(byte);
                }
                self.bytes.push(byte);
                let whole = match self.bytes[0] {
                    0xf0.. => 4,
                    0xe0.. => 3,
                    _ => 2,
                };
                if self.bytes.len() == whole {
                    self.state = State::Ground;
                    let read = std::str::from_utf8(&self.bytes).ok().and_then(|text| text.chars().next());
                    if let Some(c) = read {
                        self.character(c, alt);
                    }
                }
            }
            State::Paste => self.paste(byte),
        }
    }

    fn begin(&mut self, state: State) {
        self.state = state;
        self.bytes.clear();
    }

    /// What had begun was something else, and this byte comes after it. An Esc that begins something new does so by itself.
    fn after(&mut self, byte: u8, it_was: impl FnOnce(&mut Self)) {
        it_was(self);
        self.byte(byte);
    }

    /// A byte that begins nothing longer, or a character.
    fn ground(&mut self, byte: u8, alt: bool) {
        self.state = State::Ground;
        let held = if alt { KeyModifiers::ALT } else { KeyModifiers::NONE };
        match byte {
            0x1b => self.state = State::Escape,
            b'\r' => self.key(KeyCode::Enter, held),
            b'\t' => self.key(KeyCode::Tab, held),
            0x7f => self.key(KeyCode::Backspace, held),
            0 => self.key(KeyCode::Char(' '), held | KeyModifiers::CONTROL),
            0x01..=0x1a => self.key(KeyCode::Char(char::from(byte - 1 + b'a')), held | KeyModifiers::CONTROL),
            0x1c..=0x1f => self.key(KeyCode::Char(char::from(byte - 0x1c + b'4')), held | KeyModifiers::CONTROL),
            0x20..=0x7e => self.character(char::from(byte), alt),
            0xc2..=0xf4 => {
                self.begin(State::Character { alt });
                self.bytes.push(byte);
            }
            _ => {}
        }
    }

    fn control(&mut self, byte: u8) {
        match byte {
            b'[' if self.bytes.is_empty() => self.begin(State::Console),
            0x20..=0x3f if self.bytes.len() < LONGEST => self.bytes.push(byte),
            // Too long: read to its end all the same, so that the rest of it isn't taken for keys.
            0x20..=0x3f => {}
            0x40..=0x7e if self.bytes == b"200" && byte == b'~' => self.begin(State::Paste),
            0x40..=0x7e => {
                self.state = State::Ground;
                if self.bytes.len() < LONGEST {
                    self.heard.extend(control_sequence(&self.bytes, byte));
                }
            }
            // Cut off: what comes now is something new.
            byte => {
                self.state = State::Ground;
                self.byte(byte);
            }
        }
    }

    fn paste(&mut self, byte: u8) {
        self.bytes.push(byte);
        if self.bytes.ends_with(PASTE_END) {
            let mut bytes = std::mem::take(&mut self.bytes);
            bytes.truncate((bytes.len() - PASTE_END.len()).min(PASTE));
            self.state = State::Ground;
            self.pasted(&bytes);
        } else if self.bytes.len() > PASTE + PASTE_END.len() {
            // What makes room is the last byte that can't belong to the end mark.
            self.bytes.remove(PASTE);
        }
    }

    fn pasted(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.heard.push_back(Heard::Event(Event::Paste(text)));
    }

    fn character(&mut self, c: char, alt: bool) {
        let mut held = if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
        held.set(KeyModifiers::ALT, alt);
        self.key(KeyCode::Char(c), held);
    }

    fn key(&mut self, code: KeyCode, held: KeyModifiers) {
        self.heard.push_back(Heard::Event(Event::Key(KeyEvent::new(code, held))));
    }
}

#[cfg(test)]
mod tests;
