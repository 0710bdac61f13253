//! `gonogo pictures DIR` (hidden): draws the pictures of the board that `docs/` shows.

use std::{path::PathBuf, process::ExitCode};

use super::report::Problem;

/// Arguments of `gonogo pictures`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the SVG files go
    pub dir: PathBuf,
}

/// Draws them.
pub fn run(args: &Args) -> Result<ExitCode, Problem> {
    crate::tui::picture::write_all(&args.dir)?;
    Ok(ExitCode::SUCCESS)
}
