//! Where a secret stands in a text, and what is written in its place.

/// Bytes `start..end` of a text are a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span<'a> {
    pub start: usize,
    pub end: usize,
    /// Name of the declared secret or of the shape.
    pub name: &'a str,
    /// A declared secret, whose name says more than a shape's.
    pub declared: bool,
}

/// Sorts spans and joins those that overlap. The name of a declared secret wins.
pub fn merge(spans: &mut Vec<Span<'_>>) {
    spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
    spans.dedup_by(|next, joined| {
        let overlap = next.start < joined.end;
        if overlap {
            joined.end = joined.end.max(next.end);
            if next.declared && !joined.declared {
                (joined.name, joined.declared) = (next.name, true);
            }
        }
        overlap
    });
}

/// Writes `text[from..]` with `***NAME***` in place of every span (disjoint, ascending) that reaches beyond `from`.
pub fn write(text: &[u8], mut from: usize, spans: &[Span<'_>], out: &mut Vec<u8>) {
    for span in spans {
        if span.end <= from {
            continue;
        }
        out.extend_from_slice(text.get(from..span.start).unwrap_or_default());
        out.extend_from_slice(b"***");
        out.extend_from_slice(span.name.as_bytes());
        out.extend_from_slice(b"***");
        from = span.end;
    }
    out.extend_from_slice(text.get(from..).unwrap_or_default());
}

/// Start and end (without its line break) of the line that holds byte `at`.
pub fn line_around(text: &[u8], at: usize) -> (usize, usize) {
    let breaks = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let start = text[..at].iter().rposition(breaks).map_or(0, |found| found + 1);
    let end = text[at..].iter().position(breaks).map_or(text.len(), |found| at + found);
    (start, end)
}
