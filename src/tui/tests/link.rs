//! The other side: cut off, back again, anew; who else is there and what they answer.

use std::{sync::Arc, time::Duration};

use crate::{
    domain::{
        actor::Actor,
        definition::ApplyInto,
        id::{ApprovalId, Hash, ProposalId, RequestId, RunId, Seq},
    },
    protocol::{
        command::Refusal,
        event::{Cause, Event, GateEvent, ProposalEvent, Record, RunEvent},
        frame::{Frame, Health, Link, Peer},
        session::VisitorKind,
    },
    state::board::State,
    tui::{
        fixture,
        fold::Anew,
        picture,
        tree::Node,
        ui::{Effect, Overlay, Purpose, Ui},
        update,
    },
};

use super::{board, press, screen, screens::show};

fn lost(why: &str, tries: u32) -> Frame {
    Frame::Link(Link::Lost { why: why.into(), tries, next_ms: 100 })
}

fn hello(seq: Seq, since: Seq) -> Frame {
    Frame::Hello { version: String::new(), pid: 1, seq, since, owner: String::new() }
}

fn hear(ui: &mut Ui, state: &State, frame: Frame) -> Vec<Effect> {
    update::hear(ui, state, frame)
}

pub(super) fn peer(id: u64, name: &str, from: &str, kind: VisitorKind) -> Peer {
    let actor = Actor::Person(name.into());
    Peer { id, you: id == 1, actor, kind, from: from.into(), since: fixture::now() }
}

#[test]
fn what_is_shown_while_it_is_cut_off_is_as_of_then() {
    let (mut ui, state) = board((120, 36));
    hear(&mut ui, &state, lost("the connection was cut", 0));
    ui.clock.wall += jiff::SignedDuration::from_secs(30);
    ui.clock.mono += Duration::from_secs(5);
    hear(&mut ui, &state, lost("the connection was cut", 3));
    assert!(!crate::tui::view::status::ticks(&ui, &state), "running clocks stand still");
    let text = screen(&ui, &state);
    assert!(text.contains("↻ reconnecting (3): the connection was cut") && text.contains("as of 14:02:23"), "{text}");
    show("lost-120x36", &text);
    ui.clock.mono += Duration::from_secs(20);
    hear(&mut ui, &state, lost("the connection was cut", 8));
    assert!(matches!(ui.overlay, Some(Overlay::Cut)));
    ui.size = (80, 24);
    show("lost-long-80x24", &screen(&ui, &state));
    hear(&mut ui, &state, Frame::Link(Link::Up));
    hear(&mut ui, &state, hello(state.seq, state.seq));
    let text = screen(&ui, &state);
    assert!(ui.overlay.is_none() && text.contains("● live") && !text.contains("as of"), "{text}");
}

#[test]
fn nothing_is_asked_and_nothing_answered_while_it_is_cut_off() {
    let (mut ui, state) = board((120, 36));
    hear(&mut ui, &state, lost("the connection was cut", 1));
    assert!(!ui.card_is_armed());
    let effects = press(&mut ui, &state, &["y"]);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Command(..))), "{effects:?}");
    for keys in [&["esc", "2", "r"][..], &["3", "/", "x", "enter"]] {
        assert_eq!(press(&mut ui, &state, keys), [], "{keys:?}");
    }
    assert_eq!(ui.log.field.as_ref().unwrap().input.text(), "x", "what was typed stays");
    assert!(ui.notice.as_ref().unwrap().text.contains("not sent"));
    press(&mut ui, &state, &["esc", "2", "X", "4", "1", "enter"]);
    assert!(matches!(&ui.overlay, Some(Overlay::Typed { input, .. }) if input.text() == "41"));
    assert_eq!(update::settle(&mut ui, &state), []);
    hear(&mut ui, &state, Frame::Link(Link::Up));
    assert_eq!(press(&mut ui, &state, &["enter"]).len(), 2, "and is sent when it can be");
}

#[test]
fn somebody_who_stopped_it_is_told_how_it_comes_back() {
    let (mut ui, state) = board((80, 24));
    hear(&mut ui, &state, lost("gonogo has ended", 0));
    let text = screen(&ui, &state);
    assert!(text.contains("gonogo daemon start") && text.contains("⊘ gonogo was stopped"), "{text}");
    press(&mut ui, &state, &["esc"]);
    hear(&mut ui, &state, lost("gonogo has ended", 4));
    assert!(ui.overlay.is_none(), "told once");
    hear(&mut ui, &state, Frame::Link(Link::Up));
    hear(&mut ui, &state, lost("gonogo has ended", 0));
    assert!(matches!(press(&mut ui, &state, &["q"]).as_slice(), [Effect::Leave(_)]));
}

#[test]
fn a_log_that_begins_anew_takes_the_place_of_the_old_one_at_once_and_choices_stay() {
    let (mut ui, mut state) = board((120, 36));
    let records = fixture::records();
    let chosen = ui.runs.chosen.clone();
    let mut anew = Anew::default();
    let newest = records.last().unwrap().seq;
    let begin = hello(newest, Seq(0));
    assert!(!anew.fold(&mut state, &begin));
    hear(&mut ui, &state, begin);
    assert!(screen(&ui, &state).contains("reading the log…"));
    let (some, rest) = records.split_at(20);
    for part in [some, rest] {
        assert!(state.runs.contains_key(&RunId(41)), "the old state is shown until the new one is whole");
        let frame = Frame::Records(part.to_vec());
        let done = anew.fold(&mut state, &frame);
        hear(&mut ui, &state, frame);
        assert_eq!(done, part.len() == rest.len());
    }
    update::link::began_anew(&mut ui, &state);
    assert_eq!((state.seq, &ui.runs.chosen), (newest, &chosen));
    assert!(ui.link.caught_up && ui.overlay.is_none() && ui.notice.is_none());
    // Of a shorter log, where that run never was.
    let begin = hello(Seq(0), Seq(0));
    assert!(anew.fold(&mut state, &begin));
    update::link::began_anew(&mut ui, &state);
    assert_eq!((state, ui.runs.chosen, ui.log.output), (State::default(), None, None));
}

fn tell(ui: &mut Ui, state: &mut State, actor: &str, id: u64, event: Event) {
    let cause = Cause::Request { actor: Actor::Person(actor.into()), id: RequestId(id) };
    let record = Arc::new(Record { seq: state.seq.next(), at: fixture::now(), cause, event });
    state.apply(&record);
    hear(ui, state, Frame::Records(vec![record]));
}

fn approved(by: &str) -> Event {
    let event = ProposalEvent::Approved {
        by: Actor::Person(by.into()),
        hash: Hash("5f3c9a1e77d0".into()),
        into: ApplyInto::Commit,
    };
    Event::Proposal { proposal: ProposalId(1), event }
}

#[test]
fn somebody_elses_answer_changes_the_card_at_once_and_says_who_it_was() {
    let (mut ui, mut state) = board((120, 36));
    let peers = [peer(1, "deniz", "pts/1", VisitorKind::Board), peer(2, "mira", "pts/4", VisitorKind::Board)];
    hear(&mut ui, &state, Frame::Peers(peers.to_vec()));
    tell(&mut ui, &mut state, "mira", 99, approved("mira"));
    assert_eq!(ui.notice.as_ref().unwrap().text, "mira said GO to #1 (from pts/4)");
    assert_eq!(ui.card.current, Some(ApprovalId::Proposal(ProposalId(2))));
    let answered = GateEvent::Answered { go: false, by: Actor::Person("mira".into()), why: String::new() };
    let event = RunEvent::Gate { gate: "ship".into(), event: answered };
    tell(&mut ui, &mut state, "mira", 100, Event::Run { run: RunId(40), event });
    assert_eq!(ui.notice.as_ref().unwrap().text, "mira said NO-GO to gate ship (from pts/4)");
}

#[test]
fn who_is_second_is_told_so_and_has_done_nothing_wrong() {
    let (mut ui, mut state) = board((120, 36));
    let effects = press(&mut ui, &state, &["y"]);
    let [Effect::Command(_, purpose)] = effects.as_slice() else { panic!("{effects:?}") };
    tell(&mut ui, &mut state, "mira", 99, approved("mira"));
    let refusal = Refusal::new("proposal 1 was already answered by mira (applying)");
    update::reply::reply(&mut ui, &state, purpose.clone(), Err(refusal));
    let notice = ui.notice.as_ref().unwrap();
    assert!(!notice.bad && notice.text.contains("already answered by mira"), "{notice:?}");
}

#[test]
fn my_own_answer_is_not_told_to_me() {
    let (mut ui, mut state) = board((120, 36));
    let approval = ApprovalId::Proposal(ProposalId(1));
    ui.awaiting.insert(RequestId(7), Purpose::Answered { approval, said: String::new() });
    tell(&mut ui, &mut state, "deniz", 7, approved("deniz"));
    assert_eq!(ui.notice, None);
}

#[test]
fn who_else_is_here_is_counted_and_listed() {
    let (mut ui, state) = board((80, 24));
    let peers = [
        peer(1, "deniz", "pts/1", VisitorKind::Board),
        peer(2, "mira", "pts/4 from 10.0.0.7", VisitorKind::Board),
        peer(3, "ci", "", VisitorKind::Watch),
    ];
    hear(&mut ui, &state, Frame::Peers(peers[..1].to_vec()));
    assert!(!screen(&ui, &state).contains("here"));
    hear(&mut ui, &state, Frame::Peers(peers.to_vec()));
    assert!(screen(&ui, &state).contains("2 here"));
    press(&mut ui, &state, &["W"]);
    show("people-80x24", &screen(&ui, &state));
    press(&mut ui, &state, &["W"]);
    assert!(ui.overlay.is_none());
}

#[test]
fn what_ails_the_other_side_is_said_while_it_does() {
    let (mut ui, state) = board((120, 36));
    ui.options.host = Some("deniz@build".into());
    let health = Health { not_recording: Some("disk full".into()), draining: true };
    hear(&mut ui, &state, Frame::Health(health));
    let text = screen(&ui, &state);
    assert!(text.contains("! not recorded: disk full  ends when idle  ● live on deniz@build"), "{text}");
    hear(&mut ui, &state, Frame::Health(Health::default()));
    assert!(!screen(&ui, &state).contains("not recorded"));
}

#[test]
fn the_words_for_leaving_are_right_in_both_cases() {
    let (mut ui, state) = board((80, 24));
    assert!(screen(&ui, &state).contains("q detach"));
    ui.options.in_process = true;
    assert!(screen(&ui, &state).contains("q quit"));
    press(&mut ui, &state, &[":", "q", "u", "i", "t"]);
    assert!(screen(&ui, &state).contains("Quit; what runs ends"), "{}", screen(&ui, &state));
    picture::read_all(&mut ui, &state);
    assert!(!matches!(ui.runs.chosen, Some(Node::Gate(..))));
}
