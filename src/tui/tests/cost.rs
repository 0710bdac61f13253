//! Pane 6.

use crate::{
    domain::{
        actor::Actor,
        budget::{Budget, BudgetPolicy, BudgetScope},
        id::{ProjectId, RunId, Seq, ThreadId},
        price::MinutePrice,
        talk::{ModelName, Stop},
        time::{Millis, Timestamp},
        usage::{NanoUsd, Usage},
    },
    protocol::{
        event::{Cause, ControlEvent, Event, Record},
        frame::Frame,
        thread::{About, CallEnd, ModelCall, ThreadEvent},
    },
    state::board::State,
    tui::{
        fixture,
        glyphs::{ASCII, Glyphs, UNICODE},
        options::Options,
        picture,
        theme::Theme,
        ui::{Pane, Ui},
        update,
    },
};

use super::{board, options, press, screen, screens::show};

fn record(state: &mut State, at: Timestamp, event: Event) {
    let record = Record { seq: Seq(state.seq.0 + 1), at, cause: Cause::Control, event };
    state.apply(&record);
}

/// What agents have done in the last weeks: a call a day of each, dearer every day.
fn spent(state: &mut State) {
    let agents = [
        (1, 1, "engineer", ("anthropic", "claude-opus-5-5"), Some(37_000_000)),
        (2, 2, "reviewer", ("anthropic", "claude-haiku-5-5"), Some(1_200_000)),
        (3, 1, "operator", ("work", "our-own-model-with-a-long-name"), None),
    ];
    let talk = |state: &mut State, at, thread, event| {
        record(state, at, Event::Thread { thread: ThreadId(thread), event: Box::new(event) });
    };
    for (id, project, role, _, _) in agents {
        let opened = ThreadEvent::Opened {
            project: Some(ProjectId(project)),
            about: About { run: Some(RunId(41)), ..About::default() },
            role: role.into(),
            title: "mend the tests".into(),
            by: Actor::Policy,
        };
        talk(state, fixture::now(), id, opened);
    }
    for ago in (0..12_u64).rev() {
        for (id, _, _, (provider, model), cost) in agents {
            let call = ModelCall {
                model: ModelName { provider: provider.into(), model: model.into() },
                usage: Usage { input: 12_000 + ago * 900, output: 1_500, ..Usage::default() },
                cost: cost.map(|nano: u64| NanoUsd(nano * (14 - ago))),
                priced_by: String::new(),
                first: Millis(400),
                took: Millis(9_000),
                retries: 0,
                end: CallEnd::Answered { stop: Stop::Done },
            };
            let at = fixture::now() - jiff::SignedDuration::from_hours(24 * ago as i64);
            talk(state, at, id, ThreadEvent::Called { turn: 1, call: Box::new(call) });
        }
    }
}

fn priced(glyphs: &'static Glyphs) -> Options {
    let budget = |scope, warn: Option<u64>, stop: Option<u64>| Budget {
        scope,
        warn: warn.map(NanoUsd::from_cents),
        stop: stop.map(NanoUsd::from_cents),
    };
    let budgets = vec![
        budget(BudgetScope::Run, None, Some(1_000)),
        budget(BudgetScope::Day, Some(50), Some(200)),
        budget(BudgetScope::Month, Some(2_000), None),
        budget(BudgetScope::Model("claude-opus-5-5".into()), None, Some(250)),
    ];
    Options {
        budgets: BudgetPolicy { budgets, allow_unpriced: true },
        minutes: vec![MinutePrice { engine: "local".into(), minute: NanoUsd(8_000_000) }],
        ..options(glyphs)
    }
}

fn opened(options: Options, size: (u16, u16)) -> (Ui, State) {
    let (mut ui, mut state) = picture::story(options, size);
    spent(&mut state);
    press(&mut ui, &state, &["6"]);
    picture::read_all(&mut ui, &state);
    (ui, state)
}

#[test]
fn what_it_looks_like() {
    for size in [(40, 10), (60, 15), (80, 24), (84, 46), (120, 36), (200, 50)] {
        let (ui, state) = opened(priced(&UNICODE), size);
        show(&format!("cost-{}x{}", size.0, size.1), &screen(&ui, &state));
    }
    let plain = Options { theme: Theme::plain(), ..priced(&ASCII) };
    let (mut ui, state) = opened(plain, (120, 36));
    press(&mut ui, &state, &["z"]);
    let text = screen(&ui, &state);
    show("cost-zoomed-120x36-ascii", &text);
    assert_eq!(text.chars().filter(|c| !c.is_ascii()).collect::<String>(), "");
    if let Some(file) = std::env::var_os("COST_PICTURE") {
        let (ui, state) = opened(priced(&UNICODE), (200, 50));
        std::fs::write(file, picture::picture(&ui, &state)).unwrap();
    }
}

#[test]
fn where_nothing_was_spent_it_says_what_to_do() {
    let (mut ui, state) = board((80, 24));
    assert!(!screen(&ui, &state).contains('$'), "no money where there is none");
    press(&mut ui, &state, &["6"]);
    update::settle(&mut ui, &state);
    let text = screen(&ui, &state);
    assert!(text.contains("Nothing was spent yet") && text.contains("[budgets]"), "{text}");
}

#[test]
fn it_keeps_its_number_and_gives_the_place_back() {
    let (mut ui, state) = opened(priced(&UNICODE), (120, 36));
    assert_eq!(ui.focus, Pane::Cost);
    press(&mut ui, &state, &["tab"]);
    assert_eq!(ui.focus, Pane::Logs);
    press(&mut ui, &state, &["esc"]);
    assert_eq!(ui.focus, Pane::Cost);
    press(&mut ui, &state, &["7"]);
    assert!(ui.containers.open && !ui.cost.open);
    press(&mut ui, &state, &["6"]);
    assert!(!ui.containers.open && ui.cost.open);
    press(&mut ui, &state, &["esc"]);
    assert!(ui.focus == Pane::Runs && !ui.cost.open);
    assert!(screen(&ui, &state).lines().next().unwrap().contains("spent"), "the bar says that a budget is spent");
}

#[test]
fn it_scrolls_to_its_end_and_no_further() {
    let (mut ui, state) = opened(priced(&UNICODE), (80, 24));
    assert!(!screen(&ui, &state).contains("by agent"));
    press(&mut ui, &state, &["G"]);
    let text = screen(&ui, &state);
    assert!(text.contains("reviewer"), "{text}");
    let at = ui.cost.scroll;
    press(&mut ui, &state, &["j", "j", "k"]);
    assert_eq!(ui.cost.scroll, at - 1);
}

#[test]
fn a_warning_is_said_when_it_comes() {
    let (mut ui, mut state) = board((120, 36));
    ui.link.caught_up = true;
    let event = ControlEvent::BudgetWarned {
        budget: "day".into(),
        period: "2026-03-14".into(),
        spent: NanoUsd::from_cents(820),
        limit: NanoUsd::from_cents(1_000),
    };
    let event = Event::Control { event };
    let record = Record { seq: Seq(state.seq.0 + 1), at: fixture::now(), cause: Cause::Control, event };
    state.apply(&record);
    update::hear(&mut ui, &state, Frame::Records(vec![record.into()]));
    let text = screen(&ui, &state);
    assert!(text.contains("the budget for day (2026-03-14) is nearly spent: $8.20 of $10.00"), "{text}");
}
