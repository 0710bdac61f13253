//! Facts about conversations with agents: what was said, what each call of a model used and cost, what tools did.
//!
//! Text is redacted before it becomes a fact. What streams meanwhile is telemetry ([`super::telemetry::Telemetry::Streamed`]): the fact of
//! a whole answer follows.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::{
    actor::Actor,
    id::{Hash, JobKey, ProjectId, ProposalId, RunId, ThreadId},
    talk::{ModelName, Stop},
    time::Millis,
    usage::{NanoUsd, Usage},
};

/// What is wanted of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "talk")]
pub enum ThreadCommand {
    /// Say something to an agent. While it works, this waits for its turn.
    Say {
        /// In which conversation; `None`: in a new one, of the project at `root`.
        thread: Option<ThreadId>,
        /// Absolute path of the checkout that a new one is about.
        root: Option<PathBuf>,
        /// What a new one is about, more exactly.
        about: About,
        /// Who answers in a new one; `None`: the operator.
        role: Option<String>,
        /// The named model that answers in a new one; `None`: the role's own.
        #[serde(default)]
        model: Option<String>,
        /// In their words.
        text: String,
        /// What is given along.
        attached: Vec<Attached>,
    },
    /// Stop the turn that is under way.
    Interrupt {
        /// Of which conversation.
        thread: ThreadId,
    },
    /// Try the last turn once more.
    Again {
        /// Of which conversation.
        thread: ThreadId,
    },
    /// Take back what was said from this message on, and all answers to it.
    TakeBack {
        /// In which conversation.
        thread: ThreadId,
        /// The first message that no longer counts; 0 is the first.
        from: u32,
    },
    /// Another title, role or model.
    Change {
        /// Of which conversation.
        thread: ThreadId,
        /// The title.
        title: Option<String>,
        /// The role.
        role: Option<String>,
        /// A named model; an empty text: the role's own.
        model: Option<String>,
    },
    /// Show it no longer.
    Close {
        /// Which.
        thread: ThreadId,
    },
    /// Answer a question of an agent: may it do this?
    Allow {
        /// In which conversation.
        thread: ThreadId,
        /// Which question.
        number: u32,
        /// Allowed, or not.
        go: bool,
        /// For how long.
        scope: Scope,
        /// In words: the answer to a question, or why not.
        why: String,
    },
}

/// What happened in a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ThreadEvent {
    /// It begins.
    Opened {
        /// The project that it is about.
        project: Option<ProjectId>,
        /// What it is about, more exactly.
        about: About,
        /// The role that answers: a name of `assets/roles`, or of the user's own.
        role: String,
        /// Shown for it.
        title: String,
        /// By whom.
        by: Actor,
    },
    /// It has another title, role or model from now on.
    Changed {
        /// The title.
        #[serde(default)]
        title: Option<String>,
        /// The role.
        #[serde(default)]
        role: Option<String>,
        /// A named model of `config.toml`; an empty text: the role's own.
        #[serde(default)]
        model: Option<String>,
    },
    /// Somebody said something to the agent. It answers when everything before has been answered.
    Said {
        /// Who.
        by: Actor,
        /// In their words.
        text: String,
        /// What was given along.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attached: Vec<Attached>,
    },
    /// What was said from this message on (0 is the first [`ThreadEvent::Said`]) was taken back, with all answers to it.
    TakenBack {
        /// The first that no longer counts.
        from: u32,
        /// By whom.
        by: Actor,
    },
    /// The last turn is to be tried once more.
    AgainWanted {
        /// Who wants that.
        by: Actor,
    },
    /// The agent goes to work. Written before a model is asked.
    TurnStarted {
        /// 1 is the first of this conversation.
        turn: u32,
        /// What woke it.
        why: Woken,
    },
    /// A model is being asked. Written before it is.
    Asked {
        /// In which turn.
        turn: u32,
        /// Which model.
        model: ModelName,
        /// Hash of all that it is sent.
        prompt: Hash,
        /// What this can cost at most; set aside of the budgets. `None`: the model has no price.
        bound: Option<NanoUsd>,
    },
    /// A model answered, or did not.
    Called {
        /// In which turn.
        turn: u32,
        /// What it used and cost.
        call: Box<ModelCall>,
    },
    /// The agent said something.
    Answered {
        /// In which turn.
        turn: u32,
        /// Its text, as Markdown.
        text: String,
    },
    /// The agent uses a tool. Written before it is used.
    ToolAsked {
        /// In which turn.
        turn: u32,
        /// Name of this call.
        call: String,
        /// Name of the tool.
        tool: String,
        /// Its arguments as JSON, at most 8 KiB of them.
        arguments: String,
    },
    /// A tool gave an answer.
    ToolAnswered {
        /// In which turn.
        turn: u32,
        /// Name of the call.
        call: String,
        /// It worked.
        ok: bool,
        /// What the model is told, at most 8 KiB of it.
        text: String,
        /// How long it took.
        took: Millis,
    },
    /// The agent wants to do something that a person has to allow. It waits.
    PermissionAsked {
        /// 1 is the first of this conversation.
        number: u32,
        /// What.
        wish: Wish,
    },
    /// That was answered.
    PermissionAnswered {
        /// Which.
        number: u32,
        /// Allowed, or not.
        go: bool,
        /// For how long.
        scope: Scope,
        /// Who answered, or which rule did.
        by: Actor,
        /// In their words.
        #[serde(default)]
        why: String,
    },
    /// The turn ended.
    TurnEnded {
        /// Which.
        turn: u32,
        /// How.
        outcome: TurnOutcome,
    },
    /// It is no longer shown.
    Closed {
        /// By whom.
        by: Actor,
    },
    /// Written by a newer version.
    #[serde(other)]
    Unknown,
}

/// What a conversation is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// A run.
    pub run: Option<RunId>,
    /// A job of it.
    pub job: Option<JobKey>,
    /// A repair of that job: it is the conversation of an agent that repairs.
    pub repair: Option<u32>,
    /// A proposal: it is the conversation of an agent that reviews it.
    pub proposal: Option<ProposalId>,
}

/// What was given along with words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// As it was named: `@file src/lib.rs`, `@log 12/test`, `@run 12`, `@diff`.
    pub name: String,
    /// What it was then, redacted, at most 64 KiB.
    pub text: String,
}

/// What woke an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Woken {
    /// Somebody said something.
    Said,
    /// The turn before is tried once more.
    Again {
        /// Who wants that.
        by: Actor,
    },
    /// A job failed, and no other fixer mended it.
    Repair,
    /// A proposal is to be looked at before a person sees it.
    Review,
    /// Written by a newer version.
    #[serde(other)]
    Unknown,
}

/// One call of a model: a row of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelCall {
    /// Which model.
    pub model: ModelName,
    /// Tokens.
    pub usage: Usage,
    /// What it cost; `None`: no price is known.
    pub cost: Option<NanoUsd>,
    /// What says so: a row of the price table with its date, or `provider`.
    #[serde(default)]
    pub priced_by: String,
    /// Until the first piece of the answer.
    pub first: Millis,
    /// Until its end.
    pub took: Millis,
    /// How often it was tried before.
    #[serde(default)]
    pub retries: u32,
    /// How it ended.
    pub end: CallEnd,
}

/// How a call of a model ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum CallEnd {
    /// With an answer.
    Answered {
        /// Why it stopped there.
        stop: Stop,
    },
    /// It failed.
    Failed {
        /// Why.
        why: String,
    },
    /// It was stopped.
    Cancelled,
    /// gonogo ended while it was under way: what was set aside for it counts as spent.
    Lost,
}

/// Something that an agent may not do by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Wish {
    /// Run a command in its workspace.
    Run {
        /// The command line.
        command: String,
        /// Why, in the agent's words.
        why: String,
    },
    /// Have gonogo do what a key would do.
    Verb {
        /// As the command line has it: `retry 12`.
        verb: String,
        /// Why, in the agent's words.
        why: String,
        /// It can't be taken back, or reaches others.
        high: bool,
    },
    /// An answer to a question of its own.
    Question {
        /// The question.
        question: String,
    },
    /// Written by a newer version.
    #[serde(other)]
    Unknown,
}

/// For how long something is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "scope")]
pub enum Scope {
    /// This once.
    #[default]
    Once,
    /// As long as this conversation goes on.
    Thread,
    /// Always, what fits this pattern.
    Always {
        /// The pattern: the words of a command, `*` for any rest.
        pattern: String,
    },
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum TurnOutcome {
    /// The agent has said all.
    Done,
    /// A limit was reached: turns, tokens, money, time.
    Limit {
        /// Which.
        what: String,
    },
    /// It made no progress: the same call three times, or nothing but errors.
    Stuck {
        /// What it kept doing.
        what: String,
    },
    /// The model, or its provider, refused.
    Refused {
        /// Why.
        why: String,
    },
    /// No model could be asked.
    Failed {
        /// Why.
        why: String,
        /// What to do about it.
        #[serde(default)]
        hint: Option<String>,
    },
    /// It was stopped.
    Interrupted {
        /// By whom.
        by: Actor,
    },
    /// gonogo ended meanwhile.
    Lost,
    /// Written by a newer version.
    #[serde(other)]
    Unknown,
}
