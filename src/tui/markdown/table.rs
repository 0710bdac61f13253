//! A table: columns as wide as there is room for, their cells wrapped; where there is too little room, row by row as a list.

use pulldown_cmark::Alignment;
use ratatui::{
    style::Style,
    text::{Line, Span},
};
use unicode_width::UnicodeWidthStr as _;

use super::{Look, wrap::wrap};

/// A column is never narrower than this, unless all of it is.
const NARROWEST: usize = 4;

type Cell = Vec<Span<'static>>;

/// A table, as it is read.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) alignments: Vec<Alignment>,
    /// The first row is the head.
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn render(&self, width: usize, look: Look<'_>) -> Vec<Line<'static>> {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        if count == 0 {
            return Vec::new();
        }
        let natural: Vec<usize> = (0..count)
            .map(|at| self.rows.iter().filter_map(|row| row.get(at)).map(|cell| wide(cell)).max().unwrap_or(0).max(1))
            .collect();
        let Some(widths) = fit(&natural, width.saturating_sub(3 * (count - 1))) else { return self.list(width, look) };
        let quiet = look.theme.quiet;
        let between = Span::styled(format!(" {} ", look.glyphs.upright), quiet);
        let mut out = Vec::new();
        for (number, row) in self.rows.iter().enumerate() {
            let cells: Vec<Vec<Line<'static>>> = widths
                .iter()
                .enumerate()
                .map(|(at, width)| wrap(row.get(at).map_or(&[][..], Vec::as_slice), *width, &[], &[]))
                .collect();
            let high = cells.iter().map(Vec::len).max().unwrap_or(1);
            for line in 0..high {
                let mut spans = Vec::new();
                for (at, cell) in cells.iter().enumerate() {
                    if at > 0 {
                        spans.push(between.clone());
                    }
                    let text = cell.get(line).map_or_else(Vec::new, |line| line.spans.clone());
                    let alignment = self.alignments.get(at).copied().unwrap_or(Alignment::None);
                    spans.extend(aligned(text, widths[at], alignment, at + 1 == count));
                }
                out.push(Line::from(spans));
            }
            if number == 0 {
                let crossing = if look.glyphs.rule == "-" { "-+-" } else { "─┼─" };
                let rules: Vec<String> = widths.iter().map(|width| look.glyphs.rule.repeat(*width)).collect();
                out.push(Line::styled(rules.join(crossing), quiet));
            }
        }
        out
    }

    /// Each row as lines of `head: cell`.
    fn list(&self, width: usize, look: Look<'_>) -> Vec<Line<'static>> {
        let empty = Vec::new();
        let (head, rows) = self.rows.split_first().unwrap_or((&empty, &[]));
        let mut out = Vec::new();
        for row in rows {
            for (at, cell) in row.iter().enumerate() {
                let mut spans = head.get(at).cloned().unwrap_or_default();
                spans.push(Span::styled(": ", look.theme.quiet));
                spans.extend(cell.iter().cloned());
                let first = Span::styled(if at == 0 { "- " } else { "  " }, look.theme.quiet);
                out.extend(wrap(&spans, width, &[first], &[Span::raw("    ")]));
            }
        }
        out
    }
}

fn wide(cell: &[Span<'_>]) -> usize {
    cell.iter().map(|span| span.content.width()).sum()
}

/// As wide as each is by itself or, where that is too much, an equal share of what the small ones leave.
fn fit(natural: &[usize], room: usize) -> Option<Vec<usize>> {
    if natural.iter().sum::<usize>() <= room {
        return Some(natural.to_vec());
    }
    let mut widths = natural.to_vec();
    let (mut left, mut open) = (room, natural.len());
    let mut order: Vec<usize> = (0..natural.len()).collect();
    order.sort_by_key(|at| natural[*at]);
    for at in order {
        let share = left / open;
        widths[at] = natural[at].min(share);
        if widths[at] < NARROWEST.min(natural[at]) {
            return None;
        }
        left -= widths[at];
        open -= 1;
    }
    Some(widths)
}

fn aligned(text: Vec<Span<'static>>, width: usize, alignment: Alignment, last: bool) -> Vec<Span<'static>> {
    let blank = width.saturating_sub(wide(&text));
    let before = match alignment {
        Alignment::Right => blank,
        Alignment::Center => blank / 2,
        Alignment::None | Alignment::Left => 0,
    };
    let blanks = |count: usize| (count > 0).then(|| Span::styled(" ".repeat(count), Style::new()));
    let after = if last { 0 } else { blank - before };
    blanks(before).into_iter().chain(text).chain(blanks(after)).collect()
}
