//! `gonogo run`: starts a pipeline and attends it.

use std::{path::PathBuf, process::ExitCode};

use crate::{
    domain::actor::Trigger,
    protocol::{command::Command, query::Answer},
};

use super::{
    attend::{Manner, attend},
    connect::{Client, Place, person, with_control},
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
}

/// Starts a run and attends it to its end.
pub async fn run(args: Args) -> Result<ExitCode, Problem> {
    let place = Place::find()?;
    place.warn();
    let root = project_root(args.dir.as_deref())?;
    let manner = Manner { json: args.json, go: false, tail: args.tail };
    let trigger = args.on.map_or(Trigger::Manual, |name| Trigger::Event { name });
    let command = Command::StartRun { root, pipeline: args.pipeline, jobs: args.jobs, trigger };
    with_control(&place, 3, async |control| {
        let mut client = Client::open(control, person()).await?;
        start_and_attend(&mut client, command, manner).await
    })
    .await
}

/// Gives a command that starts or restarts a run, and attends that run.
pub async fn start_and_attend(client: &mut Client, command: Command, manner: Manner) -> Result<ExitCode, Problem> {
    let answer = client.command(command).await?;
    match answer {
        Answer::Run { run, .. } => {
            // The reply may come before the record that it is about.
            while !client.state.runs.contains_key(&run) {
                if let super::connect::Heard::Records(records) = client.hear().await? {
                    super::attend::show(client, &records, manner).await?;
                }
            }
            attend(client, run, manner).await
        }
        _ => super::attend::show_unheard(client, manner).await.map(|()| ExitCode::SUCCESS),
    }
}

/// The root of the project: the directory of the nearest gonogo.toml, or the repository's.
pub fn project_root(dir: Option<&std::path::Path>) -> Result<PathBuf, Problem> {
    let from = dir.map_or_else(std::env::current_dir, |dir| Ok(dir.to_owned()))?;
    let from = from
        .canonicalize()
        .map_err(|error| Problem::usage(format!("can't use the directory {}", from.display())).because(&error))?;
    match crate::config::definition::find(&from) {
        Some(file) => Ok(file.parent().map_or_else(|| from.clone(), std::path::Path::to_owned)),
        None => Err(Problem::usage(format!("there is no gonogo.toml in {} or above it", from.display()))
            .hint("`gonogo init` looks at the repository and writes one; `gonogo demo` shows what it does")),
    }
}
