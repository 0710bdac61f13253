//! Agents as tasks: turns of conversations, and the agents of repairs. What an agent asks for goes the way of every other request:
//! through `decide`, as an agent's, which may never approve.
//!
//! ```text
//! begin (pure): which turns begin, which were lost      turn: a turn of a conversation      repair: an agent that mends
//!                                                        └──────────── desk: the port of the driver ──────────┘
//!                                                           look (reads) · act (verbs) · bench (workspace) · permit (asks)
//! ```

mod act;
pub(super) mod begin;
mod bench;
mod brief;
mod desk;
mod interrupt;
mod look;
mod permit;
pub(super) mod repair;
mod tell;
#[cfg(test)]
mod tests;
pub(super) mod till;
pub(super) mod turn;
pub mod world;

pub(super) use desk::secrets;
pub(super) use interrupt::Interrupts;
