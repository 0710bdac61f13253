//! Makes control sequences harmless: colours stay, whatever moves the cursor, clears, rings, or talks to the terminal goes.
//!
//! Streaming: a sequence may be split over any number of writes.

/// Longest parameters of a colour that are kept.
const LONGEST_COLOUR: usize = 64;

/// One stream being cleaned.
#[derive(Debug, Default)]
pub struct Cleaner {
    state: State,
    /// Parameters of the control sequence under way.
    parameters: Vec<u8>,
    out: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After `\r`: with `\n` it is a line break.
    Return,
    Escape,
    /// `ESC [` and parameters.
    Control,
    /// Title, hyperlink, clipboard, device control: up to BEL, `ESC \` or the end of the line.
    ToTerminal,
    /// ESC in such a text.
    ToTerminalEscape,
}

impl Cleaner {
    /// What is left of `bytes`.
    pub fn push<'a>(&'a mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.state == State::Text && harmless(bytes) == bytes.len() {
            return bytes;
        }
        self.out.clear();
        let mut at = 0;
        while at < bytes.len() {
            if self.state == State::Text {
                let run = harmless(&bytes[at..]);
                self.out.extend_from_slice(&bytes[at..at + run]);
                at += run;
            }
            let Some(&byte) = bytes.get(at) else { break };
            at += 1;
            match self.state {
                State::Text => self.begin(byte),
                State::Return => {
                    if byte != b'\r' {
                        if byte != b'\n' {
                            self.out.push(b'\r');
                        }
                        self.state = State::Text;
                        at -= 1;
                    }
                }
                State::Escape => match byte {
                    b'[' => {
                        self.parameters.clear();
                        self.state = State::Control;
                    }
                    b']' | b'P' | b'X' | b'^' | b'_' => self.state = State::ToTerminal,
                    // intermediate bytes: a final one follows
                    b' '..=b'/' => {}
                    0x30..=0x7e => self.state = State::Text,
                    _ => {
                        self.state = State::Text;
                        at -= 1;
                    }
                },
                State::Control => match byte {
                    b' '..=b'?' => self.parameters.push(byte),
                    0x40..=0x7e => {
                        if byte == b'm' && self.is_colour() {
                            self.out.extend_from_slice(b"\x1b[");
                            self.out.extend_from_slice(&self.parameters);
                            self.out.push(b'm');
                        }
                        self.state = State::Text;
                    }
                    _ => {
                        self.state = State::Text;
                        at -= 1;
                    }
                },
                State::ToTerminal => match byte {
                    0x07 | 0x18 | 0x1a => self.state = State::Text,
                    0x1b => self.state = State::ToTerminalEscape,
                    b'\n' => {
                        self.state = State::Text;
                        at -= 1;
                    }
                    _ => {}
                },
                State::ToTerminalEscape => {
                    self.state = if byte == b'\\' { State::Text } else { State::Escape };
                    at -= usize::from(byte != b'\\');
                }
            }
            // the parameters of a sequence that never ends are not kept
            self.parameters.truncate(LONGEST_COLOUR + 1);
        }
        &self.out
    }

    /// What was waiting for more: the stream has ended, or begins anew.
    pub fn finish(&mut self) -> &'static [u8] {
        match std::mem::take(&mut self.state) {
            State::Return => b"\r",
            _ => b"",
        }
    }

    fn begin(&mut self, byte: u8) {
        match byte {
            0x1b => self.state = State::Escape,
            b'\r' => self.state = State::Return,
            // bell, backspace
            _ => {}
        }
    }

    fn is_colour(&self) -> bool {
        self.parameters.len() <= LONGEST_COLOUR && is_colour(&self.parameters)
    }
}

/// Length of the text, and of the whole colours in it, that `bytes` begin with.
fn harmless(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(next) = find(&bytes[at..], acts) {
        at += next;
        match colour(&bytes[at..]) {
            Some(length) if length <= LONGEST_COLOUR => at += length,
            _ => return at,
        }
    }
    bytes.len()
}

/// Length of the colour that `bytes` begin with.
pub fn colour(bytes: &[u8]) -> Option<usize> {
    let parameters = bytes.strip_prefix(b"\x1b[")?;
    let end = parameters.iter().position(|byte| !is_parameter(*byte))?;
    (parameters[end] == b'm').then_some(end + 3)
}

/// The first byte for which `is` is true. Looks at many bytes at once: fast where such bytes are rare.
pub fn find(bytes: &[u8], is: impl Fn(u8) -> bool) -> Option<usize> {
    const MANY: usize = 64;
    let any = |chunk: &[u8]| chunk.iter().fold(false, |any, byte| any | is(*byte));
    let at = MANY * bytes.chunks(MANY).position(any)?;
    bytes[at..].iter().position(|byte| is(*byte)).map(|found| at + found)
}

/// Are these the parameters of a colour (SGR)?
pub fn is_colour(parameters: &[u8]) -> bool {
    parameters.iter().all(|byte| is_parameter(*byte))
}

fn is_parameter(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b';' | b':')
}

/// Bytes that do something to a terminal. Other control characters are kept; the reader shows them escaped.
fn acts(byte: u8) -> bool {
    matches!(byte, 0x1b | b'\r' | 0x07 | 0x08)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clean(parts: &[&[u8]]) -> Vec<u8> {
        let mut cleaner = Cleaner::default();
        let mut out = Vec::new();
        for part in parts {
            out.extend_from_slice(cleaner.push(part));
        }
        out.extend_from_slice(cleaner.finish());
        out
    }

    #[test]
    fn colours_stay_and_the_rest_goes() {
        for (dirty, left) in [
            ("plain\ttext\n", "plain\ttext\n"),
            ("\x1b[1;32mok\x1b[0m \x1b[38:2::1:2:3mx\x1b[m", "\x1b[1;32mok\x1b[0m \x1b[38:2::1:2:3mx\x1b[m"),
            ("a\x1b[2K\x1b[1Gb\x1b[?25lc\x1b[>4;1md", "abcd"),
            ("a\r\nb\r\r\nc\rd\r", "a\nb\nc\rd\r"),
            ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b", "alinkb"),
            ("a\x1b]52;c;aGk=\x07b\x1bPq#0\x1b\\c", "abc"),
            ("a\x1b]0;never ended\nb", "a\nb"),
            ("a\x1b(Bb\x1b=c\x1b7d\x1bMe", "abcde"),
            ("ding\x07 ab\x08c", "ding abc"),
            ("nul\0 and \x0b", "nul\0 and \x0b"),
            ("cut\x1b[31", "cut"),
            ("\x1b\x1b[31mx", "\x1b[31mx"),
        ] {
            assert_eq!(String::from_utf8_lossy(&clean(&[dirty.as_bytes()])), left);
        }
    }

    proptest! {
        #[test]
        fn cuts_make_no_difference(
            text in proptest::collection::vec(prop_oneof![Just(0x1b), Just(b'['), Just(b']'), Just(b'm'), Just(b'\r'), Just(b'\n'), Just(b'\\'), Just(7), any::<u8>()], 0..60),
            cut in any::<prop::sample::Index>(),
        ) {
            let whole = clean(&[&text]);
            let (a, b) = text.split_at(cut.index(text.len() + 1));
            prop_assert_eq!(&clean(&[a, b]), &whole);
            let bytes: Vec<&[u8]> = text.chunks(1).collect();
            prop_assert_eq!(&clean(&bytes), &whole);
            let no_returns = |bytes: &[u8]| bytes.iter().copied().filter(|byte| *byte != b'\r').collect::<Vec<_>>();
            prop_assert_eq!(no_returns(&clean(&[&whole])), no_returns(&whole), "nothing harmful is left");
        }
    }
}
