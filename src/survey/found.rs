//! What a survey finds: jobs, and what was left out.

use std::collections::BTreeMap;

/// What a job is for. In this order they stand in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Gets dependencies.
    Install,
    /// Checks the layout of the source.
    Format,
    /// Looks for bad habits.
    Lint,
    /// Checks types.
    Types,
    /// Compiles or bundles.
    Build,
    /// Runs tests.
    Test,
    /// Builds documentation.
    Docs,
    /// Anything else.
    Other,
}

/// A job that a survey proposes.
#[derive(Clone, Debug)]
pub struct FoundJob {
    /// Its name in the file.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// The ecosystem: `rust`, `node`, `python`, ...
    pub family: &'static str,
    /// Names of the jobs before it.
    pub needs: Vec<String>,
    /// Its commands.
    pub steps: Vec<FoundStep>,
    /// Variables for all of its steps.
    pub env: BTreeMap<String, String>,
    /// Why it is there.
    pub why: String,
    /// Why it can't run on this machine.
    pub hindered: Option<String>,
    /// Folder of its steps.
    dir: Option<String>,
}

/// A command that a survey proposes.
#[derive(Clone, Debug, Default)]
pub struct FoundStep {
    /// What to call it, where the command doesn't say.
    pub name: Option<String>,
    /// The command.
    pub run: String,
    /// Folder in which it runs.
    pub dir: Option<String>,
    /// Variables for it alone.
    pub env: BTreeMap<String, String>,
}

/// Something that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

impl FoundJob {
    /// A job without commands.
    pub fn new(family: &'static str, name: &str, kind: Kind, why: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            family,
            needs: Vec::new(),
            steps: Vec::new(),
            env: BTreeMap::new(),
            why: why.into(),
            hindered: None,
            dir: None,
        }
    }

    /// Working in a folder; an empty one is the top.
    pub fn inside(mut self, dir: &str) -> Self {
        self.dir = (!dir.is_empty()).then(|| dir.to_owned());
        self
    }

    /// The folder of its steps; empty at the top.
    pub fn dir(&self) -> &str {
        self.dir.as_deref().unwrap_or_default()
    }

    /// With one more command.
    pub fn run(mut self, command: impl Into<String>) -> Self {
        self.steps.push(FoundStep { run: command.into(), dir: self.dir.clone(), ..FoundStep::default() });
        self
    }

    /// After another job, where there is one.
    pub fn after(mut self, job: Option<&str>) -> Self {
        self.needs.extend(job.map(str::to_owned));
        self
    }

    /// Only if something holds; otherwise it is kept as a comment with the reason.
    pub fn only_if(mut self, holds: bool, otherwise: impl Into<String>) -> Self {
        if !holds && self.hindered.is_none() {
            self.hindered = Some(otherwise.into());
        }
        self
    }
}

/// A text as a name: lower case, words joined by dashes.
pub fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    let slug: String = slug.chars().take(32).collect();
    slug.trim_end_matches('-').to_owned()
}
