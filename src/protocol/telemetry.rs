//! The lossy lane.

use serde::{Deserialize, Serialize};

use crate::domain::id::OutputId;

use super::container::ContainerNews;

/// The lossy lane: may be dropped, is never folded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Telemetry {
    /// An output has grown.
    OutputGrew {
        /// Which.
        output: OutputId,
        /// Lines in it now.
        lines: u64,
        /// Bytes in it now.
        bytes: u64,
    },
    /// What is new of the engines' containers, to whoever looks at them.
    Containers(Box<ContainerNews>),
    /// So many telemetry messages were dropped since the last one.
    Dropped {
        /// How many.
        count: u64,
    },
}
