//! Prices of models: a table, and what a call costs by it. Pure.
