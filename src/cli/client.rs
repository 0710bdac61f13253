//! A session with the state that its records have made so far.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use crate::{
    domain::id::{RequestId, RunId, Seq},
    protocol::{
        command::{Command, Refusal},
        event::Record,
        frame::{Ask, Frame, Health, Link, Peer},
        query::{Answer, Query},
        session::Session,
        telemetry::Telemetry,
    },
    state::{board::State, run::Run},
};

use super::report::Problem;

/// A session with the state that its records have made so far.
#[derive(Debug)]
pub struct Client {
    session: Session,
    /// The fold.
    pub state: State,
    /// Who is attached, as far as was said.
    pub peers: Vec<Peer>,
    /// How control fares, as far as was said.
    pub health: Health,
    /// Folded in while a reply was waited for, and not yet handed out by [`Self::hear`].
    unheard: VecDeque<Heard>,
    caught_up: Option<Seq>,
}

/// What came over a session.
#[derive(Debug)]
pub enum Heard {
    /// Records, folded in already.
    Records(Vec<Arc<Record>>),
    /// Something that may be missed, or that is kept in the client.
    Nothing,
    /// A piece of what an agent is saying.
    Streamed(Telemetry),
    /// It is recorded no longer, or again.
    Health(Health),
    /// How the connection fares.
    Link(Link),
    /// Some of what a query asks for.
    Part(RequestId, Answer),
    /// What became of an ask.
    Reply(RequestId, Result<Answer, Refusal>),
}

/// Pieces of what is being said are not kept beyond so many, while a reply is waited for.
const UNHEARD: usize = 10_000;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_mins(1);

impl Client {
    /// Takes a session over and folds everything that has been recorded so far.
    pub async fn open(session: Session) -> Result<Self, Problem> {
        Self::open_with(session, |_, _| {}).await
    }

    /// The same; `each` sees every record on the way.
    pub async fn open_with(session: Session, mut each: impl FnMut(&State, &Record)) -> Result<Self, Problem> {
        let mut client = Self {
            session,
            state: State::default(),
            peers: Vec::new(),
            health: Health::default(),
            unheard: VecDeque::new(),
            caught_up: None,
        };
        while client.caught_up.is_none_or(|seq| client.state.seq < seq) {
            if let Heard::Records(records) = client.listen().await? {
                records.iter().for_each(|record| each(&client.state, record));
            }
        }
        Ok(client)
    }

    /// What has come, and is not yet handed out, if there is any.
    pub fn unheard(&mut self) -> Option<Heard> {
        self.unheard.pop_front()
    }

    /// The next thing that comes.
    pub async fn hear(&mut self) -> Result<Heard, Problem> {
        match self.unheard() {
            Some(heard) => Ok(heard),
            None => self.listen().await,
        }
    }

    async fn listen(&mut self) -> Result<Heard, Problem> {
        match self.session.frame().await {
            Some(Frame::Hello { seq, since, .. }) => {
                if since == Seq(0) {
                    self.state = State::default();
                }
                self.caught_up = Some(seq);
                Ok(Heard::Nothing)
            }
            Some(Frame::Records(records)) => {
                for record in &records {
                    self.state.apply(record);
                }
                Ok(Heard::Records(records))
            }
            Some(Frame::Peers(peers)) => {
                self.peers = peers;
                Ok(Heard::Nothing)
            }
            Some(Frame::Telemetry(piece @ Telemetry::Streamed { .. })) => Ok(Heard::Streamed(piece)),
            Some(Frame::Telemetry(_)) => Ok(Heard::Nothing),
            Some(Frame::Health(health)) => {
                let said = health.not_recording != self.health.not_recording;
                self.health = health.clone();
                Ok(if said { Heard::Health(health) } else { Heard::Nothing })
            }
            Some(Frame::Link(link)) => Ok(Heard::Link(link)),
            Some(Frame::Part { id, part }) => Ok(Heard::Part(id, part)),
            Some(Frame::Reply { id, result }) => Ok(Heard::Reply(id, result)),
            Some(Frame::Goodbye { reason, ended: true }) => {
                Err(Problem::fault(reason)
                    .hint("`gonogo status` says how things stand; the next command starts it again"))
            }
            Some(Frame::Goodbye { reason, .. }) => {
                Err(Problem::fault(reason).hint("`gonogo doctor` looks at the log and the directories"))
            }
            None => Err(Problem::fault("gonogo's control has ended")),
        }
    }

    /// Gives a command and waits for what becomes of it.
    pub async fn command(&mut self, command: Command) -> Result<Answer, Problem> {
        let id = self.session.next_id();
        self.send(Ask::Command { id, command }).await?;
        self.reply(id, PATIENCE, |_| true).await
    }

    /// Reads something.
    pub async fn query(&mut self, query: Query) -> Result<Answer, Problem> {
        self.query_with(query, |_| true).await
    }

    /// Asks for something that comes in no parts, to be read with [`Self::answer`] before anything else is asked for.
    pub async fn ask(&mut self, query: Query) -> Result<RequestId, Problem> {
        let id = self.session.next_id();
        self.send(Ask::Query { id, query }).await?;
        Ok(id)
    }

    /// Waits for the answer to what was asked for last.
    pub async fn answer(&mut self, id: RequestId) -> Result<Answer, Problem> {
        self.reply(id, PATIENCE, |_| true).await
    }

    /// Reads something that comes in parts; `part` sees each, the last one apart, and says whether it wants more.
    pub async fn query_with(&mut self, query: Query, part: impl FnMut(Answer) -> bool) -> Result<Answer, Problem> {
        let id = self.session.next_id();
        self.send(Ask::Query { id, query }).await?;
        self.reply(id, PATIENCE, part).await
    }

    /// Reads something that may take so long.
    pub async fn query_within(&mut self, query: Query, patience: Duration) -> Result<Answer, Problem> {
        let id = self.session.next_id();
        self.send(Ask::Query { id, query }).await?;
        self.reply(id, patience, |_| true).await
    }

    /// A run, out of the log if it was put aside.
    pub async fn run(&mut self, id: RunId) -> Result<Option<Run>, Problem> {
        if let Some(run) = self.state.runs.get(&id) {
            return Ok(Some(run.clone()));
        }
        match self.query(Query::Run { run: id }).await? {
            Answer::Records(records) => Ok(State::recall(&records).runs.remove(&id)),
            _ => Ok(None),
        }
    }

    async fn send(&self, ask: Ask) -> Result<(), Problem> {
        self.session.ask(ask).await.map_err(Problem::fault)
    }

    async fn reply(
        &mut self,
        id: RequestId,
        patience: Duration,
        mut part: impl FnMut(Answer) -> bool,
    ) -> Result<Answer, Problem> {
        let mut end = tokio::time::Instant::now() + patience;
        loop {
            let heard = tokio::time::timeout_at(end, self.listen()).await;
            match heard.map_err(|_| Problem::fault(format!("no answer came within {} s", patience.as_secs())))?? {
                Heard::Reply(of, result) if of == id => return result.map_err(Problem::from),
                Heard::Part(of, answer) if of == id => {
                    end = tokio::time::Instant::now() + patience;
                    if !part(answer) {
                        self.send(Ask::Drop { id }).await?;
                        return Ok(Answer::Done);
                    }
                }
                Heard::Reply(..) | Heard::Part(..) | Heard::Nothing => {}
                // What is being said is said whole by its record.
                Heard::Streamed(_) if self.unheard.len() > UNHEARD => {}
                // What was asked for is asked for again, and answered then.
                Heard::Link(link) => {
                    if link == Link::Up {
                        end = tokio::time::Instant::now() + patience;
                    }
                    self.unheard.push_back(Heard::Link(link));
                }
                other => self.unheard.push_back(other),
            }
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = Self::no_go(refusal.message);
        match refusal.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}
