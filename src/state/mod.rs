//! The projection: a fold of the records. Pure, total, idempotent; never serialised.
//!
//! Every client folds the same records and so has the same [`board::State`]. One file an aggregate, each with its own apply.

pub mod approval;
pub mod away;
pub mod board;
pub mod budget;
pub mod job;
pub mod ledger;
pub mod project;
pub mod proposal;
pub mod repair;
pub mod run;
pub mod spending;
pub mod thread;
pub mod timeline;
