//! A conversation with an agent, as its facts have made it.

use std::collections::BTreeMap;

use crate::{
    domain::{
        actor::Actor,
        id::{Hash, ProjectId, Seq, ThreadId},
        talk::ModelName,
        time::{Millis, Timestamp},
        usage::{NanoUsd, Usage},
    },
    protocol::{
        event::Record,
        thread::{About, Attached, ModelCall, Scope, ThreadEvent, TurnOutcome, Wish, Woken},
    },
};

/// A conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Thread {
    /// Its number.
    pub id: ThreadId,
    /// The project that it is about.
    pub project: Option<ProjectId>,
    /// What it is about, more exactly.
    pub about: About,
    /// The role that answers.
    pub role: String,
    /// The model that was chosen for it; empty: the role's own.
    pub model: String,
    /// Shown for it.
    pub title: String,
    /// Who began it.
    pub by: Actor,
    /// When it was begun.
    pub opened_at: Timestamp,
    /// When something was last said or done in it.
    pub touched_at: Timestamp,
    /// The record of that.
    pub touched: Seq,
    /// What was said and done, oldest first.
    pub entries: Vec<Entry>,
    /// How each turn came about and ended, oldest first.
    pub trail: Vec<Trod>,
    /// Turns so far.
    pub turns: u32,
    /// The turn that is under way.
    pub turn: Option<Turn>,
    /// How the last turn ended.
    pub outcome: Option<TurnOutcome>,
    /// What somebody said that no turn has taken up yet: so many of the last entries of [`What::Said`].
    pub waiting: u32,
    /// The turn before is to be tried once more: who wants that.
    pub again: Option<Actor>,
    /// What waits for a person, by number.
    pub wishes: BTreeMap<u32, Asked>,
    /// Permissions that were asked for so far.
    pub permissions: u32,
    /// What was allowed for as long as it goes on.
    pub allowed: Vec<Wish>,
    /// By whom, in the same order.
    pub allowed_by: Vec<Actor>,
    /// Tokens of all calls.
    pub usage: Usage,
    /// What they cost.
    pub cost: NanoUsd,
    /// Calls without a known price.
    pub unpriced: u32,
    /// Tokens of the last call's prompt: how full the context is.
    pub context: u64,
    /// The model that was last asked.
    pub last_model: Option<ModelName>,
    /// It is no longer shown.
    pub closed: bool,
    /// It was closed, or is not one of the newest: state does not have what was said, which is read from the log. It can only be
    /// looked at.
    pub aside: bool,
    /// Messages that somebody ever said in it.
    said: u32,
}

/// A turn under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Its number.
    pub number: u32,
    /// What woke the agent.
    pub why: Woken,
    /// Since when.
    pub since: Timestamp,
    /// A model is being asked: which, since when, what was set aside for it.
    pub asked: Option<(ModelName, Timestamp, Option<NanoUsd>)>,
}

/// A turn that was begun: what is not said in its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trod {
    /// Its number.
    pub turn: u32,
    /// What woke the agent.
    pub why: Woken,
    /// When.
    pub at: Timestamp,
    /// Hashes of what models were sent.
    pub prompts: Vec<Hash>,
    /// How it ended, and when.
    pub ended: Option<(TurnOutcome, Timestamp)>,
}

/// A permission that is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What for.
    pub wish: Wish,
    /// Since when.
    pub since: Timestamp,
}

/// Something that was said or done.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// The record that says so.
    pub seq: Seq,
    /// What.
    pub what: What,
}

/// What was said or done.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Somebody said something.
    Said {
        /// Who.
        by: Actor,
        /// Which of all that was ever said here: 0 is the first.
        number: u32,
        /// In their words.
        text: String,
        /// What was given along.
        attached: Vec<Attached>,
    },
    /// The agent said something.
    Answered {
        /// In which turn.
        turn: u32,
        /// Its words, as Markdown.
        text: String,
    },
    /// The agent used a tool.
    Tool {
        /// In which turn.
        turn: u32,
        /// Name of the call.
        call: String,
        /// Name of the tool.
        tool: String,
        /// Its arguments as JSON.
        arguments: String,
        /// What came of it; `None` while it is at work.
        answer: Option<ToolAnswer>,
    },
    /// A model was called.
    Called {
        /// In which turn.
        turn: u32,
        /// How, and what it cost.
        call: Box<ModelCall>,
    },
    /// A permission was answered.
    Permitted {
        /// What for.
        wish: Wish,
        /// Allowed, or not.
        go: bool,
        /// For how long.
        scope: Scope,
        /// By whom.
        by: Actor,
        /// In their words.
        why: String,
    },
    /// A turn ended otherwise than well.
    Ended {
        /// Which.
        turn: u32,
        /// How.
        outcome: TurnOutcome,
    },
}

/// What came of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolAnswer {
    /// It worked.
    pub ok: bool,
    /// What the model was told.
    pub text: String,
    /// How long it took.
    pub took: Millis,
}

impl Thread {
    /// Folds a fact in.
    pub(super) fn apply(threads: &mut BTreeMap<ThreadId, Self>, id: ThreadId, event: &ThreadEvent, record: &Record) {
        if let ThreadEvent::Opened { project, about, role, title, by } = event {
            let thread = Self::opened(id, *project, about.clone(), (role.clone(), title.clone()), by.clone(), record);
            threads.insert(id, thread);
        } else if let Some(thread) = threads.get_mut(&id) {
            thread.touched = record.seq;
            thread.touched_at = record.at;
            thread.take(event, record);
        }
    }

    fn opened(
        id: ThreadId,
        project: Option<ProjectId>,
        about: About,
        (role, title): (String, String),
        by: Actor,
        record: &Record,
    ) -> Self {
        Self {
            id,
            project,
            about,
            role,
            model: String::new(),
            title,
            by,
            opened_at: record.at,
            touched_at: record.at,
            touched: record.seq,
            entries: Vec::new(),
            trail: Vec::new(),
            turns: 0,
            turn: None,
            outcome: None,
            waiting: 0,
            again: None,
            wishes: BTreeMap::new(),
            permissions: 0,
            allowed: Vec::new(),
            allowed_by: Vec::new(),
            usage: Usage::default(),
            cost: NanoUsd(0),
            unpriced: 0,
            context: 0,
            last_model: None,
            closed: false,
            aside: false,
            said: 0,
        }
    }

    fn take(&mut self, event: &ThreadEvent, record: &Record) {
        match event {
            ThreadEvent::Opened { .. } | ThreadEvent::Unknown => {}
            ThreadEvent::Changed { title, role, model } => {
                self.title.clone_from(title.as_ref().unwrap_or(&self.title.clone()));
                self.role.clone_from(role.as_ref().unwrap_or(&self.role.clone()));
                self.model.clone_from(model.as_ref().unwrap_or(&self.model.clone()));
            }
            ThreadEvent::Said { by, text, attached } => {
                let number = self.said;
                self.said += 1;
                let said = What::Said { by: by.clone(), number, text: text.clone(), attached: attached.clone() };
                self.enter(record, said);
                self.waiting += 1;
            }
            ThreadEvent::AgainWanted { by } => self.again = Some(by.clone()),
            ThreadEvent::TakenBack { from, .. } => self.take_back(*from),
            ThreadEvent::TurnStarted { turn, why } => {
                self.turns = self.turns.max(*turn);
                self.waiting = 0;
                self.again = None;
                self.outcome = None;
                self.turn = Some(Turn { number: *turn, why: why.clone(), since: record.at, asked: None });
                if !self.aside {
                    let trod = Trod { turn: *turn, why: why.clone(), at: record.at, prompts: Vec::new(), ended: None };
                    self.trail.push(trod);
                }
            }
            ThreadEvent::Asked { model, bound, prompt, .. } => {
                if let Some(trod) = self.trail.last_mut() {
                    trod.prompts.push(prompt.clone());
                }
                self.last_model = Some(model.clone());
                if let Some(turn) = &mut self.turn {
                    turn.asked = Some((model.clone(), record.at, *bound));
                }
            }
            ThreadEvent::Called { turn, call } => {
                if let Some(turn) = &mut self.turn {
                    turn.asked = None;
                }
                self.usage += call.usage;
                self.cost += call.cost.unwrap_or_default();
                self.unpriced += u32::from(call.cost.is_none());
                if call.usage.prompt() > 0 {
                    self.context = call.usage.prompt() + call.usage.output;
                }
                self.enter(record, What::Called { turn: *turn, call: call.clone() });
            }
            ThreadEvent::Answered { turn, text } => {
                self.enter(record, What::Answered { turn: *turn, text: text.clone() });
            }
            ThreadEvent::ToolAsked { turn, call, tool, arguments } => {
                let (call, tool, arguments) = (call.clone(), tool.clone(), arguments.clone());
                self.enter(record, What::Tool { turn: *turn, call, tool, arguments, answer: None });
            }
            ThreadEvent::ToolAnswered { turn, call, ok, text, took } => self.answer(*turn, call, (*ok, text, *took)),
            ThreadEvent::PermissionAsked { number, wish } => {
                self.permissions = self.permissions.max(*number);
                self.wishes.insert(*number, Asked { wish: wish.clone(), since: record.at });
            }
            ThreadEvent::PermissionAnswered { number, go, scope, by, why } => {
                let Some(Asked { wish, .. }) = self.wishes.remove(number) else { return };
                if *go && *scope == Scope::Thread {
                    self.allowed.push(wish.clone());
                    self.allowed_by.push(by.clone());
                }
                let (go, scope, by, why) = (*go, scope.clone(), by.clone(), why.clone());
                self.enter(record, What::Permitted { wish, go, scope, by, why });
            }
            ThreadEvent::TurnEnded { turn, outcome } => {
                self.turn = None;
                self.wishes.clear();
                self.outcome = Some(outcome.clone());
                if let Some(trod) = self.trail.iter_mut().rev().find(|trod| trod.turn == *turn) {
                    trod.ended = Some((outcome.clone(), record.at));
                }
                if *outcome != TurnOutcome::Done {
                    self.enter(record, What::Ended { turn: *turn, outcome: outcome.clone() });
                }
            }
            ThreadEvent::Closed { .. } => self.closed = true,
        }
    }

    fn enter(&mut self, record: &Record, what: What) {
        if self.aside {
            return;
        }
        self.entries.push(Entry { at: record.at, seq: record.seq, what });
    }

    fn take_back(&mut self, from: u32) {
        let first = |entry: &Entry| matches!(entry.what, What::Said { number, .. } if number == from);
        if let Some(at) = self.entries.iter().position(first) {
            // What it cost stays: it was spent.
            self.entries.truncate(at);
            self.said = from;
            self.waiting = 0;
            self.again = None;
            self.outcome = None;
        }
    }

    fn answer(&mut self, of: u32, name: &str, (ok, text, took): (bool, &str, Millis)) {
        let calls = self.entries.iter_mut().rev();
        for entry in calls {
            if let What::Tool { turn, call, answer: answer @ None, .. } = &mut entry.what
                && *turn == of
                && call == name
            {
                *answer = Some(ToolAnswer { ok, text: text.to_owned(), took });
                return;
            }
        }
    }

    /// Puts it aside: what was said is read from the log where somebody wants it.
    pub(super) fn put_aside(&mut self) {
        self.aside = true;
        self.entries = Vec::new();
        self.trail = Vec::new();
    }

    /// Nothing is under way in it, or waits.
    pub fn is_quiet(&self) -> bool {
        self.turn.is_none() && self.waiting == 0 && self.again.is_none() && self.wishes.is_empty()
    }

    /// An agent has to be woken: somebody said something, or wants the last turn once more, and none is under way.
    pub fn wants_a_turn(&self) -> Option<Woken> {
        if self.turn.is_some() || self.closed {
            return None;
        }
        match &self.again {
            Some(by) => Some(Woken::Again { by: by.clone() }),
            None => (self.waiting > 0).then_some(Woken::Said),
        }
    }

    /// Something was done in the turn that is under way.
    pub fn has_begun(&self) -> bool {
        let Some(turn) = &self.turn else { return false };
        let of_turn = |entry: &Entry| match &entry.what {
            What::Answered { turn, .. } | What::Tool { turn, .. } | What::Called { turn, .. } => Some(*turn),
            What::Said { .. } | What::Permitted { .. } | What::Ended { .. } => None,
        };
        turn.asked.is_some() || self.entries.iter().rev().any(|entry| of_turn(entry) == Some(turn.number))
    }

    /// The word shown for how it stands.
    pub fn word(&self) -> &'static str {
        match (&self.turn, &self.outcome) {
            _ if !self.wishes.is_empty() => "asks",
            (Some(turn), _) if turn.asked.is_some() => "thinking",
            (Some(_), _) => "working",
            (None, Some(TurnOutcome::Done)) => "answered",
            (None, Some(TurnOutcome::Limit { .. })) => "limit",
            (None, Some(TurnOutcome::Stuck { .. })) => "stuck",
            (None, Some(TurnOutcome::Refused { .. })) => "refused",
            (None, Some(TurnOutcome::Failed { .. } | TurnOutcome::Unknown)) => "failed",
            (None, Some(TurnOutcome::Interrupted { .. })) => "stopped",
            (None, Some(TurnOutcome::Lost)) => "lost",
            (None, None) => "new",
        }
    }
}
