//! `gonogo cancel`, `retry`, `repair` and `undo`: changes of what is, or was, under way.

use std::process::ExitCode;

use crate::{
    domain::id::{JobKey, ProposalId, RunId},
    protocol::command::{Command, Retry},
    state::proposal::ProposalStatus,
};

use super::{
    attend::{self, Manner},
    client::Client,
    connect::with_client,
    place::{Place, Reach},
    plain::say,
    report::Problem,
    run::start_and_attend,
};

/// Arguments of `gonogo cancel`.
#[derive(Debug, clap::Args)]
pub struct CancelArgs {
    /// The run
    pub run: RunId,
    /// Only this job
    #[arg(long)]
    pub job: Option<String>,
}

/// Arguments of `gonogo retry`.
#[derive(Debug, clap::Args)]
pub struct RetryArgs {
    /// The run; its failed jobs run again
    pub run: RunId,
    /// All of its jobs
    #[arg(long, conflicts_with = "job")]
    pub all: bool,
    /// This job, and what needs it
    #[arg(long)]
    pub job: Option<String>,
    /// Last lines of a failed job's output to show
    #[arg(long, default_value_t = 15, value_name = "LINES")]
    pub tail: u32,
    /// Print each record as a line of JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `gonogo repair`.
#[derive(Debug, clap::Args)]
pub struct RepairArgs {
    /// The run
    pub run: RunId,
    /// The failed job
    pub job: String,
    /// Print each record as a line of JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `gonogo undo`.
#[derive(Debug, clap::Args)]
pub struct UndoArgs {
    /// The applied proposal
    pub proposal: ProposalId,
    /// Print each record as a line of JSON
    #[arg(long)]
    pub json: bool,
}

/// Stops a run or a job.
pub async fn cancel(args: CancelArgs, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    with_client(&place, 1, async |client| {
        client.command(Command::Cancel { run: args.run, job: args.job.map(JobKey) }).await?;
        say(&format!("run {} is being stopped", args.run));
        Ok(ExitCode::SUCCESS)
    })
    .await
}

/// Runs jobs of an ended run again.
pub async fn retry(args: RetryArgs, reach: Reach) -> Result<ExitCode, Problem> {
    let what = match (args.all, args.job) {
        (true, _) => Retry::All,
        (false, Some(job)) => Retry::Job { job: JobKey(job) },
        (false, None) => Retry::Failed,
    };
    let manner = Manner { json: args.json, go: false, tail: args.tail, stays: reach == Reach::Daemon };
    restart(Command::Retry { run: args.run, what }, manner, reach).await
}

async fn restart(command: Command, manner: Manner, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    place.warn();
    with_client(&place, 3, async |client| start_and_attend(client, command, manner).await).await
}

/// Looks for a repair of a failed job again.
pub async fn repair(args: RepairArgs, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    let manner = Manner { json: args.json, go: false, tail: 0, stays: reach == Reach::Daemon };
    with_client(&place, 3, async |client| {
        let job = JobKey(args.job);
        let repairs = |client: &Client| {
            client.state.runs.get(&args.run).and_then(|run| run.job(&job)).map_or(0, |job| job.repairs.len())
        };
        let before = repairs(client);
        client.command(Command::Repair { run: args.run, job: job.clone() }).await?;
        while repairs(client) == before {
            client.hear().await?;
        }
        attend::attend(client, args.run, manner).await
    })
    .await
}

/// Takes back an applied proposal.
pub async fn undo(args: UndoArgs, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    let manner = Manner { json: args.json, go: false, tail: 0, stays: true };
    with_client(&place, 1, async |client| {
        client.command(Command::Undo { proposal: args.proposal }).await?;
        loop {
            let proposal = client.state.proposals.get(&args.proposal);
            match proposal.map(|proposal| (&proposal.status, &proposal.undo_failed)) {
                Some((ProposalStatus::Undone { commit }, _)) => {
                    let commit =
                        commit.as_ref().map(|commit| format!(" by commit {}", commit.get(..8).unwrap_or(commit)));
                    if !args.json {
                        say(&format!("proposal {} was taken back{}", args.proposal, commit.unwrap_or_default()));
                    }
                    return Ok(ExitCode::SUCCESS);
                }
                Some((ProposalStatus::Applied, Some((error, hint)))) => {
                    let problem = Problem::no_go(format!("proposal {} was not taken back: {error}", args.proposal));
                    return Err(match hint {
                        Some(hint) => problem.hint(hint),
                        None => problem,
                    });
                }
                _ => {}
            }
            let heard = client.hear().await?;
            if let Some(run) = client.state.proposals.get(&args.proposal).map(|proposal| proposal.proposal.run)
                && args.json
            {
                attend::show(client, heard, run, manner).await?;
            }
        }
    })
    .await
}
