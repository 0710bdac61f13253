//! Ending the daemon: what would end is said first.

use std::{io::IsTerminal as _, process::ExitCode, time::Duration};

use tokio::time::{Instant, sleep};

use crate::{
    protocol::command::Command,
    state::{board::State, job::JobStatus},
    store::hold::{Held, look},
};

use super::super::{
    connect::{self, reading},
    place::Place,
    plain::say,
    report::{Problem, warn},
};

/// Arguments of `gonogo daemon stop` and `restart`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Wait until what is under way has ended by itself; nothing new begins until then
    #[arg(long, conflicts_with = "now")]
    wait: bool,
    /// End what is under way
    #[arg(long)]
    now: bool,
    /// Take back an end that waits
    #[arg(long, conflicts_with_all = ["wait", "now"])]
    pub(super) never_mind: bool,
}

/// For as long as runs take.
const FOR_EVER: Duration = Duration::from_hours(24 * 365);

/// How long it may take to end when nothing has to be waited for: jobs get the time that the configuration says.
const ENDING: Duration = Duration::from_mins(1);

/// Ends it.
pub async fn run(place: &Place, args: &Args) -> Result<ExitCode, Problem> {
    let Some(host) = connect::host(place).await else {
        match look(&place.paths.state_dir) {
            Held::ByProcess(pid) => {
                return Err(Problem::no_go(format!("no daemon runs; process {pid} holds the log for itself"))
                    .hint(format!("`kill {pid}` ends it in good order")));
            }
            Held::ByDaemon(pid) => return Err(mute(pid)),
            Held::ByNobody | Held::Unknown => {}
        }
        say("no daemon runs");
        return Ok(ExitCode::SUCCESS);
    };
    if args.never_mind {
        connect::with_client(place, 1, async |client| client.command(Command::StayUp).await.map(|_| ())).await?;
        say("it stays");
        return Ok(ExitCode::SUCCESS);
    }
    let under_way = match reading(place, false).await? {
        Some(reading) => {
            let (client, _kept) = reading.client().await?;
            under_way(&client.state)
        }
        None => Vec::new(),
    };
    let wait = if under_way.is_empty() || args.now {
        false
    } else if args.wait {
        true
    } else {
        warn(&format!("{} under way:", if under_way.len() == 1 { "1 run is" } else { "runs are" }));
        under_way.iter().for_each(|line| warn(&format!("  {line}")));
        match ask()? {
            Choice::Wait => true,
            Choice::Now => false,
            Choice::Leave => {
                let problem = Problem::no_go("it was not stopped");
                return Err(problem.hint("--wait lets these end first, --now ends them"));
            }
        }
    };
    connect::stop(place, wait).await?;
    if wait {
        warn("it ends as soon as these have ended; until then nothing new begins (Ctrl-C leaves it at that)");
        if !ended_or_stays(place, host.pid).await? {
            return Err(Problem::no_go("somebody took the end back: it stays")
                .hint("`gonogo daemon status` says who is attached"));
        }
    } else if !gone(place, host.pid, ENDING).await {
        return Err(Problem::fault(format!("process {} has not ended within a minute", host.pid)).hint(format!(
            "`gonogo daemon logs` may say why; `kill -9 {}` ends it, and what ran is found lost",
            host.pid
        )));
    }
    say(&format!("gonogo {} has ended", host.version));
    Ok(ExitCode::SUCCESS)
}

/// It runs, and nobody reaches it.
pub fn mute(pid: u32) -> Problem {
    Problem::fault(format!("gonogo is at work (process {pid}), and does not answer at its socket"))
        .hint(format!("it makes a lost socket anew within some seconds; `kill {pid}` ends it in good order"))
}

/// Waits until this process no longer holds the log, and no longer answers; says whether that came. Another may have taken its
/// place by then.
pub async fn gone(place: &Place, pid: u32, at_most: Duration) -> bool {
    let until = Instant::now() + at_most;
    loop {
        let holds = matches!(look(&place.paths.state_dir), Held::ByDaemon(held) | Held::ByProcess(held) if held == pid);
        // The log is let go of a moment before the socket goes.
        if !holds && connect::host(place).await.is_none_or(|host| host.pid != pid) {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until it has ended, or somebody has taken that back: then `false`.
async fn ended_or_stays(place: &Place, pid: u32) -> Result<bool, Problem> {
    let Some(reading) = reading(place, false).await? else { return Ok(gone(place, pid, FOR_EVER).await) };
    let (mut client, _kept) = reading.client().await?;
    let mut gone = Box::pin(gone(place, pid, FOR_EVER));
    let mut drains = client.health.draining;
    loop {
        tokio::select! {
            ended = &mut gone => return Ok(ended),
            heard = client.hear() => {
                heard?;
                if drains && !client.health.draining {
                    return Ok(false);
                }
                drains = client.health.draining;
            }
        }
    }
}

/// What would end with it, a line a run.
pub fn under_way(state: &State) -> Vec<String> {
    let active = state.active_runs().filter(|run| run.outcome.is_none() && !run.waits_for_a_person());
    active
        .map(|run| {
            let project = state.projects.get(&run.project).map_or("?", |project| project.name.as_str());
            let running =
                run.jobs.iter().filter(|job| job.status == JobStatus::Running).map(|job| job.key().0.as_str());
            let jobs = running.collect::<Vec<_>>().join(", ");
            let jobs = if jobs.is_empty() { "no job runs".to_owned() } else { jobs };
            format!("run {}  {project}  {}  {jobs}", run.id, run.pipeline_name())
        })
        .collect()
}

enum Choice {
    Wait,
    Now,
    Leave,
}

fn ask() -> Result<Choice, Problem> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(Choice::Leave);
    }
    warn("[w] wait until they have ended   [e] end them now   [Enter] leave it running");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(match line.trim() {
        "w" | "wait" => Choice::Wait,
        "e" | "end" => Choice::Now,
        _ => Choice::Leave,
    })
}
