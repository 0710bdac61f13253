//! Markdown as rows of a screen, while it is still being written.
//!
//! What models write comes piece by piece. [`Document`] cuts it into blocks as soon as they are closed ([`split`]); a closed block is
//! drawn once and never again ([`block`], [`table`], [`code`]), and only the open end is drawn anew. So a token costs the same however
//! long the text is, and nothing that was read moves. However a text was cut into pieces, its rows are the same.

mod block;
mod code;
mod split;
mod table;
#[cfg(test)]
mod tests;
mod wrap;

use ratatui::text::Line;

use super::{glyphs::Glyphs, theme::Theme, widget::clean};

use code::Code;
use split::{Cut, Splitter};

/// What it is drawn with.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Colours.
    pub theme: &'a Theme,
    /// Characters.
    pub glyphs: &'static Glyphs,
}

/// A text that may still grow, as rows of one width.
#[derive(Debug)]
pub struct Document {
    width: usize,
    splitter: Splitter,
    /// Rows of blocks that are closed.
    settled: Vec<Line<'static>>,
    /// Rows of the block that is open.
    tail: Vec<Line<'static>>,
    /// The open block has grown since its rows were made.
    stale: bool,
    /// The open block of code, as far as it has been drawn.
    code: Option<Code>,
}

impl Document {
    /// An empty one.
    pub fn new(width: usize) -> Self {
        let (settled, tail) = (Vec::new(), Vec::new());
        Self { width: width.max(1), splitter: Splitter::default(), settled, tail, stale: false, code: None }
    }

    /// A whole text.
    pub fn whole(text: &str, width: usize, look: Look<'_>) -> Self {
        let mut document = Self::new(width);
        document.push(text, look);
        document.finish(look);
        document
    }

    /// More of the text.
    pub fn push(&mut self, piece: &str, look: Look<'_>) {
        self.splitter.push(&clean::shown(piece));
        while let Some(cut) = self.splitter.next() {
            self.take(&cut, look);
        }
        self.stale = true;
    }

    /// That was all of it.
    pub fn finish(&mut self, look: Look<'_>) {
        while let Some(cut) = self.splitter.finish() {
            self.take(&cut, look);
        }
        self.code = None;
        self.tail.clear();
        self.stale = false;
    }

    /// Draws the open end anew, if it has grown.
    pub fn refresh(&mut self, look: Look<'_>) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        self.tail.clear();
        let open = self.splitter.open();
        match &self.code {
            Some(code) if !open.is_empty() => self.tail = code.clone().line(open, self.width, look),
            Some(_) => {}
            None if open.trim().is_empty() => {}
            None => {
                if !self.settled.is_empty() && !self.splitter.goes_on() {
                    self.tail.push(Line::default());
                }
                self.tail.extend(block::render(open, self.width, look));
            }
        }
    }

    fn take(&mut self, cut: &Cut, look: Look<'_>) {
        match cut {
            Cut::Block { text, goes_on } => {
                self.gap(*goes_on);
                self.settled.extend(block::render(text, self.width, look));
            }
            Cut::CodeBegins { language } => {
                self.gap(false);
                self.code = Some(Code::new(language));
            }
            Cut::CodeLine(line) => {
                if let Some(code) = &mut self.code {
                    self.settled.extend(code.line(line, self.width, look));
                }
            }
            Cut::CodeEnds => self.code = None,
        }
    }

    /// Blocks stand apart.
    fn gap(&mut self, goes_on: bool) {
        if !self.settled.is_empty() && !goes_on {
            self.settled.push(Line::default());
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.settled.len() + self.tail.len()
    }

    /// A row.
    pub fn row(&self, at: usize) -> Option<&Line<'static>> {
        self.settled.get(at).or_else(|| self.tail.get(at.checked_sub(self.settled.len())?))
    }
}
