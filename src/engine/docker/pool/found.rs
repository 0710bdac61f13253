//! Members as the engine lists them: by their labels, so that a gonogo that was killed finds its pools again.

use std::path::{Path, PathBuf};

use bollard::{
    models::{ContainerSummary, ContainerSummaryStateEnum},
    query_parameters::ListContainersOptionsBuilder,
};

use crate::{
    domain::{id::Hash, time::Timestamp},
    engine::docker::{fault::Fault, host::Host, label},
};

/// Names an environment of a project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Root of the project.
    pub project: PathBuf,
    /// Name of the environment.
    pub name: String,
}

impl Key {
    /// The environment of this name, of the project at this root.
    pub fn new(project: &Path, name: &str) -> Self {
        Self { project: project.to_owned(), name: name.to_owned() }
    }

    /// It is this environment.
    pub fn is(&self, project: &Path, name: &str) -> bool {
        self.project == project && self.name == name
    }

    /// A text for it, plain and unlike any other's: `dev-1f3a9c2b`.
    pub fn plain(&self, home: &str) -> String {
        let name: String =
            self.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
        let hash = Hash::of(&format!("{home}\0{}\0{}", self.project.display(), self.name));
        format!("{}-{}", name.trim_matches('-'), hash.short().get(..8).unwrap_or_default())
    }
}

/// The end of the name of a member that is being made.
const NEW: &str = "-new";

/// The name of a member.
pub(super) fn name(plain: &str, number: u32, is_new: bool) -> String {
    format!("gonogo-env-{plain}-{number}{}", if is_new { NEW } else { "" })
}

/// A member as the engine has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) key: Key,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) number: u32,
    pub(super) spec: String,
    pub(super) created: Timestamp,
    pub(super) ports: Vec<String>,
    pub(super) is: Is,
}

/// How it is, in the engine's eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Is {
    /// Whoever made it did not come to the end.
    New,
    Running,
    Unhealthy,
    Paused,
    Stopped,
}

/// Everything of environments that this gonogo has in an engine.
pub(super) async fn list(host: &Host, home: &str) -> Result<Vec<Found>, Fault> {
    let filters = label::filter(&[(label::HOME, home), (label::ROLE, "environment")]);
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let listed = host.client().await?.list_containers(Some(options)).await;
    let listed = listed.map_err(|error| Fault::of("environments can't be listed", &error))?;
    Ok(listed.into_iter().filter_map(found).collect())
}

fn found(summary: ContainerSummary) -> Option<Found> {
    let labels = summary.labels?;
    let name = summary.names?.into_iter().next()?.trim_start_matches('/').to_owned();
    let old = name.strip_suffix(NEW);
    let number = old.unwrap_or(&name).rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    let is = match summary.state {
        _ if old.is_some() => Is::New,
        Some(ContainerSummaryStateEnum::RUNNING) if summary.status.unwrap_or_default().contains("(unhealthy)") => {
            Is::Unhealthy
        }
        Some(ContainerSummaryStateEnum::RUNNING | ContainerSummaryStateEnum::RESTARTING) => Is::Running,
        Some(ContainerSummaryStateEnum::PAUSED) => Is::Paused,
        _ => Is::Stopped,
    };
    let ports = summary.ports.unwrap_or_default().into_iter();
    let mut ports: Vec<String> =
        ports.filter_map(|port| Some(format!("{}:{}", port.public_port?, port.private_port))).collect();
    ports.sort_unstable();
    ports.dedup();
    Some(Found {
        key: Key::new(Path::new(labels.get(label::PROJECT)?), labels.get(label::NAME)?),
        id: summary.id?,
        name,
        number,
        spec: labels.get(label::SPEC).cloned().unwrap_or_default(),
        created: summary.created.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default(),
        ports,
        is,
    })
}
