//! A mistake in a configuration file, with its place, as a person and as a program read it.

use std::{fmt, ops::Range};

use serde::Serialize;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The widest source line that is shown whole; of longer ones only the surroundings of the place.
const SHOWN_COLUMNS: usize = 100;

/// A mistake in a configuration file. Its `Display` is what the person sees, caret included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct ConfigError {
    /// The file, as it was named.
    pub file: String,
    /// 1 is the first.
    pub line: usize,
    /// In characters; 1 is the first.
    pub column: usize,
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// What would have been right there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The source line, fit for a screen.
    pub source_line: String,
    /// Columns of the screen before the place, and of the place itself.
    #[serde(skip)]
    pub caret: (usize, usize),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let (before, width) = self.caret;
        writeln!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        writeln!(f, " {number} | {}", self.source_line)?;
        write!(f, " {margin} | {}{}", " ".repeat(before), "^".repeat(width))?;
        let notes = [("expected ", &self.expected), ("hint: ", &self.hint)];
        for (kind, note) in notes.into_iter().filter_map(|(kind, note)| Some((kind, note.as_ref()?))) {
            write!(f, "\n {margin} = {}", fold(&format!("{kind}{note}"), &format!("\n {margin}   ")))?;
        }
        Ok(())
    }
}

/// A mistake before its place has been worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Bytes of the source that are wrong.
    pub span: Range<usize>,
    /// Keys from the root of the file to what is wrong.
    pub path: Vec<String>,
    /// What is wrong.
    pub message: String,
    /// What would have been right there.
    pub expected: Option<String>,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Mistake {
    /// A mistake at a place.
    pub fn new(span: Range<usize>, path: &[String], message: impl Into<String>) -> Self {
        Self { span, path: path.to_vec(), message: message.into(), expected: None, hint: None }
    }

    /// With what would have been right.
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// With what to write instead.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Works out line, column and caret.
    pub fn locate(self, file: &str, source: &str) -> ConfigError {
        let start = floor_boundary(source, self.span.start);
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |at| start + at);
        let end = floor_boundary(source, self.span.end).clamp(start, line_end.max(start));
        let shown = Shown::new(&source[line_start..line_end], start - line_start, end - line_start);
        ConfigError {
            file: file.to_owned(),
            line: source[..line_start].matches('\n').count() + 1,
            column: source[line_start..start].chars().count() + 1,
            message: self.message,
            expected: self.expected,
            hint: self.hint,
            source_line: shown.text,
            caret: (shown.before, shown.width.max(1)),
        }
    }
}

/// Locates mistakes, in the order of the file, each once.
pub fn locate_all(mistakes: Vec<Mistake>, file: &str, source: &str) -> Vec<ConfigError> {
    let mut mistakes = mistakes;
    mistakes.sort_by_key(|mistake| mistake.span.start);
    let mut errors: Vec<ConfigError> = Vec::new();
    for error in mistakes.into_iter().map(|mistake| mistake.locate(file, source)) {
        if !errors.contains(&error) {
            errors.push(error);
        }
    }
    errors
}

/// Breaks a long note between words.
fn fold(note: &str, indent: &str) -> String {
    let (mut text, mut column) = (String::new(), 0);
    for word in note.split(' ') {
        if column > 0 && column + word.width() > SHOWN_COLUMNS {
            text.push_str(indent);
            column = 0;
        } else if column > 0 {
            text.push(' ');
        }
        text.push_str(word);
        column += word.width() + 1;
    }
    text
}

fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A source line made fit for a screen: tabs as four columns, control characters as a dot, long lines cut around the place.
struct Shown {
    text: String,
    before: usize,
    width: usize,
}

impl Shown {
    fn new(line: &str, start: usize, end: usize) -> Self {
        let (before, place, after) = (printable(&line[..start]), printable(&line[start..end]), printable(&line[end..]));
        let (before, place, after) = (before.as_str(), place.as_str(), after.trim_end());
        if before.width() + place.width() + after.width() <= SHOWN_COLUMNS {
            let text = format!("{before}{place}{after}").trim_end().to_owned();
            return Self { text, before: before.width(), width: place.width() };
        }
        let before = keep_end(before, SHOWN_COLUMNS / 3);
        let place = keep_start(place, SHOWN_COLUMNS / 3);
        let after = keep_start(after, SHOWN_COLUMNS - before.width() - place.width());
        Self { text: format!("{before}{place}{after}"), before: before.width(), width: place.width() }
    }
}

fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        '\t' => "    ".to_owned(),
        c if c.is_control() => "·".to_owned(),
        c => c.to_string(),
    };
    text.trim_end_matches('\r').chars().map(shown).collect()
}

fn keep_start(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let fits = |c: &char| {
        c.width().unwrap_or(0) <= left && {
            left -= c.width().unwrap_or(0);
            true
        }
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

fn keep_end(text: &str, columns: usize) -> String {
    let mirrored: String = text.chars().rev().collect();
    keep_start(&mirrored, columns).chars().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str, place: &str) -> String {
        let start = source.find(place).unwrap_or_default();
        Mistake::new(start..start + place.len(), &[], "wrong").locate("f", source).to_string()
    }

    #[test]
    fn the_caret_stands_under_the_place_behind_tabs_and_wide_characters() {
        assert_eq!(shown("a = 1\n\tb = 2\n", "b"), "f:2:2: wrong\n 2 |     b = 2\n   |     ^");
        assert_eq!(shown("\"日本\" = bad", "bad"), "f:1:8: wrong\n 1 | \"日本\" = bad\n   |          ^^^");
        assert_eq!(shown("x = \"日本\"", "\"日本\""), "f:1:5: wrong\n 1 | x = \"日本\"\n   |     ^^^^^^");
    }

    #[test]
    fn a_line_of_a_megabyte_is_cut_around_the_place() {
        let source = format!("{}bad{}", "é".repeat(500_000), "y".repeat(500_000));
        let text = shown(&source, "bad");
        let widths: Vec<usize> = text.lines().skip(1).map(|line| line.width()).collect();
        assert!(widths.iter().all(|width| *width <= SHOWN_COLUMNS + 5), "{widths:?}");
        assert!(text.contains("…éé") && text.contains("bad") && text.ends_with("^^^"), "{text}");
    }

    #[test]
    fn a_place_behind_the_end_is_the_end() {
        let error = Mistake::new(99..120, &[], "wrong").locate("f", "a = 1");
        assert_eq!((error.line, error.column, error.caret), (1, 6, (5, 1)));
    }
}
