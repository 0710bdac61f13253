//! Keeps a session going over one connection after the other.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{ReadHalf, WriteHalf},
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_util::bytes::Bytes;

use crate::{
    domain::id::{RequestId, Seq},
    protocol::{
        command::Refusal,
        container::Look,
        frame::{Ask, Frame, Link},
        session::VisitorKind,
    },
};

use super::{
    client::{Call, CallError, Line, Stream, Why, greet},
    wire::{Caller, Incoming, Outgoing, TO_SERVER, ToClient, ToServer, encode, too_long},
};

/// After so long without a word the other side is asked whether it is there,
const QUIET: Duration = Duration::from_secs(5);

/// and after so long it is taken for gone.
const GONE: Duration = Duration::from_secs(12);

/// Messages that may wait for the line.
const WAITING: usize = 4;

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
                    Ok(stream) => greet(stream, &mut self.caller).await,
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

    /// Carries asks out and frames in until the connection ends. Both at once: who waits for the other side to take a message
    /// goes on reading what it says, or both could wait for each other.
    async fn carry(&mut self, line: Line) -> Cut {
        let (asks, waiting) = mpsc::channel(WAITING);
        let (pings, owed) = mpsc::channel(1);
        let tell = tell(line.outgoing, waiting, owed);
        let hear = self.hear(line.incoming, asks, pings);
        tokio::pin!(tell, hear);
        let mut lost = None;
        // What can't be told any more is noticed by who hears, between two frames: none of them is lost.
        let cut = loop {
            tokio::select! {
                cut = &mut hear => break cut,
                told = &mut tell, if lost.is_none() => lost = Some(told),
            }
        };
        match (cut, lost) {
            (Cut::Lost(_), Some(Err(error))) => Cut::Lost(words(&error)),
            (Cut::Left, None) => {
                // What was asked for before it was left is still said.
                let _ = timeout(GONE, tell).await;
                Cut::Left
            }
            (cut, _) => cut,
        }
    }

    /// Takes asks in for who tells them, and frames for the program.
    async fn hear(
        &mut self,
        mut incoming: Incoming<ReadHalf<Box<dyn Stream>>>,
        to_tell: mpsc::Sender<Bytes>,
        pings: mpsc::Sender<()>,
    ) -> Cut {
        let mut heard = Instant::now();
        let mut asked_at = None;
        loop {
            let quiet = match asked_at {
                None => heard + QUIET,
                Some(_) => heard + GONE,
            };
            let message = tokio::select! {
                message = incoming.next::<ToClient>() => message,
                asked = next(&to_tell, &mut self.unsent, &mut self.asks) => {
                    let Some((room, ask)) = asked else { return Cut::Left };
                    self.note(&ask);
                    match within_limits(ask) {
                        Ok(message) => room.send(message),
                        Err((id, refusal)) => {
                            self.unanswered.remove(&id);
                            if self.frames.send(Frame::Reply { id, result: Err(refusal) }).await.is_err() {
                                return Cut::Left;
                            }
                        }
                    }
                    continue;
                }
                () = to_tell.closed() => return Cut::Lost(String::new()),
                () = tokio::time::sleep_until(quiet) => {
                    if asked_at.is_some() {
                        return Cut::Lost(format!("no word for {} seconds", GONE.as_secs()));
                    }
                    asked_at = Some(Instant::now());
                    // One that still waits to be said is enough.
                    let _ = pings.try_send(());
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
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    // It would say the same again.
                    let reason = format!(
                        "what the gonogo on the other side says can't be read ({error}); `gonogo daemon restart` there \
                         puts one in its place that says it otherwise"
                    );
                    let _ = self.frames.send(Frame::Goodbye { reason, ended: false }).await;
                    return Cut::Left;
                }
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

/// Says what is to be said, until the session has ended; everything is said then.
async fn tell(
    mut outgoing: Outgoing<WriteHalf<Box<dyn Stream>>>,
    mut waiting: mpsc::Receiver<Bytes>,
    mut owed: mpsc::Receiver<()>,
) -> io::Result<()> {
    loop {
        let message = tokio::select! {
            biased;
            Some(()) = owed.recv() => encode(&ToServer::Ping)?,
            message = waiting.recv() => match message {
                Some(message) => message,
                None => return Ok(()),
            },
        };
        timeout(GONE, outgoing.send_encoded(message)).await??;
    }
}

/// The next ask, as soon as it can be told; what has to be asked again comes first. `None` if the program asks for nothing any
/// more. May be dropped: nothing is lost.
async fn next<'a>(
    to_tell: &'a mpsc::Sender<Bytes>,
    unsent: &mut VecDeque<Ask>,
    asks: &mut mpsc::Receiver<Ask>,
) -> Option<(mpsc::Permit<'a, Bytes>, Ask)> {
    let Ok(room) = to_tell.reserve().await else {
        // Nothing can be told any more, which is noticed elsewhere.
        return std::future::pending().await;
    };
    let ask = match unsent.pop_front() {
        Some(ask) => ask,
        None => asks.recv().await?,
    };
    Some((room, ask))
}

/// An ask as it is sent, or why it is not: the other side would hang up, and would do so again each time.
fn within_limits(ask: Ask) -> Result<Bytes, (RequestId, Refusal)> {
    let id = match &ask {
        Ask::Command { id, .. } | Ask::Query { id, .. } | Ask::Drop { id } => *id,
        // short, and not answered
        Ask::Seen { .. } | Ask::Look { .. } => RequestId(0),
    };
    let message = encode(&ToServer::Ask(ask)).map_err(|error| (id, Refusal::new(error)))?;
    if message.len() <= TO_SERVER {
        return Ok(message);
    }
    let refusal = Refusal::new(too_long("what is asked for", message.len(), TO_SERVER));
    Err((id, refusal.hint("ask for it in parts, or without what is so long in it")))
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
