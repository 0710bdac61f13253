#![allow(clippy::unwrap_used)]

mod lines;
mod rooms;

use std::sync::Arc;

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf, split},
    sync::mpsc,
};

use crate::{
    domain::id::{RequestId, Seq},
    protocol::{
        command::Command,
        frame::{Ask, Frame, Link},
        query::Answer,
        session::{Session, VisitorKind},
    },
};

use super::{
    client::{self, Call, CallError, Calling, Stream, Why},
    wire::{Caller, Greeting, Hail, Host, Incoming, Outgoing, PROTOCOL, TO_CLIENT, TO_SERVER, ToClient, ToServer},
};

fn host() -> Host {
    Host { protocol: PROTOCOL, version: "9.9.9".into(), pid: 7, owner: "somebody".into() }
}

fn caller(kind: VisitorKind) -> Caller {
    client::caller(kind, "a test".into())
}

/// A wish: any will do.
fn wish(id: RequestId) -> Ask {
    Ask::Command { id, command: Command::ShutDown { wait: true } }
}

fn reply(id: RequestId) -> Frame {
    Frame::Reply { id, result: Ok(Answer::Done) }
}
