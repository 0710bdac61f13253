//! What a model call used, and what money is counted in.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign},
};

use serde::{Deserialize, Serialize};

use super::price::Decimal;

/// Tokens of one call, or of many. The parts don't overlap: what was billed as input is `prompt()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Input that no cache had.
    pub input: u64,
    /// Input that was read from the provider's cache.
    pub cache_read: u64,
    /// Input that was written into the cache for five minutes.
    pub cache_write_5m: u64,
    /// Input that was written into the cache for an hour.
    pub cache_write_1h: u64,
    /// Output, reasoning included.
    pub output: u64,
    /// Reasoning alone: a part of `output`.
    pub reasoning: u64,
}

impl Usage {
    /// All that was sent: by it a price's tier is chosen.
    pub fn prompt(&self) -> u64 {
        self.input
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write_5m)
            .saturating_add(self.cache_write_1h)
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write_5m: self.cache_write_5m.saturating_add(other.cache_write_5m),
            cache_write_1h: self.cache_write_1h.saturating_add(other.cache_write_1h),
            output: self.output.saturating_add(other.output),
            reasoning: self.reasoning.saturating_add(other.reasoning),
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Money in whole nano-dollars (1 USD is 1,000,000,000): no fraction is ever lost in a sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NanoUsd(pub u64);

impl NanoUsd {
    /// Whole cents.
    pub const fn from_cents(cents: u64) -> Self {
        Self(cents.saturating_mul(10_000_000))
    }

    /// From an amount as people write it: `$2.50`, `2.5`, `$0.008`; to the nano-dollar, no finer.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let number = text.strip_prefix('$').unwrap_or(text).trim_start();
        let plain = |c: char| c.is_ascii_digit() || c == '.';
        let places = number.split_once('.').map_or(0, |(_, places)| places.len());
        let whole = number.starts_with(|c: char| c.is_ascii_digit()) && number.chars().all(plain) && places <= 9;
        whole.then(|| Decimal::from(number).scaled(9)).flatten().map(Self)
    }

    /// Never below nothing.
    pub fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for NanoUsd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for NanoUsd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for NanoUsd {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self(0), Add::add)
    }
}

/// `$12.34`; below a dollar with as many places as it takes to show something: `$0.0042`.
impl fmt::Display for NanoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, rest) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        let places = match self.0 {
            0 => 2,
            1..10_000 => 9,
            10_000..100_000_000 => 4,
            _ => 2,
        };
        let unit = 10_u64.pow(9 - places);
        // Rounded to the nearest; a carry goes into the dollars.
        let shown = (rest + unit / 2) / unit;
        let (dollars, shown) = if shown == 10_u64.pow(places) { (dollars + 1, 0) } else { (dollars, shown) };
        f.pad(&format!("${dollars}.{shown:0width$}", width = places as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read() {
        let read = ["$2.50", "2.5", "$ 0.008", "0", "$0.000000001", "20"].map(|text| NanoUsd::parse(text).map(|n| n.0));
        assert_eq!(read, [2_500_000_000, 2_500_000_000, 8_000_000, 0, 1, 20_000_000_000].map(Some));
        for wrong in ["", "$", "-1", "1e3", "1,50", ".5", "0.0000000001", "1.2.3", "5 EUR"] {
            assert_eq!(NanoUsd::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn money_is_shown_so_that_something_is_seen() {
        let shown = [0, 3, 42_000_000, 99_999_999, 996_000_000, 1_234_567_890, 12_000_000_000]
            .map(|nano| NanoUsd(nano).to_string());
        assert_eq!(shown, ["$0.00", "$0.000000003", "$0.0420", "$0.1000", "$1.00", "$1.23", "$12.00"]);
    }
}
