//! What terminals send, whole and in pieces, and what they should not send.

#![allow(clippy::unwrap_used)]
use crossterm::event::KeyEventKind;
use proptest::prelude::*;

use super::*;
use crate::tui::keyboard::Answer;

fn all(parser: &mut Parser) -> Vec<Heard> {
    std::iter::from_fn(|| parser.pop()).collect()
}

fn read(bytes: &[u8]) -> Vec<Heard> {
    let mut parser = Parser::default();
    parser.feed(bytes);
    parser.rest();
    all(&mut parser)
}

fn key(code: KeyCode, held: KeyModifiers) -> Heard {
    Heard::Event(Event::Key(KeyEvent::new(code, held)))
}

fn plain(code: KeyCode) -> Heard {
    key(code, KeyModifiers::NONE)
}

fn letter(c: char) -> Heard {
    plain(KeyCode::Char(c))
}

fn cursor(row: u32, column: u32) -> Heard {
    Heard::Answer(Answer::Cursor { row, column })
}

#[test]
fn keys_as_terminals_send_them() {
    use KeyCode as K;
    let (none, alt, control, shift) =
        (KeyModifiers::NONE, KeyModifiers::ALT, KeyModifiers::CONTROL, KeyModifiers::SHIFT);
    for (bytes, code, held) in [
        (&b"j"[..], K::Char('j'), none),
        (b"G", K::Char('G'), shift),
        ("ß".as_bytes(), K::Char('ß'), none),
        ("漢".as_bytes(), K::Char('漢'), none),
        ("🚀".as_bytes(), K::Char('🚀'), none),
        (b"\r", K::Enter, none),
        (b"\t", K::Tab, none),
        (b"\x7f", K::Backspace, none),
        (b"\x03", K::Char('c'), control),
        (b"\x1a", K::Char('z'), control),
        (b"\0", K::Char(' '), control),
        (b"\x1b", K::Esc, none),
        (b"\x1bj", K::Char('j'), alt),
        ("\x1bß".as_bytes(), K::Char('ß'), alt),
        (b"\x1b\x03", K::Char('c'), alt | control),
        (b"\x1b[A", K::Up, none),
        (b"\x1bOB", K::Down, none),
        (b"\x1b[1;5C", K::Right, control),
        (b"\x1b[H", K::Home, none),
        (b"\x1b[4~", K::End, none),
        (b"\x1b[5~", K::PageUp, none),
        (b"\x1b[6;2~", K::PageDown, shift),
        (b"\x1b[Z", K::BackTab, shift),
        (b"\x1bOP", K::F(1), none),
        (b"\x1b[[B", K::F(2), none),
        (b"\x1b[15~", K::F(5), none),
        (b"\x1b[24~", K::F(12), none),
        (b"\x1b[34~", K::F(20), none),
        (b"\x1b[27u", K::Esc, none),
        (b"\x1b[99;5u", K::Char('c'), control),
        (b"\x1b[9;2u", K::BackTab, shift),
        (b"\x1b[27;5;106~", K::Char('j'), control),
        (b"\x1b[", K::Char('['), alt),
        (b"\x1bP", K::Char('P'), alt | shift),
        (b"\x1b]", K::Char(']'), alt),
        (b"\x1bO", K::Char('O'), alt | shift),
    ] {
        assert_eq!(read(bytes), [key(code, held)], "{:?}", String::from_utf8_lossy(bytes));
    }
    let release = KeyEvent::new_with_kind(K::Char('a'), none, KeyEventKind::Release);
    assert_eq!(read(b"\x1b[97;1:3u"), [Heard::Event(Event::Key(release))]);
}

#[test]
fn answers_are_told_from_keys() {
    assert_eq!(read(b"\x1b[12;7R"), [cursor(12, 7)]);
    assert_eq!(read(b"\x1b[?62;22c"), [Heard::Answer(Answer::Device)]);
    assert_eq!(read(b"\x1b[?2026;2$y"), [Heard::Answer(Answer::Mode { mode: 2026, state: 2 })]);
    assert_eq!(read(b"\x1b[?5u"), [Heard::Answer(Answer::Keyboard { flags: 5 })]);
    assert_eq!(read(b"a\x1b[3;4Rb\x1b[A"), [letter('a'), cursor(3, 4), letter('b'), plain(KeyCode::Up)]);
    let all_of_it = [letter('j'), plain(KeyCode::Esc), cursor(1, 1), letter('k')];
    assert_eq!(read(b"j\x1b\x1b[1;1Rk"), all_of_it);
}

#[test]
fn what_cannot_be_read_takes_no_key_with_it() {
    for garbage in [
        &b"\x1b[?1;2$R"[..],
        b"\x1b[>41;370;0c",
        b"\x1b[99999999999999999999R",
        b"\x1b[;;;;;;;~",
        b"\x1b]11;rgb:ffff/ffff/ffff\x07",
        b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\",
        b"\x1bP>|kitty(0.40)\x1b\\",
        b"\x1b_Gi=1;OK\x1b\\",
        b"\xff\xfe\xc3",
        b"\x1b[12;",
        b"\x1b[I",
    ] {
        let mut bytes = garbage.to_vec();
        bytes.extend(b"\x1b[Aq");
        assert_eq!(read(&bytes), [plain(KeyCode::Up), letter('q')], "{:?}", String::from_utf8_lossy(garbage));
    }
    let long = [b"\x1b[".to_vec(), b"1;".repeat(500), b"Aq".to_vec()].concat();
    assert_eq!(read(&long), [letter('q')]);
}

#[test]
fn an_alt_key_takes_no_other_with_it() {
    assert_eq!(read(b"\x1bPj"), [key(KeyCode::Char('P'), KeyModifiers::ALT | KeyModifiers::SHIFT), letter('j')]);
    assert_eq!(read(b"\x1b]j"), [key(KeyCode::Char(']'), KeyModifiers::ALT), letter('j')]);
}

#[test]
fn a_string_without_an_end_is_left_behind() {
    let mut parser = Parser::default();
    parser.feed(b"\x1b]52;c;never ends");
    assert_eq!(parser.pending(), Some(Pending::Rest));
    parser.rest();
    parser.feed(b"j");
    assert_eq!(all(&mut parser), [letter('j')]);
}

#[test]
fn pastes_are_text_whatever_is_in_them_and_have_a_limit() {
    let paste = |text: &str| Heard::Event(Event::Paste(text.to_owned()));
    assert_eq!(read(b"\x1b[200~a\x1b[3;4Rq\r\x1b[201~k"), [paste("a\x1b[3;4Rq\r"), letter('k')]);
    let mut parser = Parser::default();
    parser.feed(b"\x1b[200~cut off");
    assert_eq!((all(&mut parser), parser.pending()), (Vec::new(), Some(Pending::Rest)));
    parser.rest();
    assert_eq!(all(&mut parser), [paste("cut off")]);
    let much = [b"\x1b[200~".to_vec(), vec![b'x'; PASTE + 5000], b"\x1b[201~q".to_vec()].concat();
    let heard = read(&much);
    assert_eq!(heard, [paste(&"x".repeat(PASTE)), letter('q')]);
}

/// Pieces that terminals send, and any bytes between them.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        &b"\x1b"[..],
        b"\x1b[",
        b"\x1b[12;3R",
        b"\x1b[?2026;2$y",
        b"\x1b[?62;22c",
        b"\x1b[200~",
        b"\x1b[201~",
        b"\x1b[A",
        b"\x1bO",
        b"\x1bP1",
        b"\x1b]11;",
        b"\x1b\\",
        b"\x07",
        b"j",
        "é漢🚀".as_bytes(),
        b"[[A",
    ]);
    let any = prop::collection::vec(any::<u8>(), 0..6);
    let piece = prop_oneof![3 => known.prop_map(<[u8]>::to_vec), 2 => any];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_cut_anywhere_say_the_same(bytes in bytes(), cuts in prop::collection::vec(0..200_usize, 0..8)) {
        let mut parser = Parser::default();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut heard = Vec::new();
        for cut in cuts.windows(2) {
            parser.feed(&bytes[cut[0]..cut[1]]);
            heard.extend(all(&mut parser));
        }
        parser.rest();
        heard.extend(all(&mut parser));
        prop_assert_eq!(heard, read(&bytes));
        prop_assert_eq!(parser.pending(), None);
    }

    #[test]
    fn after_anything_and_a_pause_keys_are_keys(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut parser = Parser::default();
        parser.feed(&bytes);
        parser.rest();
        all(&mut parser);
        parser.feed(b"q");
        prop_assert_eq!(all(&mut parser), [letter('q')]);
    }
}
