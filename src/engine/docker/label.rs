//! The labels that containers of gonogo's own carry, by which they are found again and shown with the job they belong to.

use std::collections::HashMap;

/// Which gonogo made it: a hash of its state directory.
pub const HOME: &str = "dev.gonogo.home";

/// Number of the run.
pub const RUN: &str = "dev.gonogo.run";

/// Key of the job.
pub const JOB: &str = "dev.gonogo.job";

/// Number of the attempt.
pub const ATTEMPT: &str = "dev.gonogo.attempt";

/// What it is for: one of the `ROLE_` texts.
pub const ROLE: &str = "dev.gonogo.role";

/// Name of the service or the environment.
pub const NAME: &str = "dev.gonogo.name";

/// `GONOGO_JOB_ID` of the attempt.
pub const MARKER: &str = "dev.gonogo.marker";

/// It runs the steps of a job.
pub const ROLE_JOB: &str = "job";

/// It is a service beside a job.
pub const ROLE_SERVICE: &str = "service";

/// It belongs to the pool of an environment.
pub const ROLE_ENVIRONMENT: &str = "environment";

/// It runs one command of gonogo's own.
pub const ROLE_COMMAND: &str = "command";

/// It is the volume of a cache.
pub const ROLE_CACHE: &str = "cache";

/// Name of the image that it was asked for by: the container itself is made of the image's number.
pub const IMAGE: &str = "dev.gonogo.image";

/// What stands in the marks of its output.
pub const NONCE: &str = "dev.gonogo.nonce";

/// Root of the project that an environment is of.
pub const PROJECT: &str = "dev.gonogo.project";
/// The hash of what an environment is made of.
pub const SPEC: &str = "dev.gonogo.spec";

/// A filter of lists: objects with these labels.
pub fn filter(labels: &[(&str, &str)]) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), labels.iter().map(|(name, value)| format!("{name}={value}")).collect())])
}
