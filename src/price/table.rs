//! The table, and what a call costs by it.

use std::collections::BTreeMap;

use jiff::{civil::Date, tz::TimeZone};

use crate::domain::{
    budget::day,
    price::{OwnPrice, Rates},
    talk::ModelName,
    time::Timestamp,
    usage::{NanoUsd, Usage},
};

use super::{
    file::{self, BadRow},
    name,
};

/// What is built in.
const BUILT_IN: &str = include_str!("../../assets/prices.toml");

/// A retried call may begin so much later than it was allowed: both days' prices bound it.
const LATER: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// What models cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    /// By kind (or name) of the provider, and by the model's own name.
    rows: BTreeMap<(String, String), Row>,
    /// Kinds of the providers that the configuration names.
    kinds: BTreeMap<String, String>,
}

/// What one model costs, now and at other times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where the price stands.
    pub source: String,
    /// When somebody last looked there.
    pub verified: Option<Date>,
    /// What it costs.
    pub price: Price,
    /// What it cost, or will cost, in other times; the first that fits counts.
    pub dated: Vec<Dated>,
    /// Hours in which it costs more.
    pub peak: Option<Peak>,
}

/// Prices that depend on how long the prompt is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// Of short prompts.
    pub base: Rates,
    /// Of prompts with more tokens than this, ascending: the whole call is charged by the last that it reaches.
    pub tiers: Vec<(u64, Rates)>,
}

/// Prices of a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated {
    /// The first day of it; `None`: ever before.
    pub from: Option<Date>,
    /// The first day after it; `None`: ever after.
    pub until: Option<Date>,
    /// What it costs then.
    pub price: Price,
}

/// Hours of working days (UTC) in which everything costs a multiple.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peak {
    /// So many times as much.
    pub times: u32,
    /// From and until which hours.
    pub hours: Vec<(i8, i8)>,
}

/// What a call cost, and what says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// The cost.
    pub cost: NanoUsd,
    /// The row of the table, with its date.
    pub by: String,
}

impl Prices {
    /// The prices that gonogo brings.
    pub fn built_in() -> Self {
        let (rows, bad) = file::read(BUILT_IN).unwrap_or_default();
        debug_assert!(bad.is_empty(), "{bad:?}");
        Self { rows, kinds: BTreeMap::new() }
    }

    /// With the user's own: what is given here wins.
    pub fn with(mut self, own: &[OwnPrice]) -> Self {
        for OwnPrice { model, rates } in own {
            let Some((provider, model)) = model.split_once('/') else { continue };
            let price = Price { base: *rates, tiers: Vec::new() };
            let row = Row { source: "config.toml".into(), verified: None, price, dated: Vec::new(), peak: None };
            self.rows.insert((name::kind(provider).to_owned(), model.to_owned()), row);
        }
        self
    }

    /// With the rows of a file in the shape of the built-in one, and what is wrong with others of it.
    pub fn with_file(mut self, text: &str) -> Result<(Self, Vec<BadRow>), toml::de::Error> {
        let (rows, bad) = file::read(text)?;
        self.rows.extend(rows);
        Ok((self, bad))
    }

    /// A provider of the configuration is of this kind: `work` is `anthropic`.
    pub fn knowing(mut self, provider: &str, kind: &str) -> Self {
        self.kinds.insert(provider.to_owned(), kind.to_owned());
        self
    }

    /// All rows, by provider and model.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &str, &Row)> {
        self.rows.iter().map(|((provider, model), row)| (provider.as_str(), model.as_str(), row))
    }

    /// The row of exactly this name.
    pub fn row(&self, provider: &str, model: &str) -> Option<&Row> {
        self.rows.get(&(provider.to_owned(), model.to_owned()))
    }

    /// What a call cost; `None`: no price is known.
    pub fn cost(&self, model: &ModelName, usage: &Usage, at: Timestamp) -> Option<Priced> {
        match self.find(model)? {
            Found::Free(why) => Some(Priced { cost: NanoUsd(0), by: why.to_owned() }),
            Found::Row(key, row) => {
                let pico = row.at(day(at)).rates(usage.prompt()).charge(usage) * u128::from(row.times(at));
                let cost = NanoUsd(u64::try_from((pico + 500) / 1000).unwrap_or(u64::MAX));
                Some(Priced { cost, by: row.named(key) })
            }
        }
    }

    /// What a call costs at most: every token at the dearest price that it may be charged at. `None`: no price is known.
    pub fn bound(&self, model: &ModelName, prompt: u64, max_output: u64, at: Timestamp) -> Option<NanoUsd> {
        let Found::Row(_, row) = self.find(model)? else { return Some(NanoUsd(0)) };
        let later = at.checked_add(LATER).unwrap_or(at);
        let prices = [row.at(day(at)), row.at(day(later))];
        let reached = prices.iter().flat_map(|price| {
            let tiers = price.tiers.iter().filter(|(above, _)| prompt > *above).map(|(_, rates)| rates);
            std::iter::once(&price.base).chain(tiers)
        });
        let (input, output) = reached
            .fold((0, 0), |(input, output), rates| (input.max(rates.dearest_input()), output.max(rates.output.0)));
        let tokens = |count: u64, rate: u64| u128::from(count) * u128::from(rate);
        let times = row.peak.as_ref().map_or(1, |peak| peak.times.max(1));
        let pico = (tokens(prompt, input) + tokens(max_output, output)) * u128::from(times);
        Some(NanoUsd(u64::try_from(pico.div_ceil(1000)).unwrap_or(u64::MAX)))
    }

    fn find(&self, model: &ModelName) -> Option<Found<'_>> {
        let known = self.kinds.get(&model.provider);
        let kind = name::kind(known.unwrap_or(&model.provider));
        let providers = [model.provider.as_str(), kind];
        let own = providers.iter().flat_map(|provider| name::spellings(provider, &model.model));
        let row = own.chain(name::elsewhere(kind, &model.model)).find_map(|key| self.rows.get_key_value(&key));
        match row {
            Some((key, row)) => Some(Found::Row(key, row)),
            None => name::costs_nothing(kind, &model.model).map(Found::Free),
        }
    }
}

enum Found<'a> {
    Row(&'a (String, String), &'a Row),
    Free(&'static str),
}

impl Row {
    /// The prices of a day.
    pub fn at(&self, day: Date) -> &Price {
        let is_then =
            |dated: &&Dated| dated.from.is_none_or(|from| day >= from) && dated.until.is_none_or(|end| day < end);
        self.dated.iter().find(is_then).map_or(&self.price, |dated| &dated.price)
    }

    /// How many times as much everything costs at a moment.
    fn times(&self, at: Timestamp) -> u32 {
        let Some(peak) = &self.peak else { return 1 };
        let at = at.to_zoned(TimeZone::UTC);
        let works = at.weekday().to_monday_one_offset() <= 5;
        let within = peak.hours.iter().any(|(from, until)| (*from..*until).contains(&at.hour()));
        if works && within { peak.times } else { 1 }
    }

    fn named(&self, (provider, model): &(String, String)) -> String {
        match self.verified {
            Some(verified) => format!("{provider}/{model} {verified}"),
            None => format!("{provider}/{model} {}", self.source),
        }
    }
}

impl Price {
    /// The prices of a call with so many tokens of prompt.
    pub fn rates(&self, prompt: u64) -> &Rates {
        self.tiers.iter().rev().find(|(above, _)| prompt > *above).map_or(&self.base, |(_, rates)| rates)
    }
}

impl Rates {
    /// What these tokens cost, in pico-dollars.
    fn charge(&self, usage: &Usage) -> u128 {
        let parts = [
            (usage.input, self.input),
            (usage.cache_read, self.cache_read),
            (usage.cache_write_5m, self.cache_write),
            (usage.cache_write_1h, self.cache_write_1h),
            (usage.output, self.output),
        ];
        parts.iter().map(|(tokens, rate)| u128::from(*tokens) * u128::from(rate.0)).sum()
    }

    fn dearest_input(&self) -> u64 {
        [self.input, self.cache_read, self.cache_write, self.cache_write_1h]
            .iter()
            .map(|rate| rate.0)
            .max()
            .unwrap_or(0)
    }
}
