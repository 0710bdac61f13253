//! `gonogo env`: environments, pools of prepared containers.

mod collect;
mod exec;
mod status;
pub(super) mod terminal;
mod up;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Subcommand;

use crate::{
    config::{definition, suggest},
    domain::container::EnvironmentSpec,
    protocol::{
        environment::PoolRow,
        query::{Answer, Query},
    },
};

use super::{
    client::Client,
    place::Reach,
    report::{Problem, chain},
};

/// Arguments of `gonogo env`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Keep members of an environment ready, and wait until they are
    Up(up::UpArgs),
    /// Keep them no longer: what nobody has goes
    Down(up::DownArgs),
    /// Run a command in a member, which is had at once if one is ready
    Exec(exec::ExecArgs),
    /// Open a shell in a member
    Shell(exec::ShellArgs),
    /// Say which environments there are, and how their members stand
    Status(status::Args),
    /// Print what was printed when a member was prepared
    Logs(status::LogsArgs),
    /// Remove members that are old, many, or of projects that are gone
    Gc(collect::Args),
}

/// Does what was typed.
pub async fn run(args: Args, reach: Reach) -> Result<ExitCode, Problem> {
    match args.command {
        Command::Up(args) => up::up(args, reach).await,
        Command::Down(args) => up::down(args, reach).await,
        Command::Exec(args) => exec::exec(args, reach).await,
        Command::Shell(args) => exec::shell(args, reach).await,
        Command::Status(args) => status::status(args, reach).await,
        Command::Logs(args) => status::logs(args, reach).await,
        Command::Gc(args) => collect::run(args, reach).await,
    }
}

/// The root of the project around a directory, and the environment of this name in its gonogo.toml.
fn environment(dir: Option<&Path>, name: &str) -> Result<(PathBuf, EnvironmentSpec), Problem> {
    let root = super::run::project_root(dir)?;
    let file = root.join("gonogo.toml");
    let loaded = definition::load(&file, &crate::domain::definition::FixPolicy::default());
    let loaded = loaded.map_err(|error| Problem::usage(chain(&error)))?;
    let Some(spec) = loaded.definition.environment(name) else {
        let problem = Problem::usage(format!("there is no environment `{name}` in {}", file.display()));
        let known: Vec<&str> = loaded.definition.environments.iter().map(|spec| spec.name.as_str()).collect();
        return Err(match (loaded.problems.first(), known.as_slice()) {
            (Some(_), []) => problem.hint("something in it is wrong: `gonogo config check`"),
            (None, []) => problem.hint(format!("add [environments.{name}]")),
            (_, known) => {
                let meant = suggest::did_you_mean(name, known.iter().copied());
                problem.hint(meant.unwrap_or_else(|| format!("there are: {}", known.join(", "))))
            }
        });
    };
    if spec.container.image.is_none() && spec.container.build.is_none() {
        return Err(Problem::usage(format!("environment `{name}` has neither `image` nor `build`"))
            .hint("add one: of what its containers are made"));
    }
    Ok((root, spec.clone()))
}

/// All environments.
async fn rows(client: &mut Client) -> Result<Vec<PoolRow>, Problem> {
    match client.query(Query::Environments).await? {
        Answer::Environments(rows) => Ok(rows),
        _ => Err(Problem::fault("the answer was not about environments")),
    }
}

/// One environment, if anything is known of it.
async fn row(client: &mut Client, root: &Path, name: &str) -> Result<Option<PoolRow>, Problem> {
    Ok(rows(client).await?.into_iter().find(|row| row.project == root && row.name == name))
}
