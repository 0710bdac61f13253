//! Runs that were put aside: their summaries, and the few that have been read from the log again. They can only be looked at.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Deref,
    sync::Arc,
};

use crate::{
    domain::id::{ProjectId, RunId},
    protocol::summary::RunSummary,
    state::board::{ASIDE, State},
};

/// How many runs that were read again are kept.
const KEPT: usize = 8;

/// How many summaries are asked for at once.
pub const PAGE: u32 = ASIDE as u32 + 44;

/// Where everything that is known of a run stands.
#[derive(Debug)]
pub enum Home<'a> {
    /// In the state.
    AtHand(&'a State),
    /// In a state of its own, folded from its records.
    Recalled(Arc<State>),
}

impl Deref for Home<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        match self {
            Self::AtHand(state) => state,
            Self::Recalled(state) => state,
        }
    }
}

/// What the board has read of the past.
#[derive(Clone, Debug, Default)]
pub struct Past {
    recalled: VecDeque<(RunId, Arc<State>)>,
    /// A run that is being read.
    pub reading: Option<RunId>,
    /// Runs that could not be read, and why.
    unread: BTreeMap<RunId, String>,
    /// Summaries beyond those that state has at hand.
    older: Option<Older>,
}

/// Summaries of one project, as far back as somebody has looked.
#[derive(Clone, Debug)]
struct Older {
    project: ProjectId,
    runs: BTreeMap<RunId, RunSummary>,
    /// There are none before these.
    whole: bool,
    /// More are on their way.
    reading: bool,
    /// Why no more came.
    failed: Option<String>,
}

impl Past {
    /// Where everything that is known of a run stands.
    pub fn home<'a>(&self, state: &'a State, run: RunId) -> Home<'a> {
        let recalled = || self.recalled.iter().find(|(id, _)| *id == run);
        match recalled().filter(|_| !state.runs.contains_key(&run)) {
            Some((_, recalled)) => Home::Recalled(Arc::clone(recalled)),
            None => Home::AtHand(state),
        }
    }

    /// The summary of a run that was put aside; `None` while it is at hand.
    pub fn summary<'a>(&'a self, state: &'a State, run: RunId) -> Option<&'a RunSummary> {
        if state.runs.contains_key(&run) {
            return None;
        }
        state.was_put_aside(run).or_else(|| self.older.as_ref()?.runs.get(&run))
    }

    /// The runs of a project that were put aside, the newest first.
    pub fn runs(&self, state: &State, project: ProjectId) -> Vec<RunId> {
        let of_project = |summary: &&RunSummary| summary.project == project;
        let mut runs: Vec<RunId> = state.aside.iter().filter(of_project).map(|summary| summary.run).collect();
        if let Some(older) = self.older.as_ref().filter(|older| older.project == project) {
            runs.extend(older.runs.keys());
        }
        runs.sort_unstable_by(|a, b| b.cmp(a));
        runs.dedup();
        runs
    }

    /// Why a run can't be shown, if that is so.
    pub fn why_unread(&self, run: RunId) -> Option<&str> {
        self.unread.get(&run).map(String::as_str)
    }

    /// Whether this run has been read, or can't be.
    pub fn is_settled(&self, run: RunId) -> bool {
        self.recalled.iter().any(|(id, _)| *id == run) || self.unread.contains_key(&run)
    }

    /// The records of a run have come.
    pub fn recall(&mut self, run: RunId, read: State) {
        if !read.runs.contains_key(&run) {
            self.fail(run, "its records are not there any more".into());
            return;
        }
        self.reading = None;
        self.recalled.retain(|(id, _)| *id != run);
        if self.recalled.len() >= KEPT {
            self.recalled.pop_front();
        }
        self.recalled.push_back((run, Arc::new(read)));
    }

    /// A run could not be read.
    pub fn fail(&mut self, run: RunId, why: String) {
        self.reading = None;
        self.unread.insert(run, why);
    }

    /// What could not be read may be there now.
    pub fn retry(&mut self) {
        self.unread.clear();
        if let Some(older) = &mut self.older {
            older.failed = None;
        }
    }

    /// Before which run to read on, if there may be older ones: `Some(None)` begins at the newest.
    pub fn wants_older(&mut self, state: &State, project: ProjectId) -> Option<Option<RunId>> {
        if state.aside.len() < ASIDE {
            return None;
        }
        match &mut self.older {
            Some(older) if older.project == project => {
                if older.whole || older.reading || older.failed.is_some() {
                    return None;
                }
                older.reading = true;
                Some(older.runs.keys().next().copied())
            }
            other => {
                *other = Some(Older { project, runs: BTreeMap::new(), whole: false, reading: true, failed: None });
                Some(None)
            }
        }
    }

    /// Older runs have come.
    pub fn add(&mut self, project: ProjectId, runs: Vec<RunSummary>, more: bool) {
        let Some(older) = self.older.as_mut().filter(|older| older.project == project) else { return };
        older.reading = false;
        older.whole = !more || runs.is_empty();
        older.runs.extend(runs.into_iter().map(|summary| (summary.run, summary)));
    }

    /// They could not be read.
    pub fn add_failed(&mut self, project: ProjectId, why: String) {
        if let Some(older) = self.older.as_mut().filter(|older| older.project == project) {
            (older.reading, older.failed) = (false, Some(why));
        }
    }

    /// What stands under the oldest run that is known: that more is being read, or why not.
    pub fn footing(&self, project: ProjectId) -> Option<Result<(), &str>> {
        let older = self.older.as_ref().filter(|older| older.project == project)?;
        match &older.failed {
            Some(why) => Some(Err(why)),
            None => older.reading.then_some(Ok(())),
        }
    }
}
