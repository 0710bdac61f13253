//! The course of a turn as a pure machine: an event in, effects out.
//!
//! ```text
//! Begin ─► Ask ─► Piece* ─► Replied ─┬─► nothing more to do ─► End
//!           ▲                        └─► calls: Call, then Permit ─► Permitted, Use ─► Used, Told ─┐
//!           └──────────────────────────────────── all of them answered ◄─────────────────────────┘
//! ```
//!
//! Limits, loops, malformed calls, full contexts and stops are seen to here. It knows no clock: time that is up is an event.

mod compact;
mod course;
mod effect;
mod event;
mod limit;
mod stuck;
#[cfg(test)]
mod tests;

pub(crate) use course::no_arguments;
pub use course::{Begin, Course};
pub use effect::Effect;
pub use event::{Event, Permit};
pub use limit::{Limits, Spent};

/// Names one call of a tool within a turn: the first is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u32);
