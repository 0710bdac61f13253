//! `gonogo prune`: old runs, outputs, job caches and workspaces go.

use std::{process::ExitCode, time::Duration};

use serde_json::{Value, json};

use crate::{
    config::{
        settings::Limits,
        text::{DurationText, SizeText, complaint},
    },
    control::prune as control,
    domain::{
        actor::Actor,
        time::{Millis, Timestamp},
    },
    protocol::{
        command::{Command, Keep},
        event::{ControlEvent, Event},
    },
    store::{log::FILE, retain},
    workspace::pool,
};

use super::{
    client::Heard,
    connect::with_client,
    doctor::size,
    place::{Place, Reach},
    plain::say,
    report::Problem,
    status::{nothing_yet, pretty},
};

/// How long deleting may take.
const PATIENCE: Duration = Duration::from_hours(1);

/// Arguments of `gonogo prune`. What isn't given is as the configuration says.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only say what would go
    #[arg(long, short = 'n')]
    pub dry_run: bool,
    /// Outputs of runs that ended longer ago go
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub older_than: Option<Millis>,
    /// The oldest outputs go until all of them take no more than this
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub max_size: Option<u64>,
    /// Records of all but so many old runs go, and their outputs; their summaries stay
    #[arg(long, value_name = "COUNT")]
    pub keep_runs: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Reads a length of time.
pub(super) fn time(text: &str) -> Result<Millis, String> {
    complaint("duration", text).map_or_else(|| Ok(DurationText(text.to_owned()).millis()), Err)
}

fn bytes(text: &str) -> Result<u64, String> {
    complaint("size", text).map_or_else(|| Ok(SizeText(text.to_owned()).bytes()), Err)
}

/// What the configuration wants to be kept.
pub fn keep(limits: &Limits) -> Keep {
    Keep {
        output_age: Some(limits.output_age),
        output_bytes: Some(limits.output_size),
        runs: limits.runs,
        run_age: limits.run_age,
    }
}

/// What goes, or went.
#[derive(Debug, Default)]
struct Gone {
    runs: u64,
    outputs: u64,
    bytes: u64,
    workspaces: usize,
    caches: usize,
    cache_bytes: u64,
}

impl Gone {
    fn json(&self, dry: bool) -> Value {
        json!({
            "dry_run": dry, "runs": self.runs, "outputs": self.outputs, "bytes": self.bytes,
            "workspaces": self.workspaces, "caches": self.caches, "cache_bytes": self.cache_bytes,
        })
    }

    fn text(&self, dry: bool) -> String {
        let what = [
            (self.runs, "runs' records", None),
            (self.outputs, "runs' outputs", Some(self.bytes)),
            (self.caches as u64, "job caches", Some(self.cache_bytes)),
            (self.workspaces as u64, "workspaces", None),
        ];
        let part = |(count, what, bytes): &(u64, &str, Option<u64>)| match bytes {
            _ if *count == 0 => None,
            Some(bytes) => Some(format!("{count} {what} ({})", size(*bytes))),
            None => Some(format!("{count} {what}")),
        };
        let parts: Vec<String> = what.iter().filter_map(part).collect();
        match (parts.is_empty(), dry) {
            (true, _) => "nothing is old or large enough to go".to_owned(),
            (false, true) => format!("would go: {}", parts.join(", ")),
            (false, false) => format!("gone: {}", parts.join(", ")),
        }
    }
}

/// Deletes, or says what would be deleted.
pub async fn run(args: Args, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    let limits = &place.settings.limits;
    let mut keep = keep(limits);
    keep.output_age = args.older_than.or(keep.output_age);
    keep.output_bytes = args.max_size.or(keep.output_bytes);
    keep.runs = args.keep_runs.or(keep.runs);
    let gone = if args.dry_run { look(&place, &keep)? } else { prune(&place, keep).await? };
    say(&if args.json { pretty(&gone.json(args.dry_run)) } else { gone.text(args.dry_run) });
    Ok(ExitCode::SUCCESS)
}

fn look(place: &Place, keep: &Keep) -> Result<Gone, Problem> {
    let dir = &place.paths.state_dir;
    if !dir.join(FILE).exists() {
        return Err(nothing_yet());
    }
    let going = control::look(dir, keep, Timestamp::now())
        .map_err(|error| Problem::fault("can't read the log").because(&error))?;
    let caches = retain::surplus_caches(&place.paths.cache_dir, place.settings.limits.cache_size)?;
    Ok(Gone {
        runs: going.records.len() as u64,
        outputs: going.outputs.len() as u64,
        bytes: going.outputs.iter().map(|(_, bytes)| bytes).sum(),
        workspaces: pool::unused(&place.paths.cache_dir, control::WORKSPACE_AGE)?,
        caches: caches.len(),
        cache_bytes: caches.iter().map(|cached| cached.bytes).sum(),
    })
}

async fn prune(place: &Place, keep: Keep) -> Result<Gone, Problem> {
    let before = look(place, &keep)?;
    control::caches(&place.paths.cache_dir, place.settings.limits.cache_size).await;
    let (runs, outputs, bytes) = with_client(place, 1, async |client| {
        client.command(Command::Prune { keep }).await?;
        let pruned = async {
            loop {
                let Heard::Records(records) = client.hear().await? else { continue };
                for record in records {
                    if let Event::Control { event: ControlEvent::Pruned { by, runs, outputs, bytes } } = &record.event
                        && *by != Actor::Policy
                    {
                        return Ok((*runs, *outputs, *bytes));
                    }
                }
            }
        };
        let gave_up = || Problem::fault("it has not been done within an hour").hint("`gonogo daemon logs` may say why");
        tokio::time::timeout(PATIENCE, pruned).await.map_err(|_| gave_up())?
    })
    .await?;
    Ok(Gone { runs, outputs, bytes, ..before })
}
