//! Courses of turns, without a model, a clock or a file.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    agent::{
        model::{ModelError, Reply},
        tool::{NAMES, Toolbox},
    },
    domain::{
        actor::Actor,
        talk::{Message, ModelName, Stop, ToolCall, ToolResult},
        usage::{NanoUsd, Usage},
    },
    protocol::thread::TurnOutcome,
};

fn begin(limits: Limits, window: u64, messages: Vec<Message>) -> Course {
    Course::new(Begin { limits, window, tools: Toolbox::new(NAMES.iter().copied()), messages })
}

fn started() -> Course {
    let mut course = begin(Limits::default(), 200_000, vec![Message::User { text: "mend it".into() }]);
    assert!(matches!(course.take(Event::Begin)[..], [Effect::Ask { .. }]));
    course
}

fn call(tool: &str, arguments: Value) -> ToolCall {
    ToolCall { id: format!("id-{tool}"), tool: tool.into(), arguments }
}

fn reply(text: &str, mut calls: Vec<ToolCall>, stop: Stop) -> Event {
    calls.iter_mut().enumerate().for_each(|(at, call)| call.id = at.to_string());
    let message = Message::Model { text: text.into(), calls: calls.clone(), wire: None };
    let usage = Some(Usage { input: 100, output: 10, ..Usage::default() });
    let reply = Reply { message, calls, stop, usage, cost: None, model: ModelName::default() };
    Event::Replied { reply: Box::new(reply), cost: Some(NanoUsd(1000)) }
}

fn calls(calls: Vec<ToolCall>) -> Event {
    reply("", calls, Stop::Tools)
}

fn read(path: &str) -> ToolCall {
    call("read_file", json!({ "path": path }))
}

fn write(path: &str, text: &str) -> ToolCall {
    call("write_file", json!({ "path": path, "text": text }))
}

fn used(key: u32, ok: bool) -> Event {
    Event::Used { key: Key(key), ok, text: "text".into() }
}

fn ends(effects: &[Effect]) -> Option<&TurnOutcome> {
    effects.iter().find_map(|effect| if let Effect::End { outcome } = effect { Some(outcome) } else { None })
}

/// The names of effects, with the keys of those that have one.
fn names(effects: &[Effect]) -> Vec<String> {
    let name = |effect: &Effect| match effect {
        Effect::Ask { .. } => "ask".to_owned(),
        Effect::Hush => "hush".to_owned(),
        Effect::Show { text, .. } => format!("show {text}"),
        Effect::Say { text } => format!("say {text}"),
        Effect::Call { key, .. } => format!("call {}", key.0),
        Effect::Permit { key, .. } => format!("permit {}", key.0),
        Effect::Use { key, .. } => format!("use {}", key.0),
        Effect::Drop { key } => format!("drop {}", key.0),
        Effect::Told { key, ok, .. } => format!("told {} {ok}", key.0),
        Effect::End { .. } => "end".to_owned(),
    };
    effects.iter().map(name).collect()
}

#[test]
fn an_answer_without_calls_is_the_end() {
    let mut course = started();
    let piece = Event::Piece { text: "It".into(), reasoning: false };
    assert_eq!(names(&course.take(piece.clone())), ["show It"]);
    let effects = course.take(reply("It works.", vec![], Stop::Done));
    assert_eq!(names(&effects), ["say It works.", "end"]);
    assert_eq!(ends(&effects), Some(&TurnOutcome::Done));
    assert!(course.take(piece).is_empty(), "what comes too late is not shown");
    assert_eq!(course.spent(), Spent { steps: 1, tokens: 110, cost: NanoUsd(1000) });
}

#[test]
fn what_reads_goes_side_by_side_and_what_acts_one_after_the_other() {
    let mut course = started();
    let wanted = vec![read("a"), read("b"), write("a", "x"), write("b", "y"), read("a")];
    let begun = ["call 0", "call 1", "call 2", "call 3", "call 4", "use 0", "use 1"];
    assert_eq!(names(&course.take(calls(wanted))), begun);
    assert_eq!(names(&course.take(used(1, true))), ["told 1 true"]);
    assert_eq!(names(&course.take(used(0, true))), ["told 0 true", "use 2"]);
    assert_eq!(names(&course.take(used(2, true))), ["told 2 true", "use 3"]);
    assert_eq!(names(&course.take(used(3, false))), ["told 3 false", "use 4"]);
    let effects = course.take(used(4, true));
    let [Effect::Told { .. }, Effect::Ask { prompt, .. }] = &effects[..] else { panic!("{effects:?}") };
    let results = prompt.messages.iter().filter(|message| matches!(message, Message::Tool { .. })).count();
    assert_eq!((results, prompt.messages.len()), (5, 7), "each call has its result, in order");
}

#[test]
fn what_may_not_be_done_is_told_and_the_turn_goes_on() {
    let mut course = started();
    let command = call("run_command", json!({ "command": "make", "why": "to see" }));
    assert_eq!(names(&course.take(calls(vec![command.clone()]))), ["call 0", "permit 0"]);
    assert!(course.take(used(0, true)).is_empty(), "it was not begun");
    let no = Event::Permitted { key: Key(0), permit: Permit::No { why: "not now".into() } };
    let effects = course.take(no.clone());
    assert_eq!(names(&effects), ["told 0 false", "ask"]);
    assert!(matches!(&effects[0], Effect::Told { text, .. } if text == "not allowed: not now"));
    assert_eq!(names(&course.take(calls(vec![command]))), ["call 1", "permit 1"]);
    assert!(course.take(no).is_empty(), "it was answered before");
    let go = Event::Permitted { key: Key(1), permit: Permit::Go { words: String::new() } };
    assert_eq!(names(&course.take(go)), ["use 1"]);
    assert_eq!(names(&course.take(used(1, true))), ["told 1 true", "ask"]);
    let question = call("ask_person", json!({ "question": "Which?" }));
    assert_eq!(names(&course.take(calls(vec![question]))), ["call 2", "permit 2"]);
    let effects = course.take(Event::Permitted { key: Key(2), permit: Permit::Go { words: "the second".into() } });
    assert!(matches!(&effects[0], Effect::Told { ok: true, text, .. } if text == "the second"), "{effects:?}");
}

#[test]
fn a_malformed_call_is_told_to_the_model() {
    let mut course = started();
    let wanted = vec![call("read_file", json!("{\"pa")), call("no_such", json!({})), read("a")];
    let effects = course.take(calls(wanted));
    assert_eq!(names(&effects), ["call 0", "told 0 false", "call 1", "told 1 false", "call 2", "use 2"]);
    assert_eq!(names(&course.take(used(2, true))), ["told 2 true", "ask"]);
}

#[test]
fn a_proposal_that_is_taken_ends_the_turn_and_one_that_is_not_does_not() {
    let propose = || call("propose", json!({ "summary": "mended" }));
    let mut course = started();
    course.take(calls(vec![propose()]));
    assert_eq!(names(&course.take(used(0, false))), ["told 0 false", "ask"]);
    course.take(calls(vec![propose()]));
    assert_eq!(ends(&course.take(used(1, true))), Some(&TurnOutcome::Done));
}

#[test]
fn the_same_call_three_times_is_no_progress_unless_something_changed() {
    let mut course = started();
    for round in 0..2 {
        course.take(calls(vec![read("a")]));
        assert_eq!(ends(&course.take(used(round, true))), None);
    }
    course.take(calls(vec![write("a", "x")]));
    course.take(used(2, true));
    for round in 3..5 {
        course.take(calls(vec![read("a")]));
        assert_eq!(ends(&course.take(used(round, true))), None, "it looks at what it has changed");
    }
    course.take(calls(vec![read("a")]));
    let stuck = TurnOutcome::Stuck { what: "read_file with the same arguments, 3 times".into() };
    assert_eq!(ends(&course.take(used(5, true))), Some(&stuck));
    // Writing the same over and over is no change either.
    let mut course = started();
    for round in 0..3 {
        course.take(calls(vec![write("a", "x")]));
        assert_eq!(ends(&course.take(used(round, true))).is_some(), round == 2);
    }
}

#[test]
fn nothing_but_errors_three_times_is_no_progress() {
    let mut course = started();
    for round in 0..3 {
        course.take(calls(vec![read(&format!("no-{round}"))]));
        let effects = course.take(used(round, false));
        assert_eq!(matches!(ends(&effects), Some(TurnOutcome::Stuck { .. })), round == 2);
    }
}

#[test]
fn limits_end_it_before_another_call_of_the_model() {
    for (limits, says) in [
        (Limits { steps: 2, ..Limits::default() }, "2 calls of the model"),
        (Limits { tokens: 200, ..Limits::default() }, "200 tokens"),
        (Limits { cost: Some(NanoUsd(1500)), ..Limits::default() }, "for a turn"),
    ] {
        let mut course = begin(limits, 100_000, vec![]);
        course.take(Event::Begin);
        course.take(calls(vec![read("a")]));
        assert!(ends(&course.take(used(0, true))).is_none());
        course.take(calls(vec![read("b")]));
        let effects = course.take(used(1, true));
        assert!(matches!(ends(&effects), Some(TurnOutcome::Limit { what }) if what.contains(says)), "{effects:?}");
    }
    let mut course = started();
    course.take(calls(vec![call("run_job", json!({}))]));
    let effects = course.take(Event::TimeUp);
    assert_eq!(names(&effects), ["drop 0", "told 0 false", "end"]);
    assert!(matches!(ends(&effects), Some(TurnOutcome::Limit { what }) if what == "20 minutes for a turn"));
}

#[test]
fn it_can_be_stopped_at_any_point() {
    let stop = || Event::Interrupted { by: Actor::Person("deniz".into()) };
    let mut course = begin(Limits::default(), 1000, vec![]);
    assert_eq!(names(&course.take(stop())), ["end"]);
    assert!(course.take(Event::Begin).is_empty() && course.take(stop()).is_empty());
    let mut course = started();
    assert_eq!(names(&course.take(stop())), ["hush", "end"]);
    let mut course = started();
    course.take(calls(vec![read("a"), write("b", "x")]));
    let effects = course.take(stop());
    assert_eq!(names(&effects), ["drop 0", "told 0 false", "told 1 false", "end"]);
    assert_eq!(ends(&effects), Some(&TurnOutcome::Interrupted { by: Actor::Person("deniz".into()) }));
}

#[test]
fn an_empty_answer_is_asked_for_once_more_and_then_it_ends() {
    let mut course = started();
    assert_eq!(names(&course.take(reply(" ", vec![], Stop::Done))), ["ask"]);
    let effects = course.take(reply("", vec![], Stop::Done));
    assert!(matches!(ends(&effects), Some(TurnOutcome::Failed { why, .. }) if why.contains("nothing, twice")));
}

#[test]
fn an_answer_that_was_cut_off_goes_on_once() {
    let mut course = started();
    assert_eq!(names(&course.take(reply("half", vec![], Stop::Length))), ["say half", "ask"]);
    let effects = course.take(reply("more", vec![], Stop::Length));
    assert!(matches!(ends(&effects), Some(TurnOutcome::Limit { .. })), "{effects:?}");
}

#[test]
fn a_refusal_and_a_failure_say_why() {
    let refused = reply("No.", vec![read("a")], Stop::Refused { why: "policy".into() });
    assert_eq!(ends(&started().take(refused)), Some(&TurnOutcome::Refused { why: "policy".into() }));
    let error = ModelError::NoCredit { provider: "acme".into(), said: "pay".into() };
    let effects = started().take(Event::Failed { error });
    let Some(TurnOutcome::Failed { why, hint: Some(hint) }) = ends(&effects) else { panic!("{effects:?}") };
    assert!(why.contains("no credit left at acme") && hint.contains("credit"));
    let outcome = TurnOutcome::Limit { what: "the day's budget".into() };
    assert_eq!(ends(&started().take(Event::NotAsked { outcome: outcome.clone() })), Some(&outcome));
}

/// A conversation of so many exchanges, each with a result of so many bytes.
fn long(exchanges: usize, bytes: usize) -> Vec<Message> {
    let mut messages = vec![Message::System { text: "system".into() }, Message::User { text: "the task".into() }];
    for number in 0..exchanges {
        let made = ToolCall { id: number.to_string(), ..read(&format!("f{number}")) };
        messages.push(Message::Model { text: format!("look {number}"), calls: vec![made], wire: None });
        let result = ToolResult { call: number.to_string(), text: "x".repeat(bytes), ok: true };
        messages.push(Message::Tool { result });
    }
    messages
}

/// Results stand after their calls, and each call has one.
fn whole(messages: &[Message]) {
    let mut open = BTreeSet::new();
    for message in messages {
        match message {
            Message::Model { calls, .. } => {
                assert!(open.is_empty());
                open.extend(calls.iter().map(|call| call.id.clone()));
            }
            Message::Tool { result } => assert!(open.remove(&result.call), "a result without a call"),
            _ => assert!(open.is_empty()),
        }
    }
    assert!(open.is_empty());
}

#[test]
fn old_results_go_first_then_old_exchanges_and_the_task_stays() {
    for (exchanges, bytes, window, old_turns_go) in
        [(4, 100, 60_000, false), (20, 6000, 40_000, false), (400, 200, 30_000, true), (2, 400_000, 30_000, true)]
    {
        let mut course = begin(Limits::default(), window, long(exchanges, bytes));
        let effects = course.take(Event::Begin);
        let Effect::Ask { prompt, .. } = &effects[0] else { panic!("{effects:?}") };
        let (messages, room) = (&prompt.messages, window - u64::from(Limits::default().output));
        whole(messages);
        assert!(super::compact::estimate(messages, &prompt.tools) <= room, "{exchanges} {bytes}");
        assert_eq!(messages[1], Message::User { text: "the task".into() });
        let gone = matches!(&messages[2], Message::User { text } if text.contains("were left out"));
        assert_eq!(gone, old_turns_go, "{exchanges} {bytes}: {:?}", messages[2]);
    }
}

#[test]
fn a_context_that_was_too_long_is_made_shorter_once() {
    let mut course = begin(Limits::default(), 1_000_000, long(30, 5000));
    course.take(Event::Begin);
    let too_long = || Event::Failed { error: ModelError::TooLong { model: ModelName::default() } };
    let effects = course.take(too_long());
    let [Effect::Ask { prompt, .. }] = &effects[..] else { panic!("{effects:?}") };
    whole(&prompt.messages);
    let effects = course.take(too_long());
    let Some(TurnOutcome::Failed { why, hint: Some(hint) }) = ends(&effects) else { panic!("{effects:?}") };
    assert!(why.contains("too long") && hint.contains("new conversation"), "{why} {hint}");
}

fn any_call() -> impl Strategy<Value = ToolCall> {
    prop_oneof![
        (0..3_u8).prop_map(|n| read(&format!("f{n}"))),
        (0..3_u8).prop_map(|n| write(&format!("f{n}"), "x")),
        Just(call("run_command", json!({ "command": "ls", "why": "x" }))),
        Just(call("ask_person", json!({ "question": "?" }))),
        Just(call("propose", json!({ "summary": "x" }))),
        Just(call("read_file", json!("{"))),
        Just(call("nothing", Value::Null)),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    let stop = prop_oneof![
        Just(Stop::Done),
        Just(Stop::Tools),
        Just(Stop::Length),
        Just(Stop::Refused { why: String::new() })
    ];
    prop_oneof![
        Just(Event::Begin),
        "[a-z ]{0,5}".prop_map(|text| Event::Piece { text, reasoning: false }),
        ("[a-z]{0,3}", prop::collection::vec(any_call(), 0..4), stop)
            .prop_map(|(text, made, stop)| reply(&text, made, stop)),
        Just(Event::Failed { error: ModelError::TooLong { model: ModelName::default() } }),
        Just(Event::NotAsked { outcome: TurnOutcome::Limit { what: "budget".into() } }),
        (0..12_u32, any::<bool>()).prop_map(|(key, ok)| used(key, ok)),
        (0..12_u32).prop_map(|key| Event::Permitted { key: Key(key), permit: Permit::Go { words: "yes".into() } }),
        (0..12_u32).prop_map(|key| Event::Permitted { key: Key(key), permit: Permit::No { why: "no".into() } }),
    ]
}

/// What was begun and has come to nothing yet.
#[derive(Default)]
struct Outstanding {
    asking: bool,
    calls: BTreeSet<Key>,
    told: BTreeSet<Key>,
    /// With whether it is a permission that is waited for.
    working: BTreeSet<(Key, bool)>,
    ended: bool,
}

impl Outstanding {
    fn take(&mut self, event: &Event, effects: &[Effect]) {
        match event {
            Event::Replied { .. } | Event::Failed { .. } | Event::NotAsked { .. } => self.asking = false,
            Event::Used { key, .. } => drop(self.working.remove(&(*key, false))),
            Event::Permitted { key, .. } => drop(self.working.remove(&(*key, true))),
            _ => {}
        }
        for effect in effects {
            assert!(!self.ended, "after the end: {effect:?}");
            match effect {
                Effect::Ask { prompt, .. } => {
                    assert!(!self.asking && self.working.is_empty());
                    whole(&prompt.messages);
                    self.asking = true;
                }
                Effect::Hush => self.asking = false,
                Effect::Show { .. } => assert!(self.asking),
                Effect::Say { .. } => {}
                Effect::Call { key, .. } => assert!(self.calls.insert(*key)),
                Effect::Permit { key, .. } | Effect::Use { key, .. } => {
                    let permit = matches!(effect, Effect::Permit { .. });
                    assert!(self.calls.contains(key) && self.working.insert((*key, permit)));
                }
                Effect::Drop { key } => {
                    assert!(self.working.remove(&(*key, false)) || self.working.remove(&(*key, true)));
                }
                Effect::Told { key, .. } => assert!(self.calls.contains(key) && self.told.insert(*key), "told twice"),
                Effect::End { .. } => self.ended = true,
            }
        }
        if self.ended {
            assert!(!self.asking && self.working.is_empty() && self.calls == self.told, "left behind");
        }
    }
}

proptest! {
    /// Whatever comes, in whatever order: no panic, nothing is begun twice or left behind, and a stop ends it.
    #[test]
    fn any_order_of_events_comes_to_an_end(events in prop::collection::vec(any_event(), 0..60), steps in 1..20_u32) {
        let limits = Limits { steps, ..Limits::default() };
        let mut course = begin(limits, 30_000, vec![Message::User { text: "x".into() }]);
        let mut outstanding = Outstanding::default();
        for event in events.into_iter().chain([Event::Interrupted { by: Actor::Policy }]) {
            // What nobody has begun can't come to anything: a driver drops it. The machine gets it all the same.
            let effects = course.take(event.clone());
            outstanding.take(&event, &effects);
        }
        prop_assert!(course.has_ended() && outstanding.ended);
    }

    /// A world that answers everything comes to the end by itself, within the limit of steps.
    #[test]
    fn it_ends_by_itself(replies in prop::collection::vec(prop::collection::vec(any_call(), 0..4), 1..8), ok in any::<bool>()) {
        let limits = Limits { steps: 12, ..Limits::default() };
        let mut course = begin(limits, 30_000, vec![]);
        let mut replies = replies.into_iter().cycle();
        let mut open = vec![Event::Begin];
        let mut turns = 0;
        while let Some(event) = open.pop() {
            turns += 1;
            prop_assert!(turns < 1000);
            for effect in course.take(event) {
                match effect {
                    Effect::Ask { .. } => open.push(reply("", replies.next().unwrap_or_default(), Stop::Tools)),
                    Effect::Permit { key, .. } => open.push(Event::Permitted { key, permit: Permit::Go { words: String::new() } }),
                    Effect::Use { key, .. } => open.push(Event::Used { key, ok, text: "x".into() }),
                    _ => {}
                }
            }
        }
        prop_assert!(course.has_ended());
    }
}
