//! A watched project.

use std::{collections::BTreeMap, path::PathBuf};

use crate::{
    domain::id::{ProjectId, RunId},
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
}

impl Project {
    pub(super) fn apply(projects: &mut BTreeMap<ProjectId, Self>, id: ProjectId, event: &ProjectEvent) {
        match event {
            ProjectEvent::Added { root, name } => {
                let runs = projects.remove(&id).map(|project| project.runs).unwrap_or_default();
                projects.insert(id, Self { id, root: root.clone(), name: name.clone(), forgotten: false, runs });
            }
            ProjectEvent::Forgotten => {
                if let Some(project) = projects.get_mut(&id) {
                    project.forgotten = true;
                }
            }
            ProjectEvent::Unknown => {}
        }
    }
}
