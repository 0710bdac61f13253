//! Prices of models: a table, and what a call costs by it. Pure.
//!
//! Rows come from three places, each over the one before: `assets/prices.toml`, which is built in; the user's own file
//! `prices.toml` beside `config.toml`, which `gonogo prices import` writes; and `[prices]` of `config.toml`. A model without a row
//! has no price; it is never taken to cost nothing.

pub mod file;
pub mod import;
pub mod name;
pub mod table;

#[cfg(test)]
mod tests;
