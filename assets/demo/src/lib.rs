//! Counts down to a launch, and polls the stations before it.

pub mod clock;
pub mod poll;
