//! `gonogo env gc`: members that are old, many, or of projects that are gone.

use std::process::ExitCode;

use serde_json::json;

use crate::{
    cli::{
        connect::with_client,
        place::{Place, Reach},
        plain::say,
        report::Problem,
        status::pretty,
    },
    config::text::{DurationText, complaint},
    domain::time::Millis,
    protocol::{
        command::Command,
        environment::Collect,
        query::{Answer, Query},
    },
};

use super::rows;

/// Arguments of `gonogo env gc`. Members that somebody has always stay.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Members that were made longer ago go
    #[arg(long, value_name = "TIME", value_parser = time)]
    older_than: Option<Millis>,
    /// So many of each environment stay, the youngest
    #[arg(long, value_name = "COUNT")]
    keep: Option<u32>,
    /// Only say what would go
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

fn time(text: &str) -> Result<Millis, String> {
    complaint("duration", text).map_or_else(|| Ok(DurationText(text.to_owned()).millis()), Err)
}

/// Removes them, or says what would be removed.
pub async fn run(args: Args, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    with_client(&place, 1, async |client| {
        for row in rows(client).await?.into_iter().filter(|row| row.up && !row.project.is_dir()) {
            if !args.dry_run {
                // Otherwise they were made again at once.
                client.command(Command::EnvironmentDown { root: row.project, name: row.name }).await?;
            }
        }
        let collect = Collect { age: args.older_than, count: args.keep, dry_run: args.dry_run };
        let Answer::Collected(gone) = client.query(Query::Collect(collect)).await? else {
            return Err(Problem::fault("the answer was not about environments"));
        };
        if args.json {
            say(&pretty(&json!({ "dry_run": args.dry_run, "members": gone })));
        } else {
            let word = if args.dry_run { "would go" } else { "gone" };
            for row in &gone {
                let trouble = row.trouble.as_ref().map(|why| format!("; not removed: {why}")).unwrap_or_default();
                say(&format!("{word}: {}  {}  {}{trouble}", row.name, row.project.display(), row.why));
            }
            if gone.is_empty() {
                say("nothing is old or too many, and no project is gone");
            }
        }
        let failed = gone.iter().any(|row| row.trouble.is_some());
        Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
    })
    .await
}
