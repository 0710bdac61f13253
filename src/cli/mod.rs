//! The composition root: what was typed, one file a subcommand.

pub mod answer;
pub mod approvals;
pub mod args;
pub mod attach;
pub mod attend;
pub mod backup;
pub mod board;
pub mod call;
pub mod change;
pub mod client;
pub mod completions;
pub mod config;
pub mod connect;
mod container_log;
pub mod containers;
pub mod cost;
pub mod daemon;
pub mod demo;
pub mod diagnose;
pub mod doctor;
pub mod env;
pub mod exec;
pub mod init;
pub mod logging;
pub mod logs;
pub mod pictures;
pub mod place;
pub mod plain;
pub mod prices;
pub mod prune;
pub mod ps;
pub mod report;
pub mod run;
pub mod stats;
pub mod status;
pub mod watch;

use std::{future::Future, process::ExitCode};

use clap::Parser as _;

use args::{Cli, Command};
use place::Reach;
use report::Problem;

/// Runs the program and says how it ended: 0 go, 1 no-go, 2 wrong usage, 255 a fault of gonogo's own.
pub fn main() -> ExitCode {
    daemon::start::let_go();
    let cli = Cli::parse();
    let reach = if cli.in_process { Reach::InProcess } else { Reach::Daemon };
    let done = match cli.command {
        Some(Command::Run(args)) => on_runtime(run::run(args, reach)),
        Some(Command::Watch(args)) => on_runtime(watch::run(args, reach)),
        Some(Command::Status(args)) => on_runtime(status::run(args, reach)),
        Some(Command::Logs(args)) => on_runtime(logs::run(args, reach)),
        Some(Command::Ps(args)) => on_runtime(ps::run(args)),
        Some(Command::Stats(args)) => on_runtime(stats::run(args)),
        Some(Command::Exec(args)) => on_runtime(exec::run(args)),
        Some(Command::Cost(args)) => on_runtime(cost::run(args, reach)),
        Some(Command::Prices(args)) => prices::run(&args),
        Some(Command::Approvals(args)) => on_runtime(approvals::run(args, reach)),
        Some(Command::Go(args)) => on_runtime(answer::go(args, reach)),
        Some(Command::Nogo(args)) => on_runtime(answer::nogo(args, reach)),
        Some(Command::Cancel(args)) => on_runtime(change::cancel(args, reach)),
        Some(Command::Retry(args)) => on_runtime(change::retry(args, reach)),
        Some(Command::Repair(args)) => on_runtime(change::repair(args, reach)),
        Some(Command::Undo(args)) => on_runtime(change::undo(args, reach)),
        Some(Command::Init(args)) => init::run(&args),
        Some(Command::Config(args)) => config::run(&args),
        Some(Command::Diagnose(args)) => diagnose::run(&args),
        Some(Command::Demo(args)) => on_runtime(demo::run(args, reach)),
        Some(Command::Doctor(args)) => on_runtime(doctor::run(args, reach)),
        Some(Command::Env(args)) => on_runtime(env::run(args, reach)),
        Some(Command::Backup(args)) => backup::backup(&args),
        Some(Command::Restore(args)) => backup::restore(&args),
        Some(Command::Prune(args)) => on_runtime(prune::run(args, reach)),
        Some(Command::Pictures(args)) => pictures::run(&args),
        Some(Command::Completions(args)) => completions::run(&args),
        Some(Command::Attach(args)) => on_runtime(attach::run(args)),
        Some(Command::Daemon(args)) => on_runtime(daemon::run(args)),
        None => on_runtime(board::run(reach)),
    };
    done.unwrap_or_else(|error| report::fail(&error))
}

/// Runs a subcommand that waits for things.
fn on_runtime(work: impl Future<Output = Result<ExitCode, Problem>>) -> Result<ExitCode, Problem> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Problem::fault("can't start").because(&error))?;
    let done = runtime.block_on(work);
    // What is left is reading of files; it must not hold the prompt back.
    runtime.shutdown_background();
    done
}
