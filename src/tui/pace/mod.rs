//! When the next frame may go out. Never more than one is under way: each is followed by a question, and the next one waits for
//! the answer, so that nothing piles up in a slow line. A terminal that doesn't answer gets so many bytes a second.

mod line;

use std::time::Duration;

use crate::config::settings::Bandwidth;

use line::Line;

/// Not more often than this: 30 frames a second.
const FRAME: Duration = Duration::from_millis(33);
/// What a key has done is shown sooner.
const KEY: Duration = Duration::from_millis(8);
/// Bytes a second, at most.
const FULL: f64 = 90_000.0;
/// The same on a slow line, or where little is wanted.
const LOW: f64 = 8_500.0;
/// The same where the terminal doesn't answer: what it takes in is only guessed.
const SILENT: f64 = 32_000.0;
/// However slowly it takes them in, it gets so many.
const LEAST: f64 = 2_000.0;
/// Bytes that a frame may owe to the budget: a screenful isn't paid for for ever.
const DEBT: Duration = Duration::from_secs(2);
/// What isn't paid for yet holds nothing up, as long as it is so little: the first screenful, a frame that is larger than others.
const CREDIT: Duration = Duration::from_millis(100);
/// A write that took longer than this was held up.
const HELD_UP: Duration = Duration::from_millis(50);
/// An answer isn't waited for longer than one of these.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
/// After so many answers that didn't come, a terminal that has answered before doesn't any more.
const MISSES: u8 = 3;
/// A terminal that didn't answer is asked again so much later, when something is drawn anyway.
const AGAIN: Duration = Duration::from_secs(15);
/// Questions carry a number: the column that the cursor is put in.
const MARKS: u32 = 8;

/// When frames may go out.
#[derive(Debug)]
pub struct Pace {
    wanted: Bandwidth,
    /// The frame that is under way, or that was never answered.
    asked: Option<Asked>,
    /// The terminal answers.
    answers: bool,
    misses: u8,
    /// A terminal that doesn't answer isn't asked before this.
    again_at: Duration,
    mark: u32,
    /// When the next frame may go out by the clock, and when the last one did.
    frame_at: Duration,
    last: Option<Duration>,
    /// When the bytes that were sent are paid for.
    paid_at: Duration,
    /// Bytes a second that a silent terminal seems to take.
    takes: f64,
    line: Line,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    at: Duration,
    mark: u32,
    bytes: usize,
}

impl Pace {
    /// Nothing is known yet.
    pub fn new(wanted: Bandwidth, now: Duration) -> Self {
        Self {
            wanted,
            asked: None,
            answers: false,
            misses: 0,
            again_at: now,
            mark: 0,
            frame_at: now,
            last: None,
            paid_at: now,
            takes: SILENT,
            line: Line::default(),
        }
    }

    /// Somebody else had the terminal, or it is another one: nothing is under way, and the next frame goes out at once.
    pub fn begin_anew(&mut self, now: Duration) {
        (self.asked, self.answers, self.misses) = (None, false, 0);
        (self.again_at, self.frame_at, self.paid_at) = (now, now, now);
    }

    /// A key came: its frame waits for no budget.
    pub fn hurry(&mut self, now: Duration) {
        let soonest = self.last.map_or(now, |last| (last + KEY).max(now));
        self.frame_at = self.frame_at.min(soonest);
    }

    /// When the next frame may go out, if the terminal says nothing until then.
    pub fn ready_at(&self) -> Duration {
        match &self.asked {
            Some(asked) if self.answers => self.frame_at.max(asked.at + self.patience()),
            _ => self.frame_at,
        }
    }

    /// A frame is about to go out: whether a question follows it, and with which number. `write` is what the last one took.
    pub fn question(&mut self, now: Duration, write: Duration) -> Option<u32> {
        self.takes = if write > HELD_UP { (self.takes / 2.0).max(LEAST) } else { (self.takes * 1.05).min(SILENT) };
        if let Some(asked) = self.asked {
            if now < asked.at + self.patience() {
                return None;
            }
            self.asked = None;
            self.misses = self.misses.saturating_add(1);
            if !self.answers || self.misses >= MISSES {
                (self.answers, self.again_at) = (false, now + AGAIN);
            }
        }
        if !self.answers && now < self.again_at {
            return None;
        }
        self.mark = self.mark % MARKS + 1;
        Some(self.mark)
    }

    /// A frame of so many bytes went out, with the question or without.
    pub fn sent(&mut self, now: Duration, bytes: usize, question: Option<u32>) {
        // The first frame is there at once and says little: what it lacked is there soon after.
        self.frame_at = now + if self.last.is_none() { KEY } else { FRAME };
        self.last = Some(now);
        if bytes == 0 {
            return;
        }
        if let Some(mark) = question {
            self.asked = Some(Asked { at: now, mark, bytes });
        }
        let cost = Duration::from_secs_f64(bytes as f64 / self.budget());
        self.paid_at = (self.paid_at.max(now) + cost).min(now + DEBT);
        self.frame_at = self.frame_at.max(self.paid_at.saturating_sub(CREDIT));
    }

    /// The cursor's place has come. Gives back whether it was an answer.
    pub fn answered(&mut self, now: Duration, column: u32) -> bool {
        let Some(asked) = self.asked.take_if(|asked| asked.mark == column) else { return false };
        (self.answers, self.misses) = (true, 0);
        self.line.measured(asked.bytes, now.saturating_sub(asked.at));
        true
    }

    /// Until when the answer that is under way may come.
    pub fn answer_due(&self) -> Option<Duration> {
        self.asked.map(|asked| asked.at + self.patience())
    }

    /// What the way there and back takes.
    pub fn round_trip(&self) -> Option<Duration> {
        self.line.round_trip().filter(|_| self.answers)
    }

    /// Few bytes are sent: because that is wanted, or because the line is slow.
    pub fn is_low(&self) -> bool {
        match self.wanted {
            Bandwidth::Low => true,
            Bandwidth::Full => false,
            Bandwidth::Auto => self.answers && self.line.is_slow(),
        }
    }

    fn budget(&self) -> f64 {
        let most = if self.is_low() { LOW } else { FULL };
        // Before the first answer is due nothing is known, unless a write was held up.
        let unknown = self.misses == 0 && self.takes >= SILENT;
        if self.answers || unknown { most } else { most.min(self.takes) }
    }

    fn patience(&self) -> Duration {
        let trip = self.line.longest().unwrap_or_default() * 4;
        if self.answers { trip.clamp(PATIENCE.0, PATIENCE.1) } else { PATIENCE.0 }
    }
}

#[cfg(test)]
mod tests;
