//! `gonogo rules`: what agents may do without asking.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::{
    protocol::command::Command,
    state::{board::State, rule::Rule},
};

use super::{
    connect::{reading, with_client},
    place::{Place, Reach},
    plain::say,
    report::Problem,
    status::pretty,
};

/// Arguments of `gonogo rules`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do; without it, list them
    #[command(subcommand)]
    pub what: Option<What>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What is done to a rule.
#[derive(Debug, clap::Subcommand)]
pub enum What {
    /// Have agents ask again
    Revoke {
        /// Number of the rule
        rule: u32,
    },
}

/// Lists them, or revokes one.
pub async fn run(args: Args, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    if let Some(What::Revoke { rule }) = args.what {
        return with_client(&place, 1, async |client| {
            client.command(Command::RevokeRule { rule }).await?;
            say(&format!("rule {rule} holds no longer: agents ask again"));
            Ok(ExitCode::SUCCESS)
        })
        .await;
    }
    let Some(reading) = reading(&place, false).await? else {
        say(if args.json { "[]" } else { NONE });
        return Ok(ExitCode::SUCCESS);
    };
    let (client, _kept) = reading.client().await?;
    list(&client.state, args.json);
    Ok(ExitCode::SUCCESS)
}

const NONE: &str = "no rules: agents ask for everything that they may not do by themselves";

fn list(state: &State, json: bool) {
    let name = |rule: &Rule| {
        let project = rule.project.and_then(|id| state.projects.get(&id));
        project.map_or_else(|| "no project".to_owned(), |project| project.name.clone())
    };
    if json {
        let row = |(number, rule): (&u32, &Rule)| {
            json!({
                "rule": number, "project": name(rule), "kind": rule.kind.word(), "pattern": rule.pattern, "by": rule.by.to_string(),
                "at": rule.at, "asked": format!("t{}/{}", rule.asked.0, rule.asked.1),
            })
        };
        say(&pretty(&Value::Array(state.rules.iter().map(row).collect())));
        return;
    }
    if state.rules.is_empty() {
        say(NONE);
    }
    for (number, rule) in &state.rules {
        let (kind, pattern, by) = (rule.kind.word(), &rule.pattern, &rule.by);
        say(&format!("{number:<4} {:<16} {kind} {pattern}  (given by {by} at {})", name(rule), rule.at));
    }
    if let Some(first) = state.rules.keys().next() {
        say(&format!("\nrevoke: gonogo rules revoke {first}"));
    }
}
