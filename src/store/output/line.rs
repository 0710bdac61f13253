//! What a reader gives.

use crate::domain::time::Timestamp;

/// One line of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputLine {
    /// 1 is the first.
    pub number: u64,
    /// When its first byte came, right to 100 ms.
    pub at: Timestamp,
    /// The text to show: colours as SGR sequences, everything else that is not text escaped, only what follows the last `\r`.
    pub text: String,
    /// The line is longer than `text`.
    pub clipped: bool,
    /// Bytes of the line, without its line break.
    pub bytes: u64,
}

/// A part of a long line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The text to show; here a `\r` hides nothing.
    pub text: String,
    /// First byte of the line that is shown, and the first one behind it. Both lie between characters.
    pub shown: std::ops::Range<u64>,
    /// Bytes of the whole line, without its line break.
    pub bytes: u64,
}
