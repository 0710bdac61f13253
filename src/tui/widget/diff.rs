//! A patch as rows: hunks with their headers, numbered lines, what goes and what comes.

use ratatui::text::{Line, Span};

use crate::domain::patch::{Change, DiffLine, Hunk, Patch};

use super::{ansi, columns};
use crate::tui::{glyphs::Glyphs, theme::Theme};

/// A row of a shown patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiffRow<'a> {
    /// A file that has no hunks to show: renamed, binary, emptied.
    File(&'a str, &'static str),
    /// The head of a hunk: its index over all files, the file, the hunk.
    Head(usize, &'a str, &'a Hunk),
    /// A line, with its number in the file before or after.
    Line(u32, &'a DiffLine),
}

/// The rows of a patch, with at most so many unchanged lines around what changes.
pub fn rows(patch: &Patch, context: usize) -> Vec<DiffRow<'_>> {
    let mut out = Vec::new();
    let mut index = 0;
    for file in &patch.files {
        if file.hunks.is_empty() {
            let what = match (file.binary, &file.old_path, &file.new_path) {
                (true, ..) => "binary",
                (_, None, _) => "new, empty",
                (_, _, None) => "deleted",
                _ => "renamed or another mode",
            };
            out.push(DiffRow::File(file.path(), what));
        }
        for hunk in &file.hunks {
            out.push(DiffRow::Head(index, file.path(), hunk));
            let (mut old, mut new) = (hunk.old.0, hunk.new.0);
            for (at, line) in hunk.lines.iter().enumerate() {
                let number = if line.change == Change::Remove { old } else { new };
                let near = at.saturating_sub(context)..at.saturating_add(context + 1).min(hunk.lines.len());
                if hunk.lines[near].iter().any(|line| line.change != Change::Keep) {
                    out.push(DiffRow::Line(number, line));
                }
                old += u32::from(line.change != Change::Add);
                new += u32::from(line.change != Change::Remove);
            }
            index += 1;
        }
    }
    out
}

/// How a row's hunk stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HunkMark {
    /// It is part of what would be applied.
    pub taken: bool,
    /// It is the chosen one.
    pub chosen: bool,
    /// How many hunks there are.
    pub of: usize,
}

/// A row as a line of the screen.
pub fn line(row: &DiffRow<'_>, mark: HunkMark, theme: &Theme, glyphs: &Glyphs, width: usize) -> Line<'static> {
    match row {
        DiffRow::File(path, what) => Line::from(vec![
            Span::styled(format!("  {path}"), theme.strong),
            Span::styled(format!("  {what}"), theme.quiet),
        ]),
        DiffRow::Head(index, path, hunk) => {
            let (box_, style) = if mark.taken { (glyphs.taken, theme.accent) } else { (glyphs.dropped, theme.warn) };
            let pointer = if mark.chosen { glyphs.chosen } else { " " };
            let state = if mark.taken { String::new() } else { "  dropped".to_owned() };
            let left = vec![
                Span::styled(format!("{pointer}{box_} {}/{} ", index + 1, mark.of), style),
                Span::styled((*path).to_owned(), theme.strong),
                Span::styled(state, theme.warn),
            ];
            let section = columns::clip(hunk.section.trim(), width / 3, glyphs.more);
            let right = vec![Span::styled(format!("line {}  {section}", hunk.new.0), theme.quiet)];
            columns::spread(left, right, width)
        }
        DiffRow::Line(number, line) => {
            let style = match (line.change, mark.taken) {
                (_, false) => theme.quiet,
                (Change::Keep, _) => theme.text,
                (Change::Remove, _) => theme.bad,
                (Change::Add, _) => theme.good,
            };
            let text = ansi::plain(&line.text);
            let room = width.saturating_sub(9);
            let end = if line.no_newline { Span::styled(" (no line feed)", theme.quiet) } else { Span::raw("") };
            Line::from(vec![
                Span::styled(format!("{number:>5} "), theme.quiet),
                Span::styled(format!("{} {}", line.change.sign(), columns::clip(&text, room, glyphs.more)), style),
                end,
            ])
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_bear_the_number_that_they_have_where_they_stand() {
        let text = "diff --git a/x.rs b/x.rs\n--- a/x.rs\n+++ b/x.rs\n@@ -3,4 +3,4 @@ fn main\n z\n a\n-b\n+c\n d\n";
        let patch = Patch::parse(text).unwrap();
        let number = |row: &DiffRow<'_>| if let DiffRow::Line(number, _) = row { Some(*number) } else { None };
        let numbers = |context| -> Vec<u32> { rows(&patch, context).iter().filter_map(number).collect() };
        assert_eq!(numbers(1000), [3, 4, 5, 5, 6]);
        assert_eq!(numbers(1), [4, 5, 5, 6]);
        assert_eq!(numbers(0), [5, 5]);
    }
}
