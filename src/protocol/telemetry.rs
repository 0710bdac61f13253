//! The lossy lane.

use serde::{Deserialize, Serialize};

use crate::domain::id::{OutputId, ThreadId};

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
    /// A piece of what an agent is saying. Its whole answer is recorded at its end.
    Streamed {
        /// In which conversation.
        thread: ThreadId,
        /// In which turn.
        turn: u32,
        /// Bytes of this answer before this piece: who has fewer missed something, and shows that.
        at: u64,
        /// The piece, redacted.
        text: String,
        /// It is the model's reasoning, not its answer.
        #[serde(default)]
        reasoning: bool,
    },
    /// What is new of the engines' containers, to whoever looks at them.
    Containers(Box<ContainerNews>),
    /// So many telemetry messages were dropped since the last one.
    Dropped {
        /// How many.
        count: u64,
    },
}
