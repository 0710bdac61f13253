//! Lists of prices that others keep: `api.json` of models.dev, and LiteLLM's. What of them is new goes into the user's own file.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::Deserialize as _;
use serde_json::Value;
use toml::Table;

use crate::domain::price::{Decimal, Rate, Rates};

use super::{
    file::{self, BadRow},
    name,
    table::{Price, Prices, Row},
};

/// Entries of LiteLLM's list that are no models.
const NO_MODELS: [&str; 2] = ["sample_spec", "fallback_generalizations"];

/// What a list has that the table had not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// The user's file with all that is new, as TOML.
    pub file: String,
    /// What is new or other than before.
    pub changes: Vec<Change>,
    /// How many models cost what they did before.
    pub same: usize,
    /// How many entries say no price of tokens: images, speech, embeddings.
    pub silent: usize,
    /// Entries that can't be used.
    pub bad: Vec<BadRow>,
}

/// A price that is new, or other than before.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The model: `provider/model`.
    pub model: String,
    /// What it cost before, if that was known.
    pub before: Option<Price>,
    /// What it costs.
    pub after: Price,
}

/// Why a list can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is no JSON.
    #[error("it is no JSON")]
    Json(#[source] serde_json::Error),
    /// It has another shape.
    #[error("it is neither models.dev's `api.json` nor LiteLLM's `model_prices_and_context_window.json`")]
    Shape,
    /// The user's own file can't be read, and would be lost.
    #[error("the prices that are there already can't be read")]
    Own(#[source] toml::de::Error),
}

/// An entry of a list: provider, model, and its price, if it says one.
type Entry = (String, String, Result<Option<Price>, String>);

/// What of a list is other than what `known` has on that day, merged into the user's own file.
pub fn import(list: &str, own: &str, known: &Prices, (source, today): (&str, Date)) -> Result<Imported, ImportError> {
    let list: Value = serde_json::from_str(list).map_err(ImportError::Json)?;
    let entries = list.as_object().ok_or(ImportError::Shape)?;
    let mut file: Table = own.parse().map_err(ImportError::Own)?;
    let mut done = Imported::default();
    let read: Vec<Entry> = if entries.values().any(|e| e["models"].is_object()) {
        entries.iter().flat_map(|(provider, entry)| models_dev(provider, entry)).collect()
    } else if entries.values().any(|e| e["litellm_provider"].is_string()) {
        entries
            .iter()
            .filter(|(id, _)| !NO_MODELS.contains(&id.as_str()))
            .map(|(id, entry)| litellm(id, entry))
            .collect()
    } else {
        return Err(ImportError::Shape);
    };
    for (provider, model, price) in read {
        let name = format!("{provider}/{model}");
        match price {
            Err(why) => done.bad.push(BadRow { model: name, why }),
            Ok(None) => done.silent += 1,
            Ok(Some(after)) => {
                let before = known.row(&provider, &model).map(|row| row.at(today).clone());
                if before.as_ref() == Some(&after) {
                    done.same += 1;
                } else {
                    put(&mut file, (&provider, &model), entry(&after, source, today));
                    done.changes.push(Change { model: name, before, after });
                }
            }
        }
    }
    done.file = file.to_string();
    Ok(done)
}

fn models_dev(provider: &str, entry: &Value) -> Vec<Entry> {
    let models = entry["models"].as_object().into_iter().flatten();
    let row = |(model, row): (&String, &Value)| {
        let price = file::row_of_json(model, row).map(|row: Option<Row>| row.map(|row| row.price));
        (name::kind(provider).to_owned(), model.clone(), price)
    };
    models.map(row).collect()
}

fn litellm(id: &str, entry: &Value) -> Entry {
    let Some(provider) = entry["litellm_provider"].as_str() else {
        return ("?".into(), id.to_owned(), Err("it has no `litellm_provider`".into()));
    };
    let model = id.strip_prefix(provider).and_then(|rest| rest.strip_prefix('/')).unwrap_or(id);
    (name::kind(provider).to_owned(), model.to_owned(), litellm_price(model, entry))
}

fn litellm_price(model: &str, entry: &Value) -> Result<Option<Price>, String> {
    if entry["input_cost_per_token"].is_null() || entry["output_cost_per_token"].is_null() {
        return Ok(None);
    }
    let rate = |name: String| match &entry[&name] {
        Value::Null => Ok(None),
        price => {
            let read = Decimal::deserialize(price).ok().and_then(|usd| Rate::per_token(&usd));
            read.map(Some).ok_or_else(|| format!("its `{name}` is no price"))
        }
    };
    let rates = |above: &str| {
        let rate = |name: &str| rate(format!("{name}{above}"));
        let (input, output) = (rate("input_cost_per_token")?, rate("output_cost_per_token")?);
        let read = rate("cache_read_input_token_cost")?;
        let write = rate("cache_creation_input_token_cost")?;
        let write_1h = rate("cache_creation_input_token_cost_above_1hr")?;
        Ok::<_, String>((input, output, (read, write, write_1h)))
    };
    let (Some(input), Some(output), cached) = rates("")? else { return Ok(None) };
    let base = Rates::of(model, input, output, cached);
    let keys = entry.as_object().into_iter().flatten();
    let sizes: BTreeSet<u64> = keys.filter_map(|(key, _)| tier_of(key)).collect();
    let tiers = sizes.into_iter().map(|size| {
        let (input, output, cached) = rates(&format!("_above_{size}k_tokens"))?;
        let (input, output) = (input.unwrap_or(base.input), output.unwrap_or(base.output));
        Ok::<_, String>((size * 1000, Rates::of(model, input, output, cached)))
    });
    Ok(Some(Price { base, tiers: tiers.collect::<Result<_, String>>()? }))
}

/// The size of `input_cost_per_token_above_200k_tokens`, in thousands.
fn tier_of(key: &str) -> Option<u64> {
    let size =
        key.strip_prefix("input_cost_per_token_above_").or_else(|| key.strip_prefix("output_cost_per_token_above_"))?;
    size.strip_suffix("k_tokens")?.parse().ok()
}

fn put(file: &mut Table, (provider, model): (&str, &str), row: Table) {
    let table = |value: &mut Table, key: &str| -> Table {
        match value.remove(key) {
            Some(toml::Value::Table(table)) => table,
            _ => Table::new(),
        }
    };
    let mut about = table(file, provider);
    let mut models = table(&mut about, "models");
    models.insert(model.to_owned(), row.into());
    about.insert("models".into(), models.into());
    file.insert(provider.to_owned(), about.into());
}

fn entry(price: &Price, source: &str, verified: Date) -> Table {
    let mut cost = costs(&price.base);
    if !price.tiers.is_empty() {
        let tier = |(above, rates): &(u64, Rates)| {
            let mut tier = costs(rates);
            let size = i64::try_from(*above).unwrap_or(i64::MAX);
            tier.insert("tier".into(), Table::from_iter([("size".to_owned(), size.into())]).into());
            toml::Value::from(tier)
        };
        cost.insert("tiers".into(), price.tiers.iter().map(tier).collect::<Vec<_>>().into());
    }
    let row = [("source", source.into()), ("verified", verified.to_string().into()), ("cost", cost.into())];
    row.into_iter().map(|(key, value): (&str, toml::Value)| (key.to_owned(), value)).collect()
}

/// As floating numbers, whose shortest decimal form is exactly the price.
fn costs(rates: &Rates) -> Table {
    let usd = |rate: Rate| toml::Value::Float(rate.0 as f64 / 1e6);
    [
        ("input", rates.input),
        ("output", rates.output),
        ("cache_read", rates.cache_read),
        ("cache_write", rates.cache_write),
        ("cache_write_1h", rates.cache_write_1h),
    ]
    .into_iter()
    .map(|(name, rate)| (name.to_owned(), usd(rate)))
    .collect()
}
