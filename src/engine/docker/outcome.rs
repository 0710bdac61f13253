//! How a job ended, from the marks in its container's output and what the engine says of it.

use std::path::Path;

use bollard::models::ContainerState;

use crate::{
    domain::{
        container::EngineFault,
        definition::JobSpec,
        outcome::{Failure, JobOutcome},
    },
    engine::run::not_run,
};

use super::{fault::Fault, pool::parts::NOT_PREPARED};

/// Exit status of the script where the image has no `stty`.
pub(super) const NO_STTY: i64 = 97;

/// What the marks have said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The last step that has ended, and its exit status.
    pub(super) last: Option<(u32, i32)>,
    /// A step has begun and not ended.
    pub(super) open: bool,
    /// A process of it was killed because there was no memory left.
    pub(super) out_of_memory: bool,
    /// The workspace is not there.
    pub(super) no_directory: bool,
}

/// How a job ended that nobody here has asked to.
pub(super) fn of(spec: &JobSpec, directory: &Path, said: Said, state: &ContainerState) -> JobOutcome {
    let code = state.exit_code.unwrap_or_default();
    let out_of_memory = said.out_of_memory || state.oom_killed == Some(true);
    let failed = |failure| JobOutcome::Failed { failure };
    let of_memory = || failed(Failure::OutOfMemory { limit: spec.container.limits.memory });
    let last_step = spec.steps.len().checked_sub(1).map(|last| last as u32);
    match said.last {
        _ if said.no_directory => not_run(format!("the container has no {}", directory.display()), None),
        // It ended in the middle of a step.
        _ if said.open && out_of_memory => of_memory(),
        _ if said.open => {
            let why = format!("nobody asked gonogo to (exit {code})");
            Fault::new(EngineFault::Interrupted, "its container was ended from outside", why).outcome()
        }
        Some((_, 137)) if out_of_memory && code != 0 => of_memory(),
        // The last step may fail where that is allowed.
        last if code == 0 && last.map(|(step, _)| step) == last_step => JobOutcome::Passed,
        Some((_, exit)) if exit != 0 && code != 0 => failed(Failure::Exit { code: exit }),
        None if code == NO_STTY && spec.tty => {
            not_run("its image has no `stty`, which a job with `tty` needs".into(), Some("leave `tty` out".into()))
        }
        None if code == NOT_PREPARED && spec.container.environment.is_some() => {
            not_run("its environment could not be prepared".into(), Some("its output says why".into()))
        }
        _ => {
            let error = state.error.clone().filter(|error| !error.is_empty());
            let why = error.map_or_else(|| format!("exit {code}"), |error| format!("exit {code}: {error}"));
            Fault::new(EngineFault::Interrupted, "its container did not run to its end", why).outcome()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::definition::StepSpec;

    fn outcome(said: Said, code: i64, oom_killed: bool) -> String {
        let spec = JobSpec { steps: vec![StepSpec::default(), StepSpec::default()], ..JobSpec::default() };
        let state = ContainerState { exit_code: Some(code), oom_killed: Some(oom_killed), ..ContainerState::default() };
        match of(&spec, Path::new("/w"), said, &state) {
            JobOutcome::Failed { failure } => failure.to_string(),
            outcome => format!("{outcome:?}"),
        }
    }

    fn ended(step: u32, exit: i32) -> Said {
        Said { last: Some((step, exit)), ..Said::default() }
    }

    #[test]
    fn every_end_has_its_words() {
        let open = Said { open: true, ..ended(0, 0) };
        for (said, code, oom, wanted) in [
            (ended(1, 0), 0, false, "Passed"),
            (ended(1, 3), 0, false, "Passed"),
            (ended(0, 3), 3, false, "exit 3"),
            (ended(1, 137), 137, false, "exit 137"),
            (ended(1, 137), 137, true, "out of memory"),
            (Said { out_of_memory: true, ..ended(1, 137) }, 137, false, "out of memory"),
            // A child that was killed does not make a step fail that has lived on.
            (ended(1, 0), 0, true, "Passed"),
            (ended(0, 1), 1, true, "exit 1"),
            (
                open,
                137,
                false,
                "engine interrupted: its container was ended from outside: nobody asked gonogo to (exit 137)",
            ),
            (open, 137, true, "out of memory"),
            (ended(0, 0), 0, false, "engine interrupted: its container did not run to its end: exit 0"),
            (Said::default(), 2, false, "engine interrupted: its container did not run to its end: exit 2"),
            (Said { no_directory: true, ..Said::default() }, 125, false, "not run: the container has no /w"),
        ] {
            assert_eq!(outcome(said, code, oom), wanted, "{said:?} {code}");
        }
    }
}
