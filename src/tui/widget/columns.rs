//! Text in columns: cut and wrapped by what a terminal shows, not by characters.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use unicode_width::UnicodeWidthStr;

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Columns that spans take.
pub fn spans_width(spans: &[Span<'_>]) -> usize {
    spans.iter().map(|span| span.content.width()).sum()
}

/// The text, cut to `columns`, its end replaced by `more` where it was longer.
pub fn clip(text: &str, columns: usize, more: &str) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(more.width());
    let mut out = head(text, room).to_owned();
    if columns >= more.width() {
        out.push_str(more);
    }
    out
}

/// As much of the text's beginning as fits.
fn head(text: &str, columns: usize) -> &str {
    let mut end = 0;
    let span = Span::raw(text);
    let mut used = 0;
    for grapheme in span.styled_graphemes(Style::new()) {
        used += grapheme.symbol.width();
        if used > columns {
            break;
        }
        end += grapheme.symbol.len();
    }
    text.get(..end).unwrap_or_default()
}

/// The text, cut at its beginning: the end of a path says most.
pub fn clip_start(text: &str, columns: usize, more: &str) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut rest = text.chars();
    let room = columns.saturating_sub(more.width());
    while rest.as_str().width() > room && rest.next().is_some() {}
    if columns >= more.width() { format!("{more}{}", rest.as_str()) } else { String::new() }
}

/// The spans without their first `skip` columns, cut to `columns`.
pub fn cut<'a>(spans: &[Span<'a>], skip: usize, columns: usize) -> Vec<Span<'a>> {
    let mut out = Vec::new();
    let mut at = 0;
    for span in spans {
        let mut piece = String::new();
        for grapheme in span.styled_graphemes(Style::new()) {
            let wide = grapheme.symbol.width();
            if at >= skip && at + wide <= skip + columns {
                piece.push_str(grapheme.symbol);
            } else if at < skip && at + wide > skip {
                // half of a wide character stands before the edge
                piece.push(' ');
            }
            at += wide;
        }
        if !piece.is_empty() {
            out.push(Span::styled(piece, span.style));
        }
        if at >= skip + columns {
            break;
        }
    }
    out
}

/// The spans in rows of at most `columns`, broken wherever a row is full: an output keeps its own alignment.
pub fn wrap<'a>(spans: &[Span<'a>], columns: usize) -> Vec<Vec<Span<'a>>> {
    let columns = columns.max(1);
    let mut rows: Vec<Vec<Span<'a>>> = vec![Vec::new()];
    let mut used = 0;
    for span in spans {
        let mut piece = String::new();
        for grapheme in span.styled_graphemes(Style::new()) {
            let wide = grapheme.symbol.width();
            if used + wide > columns && used > 0 {
                push(&mut rows, &mut piece, span.style);
                rows.push(Vec::new());
                used = 0;
            }
            piece.push_str(grapheme.symbol);
            used += wide;
        }
        push(&mut rows, &mut piece, span.style);
    }
    rows
}

fn push(rows: &mut [Vec<Span<'_>>], piece: &mut String, style: Style) {
    if let Some(row) = rows.last_mut().filter(|_| !piece.is_empty()) {
        row.push(Span::styled(std::mem::take(piece), style));
    }
}

/// A text in rows of at most `columns`, broken between words.
pub fn words(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut rows = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word = word;
        let used = rows.last().map_or(0, |row| row.width());
        if used > 0 && used + 1 + word.width() > columns {
            rows.push(String::new());
        } else if used > 0
            && let Some(row) = rows.last_mut()
        {
            row.push(' ');
        }
        while word.width() > columns {
            let piece = head(word, columns);
            let piece = if piece.is_empty() { word } else { piece };
            if let Some(row) = rows.last_mut() {
                row.push_str(piece);
            }
            word = &word[piece.len()..];
            rows.push(String::new());
        }
        if let Some(row) = rows.last_mut() {
            row.push_str(word);
        }
    }
    rows
}

/// Writes a line into a row of the buffer, cut at the row's end.
pub fn put(buf: &mut Buffer, area: Rect, row: u16, line: &Line<'_>) {
    if row < area.height {
        buf.set_line(area.x, area.y + row, line, area.width);
    }
}

/// A row with something at its left and something at its right; the left is cut where both don't fit.
pub fn spread<'a>(left: Vec<Span<'a>>, right: Vec<Span<'a>>, columns: usize) -> Line<'a> {
    let wide = spans_width(&right);
    if wide >= columns {
        return Line::from(cut(&left, 0, columns));
    }
    let room = columns - wide - usize::from(wide > 0);
    let mut spans = cut(&left, 0, room);
    let used = spans_width(&spans);
    spans.push(Span::raw(" ".repeat(columns - wide - used)));
    spans.extend(right);
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(rows: Vec<Vec<Span<'_>>>) -> Vec<String> {
        rows.into_iter().map(|row| row.into_iter().map(|s| s.content.into_owned()).collect()).collect()
    }

    #[test]
    fn wide_letters_marks_and_right_to_left_are_cut_by_columns() {
        assert_eq!(clip("漢字漢字", 5, "…"), "漢字…");
        assert_eq!(clip("e\u{301}abc", 3, "…"), "e\u{301}a…");
        assert_eq!(clip("שלום עולם", 5, "…"), "שלום…");
        assert_eq!(clip("abc", 0, "…"), "");
        assert_eq!(clip_start("src/very/long.rs", 8, "…"), "…long.rs");
        assert_eq!(texts(vec![cut(&[Span::raw("漢字x")], 1, 4)]), [" 字x"]);
    }

    #[test]
    fn rows_are_as_wide_as_they_may_be() {
        assert_eq!(texts(wrap(&[Span::raw("ab"), Span::raw("漢字c")], 3)), ["ab", "漢", "字c"]);
        assert_eq!(words("one two three abcdefghij", 7), ["one two", "three", "abcdefg", "hij"]);
        assert_eq!(spread(vec!["abcdef".into()], vec!["12".into()], 6).to_string(), "abc 12");
    }
}
