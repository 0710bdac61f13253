//! Agents: models with a role and tools, that propose and never decide.
//!
//! [`model`] speaks with providers; [`machine`] is the pure course of a turn: what an agent does next, given what came.

pub mod machine;
pub mod model;
