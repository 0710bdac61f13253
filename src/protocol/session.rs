//! How a face reaches control without knowing it: the same in this process and over a socket.

use std::{
    ffi::OsString,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::domain::{
    actor::Actor,
    environment::Environment,
    id::{RequestId, Seq},
};

use super::frame::{Ask, Frame};

/// Who opens a session, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// Who asks for what this session asks for. A client doesn't choose it: whoever accepts the connection looks who it is.
    pub actor: Actor,
    /// What for.
    pub kind: VisitorKind,
    /// From where, for other people's eyes: `pts/3`, `pts/1 from 10.0.0.7`.
    pub from: String,
    /// The variables at that place: jobs that it asks for find programs and secrets there.
    pub environment: Arc<Environment>,
}

impl Visitor {
    /// Somebody in this process.
    pub fn here(actor: Actor, kind: VisitorKind) -> Self {
        Self { actor, kind, from: String::new(), environment: Arc::new(surroundings()) }
    }
}

/// The variables of this process. Those that are no text are left out.
pub fn surroundings() -> Environment {
    let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    std::env::vars_os().filter_map(text).collect()
}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitorKind {
    /// The board: a person looks at it.
    Board,
    /// A command that reads along.
    Watch,
    /// Any other command.
    Command,
}

/// One client's end: asks go out, frames come in. Dropping it ends the session.
#[derive(Debug)]
pub struct Session {
    asks: mpsc::Sender<Ask>,
    frames: mpsc::Receiver<Frame>,
    next_id: u64,
}

/// The other side is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("gonogo's control has ended")]
pub struct Gone;

impl Session {
    /// Joins the two ends of a session.
    pub fn new(asks: mpsc::Sender<Ask>, frames: mpsc::Receiver<Frame>) -> Self {
        // Unlike those of any other session: by its number an ask that is sent again after a cut is known again. Below 2^53,
        // the largest that all readers of JSON hold exactly.
        let begin = RandomState::new().build_hasher().finish() & 0x1f_ffff_fff0_0000;
        Self { asks, frames, next_id: begin + 1 }
    }

    /// A number for the next ask.
    pub fn next_id(&mut self) -> RequestId {
        let id = RequestId(self.next_id);
        self.next_id += 1;
        id
    }

    /// Where asks go, for whoever only passes them on. They bring numbers of their own.
    pub fn asks(&self) -> mpsc::Sender<Ask> {
        self.asks.clone()
    }

    /// Sends an ask, waiting for room.
    pub async fn ask(&self, ask: Ask) -> Result<(), Gone> {
        self.asks.send(ask).await.map_err(|_| Gone)
    }

    /// Sends an ask if there is room now; gives it back if there is none.
    pub fn try_ask(&self, ask: Ask) -> Result<(), Box<Ask>> {
        self.asks.try_send(ask).map_err(|full| Box::new(full.into_inner()))
    }

    /// The next frame; `None` when the other side is gone.
    pub async fn frame(&mut self) -> Option<Frame> {
        self.frames.recv().await
    }

    /// The next frame, if one is there now.
    pub fn try_frame(&mut self) -> Option<Frame> {
        self.frames.try_recv().ok()
    }
}

/// Something that gives sessions: control in this process, or a socket to one in another.
pub trait Attach: Send + Sync {
    /// Opens a session. Every record after `since` is sent first; for `None` all that state is made of, which leaves out the
    /// records of runs that were put aside.
    ///
    /// After [`Seq::LAST`] nothing follows but what comes: for who only has something to say.
    fn attach(&self, visitor: Visitor, since: Option<Seq>) -> Session;

    /// Which log its records stand in: positions of another one mean nothing here.
    fn log(&self) -> Option<String> {
        None
    }

    /// It is about to end: who comes now is for the next one.
    fn is_ending(&self) -> bool {
        false
    }
}
