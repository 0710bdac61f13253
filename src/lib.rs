//! gonogo: mission control for software delivery, in a terminal.

pub mod cli;
pub mod config;
pub mod control;
pub mod diagnose;
pub mod domain;
pub mod engine;
pub mod fix;
pub mod protocol;
pub mod redact;
pub mod state;
pub mod store;
pub mod survey;
pub mod tui;
pub mod workspace;
