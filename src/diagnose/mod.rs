//! From the output of a failed job to a diagnosis. Pure: bytes in, [`Diagnosis`] out.
//!
//! The output is decoded and stripped to clean lines that know their number and step ([`log`]), the rules of every
//! tool read it in one pass ([`rule`], [`family`]), and of what they find the first root cause is chosen ([`choose`]).

mod choose;
mod decode;
mod exit;
mod family;
mod finding;
mod fingerprint;
mod junit;
mod log;
mod mangled;
mod place;
mod rule;
mod strip;
#[cfg(test)]
mod tests;
mod wrapper;

use crate::domain::diagnosis::Diagnosis;

/// What is known of a failed job beside its output. All of it is optional.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// How the job's process ended.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// It was ended because its time was up.
    pub timed_out: bool,
    /// Texts of JUnit XML reports that it wrote.
    pub reports: Vec<String>,
}

/// Says what a failed job's output says.
pub fn diagnose(output: &[u8], hints: &Hints) -> Diagnosis {
    let log = log::Log::read(&mangled::mend(decode::decode(output)));
    let mut found = rule::read(&log);
    found.extend(exit::findings(&log, hints));
    choose::diagnosis(&log, found, junit::findings(&hints.reports))
}
