//! Keeps a session going over one connection after the other.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::WriteHalf,
    sync::mpsc,
    time::{Instant, timeout},
};

use crate::{
    domain::id::{RequestId, Seq},
    protocol::{
        container::Look,
        frame::{Ask, Frame, Link},
        session::VisitorKind,
    },
};

use super::{
    client::{Call, CallError, Line, Stream, Why, greet},
    wire::{Caller, Outgoing, ToClient, ToServer},
};

/// After so long without a word the other side is asked whether it is there,
const QUIET: Duration = Duration::from_secs(5);

/// and after so long it is taken for gone.
const GONE: Duration = Duration::from_secs(12);

/// The longest wait between two calls.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Keeps a session going.
pub(super) struct Keeper {
    call: Arc<dyn Call>,
    caller: Caller,
    asks: mpsc::Receiver<Ask>,
    frames: mpsc::Sender<Frame>,
    /// What was asked for and not answered yet: asked again on a new connection, under the same number.
    unanswered: BTreeMap<RequestId, Ask>,
    /// Of these, what has to be sent again.
    unsent: VecDeque<Ask>,
    /// The containers that are looked at.
    look: Option<Look>,
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
    pub(super) fn new(
        call: Arc<dyn Call>,
        caller: Caller,
        asks: mpsc::Receiver<Ask>,
        frames: mpsc::Sender<Frame>,
    ) -> Self {
        Self {
            call,
            caller,
            asks,
            frames,
            unanswered: BTreeMap::new(),
            unsent: VecDeque::new(),
            look: None,
            target: Seq(0),
        }
    }

    /// Until the session's end, or that of the other side where it is not waited for.
    pub(super) async fn keep(mut self, mut line: Line) {
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
                    self.unsent.extend(self.look.clone().map(|look| Ask::Look { look: Some(look) }));
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
            Ask::Look { look } => self.look.clone_from(look),
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
