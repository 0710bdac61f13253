//! What keys do; and that no key at no size ever breaks anything.

use proptest::prelude::*;

use crate::{
    config::keymap::Keymap,
    domain::{
        actor::{Actor, Trigger},
        id::{ProjectId, RunId},
    },
    protocol::{
        command::{Command, Refusal, Retry},
        event::{Cause, Event, Record, RunEvent},
        frame::Link,
    },
    tui::{
        tree::Node,
        ui::{Effect, Overlay, Pane},
        view,
    },
};

use super::{board, press, screen};

#[test]
fn enter_on_a_moment_moves_every_pane_there() {
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &["4", "left", "left", "left", "enter"]);
    assert_eq!(ui.focus, Pane::Logs);
    let output = ui.log.output.clone().unwrap();
    assert_eq!(ui.runs.chosen, Some(Node::Job(RunId(41), output.job.clone())));
    assert!(ui.log.mark.is_some() && !ui.log.follow);
}

#[test]
fn errors_are_stepped_through_and_begin_again_at_the_top() {
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &["3", "g", "e"]);
    assert_eq!(ui.log.mark, Some(367));
    press(&mut ui, &state, &["e", "e", "e"]);
    assert_eq!(ui.log.mark, Some(380));
    press(&mut ui, &state, &["e", "e"]);
    assert_eq!(ui.log.mark, Some(367));
    assert!(screen(&ui, &state).contains("from the beginning again"));
    press(&mut ui, &state, &["E"]);
    assert_eq!(ui.log.mark, Some(382));
}

#[test]
fn a_search_goes_both_ways_and_says_how_many() {
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &["3", "g", "/", "c", "a", "s", "e", "_", "0", "1", "enter"]);
    assert_eq!((ui.log.mark, ui.log.search.as_ref().unwrap().hits), (Some(10), Some((10, false))));
    press(&mut ui, &state, &["n", "n", "N"]);
    assert_eq!(ui.log.mark, Some(11));
    press(&mut ui, &state, &["/", "(", "enter"]);
    assert!(screen(&ui, &state).contains("no regular expression"));
}

#[test]
fn what_destroys_asks_and_what_does_not_is_sent() {
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &["esc", "esc", "esc", "2"]);
    let effects = press(&mut ui, &state, &["r"]);
    let job = "test".into();
    assert!(matches!(&effects[0], Effect::Command(Command::Retry { what: Retry::Job { job: j }, .. }, _) if *j == job));
    press(&mut ui, &state, &["X", "4", "2", "enter"]);
    assert!(screen(&ui, &state).contains("that was not `41`: nothing was done"));
    let effects = press(&mut ui, &state, &["X", "4", "1", "enter"]);
    assert_eq!(effects.len(), 2, "asked for twice, nothing is waited for");
    press(&mut ui, &state, &["u"]);
    assert!(screen(&ui, &state).contains("nothing to undo"));
}

#[test]
fn leaving_says_what_it_would_end_where_it_would_end_something() {
    let (mut ui, state) = board((120, 36));
    assert!(matches!(press(&mut ui, &state, &["q"]).as_slice(), [Effect::Leave(_)]));
    ui.options.in_process = true;
    assert!(press(&mut ui, &state, &["q"]).is_empty());
    assert!(screen(&ui, &state).contains("1 run is under way: it ends when you leave."));
    press(&mut ui, &state, &["n"]);
    ui.options.in_process = false;
    assert!(press(&mut ui, &state, &["ctrl-c"]).is_empty());
    assert_eq!(press(&mut ui, &state, &["ctrl-c"]).len(), 1);
}

#[test]
fn a_refusal_stands_at_the_bottom_until_the_next_key() {
    let (mut ui, state) = board((120, 36));
    let purpose = crate::tui::ui::Purpose::Say("done".into());
    let refusal = Refusal::new("run 41 is still running").hint("stop it first");
    crate::tui::update::reply::reply(&mut ui, &state, purpose, Err(refusal));
    assert!(screen(&ui, &state).contains("✗ run 41 is still running  hint: stop it first"));
    press(&mut ui, &state, &["j"]);
    assert!(!screen(&ui, &state).contains("stop it first"));
}

#[test]
fn the_palette_finds_jobs_and_runs() {
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &[":", "3", "9", "/", "b", "u", "enter"]);
    assert_eq!(ui.runs.chosen, Some(Node::Job(RunId(39), "build".into())));
    press(&mut ui, &state, &[":", "w", "e", "b", "enter"]);
    assert_eq!(ui.run(), Some(RunId(38)));
    press(&mut ui, &state, &[":", "h", "e", "l", "p", "enter"]);
    assert!(matches!(ui.overlay, Some(Overlay::Help { .. })));
}

#[test]
fn a_job_without_output_says_why_instead_of_showing_another_ones() {
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &["esc", "2", "g", "j", "j", "j"]);
    assert_eq!(ui.runs.chosen, Some(Node::Job(RunId(41), "docs".into())));
    assert_eq!(ui.log.output, None);
    assert!(screen(&ui, &state).contains("not run: nothing that it depends on has changed"));
    press(&mut ui, &state, &["j", "j", "j", "j"]);
    assert!(screen(&ui, &state).contains("waits for test, e2e"));
}

#[test]
fn a_run_that_was_refused_says_why_and_what_to_do() {
    let (mut ui, mut state) = board((120, 36));
    let run = RunId(42);
    let requested = RunEvent::Requested {
        project: ProjectId(1),
        pipeline: None,
        jobs: Vec::new(),
        trigger: Trigger::Manual,
        by: Actor::Person("deniz".into()),
    };
    let error = "gonogo.toml:3:1: there is no `step`\n3 | step = 1\n  | ^^^^".to_owned();
    let refused = RunEvent::Refused { error, hint: Some("did you mean `steps`?".into()) };
    for event in [requested, refused] {
        let event = Event::Run { run, event };
        let record = Record { seq: state.seq.next(), at: crate::tui::fixture::now(), cause: Cause::Control, event };
        state.apply(&record);
    }
    ui.runs.pinned = false;
    ui.log.pinned = false;
    crate::tui::update::hear(&mut ui, &state, crate::protocol::frame::Frame::Records(Vec::new()));
    let shown = screen(&ui, &state);
    assert!(shown.contains("  | ^^^^") && shown.contains("hint: did you mean `steps`?"), "{shown}");
    assert!(shown.contains("refused") && shown.contains("└ gonogo.toml:3:1"), "{shown}");
}

/// `docs/keys.md` is made from the table.
#[test]
fn the_documented_keys_are_the_keys() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/keys.md");
    let made = view::help::markdown(&Keymap::default());
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(path, &made).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == made, "docs/keys.md is not what the table says: run this test with INSTA_UPDATE=always");
}

const KEYS: &[&str] = &[
    "j",
    "k",
    "h",
    "l",
    "g",
    "G",
    "J",
    "K",
    "tab",
    "backtab",
    "1",
    "2",
    "3",
    "4",
    "5",
    "z",
    "?",
    ":",
    "/",
    "n",
    "N",
    "!",
    "S",
    "r",
    "A",
    "x",
    "X",
    "y",
    "u",
    "f",
    "w",
    "t",
    "e",
    "E",
    "space",
    "enter",
    "esc",
    "{",
    "}",
    "ctrl-c",
    "ctrl-d",
    "ctrl-u",
    "page-down",
    "page-up",
    "backspace",
    "left",
    "right",
    "漢",
    "a",
    "W",
    "#",
    "@",
    "R",
    "q",
    "4",
    "1",
];

fn size() -> impl Strategy<Value = (u16, u16)> {
    prop_oneof![
        (0_u16..12, 0_u16..8),
        (0_u16..90, 0_u16..30),
        (0_u16..260, 0_u16..70),
        Just((80, 24)),
        Just((120, 36)),
        Just((200, 50)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// 40 boards of 60 to 100 steps: at least 2,400 keys, each drawn, at sizes from 0x0 up.
    #[test]
    fn no_key_at_no_size_breaks_anything(steps in proptest::collection::vec((0..KEYS.len(), proptest::option::weighted(0.2, size())), 60..100)) {
        let (mut ui, state) = super::away::with_past((80, 24), 40);
        for (key, size) in steps {
            // Now and then the connection goes and comes.
            let frame = match key % 9 {
                0 => Some(Link::Lost { why: "the connection was cut".into(), tries: 2, next_ms: 1 }),
                1 => Some(Link::Up),
                _ => None,
            };
            if let Some(link) = frame {
                crate::tui::update::hear(&mut ui, &state, crate::protocol::frame::Frame::Link(link));
            }
            if let Some(size) = size {
                ui.size = size;
            }
            ui.clock.mono += std::time::Duration::from_millis(120);
            press(&mut ui, &state, &[KEYS[key]]);
            crate::tui::picture::read_all(&mut ui, &state);
            let _ = crate::tui::picture::buffer(&ui, &state);
            let on_screen = crate::tui::layout::Layout::of(&ui).shows_card(&ui) && ui.overlay.is_none();
            let now = ui.clock.mono;
            ui.card.was_drawn(on_screen, now);
        }
    }
}

#[test]
fn the_board_goes_over_to_the_run_that_follows_repairs_once() {
    use crate::{
        domain::actor::{Actor, Trigger},
        protocol::event::{Cause, Event, Record, RunEvent},
        tui::{select, tree::Node},
    };
    let (mut ui, mut state) = board((120, 36));
    let looked_at = ui.run().unwrap();
    ui.runs.chosen = Some(Node::Run(looked_at));
    ui.runs.pinned = true;
    let next = state.next_run();
    let project = state.runs[&looked_at].project;
    let trigger = Trigger::AfterRepair { run: looked_at, proposals: Vec::new() };
    let event = RunEvent::Requested { project, pipeline: None, jobs: Vec::new(), trigger, by: Actor::Policy };
    let record =
        Record { seq: state.seq.next(), at: state.at, cause: Cause::Control, event: Event::Run { run: next, event } };
    state.apply(&record);
    select::refresh(&mut ui, &state);
    assert_eq!(ui.run(), Some(next));
    ui.runs.chosen = Some(Node::Run(looked_at));
    ui.runs.pinned = true;
    select::refresh(&mut ui, &state);
    assert_eq!(ui.run(), Some(looked_at), "whoever goes back stays there");
}
