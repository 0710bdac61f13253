//! Values that are one of a few names in the files: engines, categories, workspaces.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::domain::{
    container::{Network, Pull, Sleep},
    definition::{ApplyInto, EngineKind, When, WorkspaceKind},
    diagnosis::Category,
};

/// A value that is written as one of a few names.
pub trait Named: Copy + 'static {
    /// What the value is, in the schema.
    const ABOUT: &'static str;
    /// Every value with its name.
    fn all() -> Vec<(&'static str, Self)>;
}

/// A value as it stands in a file: by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice<T>(pub T);

impl<'de, T: Named> Deserialize<'de> for Choice<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = T::all().into_iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| Self(value)).ok_or_else(|| D::Error::custom(format!("`{name}` is not a {}", T::ABOUT)))
    }
}

impl<T: Named> JsonSchema for Choice<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::ABOUT.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = T::all().into_iter().map(|(name, _)| name).collect();
        json_schema!({ "type": "string", "enum": names, "title": T::ABOUT })
    }
}

impl Named for Category {
    const ABOUT: &'static str = "category";
    fn all() -> Vec<(&'static str, Self)> {
        Self::ALL.map(|category| (category.name(), category)).into()
    }
}

impl Named for EngineKind {
    const ABOUT: &'static str = "engine";
    fn all() -> Vec<(&'static str, Self)> {
        [Self::Local, Self::Docker, Self::Github].map(|kind| (kind.name(), kind)).into()
    }
}

impl Named for WorkspaceKind {
    const ABOUT: &'static str = "workspace";
    fn all() -> Vec<(&'static str, Self)> {
        vec![("in-place", Self::InPlace), ("isolated", Self::Isolated)]
    }
}

impl Named for When {
    const ABOUT: &'static str = "condition";
    fn all() -> Vec<(&'static str, Self)> {
        vec![("success", Self::Success), ("failure", Self::Failure), ("always", Self::Always)]
    }
}

impl Named for ApplyInto {
    const ABOUT: &'static str = "way to apply";
    fn all() -> Vec<(&'static str, Self)> {
        [Self::Commit, Self::Branch, Self::WorkingTree].map(|into| (into.name(), into)).into()
    }
}

impl Named for Pull {
    const ABOUT: &'static str = "time to pull";
    fn all() -> Vec<(&'static str, Self)> {
        vec![("missing", Self::Missing), ("always", Self::Always), ("never", Self::Never)]
    }
}

impl Named for Network {
    const ABOUT: &'static str = "network";
    fn all() -> Vec<(&'static str, Self)> {
        vec![("bridge", Self::Bridge), ("none", Self::None), ("host", Self::Host)]
    }
}

impl Named for Sleep {
    const ABOUT: &'static str = "way to sleep";
    fn all() -> Vec<(&'static str, Self)> {
        vec![("pause", Self::Pause), ("stop", Self::Stop)]
    }
}
