//! A client of the daemon in this process, beside those that are programs of their own.

use std::{path::PathBuf, sync::Arc, time::Duration};

use gonogo::{
    domain::id::{RequestId, Seq},
    ipc::{
        client::{self, Call, CallError, Calling, Why},
        wire::Caller as Wire,
    },
    protocol::{
        command::{Command, Refusal},
        event::Record,
        frame::{Ask, Frame, Link},
        query::Answer,
        session::{Session, VisitorKind},
    },
    state::board::State,
};
use tokio::net::UnixStream;

use crate::home::{DEADLINE, Home};

struct Socket(PathBuf);

impl Call for Socket {
    fn call(&self, _why: Why) -> Calling<'_> {
        Box::pin(async {
            match UnixStream::connect(&self.0).await {
                Ok(stream) => Ok(Box::new(stream) as Box<dyn client::Stream>),
                Err(error) => Err(CallError::unreachable(error)),
            }
        })
    }
}

/// A session with the daemon of a home, and what it has heard.
pub struct Caller {
    pub session: Session,
    pub state: State,
    pub records: Vec<Arc<Record>>,
    /// How often the connection was lost.
    pub lost: u32,
    caught_up: Option<Seq>,
}

impl Caller {
    /// Attaches, and hears all that has been recorded.
    pub async fn attach(home: &Home, kind: VisitorKind, since: Option<Seq>) -> Self {
        let socket = Socket(home.gonogo().join("run/gonogo.sock"));
        let caller = Wire { since, ..client::caller(kind, "a test".into()) };
        let (session, _) = client::attach(Arc::new(socket), caller).await.unwrap();
        let mut caller = Self { session, state: State::default(), records: Vec::new(), lost: 0, caught_up: None };
        while caller.caught_up.is_none_or(|seq| caller.state.seq < seq) {
            caller.hear().await;
        }
        caller
    }

    /// The next frame, taken in; a reply is handed out.
    pub async fn hear(&mut self) -> Option<(RequestId, Result<Answer, Refusal>)> {
        let frame = tokio::time::timeout(DEADLINE, self.session.frame()).await.expect("something comes");
        match frame.expect("the session goes on") {
            Frame::Hello { seq, since, .. } => {
                if since == Seq(0) {
                    self.state = State::default();
                    self.records.clear();
                }
                self.caught_up = Some(seq);
            }
            Frame::Records(records) => {
                records.iter().for_each(|record| self.state.apply(record));
                self.records.extend(records);
            }
            Frame::Reply { id, result } => return Some((id, result)),
            Frame::Link(Link::Lost { tries: 0, .. }) => self.lost += 1,
            Frame::Goodbye { reason, .. } => panic!("{reason}"),
            _ => {}
        }
        None
    }

    /// Hears what comes until the state is so.
    pub async fn until(&mut self, is: impl Fn(&State) -> bool) {
        while !is(&self.state) {
            self.hear().await;
        }
    }

    /// Gives a command, and hears what becomes of it.
    pub async fn command(&mut self, command: Command) -> Result<Answer, Refusal> {
        let id = self.session.next_id();
        self.session.ask(Ask::Command { id, command }).await.unwrap();
        self.reply(id).await
    }

    /// Hears until the answer to an ask is there.
    pub async fn reply(&mut self, id: RequestId) -> Result<Answer, Refusal> {
        loop {
            if let Some((of, result)) = self.hear().await
                && of == id
            {
                return result;
            }
        }
    }

    /// Hears what comes within this time.
    pub async fn listen(&mut self, time: Duration) {
        let end = tokio::time::Instant::now() + time;
        while tokio::time::timeout_at(end, self.hear()).await.is_ok() {}
    }
}

/// Runs what waits for things.
pub fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}
