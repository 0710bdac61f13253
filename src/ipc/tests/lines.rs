//! The client, with the test at the other end of its line.

use std::time::Duration;

use tokio::{
    io::{DuplexStream, duplex},
    time::{Instant, timeout},
};

use super::*;

use crate::protocol::event::{Cause, ControlEvent, Event, Record};

/// Whoever is called: every call comes out where the test answers it.
struct Calls(mpsc::UnboundedSender<(Why, Far)>);

impl Call for Calls {
    fn call(&self, why: Why) -> Calling<'_> {
        let (near, far) = duplex(64 << 10);
        let sent = self.0.send((why, Far::new(far))).map_err(|_| CallError::unreachable("nobody is there"));
        Box::pin(async { sent.map(|()| Box::new(near) as Box<dyn Stream>) })
    }
}

/// The far end of a line. Dropped, it is cut.
struct Far {
    incoming: Incoming<ReadHalf<DuplexStream>>,
    outgoing: Outgoing<WriteHalf<DuplexStream>>,
}

impl Far {
    fn new(stream: DuplexStream) -> Self {
        let (reader, writer) = split(stream);
        Self { incoming: Incoming::new(reader, TO_SERVER), outgoing: Outgoing::new(writer, TO_CLIENT) }
    }

    async fn greet(&mut self, greeting: Greeting) -> Caller {
        let Some(Hail::Attach(caller)) = self.incoming.next().await.unwrap() else { panic!("no session is wanted") };
        self.outgoing.send(&greeting).await.unwrap();
        *caller
    }

    /// What the client says next; `None` when it has hung up.
    async fn heard(&mut self) -> Option<ToServer> {
        self.incoming.next().await.unwrap()
    }

    async fn asked(&mut self) -> Ask {
        match self.heard().await {
            Some(ToServer::Ask(ask)) => ask,
            other => panic!("nothing was asked for: {other:?}"),
        }
    }

    async fn say(&mut self, frame: Frame) {
        self.outgoing.send(&ToClient::Frame(frame)).await.unwrap();
    }
}

/// A client, and the calls that it makes.
struct Board {
    session: Session,
    calls: mpsc::UnboundedReceiver<(Why, Far)>,
}

impl Board {
    async fn attach(kind: VisitorKind) -> (Self, Far) {
        let (sender, mut calls) = mpsc::unbounded_channel::<(Why, Far)>();
        let answer = async {
            let (why, mut far) = calls.recv().await.unwrap();
            assert_eq!(why, Why::First);
            assert_eq!(far.greet(Greeting::Welcome { host: host(), log: None }).await.since, None);
            far
        };
        let (attached, far) = tokio::join!(client::attach(Arc::new(Calls(sender)), caller(kind)), answer);
        let (session, who) = attached.unwrap();
        assert_eq!(who, host());
        (Self { session, calls }, far)
    }

    async fn frame(&mut self) -> Frame {
        self.session.frame().await.unwrap()
    }

    /// Why the connection was lost, which is what it says next.
    async fn lost(&mut self) -> String {
        match self.frame().await {
            Frame::Link(Link::Lost { why, .. }) => why,
            other => panic!("{other:?}"),
        }
    }

    /// Answers the next call. Gives the line, why it was called, and after which record it wants to go on.
    async fn called(&mut self) -> (Far, Why, Option<Seq>) {
        let (why, mut far) = self.calls.recv().await.unwrap();
        let caller = far.greet(Greeting::Welcome { host: host(), log: None }).await;
        assert_eq!(self.frame().await, Frame::Link(Link::Up));
        (far, why, caller.since)
    }
}

fn record(seq: u64) -> Arc<Record> {
    let event = Event::Control { event: ControlEvent::Stopped };
    Arc::new(Record { seq: Seq(seq), at: crate::domain::time::Timestamp::UNIX_EPOCH, cause: Cause::Control, event })
}

fn hello(since: u64) -> Frame {
    Frame::Hello { version: "9.9.9".into(), pid: 7, seq: Seq(9), since: Seq(since), owner: "somebody".into() }
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_and_not_answered_is_asked_again_under_the_same_number_and_only_once() {
    let (mut board, mut far) = Board::attach(VisitorKind::Board).await;
    let (answered, lost, dropped) = (board.session.next_id(), board.session.next_id(), board.session.next_id());
    for id in [answered, lost, dropped] {
        board.session.ask(wish(id)).await.unwrap();
        assert_eq!(far.asked().await, wish(id));
    }
    far.say(reply(answered)).await;
    assert_eq!(board.frame().await, reply(answered));
    board.session.ask(Ask::Drop { id: dropped }).await.unwrap();
    assert_eq!(far.asked().await, Ask::Drop { id: dropped });
    drop(far);
    board.lost().await;

    let (mut far, why, _) = board.called().await;
    assert_eq!(why, Why::CutOff);
    // What is asked now comes after what was asked before.
    let next = board.session.next_id();
    board.session.ask(wish(next)).await.unwrap();
    assert_eq!(far.asked().await, wish(lost));
    assert_eq!(far.asked().await, wish(next));
    for id in [lost, next] {
        far.say(reply(id)).await;
        assert_eq!(board.frame().await, reply(id));
    }
    drop(far);
    board.lost().await;
    let (mut far, ..) = board.called().await;
    assert_eq!(far.heard().await, Some(ToServer::Ping), "everything was answered");
}

#[tokio::test(start_paused = true)]
async fn records_go_on_after_the_last_that_was_heard() {
    let (mut board, mut far) = Board::attach(VisitorKind::Watch).await;
    for (said, since) in [
        (hello(0), None),
        // Cut off in the middle of what is at hand, which has gaps, it begins again.
        (Frame::Records(vec![record(1), record(2)]), None),
        (Frame::Records(vec![record(1), record(9)]), Some(Seq(9))),
        (Frame::Records(Vec::new()), Some(Seq(9))),
        (hello(9), Some(Seq(9))),
        (Frame::Records(vec![record(10)]), Some(Seq(10))),
        // Another log, from its beginning.
        (hello(0), None),
    ] {
        far.say(said.clone()).await;
        assert_eq!(board.frame().await, said);
        drop(far);
        board.lost().await;
        let (again, why, from) = board.called().await;
        assert_eq!((why, from), (Why::CutOff, since), "after {said:?}");
        far = again;
    }
}

#[tokio::test(start_paused = true)]
async fn a_silence_is_asked_about_and_one_that_lasts_is_a_cut() {
    let (mut board, mut far) = Board::attach(VisitorKind::Board).await;
    let begun = Instant::now();
    for _ in 0..10 {
        assert_eq!(far.heard().await, Some(ToServer::Ping));
        far.outgoing.send(&ToClient::Pong).await.unwrap();
    }
    let heard = Instant::now();
    assert!((45..60).contains(&(heard - begun).as_secs()), "{:?}", heard - begun);
    assert!(board.session.try_frame().is_none(), "one that answers is there");

    assert_eq!(far.heard().await, Some(ToServer::Ping));
    assert_eq!(board.lost().await, "no word for 12 seconds");
    assert_eq!(heard.elapsed().as_secs(), 12);
    assert_eq!(far.heard().await, None, "the line is given up");
    board.called().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_answers_for_a_while() {
    let (mut board, far) = Board::attach(VisitorKind::Board).await;
    drop(far);
    for tries in 0..6 {
        let Frame::Link(Link::Lost { tries: said, next_ms, .. }) = board.frame().await else { panic!() };
        assert_eq!((said, next_ms), (tries, 50 << tries));
        // Taken, and hung up.
        board.calls.recv().await.unwrap();
    }
    board.lost().await;
    board.called().await;
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_ends_a_command() {
    let (mut board, mut far) = Board::attach(VisitorKind::Command).await;
    let goodbye = Frame::Goodbye { reason: "enough".into(), ended: true };
    far.say(goodbye.clone()).await;
    assert_eq!(board.frame().await, goodbye);
    assert!(board.session.frame().await.is_none());
    assert!(board.calls.recv().await.is_none(), "nobody is called any more");
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_is_waited_out_by_a_board() {
    let (mut board, mut far) = Board::attach(VisitorKind::Board).await;
    far.say(Frame::Goodbye { reason: "enough".into(), ended: true }).await;
    assert_eq!(board.lost().await, "enough");
    drop(board.calls.recv().await);
    assert_eq!(board.lost().await, "enough", "why it ended counts for more than why it doesn't answer");
    let (mut far, why, _) = board.called().await;
    assert_eq!(why, Why::Ended);
    // It has been started again: what is cut from now on is no end.
    far.say(hello(0)).await;
    assert_eq!(board.frame().await, hello(0));
    drop(far);
    board.lost().await;
    assert_eq!(board.called().await.1, Why::CutOff);
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_back_as_another_version_ends_the_session() {
    let (mut board, far) = Board::attach(VisitorKind::Board).await;
    drop(far);
    board.lost().await;
    let (_, mut far) = board.calls.recv().await.unwrap();
    far.greet(Greeting::Refused { host: host(), message: "too old".into(), hint: None }).await;
    assert_eq!(board.frame().await, Frame::Goodbye { reason: "too old".into(), ended: false });
    assert!(board.session.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_dropped_hangs_up() {
    let (board, mut far) = Board::attach(VisitorKind::Board).await;
    drop(board.session);
    assert_eq!(far.heard().await, None);
    // Also while it is calling.
    let (mut board, far) = Board::attach(VisitorKind::Board).await;
    drop(far);
    board.lost().await;
    drop(board.session);
    let gone = async { while board.calls.recv().await.is_some() {} };
    timeout(Duration::from_mins(1), gone).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_takes_the_call_and_says_nothing_does_not_answer() {
    let (sender, mut calls) = mpsc::unbounded_channel::<(Why, Far)>();
    let silent = async {
        let (_, far) = calls.recv().await.unwrap();
        std::future::pending::<()>().await;
        drop(far);
    };
    let attached = tokio::select! {
        attached = client::attach(Arc::new(Calls(sender)), caller(VisitorKind::Watch)) => attached,
        () = silent => unreachable!(),
    };
    assert_eq!(attached.err().unwrap().to_string(), "gonogo does not answer");
}

#[tokio::test(start_paused = true)]
async fn another_log_is_begun_anew_and_the_one_that_is_known_is_gone_on_with() {
    let welcome = |log: &str| Greeting::Welcome { host: host(), log: Some(log.into()) };
    let (mut board, mut far) = Board::attach(VisitorKind::Board).await;
    let mut since = Vec::new();
    // An older gonogo names none.
    for log in ["one", "one", "other", "other"] {
        far.say(hello(0)).await;
        board.frame().await;
        far.say(Frame::Records(vec![record(9)])).await;
        board.frame().await;
        drop(far);
        board.lost().await;
        let (_, mut again) = board.calls.recv().await.unwrap();
        let caller = again.greet(welcome(log)).await;
        since.push((caller.log, caller.since));
        assert_eq!(board.frame().await, Frame::Link(Link::Up));
        if log == "other" && since.len() == 3 {
            // Cut off before anything of it has come, nothing of it is known.
            drop(again);
            board.lost().await;
            let (_, mut again) = board.calls.recv().await.unwrap();
            let caller = again.greet(welcome(log)).await;
            assert_eq!((caller.log.as_deref(), caller.since), (Some("other"), None));
            assert_eq!(board.frame().await, Frame::Link(Link::Up));
            far = again;
        } else {
            far = again;
        }
    }
    let log = |name: &str| Some(name.to_owned());
    let known = Some(Seq(9));
    assert_eq!(since, [(None, known), (log("one"), known), (log("one"), known), (log("other"), known)]);
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_read_ends_the_session_and_is_said_once() {
    let (mut board, mut far) = Board::attach(VisitorKind::Board).await;
    far.outgoing.send(&"something else").await.unwrap();
    let Frame::Goodbye { reason, ended: false } = board.frame().await else { panic!() };
    assert!(reason.contains("can't be read") && reason.contains("daemon restart"), "{reason}");
    assert!(board.session.frame().await.is_none());
    assert!(board.calls.try_recv().is_err(), "it is not called again");
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_for_before_leaving_is_still_said() {
    let (board, mut far) = Board::attach(VisitorKind::Board).await;
    for id in 1..=20 {
        board.session.ask(wish(RequestId(id))).await.unwrap();
    }
    drop(board.session);
    for id in 1..=20 {
        assert_eq!(far.asked().await, wish(RequestId(id)));
    }
    assert_eq!(far.heard().await, None);
}
