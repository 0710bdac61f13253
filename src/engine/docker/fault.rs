//! What an engine says when it can't, as one of a few faults with what to do about each.

use std::io;

use bollard::errors::Error;

use crate::domain::{
    container::EngineFault,
    outcome::{Failure, JobOutcome},
};

/// Why the engine did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct Fault {
    /// Which fault.
    pub fault: EngineFault,
    /// What was wanted, for a person: `the engine build1 can't be reached`.
    pub what: String,
    /// What the engine, or the system, said.
    pub why: String,
}

impl Fault {
    /// Sorts an error of the API. `what` says what was wanted.
    pub fn of(what: impl Into<String>, error: &Error) -> Self {
        let why = words(error);
        Self { fault: kind(error, &why), what: what.into(), why }
    }

    /// A fault that is known without asking.
    pub fn new(fault: EngineFault, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { fault, what: what.into(), why: why.into() }
    }

    /// How a job ends by it.
    pub fn outcome(self) -> JobOutcome {
        let hint = self.fault.hint().map(str::to_owned);
        JobOutcome::Failed { failure: Failure::Engine { fault: self.fault, why: self.to_string(), hint } }
    }
}

/// The error in one line, with what stands behind it.
fn words(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        Error::DockerStreamError { error } | Error::DockerContainerWaitError { error, .. } => error.trim().to_owned(),
        error => {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(error);
            while let Some(inner) = cause {
                let inner_text = inner.to_string();
                if !text.contains(&inner_text) {
                    text = format!("{text}: {inner_text}");
                }
                cause = inner.source();
            }
            text
        }
    }
}

fn kind(error: &Error, why: &str) -> EngineFault {
    let said = why.to_lowercase();
    let says = |texts: &[&str]| texts.iter().any(|text| said.contains(text));
    if says(&["no space left", "disk quota exceeded"]) {
        return EngineFault::NoSpace;
    }
    match error {
        Error::DockerResponseServerError { status_code: 401 | 403, .. } => EngineFault::NoPermission,
        Error::DockerResponseServerError { .. } | Error::DockerStreamError { .. }
            if says(&["no such image", "manifest unknown", "repository does not exist", "pull access denied"]) =>
        {
            EngineFault::ImageMissing
        }
        Error::DockerResponseServerError { .. } | Error::DockerStreamError { .. }
            if says(&["unauthorized", "authentication required", "denied:"]) =>
        {
            EngineFault::NoPermission
        }
        Error::DockerResponseServerError { .. } | Error::DockerStreamError { .. }
            if says(&["shutting down", "connection refused", "i/o timeout", "no route to host", "tls handshake"]) =>
        {
            EngineFault::Away
        }
        Error::DockerResponseServerError { .. }
        | Error::DockerStreamError { .. }
        | Error::DockerContainerWaitError { .. } => EngineFault::Refused,
        Error::CertPathError { .. } | Error::CertParseError { .. } | Error::CertMultipleKeys { .. } => {
            EngineFault::NoPermission
        }
        // Either side does not trust the other's certificate; tried again, it won't either.
        _ if says(&["invalid peer certificate", "received fatal alert"]) => EngineFault::NoPermission,
        _ if denied(error) || says(&["permission denied"]) => EngineFault::NoPermission,
        _ => EngineFault::Away,
    }
}

fn denied(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
            return true;
        }
        next = error.source();
    }
    false
}
