//! Environments: pools of prepared containers, a few of each kind kept ready so that whoever needs one has it at once.
//!
//! What is wanted is recorded by control, and told here ([`Pools::wish`]). What there is, the engine knows: members carry
//! labels and are found by them, so that nothing is made twice and nothing is lost when gonogo is killed ([`found`]). Between
//! the two stands [`plan`], pure; one task ([`driver`]) does what it says. It is woken by wishes, by whoever wants a member or
//! gives it back, by the engine's events, and by the next deadline: while nothing happens, nothing is asked.

mod driver;
mod found;
mod inside;
mod job;
mod lease;
mod make;
pub mod parts;
pub mod plan;

pub use driver::{Ground, Pools};
pub use found::Key;
pub(super) use job::run;
pub use lease::{Lease, NoMember, Wanted};
