//! The labels by which objects of an engine are known to be gonogo's, and of what.

use std::collections::HashMap;

/// Which gonogo made it: a hash of its state directory.
pub const HOME: &str = "dev.gonogo.home";
/// Number of the run.
pub const RUN: &str = "dev.gonogo.run";
/// Key of the job.
pub const JOB: &str = "dev.gonogo.job";
/// Number of the attempt.
pub const ATTEMPT: &str = "dev.gonogo.attempt";
/// What it is: `job`, `service`, `environment`, `command`, `cache`, `workspace`.
pub const ROLE: &str = "dev.gonogo.role";
/// Name of the service or environment.
pub const NAME: &str = "dev.gonogo.name";
/// The attempt's marker (`GONOGO_JOB_ID`).
pub const MARKER: &str = "dev.gonogo.marker";
/// What stands in the marks of its output.
pub const NONCE: &str = "dev.gonogo.nonce";

/// Root of the project that an environment is of.
pub const PROJECT: &str = "dev.gonogo.project";
/// The hash of what an environment is made of.
pub const SPEC: &str = "dev.gonogo.spec";

/// A filter of lists: objects with these labels.
pub fn filter(labels: &[(&str, &str)]) -> HashMap<String, Vec<String>> {
    let texts = labels.iter().map(
        |(name, value)| {
            if value.is_empty() { (*name).to_owned() } else { format!("{name}={value}") }
        },
    );
    HashMap::from([("label".to_owned(), texts.collect())])
}
