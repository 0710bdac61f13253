//! What can be typed. Each subcommand's own arguments stand in its file.

use clap::{Parser, Subcommand};

use super::diagnose;

/// Mission control for software delivery, in a terminal.
#[derive(Debug, Parser)]
#[command(name = "gonogo", version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do; without it, the board.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what a failing log says: category, place, findings, fingerprint
    Diagnose(diagnose::Args),
}
