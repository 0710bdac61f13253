//! A session that outlives its connection: when that is lost it calls again, and goes on where it was cut.

use std::{future::Future, io, pin::Pin, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf},
    sync::mpsc,
    time::timeout,
};

use crate::protocol::session::{Session, VisitorKind};

use super::{
    keeper::Keeper,
    wire::{Caller, Greeting, Hail, Host, Incoming, Outgoing, TO_CLIENT, TO_SERVER, encode, too_long},
};

/// Bytes both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What calling comes to.
pub type Calling<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn Stream>, CallError>> + Send + 'a>>;

/// A way to reach a gonogo.
pub trait Call: Send + Sync {
    /// Makes a connection.
    fn call(&self, why: Why) -> Calling<'_>;
}

/// Why somebody is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A session begins.
    First,
    /// The connection was lost.
    CutOff,
    /// The other side said that it ends: somebody has stopped it, and may start it again.
    Ended,
}

/// Why there is no session.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody answers.
    #[error("{what}")]
    Unreachable {
        /// What is the matter.
        what: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Somebody took the call, and hung up before anything was said.
    #[error("gonogo hung up before anything was said")]
    HungUp,
    /// Whoever answers says no.
    #[error("{message}")]
    Refused {
        /// Who answers.
        host: Host,
        /// Why.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl CallError {
    /// Nobody answers, because of this.
    pub fn unreachable(what: impl std::fmt::Display) -> Self {
        Self::Unreachable { what: what.to_string(), hint: None }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unreachable { hint, .. } | Self::Refused { hint, .. } => hint.as_deref(),
            Self::HungUp => None,
        }
    }
}

/// How long an answer to a greeting may take.
const GREETING: Duration = Duration::from_secs(20);

/// How often a first call is made to one who hangs up, and the wait between two: one that is ending may take half a minute.
const TRIES: u32 = 400;
const HUNG_UP: Duration = Duration::from_millis(75);

/// Frames that may wait for the program; asks that may wait for the line.
const FRAMES: usize = 64;
const ASKS: usize = 64;

/// A connection on which the greetings have been said.
pub(super) struct Line {
    pub(super) incoming: Incoming<ReadHalf<Box<dyn Stream>>>,
    pub(super) outgoing: Outgoing<WriteHalf<Box<dyn Stream>>>,
}

/// Opens a session through `call`; it calls again by itself for as long as it lives. Gives also who answered first.
pub async fn attach(call: Arc<dyn Call>, mut caller: Caller) -> Result<(Session, Host), CallError> {
    let mut tries = 0;
    let (line, host) = loop {
        tries += 1;
        match greet(call.call(Why::First).await?, &mut caller).await {
            // Whoever took the call was just ending: another takes its place.
            Err(CallError::HungUp) if tries < TRIES => tokio::time::sleep(HUNG_UP).await,
            greeted => break greeted?,
        }
    };
    let (ask_tx, ask_rx) = mpsc::channel(ASKS);
    let (frame_tx, frame_rx) = mpsc::channel(FRAMES);
    // It ends with the session: its channels close.
    tokio::spawn(Keeper::new(call, caller, ask_rx, frame_tx).keep(line));
    Ok((Session::new(ask_tx, frame_rx), host))
}

/// Says one thing that needs no session, and gives the answer.
pub async fn say(stream: Box<dyn Stream>, hail: &Hail) -> Result<Greeting, CallError> {
    Ok(exchange(stream, hail).await?.1)
}

async fn exchange(stream: Box<dyn Stream>, hail: &Hail) -> Result<(Line, Greeting), CallError> {
    let hail = encode(hail).map_err(CallError::unreachable)?;
    if hail.len() > TO_SERVER {
        // What it holds besides is short.
        let what = too_long("the environment here", hail.len(), TO_SERVER);
        let hint = Some("unset the variables that are so long".to_owned());
        return Err(CallError::Unreachable { what, hint });
    }
    let (reader, writer) = tokio::io::split(stream);
    let mut line = Line { incoming: Incoming::new(reader, TO_CLIENT), outgoing: Outgoing::new(writer, TO_SERVER) };
    let talk = async {
        // Whoever refuses to listen may have said why before hanging up.
        let sent = line.outgoing.send_encoded(hail).await;
        match line.incoming.next::<Greeting>().await {
            Ok(Some(greeting)) => Ok(greeting),
            Ok(None) => sent.and(Err(io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(error),
        }
    };
    match timeout(GREETING, talk).await {
        Ok(Ok(greeting)) => Ok((line, greeting)),
        Ok(Err(error)) if error.kind() != io::ErrorKind::InvalidData => Err(CallError::HungUp),
        Ok(Err(error)) => Err(CallError::unreachable(format!("what answers is no gonogo: {error}"))),
        Err(_) => Err(CallError::unreachable("gonogo does not answer")),
    }
}

/// Begins a session on a connection; who calls learns which log it is of.
pub(super) async fn greet(stream: Box<dyn Stream>, caller: &mut Caller) -> Result<(Line, Host), CallError> {
    match exchange(stream, &Hail::Attach(Box::new(caller.clone()))).await? {
        (line, Greeting::Welcome { host, log }) => {
            if caller.log.is_some() && log.is_some() && caller.log != log {
                // The other side has seen that as well: what is at hand of this one is sent.
                caller.since = None;
            }
            caller.log = log.or(caller.log.take());
            Ok((line, host))
        }
        (_, Greeting::Refused { host, message, hint }) => Err(CallError::Refused { host, message, hint }),
        (_, Greeting::About { host } | Greeting::Stopping { host }) => {
            Err(CallError::Refused { host, message: "it gave no session".into(), hint: None })
        }
    }
}

/// Who calls, for a session that begins.
pub fn caller(kind: VisitorKind, from: String) -> Caller {
    Caller {
        protocol: super::wire::PROTOCOL,
        version: env!("CARGO_PKG_VERSION").into(),
        kind,
        from,
        environment: None,
        since: None,
        log: None,
    }
}
