//! One client: its commands go to the loop, its queries to the output files, and every record comes back, none skipped.

use std::{path::PathBuf, sync::Arc};

use tokio::{
    sync::{broadcast, mpsc, oneshot},
    task::JoinSet,
};

use crate::{
    domain::{
        actor::Actor,
        id::{RequestId, Seq},
    },
    protocol::{
        command::Refusal,
        frame::{Ask, Frame},
        query::Answer,
        session::Session,
        telemetry::Telemetry,
    },
};

use super::{input::Input, publish::Published};

/// Where the loop puts what became of a command.
pub type Reply = oneshot::Sender<Result<Answer, Refusal>>;

/// Frames that may wait for a client; asks that may wait for us.
const FRAMES: usize = 64;
const ASKS: usize = 64;

/// Records that go into one frame.
const RECORDS: usize = 512;

/// Asks of one client that may be under way at once.
const UNDER_WAY: usize = 32;

/// What a session needs.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    /// The loop's ear; `None` where there is no loop and commands are refused with this.
    pub(super) inputs: Result<mpsc::Sender<Input>, Refusal>,
    pub(super) published: Arc<Published>,
    pub(super) output_dir: PathBuf,
}

/// Opens a session: the client's end, and the task that serves it.
pub(super) fn open(desk: Desk, actor: Actor, since: Seq) -> (Session, impl Future<Output = ()> + Send) {
    let (ask_tx, ask_rx) = mpsc::channel(ASKS);
    let (frame_tx, frame_rx) = mpsc::channel(FRAMES);
    (Session::new(ask_tx, frame_rx), serve(desk, actor, since, ask_rx, frame_tx))
}

async fn serve(desk: Desk, actor: Actor, since: Seq, mut asks: mpsc::Receiver<Ask>, frames: mpsc::Sender<Frame>) {
    let mut newest = desk.published.newest();
    let mut telemetry = desk.published.telemetry();
    let hello = Frame::Hello {
        version: env!("CARGO_PKG_VERSION").into(),
        pid: std::process::id(),
        seq: *newest.borrow_and_update(),
    };
    if frames.send(hello).await.is_err() {
        return;
    }
    let mut sent = since;
    let mut missed = 0;
    let mut under_way: JoinSet<Replied> = JoinSet::new();
    loop {
        match send_records(&desk.published, &frames, &mut sent).await {
            Ok(()) => {}
            Err(Closed) => return,
        }
        tokio::select! {
            _ = newest.changed() => {}
            () = desk.published.ended(), if under_way.is_empty() => {
                if send_records(&desk.published, &frames, &mut sent).await.is_ok() {
                    let _ = frames.send(Frame::Goodbye { reason: "gonogo has ended".into() }).await;
                }
                return;
            }
            ask = asks.recv(), if under_way.len() < UNDER_WAY => match ask {
                Some(ask) => take(&desk, &actor, ask, &mut under_way),
                None => return,
            },
            Some(replied) = under_way.join_next(), if !under_way.is_empty() => {
                // After the records that it is about, which were published before it: a client that has the reply has these.
                if let Ok((id, result)) = replied
                    && (send_records(&desk.published, &frames, &mut sent).await.is_err()
                        || frames.send(Frame::Reply { id, result }).await.is_err())
                {
                    return;
                }
            }
            heard = telemetry.recv() => {
                let told = match heard {
                    Ok(telemetry) => telemetry,
                    Err(broadcast::error::RecvError::Lagged(count)) => Telemetry::Dropped { count },
                    Err(broadcast::error::RecvError::Closed) => continue,
                };
                // May be missed, and is counted then: it never waits for the client.
                if missed > 0 && frames.try_send(Frame::Telemetry(Telemetry::Dropped { count: missed })).is_ok() {
                    missed = 0;
                }
                match frames.try_send(Frame::Telemetry(told)) {
                    Ok(()) => {}
                    Err(mpsc::error::TrySendError::Full(_)) => missed += 1,
                    Err(mpsc::error::TrySendError::Closed(_)) => return,
                }
            }
        }
    }
}

/// The client is gone.
struct Closed;

/// Sends every record after `sent`, from memory or, for a client that is far behind, from the log.
async fn send_records(published: &Arc<Published>, frames: &mpsc::Sender<Frame>, sent: &mut Seq) -> Result<(), Closed> {
    loop {
        let records = match published.recent(*sent, RECORDS) {
            Some(records) => records,
            None => {
                let (published, since) = (Arc::clone(published), *sent);
                let read = tokio::task::spawn_blocking(move || published.from_log(since, RECORDS as u32));
                match read.await {
                    Ok(Ok(records)) => records,
                    Ok(Err(error)) => {
                        let reason = format!("the log can't be read: {error}");
                        let _ = frames.send(Frame::Goodbye { reason }).await;
                        return Err(Closed);
                    }
                    Err(_) => return Err(Closed),
                }
            }
        };
        let Some(last) = records.last() else { return Ok(()) };
        *sent = last.seq;
        frames.send(Frame::Records(records)).await.map_err(|_| Closed)?;
    }
}

/// What became of an ask.
type Replied = (RequestId, Result<Answer, Refusal>);

/// Takes on a command or a query; its reply is sent when it is there.
fn take(desk: &Desk, actor: &Actor, ask: Ask, under_way: &mut JoinSet<Replied>) {
    match ask {
        Ask::Command { id, command } => {
            let (inputs, actor) = (desk.inputs.clone(), actor.clone());
            under_way.spawn(async move {
                let gone = || Refusal::new("gonogo is ending");
                let result = match inputs {
                    Err(refusal) => Err(refusal),
                    Ok(inputs) => {
                        let (reply, answer) = oneshot::channel();
                        match inputs.send(Input::Command { actor, id, command, reply }).await {
                            Ok(()) => answer.await.unwrap_or_else(|_| Err(gone())),
                            Err(_) => Err(gone()),
                        }
                    }
                };
                (id, result)
            });
        }
        Ask::Query { id, query } => {
            let dir = desk.output_dir.clone();
            under_way.spawn(async move {
                let read = tokio::task::spawn_blocking(move || super::look_up::look_up(&dir, &query));
                let result = read.await.unwrap_or_else(|error| Err(Refusal::new(format!("reading failed: {error}"))));
                (id, result)
            });
        }
    }
}
