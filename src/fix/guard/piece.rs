//! The changed text of one file, its test code apart from the rest.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::patch::{Change, FilePatch, Hunk};

use super::place::extension;

/// What the hunks of a file show before and after.
#[derive(Clone, Debug, Default)]
pub(super) struct Piece {
    pub path: String,
    /// It is test code.
    pub test: bool,
    /// The file is new.
    pub new_file: bool,
    /// The hunks' lines before, their surroundings included.
    pub old: String,
    /// The hunks' lines after.
    pub new: String,
    pub removed: Vec<String>,
    pub added: Vec<String>,
    /// Lines that seem to have become others.
    pub pairs: Vec<(String, String)>,
    /// In a manifest: the sections that are changed (`[tool.ruff]`).
    pub sections: Vec<String>,
}

impl Piece {
    /// Whether nothing but layout changes: white space, quotes of the other kind, trailing commas, optional punctuation.
    pub fn format_only(&self) -> bool {
        let data = ["toml", "lock"].contains(&extension(&self.path));
        // Where `'` opens a text, and not a lifetime or a character.
        let single = !["rs", "c", "h", "cc", "cpp", "go", "java"].contains(&extension(&self.path));
        !data && !self.new_file && letters(&self.removed, single) == letters(&self.added, single)
    }

    /// What stands in a changed file, for a reason: the first added line that the rule is about.
    pub fn first_added(&self, pattern: &Regex) -> &str {
        let line = self.added.iter().find(|line| pattern.is_match(line)).or(self.added.first());
        line.map_or("", |line| line.trim())
    }
}

/// Everything that is more than layout. Inside of a text, a blank counts; `single` says whether `'` opens one.
fn letters(lines: &[String], single: bool) -> String {
    let mut out = String::new();
    for line in lines {
        let mut open: Option<char> = None;
        let mut escaped = false;
        for c in line.chars() {
            match open {
                Some(quote) if c == quote && !escaped => open = None,
                None if c == '"' || (single && c == '\'') => open = Some(c),
                None if c.is_whitespace() || ",;(){}".contains(c) => continue,
                _ => {}
            }
            escaped = c == '\\' && !escaped;
            out.push(if c == '\'' { '"' } else { c });
        }
    }
    out
}

/// The pieces of a file: its program, its tests, or both.
pub(super) fn split(file: &FilePatch, read_base: impl Fn(&str) -> Option<String>) -> Vec<Piece> {
    let path = file.path();
    let base = file.old_path.as_deref().and_then(&read_base);
    let is_test = is_test_path(path) || file.old_path.as_deref().is_some_and(is_test_path);
    // In Rust, tests stand at the end of the file that they are about.
    let tests_from = match &base {
        Some(text) if extension(path) == "rs" => text.lines().position(|line| line.trim() == "#[cfg(test)]"),
        _ => None,
    };
    let mut pieces: Vec<Piece> = Vec::new();
    for hunk in &file.hunks {
        let test = is_test || tests_from.is_some_and(|from| hunk.old.0 as usize > from) || opens_tests(hunk);
        if !pieces.iter().any(|piece| piece.test == test) {
            let new_file = file.old_path.is_none();
            pieces.push(Piece { path: path.to_owned(), test, new_file, ..Piece::default() });
        }
        let Some(piece) = pieces.iter_mut().find(|piece| piece.test == test) else { continue };
        take(piece, hunk);
        piece.sections.extend(base.as_deref().and_then(|base| section(base, hunk)));
    }
    pieces
}

/// A hunk whose changes all come after a line that opens Rust's tests.
fn opens_tests(hunk: &Hunk) -> bool {
    let opens = hunk.lines.iter().position(|line| line.text.trim() == "#[cfg(test)]");
    let changes = hunk.lines.iter().position(|line| line.change != Change::Keep);
    opens.zip(changes).is_some_and(|(opens, changes)| opens <= changes)
}

fn take(piece: &mut Piece, hunk: &Hunk) {
    let (mut removed, mut added): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    let mut close = |removed: &mut Vec<&str>, added: &mut Vec<&str>| {
        let pairs = removed.drain(..).zip(added.drain(..)).map(|(a, b)| (a.to_owned(), b.to_owned()));
        piece.pairs.extend(pairs.collect::<Vec<_>>());
    };
    for line in &hunk.lines {
        match line.change {
            Change::Keep => close(&mut removed, &mut added),
            Change::Remove => removed.push(&line.text),
            Change::Add => added.push(&line.text),
        }
    }
    close(&mut removed, &mut added);
    for line in &hunk.lines {
        let text = &line.text;
        if line.change != Change::Add {
            piece.old.push_str(text);
            piece.old.push('\n');
        }
        if line.change != Change::Remove {
            piece.new.push_str(text);
            piece.new.push('\n');
        }
        match line.change {
            Change::Keep => {}
            Change::Remove => piece.removed.push(text.clone()),
            Change::Add => piece.added.push(text.clone()),
        }
    }
    piece.old.push('\n');
    piece.new.push('\n');
}

/// The `[section]` of the base in which a hunk's first change stands.
fn section(base: &str, hunk: &Hunk) -> Option<String> {
    let kept = hunk.lines.iter().take_while(|line| line.change == Change::Keep).count();
    let before = (hunk.old.0 as usize + kept).saturating_sub(1);
    let lines: Vec<&str> = base.lines().take(before).collect();
    let header = |line: &&&str| line.starts_with('[') && line.trim_end().ends_with(']');
    lines.iter().rev().find(header).map(|line| line.trim().to_owned())
}

static TEST_PATH: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)(^|/)(tests?|__tests__|specs?|testdata|e2e|integration[-_]tests?)/",
        r"|(^|/)(test_[^/]*|[^/]*[_.-](test|tests|spec)|conftest)\.\w+$",
        r"|(^|/)[^/]*(?-i:Test|Tests|Spec|IT)\.(java|kt|cs|scala|swift|groovy|php)$",
    ))
    .ok()
});

/// Whether a path is that of test code.
pub(super) fn is_test_path(path: &str) -> bool {
    TEST_PATH.as_ref().is_some_and(|pattern| pattern.is_match(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_code_is_known_by_its_path() {
        for path in
            ["tests/a.rs", "src/x_test.go", "web/a.spec.ts", "test_x.py", "src/__tests__/a.js", "a/FooTest.java"]
        {
            assert!(is_test_path(path), "{path}");
        }
        for path in ["src/latest.rs", "src/contest.py", "attest/x.go", "src/testing.rs", "src/Manifest.java"] {
            assert!(!is_test_path(path), "{path}");
        }
    }
}
