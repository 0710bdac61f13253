//! What pane 5 remembers: which conversation is shown, where in it, what is being typed, and what is being said meanwhile.

pub mod draft;
pub mod export;
pub mod fixture;
pub mod live;
pub mod page;
pub mod slash;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::id::{ProjectId, Seq, ThreadId},
    state::{board::State, thread::Thread},
};

use super::widget::{
    composer::{Composer, Edit},
    text_input::TextInput,
};

use draft::Draft;
use live::Live;
use page::Page;

/// Conversations that were read from the log are kept, at most.
const RECALLED: usize = 4;

/// Pane 5.
#[derive(Debug, Default)]
pub struct ThreadPane {
    /// It is on the screen.
    pub open: bool,
    /// The chosen one of the list.
    pub chosen: Option<ThreadId>,
    /// First row of the list that is shown.
    pub list_scroll: usize,
    /// The conversation that is shown; `None`: the list.
    pub shown: Option<ThreadId>,
    /// What is being typed.
    pub input: Composer,
    /// Letters go into it.
    pub typing: bool,
    /// What is typed takes the place of this message and of all that came after it.
    pub editing: Option<u32>,
    /// What is on its way, until it is taken.
    pub draft: Option<Draft>,
    /// Who is to answer in the next new conversation.
    pub role: Option<String>,
    /// Which model is to answer there.
    pub model: Option<String>,
    /// What could be meant by what is being typed.
    pub offered: Vec<String>,
    /// How far back in what was said earlier: 1 is the last.
    pub back: usize,
    /// The conversation as rows.
    pub page: Page,
    /// First row shown.
    pub top: usize,
    /// The reader has scrolled away from the end: rows that there were then.
    pub left_at: Option<usize>,
    /// Uses of tools that are unfolded.
    pub unfolded: BTreeSet<Seq>,
    /// The chosen use of a tool.
    pub tool: Option<Seq>,
    /// What is being said, by conversation.
    pub live: BTreeMap<ThreadId, Live>,
    /// Up to where each was read on this board.
    pub seen: BTreeMap<ThreadId, Seq>,
    /// What was searched for in it.
    pub pattern: String,
    /// What is being typed to be searched for.
    pub field: Option<TextInput>,
    /// Conversations that were put aside, as read from the log.
    recalled: BTreeMap<ThreadId, Thread>,
    /// Being read.
    reading: Option<ThreadId>,
}

/// A key while something is being typed to an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stroke {
    /// A change of the text.
    Edit(Edit),
    /// Enter.
    Send,
    /// Tab: completes, or queues while the agent works.
    Tab,
    /// Esc: stops the agent, or leaves the text.
    Leave,
    /// A line up, or what was said before.
    Up,
    /// A line down, or what was said after.
    Down,
    /// Scrolls what is read by half a page.
    Page(bool),
}

impl ThreadPane {
    /// The conversation that is shown, wherever it stands.
    pub fn thread<'a>(&'a self, state: &'a State) -> Option<&'a Thread> {
        self.find(state, self.shown?)
    }

    /// A conversation, with what was said in it if that is known.
    pub fn find<'a>(&'a self, state: &'a State, id: ThreadId) -> Option<&'a Thread> {
        let known = state.threads.get(&id)?;
        if known.aside { self.recalled.get(&id).or(Some(known)) } else { Some(known) }
    }

    /// The conversation that has to be read from the log to be shown; asked for once.
    pub fn wants(&mut self, state: &State) -> Option<ThreadId> {
        let id = self.shown?;
        let aside = state.threads.get(&id)?.aside;
        (aside && !self.recalled.contains_key(&id) && self.reading.replace(id) != Some(id)).then_some(id)
    }

    /// It was read.
    pub fn recall(&mut self, id: ThreadId, folded: State) {
        self.reading = None;
        if let Some(mut thread) = folded.threads.into_values().find(|thread| thread.id == id) {
            thread.aside = true;
            if self.recalled.len() >= RECALLED {
                self.recalled.pop_first();
            }
            self.recalled.insert(id, thread);
        }
    }

    /// Shows a conversation from its end.
    pub fn show(&mut self, id: Option<ThreadId>) {
        if self.shown != id {
            (self.editing, self.tool, self.left_at) = (None, None, None);
            self.offered.clear();
            self.back = 0;
        }
        self.shown = id;
        self.chosen = id.or(self.chosen);
    }

    /// The newest first: of this project, and of none.
    pub fn listed(state: &State, project: Option<ProjectId>) -> Vec<&Thread> {
        let of_it = |thread: &&Thread| !thread.closed && (thread.project.is_none() || thread.project == project);
        let mut all: Vec<&Thread> = state.threads.values().filter(of_it).collect();
        all.sort_by_key(|thread| std::cmp::Reverse(thread.touched));
        all
    }
}
