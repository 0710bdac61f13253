//! Whether to try again, and after how long. Pure.

use std::time::Duration;

use super::{ModelError, fault::Fault};

/// How patient gonogo is with one model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience {
    /// Tries at most, the first one included.
    pub tries: u32,
    /// The first wait, where the provider doesn't say how long; each next one is twice as long.
    pub first: Duration,
    /// The longest of these waits.
    pub longest: Duration,
    /// How long to wait for a provider that says when, if there is no other model to ask.
    pub obey: Duration,
    /// The same, if there is another model.
    pub obey_with_others: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 4,
            first: Duration::from_millis(500),
            longest: Duration::from_secs(8),
            obey: Duration::from_mins(1),
            obey_with_others: Duration::from_secs(10),
        }
    }
}

/// What to do after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Ask the same model again after this time.
    Again(Duration),
    /// Leave it.
    Leave,
}

/// What to do after the fault of this try (the first is 1). `others`: there is another model to ask. `dice`: from 0 to 1.
pub(super) fn next(patience: &Patience, fault: &Fault, tried: u32, others: bool, dice: f64) -> Next {
    let (may, after) = match &fault.error {
        ModelError::RateLimited { after, .. } | ModelError::Unavailable { after, .. } => (true, *after),
        ModelError::Unreachable { .. } | ModelError::BrokenOff { .. } => (true, None),
        ModelError::NoCredit { .. }
        | ModelError::Denied { .. }
        | ModelError::TooLong { .. }
        | ModelError::BadRequest { .. }
        | ModelError::Resting { .. } => (false, None),
    };
    // That trying again helps is believed of those alone who may be right: never with spent credit.
    if !may || fault.again == Some(false) || tried >= patience.tries {
        return Next::Leave;
    }
    let limit = if others { patience.obey_with_others } else { patience.obey };
    match after {
        Some(after) if after > limit => Next::Leave,
        // A little later than it said, not all at the same moment.
        Some(after) => Next::Again(after + patience.first.mul_f64(0.25 * dice)),
        None => {
            let wait = patience.first.saturating_mul(1 << (tried - 1).min(16)).min(patience.longest);
            Next::Again(wait.mul_f64(1.0 - 0.25 * dice))
        }
    }
}

/// Whether the next model of a chain may be asked after this fault. `bigger`: it takes in more than the one that failed.
pub(super) fn may_fall_back(error: &ModelError, bigger: bool) -> bool {
    match error {
        ModelError::TooLong { .. } => bigger,
        ModelError::BadRequest { .. } => false,
        ModelError::RateLimited { .. }
        | ModelError::NoCredit { .. }
        | ModelError::Unavailable { .. }
        | ModelError::Unreachable { .. }
        | ModelError::Denied { .. }
        | ModelError::BrokenOff { .. }
        | ModelError::Resting { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(after: Option<u64>) -> Fault {
        ModelError::RateLimited { provider: "p".into(), after: after.map(Duration::from_secs), said: String::new() }
            .into()
    }

    #[test]
    fn waits_grow_and_end_and_what_the_provider_says_is_obeyed_up_to_a_limit() {
        let patience = Patience { tries: 8, ..Patience::default() };
        let waits: Vec<Next> = (1..=8).map(|tried| next(&patience, &limited(None), tried, false, 0.0)).collect();
        let ms = |ms| Next::Again(Duration::from_millis(ms));
        assert_eq!(waits, [ms(500), ms(1000), ms(2000), ms(4000), ms(8000), ms(8000), ms(8000), Next::Leave]);
        assert_eq!(next(&patience, &limited(None), 1, false, 1.0), ms(375), "spread out");
        assert_eq!(next(&patience, &limited(Some(60)), 1, false, 0.0), ms(60_000));
        assert_eq!(next(&patience, &limited(Some(61)), 1, false, 0.0), Next::Leave);
        assert_eq!(next(&patience, &limited(Some(11)), 1, true, 0.0), Next::Leave, "another model can be asked");
        assert!(
            matches!(next(&patience, &limited(Some(2)), 1, false, 1.0), Next::Again(wait) if wait >= Duration::from_secs(2))
        );
    }

    #[test]
    fn what_waiting_does_not_help_is_left() {
        let patience = Patience::default();
        let spent = ModelError::NoCredit { provider: "p".into(), said: String::new() };
        let insists = Fault { again: Some(true), ..spent.into() };
        assert_eq!(next(&patience, &insists, 1, false, 0.0), Next::Leave);
        let told = Fault { again: Some(false), ..limited(Some(1)) };
        assert_eq!(next(&patience, &told, 1, false, 0.0), Next::Leave);
    }
}
