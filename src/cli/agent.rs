//! `gonogo agent`: who is at work, how agents fare, and how to stop one.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::{
    domain::id::ThreadId,
    protocol::{command::Command, thread::ThreadCommand},
    state::{tally::Tally, thread::Thread},
    tui::{view::thread::tokens, widget::clean::visible},
};

use super::{
    chat::to_json,
    client::Client,
    connect::{reading, with_client},
    place::{Place, Reach},
    plain::say,
    report::Problem,
    status::{nothing_yet, pretty},
};

/// Arguments of `gonogo agent`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do
    #[command(subcommand)]
    pub what: What,
}

/// What is wanted of agents.
#[derive(Debug, clap::Subcommand)]
pub enum What {
    /// List the agents that are at work or wait for an answer
    List {
        /// All conversations
        #[arg(long)]
        all: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Stop what an agent is doing
    Stop {
        /// Number of its conversation
        thread: ThreadId,
    },
    /// Say how agents have fared: turns, repairs by category, tools, time, cost
    Stats {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Does it.
pub async fn run(args: Args, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    match args.what {
        What::List { all, json } => list(&place, all, json).await,
        What::Stats { json } => stats(&place, json).await,
        What::Stop { thread } => {
            with_client(&place, 1, async |client| {
                client.command(Command::Talk { what: ThreadCommand::Interrupt { thread } }).await?;
                say(&format!("the agent of conversation {thread} is being stopped"));
                Ok(ExitCode::SUCCESS)
            })
            .await
        }
    }
}

async fn list(place: &Place, all: bool, json: bool) -> Result<ExitCode, Problem> {
    let reading = reading(place, false).await?.ok_or_else(nothing_yet)?;
    let (client, _kept) = reading.client().await?;
    let shown = |thread: &&Thread| all || thread.turn.is_some() || !thread.wishes.is_empty();
    let threads: Vec<&Thread> = client.state.threads.values().filter(shown).collect();
    if json {
        say(&pretty(&Value::Array(threads.into_iter().map(|thread| to_json(&client.state, thread)).collect())));
        return Ok(ExitCode::SUCCESS);
    }
    if threads.is_empty() {
        say("no agent is at work");
    }
    for thread in threads {
        let model = thread.last_model.as_ref().map(ToString::to_string).unwrap_or_default();
        let title = visible(&thread.title);
        say(&format!(
            "{:<4} {:<9} {:<10} turn {:<3} {model}  {title}",
            thread.id.to_string(),
            thread.word(),
            thread.role,
            thread.turns
        ));
    }
    Ok(ExitCode::SUCCESS)
}

async fn stats(place: &Place, json: bool) -> Result<ExitCode, Problem> {
    let reading = reading(place, true).await?.ok_or_else(nothing_yet)?;
    let (session, _kept) = reading.into_parts();
    let mut tally = Tally::default();
    Client::open_with(session, |state, record| tally.count(state, record)).await?;
    if json {
        say(&pretty(&as_json(&tally)));
        return Ok(ExitCode::SUCCESS);
    }
    if tally.roles.is_empty() {
        say("no agent has worked yet");
        return Ok(ExitCode::SUCCESS);
    }
    say("role              turns  done  calls  in     out    model time  cost");
    for (name, role) in &tally.roles {
        let done = role.outcomes.get("done").copied().unwrap_or(0);
        let unpriced = if role.unpriced > 0 { format!(" and {} unpriced", role.unpriced) } else { String::new() };
        say(&format!(
            "{name:<16}  {:>5}  {done:>4}  {:>5}  {:<5}  {:<5}  {:>10}  {}{unpriced}",
            role.turns,
            role.calls,
            tokens(role.usage.prompt()),
            tokens(role.usage.output),
            role.took.to_string(),
            role.cost
        ));
        let others: Vec<String> = role
            .outcomes
            .iter()
            .filter(|(word, _)| **word != "done")
            .map(|(word, count)| format!("{word} {count}"))
            .collect();
        if !others.is_empty() {
            say(&format!("{:<16}  {}", "", others.join(", ")));
        }
    }
    if !tally.categories.is_empty() {
        say("\nrepairs by agents  tried  proven  approved");
    }
    for (name, category) in &tally.categories {
        say(&format!("{name:<17}  {:>5}  {:>6}  {:>8}", category.tried, category.proposed, category.approved));
    }
    if !tally.tools.is_empty() {
        say("\ntool              used  failed  time");
    }
    for (name, tool) in &tally.tools {
        say(&format!("{:<16}  {:>4}  {:>6}  {}", visible(name), tool.used, tool.failed, tool.took));
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(tally: &Tally) -> Value {
    let roles = tally.roles.iter().map(|(name, role)| {
        json!({
            "role": name, "turns": role.turns, "outcomes": role.outcomes, "calls": role.calls, "unpriced_calls": role.unpriced,
            "usage": role.usage, "cost_nano_usd": role.cost.0, "model_ms": role.took.0,
        })
    });
    let categories = tally.categories.iter().map(|(name, category)| {
        json!({ "category": name, "tried": category.tried, "proposed": category.proposed, "approved": category.approved })
    });
    let tools = tally
        .tools
        .iter()
        .map(|(name, tool)| json!({ "tool": name, "used": tool.used, "failed": tool.failed, "ms": tool.took.0 }));
    json!({ "roles": roles.collect::<Vec<_>>(), "categories": categories.collect::<Vec<_>>(), "tools": tools.collect::<Vec<_>>() })
}
