//! What the board itself remembers: focus, choice, scroll, popups. Everything else is State.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    config::keymap::action::{Action, Context},
    domain::{
        id::{ApprovalId, JobKey, OutputId, ProjectId, ProposalId, RequestId, RunId, Seq},
        patch::PatchText,
        time::Timestamp,
    },
    protocol::{
        command::Command,
        container::{ContainerRef, Look},
        query::Query,
    },
    state::board::State,
};

pub use super::{
    link::{Gap, Link, Lost},
    overlay::{Confirm, Overlay},
};

use super::{
    card::Card,
    containers::ContainersPane,
    log::LogPane,
    options::{Left, Options},
    past::{Home, Past},
    tree::Node,
    update::away::Absence,
};

/// A pane; it keeps its number at every size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pane {
    /// 1
    Projects,
    /// 2
    #[default]
    Runs,
    /// 3
    Logs,
    /// 4
    Timeline,
    /// 6
    Cost,
    /// 7
    Containers,
    /// The approval card, when it is on the screen.
    Card,
}

impl Pane {
    /// Which keys mean something in it beside those that do everywhere.
    pub fn context(self) -> Context {
        match self {
            Self::Projects | Self::Runs | Self::Cost => Context::List,
            Self::Logs => Context::Logs,
            Self::Timeline => Context::Timeline,
            Self::Containers => Context::Containers,
            Self::Card => Context::Approval,
        }
    }
}

/// Everything that the board remembers.
#[derive(Debug)]
pub struct Ui {
    /// What it was told when it was opened.
    pub options: Options,
    /// Columns and rows of the screen.
    pub size: (u16, u16),
    /// What time it is; the pure parts have no clock of their own.
    pub clock: Clock,
    /// How the other side is doing.
    pub link: Link,
    /// Which pane has the keys.
    pub focus: Pane,
    /// It has the whole screen.
    pub zoom: bool,
    /// The chosen project.
    pub project: Option<ProjectId>,
    /// Pane 1: first row shown.
    pub projects_scroll: usize,
    /// Pane 2.
    pub runs: RunsPane,
    /// Runs that were put aside, as far as they have been read.
    pub past: Past,
    /// Pane 3.
    pub log: LogPane,
    /// Pane 4.
    pub timeline: TimelinePane,
    /// Pane 6.
    pub cost: CostPane,
    /// Pane 7.
    pub containers: ContainersPane,
    /// The approval card.
    pub card: Card,
    /// When the person was away, if something happened then.
    pub away: Option<Absence>,
    /// What stands over the panes.
    pub overlay: Option<Overlay>,
    /// One line at the bottom until the next key.
    pub notice: Option<Notice>,
    /// What the answers under way are for.
    pub awaiting: BTreeMap<RequestId, Purpose>,
    /// Ctrl-C was pressed; another one leaves.
    pub leaving: bool,
    /// Something that is shown has changed.
    pub dirty: bool,
}

/// What time it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// By the wall.
    pub wall: Timestamp,
    /// Since the board was opened; never goes backwards.
    pub mono: Duration,
}

/// Pane 2.
#[derive(Clone, Debug, Default)]
pub struct RunsPane {
    /// The chosen row.
    pub chosen: Option<Node>,
    /// The person chose it: it doesn't go over to a newer run by itself.
    pub pinned: bool,
    /// The newest follow-up run to which the board has gone over: only once to each.
    pub went_to: Option<RunId>,
    /// Rows that are open or shut against what they would be by themselves.
    pub turned: BTreeSet<Node>,
    /// First row shown.
    pub scroll: usize,
}

/// Pane 4.
#[derive(Clone, Debug, Default)]
pub struct TimelinePane {
    /// The moment that the cursor stands on; `None`: the newest.
    pub cursor: Option<Seq>,
    /// Each step shows half of the time before.
    pub scale: u8,
}

/// Pane 6.
#[derive(Clone, Copy, Debug, Default)]
pub struct CostPane {
    /// It is on the screen, in the place of projects and runs.
    pub open: bool,
    /// First row shown.
    pub scroll: usize,
}

/// One line at the bottom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What there is to say.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// It is a refusal or a failure.
    pub bad: bool,
}

/// What the event loop has to do for an intent.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send a command.
    Command(Command, Purpose),
    /// Send a query.
    Query(Query, Purpose),
    /// Say that nobody waits for the answer to this query any more.
    Drop(RequestId),
    /// Put this into the clipboard of the terminal.
    Copy(String),
    /// Let the person change a patch in their editor.
    Edit {
        /// Of which proposal.
        proposal: ProposalId,
        /// The patch.
        patch: PatchText,
    },
    /// Say which containers are looked at.
    Look(Option<Look>),
    /// Open a shell in a container, on this terminal.
    Shell {
        /// Which.
        container: ContainerRef,
        /// Its name.
        name: String,
    },
    /// Put this address into the clipboard, and open it where there is a browser.
    Browse(String),
    /// Draw everything anew.
    Repaint,
    /// Stop this process until the shell lets it go on.
    Suspend,
    /// Leave the board.
    Leave(Left),
}

/// What an answer under way is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    /// To say this when it is done.
    Say(String),
    /// To show the run that was started.
    Started,
    /// An answer to a question; it can be answered again if this is refused.
    Answered {
        /// Which question.
        approval: ApprovalId,
        /// What to say when it is taken.
        said: String,
    },
    /// To show lines.
    Lines {
        /// Of which output.
        output: OutputId,
        /// From, to.
        asked: (u64, u64),
    },
    /// To jump to the line of a moment.
    Moment {
        /// Of which output.
        output: OutputId,
    },
    /// To jump to the next line that matches.
    Hit {
        /// Of which output.
        output: OutputId,
        /// Where the search began.
        from: u64,
        /// It went towards the beginning.
        backwards: bool,
        /// It is for errors: the evidence of the diagnosis counts as well.
        errors: bool,
        /// It has begun again at the other end.
        wrapped: bool,
    },
    /// To show all that is known of a container.
    Inspect {
        /// Its name.
        name: String,
    },
    /// To show the log of a container.
    Listen {
        /// Which.
        container: ContainerRef,
    },
    /// To show a run that was put aside.
    Recall {
        /// Which.
        run: RunId,
    },
    /// To list older runs that were put aside.
    Older {
        /// Of which project.
        project: ProjectId,
    },
    /// To say how many lines match.
    Count {
        /// Of which output.
        output: OutputId,
        /// What.
        pattern: String,
    },
}

/// What a key means where it was pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// One of the keymap's actions.
    Do(Action),
    /// A change of the text that is being typed.
    Type(super::widget::text_input::Edit),
    /// Text that was pasted into it.
    Paste(String),
    /// Enter, in a text or a list.
    Accept,
    /// Esc, in whatever stands over the panes.
    Dismiss,
    /// One up or down in a list under a text.
    Choose(i32),
    /// y or n, in a question.
    Answer(bool),
    /// Ctrl-C.
    Interrupt,
}

impl Ui {
    /// A board that has heard of nothing yet.
    pub fn new(options: Options, size: (u16, u16), clock: Clock) -> Self {
        Self {
            options,
            size,
            clock,
            link: Link::default(),
            focus: Pane::default(),
            zoom: false,
            project: None,
            projects_scroll: 0,
            runs: RunsPane::default(),
            past: Past::default(),
            log: LogPane::empty(false, false),
            timeline: TimelinePane::default(),
            cost: CostPane::default(),
            containers: ContainersPane::default(),
            card: Card::default(),
            away: None,
            overlay: None,
            notice: None,
            awaiting: BTreeMap::new(),
            leaving: false,
            dirty: true,
        }
    }

    /// The chosen run.
    pub fn run(&self) -> Option<RunId> {
        self.runs.chosen.as_ref().map(Node::run)
    }

    /// The chosen job, or the one whose output is shown.
    pub fn job(&self) -> Option<&JobKey> {
        self.runs.chosen.as_ref().and_then(Node::job).or(self.log.output.as_ref().map(|output| &output.job))
    }

    /// A search is under way.
    pub fn is_looking(&self) -> bool {
        self.awaiting.values().any(|purpose| matches!(purpose, Purpose::Hit { .. } | Purpose::Count { .. }))
    }

    /// Letters are text now.
    pub fn is_typing(&self) -> bool {
        match &self.overlay {
            None => self.log.field.is_some() || self.containers.field.is_some(),
            Some(Overlay::Text { field, .. }) => field.is_some(),
            Some(
                Overlay::Help { .. } | Overlay::Confirm(_) | Overlay::People | Overlay::Away { .. } | Overlay::Cut,
            ) => false,
            Some(Overlay::Palette { .. } | Overlay::Typed { .. } | Overlay::Words { .. } | Overlay::Start { .. }) => {
                true
            }
        }
    }

    /// The approval card may take keys: nothing stands over it, and the pane with the focus doesn't need the same letters.
    ///
    /// The log does (`y` copies, `n` finds, `e` looks for errors), and so do containers: a reader answers with `!` first.
    pub fn card_may_take_keys(&self) -> bool {
        let needs_letters = matches!(self.focus, Pane::Logs | Pane::Containers);
        self.overlay.is_none() && !self.is_typing() && self.link.hears() && !needs_letters
    }

    /// The approval card's keys live.
    pub fn card_is_armed(&self) -> bool {
        self.card_may_take_keys() && self.card.is_armed(self.clock.mono)
    }

    /// What time it is for what is shown: while nothing is heard, as of then.
    pub fn now(&self) -> Timestamp {
        self.link.lost.as_ref().map_or(self.clock.wall, |lost| lost.since.wall)
    }

    /// Where everything that is known of a run stands: at hand, or in what has been read of the past.
    pub fn home<'a>(&self, state: &'a State, run: RunId) -> Home<'a> {
        self.past.home(state, run)
    }

    /// The same for the chosen run.
    pub fn here<'a>(&self, state: &'a State) -> Home<'a> {
        self.run().map_or(Home::AtHand(state), |run| self.home(state, run))
    }

    /// Says something at the bottom.
    pub fn say(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), hint: None, bad: false });
        self.dirty = true;
    }

    /// Says at the bottom what is wrong.
    pub fn complain(&mut self, text: impl Into<String>, hint: Option<String>) {
        self.notice = Some(Notice { text: text.into(), hint, bad: true });
        self.dirty = true;
    }

    /// Asks a question with y and n.
    pub fn confirm(&mut self, text: Vec<String>, then: Vec<Effect>) {
        self.overlay = Some(Overlay::Confirm(Confirm { text, then, since: self.clock.mono }));
    }
}
