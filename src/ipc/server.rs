//! Takes callers on, looks who they are, and gives each a session.

use std::{io, os::fd::AsRawFd as _, sync::Arc, time::Duration};

use tokio::{
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Semaphore, mpsc},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::paths::{login, user},
    domain::{actor::Actor, id::Seq},
    protocol::{
        command::{Command, Refusal},
        frame::{Ask, Frame},
        session::{Attach, Session, Visitor, VisitorKind, surroundings},
    },
};

use super::wire::{
    Caller, Greeting, Hail, Host, Incoming, Outgoing, PROTOCOL, TO_CLIENT, TO_SERVER, ToClient, ToServer, encode,
    too_long,
};

/// How long a caller may take to say who they are.
const GREETING: Duration = Duration::from_secs(5);

/// How long a client may take to read a message before it is given up. It calls again when it can.
const PATIENCE: Duration = Duration::from_secs(30);

/// So many may be attached at once.
const MOST: usize = 256;

/// Answers at a socket.
#[derive(Clone)]
pub struct Server {
    /// Gives the sessions.
    pub attach: Arc<dyn Attach>,
    /// Who is told to callers.
    pub host: Host,
}

impl Server {
    /// Answers callers until `stop`; then every connection ends once its session has said goodbye, or soon.
    pub async fn serve(self, listener: UnixListener, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let places = Arc::new(Semaphore::new(MOST));
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // No file is left to open, say: those who are attached go on, the next caller waits.
                        tracing::warn!("a caller could not be taken on: {error}");
                        tokio::time::sleep(Duration::from_millis(200)).await;
                        continue;
                    }
                },
                () = stop.cancelled() => break,
            };
            let (server, places) = (self.clone(), Arc::clone(&places));
            tasks.spawn(async move {
                let place = places.try_acquire_owned().ok();
                if let Err(error) = server.answer(stream, place.is_some()).await {
                    tracing::debug!("a connection ended: {error}");
                }
            });
        }
        // Closing is not enough: a process that is just being started holds a copy of it until it is the new program.
        let _ = nix::sys::socket::shutdown(listener.as_raw_fd(), nix::sys::socket::Shutdown::Both);
        drop(listener);
        tasks.close();
        let _ = timeout(Duration::from_secs(2), tasks.wait()).await;
    }

    async fn answer(&self, stream: UnixStream, room: bool) -> io::Result<()> {
        let caller = stream.peer_cred()?.uid();
        let (reader, writer) = stream.into_split();
        let (mut incoming, mut outgoing) = (Incoming::new(reader, TO_SERVER), Outgoing::new(writer, TO_CLIENT));
        let refused = |message: String, hint: Option<&str>| Greeting::Refused {
            host: self.host.clone(),
            message,
            hint: hint.map(str::to_owned),
        };
        let (hail, greeting) = if !may_call(caller) {
            (None, refused(format!("this gonogo belongs to {}", self.host.owner), None))
        } else if !room {
            (None, refused(format!("{MOST} clients are attached already"), Some("close one")))
        } else {
            match timeout(GREETING, incoming.next::<Hail>()).await {
                Err(_) | Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                    (None, refused(format!("this is not what a gonogo says: {error}"), None))
                }
                Ok(Err(error)) => return Err(error),
                // Hung up on without a word, they call again, and reach the next one.
                Ok(Ok(Some(Hail::Attach(caller)))) if self.attach.is_ending() && caller.kind != VisitorKind::Watch => {
                    return Ok(());
                }
                Ok(Ok(Some(hail))) => {
                    let greeting = self.greet(&hail, refused);
                    (Some(hail), greeting)
                }
            }
        };
        timeout(PATIENCE, outgoing.send(&greeting)).await??;
        match (hail, greeting) {
            (Some(Hail::Attach(caller_is)), Greeting::Welcome { .. }) => {
                let visitor = visitor(caller, *caller_is.clone());
                let log = self.attach.log();
                let same = caller_is.log.is_none() || log.is_none() || caller_is.log == log;
                // What stood in another log is nothing to go on from, unless it is the beginning.
                let since = caller_is.since.filter(|since| same || *since == Seq(0));
                let session = self.attach.attach(visitor, since);
                carry(session, incoming, outgoing).await
            }
            (Some(Hail::Stop { wait }), Greeting::Stopping { .. }) => {
                self.stop(actor(caller), wait).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn greet(&self, hail: &Hail, refused: impl Fn(String, Option<&str>) -> Greeting) -> Greeting {
        let host = self.host.clone();
        match hail {
            Hail::Attach(caller) if caller.protocol != host.protocol => refused(
                format!(
                    "this gonogo is version {}, the one that calls is {}, and they don't understand each other",
                    host.version, caller.version
                ),
                Some("`gonogo daemon restart` puts the new one in the old one's place when nothing is under way"),
            ),
            Hail::Attach(_) => Greeting::Welcome { host, log: self.attach.log() },
            Hail::About => Greeting::About { host },
            Hail::Stop { .. } => Greeting::Stopping { host },
            Hail::Unknown => refused(format!("gonogo {} does not know what is asked for", host.version), None),
        }
    }

    /// Gives the command to end; the answer to the caller is that the socket goes away.
    async fn stop(&self, actor: Actor, wait: bool) {
        let visitor = Visitor { actor, kind: VisitorKind::Command, from: String::new(), environment: Arc::default() };
        let mut session = self.attach.attach(visitor, Some(Seq::LAST));
        let id = session.next_id();
        if session.ask(Ask::Command { id, command: Command::ShutDown { wait } }).await.is_ok() {
            while let Some(frame) = session.frame().await {
                if matches!(frame, Frame::Reply { .. }) {
                    break;
                }
            }
        }
    }
}

/// Says who this process is, to callers.
pub fn host() -> Host {
    let owner = login(user());
    Host { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").into(), pid: std::process::id(), owner }
}

/// Its own user, and root, who could do everything anyway.
fn may_call(caller: u32) -> bool {
    caller == 0 || caller == user()
}

fn actor(caller: u32) -> Actor {
    Actor::Person(login(caller))
}

fn visitor(user: u32, caller: Caller) -> Visitor {
    let environment = Arc::new(caller.environment.unwrap_or_else(surroundings));
    let mut from = caller.from;
    from.retain(|c| !c.is_control());
    from.truncate(from.char_indices().nth(80).map_or(from.len(), |(at, _)| at));
    Visitor { actor: actor(user), kind: caller.kind, from, environment }
}

/// Carries asks in and frames out until one side ends.
async fn carry(
    mut session: Session,
    mut incoming: Incoming<OwnedReadHalf>,
    mut outgoing: Outgoing<OwnedWriteHalf>,
) -> io::Result<()> {
    let asks = session.asks();
    // A client that asks without reading the answers is held up itself, and nobody else.
    let (pongs, mut owed) = mpsc::channel::<()>(1);
    let hear = async move {
        while let Some(message) = incoming.next().await? {
            match message {
                ToServer::Ask(ask) => {
                    if asks.send(ask).await.is_err() {
                        break;
                    }
                }
                ToServer::Ping => {
                    // One that is owed already answers this one as well.
                    let _ = pongs.try_send(());
                }
            }
        }
        Ok(())
    };
    let ended: io::Result<()> = tokio::select! {
        heard = hear => heard,
        told = tell(&mut session, &mut outgoing, &mut owed) => return told,
    };
    if let Err(error) = &ended
        && error.kind() == io::ErrorKind::InvalidData
    {
        // It would say the same again.
        let reason = format!("what this session has said can't be read: {error}");
        let goodbye = ToClient::Frame(Frame::Goodbye { reason, ended: false });
        timeout(PATIENCE, outgoing.send(&goodbye)).await??;
    }
    ended
}

/// Says what the session says, until that has ended.
async fn tell(
    session: &mut Session,
    outgoing: &mut Outgoing<OwnedWriteHalf>,
    owed: &mut mpsc::Receiver<()>,
) -> io::Result<()> {
    loop {
        let mut messages = tokio::select! {
            frame = session.frame() => match frame {
                Some(frame) => vec![ToClient::Frame(frame)],
                None => return Ok(()),
            },
            Some(()) = owed.recv() => vec![ToClient::Pong],
        };
        while let Some(message) = messages.pop() {
            let encoded = encode(&message)?;
            if encoded.len() <= TO_CLIENT {
                timeout(PATIENCE, outgoing.send_encoded(encoded)).await??;
                let over = matches!(message, ToClient::Frame(Frame::Goodbye { .. }));
                if over {
                    return Ok(());
                }
            } else {
                messages.extend(instead(message, encoded.len()));
            }
        }
    }
}

/// What is said instead of what is too long, last first: the client could not read it, and would hang up and ask again.
fn instead(message: ToClient, bytes: usize) -> Vec<ToClient> {
    match message {
        ToClient::Frame(Frame::Records(mut records)) if records.len() > 1 => {
            let later = records.split_off(records.len() / 2);
            vec![ToClient::Frame(Frame::Records(later)), ToClient::Frame(Frame::Records(records))]
        }
        ToClient::Frame(Frame::Reply { id, .. } | Frame::Part { id, .. }) => {
            let refusal = Refusal::new(too_long("the answer", bytes, TO_CLIENT)).hint("ask for less at once");
            vec![ToClient::Frame(Frame::Reply { id, result: Err(refusal) })]
        }
        ToClient::Frame(Frame::Records(records)) => {
            let which = records.first().map_or(Seq(0), |record| record.seq);
            let what = too_long(&format!("record {which}"), bytes, TO_CLIENT);
            let reason =
                format!("{what}; commands with --in-process read it, once `gonogo daemon stop` has ended this one");
            vec![ToClient::Frame(Frame::Goodbye { reason, ended: false })]
        }
        // Nothing else grows.
        _ => {
            let reason = too_long("what is to be said", bytes, TO_CLIENT);
            vec![ToClient::Frame(Frame::Goodbye { reason, ended: false })]
        }
    }
}
