//! A conversation as rows. What was said is drawn once, and again only if it has changed or the width has; what is being said grows.

use ratatui::text::Line;

use crate::{
    domain::id::{Seq, ThreadId},
    state::thread::{Entry, Thread, What},
};

use crate::tui::markdown::{Document, Look};

use super::live::Live;

/// The rows of one conversation at one width.
#[derive(Debug, Default)]
pub struct Page {
    of: Option<(ThreadId, usize)>,
    blocks: Vec<Block>,
    live: Option<Growing>,
}

/// The rows of one entry.
#[derive(Debug)]
struct Block {
    seq: Seq,
    /// What else its rows depend on.
    form: u8,
    /// A row is left free before it.
    apart: bool,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Rows(Vec<Line<'static>>),
    /// Of an agent's words, which stand two columns in.
    Words(Document),
}

/// An answer that is being given.
#[derive(Debug)]
struct Growing {
    turn: u32,
    text: String,
    document: Document,
}

/// What is to be drawn of an entry, by whoever knows how it looks.
pub trait Draw {
    /// The rows of what is no agent's words.
    fn rows(&self, entry: &Entry, width: usize) -> Vec<Line<'static>>;
    /// What these depend on besides the entry's own text.
    fn form(&self, entry: &Entry) -> u8;
    /// What words are drawn with.
    fn look(&self) -> Look<'_>;
}

/// Columns that an agent's words stand in.
pub const INDENT: usize = 2;

impl Page {
    /// Brings it up to date. Costs a comparison for each entry, and drawing for what is new.
    pub fn update(&mut self, thread: &Thread, live: Option<&Live>, width: usize, draw: &impl Draw) {
        if self.of != Some((thread.id, width)) {
            *self = Self { of: Some((thread.id, width)), ..Self::default() };
        }
        for (at, entry) in thread.entries.iter().enumerate() {
            let form = draw.form(entry);
            if self.blocks.get(at).is_some_and(|block| block.seq == entry.seq && block.form == form) {
                continue;
            }
            let before = at.checked_sub(1).and_then(|at| thread.entries.get(at));
            let apart = before.is_some_and(|before| !stands_close(before, entry));
            let body = match &entry.what {
                What::Answered { turn, text } => Body::Words(self.words(*turn, text, width, draw.look())),
                _ => Body::Rows(draw.rows(entry, width)),
            };
            let block = Block { seq: entry.seq, form, apart, body };
            match self.blocks.get_mut(at) {
                Some(old) => *old = block,
                None => self.blocks.push(block),
            }
        }
        self.blocks.truncate(thread.entries.len());
        self.grow(live.filter(|live| !live.ended), width, draw.look());
    }

    /// The rows of a whole answer: those that were drawn while it came, where nothing of it was missed.
    fn words(&mut self, turn: u32, text: &str, width: usize, look: Look<'_>) -> Document {
        let grown = self.live.take_if(|live| live.turn == turn && text.starts_with(&live.text));
        match grown {
            Some(Growing { text: known, mut document, .. }) => {
                document.push(&text[known.len()..], look);
                document.finish(look);
                document
            }
            None => Document::whole(text, width.saturating_sub(INDENT), look),
        }
    }

    fn grow(&mut self, live: Option<&Live>, width: usize, look: Look<'_>) {
        let Some(live) = live else {
            self.live = None;
            return;
        };
        let goes_on =
            self.live.as_ref().is_some_and(|known| known.turn == live.turn && live.text.starts_with(&known.text));
        if !goes_on {
            let document = Document::new(width.saturating_sub(INDENT));
            self.live = Some(Growing { turn: live.turn, text: String::new(), document });
        }
        if let Some(known) = &mut self.live {
            let piece = &live.text[known.text.len()..];
            known.document.push(piece, look);
            known.text.push_str(piece);
            known.document.refresh(look);
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(Block::rows).sum();
        let live = self.live.as_ref().map_or(0, |live| live.document.rows());
        blocks + live + usize::from(live > 0 && blocks > 0)
    }

    /// The rows from `first` on, at most `count`: each with its indentation.
    pub fn window(&self, first: usize, count: usize) -> Vec<Row<'_>> {
        let mut out = Vec::with_capacity(count);
        let mut at = 0;
        for block in &self.blocks {
            let rows = block.rows();
            if at + rows > first && out.len() < count {
                for row in first.max(at) - at..rows {
                    if out.len() >= count {
                        break;
                    }
                    out.push(block.row(row));
                }
            }
            at += rows;
        }
        if let Some(live) = &self.live {
            let gap = usize::from(at > 0);
            for row in first.saturating_sub(at).. {
                if out.len() >= count || row >= live.document.rows() + gap {
                    break;
                }
                let line = row.checked_sub(gap).and_then(|row| live.document.row(row));
                out.push(Row { line, indent: INDENT, begins: None });
            }
        }
        out
    }

    /// The row in which an entry begins.
    pub fn row_of(&self, seq: Seq) -> Option<usize> {
        let at = self.blocks.iter().position(|block| block.seq == seq)?;
        let before: usize = self.blocks[..at].iter().map(Block::rows).sum();
        Some(before + usize::from(self.blocks[at].apart))
    }

    /// The next row after `from` with this text in it, round the end.
    pub fn find(&self, pattern: &str, from: usize, backwards: bool) -> Option<usize> {
        let pattern = pattern.to_lowercase();
        let rows = self.rows();
        let all = self.window(0, rows);
        let has = |at: usize| {
            all.get(at).and_then(|row| row.line).is_some_and(|line| line.to_string().to_lowercase().contains(&pattern))
        };
        (1..=rows).map(|by| if backwards { (from + rows - by) % rows } else { (from + by) % rows }).find(|at| has(*at))
    }
}

/// One row, to be drawn.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// What stands in it; `None`: nothing.
    pub line: Option<&'a Line<'static>>,
    /// Columns before it.
    pub indent: usize,
    /// It is the first of this entry.
    pub begins: Option<Seq>,
}

impl Block {
    fn rows(&self) -> usize {
        let rows = match &self.body {
            Body::Rows(rows) => rows.len(),
            Body::Words(document) => document.rows(),
        };
        if rows == 0 { 0 } else { rows + usize::from(self.apart) }
    }

    fn row(&self, at: usize) -> Row<'_> {
        let Some(at) = at.checked_sub(usize::from(self.apart)) else {
            return Row { line: None, indent: 0, begins: None };
        };
        let begins = (at == 0).then_some(self.seq);
        match &self.body {
            Body::Rows(rows) => Row { line: rows.get(at), indent: 0, begins },
            Body::Words(document) => Row { line: document.row(at), indent: INDENT, begins },
        }
    }
}

/// Uses of tools stand one under the other; what has no rows of its own parts nothing.
fn stands_close(before: &Entry, entry: &Entry) -> bool {
    let quiet = |what: &What| matches!(what, What::Tool { .. } | What::Called { .. });
    quiet(&before.what) && quiet(&entry.what)
}
