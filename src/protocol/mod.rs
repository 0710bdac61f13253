//! Everything that crosses a boundary: requests, records, telemetry, frames, and the session that carries them.

pub mod command;
pub mod container;
pub mod environment;
pub mod event;
pub mod frame;
pub mod query;
pub mod repair;
pub mod session;
pub mod summary;
pub mod telemetry;
pub mod thread;
