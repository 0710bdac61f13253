//! One client: its commands go to the loop, its queries to the files, and every record comes back, none skipped.

use std::{path::PathBuf, sync::Arc};

use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::JoinSet,
};

use crate::{
    domain::id::{RequestId, Seq},
    engine::docker::{
        act,
        pool::Pools,
        watch::{View, Watch},
    },
    protocol::{
        command::Refusal,
        container::ContainerRef,
        event::Record,
        frame::{Ask, Frame},
        query::{Answer, Query},
        session::{Session, Visitor, VisitorKind},
        telemetry::Telemetry,
    },
    redact::Secrets,
    store::log::LogError,
};

use super::{
    assign::{self, Leases},
    attach::{self, Library},
    input::Input,
    listen::{Listener, Listening},
    look_up::Reading,
    perform::refusal,
    publish::{Presence, Published},
};

/// Where the loop puts what became of a command.
pub type Reply = oneshot::Sender<Result<Answer, Refusal>>;

/// Frames that may wait for a client; asks that may wait for us.
const FRAMES: usize = 64;
const ASKS: usize = 64;

/// Records that go into one frame.
const RECORDS: usize = 256;

/// Asks of one client that may be under way at once.
const UNDER_WAY: usize = 32;

/// What a session needs.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    /// The loop's ear; `None` where there is no loop and commands are refused with this.
    pub(super) inputs: Result<mpsc::Sender<Input>, Refusal>,
    pub(super) published: Arc<Published>,
    pub(super) output_dir: PathBuf,
    /// Login name of the user that this process runs as.
    pub(super) owner: String,
    /// Prepared containers; `None` where the log is only read along.
    pub(super) pools: Option<Pools>,
    /// Where containers are seen; `None` where the log is only read along.
    pub(super) containers: Option<Containers>,
}

/// What of containers a session can give.
#[derive(Clone, Debug)]
pub(super) struct Containers {
    pub(super) watch: Watch,
    pub(super) listener: Listener,
}

/// Opens a session: the client's end, and the task that serves it.
pub(super) fn open(desk: Desk, visitor: Visitor, since: Option<Seq>) -> (Session, impl Future<Output = ()> + Send) {
    let (ask_tx, ask_rx) = mpsc::channel(ASKS);
    let (frame_tx, frame_rx) = mpsc::channel(FRAMES);
    let presence = desk.published.join(&visitor);
    let server = Server {
        desk,
        visitor,
        frames: frame_tx,
        since,
        sent: Seq(0),
        readings: Vec::new(),
        leases: Leases::default(),
        view: None,
        listening: None,
    };
    (Session::new(ask_tx, frame_rx), server.serve(ask_rx, presence))
}

/// The client is gone.
struct Closed;

/// What became of an ask; `None`: nothing that has to be said.
type Replied = Option<(RequestId, Result<Answer, Refusal>)>;

struct Server {
    desk: Desk,
    visitor: Visitor,
    frames: mpsc::Sender<Frame>,
    /// What the client has; `None`: it begins, with what is at hand.
    since: Option<Seq>,
    /// The last record that was sent.
    sent: Seq,
    /// Queries that are under way.
    readings: Vec<Reading>,
    /// Members of environments that the client has.
    leases: Leases,
    /// What the client sees of containers, if it looks.
    view: Option<View>,
    /// The log of a container that it reads.
    listening: Option<Listening>,
}

impl Server {
    async fn serve(mut self, mut asks: mpsc::Receiver<Ask>, presence: Presence) {
        // The reason is always the same: the client is gone.
        let _ = self.attend(&mut asks, &presence).await;
        let seen = presence.seen();
        if self.visitor.kind == VisitorKind::Board
            && seen > Seq(0)
            && let Ok(inputs) = &self.desk.inputs
        {
            // If control has ended, it has recorded this itself.
            let (by, from) = (self.visitor.actor.clone(), self.visitor.from.clone());
            let _ = inputs.send(Input::Left { by, from, seen }).await;
        }
    }

    async fn attend(&mut self, asks: &mut mpsc::Receiver<Ask>, presence: &Presence) -> Result<(), Closed> {
        let published = Arc::clone(&self.desk.published);
        let mut newest = published.newest();
        let mut telemetry = published.telemetry();
        let (mut health, mut present) = (published.health(), published.present());
        let stands = *newest.borrow_and_update();
        self.greet(stands).await?;
        present.mark_changed();
        if *health.borrow_and_update() != crate::protocol::frame::Health::default() {
            health.mark_changed();
        }
        let mut missed = 0;
        let mut under_way: JoinSet<Replied> = JoinSet::new();
        loop {
            self.send_records().await?;
            tokio::select! {
                _ = newest.changed() => {}
                () = published.ended(), if under_way.is_empty() => {
                    self.send_records().await?;
                    if published.has_failed() {
                        // Whoever is attached starts another, as after any crash.
                        return Err(Closed);
                    }
                    return self.send(Frame::Goodbye { reason: "gonogo has ended".into(), ended: true }).await;
                }
                ask = asks.recv(), if under_way.len() < UNDER_WAY => match ask {
                    Some(ask) => self.take(ask, presence, &mut under_way),
                    None => return Ok(()),
                },
                Some(replied) = under_way.join_next(), if !under_way.is_empty() => {
                    self.readings.retain(|reading| !reading.has_ended());
                    if let Ok(Some((id, result))) = replied {
                        // After the records that it is about, which were published before it: a client that has the reply
                        // has these.
                        self.send_records().await?;
                        self.send(Frame::Reply { id, result }).await?;
                    }
                }
                _ = health.changed() => {
                    let health = health.borrow_and_update().clone();
                    self.send(Frame::Health(health)).await?;
                }
                _ = present.changed() => {
                    let peers = present.borrow_and_update().as_told(presence.id);
                    self.send(Frame::Peers(peers)).await?;
                }
                () = news(&mut self.view) => self.tell_news()?,
                heard = telemetry.recv() => {
                    let told = match heard {
                        Ok(telemetry) => telemetry,
                        Err(broadcast::error::RecvError::Lagged(count)) => Telemetry::Dropped { count },
                        Err(broadcast::error::RecvError::Closed) => continue,
                    };
                    // May be missed, and is counted then: it never waits for the client.
                    if missed > 0
                        && self.frames.try_send(Frame::Telemetry(Telemetry::Dropped { count: missed })).is_ok()
                    {
                        missed = 0;
                    }
                    match self.frames.try_send(Frame::Telemetry(told)) {
                        Ok(()) => {}
                        Err(mpsc::error::TrySendError::Full(_)) => missed += 1,
                        Err(mpsc::error::TrySendError::Closed(_)) => return Err(Closed),
                    }
                }
            }
        }
    }

    /// Says what is new of containers, if the client takes it now; else the next news say it too.
    fn tell_news(&mut self) -> Result<(), Closed> {
        let Some(view) = &mut self.view else { return Ok(()) };
        match self.frames.try_reserve() {
            Ok(place) => {
                let news = view.news();
                if !news.is_empty() {
                    place.send(Frame::Telemetry(Telemetry::Containers(Box::new(news))));
                }
                Ok(())
            }
            Err(mpsc::error::TrySendError::Full(())) => {
                view.put_off();
                Ok(())
            }
            Err(mpsc::error::TrySendError::Closed(())) => Err(Closed),
        }
    }

    async fn send(&self, frame: Frame) -> Result<(), Closed> {
        self.frames.send(frame).await.map_err(|_| Closed)
    }

    /// Says where the log stands and, to a client that begins, all that state is made of.
    async fn greet(&mut self, newest: Seq) -> Result<(), Closed> {
        // What is newer than the newest is of another log (this one was restored from a copy): the client begins anew.
        let since =
            self.since.map(|since| if since == Seq::LAST { newest } else { since }).filter(|since| *since <= newest);
        self.sent = since.unwrap_or_default();
        let hello = Frame::Hello {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            seq: newest,
            since: self.sent,
            owner: self.desk.owner.clone(),
        };
        self.send(hello).await?;
        if since.is_some() || newest == Seq(0) {
            return Ok(());
        }
        let records = self
            .read_log(|published| {
                let mut records = Vec::new();
                published.reader()?.at_hand(|record| records.push(Arc::new(record)))?;
                Ok(records)
            })
            .await?;
        self.sent = records.last().map_or(newest, |record| record.seq);
        for some in records.chunks(RECORDS) {
            self.send(Frame::Records(some.to_vec())).await?;
        }
        Ok(())
    }

    /// Sends every record after the last that was sent, from memory or, to a client that is far behind, from the log.
    async fn send_records(&mut self) -> Result<(), Closed> {
        loop {
            let since = self.sent;
            let records = match self.desk.published.recent(since, RECORDS) {
                Some(records) => records,
                None => self.read_log(move |published| published.from_log(since, RECORDS as u32)).await?,
            };
            let Some(last) = records.last() else { return Ok(()) };
            self.sent = last.seq;
            self.send(Frame::Records(records)).await?;
        }
    }

    async fn read_log(
        &self,
        read: impl Fn(&Published) -> Result<Vec<Arc<Record>>, LogError> + Clone + Send + 'static,
    ) -> Result<Vec<Arc<Record>>, Closed> {
        for look in [true, false] {
            let (published, read) = (Arc::clone(&self.desk.published), read.clone());
            match tokio::task::spawn_blocking(move || read(&published)).await {
                Ok(Ok(records)) => return Ok(records),
                // It may have been deleted or moved away, which control mends when it looks.
                Ok(Err(_)) if look && self.look_at_the_log().await => {}
                Ok(Err(error)) => {
                    let reason = format!("the log can't be read: {}", super::planner::chain(&error));
                    self.send(Frame::Goodbye { reason, ended: false }).await?;
                    return Err(Closed);
                }
                Err(_) => return Err(Closed),
            }
        }
        Err(Closed)
    }

    /// Has control look whether its log is in its place; says whether it did.
    async fn look_at_the_log(&self) -> bool {
        let Ok(inputs) = &self.desk.inputs else { return false };
        let (done, looked) = oneshot::channel();
        inputs.send(Input::Look { done }).await.is_ok() && looked.await.is_ok()
    }

    /// Takes on a command or a query; its reply is sent when it is there.
    fn take(&mut self, ask: Ask, presence: &Presence, under_way: &mut JoinSet<Replied>) {
        match ask {
            Ask::Command { id, command } => {
                let inputs = self.desk.inputs.clone();
                let Visitor { actor, environment, .. } = self.visitor.clone();
                under_way.spawn(async move {
                    let gone = || Refusal::new("gonogo is ending");
                    let result = match inputs {
                        Err(refusal) => Err(refusal),
                        Ok(inputs) => {
                            let (reply, answer) = oneshot::channel();
                            match inputs.send(Input::Command { actor, environment, id, command, reply }).await {
                                Ok(()) => answer.await.unwrap_or_else(|_| Err(gone())),
                                Err(_) => Err(gone()),
                            }
                        }
                    };
                    Some((id, result))
                });
            }
            Ask::Query { id, query: query @ (Query::Environments | Query::Assign { .. } | Query::Collect(_)) } => {
                let (pools, leases) = (self.desk.pools.clone(), self.leases.clone());
                let visitor = self.visitor.clone();
                under_way.spawn(async move { Some((id, assign::answer(pools, &leases, &visitor, query).await)) });
            }
            Ask::Query { id, query: query @ (Query::Attach { .. } | Query::Paths { .. }) } => {
                let published = Arc::clone(&self.desk.published);
                let library = Library { outputs: self.desk.output_dir.clone(), published };
                under_way.spawn(async move { Some((id, attach::answer(library, query).await)) });
            }
            Ask::Query { id, query: Query::Inspect { container } } => {
                let containers = self.desk.containers.clone();
                under_way.spawn(async move { Some((id, inspected(containers, container).await)) });
            }
            Ask::Query { id, query: Query::ContainerLog { container, name, since } } => {
                let listening = self.desk.containers.as_ref().map(|of| of.listener.listen(container, &name, since));
                let output = listening.as_ref().map(|listening| listening.output.clone());
                self.listening = listening;
                let result = output.map(|output| Answer::Output { output }).ok_or_else(no_containers);
                under_way.spawn(async move { Some((id, result)) });
            }
            Ask::Query { id, query } => {
                let reading = Reading::new(id);
                let (dir, published, frames) =
                    (self.desk.output_dir.clone(), Arc::clone(&self.desk.published), self.frames.clone());
                let read = reading.clone();
                self.readings.push(reading);
                under_way.spawn(async move {
                    let look = tokio::task::spawn_blocking(move || read.look_up(&dir, &published, &frames, &query));
                    let result =
                        look.await.unwrap_or_else(|error| Some(Err(Refusal::new(format!("reading failed: {error}")))));
                    result.map(|result| (id, result))
                });
            }
            Ask::Look { look } => match (look, &self.view, &self.desk.containers) {
                (Some(look), Some(view), _) => view.look(look),
                (Some(look), None, Some(containers)) => self.view = Some(containers.watch.view(look)),
                _ => self.view = None,
            },
            Ask::Drop { id } => self.readings.iter().filter(|reading| reading.id == id).for_each(Reading::stop),
            Ask::Seen { seq } => presence.has_seen(seq),
        }
    }
}

/// Waits for news of containers; for ever where nobody looks.
async fn news(view: &mut Option<View>) {
    match view {
        Some(view) => view.ready().await,
        None => std::future::pending().await,
    }
}

async fn inspected(containers: Option<Containers>, container: ContainerRef) -> Result<Answer, Refusal> {
    let Some(containers) = containers else { return Err(no_containers()) };
    let text = act::inspect(containers.watch.hosts(), &container).await.map_err(|fault| refusal(&fault))?;
    let secrets = Arc::new(Secrets::new::<&str, &str>(&[]));
    Ok(Answer::Text { text: secrets.redact_text(&text) })
}

fn no_containers() -> Refusal {
    Refusal::new("containers are not watched from here")
}

impl Drop for Server {
    fn drop(&mut self) {
        self.readings.iter().for_each(Reading::stop);
    }
}
