//! The forms in which a declared value shows up in output: as it is, and as common tools encode and quote it.
//!
//! Forms of forms (URL-encoded base64, say) are not made.

use std::{collections::BTreeSet, fmt::Write as _};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

/// Shorter values are not looked for: they would be found everywhere.
pub const SHORTEST: usize = 4;
/// A line of a value that has several, and any piece that is not the whole value, is looked for from this length.
pub const SHORTEST_PIECE: usize = 8;
/// Widths at which `base64`, `openssl` and PEM writers break lines.
const BASE64_WIDTHS: [usize; 2] = [76, 64];

/// Every form of `value`, each without line breaks; a value with line breaks is looked for line by line.
pub fn forms(value: &str) -> BTreeSet<Vec<u8>> {
    let bytes = value.as_bytes();
    let mut forms = BTreeSet::new();
    for text in [
        value.to_owned(),
        hex(bytes, "0123456789abcdef"),
        hex(bytes, "0123456789ABCDEF"),
        STANDARD.encode(bytes),
        URL_SAFE.encode(bytes),
    ]
    .into_iter()
    .chain(url(bytes))
    .chain(json(value))
    .chain(shell(value))
    {
        let whole = !text.contains(['\n', '\r']);
        let shortest = if whole { SHORTEST } else { SHORTEST_PIECE };
        forms.extend(
            text.split(['\n', '\r']).map(str::trim).filter(|line| line.len() >= shortest).map(|line| line.into()),
        );
    }
    forms.extend(base64_pieces(bytes));
    forms
}

fn hex(bytes: &[u8], digits: &str) -> String {
    let digit = |nibble: u8| digits.as_bytes()[usize::from(nibble)] as char;
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Base64 of the value where it stands inside a longer encoded text (three alignments), without padding, and the lines
/// of the value encoded alone and wrapped.
fn base64_pieces(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    for engine in [&STANDARD, &URL_SAFE] {
        for before in 0..3 {
            let mut padded = vec![0; before];
            padded.extend_from_slice(bytes);
            let text = engine.encode(&padded);
            // A character carries six bits: those that also carry bits of a neighbour are left out.
            let (first, last) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
            pieces.push(text.as_bytes()[first..last].to_vec());
        }
        let text = engine.encode(bytes);
        pieces.push(text.trim_end_matches('=').as_bytes().to_vec());
        for width in BASE64_WIDTHS {
            if text.len() > width {
                pieces.extend(text.as_bytes().chunks(width).map(<[u8]>::to_vec));
            }
        }
    }
    pieces.retain(|piece| piece.len() >= SHORTEST_PIECE);
    pieces
}

/// Percent-encoding, as the different encoders do it: what they leave as it is, the case of the digits, the space.
fn url(bytes: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for kept in ["-_.~", "-_.~/", "-_.!~*'()", "-_.*"] {
        for plus in [false, true] {
            let (mut upper, mut lower) = (String::new(), String::new());
            for &byte in bytes {
                if byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte) {
                    upper.push(byte as char);
                    lower.push(byte as char);
                } else if byte == b' ' && plus {
                    upper.push('+');
                    lower.push('+');
                } else {
                    // writing to a String cannot fail
                    let _ = write!(upper, "%{byte:02X}");
                    let _ = write!(lower, "%{byte:02x}");
                }
            }
            forms.extend([upper, lower]);
        }
    }
    forms
}

/// The inside of a JSON string: plain, with `/` escaped (PHP), with `<>&` escaped (Go), all in ASCII (Python).
fn json(value: &str) -> Vec<String> {
    let plain = inside(&serde_json::to_string(value).unwrap_or_default());
    let mut ascii = String::new();
    for char in plain.chars() {
        if char.is_ascii() {
            ascii.push(char);
        } else {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    let go = plain.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    vec![plain.replace('/', "\\/"), go, ascii, plain]
}

/// The inside of the quotings that shells print (`set -x`, `printf %q`, `shlex.quote`), and of Rust's and Python's own.
fn shell(value: &str) -> Vec<String> {
    let escape = |which: &dyn Fn(char) -> bool| {
        value.chars().flat_map(|char| which(char).then_some('\\').into_iter().chain([char])).collect::<String>()
    };
    let ansi_c = escape(&|char| "\\'".contains(char)).replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
    vec![
        value.replace('\'', r"'\''"),
        value.replace('\'', r#"'"'"'"#),
        escape(&|char| char.is_ascii() && !char.is_ascii_alphanumeric() && !"-_./:=@%+,\n\r".contains(char)),
        escape(&|char| char.is_ascii() && !char.is_ascii_alphanumeric() && !"-_./:@%+\n\r".contains(char)),
        escape(&|char| "\\\"$`".contains(char)),
        ansi_c,
        inside(&format!("{value:?}")),
    ]
}

/// Without the quotes around it.
fn inside(quoted: &str) -> String {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(value: &str, form: &str) {
        assert!(forms(value).contains(form.as_bytes()), "{form} of {value}");
    }

    #[test]
    fn each_encoding_is_a_form() {
        has("pa ss/wörd&1", "pa ss/wörd&1");
        has("pa ss/wörd&1", "pa%20ss%2Fw%C3%B6rd%261");
        has("pa ss/wörd&1", "pa+ss%2fw%c3%b6rd%261");
        has("pa ss/wörd&1", "pa%20ss/w%C3%B6rd%261");
        has("pa ss/wörd&1", "pa ss\\/wörd&1");
        has("pa ss/wörd&1", "pa ss/w\\u00f6rd&1");
        has("pa ss/wörd&1", "pa ss/wörd\\u00261");
        has("it's fine", r"it'\''s fine");
        has("it's\"q\"", r#"it'"'"'s"q""#);
        has("it's\"q\"", r#"it\'s\"q\""#);
        has("it's\"q\"", r#"it's\"q\""#);
        has("hunter2x", "68756e7465723278");
        has("hunter2x", "aHVudGVyMng=");
        has("hunter2x", "aHVudGVyMng");
    }

    #[test]
    fn a_value_with_lines_is_looked_for_line_by_line() {
        let forms = forms("first line\r\n  second line\nshort");
        for line in [&b"first line"[..], b"second line", b"first line\\r\\n  second line\\nshort"] {
            assert!(forms.contains(line));
        }
        assert!(!forms.contains(&b"short"[..]));
        assert!(forms.iter().all(|form| !form.contains(&b'\n') && !form.contains(&b'\r')));
    }
}
