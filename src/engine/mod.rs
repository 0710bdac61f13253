//! Where jobs run. An engine is handed an [`port::Order`] and a [`port::JobPort`]; that is all it may touch.

pub mod artifact;
pub mod cache;
pub mod docker;
mod environment;
pub mod local;
pub mod port;
mod recorder;
mod run;
mod verdict;

pub use run::{capture, run};
