//! The composition root: what was typed, one file a subcommand.

pub mod args;
pub mod config;
pub mod diagnose;
pub mod init;
pub mod report;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Command};

/// Runs the program and says how it ended: 0 go, 1 no-go, 2 wrong usage, 255 a fault of gonogo's own.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Diagnose(args)) => diagnose::run(&args),
        Some(Command::Init(args)) => init::run(&args),
        Some(Command::Config(args)) => config::run(&args),
        None => Ok(ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| report::fail(&error))
}
