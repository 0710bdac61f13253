//! What compilers and interpreters suggest: read from their output, put into files.
//!
//! [`printed`] reads suggestions out of text (pure), [`rustc`] out of JSON (pure); [`edit`] puts them into the files of a
//! workspace; [`search`] asks the compiler again and again until nothing gets better.

pub(super) mod edit;
mod near;
pub(super) mod printed;
pub(super) mod rustc;
pub(super) mod search;

/// Whether an output suggests anything.
pub(super) fn any(output: &str) -> bool {
    !printed::read(output).is_empty()
}
