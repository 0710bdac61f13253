//! Jobs in containers, by a real engine. The same suite runs on every engine that this machine has: see `engine`.

mod engine;
mod environments;
mod suite;
