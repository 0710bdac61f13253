//! From the bytes of a line to the text that a screen shows.

use std::fmt::Write as _;

use super::clean::{self, is_colour};

/// What a terminal would show of a line on which a lone `\r` starts over: what follows the last one.
pub fn last_return(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| *byte != b'\r').map_or(0, |last| last + 1);
    let start = line[..end].iter().rposition(|byte| *byte == b'\r').map_or(0, |last| last + 1);
    &line[start..end]
}

/// Colours and text as they are; invalid UTF-8 and control characters as `\xNN`; characters that turn the direction of
/// the text, or that a terminal takes for a control, as `\u{NNNN}`.
pub fn text(line: &[u8]) -> String {
    // mostly there is nothing to be made harmless
    if line.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
        && let Ok(text) = std::str::from_utf8(line)
    {
        return text.to_owned();
    }
    let mut out = String::with_capacity(line.len());
    for chunk in line.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(at) = rest.find(is_odd) {
            out.push_str(&rest[..at]);
            let odd = &rest[at..];
            let length = colour(odd).unwrap_or_else(|| odd.chars().next().map_or(odd.len(), char::len_utf8));
            match odd.chars().next() {
                Some('\x1b') if length > 1 => out.push_str(&odd[..length]),
                // writing to a String cannot fail
                Some(char) if char.is_ascii() => drop(write!(out, "\\x{:02x}", u32::from(char))),
                Some(char) => drop(write!(out, "\\u{{{:x}}}", u32::from(char))),
                None => {}
            }
            rest = &odd[length..];
        }
        out.push_str(rest);
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// Without a character, or a colour, of which only the beginning is there.
pub fn whole_end(bytes: &[u8]) -> &[u8] {
    let mut end = bytes.len();
    for back in 1..=bytes.len().min(3) {
        let needed = match bytes[bytes.len() - back] {
            0x80..=0xbf => continue,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 1,
        };
        if needed > back {
            end = bytes.len() - back;
        }
        break;
    }
    let recent = end.saturating_sub(80);
    match bytes[recent..end].iter().rposition(|byte| *byte == 0x1b) {
        Some(escape) if colour_under_way(&bytes[recent + escape..end]) => &bytes[..recent + escape],
        _ => &bytes[..end],
    }
}

/// Without the rest of a character at the beginning.
pub fn whole_start(bytes: &[u8]) -> &[u8] {
    let rest = bytes.iter().take(3).take_while(|byte| matches!(byte, 0x80..=0xbf)).count();
    &bytes[rest..]
}

/// Without colours, line breaks kept: what a search looks at.
pub fn strip(bytes: &[u8], out: &mut Vec<u8>) {
    // Never longer than it was: room is made once, and not asked for at each colour.
    out.resize(bytes.len(), 0);
    let (mut from, mut end) = (0, 0);
    let mut keep = |part: &[u8]| {
        out[end..end + part.len()].copy_from_slice(part);
        end += part.len();
    };
    for at in memchr::memchr_iter(0x1b, bytes) {
        if let Some(length) = clean::colour(&bytes[at..]) {
            keep(&bytes[from..at]);
            from = at + length;
        }
    }
    keep(&bytes[from..]);
    out.truncate(end);
}

fn is_odd(char: char) -> bool {
    char.is_control() && char != '\t'
        || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

/// Length of the colour that `text` begins with.
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\x1b[")?;
    let end = parameters.find(|char: char| !is_colour(&[char as u8]) || !char.is_ascii())?;
    parameters[end..].starts_with('m').then_some(end + 3)
}

fn colour_under_way(bytes: &[u8]) -> bool {
    match bytes.strip_prefix(b"\x1b[") {
        Some(parameters) => is_colour(parameters),
        None => bytes == b"\x1b",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_and_the_rest_is_escaped() {
        for (bytes, shown) in [
            (&b"plain \xc3\xa4\ttab"[..], "plain ä\ttab"),
            (b"\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
            (b"\x1b[2Jx\x1bc", "\\x1b[2Jx\\x1bc"),
            (b"nul\0 \x7f \xff\xfe", "nul\\x00 \\x7f \\xff\\xfe"),
            ("\u{9b}31m \u{202e}x".as_bytes(), "\\u{9b}31m \\u{202e}x"),
            (b"\x1b[31", "\\x1b[31"),
            (b"\x1b[3\xc3\xa4m", "\\x1b[3\u{e4}m"),
        ] {
            assert_eq!(text(bytes), shown);
        }
    }

    #[test]
    fn a_return_starts_the_line_over() {
        for (line, left) in [("10%\r50%\r100%", "100%"), ("50%\r", "50%"), ("\r", ""), ("", ""), ("a\rb\r\r", "b")] {
            assert_eq!(last_return(line.as_bytes()), left.as_bytes());
        }
    }

    #[test]
    fn cuts_fall_between_characters() {
        assert_eq!(whole_end("aä".as_bytes()), "aä".as_bytes());
        assert_eq!(whole_end(&"aä".as_bytes()[..2]), b"a");
        assert_eq!(whole_end(&"a🦀".as_bytes()[..4]), b"a");
        assert_eq!(whole_end(b"a\xff"), b"a\xff");
        assert_eq!(whole_end(b"a\x1b[31"), b"a");
        assert_eq!(whole_end(b"a\x1b[31mb"), b"a\x1b[31mb");
        assert_eq!(whole_start(&"äb".as_bytes()[1..]), b"b");
    }

    #[test]
    fn colours_are_stripped() {
        let mut out = Vec::new();
        strip(b"\x1b[1;31merr\x1b[0mor\n\x1bx \x1b[2K \x1b", &mut out);
        assert_eq!(out, b"error\n\x1bx \x1b[2K \x1b");
    }
}
