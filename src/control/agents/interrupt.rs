//! Who wants which turn stopped.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::{
    domain::{actor::Actor, id::ThreadId, outcome::CancelReason},
    engine::port::StopSignal,
};

/// The turns that can be stopped.
#[derive(Debug, Default)]
pub struct Interrupts {
    turns: Mutex<HashMap<ThreadId, watch::Sender<Option<Actor>>>>,
}

impl Interrupts {
    /// A turn of this conversation begins: hears when somebody wants it stopped, for as long as this lives.
    pub(super) fn listen(&self, thread: ThreadId) -> Heard<'_> {
        let (sender, receiver) = watch::channel(None);
        // No await and no panic happens under this lock.
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).insert(thread, sender);
        Heard { of: self, thread, receiver }
    }

    /// Somebody wants the turn of this conversation stopped.
    pub(in crate::control) fn interrupt(&self, thread: ThreadId, by: Actor) {
        let turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&thread) {
            turn.send_replace(Some(by));
        }
    }
}

/// Hears when a turn is to stop.
#[derive(Debug)]
pub(super) struct Heard<'a> {
    of: &'a Interrupts,
    thread: ThreadId,
    receiver: watch::Receiver<Option<Actor>>,
}

impl Heard<'_> {
    /// Comes back when somebody wants the turn stopped, or its task has to stop; and with whom that was.
    pub(super) fn stop(&self, mut signal: StopSignal) -> impl Future<Output = Actor> + Send + use<> {
        let mut receiver = self.receiver.clone();
        async move {
            tokio::select! {
                by = asked(&mut receiver) => by,
                by = told(&mut signal) => by,
            }
        }
    }
}

impl Drop for Heard<'_> {
    fn drop(&mut self) {
        self.of.turns.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.thread);
    }
}

async fn asked(receiver: &mut watch::Receiver<Option<Actor>>) -> Actor {
    loop {
        let by = receiver.borrow_and_update().clone();
        match by {
            Some(by) => return by,
            None => heard(receiver.changed().await).await,
        }
    }
}

async fn told(signal: &mut StopSignal) -> Actor {
    loop {
        let reason = signal.borrow_and_update().as_ref().map(|stop| stop.reason().clone());
        match reason {
            Some(CancelReason::Asked { by }) => return Actor::Person(by),
            Some(_) => return Actor::Policy,
            None => heard(signal.changed().await).await,
        }
    }
}

/// Where nobody can stop it any more, nobody does.
async fn heard<E>(changed: Result<(), E>) {
    if changed.is_err() {
        std::future::pending::<()>().await;
    }
}
