//! Pieces of a screen that know nothing of runs and projects.

pub mod ansi;
pub mod clean;
pub mod columns;
pub mod composer;
pub mod diff;
pub mod text_input;
