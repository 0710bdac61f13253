//! The driver over a world of paper: what it writes down before it acts, and what it does when it can't.
#![allow(clippy::unwrap_used)]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use serde_json::{Value, json};

use super::{
    driver::{Ended, drive},
    machine::{Begin, Limits, Permit},
    model::{Model, ModelError, Piece, Prompt, Reply},
    port::{AgentPort, Reserve, Unpaid, Used},
    prompt::Fence,
    tool::{Action, NAMES, Toolbox},
};
use crate::{
    domain::{
        actor::Actor,
        talk::{Message, ModelName, Stop, ToolCall},
        usage::{NanoUsd, Usage},
    },
    protocol::thread::{CallEnd, ThreadEvent, TurnOutcome},
    redact::Secrets,
};

/// What happened, in order.
#[derive(Default)]
struct Paper {
    happened: Mutex<Vec<String>>,
    /// Facts from this one on can't be written.
    full_at: Option<usize>,
    /// A permission takes so long.
    person: Duration,
    waits_count: bool,
    poor: bool,
}

impl Paper {
    fn note(&self, what: impl Into<String>) {
        self.happened.lock().unwrap().push(what.into());
    }

    fn happened(&self) -> Vec<String> {
        self.happened.lock().unwrap().clone()
    }
}

struct Note;

impl Reserve for Note {
    fn bound(&self) -> Option<NanoUsd> {
        Some(NanoUsd(500))
    }

    fn settle(self, _actual: Option<NanoUsd>) {}
}

impl AgentPort for Paper {
    type Reserved = Note;

    async fn record(&self, facts: Vec<ThreadEvent>) -> bool {
        let written = self.happened().iter().filter(|what| what.starts_with('#')).count();
        if self.full_at.is_some_and(|full| written >= full) {
            return false;
        }
        for fact in facts {
            let name = serde_json::to_value(&fact).unwrap()["kind"].as_str().unwrap().to_owned();
            let more = match fact {
                ThreadEvent::Called { call, .. } => format!(" {:?} {:?}", call.end, call.cost),
                ThreadEvent::ToolAnswered { ok, text, .. } => format!(" {ok} {text}"),
                ThreadEvent::TurnEnded { outcome, .. } => format!(" {outcome:?}"),
                ThreadEvent::Answered { text, .. } => format!(" {text}"),
                _ => String::new(),
            };
            self.note(format!("#{name}{more}"));
        }
        true
    }

    fn show(&self, at: u64, text: String, _reasoning: bool) {
        self.note(format!("show {at} {text}"));
    }

    fn reserve(&self, _: &ModelName, _: u64, _: u32, _: Option<NanoUsd>) -> Result<Note, Unpaid> {
        if self.poor { Err(TurnOutcome::Limit { what: "the day's budget".into() }) } else { Ok(Note) }
    }

    fn price(&self, _: &ModelName, usage: &Usage) -> (Option<NanoUsd>, String) {
        (Some(NanoUsd(usage.input)), "table".into())
    }

    async fn permit(&self, _action: &Action) -> Permit {
        tokio::time::sleep(self.person).await;
        Permit::Go { words: String::new() }
    }

    async fn use_tool(&self, action: &Action) -> Used {
        self.note(format!("use {}", action.name()));
        Used::well("AKIAQ7XR2MK9PL4WZ8VT")
    }

    fn waits_count(&self) -> bool {
        self.waits_count
    }

    fn secrets(&self) -> Arc<Secrets> {
        Arc::default()
    }
}

struct Voice(Mutex<VecDeque<Vec<Result<Piece, ModelError>>>>, Arc<Mutex<String>>);

impl Model for Voice {
    fn ask(&self, prompt: Prompt) -> BoxStream<'static, Result<Piece, ModelError>> {
        self.1.lock().unwrap().push_str(&serde_json::to_string(&prompt.messages).unwrap());
        match self.0.lock().unwrap().pop_front() {
            Some(pieces) => stream::iter(pieces).boxed(),
            None => stream::iter([Ok(Piece::Text("Well".into()))]).chain(stream::pending()).boxed(),
        }
    }

    fn name(&self) -> ModelName {
        ModelName::default()
    }
}

fn end(text: &str, calls: &[(&str, Value)]) -> Result<Piece, ModelError> {
    let call = |(tool, arguments): &(&str, Value)| ToolCall {
        id: "a:b/c".into(),
        tool: (*tool).into(),
        arguments: arguments.clone(),
    };
    let calls: Vec<ToolCall> = calls.iter().map(call).collect();
    Ok(Piece::End(Box::new(Reply {
        message: Message::Model { text: text.into(), calls: calls.clone(), wire: None },
        stop: if calls.is_empty() { Stop::Done } else { Stop::Tools },
        calls,
        usage: Some(Usage { input: 7, ..Usage::default() }),
        cost: None,
        model: ModelName::default(),
    })))
}

async fn run(paper: &Paper, script: Vec<Vec<Result<Piece, ModelError>>>, stop: Option<Duration>) -> (Ended, String) {
    let sent = Arc::new(Mutex::new(String::new()));
    let voice = Arc::new(Voice(Mutex::new(script.into()), Arc::clone(&sent)));
    let begin = Begin {
        limits: Limits { time: Duration::from_mins(10), ..Limits::default() },
        window: 0,
        tools: Toolbox::new(NAMES.iter().copied()),
        messages: vec![Message::User { text: "why? ghp_Q7xR2mK9pL4wZ8vT3nB6cJ1hG5fD0sAyEabc".into() }],
    };
    let stop = async move {
        match stop {
            Some(after) => tokio::time::sleep(after).await,
            None => std::future::pending().await,
        }
        Actor::Person("deniz".into())
    };
    let fence = Fence::new();
    let ended = drive(paper, voice, begin, (1, &fence), stop).await;
    let sent = sent.lock().unwrap().clone();
    (ended, sent)
}

fn list() -> Result<Piece, ModelError> {
    end("", &[("list_files", json!({}))])
}

#[tokio::test(start_paused = true)]
async fn everything_is_written_down_before_it_is_done() {
    let paper = Paper::default();
    let said = vec![Ok(Piece::Text("It ".into())), Ok(Piece::Text("works.".into())), end("It works.", &[])];
    let (ended, sent) = run(&paper, vec![vec![list()], said], None).await;
    assert_eq!((ended.outcome, ended.said.as_str(), ended.spent.cost), (TurnOutcome::Done, "It works.", NanoUsd(14)));
    let wanted = [
        "#asked",
        "#called Answered { stop: Tools } Some(NanoUsd(7))",
        "#tool_asked",
        "use list_files",
        "#tool_answered true ***AWS_key_id***",
        "#asked",
        "show 0 It ",
        "show 3 works.",
        "#called Answered { stop: Done } Some(NanoUsd(7))",
        "#answered It works.",
        "#turn_ended Done",
    ];
    let happened: Vec<String> =
        paper.happened().into_iter().map(|what| what.replace("AWS key id", "AWS_key_id")).collect();
    assert_eq!(happened, wanted);
    assert!(!sent.contains("ghp_Q7xR") && !sent.contains("AKIAQ7XR"), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_that_can_not_be_written_down() {
    for full_at in 0..7 {
        let paper = Paper { full_at: Some(full_at), ..Paper::default() };
        let (ended, sent) = run(&paper, vec![vec![list()], vec![end("x", &[])]], None).await;
        let happened = paper.happened();
        assert_eq!(ended.outcome == TurnOutcome::Lost, full_at < 7, "{full_at}: {happened:?}");
        assert_eq!(sent.is_empty(), full_at == 0, "a model was asked without a word");
        assert_eq!(happened.iter().any(|what| what.starts_with("use")), full_at > 2, "{full_at}: {happened:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_heard_while_a_model_speaks_and_its_bound_counts() {
    let paper = Paper::default();
    let (ended, _) = run(&paper, vec![], Some(Duration::from_secs(3))).await;
    assert_eq!(ended.outcome, TurnOutcome::Interrupted { by: Actor::Person("deniz".into()) });
    let cancelled = format!("#called {:?} Some(NanoUsd(500))", CallEnd::Cancelled);
    assert!(paper.happened().contains(&cancelled), "{:?}", paper.happened());
}

#[tokio::test(start_paused = true)]
async fn time_is_up_for_a_model_and_not_while_a_person_is_waited_for() {
    let paper = Paper::default();
    let (ended, _) = run(&paper, vec![], None).await;
    assert!(matches!(ended.outcome, TurnOutcome::Limit { what } if what.contains("10 minutes")));
    let question = || vec![vec![end("", &[("ask_person", json!({ "question": "?" }))])], vec![end("x", &[])]];
    let slow = Paper { person: Duration::from_hours(5), ..Paper::default() };
    assert_eq!(run(&slow, question(), None).await.0.outcome, TurnOutcome::Done);
    let counted = Paper { person: Duration::from_hours(5), waits_count: true, ..Paper::default() };
    assert!(matches!(run(&counted, question(), None).await.0.outcome, TurnOutcome::Limit { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_can_not_be_paid_for_is_not_made() {
    let paper = Paper { poor: true, ..Paper::default() };
    let (ended, sent) = run(&paper, vec![vec![end("x", &[])]], None).await;
    assert_eq!(ended.outcome, TurnOutcome::Limit { what: "the day's budget".into() });
    assert!(sent.is_empty());
    assert_eq!(paper.happened().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_off_counts_with_its_bound_and_a_refusal_with_nothing() {
    let paper = Paper::default();
    run(&paper, vec![vec![Ok(Piece::Text("It".into()))]], None).await;
    assert!(paper.happened()[1].ends_with("Some(NanoUsd(500))"), "{:?}", paper.happened());
    let paper = Paper::default();
    let error = ModelError::NoCredit { provider: "acme".into(), said: "pay".into() };
    let (ended, _) = run(&paper, vec![vec![Err(error)]], None).await;
    assert!(paper.happened()[1].ends_with("Some(NanoUsd(0))"), "{:?}", paper.happened());
    assert!(matches!(ended.outcome, TurnOutcome::Failed { why, hint: Some(_) } if why.contains("acme")));
}
