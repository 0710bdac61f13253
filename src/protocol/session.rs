//! How a face reaches control without knowing it: the same in this process and over a socket.

use tokio::sync::mpsc;

use crate::domain::{
    actor::Actor,
    id::{RequestId, Seq},
};

use super::frame::{Ask, Frame};

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
        Self { asks, frames, next_id: 1 }
    }

    /// A number for the next ask.
    pub fn next_id(&mut self) -> RequestId {
        let id = RequestId(self.next_id);
        self.next_id += 1;
        id
    }

    /// Sends an ask, waiting for room.
    pub async fn ask(&self, ask: Ask) -> Result<(), Gone> {
        self.asks.send(ask).await.map_err(|_| Gone)
    }

    /// Sends an ask if there is room now; gives it back if there is none.
    pub fn try_ask(&self, ask: Ask) -> Result<(), Ask> {
        self.asks.try_send(ask).map_err(mpsc::error::TrySendError::into_inner)
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
    /// Opens a session for `actor`. Records after `since` are sent first.
    fn attach(&self, actor: Actor, since: Seq) -> Session;
}
