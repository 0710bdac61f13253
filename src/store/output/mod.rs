//! The output of jobs on disk: append-only segments, a sparse index beside them, written by one [`Writer`] and read by any
//! number of [`Reader`]s, in this process or another, while it is being written.
//!
//! | file in `RUN/JOB/ATTEMPT/` | holds |
//! |---|---|
//! | `00000.seg`, `00001.seg`, ... | the bytes, each file full before the next one begins (`segment`) |
//! | `00000.seg.lz4`, ... | the same, compressed, once the output is complete (`packed`); older ones end in `.zst` |
//! | `index` | every 64 KB and every 100 ms: byte, lines before it, time (`index`) |
//! | `steps` | at which line each step began (`step`) |
//! | `end` | nothing: it exists when the output is complete |
//!
//! Bytes pass through `clean` (control sequences made harmless) and then through [`crate::redact`], in this order, so
//! that a secret which control sequences cut in pieces is whole when it is looked for. `docs/output.md` has the formats.

mod clean;
mod compress;
mod form;
mod gap;
mod index;
mod line;
mod lz4;
mod matching;
mod packed;
mod reader;
mod sample;
mod search;
mod segment;
mod show;
mod source;
mod step;
mod tail;
mod writer;

pub use compress::{Saved, compress};
pub use line::{OutputLine, Window};
pub use reader::{Reader, Totals};
pub use sample::Sample;
pub use search::{Direction, Hit, Hits, Wanted, pattern};
pub use segment::{folder, scratch};
pub use step::Step;
pub use writer::{Grown, Writer};

#[cfg(test)]
mod tests;
