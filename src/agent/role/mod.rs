//! Roles of agents, as data: what they are told, which tools they have, which model they speak through, how far they may go.
//!
//! The built-in ones stand in `assets/roles`. A file of the same name in `roles/` beside the user's `config.toml` changes what it
//! names of one and leaves the rest; one of another name is a role of its own.

mod file;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::machine::Limits;

pub use file::RoleError;

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// What it is for, in a line.
    pub about: String,
    /// What it is told.
    pub prompt: String,
    /// Names of its tools.
    pub tools: Vec<String>,
    /// A named model of `config.toml`; empty: what its `[roles]` says.
    pub model: String,
    /// How far a turn of it may go.
    pub limits: Limits,
}

/// Every role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roles(BTreeMap<String, Role>);

const BUILT_IN: &[(&str, &str)] = &[
    ("analyst", include_str!("../../../assets/roles/analyst.toml")),
    ("architect", include_str!("../../../assets/roles/architect.toml")),
    ("data-analyst", include_str!("../../../assets/roles/data-analyst.toml")),
    ("development-manager", include_str!("../../../assets/roles/development-manager.toml")),
    ("engineer", include_str!("../../../assets/roles/engineer.toml")),
    ("operator", include_str!("../../../assets/roles/operator.toml")),
    ("platform-engineer", include_str!("../../../assets/roles/platform-engineer.toml")),
    ("product-manager", include_str!("../../../assets/roles/product-manager.toml")),
    ("release-manager", include_str!("../../../assets/roles/release-manager.toml")),
    ("reviewer", include_str!("../../../assets/roles/reviewer.toml")),
];

/// At most so many files of roles are looked at.
const MOST: usize = 200;

impl Default for Roles {
    fn default() -> Self {
        Self::built_in()
    }
}

impl Roles {
    /// Those that come with gonogo.
    pub fn built_in() -> Self {
        let mut roles = Self(BTreeMap::new());
        for (name, text) in BUILT_IN {
            // Every one of them is read by a test.
            match file::read(Path::new(&format!("assets/roles/{name}.toml")), text, None) {
                Ok(role) => drop(roles.0.insert((*name).to_owned(), role)),
                Err(error) => tracing::error!("{error}"),
            }
        }
        roles
    }

    /// With the user's own, out of `dir`; and what is wrong with those that are left out. Waits for the disk.
    pub fn with_own(mut self, dir: &Path) -> (Self, Vec<RoleError>) {
        let mut wrong = Vec::new();
        let Ok(entries) = std::fs::read_dir(dir) else { return (self, wrong) };
        let is_role = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "toml");
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_role).take(MOST).collect();
        paths.sort();
        for path in paths {
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let read = std::fs::read_to_string(&path)
                .map_err(|source| RoleError::unread(&path, &source))
                .and_then(|text| file::read(&path, &text, self.0.get(&name)));
            match read {
                Ok(role) => drop(self.0.insert(name, role)),
                Err(error) => wrong.push(error),
            }
        }
        (self, wrong)
    }

    /// The role of this name.
    pub fn get(&self, name: &str) -> Option<&Role> {
        self.0.get(name)
    }

    /// All, by name.
    pub fn all(&self) -> impl Iterator<Item = &Role> {
        self.0.values()
    }
}
