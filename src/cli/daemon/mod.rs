//! `gonogo daemon`: the process in which runs go on when the terminal is gone.

pub mod install;
pub mod serve;
pub mod start;
pub mod status;
pub mod stop;

use std::process::ExitCode;

use super::{
    place::{Place, Reach},
    report::Problem,
};

/// Arguments of `gonogo daemon`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Start it, unless it runs
    Start,
    /// End it: at once if nothing is under way, else as you say
    Stop(stop::Args),
    /// End it and start it anew: after an update, or a change of config.toml
    Restart(stop::Args),
    /// Say whether it runs, who is attached, and what is under way
    Status(status::Args),
    /// Print its own log
    Logs(status::LogsArgs),
    /// Write a systemd user unit that starts it when you log in
    Install(install::Args),
    /// Be the daemon
    #[command(hide = true)]
    Serve(serve::Args),
}

/// Does it.
pub async fn run(args: Args) -> Result<ExitCode, Problem> {
    let place = Place::find(Reach::Daemon)?;
    match args.what {
        What::Start => {
            place.warn();
            start::run(&place).await
        }
        What::Stop(args) => stop::run(&place, &args).await,
        What::Restart(args) => {
            if args.never_mind {
                return Err(Problem::usage("--never-mind takes back an end, and a restart is none"));
            }
            place.warn();
            if stop::run(&place, &args).await? != ExitCode::SUCCESS {
                return Ok(ExitCode::from(1));
            }
            start::run(&place).await
        }
        What::Status(args) => status::run(&place, &args).await,
        What::Logs(args) => status::logs(&place, &args).await,
        What::Install(args) => install::run(&place, &args),
        What::Serve(args) => serve::run(&place, &args).await,
    }
}
