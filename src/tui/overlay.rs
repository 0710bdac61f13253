//! What stands over the panes.

use std::time::Duration;

use crate::{
    domain::{id::ApprovalId, time::Millis},
    state::away::Item,
};

use super::{ui::Effect, widget::text_input::TextInput};

/// Something over the panes that has the keys.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// All keys.
    Help {
        /// First line shown.
        scroll: usize,
    },
    /// Everything by name.
    Palette {
        /// What has been typed.
        input: TextInput,
        /// The chosen entry.
        chosen: usize,
    },
    /// A question with y and n.
    Confirm(Confirm),
    /// A question that is answered by typing a word.
    Typed {
        /// What is asked; its lines.
        text: Vec<String>,
        /// The word.
        word: String,
        /// What has been typed.
        input: TextInput,
        /// What is done then.
        then: Vec<Effect>,
    },
    /// Words with a NO-GO.
    Words {
        /// Which question.
        approval: ApprovalId,
        /// What has been typed.
        input: TextInput,
    },
    /// The answer to a question of an agent.
    Reply {
        /// Which question.
        approval: ApprovalId,
        /// What has been typed.
        input: TextInput,
    },
    /// The pattern of what is always to be allowed: read it, change it, confirm it.
    Pattern {
        /// Which question.
        approval: ApprovalId,
        /// The pattern.
        input: TextInput,
        /// When it came up: what was typed before it could be read confirms nothing.
        since: Duration,
    },
    /// What agents may do without asking.
    Rules {
        /// The chosen one.
        chosen: usize,
    },
    /// Who is attached.
    People,
    /// What happened while the person was away.
    Away {
        /// How long that was.
        gone: Millis,
        /// What.
        list: Vec<Item>,
        /// The chosen one.
        chosen: usize,
    },
    /// A long text.
    Text {
        /// What it is.
        title: String,
        /// Its lines.
        lines: Vec<String>,
        /// The first that is shown.
        scroll: usize,
        /// What was looked for in it.
        pattern: String,
        /// What is being typed to be looked for.
        field: Option<TextInput>,
    },
    /// The connection stays lost: what that means.
    Cut,
    /// Which pipeline to start.
    Start {
        /// What has been typed.
        input: TextInput,
        /// Pipelines that are known from earlier runs.
        known: Vec<String>,
        /// The chosen one.
        chosen: usize,
    },
}

/// A question with y and n.
#[derive(Clone, Debug)]
pub struct Confirm {
    /// What is asked; its lines.
    pub text: Vec<String>,
    /// What is done on y.
    pub then: Vec<Effect>,
    /// When it came up: an answer that was typed before it could be read doesn't count.
    pub since: Duration,
}
