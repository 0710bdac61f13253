//! Private keys in PEM: from their BEGIN to their END, over many lines.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// Name that stands in the key's place.
pub const NAME: &str = "private key";
/// A key of more lines is none: an RSA key of 16,384 bits has 200.
const MOST_LINES: usize = 400;

#[expect(clippy::unwrap_used)] // constant patterns, compiled by every test
static BEGIN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----").unwrap());
#[expect(clippy::unwrap_used)]
static END: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----").unwrap());

/// A private key under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyBlock {
    /// Bytes before BEGIN in its line (a time stamp, say): they stand before the other lines too.
    prefix: usize,
    lines: usize,
}

/// How a line goes on from a BEGIN.
pub enum Begun {
    /// The key ends at this byte of the line.
    Whole(usize),
    /// The key goes on in the next line.
    Open(KeyBlock),
}

/// `line[at..]` begins with BEGIN: is it a key's? A mention of the word in a message is none.
pub fn begin(line: &[u8], at: usize) -> Option<Begun> {
    let begin = BEGIN.find(&line[at..])?;
    let after = at + begin.end();
    if let Some(end) = END.find(&line[after..]) {
        return Some(Begun::Whole(after + end.end()));
    }
    let open = match line[after..].trim_ascii_start().first() {
        None => true,
        Some(byte) => base64(*byte) || *byte == b'\\',
    };
    open.then_some(Begun::Open(KeyBlock { prefix: at, lines: 0 }))
}

/// What a line after BEGIN is.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// Nothing but the prefix.
    Blank,
    /// The key stands at this range of the line, and goes on.
    Body(usize, usize),
    /// The key stands at this range of the line, and ends there.
    Last(usize, usize),
    /// Not of the key: it was cut off.
    Other,
}

impl KeyBlock {
    /// The next line, without its end.
    pub fn line(&mut self, line: &[u8]) -> Line {
        self.lines += 1;
        let bare = line.trim_ascii().iter().all(|&byte| base64(byte));
        let prefix = if line.len() < self.prefix || bare { 0 } else { self.prefix };
        if let Some(end) = END.find(line) {
            return Line::Last(prefix.min(end.start()), end.end());
        }
        let body = line[prefix..].trim_ascii();
        let start = line.len() - line[prefix..].trim_ascii_start().len();
        let header = [&b"Proc-Type: "[..], b"DEK-Info: ", b"Version: ", b"Comment: "];
        if self.lines > MOST_LINES {
            Line::Other
        } else if line.trim_ascii().is_empty() || body.is_empty() {
            Line::Blank
        } else if body.iter().all(|&byte| base64(byte)) || header.iter().any(|header| body.starts_with(header)) {
            Line::Body(start, start + body.len())
        } else {
            Line::Other
        }
    }
}

fn base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)
}
