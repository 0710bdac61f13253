//! `gonogo completions SHELL`.

use std::{io, process::ExitCode};

use clap::CommandFactory as _;

use super::{args::Cli, report::Problem};

/// Arguments of `gonogo completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// For which shell
    pub shell: clap_complete::Shell,
}

/// Prints the script.
pub fn run(args: &Args) -> Result<ExitCode, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "gonogo", &mut script);
    match io::Write::write_all(&mut io::stdout(), &script) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}
