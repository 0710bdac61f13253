//! The server at a real socket, with the test in the place of control.

use std::{path::PathBuf, time::Duration};

use tempfile::TempDir;
use tokio::{net::UnixStream, time::timeout};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::*;

use crate::{
    domain::{
        actor::Actor,
        id::{OutputId, RunId},
    },
    ipc::{
        address,
        server::{self, Server},
    },
    protocol::{
        event::{Cause, ControlEvent, Event, Record},
        query::{Case, Query},
        session::{Attach, Visitor},
    },
};

/// Nothing here takes so long.
const LONG: Duration = Duration::from_mins(1);

/// A session as control sees it.
struct Room {
    visitor: Visitor,
    since: Option<Seq>,
    asks: mpsc::Receiver<Ask>,
    frames: mpsc::Sender<Frame>,
}

/// In the place of control: whoever comes is let in, and handed to the test.
struct Rooms(mpsc::UnboundedSender<Room>);

/// The log that all sessions here are of.
const LOG: &str = "this one";

impl Attach for Rooms {
    fn log(&self) -> Option<String> {
        Some(LOG.into())
    }

    fn attach(&self, visitor: Visitor, since: Option<Seq>) -> Session {
        let ((ask, asks), (frames, frame)) = (mpsc::channel(4), mpsc::channel(4));
        self.0.send(Room { visitor, since, asks, frames }).unwrap();
        Session::new(ask, frame)
    }
}

/// A server, and those who have come.
struct House {
    dir: TempDir,
    rooms: mpsc::UnboundedReceiver<Room>,
    stop: CancellationToken,
    serving: AbortOnDropHandle<()>,
}

impl House {
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = address::listen(dir.path()).await.unwrap();
        let (sender, rooms) = mpsc::unbounded_channel();
        let (server, stop) = (Server { attach: Arc::new(Rooms(sender)), host: host() }, CancellationToken::new());
        let serving = AbortOnDropHandle::new(tokio::spawn(server.serve(listener, stop.clone())));
        Self { dir, rooms, stop, serving }
    }

    fn door(&self) -> Arc<Door> {
        Arc::new(Door(address::socket(self.dir.path())))
    }

    async fn line(&self) -> Near<UnixStream> {
        Near::new(UnixStream::connect(&self.door().0).await.unwrap())
    }

    async fn room(&mut self) -> Room {
        timeout(LONG, self.rooms.recv()).await.unwrap().unwrap()
    }
}

struct Door(PathBuf);

impl Call for Door {
    fn call(&self, _why: Why) -> Calling<'_> {
        Box::pin(async {
            let stream = UnixStream::connect(&self.0).await.map_err(CallError::unreachable)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}

/// A client that says what the test wants.
struct Near<S> {
    incoming: Incoming<ReadHalf<S>>,
    outgoing: Outgoing<WriteHalf<S>>,
}

impl<S: AsyncRead + AsyncWrite> Near<S> {
    fn new(stream: S) -> Self {
        let (reader, writer) = split(stream);
        Self { incoming: Incoming::new(reader, TO_CLIENT), outgoing: Outgoing::new(writer, TO_SERVER) }
    }

    async fn hail(&mut self, hail: &Hail) -> Greeting {
        self.outgoing.send(hail).await.unwrap();
        timeout(LONG, self.incoming.next()).await.unwrap().unwrap().unwrap()
    }

    async fn heard(&mut self) -> Option<ToClient> {
        timeout(LONG, self.incoming.next()).await.unwrap().unwrap()
    }
}

fn attach(caller: Caller) -> Hail {
    Hail::Attach(Box::new(caller))
}

#[tokio::test]
async fn a_caller_gets_a_session_as_who_they_are() {
    let mut house = House::open().await;
    let mut line = house.line().await;
    let from = format!("pts/3\x1b[31m\n{}", "x".repeat(100));
    let wanted = Caller { from, since: Some(Seq(5)), ..caller(VisitorKind::Watch) };
    assert_eq!(line.hail(&attach(wanted)).await, Greeting::Welcome { host: host(), log: Some(LOG.into()) });
    let mut room = house.room().await;
    assert_eq!((room.since, room.visitor.kind), (Some(Seq(5)), VisitorKind::Watch));
    assert_eq!(room.visitor.actor, Actor::Person(server::host().owner));
    assert!(room.visitor.from.starts_with("pts/3[31mxxx") && room.visitor.from.len() == 80, "{}", room.visitor.from);

    line.outgoing.send(&ToServer::Ask(wish(RequestId(1)))).await.unwrap();
    assert_eq!(room.asks.recv().await, Some(wish(RequestId(1))));
    room.frames.send(reply(RequestId(1))).await.unwrap();
    assert_eq!(line.heard().await, Some(ToClient::Frame(reply(RequestId(1)))));
    // What was said last is heard, and then that it is over.
    let goodbye = Frame::Goodbye { reason: "enough".into(), ended: true };
    room.frames.send(goodbye.clone()).await.unwrap();
    drop(room);
    assert_eq!(line.heard().await, Some(ToClient::Frame(goodbye)));
    assert_eq!(line.heard().await, None);
}

#[tokio::test]
async fn one_that_hangs_up_leaves_the_room() {
    let mut house = House::open().await;
    let mut line = house.line().await;
    line.hail(&attach(caller(VisitorKind::Board))).await;
    let mut room = house.room().await;
    drop(line);
    assert_eq!(timeout(LONG, room.asks.recv()).await.unwrap(), None);
    assert!(room.frames.is_closed());
}

#[tokio::test]
async fn a_client_that_pings_is_answered() {
    let mut house = House::open().await;
    let mut line = house.line().await;
    line.hail(&attach(caller(VisitorKind::Board))).await;
    let _room = house.room().await;
    for _ in 0..3 {
        line.outgoing.send(&ToServer::Ping).await.unwrap();
        assert_eq!(line.heard().await, Some(ToClient::Pong));
    }
}

#[tokio::test]
async fn another_version_is_refused_and_told_what_to_do() {
    let mut house = House::open().await;
    let other = Caller { protocol: PROTOCOL + 1, version: "10.0.0".into(), ..caller(VisitorKind::Board) };
    let Err(error) = client::attach(house.door(), other).await else { panic!("it was let in") };
    let CallError::Refused { host: who, message, hint } = error else { panic!("{error}") };
    assert_eq!(who, host());
    assert!(message.contains("version 9.9.9") && message.contains("10.0.0"), "{message}");
    assert!(hint.unwrap().contains("daemon restart"));
    assert!(house.rooms.try_recv().is_err());
}

#[tokio::test]
async fn what_it_does_not_understand_is_refused() {
    let house = House::open().await;
    for said in [serde_json::json!({ "want": "something new" }), serde_json::json!([1, 2])] {
        let mut line = house.line().await;
        line.outgoing.send(&said).await.unwrap();
        let greeting = timeout(LONG, line.incoming.next()).await.unwrap().unwrap();
        assert!(matches!(greeting, Some(Greeting::Refused { .. })), "{said}: {greeting:?}");
        assert_eq!(line.heard().await, None);
    }
}

#[tokio::test]
async fn it_says_who_it_is_and_passes_an_end_on() {
    let mut house = House::open().await;
    let stream = house.door().call(Why::First).await.unwrap();
    assert_eq!(client::say(stream, &Hail::About).await.unwrap(), Greeting::About { host: host() });
    assert!(house.rooms.try_recv().is_err(), "that needs no session");
    let stream = house.door().call(Why::First).await.unwrap();
    assert_eq!(client::say(stream, &Hail::Stop { wait: true }).await.unwrap(), Greeting::Stopping { host: host() });
    let asked = timeout(LONG, house.room().await.asks.recv()).await.unwrap();
    assert!(matches!(asked, Some(Ask::Command { command: Command::ShutDown { wait: true }, .. })), "{asked:?}");
}

#[tokio::test]
async fn told_to_stop_it_takes_nobody_on_any_more() {
    let house = House::open().await;
    house.stop.cancel();
    timeout(LONG, house.serving).await.unwrap().unwrap();
    let door = Door(address::socket(house.dir.path()));
    assert!(door.call(Why::First).await.is_err());
}

#[tokio::test]
async fn more_asks_than_the_way_holds_are_all_answered_in_order() {
    const ASKS: u64 = 2000;
    let mut house = House::open().await;
    let (mut session, _) = client::attach(house.door(), caller(VisitorKind::Board)).await.unwrap();
    let mut room = house.room().await;
    // As narrow as can be: one after the other, and nothing is taken while an answer waits for room.
    let answering = tokio::spawn(async move {
        while let Some(Ask::Command { id, .. }) = room.asks.recv().await {
            room.frames.send(reply(id)).await.unwrap();
        }
    });
    let asks = session.asks();
    tokio::spawn(async move {
        for id in 1..=ASKS {
            asks.send(wish(RequestId(id))).await.unwrap();
        }
    });
    for id in 1..=ASKS {
        let frame = timeout(LONG, session.frame()).await.unwrap();
        assert_eq!(frame, Some(reply(RequestId(id))));
    }
    drop(session);
    let _ = timeout(LONG, answering).await.unwrap();
}

/// An answer of about so many bytes.
fn long_answer(id: RequestId, bytes: usize) -> Frame {
    let text = "x".repeat(bytes);
    Frame::Reply { id, result: Ok(Answer::Hits { lines: vec![1], more: false, texts: vec![text], searched: (1, 1) }) }
}

/// A question of about so many bytes.
fn long_ask(id: RequestId, bytes: usize) -> Ask {
    let query = Query::Search {
        output: OutputId::attempt(RunId(1), &"test".into(), 1),
        pattern: "x".repeat(bytes),
        case: Case::Smart,
        from: 0,
        backwards: false,
        limit: 1,
        text: 0,
    };
    Ask::Query { id, query }
}

#[tokio::test]
async fn long_asks_and_long_answers_do_not_wait_for_each_other() {
    const ASKS: u64 = 500;
    const LENGTH: usize = 50_000;
    let mut house = House::open().await;
    let (mut session, _) = client::attach(house.door(), caller(VisitorKind::Board)).await.unwrap();
    let mut room = house.room().await;
    let answering = tokio::spawn(async move {
        while let Some(Ask::Query { id, .. }) = room.asks.recv().await {
            room.frames.send(long_answer(id, LENGTH)).await.unwrap();
        }
    });
    let begun = std::time::Instant::now();
    let asks = session.asks();
    tokio::spawn(async move {
        for id in 1..=ASKS {
            asks.send(long_ask(RequestId(id), LENGTH)).await.unwrap();
        }
    });
    for id in 1..=ASKS {
        let frame = timeout(LONG, session.frame()).await.unwrap();
        assert_eq!(frame, Some(long_answer(RequestId(id), LENGTH)));
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    drop(session);
    let _ = timeout(LONG, answering).await.unwrap();
}

#[tokio::test]
async fn an_ask_that_is_too_long_is_refused_and_the_session_goes_on() {
    let mut house = House::open().await;
    let (mut session, _) = client::attach(house.door(), caller(VisitorKind::Board)).await.unwrap();
    let mut room = house.room().await;
    session.ask(long_ask(RequestId(1), TO_SERVER)).await.unwrap();
    session.ask(wish(RequestId(2))).await.unwrap();
    let Some(Frame::Reply { id, result: Err(refusal) }) = timeout(LONG, session.frame()).await.unwrap() else {
        panic!()
    };
    assert_eq!(
        (id, refusal.message.as_str()),
        (RequestId(1), "what is asked for is too long to be sent: 9 MiB, and 8 MiB is the most")
    );
    assert!(refusal.hint.is_some());
    assert_eq!(timeout(LONG, room.asks.recv()).await.unwrap(), Some(wish(RequestId(2))));
    room.frames.send(reply(RequestId(2))).await.unwrap();
    assert_eq!(timeout(LONG, session.frame()).await.unwrap(), Some(reply(RequestId(2))));
    assert!(house.rooms.try_recv().is_err(), "it was not called again");
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_refused_and_records_go_in_parts() {
    let mut house = House::open().await;
    let (mut session, _) = client::attach(house.door(), caller(VisitorKind::Board)).await.unwrap();
    let room = house.room().await;
    room.frames.send(long_answer(RequestId(1), TO_CLIENT)).await.unwrap();
    let Some(Frame::Reply { id, result: Err(refusal) }) = timeout(LONG, session.frame()).await.unwrap() else {
        panic!()
    };
    assert!(
        id == RequestId(1) && refusal.message.starts_with("the answer is too long to be sent: 65 MiB"),
        "{refusal}"
    );
    assert_eq!(refusal.hint.as_deref(), Some("ask for less at once"));

    let record = |seq: u64, bytes: usize| {
        let event = Event::Control { event: ControlEvent::Rescued { how: "x".repeat(bytes) } };
        Arc::new(Record { seq: Seq(seq), at: crate::domain::time::Timestamp::UNIX_EPOCH, cause: Cause::Control, event })
    };
    let records: Vec<_> = (1..=3).map(|seq| record(seq, TO_CLIENT / 3)).collect();
    room.frames.send(Frame::Records(records)).await.unwrap();
    let mut seqs = Vec::new();
    while seqs.len() < 3 {
        let Some(Frame::Records(some)) = timeout(LONG, session.frame()).await.unwrap() else { panic!() };
        seqs.extend(some.iter().map(|record| record.seq.0));
    }
    assert_eq!(seqs, [1, 2, 3]);

    // One that can't be cut ends the session, and says so once.
    room.frames.send(Frame::Records(vec![record(4, TO_CLIENT)])).await.unwrap();
    let Some(Frame::Goodbye { reason, ended: false }) = timeout(LONG, session.frame()).await.unwrap() else { panic!() };
    assert!(
        reason.starts_with("record 4 is too long to be sent: 65 MiB") && reason.contains("--in-process"),
        "{reason}"
    );
    assert_eq!(timeout(LONG, session.frame()).await.unwrap(), None);
    assert!(house.rooms.try_recv().is_err(), "it is not called again");
}

#[tokio::test]
async fn who_says_too_much_hears_so_before_it_is_over() {
    let mut house = House::open().await;
    let mut stream = UnixStream::connect(&house.door().0).await.unwrap();
    let mut line = Near::new(&mut stream);
    line.hail(&attach(caller(VisitorKind::Watch))).await;
    let _room = house.room().await;
    drop(line);
    tokio::io::AsyncWriteExt::write_all(&mut stream, &(TO_SERVER as u32 + 1).to_be_bytes()).await.unwrap();
    let mut line = Near::new(&mut stream);
    let Some(ToClient::Frame(Frame::Goodbye { reason, ended: false })) = line.heard().await else { panic!() };
    assert!(reason.contains("can't be read"), "{reason}");
    assert_eq!(line.heard().await, None);
}

#[tokio::test]
async fn a_position_in_another_log_means_nothing() {
    let mut house = House::open().await;
    for (log, since, taken) in [
        (Some(LOG), Some(Seq(5)), Some(Seq(5))),
        (None, Some(Seq(5)), Some(Seq(5))),
        (Some("another"), Some(Seq(5)), None),
        (Some("another"), Some(Seq(0)), Some(Seq(0))),
        (Some("another"), None, None),
    ] {
        let wanted = Caller { log: log.map(str::to_owned), since, ..caller(VisitorKind::Watch) };
        let (_session, _) = client::attach(house.door(), wanted).await.unwrap();
        assert_eq!(house.room().await.since, taken, "{log:?} {since:?}");
    }
}
