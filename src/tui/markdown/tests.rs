//! What Markdown looks like, and that it looks the same however it comes in.

use proptest::prelude::*;

use super::*;
use crate::tui::{
    glyphs::{ASCII, UNICODE},
    theme::Theme,
};

fn text_of(document: &Document) -> Vec<String> {
    (0..document.rows()).filter_map(|at| document.row(at)).map(|line| line.to_string().trim_end().to_owned()).collect()
}

fn shown(text: &str, width: usize) -> Vec<String> {
    let theme = Theme::terminal();
    text_of(&Document::whole(text, width, Look { theme: &theme, glyphs: &UNICODE }))
}

#[test]
fn paragraphs_headings_lists_quotes_and_code_are_rows() {
    let text = "# Why it failed\nThe *same* step **passed** in `8836`,\nsee [the run](https://x.test/1).\n\n\
                1. first of all\n2. and then a longer one\n   - nested\n\n> said so\n\n```rust\nfn main() {}\n```\n---\n- [x] done\n- [ ] open";
    assert_eq!(
        shown(text, 30),
        [
            "Why it failed",
            "",
            "The same step passed in 8836,",
            "see the run",
            "(https://x.test/1).",
            "",
            "1. first of all",
            "2. and then a longer one",
            "   - nested",
            "",
            "│ said so",
            "",
            "│ fn main() {}",
            "",
            "──────────────────────────────",
            "",
            "- [x] done",
            "- [ ] open",
        ]
    );
}

#[test]
fn tables_fit_or_become_lists() {
    let text = "| job | took |\n|:--|--:|\n| unit | 1s |\n| end to end | 21 s |";
    assert_eq!(
        shown(text, 40),
        ["job        │ took", "───────────┼─────", "unit       │   1s", "end to end │ 21 s"].map(str::to_owned)
    );
    assert_eq!(shown(text, 14), ["job     │ took", "────────┼─────", "unit    │   1s", "end to  │ 21 s", "end     │"]);
    let wide = "|a|b|c|d|\n|-|-|-|-|\n|aaaaaaaa|bbbbbbbb|cccccccc|dddddddd|";
    assert_eq!(shown(wide, 16), ["- a: aaaaaaaa", "  b: bbbbbbbb", "  c: cccccccc", "  d: dddddddd"]);
    let theme = Theme::plain();
    let ascii = text_of(&Document::whole(text, 40, Look { theme: &theme, glyphs: &ASCII }));
    assert!(ascii.iter().all(|row| row.is_ascii()), "{ascii:?}");
}

#[test]
fn rows_break_between_words_and_wide_letters_anywhere() {
    assert_eq!(shown("one two three", 8), ["one two", "three"]);
    assert_eq!(shown("漢字漢字漢字 ab", 7), ["漢字漢", "字漢字", "ab"]);
    assert_eq!(shown("a 👩\u{200d}🚀👩\u{200d}🚀 b", 5), ["a 👩\u{200d}🚀", "👩\u{200d}🚀 b"]);
    assert_eq!(shown("abcdefghij", 4), ["abcd", "efgh", "ij"]);
}

#[test]
fn nothing_that_a_terminal_obeys_comes_through() {
    let rows = shown("a\x1b]52;c;eA==\x07 b\n\n```sh\necho \x1b[2J\r\n```\n\u{202e}evil", 40);
    assert!(rows.iter().all(|row| !row.chars().any(char::is_control)), "{rows:?}");
    assert!(rows.concat().contains("^[[2J") && rows.concat().contains("<U+202E>"), "{rows:?}");
}

#[test]
fn code_has_the_terminals_own_colours() {
    use ratatui::style::Color;
    let theme = Theme::terminal();
    let look = Look { theme: &theme, glyphs: &UNICODE };
    let document = Document::whole("```rust\n// note\nlet x = \"text\";\n```", 40, look);
    let colours = |row: usize| {
        document
            .row(row)
            .map(|line| line.spans.iter().map(|span| span.style.fg).collect::<Vec<_>>())
            .unwrap_or_default()
    };
    assert!(colours(0).contains(&Some(Color::DarkGray)));
    assert!(colours(1).contains(&Some(Color::Green)) && colours(1).contains(&Some(Color::Magenta)));
    let plain = Theme::plain();
    let document = Document::whole("```rust\nlet x = 1;\n```", 40, Look { theme: &plain, glyphs: &UNICODE });
    assert!(document.row(0).is_some_and(|line| line.spans.iter().all(|span| span.style.fg.is_none())));
}

#[test]
fn a_text_of_one_endless_line_is_cut_where_it_gets_too_long() {
    let text = "word ".repeat(20_000);
    let theme = Theme::terminal();
    let look = Look { theme: &theme, glyphs: &UNICODE };
    let mut document = Document::new(79);
    for piece in text.as_bytes().chunks(7) {
        document.push(std::str::from_utf8(piece).unwrap_or_default(), look);
        assert!(document.splitter.open().len() < 17 << 10);
    }
    document.finish(look);
    assert_eq!(text_of(&document), shown(&text, 79));
}

/// Lines that begin, go on with and end blocks.
fn line() -> impl Strategy<Value = String> {
    let kinds = prop_oneof![
        Just(String::new()),
        Just("```rust".to_owned()),
        Just("```".to_owned()),
        Just("  ```".to_owned()),
        Just("~~~".to_owned()),
        Just("- item".to_owned()),
        Just("  - nested `code`".to_owned()),
        Just("12. number".to_owned()),
        Just("   of it".to_owned()),
        Just("    far in".to_owned()),
        Just("# head".to_owned()),
        Just("> quote".to_owned()),
        Just("| a | b |".to_owned()),
        Just("|---|:-:|".to_owned()),
        Just("---".to_owned()),
        Just("===".to_owned()),
        Just("<b>html</b>".to_owned()),
        Just("[link](http://x.test) **bold".to_owned()),
        Just("漢字 \x1b[31m\tred 👩\u{200d}🚀".to_owned()),
        "[ -~]{0,60}",
    ];
    kinds
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// However it comes in, and however often it was drawn on the way, the end is the same; what was settled never moves; no row is
    /// wider than it may be.
    #[test]
    fn pieces_give_the_same_rows_as_the_whole(
        lines in proptest::collection::vec(line(), 0..24),
        cuts in proptest::collection::vec(1_usize..40, 1..20),
        width in 6_usize..60,
    ) {
        let text = lines.join("\n");
        let theme = Theme::terminal();
        let look = Look { theme: &theme, glyphs: &UNICODE };
        let whole = Document::whole(&text, width, look);
        let mut document = Document::new(width);
        let (mut rest, mut turn) = (text.as_str(), 0);
        let mut before: Vec<String> = Vec::new();
        while !rest.is_empty() {
            let mut at = cuts[turn % cuts.len()].min(rest.len());
            while !rest.is_char_boundary(at) {
                at += 1;
            }
            let (piece, more) = rest.split_at(at);
            document.push(piece, look);
            document.refresh(look);
            let settled: Vec<String> = document.settled.iter().map(ToString::to_string).collect();
            prop_assert!(settled.starts_with(&before));
            before = settled;
            (rest, turn) = (more, turn + 1);
        }
        document.finish(look);
        prop_assert_eq!(&document.settled, &whole.settled);
        for row in &whole.settled {
            prop_assert!(row.width() <= width.max(12), "{row:?}");
        }
    }
}
