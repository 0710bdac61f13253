//! `gonogo watch`: what happens, as it happens, in plain lines or JSON.

use std::{process::ExitCode, time::Duration};

use crate::{
    domain::id::{RunId, Seq},
    protocol::event::Record,
    state::board::State,
    store::hold::holder,
};

use super::{
    client::{Client, Heard},
    connect::reading,
    place::{Place, Reach},
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
pub async fn run(args: Args, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    let Some(reading) = reading(&place, args.since.is_some()).await? else {
        return Err(super::status::nothing_yet());
    };
    let mut read = true;
    let (session, _kept) = reading.into_parts();
    let mut client = Client::open_with(session, |state, record| {
        if args.since.is_some_and(|since| record.seq > since) {
            read = read && show(&args, state, record);
        }
    })
    .await?;
    while read {
        // What is under way without a gonogo at work is not going to end.
        let idle =
            || client.state.active_runs().all(|run| run.outcome.is_some()) || holder(&place.paths.state_dir).is_none();
        if args.until_idle && idle() {
            break;
        }
        if let Ok(heard) = tokio::time::timeout(LOOK, client.hear()).await
            && let Heard::Records(records) = heard?
        {
            read = records.iter().all(|record| show(&args, &client.state, record));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// How often to look whether anybody is still at work.
const LOOK: Duration = Duration::from_millis(500);

/// Shows a record; says whether anybody still reads.
fn show(args: &Args, state: &State, record: &Record) -> bool {
    if args.run.is_some_and(|run| plain::run_number(state, record) != Some(run)) {
        return true;
    }
    if args.json { plain::say_json(record) } else { plain::line(state, record).is_none_or(|line| plain::say(&line)) }
}
