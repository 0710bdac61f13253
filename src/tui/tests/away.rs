//! While you were away; old runs on demand; jumps and long searches.

use std::{sync::Arc, time::Duration};

use crate::{
    domain::{
        actor::{Actor, Trigger},
        id::{ProjectId, RequestId, RunId, Seq},
        outcome::RunOutcome,
        time::Timestamp,
    },
    protocol::{
        event::{Cause, ControlEvent, Event, Record, RunEvent, Source},
        frame::{Frame, Link},
        query::{Answer, Query},
        session::VisitorKind,
        summary::RunSummary,
    },
    state::board::{ASIDE, State},
    tui::{
        fixture,
        glyphs::{ASCII, Glyphs, UNICODE},
        tree::Node,
        ui::{Clock, Effect, Overlay, Pane, Purpose, Ui},
        update,
    },
};

use super::{board, link::peer, options, press, screen, screens::show};

/// The story as somebody sees it who left after its first runs, and comes back so much later.
fn back(size: (u16, u16), glyphs: &'static Glyphs, after: Duration, seen: bool) -> (Ui, State) {
    let mut state = State::default();
    let clock = Clock { wall: fixture::now() + jiff::SignedDuration::try_from(after).unwrap(), mono: Duration::ZERO };
    let mut ui = Ui::new(options(glyphs), size, clock);
    let mut records = fixture::records();
    // Everything up to here has been seen; the rest moves on by one.
    let left = 20;
    if seen {
        let by = Actor::Person("deniz".into());
        let event = Event::Control { event: ControlEvent::Left { by, from: "pts/1".into(), seen: Seq(left) } };
        let at = records[left as usize - 1].at;
        let record = Record { seq: Seq(left + 1), at, cause: Cause::Control, event };
        let later = records.split_off(left as usize);
        records.push(Arc::new(record));
        let moved = |record: &Arc<Record>| Arc::new(Record { seq: record.seq.next(), ..Record::clone(record) });
        records.extend(later.iter().map(moved));
    }
    let seq = records.last().unwrap().seq;
    let hello = Frame::Hello { version: String::new(), pid: 1, seq, since: Seq(0), owner: String::new() };
    update::hear(&mut ui, &state, hello);
    records.iter().for_each(|record| state.apply(record));
    update::hear(&mut ui, &state, Frame::Records(records));
    update::hear(&mut ui, &state, Frame::Peers(vec![peer(1, "deniz", "pts/1", VisitorKind::Board)]));
    crate::tui::picture::read_all(&mut ui, &state);
    (ui, state)
}

const HOURS: Duration = Duration::from_mins(133);

#[test]
fn who_comes_back_sees_what_happened_beside_the_question_and_its_log() {
    for (size, glyphs, name) in
        [((80, 24), &UNICODE, "unicode"), ((120, 36), &UNICODE, "unicode"), ((120, 36), &ASCII, "ascii")]
    {
        let (ui, state) = back(size, glyphs, HOURS, true);
        assert!(matches!(ui.overlay, Some(Overlay::Away { .. })));
        let text = screen(&ui, &state);
        show(&format!("away-{}x{}-{name}", size.0, size.1), &text);
        if size.0 == 120 {
            assert!(text.contains("GO or NO-GO?") && text.contains("3 Logs"), "{text}");
        }
    }
}

#[test]
fn enter_goes_there_escape_closes_and_a_key_brings_it_back() {
    let (mut ui, state) = back((120, 36), &UNICODE, HOURS, true);
    press(&mut ui, &state, &["esc"]);
    assert!(ui.overlay.is_none());
    press(&mut ui, &state, &["a", "G"]);
    let Some(Overlay::Away { list, chosen, .. }) = &ui.overlay else { panic!("{:?}", ui.overlay) };
    let item = list[*chosen].clone();
    assert_eq!(*chosen, list.len() - 1);
    press(&mut ui, &state, &["enter"]);
    assert!(ui.overlay.is_none());
    assert_eq!((ui.run(), ui.focus), (item.run, Pane::Runs), "{item:?}");
    press(&mut ui, &state, &["a", "g", "enter"]);
    assert_eq!(ui.focus, Pane::Card, "a question that waits is opened");
}

#[test]
fn it_is_not_shown_where_there_is_nothing_to_tell() {
    let (first_visit, _) = back((80, 24), &UNICODE, HOURS, false);
    assert!(first_visit.overlay.is_none());
    let (mut ui, mut state) = board((80, 24));
    state.seen.insert(Actor::Person("deniz".into()), crate::state::board::Seen { seq: state.seq, at: state.at });
    update::hear(&mut ui, &state, Frame::Peers(vec![peer(1, "deniz", "pts/1", VisitorKind::Board)]));
    assert!(ui.overlay.is_none(), "nothing has happened since");
    press(&mut ui, &state, &["a"]);
    assert_eq!(ui.notice.unwrap().text, "you have missed nothing");
}

#[test]
fn a_gap_of_more_than_a_minute_is_told_and_a_short_one_is_not() {
    for (gap, told) in [(30, false), (90, true)] {
        let (mut ui, mut state) = board((80, 24));
        update::hear(&mut ui, &state, Frame::Peers(vec![peer(1, "deniz", "pts/1", VisitorKind::Board)]));
        let lost = Link::Lost { why: "the connection was cut".into(), tries: 0, next_ms: 50 };
        update::hear(&mut ui, &state, Frame::Link(lost));
        ui.clock.mono += Duration::from_secs(gap);
        update::hear(&mut ui, &state, Frame::Link(Link::Up));
        let seq = state.seq.next();
        let hello = Frame::Hello { version: String::new(), pid: 1, seq, since: state.seq, owner: String::new() };
        update::hear(&mut ui, &state, hello);
        assert!(ui.overlay.is_none(), "not before what happened has been heard");
        let event = Event::Run { run: RunId(41), event: RunEvent::Finished { outcome: RunOutcome::Failed } };
        let record = Arc::new(Record { seq, at: fixture::now(), cause: Cause::Control, event });
        state.apply(&record);
        update::hear(&mut ui, &state, Frame::Records(vec![record]));
        assert_eq!(matches!(ui.overlay, Some(Overlay::Away { .. })), told, "{gap}");
    }
}

fn summary(run: u64) -> RunSummary {
    let at = |second: i64| Timestamp::from_second(1_773_400_000 + run as i64 * 60 + second).unwrap();
    RunSummary {
        run: RunId(run),
        project: ProjectId(1),
        pipeline: Some("ci".into()),
        trigger: Trigger::Manual,
        by: Actor::Person("deniz".into()),
        source: Source {
            commit: "4f2c1d9e0b6a".into(),
            branch: Some("main".into()),
            subject: String::new(),
            dirty: false,
        },
        requested_at: at(0),
        ended_at: at(41),
        outcome: if run.is_multiple_of(3) { RunOutcome::Failed } else { RunOutcome::Passed },
        jobs: 2,
        failed: Vec::new(),
        proposals: Vec::new(),
    }
}

/// The story, with so many runs put aside before it.
pub(super) fn with_past(size: (u16, u16), count: u64) -> (Ui, State) {
    let (mut ui, mut state) = board(size);
    state.aside.extend((1..=count).map(summary));
    press(&mut ui, &state, &["esc", "esc", "esc", "2"]);
    (ui, state)
}

/// The records of run 39, as the other side keeps them.
fn records_of_a_run(run: u64) -> Vec<Arc<Record>> {
    let of_39 = fixture::records().into_iter().filter(|record| record.event.run() == Some(RunId(39)));
    let renamed = |record: Arc<Record>| match &record.event {
        Event::Run { event, .. } => {
            let event = Event::Run { run: RunId(run), event: event.clone() };
            Arc::new(Record { event, ..Record::clone(&record) })
        }
        _ => record,
    };
    of_39.map(renamed).collect()
}

#[test]
fn runs_that_were_put_aside_stand_below_and_are_read_when_they_are_chosen() {
    let (mut ui, state) = with_past((120, 36), 12);
    for _ in 0..30 {
        press(&mut ui, &state, &["j"]);
    }
    assert_eq!(ui.runs.chosen, Some(Node::Run(RunId(1))));
    // The story answers with no records: it says so, and doesn't ask for ever.
    assert!(screen(&ui, &state).contains("run 1 can't be read"), "{}", screen(&ui, &state));
    press(&mut ui, &state, &["k"]);
    ui.past.retry();
    let effects = update::settle(&mut ui, &state);
    let [Effect::Query(Query::Run { run: RunId(2) }, purpose)] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(screen(&ui, &state).contains("reading…"));
    assert_eq!(update::settle(&mut ui, &state), [], "it is asked for once");
    update::reply::reply(&mut ui, &state, purpose.clone(), Ok(Answer::Records(records_of_a_run(2))));
    press(&mut ui, &state, &["enter"]);
    let text = screen(&ui, &state);
    assert!(text.contains("4 Timeline · run 2") && text.contains("3 Logs · test"), "{text}");
    show("past-120x36", &text);
    press(&mut ui, &state, &["j", "j", "j", "j", "j"]);
    assert_eq!(ui.job().map(|job| job.as_str().to_owned()), Some("test".into()));
}

#[test]
fn a_run_that_is_put_aside_under_the_readers_eyes_stays_where_it_is() {
    let (mut ui, mut state) = board((120, 36));
    press(&mut ui, &state, &["esc", "esc", "esc", ":", "3", "9", "/", "t", "e", "s", "t", "enter", "3", "g", "j", "j"]);
    let (chosen, top) = (ui.runs.chosen.clone(), ui.log.top);
    assert_eq!(chosen, Some(Node::Job(RunId(39), "test".into())));
    let kept = records_of_a_run(39);
    let summary = Box::new(state.runs[&RunId(39)].summary().unwrap());
    let event = Event::Run { run: RunId(39), event: RunEvent::PutAside { summary } };
    let record = Arc::new(Record { seq: state.seq.next(), at: fixture::now(), cause: Cause::Control, event });
    state.apply(&record);
    update::hear(&mut ui, &state, Frame::Records(vec![record]));
    assert!(ui.log.output.is_some());
    let effects = update::settle(&mut ui, &state);
    let purpose = effects.into_iter().find_map(|effect| match effect {
        Effect::Query(Query::Run { .. }, purpose) => Some(purpose),
        _ => None,
    });
    update::reply::reply(&mut ui, &state, purpose.unwrap(), Ok(Answer::Records(kept)));
    assert_eq!((ui.runs.chosen.clone(), ui.log.top), (chosen, top));
    assert!(screen(&ui, &state).contains("3 Logs · test"), "{}", screen(&ui, &state));
}

#[test]
fn what_was_put_aside_can_only_be_looked_at() {
    let (mut ui, state) = with_past((80, 24), 12);
    press(&mut ui, &state, &["G"]);
    for (key, words) in
        [("r", "it can only be looked at"), ("A", "it can only"), ("x", "it can only"), ("u", "git revert")]
    {
        assert_eq!(press(&mut ui, &state, &[key]), []);
        let text = screen(&ui, &state);
        assert!(text.contains(words), "{key}: {text}");
    }
    press(&mut ui, &state, &["k", "k"]);
    show("past-80x24", &screen(&ui, &state));
}

#[test]
fn older_runs_come_page_by_page_when_the_end_of_the_list_comes_into_sight() {
    let (mut ui, mut state) = with_past((80, 24), 0);
    state.aside.extend((745..745 + ASIDE as u64).map(summary));
    assert!(update::settle(&mut ui, &state).is_empty(), "nobody has looked so far back");
    ui.runs.chosen = Some(Node::Run(RunId(745)));
    ui.runs.pinned = true;
    let page = |effects: Vec<Effect>| {
        effects.into_iter().find_map(|effect| match effect {
            Effect::Query(Query::Runs { before, limit, .. }, purpose) => Some((before, limit, purpose)),
            _ => None,
        })
    };
    let (before, limit, purpose) = page(update::settle(&mut ui, &state)).unwrap();
    assert_eq!(before, None, "the log is the authority: it begins at the newest");
    let runs = (1001 - u64::from(limit)..=1000).rev().map(summary).collect();
    update::reply::reply(&mut ui, &state, purpose, Ok(Answer::Runs { runs, more: true }));
    assert!(page(update::settle(&mut ui, &state)).is_none(), "there is a screen more");
    ui.runs.chosen = Some(Node::Run(RunId(1001 - u64::from(limit))));
    let (before, _, purpose) = page(update::settle(&mut ui, &state)).unwrap();
    assert_eq!(before, Some(RunId(1001 - u64::from(limit))));
    assert!(page(update::settle(&mut ui, &state)).is_none(), "one at a time");
    assert!(screen(&ui, &state).contains("older runs are being read"), "{}", screen(&ui, &state));
    update::reply::reply(&mut ui, &state, purpose, Ok(Answer::Runs { runs: vec![summary(3)], more: false }));
    assert!(page(update::settle(&mut ui, &state)).is_none());
    assert_eq!(ui.past.runs(&state, ProjectId(1)).last(), Some(&RunId(3)));
}

#[test]
fn a_line_and_a_time_of_day_are_jumped_to() {
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &["3", "#", "2", "0", "0", "enter"]);
    assert_eq!(ui.log.mark, Some(199));
    press(&mut ui, &state, &["#", "9", "9", "9", "9", "enter"]);
    assert_eq!(ui.log.mark, Some(fixture::TEST_LINES - 1));
    press(&mut ui, &state, &["#", "x", "enter"]);
    assert!(screen(&ui, &state).contains("`x` is no number of a line"));
    press(&mut ui, &state, &["@", "1", "4", ":", "0", "1", "enter"]);
    assert_eq!(ui.log.mark, Some(fixture::TEST_LINES / 2));
    press(&mut ui, &state, &["@", "2", "5", ":", "0", "1", "enter"]);
    assert!(screen(&ui, &state).contains("no time of day"));
}

#[test]
fn a_long_search_shows_how_far_it_is_and_can_be_stopped() {
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &["3"]);
    let output = ui.log.output.clone().unwrap();
    let effects = crate::tui::update::update(
        &mut ui,
        &state,
        crate::tui::ui::Intent::Do(crate::config::keymap::action::Action::Find),
    );
    assert_eq!(effects, []);
    for intent in [crate::tui::ui::Intent::Paste("case".into()), crate::tui::ui::Intent::Accept] {
        for (id, effect) in update::update(&mut ui, &state, intent).into_iter().enumerate() {
            let Effect::Query(_, purpose) = effect else { panic!("{effect:?}") };
            ui.awaiting.insert(RequestId(id as u64), purpose);
        }
    }
    let count = Purpose::Count { output, pattern: "case".into() };
    let id = ui.awaiting.iter().find_map(|(id, purpose)| (*purpose == count).then_some(*id)).unwrap();
    let part = |lines: Vec<u64>| Answer::Hits { lines, more: true, texts: Vec::new(), searched: (34, 100) };
    update::hear(&mut ui, &state, Frame::Part { id, part: part(vec![5, 9]) });
    update::hear(&mut ui, &state, Frame::Part { id, part: part(vec![11]) });
    let text = screen(&ui, &state);
    assert!(text.contains("/case 3+ · searching 34%, Esc stops"), "{text}");
    // The first hit moves the log, and the rest of that search is not waited for.
    let hit = *ui.awaiting.keys().find(|other| **other != id).unwrap();
    let effects = update::hear(&mut ui, &state, Frame::Part { id: hit, part: part(vec![5]) });
    assert_eq!((effects, ui.log.mark), (vec![Effect::Drop(hit)], Some(5)));
    assert_eq!(press(&mut ui, &state, &["esc"]), [Effect::Drop(id)]);
    assert!(!ui.is_looking() && ui.log.search.is_some(), "what was found so far stays");
    update::hear(&mut ui, &state, Frame::Reply { id, result: Ok(part(vec![77])) });
    assert_eq!(ui.log.search.as_ref().unwrap().hits, Some((3, true)), "an answer that comes late counts no more");
}
