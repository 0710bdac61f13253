//! Text from elsewhere, made harmless: what a model or a tool writes can hold sequences that a terminal obeys, and marks that turn
//! what is read around. They are shown for what they are.

use std::{borrow::Cow, fmt::Write as _};

/// One line or many, with nothing in it that a terminal obeys; tabs are blanks, line feeds stay.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| push(c, &mut out));
    out
}

/// The same, borrowed where there is nothing to change.
pub fn shown(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| c == '\n' || is_harmless(c)) { Cow::Borrowed(text) } else { Cow::Owned(visible(text)) }
}

fn push(c: char, out: &mut String) {
    match c {
        '\n' => out.push(c),
        '\r' => {}
        '\t' => out.push_str("    "),
        c if is_harmless(c) => out.push(c),
        '\x7f' => out.push_str("^?"),
        c if c < ' ' => out.extend(['^', char::from(c as u8 ^ 0x40)]),
        c => {
            let _ = write!(out, "<U+{:04X}>", c as u32);
        }
    }
}

/// Neither a control character nor a mark that changes the order or hides what is read.
fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
        && !matches!(c, '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{2060}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(visible("a\x1b[2J\x1b]52;c;eA==\x07b\r\n\tc"), "a^[[2J^[]52;c;eA==^Gb\n    c");
        assert_eq!(visible("\u{9b}2J\u{7f}"), "<U+009B>2J^?");
        assert_eq!(visible("rm \u{202e}gnp.x"), "rm <U+202E>gnp.x");
        assert_eq!(visible("é 漢字 👩\u{200d}🚀 שלום"), "é 漢字 👩\u{200d}🚀 שלום");
        assert!(matches!(shown("plain\ntext"), Cow::Borrowed(_)) && matches!(shown("\x1b"), Cow::Owned(_)));
    }
}
