//! The tools of agents, as models see them: a name, what it does, a schema, and what is read out of a call's arguments. Pure.
//!
//! A tool is a file with a struct of its arguments; the row in [`Action`] makes it known. Who does what it asks for is control.

mod ask_person;
mod git_diff;
mod git_log;
mod list_files;
mod list_runs;
mod patch_file;
mod propose;
mod read_diagnosis;
mod read_file;
mod read_output;
mod read_run;
mod run_command;
mod run_job;
mod run_step;
mod schema;
mod search_files;
#[cfg(test)]
mod tests;
mod verb;
mod write_file;

pub use ask_person::AskPerson;
pub use git_diff::GitDiff;
pub use git_log::GitLog;
pub use list_files::ListFiles;
pub use list_runs::ListRuns;
pub use patch_file::PatchFile;
pub use propose::Propose;
pub use read_diagnosis::ReadDiagnosis;
pub use read_file::ReadFile;
pub use read_output::ReadOutput;
pub use read_run::ReadRun;
pub use run_command::RunCommand;
pub use run_job::RunJob;
pub use run_step::RunStep;
pub use search_files::SearchFiles;
pub use verb::{CancelRun, RepairJob, RetryRun, StartRun};
pub use write_file::WriteFile;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    agent::machine,
    domain::talk::{ToolCall, ToolSpec},
};

/// The arguments of a tool.
pub trait Tool: DeserializeOwned + JsonSchema {
    /// Its name.
    const NAME: &'static str;
    /// What it does and when to use it, for the model.
    const ABOUT: &'static str;

    /// What is wrong with the arguments beyond their form.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

macro_rules! tools {
    ($($tool:ident),* $(,)?) => {
        /// A call of a tool, understood.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is the tool of its name")]
        pub enum Action {
            $($tool($tool),)*
        }

        /// Every tool that there is.
        pub const NAMES: &[&str] = &[$($tool::NAME),*];

        impl Action {
            /// The tool's name.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$tool(_) => $tool::NAME,)* }
            }
        }

        fn spec(name: &str) -> Option<ToolSpec> {
            $(if name == $tool::NAME {
                return Some(ToolSpec { name: name.to_owned(), about: $tool::ABOUT.to_owned(), schema: schema::of::<$tool>() });
            })*
            None
        }

        fn read(name: &str, arguments: Value) -> Option<Result<Action, String>> {
            $(if name == $tool::NAME {
                return Some(arguments_of::<$tool>(arguments).map(Action::$tool));
            })*
            None
        }
    };
}

tools![
    ReadFile,
    ListFiles,
    SearchFiles,
    WriteFile,
    PatchFile,
    ReadDiagnosis,
    ReadOutput,
    ListRuns,
    ReadRun,
    GitLog,
    GitDiff,
    RunJob,
    RunStep,
    RunCommand,
    Propose,
    AskPerson,
    StartRun,
    RetryRun,
    CancelRun,
    RepairJob,
];

fn arguments_of<T: Tool>(arguments: Value) -> Result<T, String> {
    let read: T = serde_json::from_value(arguments).map_err(|error| error.to_string())?;
    read.check()?;
    Ok(read)
}

impl Action {
    /// It changes nothing: several of these may be done side by side.
    pub fn reads(&self) -> bool {
        matches!(
            self,
            Self::ReadFile(_)
                | Self::ListFiles(_)
                | Self::SearchFiles(_)
                | Self::ReadDiagnosis(_)
                | Self::ReadOutput(_)
                | Self::ListRuns(_)
                | Self::ReadRun(_)
                | Self::GitLog(_)
                | Self::GitDiff(_)
        )
    }

    /// After it, the same call may come to something else.
    pub fn changes(&self) -> bool {
        matches!(
            self,
            Self::WriteFile(_)
                | Self::PatchFile(_)
                | Self::RunCommand(_)
                | Self::AskPerson(_)
                | Self::StartRun(_)
                | Self::RetryRun(_)
                | Self::CancelRun(_)
                | Self::RepairJob(_)
        )
    }

    /// Whether it may be done has to be found out first.
    pub fn asks(&self) -> bool {
        matches!(
            self,
            Self::RunCommand(_)
                | Self::AskPerson(_)
                | Self::StartRun(_)
                | Self::RetryRun(_)
                | Self::CancelRun(_)
                | Self::RepairJob(_)
        )
    }

    /// The words of whoever allows it are the answer.
    pub fn is_question(&self) -> bool {
        matches!(self, Self::AskPerson(_))
    }

    /// When it has worked, the turn is over.
    pub fn ends(&self) -> bool {
        matches!(self, Self::Propose(_))
    }

    /// It needs a workspace of the agent's own.
    pub fn needs_workspace(name: &str) -> bool {
        [WriteFile::NAME, PatchFile::NAME, RunJob::NAME, RunStep::NAME, RunCommand::NAME, Propose::NAME].contains(&name)
    }
}

/// The tools that an agent has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Toolbox {
    specs: Vec<ToolSpec>,
}

impl Toolbox {
    /// With the tools of these names; unknown ones are left out.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { specs: names.into_iter().filter_map(spec).collect() }
    }

    /// As a model is told of them.
    pub fn specs(&self) -> &[ToolSpec] {
        &self.specs
    }

    /// Understands a call; an error is for the model.
    pub fn read(&self, call: &ToolCall) -> Result<Action, String> {
        let names = || self.specs.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>().join(", ");
        if !self.specs.iter().any(|spec| spec.name == call.tool) {
            return Err(format!("there is no tool `{}` here; there are: {}", call.tool, names()));
        }
        let arguments = match &call.arguments {
            value if machine::no_arguments(value) => Value::Object(serde_json::Map::new()),
            Value::Object(object) => Value::Object(object.clone()),
            other => {
                let shown: String = other.to_string().chars().take(200).collect();
                return Err(format!("the arguments of {} were not one whole JSON object: {shown}", call.tool));
            }
        };
        match read(&call.tool, arguments) {
            Some(Ok(action)) => Ok(action),
            Some(Err(why)) => Err(format!("the arguments of {} do not fit its schema: {why}", call.tool)),
            None => Err(format!("there is no tool `{}` here; there are: {}", call.tool, names())),
        }
    }
}

/// A path of a workspace, as a model may name it.
fn plain_path(path: &str) -> Result<(), String> {
    let wrong =
        |why: &str| Err(format!("`{path}`: {why}; give a path below the top of the workspace, as in src/lib.rs"));
    if path.len() > 1024 || path.contains('\0') || path.contains('\n') {
        return wrong("no path");
    }
    if path.starts_with('/') || path.starts_with('~') {
        return wrong("absolute");
    }
    if path.split('/').any(|part| part == "..") {
        return wrong("leads outside");
    }
    Ok(())
}

fn not_empty(what: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err(format!("{what} is empty")) } else { Ok(()) }
}

/// A name of a commit, and nothing that git could take for an option or an expression.
fn revision(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/~^-".contains(&byte);
    if name.is_empty() || name.len() > 200 || name.starts_with('-') || !name.bytes().all(plain) || name.contains("..") {
        return Err(format!("`{name}` names no commit"));
    }
    Ok(())
}
