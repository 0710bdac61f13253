//! One line of text that is being typed.

use unicode_width::UnicodeWidthStr as _;

/// One line of text and a cursor in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextInput {
    text: String,
    /// In bytes, on a character's edge.
    cursor: usize,
}

/// A change of the text or of the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say what each does")]
pub enum Edit {
    Insert(char),
    Backspace,
    Delete,
    Left,
    Right,
    Home,
    End,
    /// Everything before the cursor goes.
    Clear,
    /// The word before the cursor goes.
    DeleteWord,
}

impl TextInput {
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

    /// Columns before the cursor.
    pub fn column(&self) -> usize {
        self.text[..self.cursor].width()
    }

    /// Empties it.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Changes it.
    pub fn edit(&mut self, edit: Edit) {
        let before = |this: &Self| this.text[..this.cursor].chars().next_back().map_or(0, char::len_utf8);
        let after = |this: &Self| this.text[this.cursor..].chars().next().map_or(0, char::len_utf8);
        match edit {
            Edit::Insert(c) if c.is_control() => {}
            Edit::Insert(c) => {
                self.text.insert(self.cursor, c);
                self.cursor += c.len_utf8();
            }
            Edit::Backspace => {
                let start = self.cursor - before(self);
                self.cut(start);
            }
            Edit::Delete => {
                let end = self.cursor + after(self);
                self.text.replace_range(self.cursor..end, "");
            }
            Edit::Left => self.cursor -= before(self),
            Edit::Right => self.cursor += after(self),
            Edit::Home => self.cursor = 0,
            Edit::End => self.cursor = self.text.len(),
            Edit::Clear => self.cut(0),
            Edit::DeleteWord => {
                let head = self.text[..self.cursor].trim_end();
                let start = head.rfind(char::is_whitespace).map_or(0, |at| at + 1);
                // `rfind` gives the first byte of the blank; a blank may be longer than one byte.
                let start = (start..=self.cursor).find(|&at| self.text.is_char_boundary(at)).unwrap_or(self.cursor);
                self.cut(start);
            }
        }
    }

    /// Takes out what stands between `start` and the cursor.
    fn cut(&mut self, start: usize) {
        self.text.replace_range(start..self.cursor, "");
        self.cursor = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_any_width_are_typed_and_taken_out_again() {
        let mut input = TextInput::default();
        "héllo 漢字".chars().for_each(|c| input.edit(Edit::Insert(c)));
        assert_eq!((input.text(), input.column()), ("héllo 漢字", 10));
        input.edit(Edit::Backspace);
        input.edit(Edit::Left);
        input.edit(Edit::Insert('x'));
        assert_eq!(input.text(), "héllo x漢");
        input.edit(Edit::End);
        input.edit(Edit::DeleteWord);
        assert_eq!(input.text(), "héllo ");
        input.edit(Edit::Clear);
        input.edit(Edit::Backspace);
        input.edit(Edit::Delete);
        assert!(input.is_empty());
    }
}
