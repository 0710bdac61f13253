//! How many requests a minute. Pure: the time is handed in.
//!
//! The times of the last minute are kept, so in no minute, wherever it begins, there are more than the limit; a bucket of tokens
//! would let through twice as many in the first one.

use std::{collections::VecDeque, time::Duration};

const MINUTE: Duration = Duration::from_mins(1);

/// Times kept where there is no limit.
const KEPT: usize = 10_000;

/// The requests of one provider.
#[derive(Debug)]
pub(super) struct Rate {
    limit: Option<usize>,
    times: VecDeque<Duration>,
}

impl Rate {
    pub(super) fn new(limit: Option<u32>) -> Self {
        Self { limit: limit.map(|limit| limit.max(1) as usize), times: VecDeque::new() }
    }

    /// Takes a place for a request now, or says how long to wait before asking again.
    pub(super) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        self.forget(now);
        if let Some(limit) = self.limit
            && self.times.len() >= limit
            && let Some(&oldest) = self.times.get(self.times.len() - limit)
        {
            return Err((oldest + MINUTE).saturating_sub(now));
        }
        if self.times.len() >= KEPT {
            self.times.pop_front();
        }
        self.times.push_back(now);
        Ok(())
    }

    /// Requests of the last minute.
    pub(super) fn last_minute(&self, now: Duration) -> usize {
        self.times.iter().filter(|&&at| at + MINUTE > now).count()
    }

    fn forget(&mut self, now: Duration) {
        while self.times.front().is_some_and(|&at| at + MINUTE <= now) {
            self.times.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_no_minute_are_there_more_than_the_limit() {
        let mut rate = Rate::new(Some(7));
        let mut taken: Vec<u64> = Vec::new();
        let mut now = 0;
        while now < 600_000 {
            match rate.take(Duration::from_millis(now)) {
                Ok(()) => taken.push(now),
                Err(wait) => {
                    assert!(!wait.is_zero());
                    now += u64::try_from(wait.as_millis()).unwrap_or(1).max(1) - 1;
                }
            }
            now += 1;
        }
        for &start in &taken {
            let within = taken.iter().filter(|&&at| at >= start && at < start + 60_000).count();
            assert!(within <= 7, "{within} from {start}");
        }
        assert_eq!(taken.len(), 70, "and no fewer than may be");
    }

    #[test]
    fn without_a_limit_all_pass_and_are_counted() {
        let mut rate = Rate::new(None);
        for at in 0..20_000 {
            assert_eq!(rate.take(Duration::from_millis(at)), Ok(()));
        }
        assert_eq!(rate.last_minute(Duration::from_secs(20)), KEPT);
        assert_eq!(rate.last_minute(Duration::from_secs(90)), 0);
    }
}
