//! What the user wrote (`gonogo.toml`, `config.toml`), then what it means.
//!
//! Both files are described once, as the structs of [`definition::file`] and [`settings::file`]. Their JSON Schema is what
//! `gonogo config schema` prints *and* what [`check`] walks the TOML along, so the two cannot drift apart. What passes is
//! turned into checked values ([`crate::domain::definition::Definition`], [`settings::Settings`]); what doesn't becomes a
//! [`error::ConfigError`] with its place, and takes nothing down with it that is right.

pub mod check;
pub mod choice;
pub mod definition;
pub mod error;
pub mod keymap;
pub mod paths;
pub mod schema;
pub mod settings;
pub mod suggest;
pub mod syntax;
pub mod text;
mod words;

#[cfg(test)]
mod tests;
