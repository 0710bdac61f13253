//! What tokens and minutes cost: exact numbers, never floating ones.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

use super::usage::NanoUsd;

/// A number as it was written, in decimal places: `0.075`, `2.5e-06`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decimal(String);

impl Decimal {
    /// The number times ten to the power of `places`, rounded half up; `None` if it is none, negative, or too large.
    pub fn scaled(&self, places: i32) -> Option<u64> {
        let (number, exponent) = match self.0.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (self.0.as_str(), 0),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let places = i64::from(places) + i64::from(exponent) - fraction.len() as i64;
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Some(0);
        }
        let unscaled: u128 = digits.get(..digits.len().min(38))?.parse().ok()?;
        // What stands behind the first 38 digits is less than any place that counts here.
        let places = places + (digits.len() - digits.len().min(38)) as i64;
        let ten = |power: i64| 10_u128.checked_pow(u32::try_from(power).ok()?);
        let scaled = if places >= 0 {
            unscaled.checked_mul(ten(places)?)?
        } else {
            // So small that nothing is left of it.
            let Some(unit) = ten(-places) else { return Some(0) };
            unscaled / unit + u128::from(unscaled % unit >= unit.div_ceil(2))
        };
        u64::try_from(scaled).ok()
    }
}

impl From<&str> for Decimal {
    fn from(text: &str) -> Self {
        Self(text.trim().to_owned())
    }
}

/// From a number or a text. A floating number is taken by its shortest decimal form, which is what was written for up to fifteen
/// digits.
impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Decimal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Decimal, E> {
                Ok(Decimal(number.to_string()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Decimal, E> {
                Ok(Decimal(number.to_string()))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Decimal, E> {
                Ok(Decimal(number.to_string()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
                Ok(Decimal::from(text))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// What one token costs, in pico-dollars: a price of 1 USD for a million tokens is 1,000,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(pub u64);

/// No price is higher: 1000 USD for a thousand tokens.
const DEAREST: u64 = 1_000_000_000_000;

impl Rate {
    /// From USD for a million tokens, to the nearest pico-dollar a token.
    pub fn per_million(usd: &Decimal) -> Option<Self> {
        usd.scaled(6).filter(|pico| *pico <= DEAREST).map(Self)
    }

    /// From USD for one token, to the nearest pico-dollar.
    pub fn per_token(usd: &Decimal) -> Option<Self> {
        usd.scaled(12).filter(|pico| *pico <= DEAREST).map(Self)
    }
}

/// USD for a million tokens, without superfluous places.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let text = format!("{whole}.{rest:06}");
        f.pad(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// Prices of the tokens of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Input that no cache had.
    pub input: Rate,
    /// Output, reasoning included.
    pub output: Rate,
    /// Input that was read from the cache.
    pub cache_read: Rate,
    /// Input that was written into the cache for five minutes.
    pub cache_write: Rate,
    /// Input that was written into the cache for an hour.
    pub cache_write_1h: Rate,
}

/// What a person says that a model costs, in USD for a million tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnPrice {
    /// The model: `provider/model`.
    pub model: String,
    /// The prices.
    pub rates: Rates,
}

impl Rates {
    /// Prices of which only some are given: what is not, costs what input does; an hour in a cache twice that for Claude.
    pub fn of(model: &str, input: Rate, output: Rate, (read, write, write_1h): CacheRates) -> Self {
        let cache_write = write.unwrap_or(input);
        let twice = || if model.contains("claude") { Rate(input.0.saturating_mul(2)) } else { cache_write };
        Self {
            input,
            output,
            cache_read: read.unwrap_or(input),
            cache_write,
            cache_write_1h: write_1h.unwrap_or_else(twice),
        }
    }
}

/// Prices for what is read from a cache, written into it, and written into it for an hour.
pub type CacheRates = (Option<Rate>, Option<Rate>, Option<Rate>);

/// What a minute of an engine costs, by the engine's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MinutePrice {
    /// Name of the engine: `local`, `docker`, `github`.
    pub engine: String,
    /// The price of a minute.
    pub minute: NanoUsd,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn decimals_are_exact() {
        for (text, places, scaled) in [
            ("0", 6, Some(0)),
            ("0.003", 6, Some(3_000)),
            ("2.5e-06", 12, Some(2_500_000)),
            ("1.25E-7", 12, Some(125_000)),
            ("0.0000025", 12, Some(2_500_000)),
            ("2.8999999999999998e-06", 12, Some(2_900_000)),
            ("1e-12", 12, Some(1)),
            ("4.9e-13", 12, Some(0)),
            ("5e-13", 12, Some(1)),
            ("1e-400", 12, Some(0)),
            ("1e400", 12, None),
            ("-1", 6, None),
            ("NaN", 6, None),
            ("inf", 6, None),
            ("", 6, None),
            (".", 6, None),
            ("99999999999999999999", 0, None),
        ] {
            assert_eq!(Decimal::from(text).scaled(places), scaled, "{text}");
        }
        let many = "0.".to_owned() + &"3".repeat(60);
        assert_eq!(Decimal::from(many.as_str()).scaled(6), Some(333_333));
    }

    #[test]
    fn a_floating_number_is_what_was_written() {
        for text in ["0.1", "2.5e-08", "1.0416e-07", "3", "0.000000075", "12.5"] {
            let read: Decimal = serde_json::from_str(text).unwrap();
            assert_eq!(read.scaled(12), Decimal::from(text).scaled(12), "{text}");
        }
        assert!(serde_json::from_str::<Decimal>("true").is_err());
    }

    #[test]
    fn rates_are_shown_as_they_are_written() {
        let shown = ["4", "0.025", "12.5", "0"].map(|text| Rate::per_million(&text.into()).unwrap().to_string());
        assert_eq!(shown, ["4", "0.025", "12.5", "0"]);
        assert_eq!(Rate::per_million(&"2000000".into()), None, "no price is so high");
    }
}
