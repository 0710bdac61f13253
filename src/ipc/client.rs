//! A session that outlives its connection: when that is lost it calls again, and goes on where it was cut.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf},
    sync::mpsc,
    time::{Instant, timeout},
};

use crate::{
    domain::id::{RequestId, Seq},
    protocol::{
        frame::{Ask, Frame, Link},
        session::{Session, VisitorKind},
    },
};

use super::wire::{Caller, Greeting, Hail, Host, Incoming, Outgoing, TO_CLIENT, TO_SERVER, ToClient, ToServer};

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

/// After so long without a word the other side is asked whether it is there,
const QUIET: Duration = Duration::from_secs(5);

/// and after so long it is taken for gone.
const GONE: Duration = Duration::from_secs(12);

/// The longest wait between two calls.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Frames that may wait for the program; asks that may wait for the line.
const FRAMES: usize = 64;
const ASKS: usize = 64;

/// A connection on which the greetings have been said.
struct Line {
    incoming: Incoming<ReadHalf<Box<dyn Stream>>>,
    outgoing: Outgoing<WriteHalf<Box<dyn Stream>>>,
}

/// Opens a session through `call`; it calls again by itself for as long as it lives. Gives also who answered first.
pub async fn attach(call: Arc<dyn Call>, caller: Caller) -> Result<(Session, Host), CallError> {
    let mut tries = 0;
    let (line, host) = loop {
        tries += 1;
        match greet(call.call(Why::First).await?, &caller).await {
            // Whoever took the call was just ending: another takes its place.
            Err(CallError::HungUp) if tries < TRIES => tokio::time::sleep(jittered(HUNG_UP)).await,
            greeted => break greeted?,
        }
    };
    let (ask_tx, ask_rx) = mpsc::channel(ASKS);
    let (frame_tx, frame_rx) = mpsc::channel(FRAMES);
    let keeper = Keeper {
        call,
        caller,
        asks: ask_rx,
        frames: frame_tx,
        unanswered: BTreeMap::new(),
        unsent: VecDeque::new(),
        target: Seq(0),
    };
    // It ends with the session: its channels close.
    tokio::spawn(keeper.keep(line));
    Ok((Session::new(ask_tx, frame_rx), host))
}

/// Says one thing that needs no session, and gives the answer.
pub async fn say(stream: Box<dyn Stream>, hail: &Hail) -> Result<Greeting, CallError> {
    Ok(exchange(stream, hail).await?.1)
}

async fn exchange(stream: Box<dyn Stream>, hail: &Hail) -> Result<(Line, Greeting), CallError> {
    let (reader, writer) = tokio::io::split(stream);
    let mut line = Line { incoming: Incoming::new(reader, TO_CLIENT), outgoing: Outgoing::new(writer, TO_SERVER) };
    let talk = async {
        // Whoever refuses to listen may have said why before hanging up.
        let sent = line.outgoing.send(hail).await;
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

async fn greet(stream: Box<dyn Stream>, caller: &Caller) -> Result<(Line, Host), CallError> {
    match exchange(stream, &Hail::Attach(Box::new(caller.clone()))).await? {
        (line, Greeting::Welcome { host }) => Ok((line, host)),
        (_, Greeting::Refused { host, message, hint }) => Err(CallError::Refused { host, message, hint }),
        (_, Greeting::About { host } | Greeting::Stopping { host }) => {
            Err(CallError::Refused { host, message: "it gave no session".into(), hint: None })
        }
    }
}

/// Keeps a session going.
struct Keeper {
    call: Arc<dyn Call>,
    caller: Caller,
    asks: mpsc::Receiver<Ask>,
    frames: mpsc::Sender<Frame>,
    /// What was asked for and not answered yet: asked again on a new connection, under the same number.
    unanswered: BTreeMap<RequestId, Ask>,
    /// Of these, what has to be sent again.
    unsent: VecDeque<Ask>,
    /// The newest record when the session began, or was taken up again.
    target: Seq,
}

/// Why a connection is no longer used.
enum Cut {
    /// The program no longer needs it.
    Left,
    /// The other side said that it ends.
    Ended(String),
    /// It was lost.
    Lost(String),
}

impl Keeper {
    async fn keep(mut self, mut line: Line) {
        loop {
            let (why, ended) = match self.carry(line).await {
                Cut::Left => return,
                Cut::Ended(reason) if self.caller.kind == VisitorKind::Command => {
                    let _ = self.frames.send(Frame::Goodbye { reason, ended: true }).await;
                    return;
                }
                Cut::Ended(reason) => (reason, true),
                Cut::Lost(why) => (why, false),
            };
            match self.call_again(why, ended).await {
                Some(again) => line = again,
                None => return,
            }
        }
    }

    /// Calls until somebody answers; `None` if nobody wants it any more, or the answer is no.
    async fn call_again(&mut self, mut why: String, ended: bool) -> Option<Line> {
        let mut wait = Duration::from_millis(50);
        for tries in 0.. {
            let lost = Link::Lost { why: why.clone(), tries, next_ms: wait.as_millis() as u64 };
            self.frames.send(Frame::Link(lost)).await.ok()?;
            tokio::select! {
                () = tokio::time::sleep(jittered(wait)) => {}
                () = self.frames.closed() => return None,
            }
            wait = (wait * 2).min(LONGEST_WAIT);
            // One that ended on purpose is waited for; one that was cut off is started again.
            let called = tokio::select! {
                stream = self.call.call(if ended { Why::Ended } else { Why::CutOff }) => match stream {
                    Ok(stream) => greet(stream, &self.caller).await,
                    Err(error) => Err(error),
                },
                () = self.frames.closed() => return None,
            };
            match called {
                Ok((line, _)) => {
                    self.unsent = self.unanswered.values().cloned().collect();
                    self.frames.send(Frame::Link(Link::Up)).await.ok()?;
                    return Some(line);
                }
                Err(CallError::Refused { message, .. }) => {
                    let _ = self.frames.send(Frame::Goodbye { reason: message, ended: false }).await;
                    return None;
                }
                Err(error @ (CallError::Unreachable { .. } | CallError::HungUp)) => {
                    why = if ended { why } else { error.to_string() }
                }
            }
        }
        None
    }

    /// Carries asks out and frames in until the connection ends.
    async fn carry(&mut self, line: Line) -> Cut {
        let Line { mut incoming, mut outgoing } = line;
        let mut heard = Instant::now();
        let mut asked_at = None;
        loop {
            // Before anything else: an ask that follows must not overtake one that was made before.
            while let Some(ask) = self.unsent.pop_front() {
                if let Err(error) = send(&mut outgoing, ToServer::Ask(ask)).await {
                    return Cut::Lost(words(&error));
                }
            }
            let quiet = match asked_at {
                None => heard + QUIET,
                Some(_) => heard + GONE,
            };
            let message = tokio::select! {
                message = incoming.next::<ToClient>() => message,
                ask = self.asks.recv() => {
                    let Some(ask) = ask else { return Cut::Left };
                    self.note(&ask);
                    if let Err(error) = send(&mut outgoing, ToServer::Ask(ask)).await {
                        return Cut::Lost(words(&error));
                    }
                    continue;
                }
                () = tokio::time::sleep_until(quiet) => {
                    if asked_at.is_some() {
                        return Cut::Lost(format!("no word for {} seconds", GONE.as_secs()));
                    }
                    asked_at = Some(Instant::now());
                    if let Err(error) = send(&mut outgoing, ToServer::Ping).await {
                        return Cut::Lost(words(&error));
                    }
                    continue;
                }
            };
            (heard, asked_at) = (Instant::now(), None);
            match message {
                Ok(Some(ToClient::Frame(Frame::Goodbye { reason, ended: true }))) => return Cut::Ended(reason),
                Ok(Some(ToClient::Frame(goodbye @ Frame::Goodbye { .. }))) => {
                    // Calling again would not mend it.
                    let _ = self.frames.send(goodbye).await;
                    return Cut::Left;
                }
                Ok(Some(ToClient::Frame(frame))) => {
                    self.learn(&frame);
                    if self.frames.send(frame).await.is_err() {
                        return Cut::Left;
                    }
                    // The program may have been stopped meanwhile (Ctrl-Z): that was no silence of the other side.
                    heard = Instant::now();
                }
                Ok(Some(ToClient::Pong)) => {}
                Ok(None) => return Cut::Lost("the connection was closed".into()),
                Err(error) => return Cut::Lost(words(&error)),
            }
        }
    }

    /// Something is asked for.
    fn note(&mut self, ask: &Ask) {
        match ask {
            Ask::Command { id, .. } | Ask::Query { id, .. } => {
                self.unanswered.insert(*id, ask.clone());
            }
            Ask::Drop { id } => {
                self.unanswered.remove(id);
            }
            Ask::Seen { .. } => {}
        }
    }

    /// Something has come: where to go on after a cut.
    fn learn(&mut self, frame: &Frame) {
        match frame {
            Frame::Hello { since, seq, .. } => {
                self.target = *seq;
                // Another log than the one that was followed: what is at hand of it is sent.
                if self.caller.since.is_some_and(|wanted| *since < wanted) {
                    self.caller.since = None;
                }
            }
            Frame::Records(records) => {
                if let Some(last) = records.last()
                    // What is at hand has gaps: cut off in the middle of it, one begins again.
                    && (self.caller.since.is_some() || last.seq >= self.target)
                {
                    self.caller.since = Some(last.seq);
                }
            }
            Frame::Reply { id, .. } => {
                self.unanswered.remove(id);
            }
            _ => {}
        }
    }
}

async fn send(outgoing: &mut Outgoing<WriteHalf<Box<dyn Stream>>>, message: ToServer) -> io::Result<()> {
    timeout(GONE, outgoing.send(&message)).await?
}

/// What went wrong, for a person.
fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => {
            "the connection was cut".into()
        }
        io::ErrorKind::TimedOut => "no word gets through".into(),
        _ => format!("the connection failed: {error}"),
    }
}

/// Up to a quarter longer, so that those who were cut off together don't all call at once.
fn jittered(wait: Duration) -> Duration {
    use std::hash::{BuildHasher as _, Hasher as _};
    let random = std::hash::RandomState::new().build_hasher().finish() % 256;
    wait + wait / 4 * random as u32 / 256
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
    }
}
