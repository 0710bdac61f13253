//! Leaves a provider alone for a while after fault upon fault. Pure: the time is handed in.

use std::time::Duration;

/// Faults one after the other until it is left alone.
const FAULTS: u32 = 5;

/// How long it is left alone at first; twice as long each time that it still fails.
const REST: Duration = Duration::from_secs(30);
const LONGEST_REST: Duration = Duration::from_mins(5);

/// A provider's breaker. Times are since any fixed moment.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// One after the other.
    faults: u32,
    rest: Option<Rest>,
}

#[derive(Debug)]
struct Rest {
    until: Duration,
    length: Duration,
    /// Somebody tries whether it is well again.
    tried: bool,
}

/// How a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Requests pass.
    Closed,
    /// It is left alone.
    Open {
        /// For so long yet.
        for_: Duration,
        /// After so many faults.
        faults: u32,
    },
    /// The next request, or the one under way, shows whether it is well again.
    HalfOpen {
        /// After so many faults.
        faults: u32,
    },
}

impl Breaker {
    /// Whether a request may pass now; each that may has to be followed by [`Self::well`], [`Self::failed`] or [`Self::dropped`].
    pub(super) fn ask(&mut self, now: Duration) -> Result<(), BreakerState> {
        match &mut self.rest {
            None => Ok(()),
            Some(rest) if now >= rest.until && !rest.tried => {
                rest.tried = true;
                Ok(())
            }
            Some(_) => Err(self.state(now)),
        }
    }

    /// The provider has answered, if only to refuse.
    pub(super) fn well(&mut self) {
        *self = Self::default();
    }

    /// The provider has failed.
    pub(super) fn failed(&mut self, now: Duration) {
        self.faults = self.faults.saturating_add(1);
        let length = match &self.rest {
            Some(rest) if rest.tried => (rest.length * 2).min(LONGEST_REST),
            // Requests that passed before it was left alone.
            Some(_) => return,
            None if self.faults >= FAULTS => REST,
            None => return,
        };
        self.rest = Some(Rest { until: now + length, length, tried: false });
    }

    /// The request was dropped before it showed anything.
    pub(super) fn dropped(&mut self) {
        if let Some(rest) = &mut self.rest {
            rest.tried = false;
        }
    }

    /// How it stands.
    pub(super) fn state(&self, now: Duration) -> BreakerState {
        let faults = self.faults;
        match &self.rest {
            None => BreakerState::Closed,
            Some(rest) if now < rest.until => BreakerState::Open { for_: rest.until.saturating_sub(now), faults },
            Some(_) => BreakerState::HalfOpen { faults },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn broken() -> Breaker {
        let mut breaker = Breaker::default();
        for at in 0..FAULTS {
            assert_eq!(breaker.ask(seconds(at.into())), Ok(()));
            breaker.failed(seconds(at.into()));
        }
        breaker
    }

    #[test]
    fn faults_in_a_row_open_it_and_one_answer_between_them_does_not() {
        let mut breaker = Breaker::default();
        for _ in 0..20 {
            (1..FAULTS).for_each(|_| breaker.failed(seconds(0)));
            breaker.well();
        }
        assert_eq!(breaker.state(seconds(0)), BreakerState::Closed);
        assert_eq!(broken().ask(seconds(10)), Err(BreakerState::Open { for_: seconds(24), faults: 5 }));
    }

    #[test]
    fn after_the_rest_one_request_tries_and_the_others_wait_for_it() {
        let mut breaker = broken();
        assert_eq!(breaker.state(seconds(34)), BreakerState::HalfOpen { faults: 5 });
        assert_eq!(breaker.ask(seconds(34)), Ok(()));
        assert_eq!(breaker.ask(seconds(34)), Err(BreakerState::HalfOpen { faults: 5 }));
        breaker.well();
        assert_eq!((breaker.ask(seconds(35)), breaker.ask(seconds(35))), (Ok(()), Ok(())));
    }

    #[test]
    fn a_try_that_fails_makes_the_rest_longer_and_one_that_is_dropped_frees_the_place() {
        let mut breaker = broken();
        assert_eq!(breaker.ask(seconds(34)), Ok(()));
        breaker.dropped();
        assert_eq!(breaker.ask(seconds(34)), Ok(()));
        breaker.failed(seconds(40));
        assert_eq!(breaker.state(seconds(40)), BreakerState::Open { for_: seconds(60), faults: 6 });
        let mut now = seconds(40);
        for _ in 0..10 {
            let BreakerState::Open { for_, .. } = breaker.state(now) else { panic!("{breaker:?}") };
            assert!(for_ <= LONGEST_REST);
            now += for_;
            assert_eq!(breaker.ask(now), Ok(()));
            breaker.failed(now);
        }
    }

    #[test]
    fn faults_of_requests_that_passed_before_do_not_prolong_the_rest() {
        let mut breaker = broken();
        breaker.failed(seconds(20));
        assert_eq!(breaker.state(seconds(20)), BreakerState::Open { for_: seconds(14), faults: 6 });
    }
}
