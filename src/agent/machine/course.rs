//! The state of a turn, and what each event makes of it.

use serde_json::Value;

use crate::{
    agent::{
        model::{ModelError, Prompt, Reply},
        tool::{Action, Toolbox},
    },
    domain::{
        actor::Actor,
        talk::{Message, Stop, ToolCall, ToolResult},
        usage::NanoUsd,
    },
    protocol::thread::TurnOutcome,
};

use super::{
    Key, compact,
    effect::Effect,
    event::{Event, Permit},
    limit::{Limits, Spent},
    stuck::Watch,
};

/// Said to a model that has answered nothing.
const NUDGE: &str = "Your answer was empty. Say what you found, or use a tool.";

/// Said to a model that was cut off by the limit of one answer.
const GO_ON: &str = "Your answer was cut off. Go on exactly where it stopped.";

/// What a turn begins with.
#[derive(Clone, Debug)]
pub struct Begin {
    /// How far it may go.
    pub limits: Limits,
    /// Tokens of context that the model has.
    pub window: u64,
    /// The tools.
    pub tools: Toolbox,
    /// The conversation so far, what it is to be first.
    pub messages: Vec<Message>,
}

/// A turn under way.
#[derive(Clone, Debug)]
pub struct Course {
    limits: Limits,
    window: u64,
    tools: Toolbox,
    messages: Vec<Message>,
    phase: Phase,
    calls: Vec<Call>,
    next: u32,
    spent: Spent,
    watch: Watch,
    /// A context that was too long was made shorter.
    squeezed: bool,
    /// It was told that it had answered nothing.
    nudged: bool,
    /// It was told to go on.
    continued: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Asking,
    Using,
    Ended,
}

/// A call of the round under way.
#[derive(Clone, Debug)]
struct Call {
    key: Key,
    call: ToolCall,
    stand: Stand,
}

#[derive(Clone, Debug)]
enum Stand {
    Waiting(Action),
    Permitting(Action),
    Using(Action),
    /// Whether it worked, whether it was one that changes something, and whether it ends the turn.
    Answered {
        ok: bool,
        text: String,
        changes: bool,
        ends: bool,
    },
}

impl Course {
    /// A turn that begins with [`Event::Begin`].
    pub fn new(begin: Begin) -> Self {
        Self {
            limits: begin.limits,
            window: begin.window,
            tools: begin.tools,
            messages: begin.messages,
            phase: Phase::New,
            calls: Vec::new(),
            next: 0,
            spent: Spent::default(),
            watch: Watch::default(),
            squeezed: false,
            nudged: false,
            continued: false,
        }
    }

    /// What it has used so far.
    pub fn spent(&self) -> Spent {
        self.spent
    }

    /// It has ended: nothing follows any more.
    pub fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Takes in what happened, and says what to do. What comes too late, or out of order, changes nothing.
    pub fn take(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match (event, self.phase) {
            (_, Phase::Ended) => {}
            (Event::Interrupted { by }, _) => self.stop(TurnOutcome::Interrupted { by }, &mut effects),
            (Event::TimeUp, _) => {
                let what = format!("{} minutes for a turn", self.limits.time.as_secs().div_ceil(60));
                self.stop(TurnOutcome::Limit { what }, &mut effects);
            }
            (Event::Begin, Phase::New) => self.ask(&mut effects),
            (Event::Piece { text, reasoning }, Phase::Asking) => effects.push(Effect::Show { text, reasoning }),
            (Event::Replied { reply, cost }, Phase::Asking) => self.replied(*reply, cost, &mut effects),
            (Event::Failed { error }, Phase::Asking) => self.failed(&error, &mut effects),
            (Event::NotAsked { outcome }, Phase::Asking) => self.end(outcome, &mut effects),
            (Event::Permitted { key, permit }, Phase::Using) => self.permitted(key, permit, &mut effects),
            (Event::Used { key, ok, text }, Phase::Using) => self.used(key, ok, text, &mut effects),
            (
                Event::Begin
                | Event::Piece { .. }
                | Event::Replied { .. }
                | Event::Failed { .. }
                | Event::NotAsked { .. }
                | Event::Permitted { .. }
                | Event::Used { .. },
                _,
            ) => {}
        }
        effects
    }

    fn ask(&mut self, effects: &mut Vec<Effect>) {
        if let Some(what) = self.limits.passed(&self.spent) {
            return self.end(TurnOutcome::Limit { what }, effects);
        }
        let room = self.window.saturating_sub(u64::from(self.limits.output));
        // Of a model whose window nobody knows, the provider says when it is full.
        if room > 0 {
            compact::compact(&mut self.messages, self.tools.specs(), room - room / 10);
        }
        self.phase = Phase::Asking;
        let prompt = Prompt {
            messages: self.messages.clone(),
            tools: self.tools.specs().to_vec(),
            max_output: self.limits.output,
        };
        effects.push(Effect::Ask { prompt, left: self.limits.left(&self.spent) });
    }

    fn replied(&mut self, reply: Reply, cost: Option<NanoUsd>, effects: &mut Vec<Effect>) {
        self.spent.add(reply.usage, cost);
        let text = match &reply.message {
            Message::Model { text, .. } => text.clone(),
            _ => String::new(),
        };
        let silent = text.trim().is_empty();
        if !silent {
            effects.push(Effect::Say { text });
        }
        if let Stop::Refused { why } = reply.stop {
            let why = if why.trim().is_empty() { "the model refused".into() } else { why };
            return self.end(TurnOutcome::Refused { why }, effects);
        }
        if silent && reply.calls.is_empty() {
            if std::mem::replace(&mut self.nudged, true) {
                let hint = Some("ask again, or choose another model".into());
                return self
                    .end(TurnOutcome::Failed { why: "the model answered nothing, twice".into(), hint }, effects);
            }
            self.messages.push(Message::User { text: NUDGE.into() });
            return self.ask(effects);
        }
        self.messages.push(reply.message);
        if reply.calls.is_empty() {
            if reply.stop != Stop::Length {
                return self.end(TurnOutcome::Done, effects);
            }
            if std::mem::replace(&mut self.continued, true) {
                let what = format!("{} tokens of one answer", self.limits.output);
                return self.end(TurnOutcome::Limit { what }, effects);
            }
            self.messages.push(Message::User { text: GO_ON.into() });
            return self.ask(effects);
        }
        self.phase = Phase::Using;
        self.calls.clear();
        for call in reply.calls {
            let key = Key(self.next);
            self.next += 1;
            effects.push(Effect::Call { key, call: call.clone() });
            let stand = match self.tools.read(&call) {
                Ok(action) => Stand::Waiting(action),
                Err(text) => {
                    effects.push(Effect::Told { key, ok: false, text: text.clone() });
                    Stand::Answered { ok: false, text, changes: false, ends: false }
                }
            };
            self.calls.push(Call { key, call, stand });
        }
        self.go_on(effects);
    }

    /// Begins what can begin: what only reads goes side by side, everything else one after the other, in the model's order.
    fn go_on(&mut self, effects: &mut Vec<Effect>) {
        let mut busy = false;
        for call in &mut self.calls {
            match &call.stand {
                Stand::Answered { .. } => {}
                Stand::Using(action) | Stand::Permitting(action) if action.reads() => busy = true,
                Stand::Using(_) | Stand::Permitting(_) => return,
                Stand::Waiting(action) => {
                    if busy && !action.reads() {
                        return;
                    }
                    let (key, action, reads) = (call.key, action.clone(), action.reads());
                    if action.asks() {
                        effects.push(Effect::Permit { key, action: action.clone() });
                        call.stand = Stand::Permitting(action);
                    } else {
                        effects.push(Effect::Use { key, action: action.clone() });
                        call.stand = Stand::Using(action);
                    }
                    if !reads {
                        return;
                    }
                    busy = true;
                }
            }
        }
        if !busy {
            self.round_ended(effects);
        }
    }

    fn round_ended(&mut self, effects: &mut Vec<Effect>) {
        let mut made = Vec::new();
        let mut ends_turn = false;
        for Call { call, stand, .. } in self.calls.drain(..) {
            let Stand::Answered { ok, text, changes, ends } = stand else { continue };
            ends_turn |= ok && ends;
            let result = ToolResult { call: call.id.clone(), text, ok };
            self.messages.push(Message::Tool { result });
            made.push((call, ok, changes));
        }
        if ends_turn {
            return self.end(TurnOutcome::Done, effects);
        }
        let stuck = self.watch.round(made.iter().map(|(call, ok, changes)| (call, *ok, *changes)));
        match stuck {
            Some(what) => self.end(TurnOutcome::Stuck { what }, effects),
            None => self.ask(effects),
        }
    }

    fn permitted(&mut self, key: Key, permit: Permit, effects: &mut Vec<Effect>) {
        let Some(call) = self.calls.iter_mut().find(|call| call.key == key) else { return };
        let Stand::Permitting(action) = &call.stand else { return };
        let (action, changes) = (action.clone(), action.changes());
        match permit {
            Permit::Go { words } if action.is_question() => {
                self.answer(key, (true, changes, false), words, effects);
            }
            Permit::Go { .. } => {
                effects.push(Effect::Use { key, action: action.clone() });
                call.stand = Stand::Using(action);
            }
            Permit::No { why } => {
                self.answer(key, (false, changes, false), format!("not allowed: {why}"), effects);
            }
        }
    }

    fn used(&mut self, key: Key, ok: bool, text: String, effects: &mut Vec<Effect>) {
        let Some(call) = self.calls.iter().find(|call| call.key == key) else { return };
        let Stand::Using(action) = &call.stand else { return };
        let (changes, ends) = (action.changes(), action.ends());
        self.answer(key, (ok, changes, ends), text, effects);
    }

    fn answer(&mut self, key: Key, (ok, changes, ends): (bool, bool, bool), text: String, effects: &mut Vec<Effect>) {
        effects.push(Effect::Told { key, ok, text: text.clone() });
        if let Some(call) = self.calls.iter_mut().find(|call| call.key == key) {
            call.stand = Stand::Answered { ok, text, changes, ends };
        }
        self.go_on(effects);
    }

    fn failed(&mut self, error: &ModelError, effects: &mut Vec<Effect>) {
        if let ModelError::TooLong { .. } = error {
            let half = compact::estimate(&self.messages, self.tools.specs()) / 2;
            if !std::mem::replace(&mut self.squeezed, true)
                && compact::compact(&mut self.messages, self.tools.specs(), half)
            {
                return self.ask(effects);
            }
        }
        let hint = hint(error).map(str::to_owned);
        self.end(TurnOutcome::Failed { why: error.to_string(), hint }, effects);
    }

    /// Ends it while something may be under way.
    fn stop(&mut self, outcome: TurnOutcome, effects: &mut Vec<Effect>) {
        if self.phase == Phase::Asking {
            effects.push(Effect::Hush);
        }
        for call in self.calls.drain(..) {
            match call.stand {
                Stand::Answered { .. } => continue,
                Stand::Permitting(_) | Stand::Using(_) => effects.push(Effect::Drop { key: call.key }),
                Stand::Waiting(_) => {}
            }
            effects.push(Effect::Told { key: call.key, ok: false, text: "stopped".into() });
        }
        self.end(outcome, effects);
    }

    fn end(&mut self, outcome: TurnOutcome, effects: &mut Vec<Effect>) {
        self.phase = Phase::Ended;
        self.calls.clear();
        effects.push(Effect::End { outcome });
    }
}

/// What to do about a model that does not answer.
fn hint(error: &ModelError) -> Option<&'static str> {
    Some(match error {
        ModelError::RateLimited { .. } | ModelError::Unavailable { .. } | ModelError::Resting { .. } => {
            "wait a little, then try again; a fallback in config.toml takes over by itself"
        }
        ModelError::NoCredit { .. } => "buy credit there, or name another model for this role in config.toml",
        ModelError::Unreachable { .. } => "look at the network and at the provider's address in config.toml",
        ModelError::Denied { .. } => "look at the provider's key: `gonogo doctor` says where it is read from",
        ModelError::TooLong { .. } => "begin a new conversation, or choose a model with a larger context",
        ModelError::BadRequest { .. } => "look at the model's name in config.toml",
        ModelError::BrokenOff { .. } => "try again",
    })
}

/// Who stops it where nobody in particular does.
impl Course {
    /// The event of a stop by gonogo itself.
    pub fn stopped_by_gonogo() -> Event {
        Event::Interrupted { by: Actor::Policy }
    }
}

/// An object, where a model gave none for a tool without arguments.
pub(crate) fn no_arguments(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}
