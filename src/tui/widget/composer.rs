//! Text of several lines that is being typed.

use ratatui::text::Span;
use unicode_width::UnicodeWidthStr as _;

use super::{clean, columns};

/// Several lines of text and a cursor in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Composer {
    text: String,
    /// In bytes, on a character's edge.
    cursor: usize,
}

/// A change of the text or of the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say what each does")]
pub enum Edit {
    Insert(char),
    Newline,
    Backspace,
    Delete,
    Left,
    Right,
    /// To the line's beginning.
    Home,
    /// To the line's end.
    End,
    /// Everything before the cursor in its line goes.
    Clear,
    /// The word before the cursor goes.
    DeleteWord,
}

impl Composer {
    /// With this text, the cursor at its end.
    pub fn with(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len() }
    }

    /// What has been typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nothing has been typed.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// What stands before the cursor.
    pub fn before(&self) -> &str {
        &self.text[..self.cursor]
    }

    /// Takes what has been typed away.
    pub fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// Puts a text in at the cursor: pasted, so it can hold anything.
    pub fn paste(&mut self, text: &str) {
        let text = clean::visible(text);
        self.text.insert_str(self.cursor, &text);
        self.cursor += text.len();
    }

    /// Puts another text in the place of the last `bytes` before the cursor.
    pub fn complete(&mut self, bytes: usize, with: &str) {
        let from = self.cursor.saturating_sub(bytes);
        if self.text.is_char_boundary(from) {
            self.text.replace_range(from..self.cursor, with);
            self.cursor = from + with.len();
        }
    }

    /// Changes it.
    pub fn edit(&mut self, edit: Edit) {
        let before = |this: &Self| this.before().chars().next_back().map_or(0, char::len_utf8);
        let after = |this: &Self| this.text[this.cursor..].chars().next().map_or(0, char::len_utf8);
        match edit {
            Edit::Insert(c) if c.is_control() => {}
            Edit::Insert(c) => {
                self.text.insert(self.cursor, c);
                self.cursor += c.len_utf8();
            }
            Edit::Newline => {
                // A backslash at the end of a line asks for the next line where Ctrl-J doesn't come through.
                self.text.insert(self.cursor, '\n');
                self.cursor += 1;
            }
            Edit::Backspace => self.cut(self.cursor - before(self)),
            Edit::Delete => {
                let end = self.cursor + after(self);
                self.text.replace_range(self.cursor..end, "");
            }
            Edit::Left => self.cursor -= before(self),
            Edit::Right => self.cursor += after(self),
            Edit::Home => self.cursor = self.line().0,
            Edit::End => self.cursor = self.line().1,
            Edit::Clear => self.cut(self.line().0),
            Edit::DeleteWord => {
                let head = self.before().trim_end();
                let start = head.char_indices().rev().find(|(_, c)| c.is_whitespace());
                self.cut(start.map_or(0, |(at, c)| at + c.len_utf8()));
            }
        }
    }

    /// Moves the cursor a line up or down; `false` if there is none.
    pub fn step(&mut self, down: bool) -> bool {
        let (start, end) = self.line();
        let column = self.text[start..self.cursor].chars().count();
        let (from, to) = if down {
            let Some(rest) = self.text.get(end + 1..) else { return false };
            (end + 1, end + 1 + rest.find('\n').unwrap_or(rest.len()))
        } else {
            let Some(to) = start.checked_sub(1) else { return false };
            (self.text[..to].rfind('\n').map_or(0, |at| at + 1), to)
        };
        let line = &self.text[from..to];
        self.cursor = from + line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        true
    }

    /// From where to where the cursor's line goes.
    fn line(&self) -> (usize, usize) {
        let start = self.before().rfind('\n').map_or(0, |at| at + 1);
        let end = self.text[self.cursor..].find('\n').map_or(self.text.len(), |at| self.cursor + at);
        (start, end)
    }

    fn cut(&mut self, start: usize) {
        self.text.replace_range(start..self.cursor, "");
        self.cursor = start;
    }

    /// As rows of at most `width` columns, and the cursor's row and column.
    pub fn rows(&self, width: usize) -> (Vec<String>, (usize, usize)) {
        let width = width.max(2);
        let rows = |text: &str| -> Vec<String> {
            let of_line = |line: &str| {
                let rows = columns::wrap(&[Span::raw(line.to_owned())], width).into_iter();
                rows.map(|row| row.into_iter().map(|span| span.content.into_owned()).collect::<String>())
                    .collect::<Vec<_>>()
            };
            text.split('\n').flat_map(of_line).collect()
        };
        let before = rows(self.before());
        let column = before.last().map_or(0, |row| row.width());
        let at = before.len().saturating_sub(1);
        let mut all = rows(&self.text);
        if column >= width {
            all.insert((at + 1).min(all.len()), String::new());
            return (all, (at + 1, 0));
        }
        (all, (at, column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_typed_moved_in_and_taken_out() {
        let mut input = Composer::default();
        "héllo".chars().for_each(|c| input.edit(Edit::Insert(c)));
        input.edit(Edit::Newline);
        "漢字 ab".chars().for_each(|c| input.edit(Edit::Insert(c)));
        assert!(input.step(false) && !input.step(false));
        input.edit(Edit::Insert('!'));
        assert_eq!(input.text(), "héllo!\n漢字 ab");
        assert!(input.step(true) && !input.step(true));
        input.edit(Edit::DeleteWord);
        input.edit(Edit::Backspace);
        assert_eq!(input.text(), "héllo!\n漢字");
        input.edit(Edit::Clear);
        input.edit(Edit::Backspace);
        assert_eq!(input.take(), "héllo!");
        input.paste("a\x1b[2J\r\nb");
        assert_eq!(input.text(), "a^[[2J\nb");
    }

    #[test]
    fn rows_follow_the_width_and_the_cursor_stands_in_them() {
        let input = Composer::with("abcdef\n漢字漢");
        assert_eq!(input.rows(4), (vec!["abcd".into(), "ef".into(), "漢字".into(), "漢".into()], (3, 2)));
        assert_eq!(Composer::with("abcd").rows(4), (vec!["abcd".into(), String::new()], (1, 0)));
        assert_eq!(Composer::default().rows(10), (vec![String::new()], (0, 0)));
    }
}
