//! How the other side is doing, as far as the board has heard.

use std::time::Duration;

use crate::{
    domain::{id::Seq, time::Timestamp},
    protocol::frame::{Health, Peer},
};

use super::ui::Clock;

/// How the other side is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// The newest record when the session began; caught up when that has been folded.
    pub target: Option<Seq>,
    /// The same for another log, which is being folded beside what is shown.
    pub anew: Option<Seq>,
    /// That has been reached.
    pub caught_up: bool,
    /// The other side ended, and why.
    pub gone: Option<String>,
    /// Telemetry messages that were dropped.
    pub dropped: u64,
    /// What a question to the terminal and its answer take, if it answers.
    pub round_trip: Option<Duration>,
    /// Little is sent to the terminal.
    pub low: bool,
    /// Who is attached.
    pub peers: Vec<Peer>,
    /// How the other side fares.
    pub health: Health,
    /// The connection was lost, and is being made again.
    pub lost: Option<Lost>,
    /// It was lost and is there again; what has happened meanwhile is still to come.
    pub gap: Option<Gap>,
    /// What happened before the board was opened has been looked at.
    pub greeted: bool,
    /// That the connection stays lost has been told.
    pub told: bool,
}

/// A connection that was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Why.
    pub why: String,
    /// How often it has been tried since.
    pub tries: u32,
    /// When it was lost: what is shown is as of then.
    pub since: Clock,
    /// What had been heard by then.
    pub gap: Gap,
}

/// Where what was heard ends, before a time in which nothing was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last record that was heard of.
    pub seq: Seq,
    /// When that was committed, by the clock of the other side.
    pub at: Timestamp,
    /// How long nothing was heard.
    pub took: Duration,
}

impl Lost {
    /// The other side said that it ends: somebody has stopped it, and it is not started again from here.
    pub fn was_stopped(&self) -> bool {
        self.why == "gonogo has ended"
    }
}

impl Link {
    /// What is asked for reaches the other side.
    pub fn hears(&self) -> bool {
        self.gone.is_none() && self.lost.is_none()
    }

    /// Everything that had happened when the session began, or went on, has been heard.
    pub fn is_level(&self, seq: Seq) -> bool {
        self.target.is_some_and(|target| seq >= target)
    }
}
