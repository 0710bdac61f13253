//! The one place where records come into being: append, apply, and, when they are durable, publish.

use std::{mem, sync::Arc};

use crate::{
    domain::{id::RunId, time::Timestamp},
    protocol::event::{Cause, ControlEvent, Event, Record},
    state::board::State,
    store::log::{Log, LogError},
};

use super::{answered::Answered, publish::Published};

/// How many of the newest records are looked through for requests that were answered.
const LOOK_BACK: u32 = 4096;

/// The log and its fold, kept in step.
#[derive(Debug)]
pub struct Book {
    log: Log,
    state: State,
    published: Arc<Published>,
    answered: Answered,
    /// Appended and applied, not yet durable.
    open: Vec<Arc<Record>>,
}

impl Book {
    /// Reads the log from its beginning.
    pub fn open(log: Log) -> Result<Self, LogError> {
        let state = fold(&log)?;
        let published = Arc::new(Published::new(log.path().to_owned(), log.id()?, state.seq));
        let answered = learn(&log)?;
        Ok(Self { log, state, published, answered, open: Vec::new() })
    }

    /// The fold so far, what is not yet durable included.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What the latest requests came to.
    pub fn answered(&mut self) -> &mut Answered {
        &mut self.answered
    }

    /// Where records are published.
    pub fn published(&self) -> &Arc<Published> {
        &self.published
    }

    /// Sees to it that the log stands where it was opened; says what had happened, and records it, if it had to be written back.
    /// While nothing is open.
    pub fn keep_in_place(&mut self) -> Result<(), LogError> {
        let Some(how) = self.log.keep_in_place()? else { return Ok(()) };
        tracing::error!("the log was taken away: {how}");
        self.record(&Cause::Control, Event::Control { event: ControlEvent::Rescued { how } })
    }

    /// Deletes what was recorded of runs that were put aside. While nothing is open.
    pub fn forget(&mut self, runs: &[RunId]) -> Result<(), LogError> {
        self.log.forget(runs)
    }

    /// Appends and applies an event. It is neither seen by anybody nor acted on before [`Self::seal`].
    pub fn record(&mut self, cause: &Cause, event: Event) -> Result<(), LogError> {
        if self.open.is_empty() {
            self.log.begin()?;
        }
        let record = Record { seq: self.state.seq.next(), at: now(), cause: cause.clone(), event };
        self.log.append(&record, self.state.run_of(&record.event))?;
        self.state.apply(&record);
        self.open.push(Arc::new(record));
        Ok(())
    }

    /// Makes what was recorded durable, then publishes it.
    pub fn seal(&mut self) -> Result<(), LogError> {
        if self.open.is_empty() {
            return Ok(());
        }
        self.log.commit()?;
        self.published.publish(mem::take(&mut self.open));
        // Only what was written shows that it can be.
        self.published.fare(|health| health.not_recording = None);
        Ok(())
    }

    /// Forgets what was not made durable: the state is that of the log again.
    pub fn roll_back(&mut self) -> Result<(), LogError> {
        self.log.roll_back();
        self.open.clear();
        self.state = fold(&self.log)?;
        self.answered = learn(&self.log)?;
        Ok(())
    }
}

/// To the microsecond, which is what the log keeps: a record is the same whether it is heard at once or read later.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

fn fold(log: &Log) -> Result<State, LogError> {
    let mut state = State::default();
    log.read_at_hand(|record| state.apply(&record))?;
    Ok(state)
}

fn learn(log: &Log) -> Result<Answered, LogError> {
    let mut answered = Answered::default();
    log.newest(LOOK_BACK, |record| answered.learn(&record))?;
    Ok(answered)
}
