//! Time values. The pure parts know no clock: they are handed these.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// A moment, from the wall clock of the machine that wrote the record.
pub type Timestamp = jiff::Timestamp;

/// A length of time in whole milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds * 1000)
    }

    /// From `earlier` to `later`; zero where the clock went backwards.
    pub fn between(earlier: Timestamp, later: Timestamp) -> Self {
        Self(u64::try_from(later.as_millisecond() - earlier.as_millisecond()).unwrap_or(0))
    }

    /// As the standard library's duration.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl From<Duration> for Millis {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

/// `830ms`, `4.2s`, `01:12` (minutes and seconds), `2h 05m`.
impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ms, seconds) = (self.0, self.0 / 1000);
        let text = match ms {
            0..1_000 => format!("{ms}ms"),
            1_000..60_000 => format!("{}.{}s", seconds, ms % 1000 / 100),
            60_000..3_600_000 => format!("{:02}:{:02}", seconds / 60, seconds % 60),
            _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_well() {
        let shown = [0, 830, 4_250, 72_000, 7_500_000].map(|ms| Millis(ms).to_string());
        assert_eq!(shown, ["0ms", "830ms", "4.2s", "01:12", "2h 05m"]);
    }
}
