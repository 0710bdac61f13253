//! The vocabulary as validated values: what a pipeline, a plan, a diagnosis, a patch and a proposal *are*.
//!
//! No IO, no clock, no async, no colours. Serde derives are allowed here because these values are what the log stores;
//! a stored field is only ever added to, never renamed.

pub mod actor;
pub mod budget;
pub mod container;
pub mod definition;
pub mod diagnosis;
pub mod environment;
pub mod id;
pub mod outcome;
pub mod patch;
pub mod plan;
pub mod price;
pub mod proposal;
pub mod talk;
pub mod time;
pub mod usage;
