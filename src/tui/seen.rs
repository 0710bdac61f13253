//! Up to where a person has seen what happened: said when there is something new, at most once a second.

use std::time::Duration;

use crate::domain::id::Seq;

/// Not more often than this.
const PAUSE: Duration = Duration::from_secs(1);

/// What has been shown, and how much of that was said.
#[derive(Debug, Default)]
pub struct Seen {
    /// The newest record that has been on the screen.
    pub shown: Seq,
    said: Seq,
    next: Duration,
}

impl Seen {
    /// When there is something to say; `None` while nothing new has been shown.
    pub fn due_at(&self) -> Option<Duration> {
        (self.shown > self.said).then_some(self.next)
    }

    /// What is to be said now. Who leaves doesn't wait for the pause to be over.
    pub fn take(&mut self, now: Duration, leaving: bool) -> Option<Seq> {
        let due = self.due_at()?;
        if now < due && !leaving {
            return None;
        }
        (self.said, self.next) = (self.shown, now + PAUSE);
        Some(self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once_and_not_too_often() {
        let mut seen = Seen::default();
        let second = Duration::from_secs;
        assert_eq!((seen.due_at(), seen.take(second(5), true)), (None, None));
        seen.shown = Seq(7);
        assert_eq!(seen.take(second(5), false), Some(Seq(7)));
        assert_eq!((seen.due_at(), seen.take(second(50), false)), (None, None));
        seen.shown = Seq(8);
        assert_eq!(seen.take(second(5), false), None);
        assert_eq!(seen.due_at(), Some(second(6)));
        assert_eq!(seen.take(second(5), true), Some(Seq(8)), "who leaves doesn't wait");
    }
}
