//! Few bytes, and all that was meant on the screen of an emulator.

#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use tui_term::vt100;

use super::*;

const AREA: Rect = Rect { x: 0, y: 0, width: 30, height: 4 };

fn paint(paint: &mut Paint, before: &Buffer, after: &Buffer) -> Vec<u8> {
    let mut out = Vec::new();
    paint.draw(&mut out, AREA.as_size(), before.diff(after).into_iter());
    out
}

fn lines(lines: &[&str]) -> Buffer {
    let mut buffer = Buffer::empty(AREA);
    for (y, line) in lines.iter().enumerate() {
        buffer.set_string(0, y as u16, line, Style::new());
    }
    buffer
}

#[test]
fn few_bytes_do() {
    let mut pen = Paint::default();
    let first = lines(&["abcdef ghijkl"]);
    assert_eq!(paint(&mut pen, &lines(&[]), &first), b"\x1b[1Habcdef ghijkl");
    let second = lines(&["abCdEf ghijkl"]);
    assert_eq!(paint(&mut pen, &first, &second), b"\x1b[1;3HCdE", "what stands between is written again");
    let third = lines(&["XbCdEf ghijkL"]);
    assert_eq!(paint(&mut pen, &second, &third), b"\x1b[1HX\x1b[11CL");
    assert_eq!(paint(&mut pen, &third, &lines(&["X"])), b"\x1b[1;2H            ");
    let full = lines(&["123456789012345678901234567890"]);
    paint(&mut pen, &lines(&["X"]), &full);
    assert_eq!(paint(&mut pen, &full, &lines(&["12345"])), b"\x1b[1;6H\x1b[K");
}

#[test]
fn attributes_change_by_what_is_new() {
    let mut pen = Paint::default();
    let mut buffer = lines(&[]);
    buffer.set_string(0, 0, "a", Style::new().red());
    buffer.set_string(1, 0, "b", Style::new().red().bold());
    buffer.set_string(2, 0, " ", Style::new().green());
    buffer.set_string(3, 0, "c", Style::new().on_light_blue());
    assert_eq!(paint(&mut pen, &lines(&[]), &buffer), b"\x1b[1H\x1b[31ma\x1b[1mb \x1b[0;104mc\x1b[m");
}

fn cells() -> impl Strategy<Value = Buffer> {
    let symbol = prop::sample::select(vec![" ", " ", " ", "a", "b", "é", "│", "9"]);
    let style = (0..6_u8, 0..4_u8, 0..16_u8).prop_map(|(fg, bg, modifier)| {
        let colours =
            [Color::Reset, Color::Red, Color::LightCyan, Color::Indexed(200), Color::Rgb(1, 2, 3), Color::DarkGray];
        let modifiers = [Modifier::BOLD, Modifier::REVERSED, Modifier::UNDERLINED, Modifier::ITALIC];
        let mut all = Modifier::empty();
        for (bit, flag) in modifiers.into_iter().enumerate() {
            all.set(flag, modifier == 1 << bit);
        }
        Style::new().fg(colours[usize::from(fg)]).bg(colours[usize::from(bg)]).add_modifier(all)
    });
    let run = (prop::collection::vec(symbol, 1..4), style, 1..12_usize);
    prop::collection::vec(run, 0..30).prop_map(|runs| {
        let mut buffer = Buffer::empty(AREA);
        let (mut x, mut y) = (0, 0);
        for (symbols, style, times) in runs {
            for symbol in symbols.iter().cycle().take(times) {
                let width = symbol.width() as u16;
                if x + width > AREA.width {
                    (x, y) = (0, y + 1);
                }
                if y < AREA.height {
                    buffer.set_string(x, y, symbol, style);
                }
                x += width;
            }
        }
        buffer
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_terminal_shows_what_was_meant(buffers in prop::collection::vec(cells(), 1..5)) {
        let mut pen = Paint::default();
        let mut gradual = vt100::Parser::new(AREA.height, AREA.width, 0);
        let mut before = Buffer::empty(AREA);
        for buffer in buffers {
            gradual.process(&paint(&mut pen, &before, &buffer));
            before = buffer;
        }
        let mut whole = vt100::Parser::new(AREA.height, AREA.width, 0);
        for y in 0..AREA.height {
            for x in 0..AREA.width {
                let cell = &before[(x, y)];
                // One cell at a time, with all that is said about it.
                if x > 0 && before[(x - 1, y)].symbol().width() == 2 {
                    continue;
                }
                let mut out = Vec::new();
                let mut pen = Paint { size: AREA.as_size(), stands: vec![Some(Cell::default()); 120], ..Paint::default() };
                pen.cell(&mut out, x, y, cell);
                pen.pen(&mut out, Pen::default());
                whole.process(&out);
            }
        }
        for y in 0..AREA.height {
            for x in 0..AREA.width {
                let (is, meant) = (gradual.screen().cell(y, x).unwrap(), whole.screen().cell(y, x).unwrap());
                let blank = |cell: &vt100::Cell| cell.contents().trim().is_empty();
                prop_assert_eq!(is.contents().trim(), meant.contents().trim(), "at {} {}", x, y);
                prop_assert_eq!(is.bgcolor(), meant.bgcolor(), "at {} {}", x, y);
                prop_assert_eq!((is.inverse(), is.underline()), (meant.inverse(), meant.underline()), "at {} {}", x, y);
                if !blank(is) {
                    prop_assert_eq!((is.fgcolor(), is.bold(), is.italic()), (meant.fgcolor(), meant.bold(), meant.italic()));
                }
            }
        }
    }
}
