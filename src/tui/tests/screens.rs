//! What the screens look like.

use crate::tui::{
    glyphs::{ASCII, UNICODE},
    options::Options,
    picture,
    theme::Theme,
    ui::{Clock, Ui},
};
use crate::{domain::id::Seq, protocol::frame::Frame, state::board::State};

use super::{board, options, press, screen};

const SIZES: [(u16, u16); 6] = [(40, 10), (60, 15), (80, 24), (84, 46), (120, 36), (200, 50)];

pub(super) fn show(name: &str, text: &str) {
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn the_board_at_every_size_and_in_both_glyph_sets() {
    for size in SIZES {
        for (name, glyphs) in [("unicode", &UNICODE), ("ascii", &ASCII)] {
            let (ui, state) = picture::story(options(glyphs), size);
            let text = screen(&ui, &state);
            show(&format!("board-{}x{}-{name}", size.0, size.1), &text);
            if name == "ascii" {
                let foreign: String = text.chars().filter(|c| !c.is_ascii() && !"漢字".contains(*c)).collect();
                assert_eq!(foreign, "", "{size:?}");
            }
        }
    }
}

#[test]
fn help_palette_and_questions() {
    let (mut ui, state) = board((80, 24));
    press(&mut ui, &state, &["?"]);
    show("help-80x24", &screen(&ui, &state));
    press(&mut ui, &state, &["esc", ":", "r", "e", "t"]);
    show("palette-80x24", &screen(&ui, &state));
    press(&mut ui, &state, &["esc", "2", "x"]);
    show("stop-80x24", &screen(&ui, &state));
    press(&mut ui, &state, &["esc", "X", "4"]);
    show("kill-80x24", &screen(&ui, &state));
    let (mut ui, state) = board((200, 50));
    press(&mut ui, &state, &["?"]);
    show("help-200x50", &screen(&ui, &state));
}

#[test]
fn the_card() {
    for size in [(40, 10), (60, 15), (80, 24), (84, 46)] {
        let (mut ui, state) = board(size);
        press(&mut ui, &state, &["!"]);
        show(&format!("card-waiting-{}x{}", size.0, size.1), &screen(&ui, &state));
    }
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &["!", "!"]);
    arm(&mut ui);
    show("card-armed-120x36", &screen(&ui, &state));
    press(&mut ui, &state, &["f", "}", "space"]);
    arm(&mut ui);
    show("card-full-120x36", &screen(&ui, &state));
    press(&mut ui, &state, &["n", "n", "o"]);
    show("no-go-120x36", &screen(&ui, &state));
    let (mut ui, state) = board((200, 50));
    press(&mut ui, &state, &["!", "!", "!"]);
    arm(&mut ui);
    show("card-gate-200x50", &screen(&ui, &state));
}

fn arm(ui: &mut Ui) {
    let now = ui.clock.mono;
    ui.card.was_drawn(true, now);
    ui.clock.mono = now + std::time::Duration::from_secs(1);
}

#[test]
fn logs_searched_wrapped_timed_and_zoomed() {
    let (mut ui, state) = board((80, 24));
    press(&mut ui, &state, &["3", "z", "t", "w", "/", "c", "h", "a", "r", "g", "e", "d", "enter"]);
    show("logs-search-80x24", &screen(&ui, &state));
    press(&mut ui, &state, &["g", "/"]);
    show("logs-field-80x24", &screen(&ui, &state));
}

#[test]
fn the_timeline_zoomed_with_its_cursor() {
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &["4", "z", "left", "left", "left", "left"]);
    show("timeline-120x36", &screen(&ui, &state));
}

#[test]
fn the_tree_opened() {
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &["esc", "2", "g", "j", "j", "j", "j", "j", "j", "space", "k", "space"]);
    show("tree-120x36", &screen(&ui, &state));
}

#[test]
fn where_there_is_nothing_yet_it_says_what_to_press() {
    for (name, caught_up, root) in [("reading", false, true), ("no-run", true, true), ("no-project", true, false)] {
        let options = Options { root: root.then(|| "/home/deniz/new".into()), ..options(&UNICODE) };
        let mut ui = Ui::new(options, (80, 24), Clock::default());
        let state = State::default();
        if caught_up {
            crate::tui::update::hear(
                &mut ui,
                &state,
                Frame::Hello { version: String::new(), pid: 1, seq: Seq(0), since: Seq(0), owner: String::new() },
            );
        }
        show(&format!("empty-{name}-80x24"), &screen(&ui, &state));
    }
}

#[test]
fn without_colours_there_are_none() {
    let options = Options { theme: Theme::plain(), ..options(&UNICODE) };
    let (mut ui, state) = picture::story(options, (120, 36));
    press(&mut ui, &state, &["3", "/", "c", "h", "enter"]);
    let buffer = picture::buffer(&ui, &state);
    let coloured = buffer.content.iter().find(|cell| {
        use ratatui::style::Color::Reset;
        cell.fg != Reset || cell.bg != Reset
    });
    assert_eq!(coloured, None);
}

#[test]
fn the_pictures_in_the_documentation_are_what_the_board_looks_like() {
    let kept = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/pictures"));
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        picture::write_all(kept).unwrap();
    }
    let made = tempfile::tempdir().unwrap();
    picture::write_all(made.path()).unwrap();
    for file in std::fs::read_dir(made.path()).unwrap() {
        let file = file.unwrap();
        let same =
            std::fs::read(file.path()).unwrap() == std::fs::read(kept.join(file.file_name())).unwrap_or_default();
        assert!(same, "docs/pictures/{:?} is out of date: run this test with INSTA_UPDATE=always", file.file_name());
    }
}
