//! Cells as bytes, and as few of them as it takes: short moves, only the attributes that change, blanks that are cleared
//! instead of written.

use std::io::Write as _;

use ratatui::{
    buffer::Cell,
    layout::Size,
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr as _;

/// So many blanks and more are cleared: moving over them costs as much as fewer.
const BLANKS: u16 = 10;
/// Cells that stand already are written again rather than moved over, up to so many.
const GAP: u16 = 3;

/// What is known of the terminal's pen, and of what stands there.
#[derive(Debug, Default)]
pub(super) struct Paint {
    /// Where the cursor is.
    at: Option<(u16, u16)>,
    /// Colours and attributes that are in force.
    pen: Pen,
    size: Size,
    /// What stands on the screen; nothing where the other half of a wide character does.
    stands: Vec<Option<Cell>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

impl Default for Pen {
    fn default() -> Self {
        Self { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() }
    }
}

impl Pen {
    fn of(cell: &Cell) -> Self {
        Self { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
    }

    fn shows_on_blanks(self) -> bool {
        let seen = Modifier::REVERSED | Modifier::UNDERLINED | Modifier::CROSSED_OUT;
        self.bg != Color::Reset || self.modifier.intersects(seen)
    }
}

/// A blank without colour or line: it looks the same whatever the letters' colour is.
fn is_blank(cell: &Cell) -> bool {
    cell.symbol() == " " && !Pen::of(cell).shows_on_blanks()
}

impl Paint {
    /// Nothing is known any more.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The cursor is elsewhere now.
    pub(super) fn cursor_was_moved(&mut self) {
        self.at = None;
    }

    /// Draws the cells that have changed, row by row.
    pub(super) fn draw<'a>(
        &mut self,
        out: &mut Vec<u8>,
        size: Size,
        cells: impl Iterator<Item = (u16, u16, &'a Cell)>,
    ) {
        if self.size != size {
            self.size = size;
            // A screen that nothing is known of has been cleared.
            self.stands = vec![Some(Cell::default()); usize::from(size.width) * usize::from(size.height)];
        }
        // Blanks that have not been drawn yet: where they begin, how many.
        let mut blanks: Option<(u16, u16, u16)> = None;
        for (x, y, cell) in cells {
            self.stand(x, y, cell);
            let follows = blanks.is_some_and(|(from, row, count)| row == y && from + count == x);
            match &mut blanks {
                Some((_, _, count)) if follows && is_blank(cell) => *count += 1,
                _ => {
                    self.blanks(out, blanks.take());
                    if is_blank(cell) {
                        blanks = Some((x, y, 1));
                    } else {
                        self.cell(out, x, y, cell);
                    }
                }
            }
        }
        self.blanks(out, blanks);
        // Whoever writes next finds the pen as it should be.
        self.pen(out, Pen::default());
    }

    fn stand(&mut self, x: u16, y: u16, cell: &Cell) {
        let width = cell.symbol().width().max(1);
        let index = usize::from(y) * usize::from(self.size.width) + usize::from(x);
        if x < self.size.width
            && let Some(place) = self.stands.get_mut(index)
        {
            *place = Some(cell.clone());
            // The other half of a wide character is no cell of its own.
            self.stands.iter_mut().skip(index + 1).take(width - 1).for_each(|half| *half = None);
        }
    }

    fn cell(&mut self, out: &mut Vec<u8>, x: u16, y: u16, cell: &Cell) {
        self.go(out, x, y);
        self.pen(out, Pen::of(cell));
        out.extend(cell.symbol().as_bytes());
        // How far others than plain characters move the cursor is known to the terminal alone; and at the edge it stays.
        let known = cell.symbol().width() == 1 && x + 1 < self.size.width;
        self.at = known.then_some((x + 1, y));
    }

    fn blanks(&mut self, out: &mut Vec<u8>, blanks: Option<(u16, u16, u16)>) {
        let Some((x, y, count)) = blanks else { return };
        self.go(out, x, y);
        let to_the_edge = x + count >= self.size.width;
        if to_the_edge && count > 3 || count >= BLANKS {
            self.pen(out, Pen::default());
            if to_the_edge {
                out.extend(b"\x1b[K");
            } else {
                let _ = write!(out, "\x1b[{count}X");
            }
            return;
        }
        if self.pen.shows_on_blanks() {
            self.pen(out, Pen::default());
        }
        out.extend(std::iter::repeat_n(b' ', usize::from(count)));
        self.at = (!to_the_edge).then_some((x + count, y));
    }

    /// Moves the cursor.
    fn go(&mut self, out: &mut Vec<u8>, x: u16, y: u16) {
        match self.at {
            Some((at, row)) if row == y && at == x => {}
            Some((at, row)) if row == y && at < x && x - at <= GAP && self.again(at, x, y).is_some() => {
                out.extend(self.again(at, x, y).unwrap_or_default());
            }
            Some((at, row)) if row == y && at < x => {
                let _ = match x - at {
                    1 => write!(out, "\x1b[C"),
                    by => write!(out, "\x1b[{by}C"),
                };
            }
            _ => {
                let _ = if x == 0 { write!(out, "\x1b[{}H", y + 1) } else { write!(out, "\x1b[{};{}H", y + 1, x + 1) };
            }
        }
        self.at = Some((x, y));
    }

    /// What stands between two places, if it can be written again as it is with this pen.
    fn again(&self, from: u16, to: u16, y: u16) -> Option<Vec<u8>> {
        (from..to)
            .map(|x| {
                let index = usize::from(y) * usize::from(self.size.width) + usize::from(x);
                let cell = self.stands.get(index)?.as_ref()?;
                let same = Pen::of(cell) == self.pen || is_blank(cell) && !self.pen.shows_on_blanks();
                match cell.symbol().as_bytes() {
                    [byte @ b' '..=b'~'] if same => Some(*byte),
                    _ => None,
                }
            })
            .collect()
    }

    /// Changes colours and attributes, as far as they are others.
    fn pen(&mut self, out: &mut Vec<u8>, pen: Pen) {
        let old = self.pen;
        if old == pen {
            return;
        }
        self.pen = pen;
        if pen == Pen::default() {
            out.extend(b"\x1b[m");
            return;
        }
        let mut codes = String::new();
        // Attributes are taken away all at once: few are in force at a time.
        let old = if pen.modifier.contains(old.modifier) {
            old
        } else {
            codes.push_str("0;");
            Pen::default()
        };
        for modifier in (pen.modifier - old.modifier).iter() {
            codes.push_str(match modifier {
                Modifier::BOLD => "1;",
                Modifier::DIM => "2;",
                Modifier::ITALIC => "3;",
                Modifier::UNDERLINED => "4;",
                Modifier::SLOW_BLINK => "5;",
                Modifier::RAPID_BLINK => "6;",
                Modifier::REVERSED => "7;",
                Modifier::HIDDEN => "8;",
                Modifier::CROSSED_OUT => "9;",
                _ => "",
            });
        }
        if pen.fg != old.fg {
            colour(&mut codes, pen.fg, 30);
        }
        if pen.bg != old.bg {
            colour(&mut codes, pen.bg, 40);
        }
        let _ = write!(out, "\x1b[{}m", codes.trim_end_matches(';'));
    }
}

/// A colour's codes; `base` is 30 for letters, 40 for what is behind them.
fn colour(codes: &mut String, colour: Color, base: u8) {
    use std::fmt::Write as _;
    let _ = match colour {
        Color::Reset => write!(codes, "{};", base + 9),
        Color::Indexed(index) => write!(codes, "{};5;{index};", base + 8),
        Color::Rgb(r, g, b) => write!(codes, "{};2;{r};{g};{b};", base + 8),
        named => {
            let index = match named {
                Color::Black => 0,
                Color::Red => 1,
                Color::Green => 2,
                Color::Yellow => 3,
                Color::Blue => 4,
                Color::Magenta => 5,
                Color::Cyan => 6,
                Color::Gray => 7,
                Color::DarkGray => 60,
                Color::LightRed => 61,
                Color::LightGreen => 62,
                Color::LightYellow => 63,
                Color::LightBlue => 64,
                Color::LightMagenta => 65,
                Color::LightCyan => 66,
                _ => 67,
            };
            write!(codes, "{};", base + index)
        }
    };
}

#[cfg(test)]
mod tests;
