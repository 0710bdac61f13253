//! Reads that State cannot answer: output bytes and old records.

use std::{path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::domain::{
    container::EnvironmentSpec,
    id::{OutputId, ProjectId, ProposalId, RunId, ThreadId},
    time::Timestamp,
};

use super::{
    container::ContainerRef,
    environment::{Assigned, Collect, Collected, PoolRow},
    event::Record,
    summary::RunSummary,
    thread::Attached,
};

/// What a client wants to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Query {
    /// Lines of an output.
    Lines {
        /// Which output.
        output: OutputId,
        /// First line wanted (0 is the first).
        first: u64,
        /// How many.
        count: u32,
    },
    /// The line that was being written at a moment.
    LineAt {
        /// Which output.
        output: OutputId,
        /// When.
        at: Timestamp,
    },
    /// Everything that was recorded of a run that was put aside.
    Run {
        /// Which run.
        run: RunId,
    },
    /// Everything that was recorded of a conversation.
    Thread {
        /// Which.
        thread: ThreadId,
    },
    /// What is meant by `@file PATH`, `@log RUN/JOB`, `@run N` or `@diff`, to be given along with words to an agent.
    Attach {
        /// Root of the checkout that is spoken of.
        root: Option<PathBuf>,
        /// As it was named.
        name: String,
    },
    /// Paths of a checkout that begin so, for whoever types one.
    Paths {
        /// Root of the checkout.
        root: PathBuf,
        /// How they begin.
        prefix: String,
    },
    /// The environments that there are, with what they use.
    Environments,
    /// Assign a member of an environment to this session, for as long as it is there.
    Assign {
        /// Root of the project.
        root: PathBuf,
        /// The environment, as its file has it.
        spec: Box<EnvironmentSpec>,
        /// For what: shown to others.
        what: String,
        /// This one was assigned before, and is not usable.
        broken: Option<String>,
    },
    /// Remove members of environments that are old, many, or of projects that are gone.
    Collect(Collect),
    /// Runs that were put aside, newest first.
    Runs {
        /// Only of this project.
        project: Option<ProjectId>,
        /// Only runs with a smaller number.
        before: Option<RunId>,
        /// At most so many.
        limit: u32,
    },
    /// Everything that its engine knows of a container, as text.
    Inspect {
        /// Which.
        container: ContainerRef,
    },
    /// Record what a container prints, for as long as this session reads it; the reply names the output.
    ContainerLog {
        /// Which.
        container: ContainerRef,
        /// Its name: what the output is called.
        name: String,
        /// Only what it printed in the last so many seconds, and from now on.
        since: Option<u32>,
    },
    /// Lines that match: parts ([`Answer::Hits`]) as they are found, then the reply, which is the last part.
    Search {
        /// Which output.
        output: OutputId,
        /// A regular expression.
        pattern: String,
        /// Which letters match.
        #[serde(default)]
        case: Case,
        /// Where to begin (0 is the first line).
        from: u64,
        /// Towards the beginning.
        backwards: bool,
        /// At most so many hits.
        limit: u32,
        /// At most so many bytes of each line's text are wanted too; 0: none.
        #[serde(default)]
        text: u32,
    },
}

/// What a request or a query came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It was done, or taken on.
    Done,
    /// A run was taken on.
    Run {
        /// Its number.
        run: RunId,
        /// Its project.
        project: ProjectId,
    },
    /// Something was said in a conversation.
    Thread {
        /// Which.
        thread: ThreadId,
    },
    /// A proposal was answered or taken back: it is being done.
    Proposal {
        /// Its number.
        proposal: ProposalId,
    },
    /// Lines of an output.
    Lines(Page),
    /// What is given along with words.
    Attached(Attached),
    /// Paths, at most a hundred.
    Paths(Vec<String>),
    /// A text.
    Text {
        /// Its lines.
        text: String,
    },
    /// An output that is being recorded.
    Output {
        /// Which.
        output: OutputId,
    },
    /// A line number (0 is the first).
    Line {
        /// The number, where there is one.
        line: Option<u64>,
    },
    /// Numbers of lines that match (0 is the first).
    Hits {
        /// The numbers, in the direction of the search.
        lines: Vec<u64>,
        /// There may be more.
        more: bool,
        /// Their texts, if they were wanted.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        texts: Vec<String>,
        /// Bytes that were searched so far, and bytes there are.
        #[serde(default)]
        searched: (u64, u64),
    },
    /// Environments, by project and name.
    Environments(Vec<PoolRow>),
    /// A member was assigned.
    Assigned(Box<Assigned>),
    /// Members that went, or would go.
    Collected(Vec<Collected>),
    /// Records, oldest first.
    Records(Vec<Arc<Record>>),
    /// Runs that were put aside, newest first.
    Runs {
        /// The runs.
        runs: Vec<RunSummary>,
        /// There are older ones.
        more: bool,
    },
}

/// Which letters match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Case {
    /// Small ones match both, unless the pattern has a capital.
    #[default]
    Smart,
    /// Each matches itself.
    Sensitive,
    /// All match both.
    Ignore,
}

/// A window of an output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Number of the first line here (0 is the output's first).
    pub first: u64,
    /// Lines in the whole output now.
    pub total_lines: u64,
    /// Bytes in the whole output now.
    pub total_bytes: u64,
    /// The lines.
    pub lines: Vec<OutputLine>,
}

/// One line of an output: colours kept (SGR sequences), every other control character made visible.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputLine {
    /// When it was written (to the accuracy of the index).
    pub at: Timestamp,
    /// Its text.
    pub text: String,
    /// It is longer than what stands here.
    pub clipped: bool,
}
