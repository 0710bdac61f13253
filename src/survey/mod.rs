//! Looks at a repository and says which pipeline would really run there (`gonogo init`).
//!
//! Each ecosystem has a file that looks for its own marks and proposes jobs; `workflow` adds what GitHub workflows run
//! beside that. A job that can't run on this machine is kept with the reason, and is written as a comment. [`mod@write`] makes the file.

mod command;
pub mod found;
pub mod machine;
mod make;
mod node;
mod other;
mod python;
mod rust;
mod workflow;
pub mod write;

use std::path::{Path, PathBuf};

use found::{FoundJob, Kind, Skipped};
use machine::Machine;

/// What there is to run in a repository.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// What was recognised, in words: `a Cargo workspace`, `package.json (npm)`.
    pub seen: Vec<String>,
    /// The jobs, those that can't run here among them.
    pub jobs: Vec<FoundJob>,
    /// What was left out, and why.
    pub skipped: Vec<Skipped>,
}

impl Survey {
    /// The jobs that run on this machine.
    pub fn runnable(&self) -> impl Iterator<Item = &FoundJob> {
        self.jobs.iter().filter(|job| job.hindered.is_none())
    }

    /// A job of this kind in this folder that runs here.
    fn has(&self, family: &str, kind: Kind, dir: &str) -> Option<&FoundJob> {
        self.runnable().find(|job| job.kind == kind && job.dir() == dir && (family == "any" || job.family == family))
    }

    /// Adds a job under a name of its own.
    fn add(&mut self, mut job: FoundJob) {
        let (base, mut number) = (job.name.clone(), 2);
        while self.jobs.iter().any(|other| other.name == job.name) {
            job.name = format!("{base}-{number}");
            number += 1;
        }
        self.jobs.push(job);
    }
}

/// One place of a repository where an ecosystem may be at home.
struct Site<'a> {
    root: &'a Path,
    /// Relative to the root; empty for the root itself.
    below: PathBuf,
    machine: &'a dyn Machine,
}

impl Site<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.root.join(&self.below).join(name)
    }

    fn dir(&self) -> PathBuf {
        self.root.join(&self.below)
    }

    fn read(&self, name: &str) -> Option<String> {
        std::fs::read(self.path(name)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    fn first_of<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        names.iter().copied().find(|name| self.has(name))
    }

    /// Names of the files and folders here, in order.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir()).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The job, working in this place.
    fn job(&self, family: &'static str, name: &str, kind: Kind, why: impl Into<String>) -> FoundJob {
        let below = self.below.to_string_lossy().into_owned();
        let name = if below.is_empty() { name.to_owned() } else { format!("{name}-{}", found::slug(&below)) };
        FoundJob::new(family, &name, kind, why).inside(&below)
    }
}

/// The files by which an ecosystem is recognised, and who looks closer.
type Ecosystem = (&'static [&'static str], fn(&Site<'_>, &mut Survey));

/// Folders that hold no project of their own.
const NOT_PROJECTS: [&str; 14] = [
    "target",
    "node_modules",
    "vendor",
    "dist",
    "build",
    "out",
    "docs",
    "doc",
    "examples",
    "example",
    "fixtures",
    "testdata",
    "third_party",
    "venv",
];

/// Looks at a repository.
pub fn survey(root: &Path, machine: &dyn Machine) -> Survey {
    let mut survey = Survey::default();
    let here = Site { root, below: PathBuf::new(), machine };
    let folders = here
        .names()
        .into_iter()
        .filter(|name| !name.starts_with('.') && !NOT_PROJECTS.contains(&name.as_str()) && here.path(name).is_dir());
    let folders: Vec<String> = folders.take(40).collect();
    let ecosystems: [Ecosystem; 7] = [
        (&["Cargo.toml"], rust::look),
        (&["package.json"], node::look),
        (&["pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "tox.ini"], python::look),
        (&["go.mod"], other::go),
        (&["pom.xml", "build.gradle", "build.gradle.kts"], other::java),
        (&["Gemfile"], other::ruby),
        (&["CMakeLists.txt"], other::cmake),
    ];
    for (marks, look) in ecosystems {
        if here.first_of(marks).is_some() {
            look(&here, &mut survey);
            continue;
        }
        let below = folders.iter().map(|name| Site { root, below: PathBuf::from(name), machine });
        below.filter(|site| site.first_of(marks).is_some()).take(5).for_each(|site| look(&site, &mut survey));
    }
    make::look(&here, &mut survey);
    workflow::look(&here, &mut survey);
    if survey.jobs.is_empty() {
        python::look_for_loose_tests(&here, &mut survey);
    }
    order(&mut survey);
    survey
}

/// Cheap checks first, and needs that point at nothing runnable taken out.
fn order(survey: &mut Survey) {
    survey.jobs.sort_by_key(|job| job.kind);
    let runnable: Vec<String> = survey.runnable().map(|job| job.name.clone()).collect();
    for job in &mut survey.jobs {
        job.needs.retain(|need| runnable.contains(need));
    }
}

#[cfg(test)]
mod tests;
