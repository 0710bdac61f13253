//! Rows broken between words, by what a terminal shows; letters of East Asian scripts may stand apart anywhere.

use ratatui::{
    style::Style,
    text::{Line, Span},
};
use unicode_width::UnicodeWidthStr as _;

/// What belongs together: a word, or one wide letter.
#[derive(Default)]
struct Word {
    spans: Vec<Span<'static>>,
    width: usize,
    /// A blank stands before it, in this style.
    after: Option<Style>,
}

impl Word {
    fn push(&mut self, symbol: &str, style: Style) {
        self.width += symbol.width();
        match self.spans.last_mut() {
            Some(last) if last.style == style => last.content.to_mut().push_str(symbol),
            _ => self.spans.push(Span::styled(symbol.to_owned(), style)),
        }
    }
}

/// The spans in rows of at most `width` columns; `first` stands before the first row, `rest` before every other.
pub(super) fn wrap(
    spans: &[Span<'_>],
    width: usize,
    first: &[Span<'static>],
    rest: &[Span<'static>],
) -> Vec<Line<'static>> {
    let own = |prefix: &[Span<'static>]| prefix.iter().map(|span| span.content.width()).sum::<usize>();
    // Where the prefix leaves no room, it goes.
    let room = |prefix: &[Span<'static>]| width.saturating_sub(own(prefix)).max(1);
    let mut rows = vec![first.to_vec()];
    let (mut used, mut left) = (0, room(first));
    let next_row = |rows: &mut Vec<Vec<Span<'static>>>, left: &mut usize, used: &mut usize| {
        rows.push(rest.to_vec());
        (*used, *left) = (0, room(rest));
    };
    for word in words(spans) {
        let blank = usize::from(word.after.is_some() && used > 0);
        if used > 0 && used + blank + word.width > left {
            next_row(&mut rows, &mut left, &mut used);
        } else if let (Some(style), 1) = (word.after, blank) {
            used += 1;
            put(&mut rows, " ", style);
        }
        if word.width <= left {
            used += word.width;
            word.spans.iter().for_each(|span| put(&mut rows, &span.content, span.style));
            continue;
        }
        for span in &word.spans {
            for grapheme in span.styled_graphemes(Style::new()) {
                let wide = grapheme.symbol.width();
                if used > 0 && used + wide > left {
                    next_row(&mut rows, &mut left, &mut used);
                }
                used += wide;
                put(&mut rows, grapheme.symbol, span.style);
            }
        }
    }
    rows.into_iter().map(Line::from).collect()
}

fn put(rows: &mut [Vec<Span<'static>>], text: &str, style: Style) {
    let Some(row) = rows.last_mut() else { return };
    match row.last_mut() {
        Some(last) if last.style == style => last.content.to_mut().push_str(text),
        _ => row.push(Span::styled(text.to_owned(), style)),
    }
}

fn words(spans: &[Span<'_>]) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut word = Word::default();
    for span in spans {
        for grapheme in span.styled_graphemes(Style::new()) {
            let symbol = grapheme.symbol;
            if symbol == " " || symbol == "\n" {
                if !word.spans.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                word.after = Some(span.style);
            } else if symbol.width() > 1 {
                // No blank belongs between it and its neighbours, but a row may end there.
                if !word.spans.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                word.push(symbol, span.style);
                words.push(std::mem::take(&mut word));
            } else {
                word.push(symbol, span.style);
            }
        }
    }
    if !word.spans.is_empty() {
        words.push(word);
    }
    words
}
