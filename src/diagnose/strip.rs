//! From a line as it was printed to the line as it was meant: no colours, no cursor movement, no progress that was painted over.

/// Longest part of a line that is looked at, in bytes.
const LONGEST: usize = 8 * 1024;

/// Appends the clean form of `line` (without its line end) to `out`.
pub(super) fn strip(line: &str, out: &mut String) {
    let line = line.trim_end_matches(['\r', '\n']);
    let line = match line.rfind('\r') {
        Some(at) if !line[at + 1..].trim().is_empty() => &line[at + 1..],
        _ => line,
    };
    let end = out.len() + LONGEST;
    let mut rest = line;
    while let Some(at) = rest.bytes().position(|b| b < b' ' && b != b'\t' || b == 0x7f || b == b'^') {
        push(out, &rest[..at], end);
        rest = &rest[at..];
        if out.len() >= end {
            return;
        }
        let (skip, keep) = match rest.as_bytes() {
            [0x1b, tail @ ..] => (1 + escape(tail), ""),
            [b'^', b'[', tail @ ..] if matches!(tail.first(), Some(b'[')) => (2 + escape(tail), ""),
            [b'^', ..] => (1, "^"),
            _ => (1, ""),
        };
        out.push_str(keep);
        rest = &rest[ceil(rest, skip)..];
    }
    push(out, rest, end);
}

fn push(out: &mut String, text: &str, end: usize) {
    let room = end.saturating_sub(out.len());
    out.push_str(&text[..floor(text, room)]);
}

/// Length of the control sequence after its escape character.
fn escape(tail: &[u8]) -> usize {
    match tail.first() {
        Some(b'[') => {
            let body = tail[1..].iter().take(64).take_while(|b| (0x20..0x40).contains(*b)).count();
            let last = tail.get(1 + body).is_some_and(|b| (0x40..0x7f).contains(b));
            1 + body + usize::from(last)
        }
        Some(b']' | b'_' | b'P' | b'^') => {
            let limit = &tail[..tail.len().min(4096)];
            match limit.iter().position(|&b| b == 0x07 || b == 0x1b) {
                Some(at) if limit[at] == 0x1b && limit.get(at + 1) == Some(&b'\\') => at + 2,
                Some(at) if limit[at] == 0x1b => at,
                Some(at) => at + 1,
                None => 1,
            }
        }
        Some(b'(' | b')') => 2.min(tail.len()),
        Some(b) => usize::from(b.is_ascii()),
        None => 0,
    }
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

/// The nearest character boundary at or after `at`.
fn ceil(text: &str, at: usize) -> usize {
    (at..text.len()).find(|&i| text.is_char_boundary(i)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(line: &str) -> String {
        let mut out = String::new();
        strip(line, &mut out);
        out
    }

    #[test]
    fn controls_go_and_text_stays() {
        for (line, wanted) in [
            ("\u{1b}[1m\u{1b}[91merror\u{1b}[0m: x\r\n", "error: x"),
            ("^[[31mred^[[0m a^b ^^^", "red a^b ^^^"),
            ("\u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{7}", "link"),
            ("\u{1b}]8;;http://x\u{1b}\\link", "link"),
            ("\u{1b}(Bplain", "plain"),
            ("10%\r50%\r100% done", "100% done"),
            ("painted over\r", "painted over"),
            ("\u{1b}é", "é"),
            ("\u{1b}[31", ""),
            ("tab\tstays", "tab\tstays"),
        ] {
            assert_eq!(clean(line), wanted, "{line:?}");
        }
    }

    #[test]
    fn a_line_without_end_is_cut() {
        assert_eq!(clean(&"é".repeat(1 << 20)).len(), LONGEST);
        assert_eq!(clean(&"\u{1b}[0m".repeat(1 << 18)), "");
    }
}
