//! What a terminal is told: only what changed, and nothing at all when nothing did; each frame in one piece, with a question
//! after it whose answer says that it has been drawn.

mod paint;
pub mod pipe;

use std::io::{self, Write};

use ratatui::{
    backend::{Backend, ClearType, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
};

use paint::Paint;

/// How large the screen is.
pub type SizeSource = Box<dyn Fn() -> io::Result<Size> + Send>;

/// Whether it draws a frame at once, instead of as the bytes come (`DECRQM` of mode 2026).
pub const SYNCHRONIZED: u32 = 2026;

/// A backend that writes little, and waits for no answer.
pub struct Screen<W: Write> {
    out: W,
    size: SizeSource,
    paint: Paint,
    /// The frame so far.
    frame: Vec<u8>,
    hidden: Option<bool>,
    cursor: Option<Position>,
    /// Something of this frame is part of the picture.
    drew: bool,
    /// The terminal shows a frame at once when it is told to.
    synchronized: bool,
    question: Option<u32>,
    sent: usize,
}

impl<W: Write> Screen<W> {
    /// Writes to `out`.
    pub fn new(out: W, size: SizeSource) -> Self {
        let mut screen = Self {
            out,
            size,
            paint: Paint::default(),
            frame: Vec::new(),
            hidden: None,
            cursor: None,
            drew: false,
            synchronized: false,
            question: None,
            sent: 0,
        };
        screen.forget();
        screen
    }

    /// Sends bytes that are no part of the picture.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    /// Somebody else has written to the terminal, or it is another one: nothing is known of it. Asked with the next frame is
    /// whether it can show one at once; a terminal that prints that question has it drawn over.
    pub fn forget(&mut self) {
        (self.hidden, self.cursor, self.synchronized) = (None, None, false);
        self.paint.forget();
        self.frame.extend(b"\x1b[m\x1b[?2026$p");
    }

    /// The terminal shows a frame at once when it is told to.
    pub fn synchronize(&mut self) {
        self.synchronized = true;
    }

    /// The next frame, if anything is in it, is followed by the question where the cursor is: in this column.
    pub fn ask(&mut self, question: Option<u32>) {
        self.question = question;
        self.sent = 0;
    }

    /// Bytes of the frame that went out since then.
    pub fn sent(&self) -> usize {
        self.sent
    }

    fn begin(&mut self) {
        if !self.drew && self.synchronized {
            self.frame.extend(b"\x1b[?2026h");
        }
        self.drew = true;
    }

    fn put_cursor(&mut self, x: u16, y: u16) {
        // Writing to memory can't fail.
        let _ = write!(self.frame, "\x1b[{};{}H", y + 1, x + 1);
        self.paint.cursor_was_moved();
    }
}

impl<W: Write> Backend for Screen<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.begin();
        self.cursor = None;
        let size = (self.size)()?;
        self.paint.draw(&mut self.frame, size, content);
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.hidden != Some(true) {
            self.hidden = Some(true);
            self.begin();
            self.frame.extend(b"\x1b[?25l");
        }
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.hidden != Some(false) {
            self.hidden = Some(false);
            self.begin();
            self.frame.extend(b"\x1b[?25h");
        }
        Ok(())
    }

    /// Where it was put last: the terminal is not asked, since it may never answer.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        if self.cursor != Some(position) {
            self.cursor = Some(position);
            self.begin();
            self.put_cursor(position.x, position.y);
        }
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.begin();
        self.paint.forget();
        self.frame.extend(match clear_type {
            ClearType::All => &b"\x1b[m\x1b[2J"[..],
            ClearType::AfterCursor => b"\x1b[m\x1b[J",
            ClearType::BeforeCursor => b"\x1b[m\x1b[1J",
            ClearType::CurrentLine => b"\x1b[m\x1b[2K",
            ClearType::UntilNewLine => b"\x1b[m\x1b[K",
        });
        Ok(())
    }

    fn size(&self) -> io::Result<Size> {
        (self.size)()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: (self.size)()?, pixels: Size::default() })
    }

    fn flush(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.drew) {
            return Ok(());
        }
        if let Some(column) = self.question.take() {
            // The second row: on the first, the answer would look like a key.
            self.put_cursor(column as u16 - 1, 1);
            self.frame.extend(b"\x1b[6n");
            match self.cursor {
                Some(at) if self.hidden == Some(false) => self.put_cursor(at.x, at.y),
                _ => self.cursor = None,
            }
        }
        if self.synchronized {
            self.frame.extend(b"\x1b[?2026l");
        }
        self.sent = self.frame.len();
        self.out.write_all(&self.frame)?;
        self.frame.clear();
        self.out.flush()
    }
}
