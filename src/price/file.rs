//! The file of prices: models.dev's shape, with a source, a date, and prices of other times added.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;

use crate::domain::price::{Decimal, Rate, Rates};

use super::table::{Dated, Peak, Price, Row};

/// Rows by provider and model.
pub type Rows = BTreeMap<(String, String), Row>;

/// A row that can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Which.
    pub model: String,
    /// Why not.
    pub why: String,
}

/// One model, as models.dev has it, and what is added here.
#[derive(Debug, Deserialize)]
struct ModelFile {
    #[serde(default)]
    source: String,
    #[serde(default)]
    verified: Option<Date>,
    cost: Option<CostFile>,
    #[serde(default)]
    dated: Vec<DatedFile>,
    #[serde(default)]
    peak: Option<PeakFile>,
}

/// USD for a million tokens.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct CostFile {
    pub(super) input: Option<Decimal>,
    pub(super) output: Option<Decimal>,
    pub(super) cache_read: Option<Decimal>,
    pub(super) cache_write: Option<Decimal>,
    pub(super) cache_write_1h: Option<Decimal>,
    #[serde(default)]
    pub(super) tiers: Vec<TierFile>,
    pub(super) context_over_200k: Option<Box<CostFile>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct TierFile {
    pub(super) tier: Size,
    #[serde(flatten)]
    pub(super) cost: CostFile,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Size {
    pub(super) size: u64,
}

#[derive(Debug, Deserialize)]
struct DatedFile {
    from: Option<Date>,
    until: Option<Date>,
    #[serde(flatten)]
    cost: CostFile,
}

#[derive(Debug, Deserialize)]
struct PeakFile {
    times: u32,
    hours: Vec<(i8, i8)>,
}

/// Reads a file: its rows, and those that can't be used.
pub fn read(text: &str) -> Result<(Rows, Vec<BadRow>), toml::de::Error> {
    let providers: BTreeMap<String, toml::Value> = toml::from_str(text)?;
    let (mut rows, mut bad) = (Rows::new(), Vec::new());
    for (provider, about) in providers {
        let models = about.get("models").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        for (model, row) in models {
            let read = row.try_into::<ModelFile>().map_err(|error| error.message().to_owned());
            match read.and_then(|file| file.row(&model)) {
                Ok(Some(row)) => drop(rows.insert((provider.clone(), model), row)),
                Ok(None) => bad.push(BadRow { model: format!("{provider}/{model}"), why: "it has no `cost`".into() }),
                Err(why) => bad.push(BadRow { model: format!("{provider}/{model}"), why }),
            }
        }
    }
    Ok((rows, bad))
}

/// A row of `api.json` of models.dev; `None`: it says no price.
pub(super) fn row_of_json(model: &str, row: &serde_json::Value) -> Result<Option<Row>, String> {
    let file: ModelFile = serde::Deserialize::deserialize(row).map_err(|error: serde_json::Error| error.to_string())?;
    file.row(model)
}

impl ModelFile {
    fn row(self, model: &str) -> Result<Option<Row>, String> {
        let Some(cost) = self.cost else { return Ok(None) };
        let price = cost.price(model)?;
        let dated = self.dated.into_iter().map(|dated| {
            if let (Some(from), Some(until)) = (dated.from, dated.until)
                && from >= until
            {
                return Err(format!("its price from {from} ends before it begins: {until}"));
            }
            Ok(Dated { from: dated.from, until: dated.until, price: dated.cost.price(model)? })
        });
        let dated = dated.collect::<Result<_, _>>()?;
        let peak = self.peak.map(|peak| Peak { times: peak.times, hours: peak.hours });
        Ok(Some(Row { source: self.source, verified: self.verified, price, dated, peak }))
    }
}

impl CostFile {
    pub(super) fn price(&self, model: &str) -> Result<Price, String> {
        let base = self.rates(model)?;
        let over = self.context_over_200k.iter().map(|cost| (200_000, cost.as_ref()));
        // Where both are given they say the same.
        let over = over.filter(|_| self.tiers.is_empty());
        let tiers = self.tiers.iter().map(|tier| (tier.tier.size, &tier.cost)).chain(over);
        let tiers = tiers.map(|(above, cost)| Ok::<_, String>((above, cost.rates(model)?)));
        let mut tiers = tiers.collect::<Result<Vec<_>, String>>()?;
        tiers.sort_by_key(|(above, _)| *above);
        Ok(Price { base, tiers })
    }

    fn rates(&self, model: &str) -> Result<Rates, String> {
        let rate = |name: &str, usd: &Option<Decimal>| {
            let read = |usd: &Decimal| Rate::per_million(usd).ok_or_else(|| format!("its `{name}` is no price"));
            usd.as_ref().map(read).transpose()
        };
        let needed = |name: &str, usd| rate(name, usd)?.ok_or_else(|| format!("it has no `{name}`"));
        let cached = (
            rate("cache_read", &self.cache_read)?,
            rate("cache_write", &self.cache_write)?,
            rate("cache_write_1h", &self.cache_write_1h)?,
        );
        Ok(Rates::of(model, needed("input", &self.input)?, needed("output", &self.output)?, cached))
    }
}
