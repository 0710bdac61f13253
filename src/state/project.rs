//! A watched project.

use std::{collections::BTreeMap, path::PathBuf};

use crate::{
    domain::{
        container::EnvironmentSpec,
        id::{ProjectId, RunId},
    },
    protocol::event::ProjectEvent,
};

/// A watched project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its number.
    pub id: ProjectId,
    /// Root of its checkout.
    pub root: PathBuf,
    /// Shown for it.
    pub name: String,
    /// It is no longer shown.
    pub forgotten: bool,
    /// Its runs, oldest first.
    pub runs: Vec<RunId>,
    /// The environments that are wanted up, by name.
    pub environments: BTreeMap<String, EnvironmentSpec>,
}

impl Project {
    pub(super) fn apply(projects: &mut BTreeMap<ProjectId, Self>, id: ProjectId, event: &ProjectEvent) {
        match event {
            ProjectEvent::Added { root, name } => {
                let before = projects.remove(&id);
                let (runs, environments) =
                    before.map(|project| (project.runs, project.environments)).unwrap_or_default();
                let (root, name) = (root.clone(), name.clone());
                projects.insert(id, Self { id, root, name, forgotten: false, runs, environments });
            }
            ProjectEvent::Forgotten => {
                if let Some(project) = projects.get_mut(&id) {
                    project.forgotten = true;
                    project.environments.clear();
                }
            }
            ProjectEvent::EnvironmentUp { spec, .. } => {
                if let Some(project) = projects.get_mut(&id) {
                    project.environments.insert(spec.name.clone(), (**spec).clone());
                }
            }
            ProjectEvent::EnvironmentDown { name, .. } => {
                if let Some(project) = projects.get_mut(&id) {
                    project.environments.remove(name);
                }
            }
            ProjectEvent::Unknown => {}
        }
    }
}
