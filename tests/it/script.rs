//! Models that say what a test has written down for them, and keep what they were sent.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use gonogo::{
    agent::model::{Model, ModelError, Piece, Prompt, Reply},
    control::agents::world::{Minds, NoMind, World},
    domain::{
        talk::{Message, ModelName, Stop, ToolCall},
        usage::{NanoUsd, Usage},
    },
};
use serde_json::{Value, json};

/// What a model says next.
pub enum Step {
    /// Words, and that is all.
    Say(&'static str),
    /// Calls of tools.
    Call(Vec<(&'static str, Value)>),
    /// What follows from what it was sent.
    Look(fn(&Prompt) -> Step),
    /// Nothing, ever.
    Hang,
    /// It fails.
    Fail(ModelError),
}

/// One call.
pub fn call(tool: &'static str, arguments: Value) -> Step {
    Step::Call(vec![(tool, arguments)])
}

pub fn run_job() -> Step {
    call("run_job", json!({}))
}

pub fn propose() -> Step {
    call("propose", json!({ "summary": "The name was never said; now it is." }))
}

/// A model with a script for each role.
#[derive(Clone, Default)]
pub struct Script {
    roles: Arc<BTreeMap<&'static str, Arc<Mutex<VecDeque<Step>>>>>,
    sent: Arc<Mutex<Vec<Prompt>>>,
}

impl Script {
    /// Roles and what each says; what is not written down is that there is nothing more to say.
    pub fn new(roles: Vec<(&'static str, Vec<Step>)>) -> Self {
        let queue = |(role, steps): (&'static str, Vec<Step>)| (role, Arc::new(Mutex::new(steps.into())));
        Self { roles: Arc::new(roles.into_iter().map(queue).collect()), sent: Arc::default() }
    }

    /// The world in which this is the model.
    pub fn world(&self) -> World {
        World { minds: Arc::new(self.clone()), ..World::default() }
    }

    /// Everything that was sent to any model.
    pub fn sent(&self) -> String {
        let sent = self.sent.lock().unwrap();
        let messages: Vec<&Vec<Message>> = sent.iter().map(|prompt| &prompt.messages).collect();
        serde_json::to_string_pretty(&messages).unwrap()
    }

    /// How often a model was asked.
    pub fn asked(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
}

impl Minds for Script {
    fn mind(&self, role: &str, _model: &str) -> Result<Arc<dyn Model>, NoMind> {
        let known = self.roles.get(role);
        let steps = known.ok_or_else(|| NoMind { why: format!("no model for {role}"), hint: None })?;
        Ok(Arc::new(Voice { steps: Arc::clone(steps), sent: Arc::clone(&self.sent) }))
    }

    fn window(&self, _model: &ModelName) -> u64 {
        100_000
    }
}

struct Voice {
    steps: Arc<Mutex<VecDeque<Step>>>,
    sent: Arc<Mutex<Vec<Prompt>>>,
}

fn name() -> ModelName {
    ModelName { provider: "script".into(), model: "one".into() }
}

fn reply(text: &str, calls: Vec<ToolCall>) -> Piece {
    let stop = if calls.is_empty() { Stop::Done } else { Stop::Tools };
    Piece::End(Box::new(Reply {
        message: Message::Model { text: text.to_owned(), calls: calls.clone(), wire: None },
        calls,
        stop,
        usage: Some(Usage { input: 1000, output: 50, ..Usage::default() }),
        cost: Some(NanoUsd(2_000_000)),
        model: name(),
    }))
}

impl Model for Voice {
    fn ask(&self, prompt: Prompt) -> BoxStream<'static, Result<Piece, ModelError>> {
        let mut step = self.steps.lock().unwrap().pop_front().unwrap_or(Step::Say("There is nothing more to say."));
        if let Step::Look(look) = step {
            step = look(&prompt);
        }
        self.sent.lock().unwrap().push(prompt);
        match step {
            Step::Say(text) => {
                let words = text.split_inclusive(' ').map(|word| Ok(Piece::Text(word.to_owned())));
                stream::iter(words.chain([Ok(reply(text, vec![]))]).collect::<Vec<_>>()).boxed()
            }
            Step::Call(calls) => {
                let made = calls.into_iter().enumerate().map(|(at, (tool, arguments))| ToolCall {
                    id: format!("call_{at}"),
                    tool: tool.to_owned(),
                    arguments,
                });
                stream::iter([Ok(Piece::Alive), Ok(reply("", made.collect()))]).boxed()
            }
            Step::Fail(error) => stream::iter([Err(error)]).boxed(),
            Step::Hang => stream::iter([Ok(Piece::Text("Well ".into()))]).chain(stream::pending()).boxed(),
            Step::Look(_) => unreachable!("it looks once"),
        }
    }

    fn name(&self) -> ModelName {
        name()
    }
}
