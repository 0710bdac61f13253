//! What goes over a session, either way.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::id::{RequestId, Seq};

use super::{
    command::{Command, Refusal},
    event::Record,
    query::{Answer, Query},
    telemetry::Telemetry,
};

/// From a client: a wish or a look-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Ask {
    /// Do something. Who asks is known from the session.
    Command {
        /// The reply carries the same number.
        id: RequestId,
        /// What.
        command: Command,
    },
    /// Read something.
    Query {
        /// The reply carries the same number.
        id: RequestId,
        /// What.
        query: Query,
    },
}

/// To a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Frame {
    /// First of all: where the log stands.
    Hello {
        /// Version of the program on the other side.
        version: String,
        /// Its process id.
        pid: u32,
        /// Newest record; the client has caught up when it has folded this one.
        seq: Seq,
    },
    /// Records, in order, none skipped.
    Records(Vec<Arc<Record>>),
    /// Something that may be missed.
    Telemetry(Telemetry),
    /// What became of an [`Ask`].
    Reply {
        /// Its number.
        id: RequestId,
        /// Done, or refused.
        result: Result<Answer, Refusal>,
    },
    /// The other side is ending.
    Goodbye {
        /// Why.
        reason: String,
    },
}
