//! `gonogo env up` and `down`: the wish is recorded; then they wait until it is so.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    cli::{
        client::Client,
        connect::with_client,
        place::{Place, Reach},
        plain::say,
        report::Problem,
        status::pretty,
    },
    protocol::{command::Command, environment::PoolRow},
};

use super::{environment, row, status::print_lines};

/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(100);

/// Arguments of `gonogo env up`.
#[derive(Debug, clap::Args)]
pub struct UpArgs {
    /// The environment: [environments.NAME] of gonogo.toml
    name: String,
    /// The repository; without it, the one around the current directory
    #[arg(long, short = 'C', value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Don't wait until its members are ready
    #[arg(long, short)]
    detach: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `gonogo env down`.
#[derive(Debug, clap::Args)]
pub struct DownArgs {
    /// The environment
    name: String,
    /// The repository; without it, the one around the current directory
    #[arg(long, short = 'C', value_name = "DIR")]
    dir: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Has members kept.
pub async fn up(args: UpArgs, reach: Reach) -> Result<ExitCode, Problem> {
    if reach == Reach::InProcess {
        return Err(Problem::usage("an environment stays up only while a daemon keeps it")
            .hint("leave --in-process (GONOGO_IN_PROCESS) out; `gonogo env exec` works with it"));
    }
    let place = Place::find(reach)?;
    place.warn();
    let (root, spec) = environment(args.dir.as_deref(), &args.name)?;
    let pool = spec.pool as usize;
    with_client(&place, 1, async |client| {
        let began = Instant::now();
        client.command(Command::EnvironmentUp { root: root.clone(), spec: Box::new(spec) }).await?;
        let mut seen = 0;
        loop {
            let row = row(client, &root, &args.name).await?.unwrap_or_default();
            let ready = count(&row, &["ready", "asleep"]);
            let settled = row.up && ready >= pool && !row.members.iter().any(|member| member.outdated);
            if settled || args.detach {
                tell(&row, args.json, ready, began.elapsed());
                return Ok(ExitCode::SUCCESS);
            }
            if let Some(trouble) = &row.trouble {
                if let Some(output) = row.output.as_ref().filter(|_| !args.json) {
                    print_lines(client, output, u64::MAX).await?;
                }
                return Err(Problem::no_go(trouble).hint(format!(
                    "it is tried again; `gonogo env status` says when, `gonogo env down {}` ends it",
                    args.name
                )));
            }
            if row.up && row.members.len() >= row.most as usize && count(&row, &["assigned"]) == row.members.len() {
                return Err(Problem::no_go(format!("all {} members are in use", row.most))
                    .hint("`gonogo env status` says by whom"));
            }
            if !args.json && seen < row.members.len() {
                seen = row.members.len();
                say(&format!("preparing {} ...", args.name));
            }
            sleep(LOOK).await;
        }
    })
    .await
}

fn tell(row: &PoolRow, json: bool, ready: usize, took: Duration) {
    if json {
        say(&pretty(&json!({ "environment": row, "ready": ready })));
    } else {
        let took = crate::domain::time::Millis::from(took);
        say(&format!("{} is up: {ready} of {} ready ({took})", row.name, row.pool));
    }
}

fn count(row: &PoolRow, states: &[&str]) -> usize {
    row.members.iter().filter(|member| states.contains(&member.state.as_str()) && !member.outdated).count()
}

/// Has them kept no longer, and waits until what nobody has is gone.
pub async fn down(args: DownArgs, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    let root = crate::cli::run::project_root(args.dir.as_deref())?;
    with_client(&place, 1, async |client| {
        client.command(Command::EnvironmentDown { root: root.clone(), name: args.name.clone() }).await?;
        let left = gone(client, &root, &args.name).await?;
        if args.json {
            say(&pretty(&json!({ "name": args.name, "left": left })));
        } else if left == 0 {
            say(&format!("{} is down", args.name));
        } else {
            say(&format!("{} is down; {left} in use go when they are given back", args.name));
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}

/// Waits until only members are left that somebody has; gives how many.
async fn gone(client: &mut Client, root: &std::path::Path, name: &str) -> Result<usize, Problem> {
    loop {
        let Some(row) = row(client, root, name).await? else { return Ok(0) };
        let used = row.members.iter().filter(|member| member.state == "assigned").count();
        if row.members.len() == used {
            return Ok(used);
        }
        if let Some(trouble) = &row.trouble {
            return Err(Problem::fault(trouble).hint("it is tried again; `gonogo env status` shows what is left"));
        }
        sleep(LOOK).await;
    }
}
