//! `gonogo run`: starts a pipeline and attends it.

use std::{path::PathBuf, process::ExitCode};

use crate::{
    domain::actor::Trigger,
    protocol::{command::Command, query::Answer},
};

use super::{
    attend::{Manner, attend, show},
    client::Client,
    connect::with_client,
    place::{Place, Reach, working_directory},
    plain::say,
    report::Problem,
};

/// Arguments of `gonogo run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The pipeline; without it, the first of gonogo.toml
    pub pipeline: Option<String>,
    /// Only these jobs, and what they need
    #[arg(long = "job", value_name = "JOB")]
    pub jobs: Vec<String>,
    /// The repository; without it, the one around the current directory
    #[arg(long, short = 'C', value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// As if this event had started it: push, pull_request, ...
    #[arg(long, value_name = "EVENT")]
    pub on: Option<String>,
    /// Last lines of a failed job's output to show
    #[arg(long, default_value_t = 15, value_name = "LINES")]
    pub tail: u32,
    /// Print each record as a line of JSON
    #[arg(long)]
    pub json: bool,
    /// Only start it: it goes on by itself, and its number is printed
    #[arg(long, short = 'd')]
    pub detach: bool,
}

/// Starts a run and attends it to its end.
pub async fn run(args: Args, reach: Reach) -> Result<ExitCode, Problem> {
    if args.detach && reach == Reach::InProcess {
        return Err(no_daemon(std::env::args_os().any(|arg| arg == "--in-process")));
    }
    let place = Place::find(reach)?;
    place.warn();
    let root = project_root(args.dir.as_deref())?;
    let manner = Manner { json: args.json, go: false, tail: args.tail, stays: reach == Reach::Daemon };
    let trigger = args.on.map_or(Trigger::Manual, |name| Trigger::Event { name });
    let command = Command::StartRun { root, pipeline: args.pipeline, jobs: args.jobs, trigger };
    with_client(&place, 3, async |client| {
        if args.detach {
            return start(client, command, args.json).await;
        }
        start_and_attend(client, command, manner).await
    })
    .await
}

/// A run that goes on by itself needs a process to go on in. `typed`: `--in-process` was, so it is not the variable that says so.
fn no_daemon(typed: bool) -> Problem {
    if typed {
        return Problem::usage("--detach and --in-process exclude each other: the run would end with this command")
            .hint("leave one of them out");
    }
    Problem::usage("--detach needs a daemon, and GONOGO_IN_PROCESS is set: the run would end with this command")
        .hint("leave --detach out, or GONOGO_IN_PROCESS: `GONOGO_IN_PROCESS=0 gonogo run --detach`")
}

/// Gives a command that starts a run, and says which.
async fn start(client: &mut Client, command: Command, json: bool) -> Result<ExitCode, Problem> {
    let answer = client.command(command).await?;
    if let Answer::Run { run, project } = answer {
        if json {
            say(&serde_json::json!({ "run": run, "project": project }).to_string());
        } else {
            say(&format!("run {run} is under way; `gonogo watch {run}` shows it"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Gives a command that starts or restarts a run, and attends that run.
pub async fn start_and_attend(client: &mut Client, command: Command, manner: Manner) -> Result<ExitCode, Problem> {
    let answer = client.command(command).await?;
    match answer {
        Answer::Run { run, .. } => {
            // The reply may come before the record that it is about.
            while !client.state.runs.contains_key(&run) {
                let heard = client.hear().await?;
                show(client, heard, run, manner).await?;
            }
            attend(client, run, manner).await
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// The root of the project: the directory of the nearest gonogo.toml, or the repository's.
pub fn project_root(dir: Option<&std::path::Path>) -> Result<PathBuf, Problem> {
    let from = dir.map_or_else(working_directory, |dir| Ok(dir.to_owned()))?;
    let from = from.canonicalize().map_err(|error| {
        Problem::usage(format!("can't use the directory {}", from.display()))
            .because(&error)
            .hint("name one that is there and that you may look into")
    })?;
    match crate::config::definition::find(&from) {
        Some(file) => Ok(file.parent().map_or_else(|| from.clone(), std::path::Path::to_owned)),
        None => Err(Problem::usage(format!("there is no gonogo.toml in {} or above it", from.display()))
            .hint("`gonogo init` looks at the repository and writes one; `gonogo demo` shows what it does")),
    }
}
