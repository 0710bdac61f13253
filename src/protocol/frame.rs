//! What goes over a session, either way.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{
    actor::Actor,
    id::{RequestId, Seq},
    time::Timestamp,
};

use super::{
    command::{Command, Refusal},
    container::Look,
    event::Record,
    query::{Answer, Query},
    session::VisitorKind,
    telemetry::Telemetry,
};

/// From a client: a wish or a look-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// No longer read what was asked for: no more parts of it come, and no reply.
    Drop {
        /// The number of the query.
        id: RequestId,
    },
    /// Tell of containers from now on ([`Telemetry::Containers`]), of these above all; `None`: no longer. The newest counts.
    Look {
        /// What is looked at.
        look: Option<Look>,
    },
    /// A board has shown everything up to here to a person.
    Seen {
        /// The newest record that it has shown.
        seq: Seq,
    },
}

/// To a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Frame {
    /// First of all: where the log stands.
    Hello {
        /// Version of the program on the other side.
        version: String,
        /// Its process id.
        pid: u32,
        /// Newest record; the client has caught up when it has folded this one.
        seq: Seq,
        /// The records after this one follow. For 0, a client forgets what it has folded so far.
        since: Seq,
        /// Whose gonogo it is: the login name of the user that it runs as.
        #[serde(default)]
        owner: String,
    },
    /// Records, in order, none skipped.
    Records(Vec<Arc<Record>>),
    /// Something that may be missed.
    Telemetry(Telemetry),
    /// Who is attached, whenever that changes. Only the newest counts.
    Peers(Vec<Peer>),
    /// How the other side fares, whenever that changes. Only the newest counts.
    Health(Health),
    /// Made by the client's own end: the connection was lost, or is there again.
    Link(Link),
    /// Some of what a query asks for; more parts follow, then the reply.
    Part {
        /// Its number.
        id: RequestId,
        /// This part.
        part: Answer,
    },
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
        /// It is not there for anybody any more; otherwise only this session can't go on.
        #[serde(default)]
        ended: bool,
    },
}

/// Somebody who is attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Number of the session, from 1 since gonogo was started.
    pub id: u64,
    /// This is the session that the frame came over.
    #[serde(default)]
    pub you: bool,
    /// Who.
    pub actor: Actor,
    /// What for.
    pub kind: VisitorKind,
    /// From where; empty for the process that control runs in.
    pub from: String,
    /// Since when.
    pub since: Timestamp,
}

/// How control fares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Why nothing is recorded at the moment: requests are refused, and what is seen is kept until it can be recorded.
    pub not_recording: Option<String>,
    /// It ends as soon as nothing is under way: no new run begins.
    pub draining: bool,
}

/// How a client's connection stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "link")]
pub enum Link {
    /// It was lost, and is being made again. What is on the screen is as it was before.
    Lost {
        /// Why, for a person.
        why: String,
        /// How often it has been tried since.
        tries: u32,
        /// Until the next try, in milliseconds.
        next_ms: u64,
    },
    /// It is there (again). Records follow on where they stopped.
    Up,
}
