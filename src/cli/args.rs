//! What can be typed. Each subcommand's own arguments stand in its file.

use clap::{Parser, Subcommand};

use super::{config, diagnose, init};

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
    /// Look at a repository and write a gonogo.toml whose pipeline runs there
    Init(init::Args),
    /// Check the configuration, print its schema, say where it is
    Config(config::Args),
}
