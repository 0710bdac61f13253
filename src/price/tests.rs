//! Rows computed by hand, to the nano-dollar; names; lists of others.
#![allow(clippy::unwrap_used)]

use jiff::civil::date;
use proptest::prelude::*;

use super::{import::import, name, table::Prices};
use crate::domain::{
    price::{Decimal, OwnPrice, Rate, Rates},
    talk::ModelName,
    time::Timestamp,
    usage::{NanoUsd, Usage},
};

/// A Friday, at noon.
const NOON: &str = "2026-11-20T12:00:00Z";

fn model(name: &str) -> ModelName {
    let (provider, model) = name.split_once('/').unwrap();
    ModelName { provider: provider.into(), model: model.into() }
}

fn usage(input: u64, cache_read: u64, cache_write_5m: u64, cache_write_1h: u64, output: u64) -> Usage {
    Usage { input, cache_read, cache_write_5m, cache_write_1h, output, reasoning: output / 2 }
}

fn cost(prices: &Prices, name: &str, usage: &Usage, at: &str) -> Option<u64> {
    prices.cost(&model(name), usage, at.parse().unwrap()).map(|priced| priced.cost.0)
}

#[test]
fn every_row_that_is_built_in_can_be_used() {
    let (rows, bad) = super::file::read(include_str!("../../assets/prices.toml")).unwrap();
    assert_eq!(bad, []);
    assert!(rows.len() >= 40, "{}", rows.len());
    for ((provider, model), row) in rows {
        assert!(!row.source.is_empty() && row.verified.is_some(), "{provider}/{model}");
    }
}

#[test]
fn rows_computed_by_hand_agree_to_the_nano_dollar() {
    let prices = Prices::built_in();
    let rows = [
        // 1,000 x 4 + 20,000 x 0.20 + 3,000 x 5 + 500 x 8 + 700 x 20 = 41,000 micro-dollars
        ("anthropic/claude-opus-5-5", usage(1_000, 20_000, 3_000, 500, 700), NOON, 41_000_000),
        // 7 x 10 + 11 x 0.25 + 13 x 12.5 + 17 x 20 + 19 x 50 = 1,525.25
        ("anthropic/claude-fable-5-1", usage(7, 11, 13, 17, 19), NOON, 1_525_250),
        // 1,000,000 x 0.10, and a day before it was cheaper: x 0.20
        ("anthropic/claude-sonnet-5-5", usage(0, 1_000_000, 0, 0, 0), "2026-10-07T00:00:00Z", 100_000_000),
        ("anthropic/claude-sonnet-5-5", usage(0, 1_000_000, 0, 0, 0), "2026-10-06T23:59:59Z", 200_000_000),
        // exactly 100,000 is the small tier: 100,000 x 0.1 + 10 x 0.5 = 10,005
        ("anthropic/claude-haiku-5-5", usage(100_000, 0, 0, 0, 10), NOON, 10_005_000),
        // one more and all of it is the large one: 1 x 0.5 + 99,000 x 0.05 + 1,000 x 0.625 + 10 x 2.5 = 5,600.5
        ("anthropic/claude-haiku-5-5", usage(1, 99_000, 1_000, 0, 10), NOON, 5_600_500),
        // an hour in the cache is twice the input of the tier: 100,001 x 1 = 100,001
        ("anthropic/claude-haiku-5-5", usage(0, 0, 0, 100_001, 0), NOON, 100_001_000),
        // 3 x 0.05 + 1 x 0.4 = 0.55; cached 0.005: 1 token is 5 nano-dollars
        ("openai/gpt-5-nano", usage(3, 0, 0, 0, 1), NOON, 550),
        ("openai/gpt-5-nano", usage(0, 1, 0, 0, 0), NOON, 5),
        // writes cost what input does where nothing is said: 10 x 1.25 + 10 x 1.25
        ("openai/gpt-5", usage(10, 0, 10, 0, 0), NOON, 25_000),
        // 272,001 x 10 + 100 x 45 = 2,724,510
        ("openai/gpt-5.5", usage(272_001, 0, 0, 0, 100), NOON, 2_724_510_000),
        // introduced at 0.75 / 3.75 until the year ends; then 1.5 / 7.5
        ("google/gemini-3.8-flash", usage(1_000, 0, 0, 0, 1_000), "2026-12-31T23:59:59Z", 4_500_000),
        ("google/gemini-3.8-flash", usage(1_000, 0, 0, 0, 1_000), "2027-01-01T00:00:00Z", 9_000_000),
        // 1 x 0.003 is 3 nano-dollars; 06 to 10 on a Friday twice that; on a Saturday not
        ("deepseek/deepseek-flash", usage(0, 1, 0, 0, 0), NOON, 3),
        ("deepseek/deepseek-flash", usage(0, 1, 0, 0, 0), "2026-11-20T06:00:00Z", 6),
        ("deepseek/deepseek-flash", usage(0, 1, 0, 0, 0), "2026-11-20T10:00:00Z", 3),
        ("deepseek/deepseek-flash", usage(0, 1, 0, 0, 0), "2026-11-21T06:00:00Z", 3),
        // 1 x 0.022 + 1 x 1.98
        ("deepseek/deepseek-v4-pro", usage(0, 1, 0, 0, 1), NOON, 2_002),
    ];
    for (name, usage, at, nano) in rows {
        assert_eq!(cost(&prices, name, &usage, at), Some(nano), "{name} {usage:?} {at}");
    }
}

#[test]
fn what_is_left_of_a_nano_dollar_is_rounded_once() {
    let rate = |usd: &str| Rate::per_million(&Decimal::from(usd)).unwrap();
    let rates = Rates::of("x", rate("0.0005"), rate("0.0009"), (None, None, None));
    let prices = Prices::default().with(&[OwnPrice { model: "p/x".into(), rates }]);
    // 0.5 and 0.9 nano-dollars: 1.4 together, not 1 and 1.
    assert_eq!(cost(&prices, "p/x", &usage(1, 0, 0, 0, 1), NOON), Some(1));
    assert_eq!(cost(&prices, "p/x", &usage(1, 0, 0, 0, 0), NOON), Some(1), "half up");
    assert_eq!(cost(&prices, "p/x", &usage(u64::MAX, 0, 0, 0, 0), NOON), Some(u64::MAX.div_ceil(2)));
}

#[test]
fn what_runs_here_is_known_by_its_address() {
    for here in ["http://127.0.0.1:8080/v1", "http://localhost/v1", "http://[::1]:80/v1", "127.3.2.1"] {
        assert!(name::is_here(here), "{here}");
    }
    for far in [
        "https://api.example.com/v1",
        "http://10.0.0.7:8080",
        "http://localhost.example.com",
        "http://127.evil.com",
        "",
    ] {
        assert!(!name::is_here(far), "{far}");
    }
}

#[test]
fn models_are_found_by_what_providers_call_them() {
    let prices = Prices::built_in().knowing("work", "anthropic").knowing("box", "ollama");
    let by =
        |name: &str| prices.cost(&model(name), &usage(1, 0, 0, 0, 0), NOON.parse().unwrap()).map(|priced| priced.by);
    for (name, row) in [
        ("anthropic/claude-haiku-4-5-20251001", "anthropic/claude-haiku-4-5 2026-11-20"),
        ("work/claude-haiku-4-5", "anthropic/claude-haiku-4-5 2026-11-20"),
        ("gemini/models/gemini-2.5-pro", "google/gemini-2.5-pro 2026-11-20"),
        ("openai/gpt-4o-2024-08-06", "openai/gpt-4o 2026-11-20"),
        ("openrouter/anthropic/claude-opus-5.5", "anthropic/claude-opus-5-5 2026-11-20"),
        ("openrouter/openai/gpt-5.4-mini", "openai/gpt-5.4-mini 2026-11-20"),
        ("openrouter/z-ai/glm-5.3", "zai/glm-5.3 2026-11-20"),
        ("openrouter/qwen/qwen9:free", "a free model of OpenRouter"),
        ("box/anything", "runs on one's own machine"),
    ] {
        assert_eq!(by(name).as_deref(), Some(row), "{name}");
    }
    // Nothing is ever taken to cost nothing, or what something like it does.
    for unknown in ["anthropic/claude-next", "other/gpt-5", "openai/gpt-5-turbo", "openrouter/x/gpt-5:nitro", "openai/"]
    {
        assert_eq!(by(unknown), None, "{unknown}");
        assert_eq!(prices.bound(&model(unknown), 1, 1, NOON.parse().unwrap()), None, "{unknown}");
    }
}

#[test]
fn what_a_person_says_wins() {
    let rate = |usd: &str| Rate::per_million(&Decimal::from(usd)).unwrap();
    let own = OwnPrice { model: "box/m".into(), rates: Rates::of("m", rate("1"), rate("2"), (None, None, None)) };
    let file = "[openai.models.gpt-5]\ncost = { input = 9, output = 9 }\n[openai.models.bad]\ncost = { input = \"x\", output = 1 }\n";
    let (prices, bad) = Prices::built_in().knowing("box", "ollama").with_file(file).unwrap();
    let prices = prices.with(&[own]);
    assert_eq!(cost(&prices, "box/m", &usage(1, 0, 0, 0, 0), NOON), Some(1_000));
    assert_eq!(cost(&prices, "openai/gpt-5", &usage(1, 0, 0, 0, 0), NOON), Some(9_000));
    let bad: Vec<String> = bad.iter().map(|row| format!("{}: {}", row.model, row.why)).collect();
    assert_eq!(bad, ["openai/bad: its `input` is no price"]);
}

#[test]
fn a_bound_is_above_what_may_come() {
    let prices = Prices::built_in();
    let bound = |name: &str, prompt, output, at: &str| prices.bound(&model(name), prompt, output, at.parse().unwrap());
    // An hour in the cache is the dearest input: 1,000 x 8 + 100 x 20.
    assert_eq!(bound("anthropic/claude-opus-5-5", 1_000, 100, NOON), Some(NanoUsd(10_000_000)));
    // The night before prices rise.
    assert_eq!(bound("google/gemini-3.8-flash", 1_000, 0, "2026-12-31T12:00:00Z"), Some(NanoUsd(1_500_000)));
    assert_eq!(bound("ollama/x", 1_000, 100, NOON), Some(NanoUsd(0)));
}

proptest! {
    #[test]
    fn no_call_costs_more_than_its_bound(
        which in any::<usize>(),
        parts in prop::array::uniform4(0_u64..200_000),
        spare in 0_u64..100_000,
        output in 0_u64..50_000,
        hours in 0_i64..2_000,
        later in 0_i64..24,
    ) {
        let prices = Prices::built_in();
        let (provider, name, _) = prices.rows().nth(which % prices.rows().count()).unwrap();
        let name = model(&format!("{provider}/{name}"));
        let used = usage(parts[0], parts[1], parts[2], parts[3], output);
        let at: Timestamp = "2026-10-01T00:00:00Z".parse().unwrap();
        let at = at + jiff::SignedDuration::from_hours(hours);
        let bound = prices.bound(&name, used.prompt() + spare, output, at).unwrap();
        let cost = prices.cost(&name, &used, at + jiff::SignedDuration::from_hours(later)).unwrap();
        prop_assert!(cost.cost <= bound, "{cost:?} {bound:?}");
    }
}

const MODELS_DEV: &str = r#"{
  "anthropic": { "id": "anthropic", "env": ["ANTHROPIC_API_KEY"], "models": {
    "claude-opus-5-5": { "name": "Opus", "cost": { "input": 4, "output": 20, "cache_read": 0.2, "cache_write": 5 } },
    "claude-new": { "name": "New", "limit": { "context": 1 }, "cost": { "input": 0.1, "output": 0.7, "cache_read": 0.001,
      "tiers": [{ "tier": { "type": "context", "size": 200000 }, "input": 0.2, "output": 1.4, "cache_read": 0.002 }] } },
    "claude-odd": { "name": "Odd", "cost": { "input": -1, "output": 1 } } } },
  "google": { "id": "google", "models": {
    "gemini-2.5-pro": { "cost": { "input": 2, "output": 10, "cache_read": 0.125,
      "context_over_200k": { "input": 2.5, "output": 15, "cache_read": 0.25 } } },
    "embedding": { "name": "Embedding" } } }
}"#;

#[test]
fn models_dev_is_read_and_merged() {
    let known = Prices::built_in();
    let own = "[mine.models.m]\ncost = { input = 1, output = 2 }\n";
    let done = import(MODELS_DEV, own, &known, ("models.dev", date(2026, 11, 20))).unwrap();
    assert_eq!((done.same, done.silent), (1, 1));
    let changed: Vec<_> = done.changes.iter().map(|change| (change.model.as_str(), change.before.is_some())).collect();
    assert_eq!(changed, [("anthropic/claude-new", false), ("google/gemini-2.5-pro", true)]);
    assert_eq!(done.bad.len(), 1);
    assert_eq!(done.bad[0].model, "anthropic/claude-odd");
    let (prices, bad) = known.with_file(&done.file).unwrap();
    assert_eq!(bad, []);
    assert_eq!(cost(&prices, "mine/m", &usage(1, 0, 0, 0, 0), NOON), Some(1_000), "what was there stays");
    // 300,000 x 0.2 + 1 x 1.4; an hour in the cache is twice the input
    assert_eq!(cost(&prices, "anthropic/claude-new", &usage(300_000, 0, 0, 0, 1), NOON), Some(60_001_400));
    assert_eq!(cost(&prices, "anthropic/claude-new", &usage(0, 0, 0, 1, 0), NOON), Some(200));
    assert_eq!(cost(&prices, "google/gemini-2.5-pro", &usage(200_001, 0, 0, 0, 0), NOON), Some(500_002_500));
    let again = import(MODELS_DEV, &done.file, &prices, ("models.dev", date(2026, 11, 21))).unwrap();
    assert_eq!(
        (again.changes.len(), again.same, again.file == done.file),
        (0, 3, true),
        "the second time changes nothing"
    );
}

const LITELLM: &str = r#"{
  "sample_spec": { "litellm_provider": "one of https://docs", "input_cost_per_token": 0.0 },
  "claude-x": { "litellm_provider": "anthropic", "mode": "chat", "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
    "cache_read_input_token_cost": 3e-07, "cache_creation_input_token_cost": 3.75e-06,
    "cache_creation_input_token_cost_above_1hr": 6e-06, "input_cost_per_token_above_200k_tokens": 6e-06,
    "output_cost_per_token_above_200k_tokens": 2.25e-05, "input_cost_per_token_batches": 1.5e-06 },
  "gemini/gemini-y": { "litellm_provider": "gemini", "input_cost_per_token": 2.8999999999999998e-06, "output_cost_per_token": "7e-08" },
  "dall-e": { "litellm_provider": "openai", "mode": "image_generation", "input_cost_per_pixel": 1e-08 },
  "odd": { "litellm_provider": "openai", "input_cost_per_token": true, "output_cost_per_token": 1e-06 }
}"#;

#[test]
fn litellm_is_read_by_the_token_exactly() {
    let done = import(LITELLM, "", &Prices::built_in(), ("LiteLLM", date(2026, 11, 20))).unwrap();
    assert_eq!((done.changes.len(), done.same, done.silent), (2, 0, 1));
    assert_eq!(done.bad.iter().map(|row| row.model.as_str()).collect::<Vec<_>>(), ["openai/odd"]);
    let (prices, _) = Prices::default().with_file(&done.file).unwrap();
    // 1 x 3 + 1 x 0.3 + 1 x 3.75 + 1 x 6 + 1 x 15 = 28.05 micro-dollars
    assert_eq!(cost(&prices, "anthropic/claude-x", &usage(1, 1, 1, 1, 1), NOON), Some(28_050));
    assert_eq!(cost(&prices, "anthropic/claude-x", &usage(200_001, 0, 0, 0, 1), NOON), Some(1_200_028_500));
    assert_eq!(cost(&prices, "gemini/gemini-y", &usage(10, 0, 0, 0, 10), NOON), Some(29_700));
}

#[test]
fn what_is_no_list_of_prices_says_so() {
    for (text, said) in [("[]", "neither"), ("{\"a\": 1}", "neither"), ("{", "no JSON")] {
        let error = import(text, "", &Prices::default(), ("x", date(2026, 11, 20))).unwrap_err();
        assert!(error.to_string().contains(said), "{text}: {error}");
    }
    let error = import(LITELLM, "[broken", &Prices::default(), ("x", date(2026, 11, 20))).unwrap_err();
    assert!(error.to_string().contains("there already"), "{error}");
}
