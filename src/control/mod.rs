//! Mission control: decides, observes, advances, schedules, commits and performs. The only writer of the log.
//!
//! ```text
//!  Ask ─► decide ─┐
//!  Report ► observe ┼─► commit (append, apply) ─► advance ─► commit ... ─► durable ─► publish ─► schedule ─► perform
//!  timer ─────────┘
//! ```
//!
//! `decide`, `observe`, `advance` and `schedule` are pure. [`dispatcher`] is the one loop, on a thread of its own, since it
//! waits for the disk; everything that takes time is performed by tasks on the runtime, which report back.

pub mod advance;
pub mod agents;
mod answered;
mod aside;
mod assign;
mod attach;
pub mod attempts;
pub mod budget;
pub mod commit;
pub mod decide;
pub mod dispatcher;
mod environments;
pub mod follow;
pub mod handle;
pub mod input;
mod listen;
mod look_up;
pub mod observe;
mod pack;
pub mod patches;
pub mod perform;
pub mod planner;
pub mod prune;
pub mod publish;
mod record;
pub mod repairs;
pub mod retain;
pub mod schedule;
pub mod session;
mod taken_up;
mod threads;

#[cfg(test)]
mod tests;
