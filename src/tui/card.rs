//! The approval card: which question, when its keys live, which hunks are taken.
//!
//! Its keys live only once it has been on the screen, and the keyboard has been still, for [`STILL`] (design invariant 10).

use std::{collections::BTreeSet, time::Duration};

use crate::{
    domain::{
        id::{ApprovalId, ProposalId, ThreadId},
        patch::Patch,
        rule::Pattern,
    },
    protocol::thread::Wish,
    state::{
        approval::{self, Approval},
        board::State,
        rule::subject,
    },
};

/// How long the card must have stood there, and the keyboard been still.
pub const STILL: Duration = Duration::from_millis(350);

/// What the board remembers of the card.
#[derive(Clone, Debug, Default)]
pub struct Card {
    /// The question that it shows.
    pub current: Option<ApprovalId>,
    /// The person opened it: it is shown on small screens too.
    pub opened: bool,
    /// It has the whole screen.
    pub full: bool,
    /// First line of the diff that is shown.
    pub scroll: usize,
    /// The chosen hunk.
    pub hunk: usize,
    /// Hunks that the person has dropped.
    pub dropped: BTreeSet<usize>,
    /// Questions put off: not shown by themselves again.
    pub later: BTreeSet<ApprovalId>,
    /// Questions whose answer is on its way.
    pub sent: BTreeSet<ApprovalId>,
    /// The question that stands on the screen, and since when.
    drawn: Option<(ApprovalId, Duration)>,
    /// When a key that was not the card's was pressed.
    last_key: Duration,
    /// The patch of a proposal, read once.
    patch: Option<(ProposalId, Patch)>,
    /// What an agent asks for.
    wish: Option<AgentWish>,
}

/// What an agent asks for, and who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentWish {
    /// What.
    pub wish: Wish,
    /// Which agent.
    pub role: String,
    /// In which conversation.
    pub thread: ThreadId,
    /// What that is called.
    pub title: String,
    /// A rule that could be given; `None`: no pattern fits it.
    pub pattern: Option<Pattern>,
}

impl Card {
    /// Takes up the next question when the one that is shown has been answered. Gives back whether it is another now.
    pub fn refresh(&mut self, state: &State) -> bool {
        let pending = approval::pending(state);
        let waits = |id: &ApprovalId| pending.iter().any(|approval| approval.id == *id);
        self.sent.retain(waits);
        self.later.retain(waits);
        let before = self.current.clone();
        if !self.current.as_ref().is_some_and(waits) {
            let next = pending.iter().find(|a| !self.later.contains(&a.id) && !self.sent.contains(&a.id));
            self.show(next.map(|approval| approval.id.clone()));
        }
        let proposal = match &self.current {
            Some(ApprovalId::Proposal(id)) => Some(*id),
            _ => None,
        };
        if proposal != self.patch.as_ref().map(|(id, _)| *id) {
            self.patch = proposal.and_then(|id| {
                let patch = Patch::parse(&state.proposals.get(&id)?.proposal.patch.0).ok()?;
                Some((id, patch))
            });
        }
        self.wish = match &self.current {
            Some(ApprovalId::Permission { thread, number }) => state.threads.get(thread).and_then(|thread| {
                let wish = thread.wishes.get(number)?.wish.clone();
                let pattern = subject(&wish).and_then(|(_, words)| Pattern::for_command(words));
                let (role, title) = (thread.role.clone(), thread.title.clone());
                Some(AgentWish { wish, role, thread: thread.id, title, pattern })
            }),
            _ => None,
        };
        before != self.current
    }

    /// Shows this question, from its beginning.
    pub fn show(&mut self, id: Option<ApprovalId>) {
        if id.is_none() {
            (self.opened, self.full) = (false, false);
        }
        if self.current != id {
            self.current = id;
            self.scroll = 0;
            self.hunk = 0;
            self.dropped.clear();
            self.drawn = None;
        }
    }

    /// Opens the oldest question or, when one is open, goes on to the next. Gives back which, if there is any.
    pub fn open(&mut self, state: &State, on_screen: bool) -> Option<ApprovalId> {
        let pending = approval::pending(state);
        let at = self.current.as_ref().and_then(|id| pending.iter().position(|a| a.id == *id));
        let next = match at {
            Some(at) if on_screen => pending.get(at + 1).or(pending.first()),
            Some(at) => pending.get(at),
            None => pending.first(),
        };
        let id = next.map(|approval| approval.id.clone())?;
        self.later.remove(&id);
        self.show(Some(id.clone()));
        self.opened = true;
        Some(id)
    }

    /// Puts the question off: it keeps waiting, nothing runs.
    pub fn put_off(&mut self) {
        if let Some(id) = self.current.clone() {
            self.later.insert(id);
        }
        self.show(None);
    }

    /// The question that is shown, its place in the queue and the queue's length.
    pub fn question(&self, state: &State) -> Option<(Approval, usize, usize)> {
        let id = self.current.as_ref()?;
        let pending = approval::pending(state);
        let at = pending.iter().position(|approval| approval.id == *id)?;
        Some((pending[at].clone(), at + 1, pending.len()))
    }

    /// The patch that is asked about.
    pub fn patch(&self) -> Option<&Patch> {
        self.patch.as_ref().map(|(_, patch)| patch)
    }

    /// What an agent asks for, if that is the question.
    pub fn wish(&self) -> Option<&AgentWish> {
        self.wish.as_ref()
    }

    /// The screen has been drawn, with the card on it or without.
    pub fn was_drawn(&mut self, on_screen: bool, now: Duration) {
        match (&self.current, on_screen) {
            (Some(id), true) => {
                if self.drawn.as_ref().map(|(drawn, _)| drawn) != Some(id) {
                    self.drawn = Some((id.clone(), now));
                }
            }
            _ => self.drawn = None,
        }
    }

    /// A key was pressed that was not for the card.
    pub fn disturb(&mut self, now: Duration) {
        self.last_key = now;
    }

    /// When its keys begin to live, if it is on the screen and waits for an answer.
    pub fn arms_at(&self) -> Option<Duration> {
        let (id, drawn) = self.drawn.as_ref()?;
        let open = self.current.as_ref() == Some(id) && !self.sent.contains(id);
        open.then(|| (*drawn).max(self.last_key) + STILL)
    }

    /// Whether its keys live.
    pub fn is_armed(&self, now: Duration) -> bool {
        self.arms_at().is_some_and(|at| now >= at)
    }

    /// Whether this hunk is part of what GO would apply.
    pub fn takes(&self, hunk: usize) -> bool {
        !self.dropped.contains(&hunk)
    }
}
