//! The board as pictures: what stands in a buffer, as an SVG file.

use std::{fmt::Write as _, fs, io, path::Path, time::Duration};

use jiff::tz::TimeZone;
use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::Buffer,
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr as _;

use crate::{domain::id::Seq, protocol::frame::Frame, state::board::State};

use super::{
    card::STILL,
    fixture,
    glyphs::UNICODE,
    layout::Layout,
    options::Options,
    theme::Theme,
    ui::{Clock, Effect, Ui},
    update, view,
};

const CELL: (f32, f32) = (8.4, 18.0);
const MARGIN: f32 = 10.0;

/// Draws the board as it would stand on a screen of `ui.size`.
pub fn buffer(ui: &Ui, state: &State) -> Buffer {
    let backend = TestBackend::new(ui.size.0, ui.size.1);
    let Ok(mut terminal) = Terminal::new(backend);
    let Ok(_) = terminal.draw(|frame| view::draw(frame, ui, state));
    terminal.backend().buffer().clone()
}

/// The board as an SVG file.
pub fn picture(ui: &Ui, state: &State) -> String {
    svg(&buffer(ui, state))
}

/// The story's board on a screen of this size, everything read that it shows, the approval card armed.
pub fn story(options: Options, size: (u16, u16)) -> (Ui, State) {
    let mut state = State::default();
    let records = fixture::records();
    let clock = Clock { wall: fixture::now(), mono: Duration::from_secs(1) };
    let mut ui = Ui::new(options, size, clock);
    let newest = records.last().map(|record| record.seq).unwrap_or_default();
    let hello = Frame::Hello { version: "0.1.0".into(), pid: 4711, seq: newest, since: Seq(0), owner: String::new() };
    update::hear(&mut ui, &state, hello);
    for record in &records {
        state.apply(record);
    }
    update::hear(&mut ui, &state, Frame::Records(records));
    let test = crate::domain::id::JobKey::from("test");
    super::select::choose_job(&mut ui, &state, crate::domain::id::RunId(41), &test);
    read_all(&mut ui, &state);
    let on_screen = Layout::of(&ui).shows_card(&ui);
    ui.card.was_drawn(on_screen, ui.clock.mono);
    ui.clock.mono += STILL;
    (ui, state)
}

/// Answers everything that the board asks for, until it asks no more.
pub fn read_all(ui: &mut Ui, state: &State) {
    for _ in 0..16 {
        let effects = update::settle(ui, state);
        if effects.is_empty() {
            break;
        }
        perform(ui, state, effects);
    }
}

/// Answers queries from the story; commands go nowhere.
pub fn perform(ui: &mut Ui, state: &State, effects: Vec<Effect>) {
    for effect in effects {
        if let Effect::Query(query, purpose) = effect {
            let more = update::reply::reply(ui, state, purpose, fixture::answer(&query));
            perform(ui, state, more);
        }
    }
}

/// Writes the pictures of the documentation into a directory: the board at three sizes.
pub fn write_all(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for size in [(80, 24), (120, 36), (200, 50)] {
        let options = Options {
            theme: Theme::terminal(),
            glyphs: &UNICODE,
            zone: TimeZone::UTC,
            root: Some("/home/deniz/acme-api".into()),
            ..Options::default()
        };
        let (ui, state) = story(options, size);
        fs::write(directory.join(format!("board-{}x{}.svg", size.0, size.1)), picture(&ui, &state))?;
    }
    Ok(())
}

/// What stands in a buffer, as an SVG file.
pub fn svg(buffer: &Buffer) -> String {
    let area = buffer.area;
    let (width, height) = (area.width as f32 * CELL.0 + 2.0 * MARGIN, area.height as f32 * CELL.1 + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n\
         <g font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\" \
         xml:space=\"preserve\">\n"
    );
    for y in area.top()..area.bottom() {
        let mut x = area.left();
        while x < area.right() {
            let first = &buffer[(x, y)];
            let look = Look::of(first);
            let mut text = String::new();
            let from = x;
            while x < area.right() && Look::of(&buffer[(x, y)]) == look {
                let symbol = buffer[(x, y)].symbol();
                text.push_str(symbol);
                x += (symbol.width() as u16).max(1);
            }
            run(&mut out, &look, &text, from, x - from, y);
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

const BACKGROUND: &str = "#16181a";
const FOREGROUND: &str = "#d4d7d6";

/// How a cell looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    front: Color,
    back: Color,
    modifier: Modifier,
}

impl Look {
    fn of(cell: &ratatui::buffer::Cell) -> Self {
        Self { front: cell.fg, back: cell.bg, modifier: cell.modifier }
    }
}

fn run(out: &mut String, look: &Look, text: &str, x: u16, columns: u16, y: u16) {
    let (mut front, mut back) = (hex(look.front, FOREGROUND), hex(look.back, BACKGROUND));
    if look.modifier.contains(Modifier::REVERSED) {
        std::mem::swap(&mut front, &mut back);
    }
    let (left, top) = (MARGIN + f32::from(x) * CELL.0, MARGIN + f32::from(y) * CELL.1);
    let width = f32::from(columns) * CELL.0;
    if back != BACKGROUND {
        let _ = writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{}\" fill=\"{back}\"/>",
            CELL.1
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let bold = if look.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let under = if look.modifier.contains(Modifier::UNDERLINED) { " text-decoration=\"underline\"" } else { "" };
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let base = top + CELL.1 * 0.75;
    let _ = writeln!(
        out,
        "<text x=\"{left:.1}\" y=\"{base:.1}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{front}\"{bold}{under}>{text}</text>"
    );
}

/// A colour of the sixteen as a quiet terminal shows it.
fn hex(color: Color, default: &'static str) -> String {
    match color {
        Color::Reset => default,
        Color::Black => "#1d1f21",
        Color::Red => "#cc6666",
        Color::Green => "#b5bd68",
        Color::Yellow => "#f0c674",
        Color::Blue => "#81a2be",
        Color::Magenta => "#b294bb",
        Color::Cyan => "#8abeb7",
        Color::Gray => "#c5c8c6",
        Color::DarkGray => "#707880",
        Color::LightRed => "#ff7b72",
        Color::LightGreen => "#d6e685",
        Color::LightYellow => "#ffe08a",
        Color::LightBlue => "#a5c8ff",
        Color::LightMagenta => "#d2a8ff",
        Color::LightCyan => "#a5f3ec",
        Color::White => "#ffffff",
        Color::Rgb(r, g, b) => return format!("#{r:02x}{g:02x}{b:02x}"),
        Color::Indexed(n) => return format!("#{n:02x}{n:02x}{n:02x}"),
    }
    .to_owned()
}
