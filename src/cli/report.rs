//! What a person sees when something fails: what, why (the chain), and what to do.

use std::{error::Error, fmt, process::ExitCode};

pub use crate::control::planner::chain;
use crate::store::{
    hold::HoldError,
    log::{LogError, OpenError},
};

/// Whose fault it is, which is the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The answer is no: exit 1.
    NoGo,
    /// What was typed or configured is wrong: exit 2.
    Usage,
    /// A fault of gonogo's own or of the machine under it: exit 255.
    Fault,
}

/// A failure on its way to the person.
#[derive(Debug)]
pub struct Problem {
    /// Decides the exit status.
    pub kind: Kind,
    /// What failed: a lower-case fragment.
    pub what: String,
    /// Why, the nearest cause first.
    pub causes: Vec<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// Something that was typed or configured is wrong.
    pub fn usage(what: impl fmt::Display) -> Self {
        Self { kind: Kind::Usage, what: what.to_string(), causes: Vec::new(), hint: None }
    }

    /// The answer is no.
    pub fn no_go(what: impl fmt::Display) -> Self {
        Self { kind: Kind::NoGo, ..Self::usage(what) }
    }

    /// gonogo itself, or the machine under it, failed.
    pub fn fault(what: impl fmt::Display) -> Self {
        Self { kind: Kind::Fault, ..Self::usage(what) }
    }

    /// With what to do about it.
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// With the error that caused it, and that error's own causes. What one of them says to do about it is the hint, unless
    /// there is one already.
    pub fn because(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            self.causes.push(error.to_string());
            let known = error.downcast_ref().and_then(LogError::hint);
            let known = known.or_else(|| error.downcast_ref().and_then(OpenError::hint));
            let known = known.or_else(|| error.downcast_ref().and_then(HoldError::hint));
            self.hint = self.hint.or_else(|| known.map(str::to_owned));
            next = error.source();
        }
        self
    }

    fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            Kind::NoGo => 1,
            Kind::Usage => 2,
            Kind::Fault => 255,
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        for cause in &self.causes {
            write!(f, "\ncaused by: {cause}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self::fault("input or output failed").because(&error)
    }
}

/// An error of the log with its causes in one line, and what to do about it.
pub fn hint_of(error: &LogError) -> (String, Option<&'static str>) {
    (chain(error), error.hint())
}

/// Prints the problem on standard error and gives its exit status. A closed pipe is no problem: nobody is reading.
pub fn fail(problem: &Problem) -> ExitCode {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{problem}");
    problem.exit_code()
}

/// Says something beside the output, on standard error.
pub fn warn(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{text}");
}
