//! `gonogo watch`: what happens, as it happens, in plain lines or JSON.

use std::process::ExitCode;

use crate::domain::id::{RunId, Seq};

use super::{
    connect::{Client, Heard, Place, person},
    plain,
    report::Problem,
};

/// Arguments of `gonogo watch`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this run
    pub run: Option<RunId>,
    /// One line a moment (the default)
    #[arg(long, conflicts_with = "json")]
    pub plain: bool,
    /// Every record as a line of JSON
    #[arg(long)]
    pub json: bool,
    /// Begin with everything that was recorded after this position
    #[arg(long, value_name = "SEQ")]
    pub since: Option<Seq>,
    /// End when nothing is under way
    #[arg(long)]
    pub until_idle: bool,
}

/// Reads along until interrupted.
pub async fn run(args: Args) -> Result<ExitCode, Problem> {
    let place = Place::find()?;
    let Some(follower) = place.follow()? else {
        return Err(super::status::nothing_yet());
    };
    let mut client = Client::open_with(&follower, person(), |state, record| {
        if args.since.is_some_and(|since| record.seq > since) {
            show(&args, state, record);
        }
    })
    .await?;
    loop {
        if args.until_idle && client.state.active_runs().all(|run| run.outcome.is_some()) {
            return Ok(ExitCode::SUCCESS);
        }
        if let Heard::Records(records) = client.hear().await? {
            records.iter().for_each(|record| show(&args, &client.state, record));
        }
    }
}

fn show(args: &Args, state: &crate::state::board::State, record: &crate::protocol::event::Record) {
    if args.run.is_some_and(|run| plain::run_number(state, record) != Some(run)) {
        return;
    }
    if args.json {
        plain::say_json(record);
    } else if let Some(line) = plain::line(state, record) {
        plain::say(&line);
    }
}
