//! A line of output to spans: its colours (SGR sequences) become styles, tabs become blanks, anything else that is no text goes.

use ratatui::{
    style::{Color, Modifier, Style},
    text::Span,
};
use unicode_width::UnicodeWidthChar as _;

const TAB: usize = 8;

/// The spans of a line. With `colour` false only bold, underlined and the like are kept.
pub fn spans(text: &str, base: Style, colour: bool) -> Vec<Span<'static>> {
    let mut out: Vec<Span<'static>> = Vec::new();
    let mut style = base;
    let mut run = String::new();
    let mut column = 0;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((numbers, after)) = sequence(rest) {
            if !run.is_empty() {
                out.push(Span::styled(std::mem::take(&mut run), style));
            }
            if let Some(numbers) = numbers {
                style = apply(style, base, numbers, colour);
            }
            rest = after;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '\t' => {
                let blanks = TAB - column % TAB;
                run.extend(std::iter::repeat_n(' ', blanks));
                column += blanks;
            }
            c if c.is_control() => {}
            c => {
                column += c.width().unwrap_or(0);
                run.push(c);
            }
        }
    }
    if !run.is_empty() {
        out.push(Span::styled(run, style));
    }
    out
}

/// The text of a line without its colours.
pub fn plain(text: &str) -> String {
    spans(text, Style::new(), false).into_iter().map(|span| span.content.into_owned()).collect()
}

/// An escape sequence at the beginning: its numbers if it is about colours, and what follows it.
fn sequence(text: &str) -> Option<(Option<&str>, &str)> {
    let body = text.strip_prefix("\x1b[")?;
    let end = body.find(|c: char| ('\x40'..='\x7e').contains(&c))?;
    let after = &body[end + 1..];
    Some(((body.as_bytes()[end] == b'm').then_some(&body[..end]), after))
}

fn apply(mut style: Style, base: Style, numbers: &str, colour: bool) -> Style {
    let mut numbers = numbers.split([';', ':']).map(|n| if n.is_empty() { Some(0) } else { n.parse::<u16>().ok() });
    while let Some(number) = numbers.next() {
        let Some(number) = number else { continue };
        style = match number {
            0 => base,
            1 => style.add_modifier(Modifier::BOLD),
            2 => style.add_modifier(Modifier::DIM),
            3 => style.add_modifier(Modifier::ITALIC),
            4 => style.add_modifier(Modifier::UNDERLINED),
            7 => style.add_modifier(Modifier::REVERSED),
            9 => style.add_modifier(Modifier::CROSSED_OUT),
            22 => style.remove_modifier(Modifier::BOLD | Modifier::DIM),
            23 => style.remove_modifier(Modifier::ITALIC),
            24 => style.remove_modifier(Modifier::UNDERLINED),
            27 => style.remove_modifier(Modifier::REVERSED),
            29 => style.remove_modifier(Modifier::CROSSED_OUT),
            38 | 48 => {
                let chosen = extended(&mut numbers);
                match chosen {
                    Some(chosen) if colour && number == 38 => style.fg(chosen),
                    Some(chosen) if colour => style.bg(chosen),
                    _ => style,
                }
            }
            30..=37 | 90..=97 if colour => style.fg(basic(number)),
            40..=47 | 100..=107 if colour => style.bg(basic(number - 10)),
            39 => Style { fg: base.fg, ..style },
            49 => Style { bg: base.bg, ..style },
            _ => style,
        };
    }
    style
}

/// `5;N` or `2;R;G;B`.
fn extended(numbers: &mut impl Iterator<Item = Option<u16>>) -> Option<Color> {
    let mut byte = || numbers.next().flatten().map(|n| n.min(255) as u8);
    match byte()? {
        5 => Some(Color::Indexed(byte()?)),
        2 => Some(Color::Rgb(byte()?, byte()?, byte()?)),
        _ => None,
    }
}

fn basic(number: u16) -> Color {
    const NORMAL: [Color; 8] =
        [Color::Black, Color::Red, Color::Green, Color::Yellow, Color::Blue, Color::Magenta, Color::Cyan, Color::Gray];
    const BRIGHT: [Color; 8] = [
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    match number {
        90..=97 => BRIGHT[usize::from(number - 90)],
        _ => NORMAL[usize::from(number.saturating_sub(30).min(7))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, Style)> {
        spans(text, Style::new(), true).into_iter().map(|s| (s.content.into_owned(), s.style)).collect()
    }

    #[test]
    fn colours_become_styles_and_end_where_they_end() {
        let red = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
        assert_eq!(
            read("a\x1b[1;31merr\x1b[0m b"),
            [("a".into(), Style::new()), ("err".into(), red), (" b".into(), Style::new())]
        );
        assert_eq!(read("\x1b[38;5;208mx")[0].1.fg, Some(Color::Indexed(208)));
        assert_eq!(read("\x1b[38;2;1;2;3mx")[0].1.fg, Some(Color::Rgb(1, 2, 3)));
        assert_eq!(read("\x1b[97mx")[0].1.fg, Some(Color::White));
        assert_eq!(spans("\x1b[31mx", Style::new(), false)[0].style, Style::new());
    }

    #[test]
    fn tabs_are_filled_up_and_other_sequences_vanish() {
        assert_eq!(plain("a\tb"), "a       b");
        assert_eq!(plain("漢\tb"), "漢      b");
        assert_eq!(plain("x\x1b[2Ky\x1b["), "xy[");
        assert_eq!(plain("\x1b[;;m\x1b[38mz\x1b[48;9mz"), "zz");
    }
}
