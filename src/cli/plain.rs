//! Records as plain lines: for pipes, screen readers and CI. One line a moment, nothing is ever redrawn.

use std::io::Write as _;

use crate::{
    domain::{id::RunId, outcome::RunOutcome},
    protocol::event::{Event, Record, RunEvent},
    state::{board::State, run::Run, timeline::Moment},
};

/// The line for a record, if it is worth one.
pub fn line(state: &State, record: &Record) -> Option<String> {
    let run = run_of(state, record)?;
    let moment = run.moments.iter().rev().find(|moment| moment.seq == record.seq)?;
    Some(moment_line(run, moment))
}

/// The line for a moment of a run: time, run, job, what.
pub fn moment_line(run: &Run, moment: &Moment) -> String {
    let time = moment.at.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string();
    let pipeline = run.pipeline.as_deref().map(|name| format!("  {name}")).unwrap_or_default();
    let job = moment.job.as_ref().map(|job| format!(" › {job}")).unwrap_or_default();
    format!("{time}  run {}{pipeline}{job}: {}", run.id, moment.what)
}

fn run_of<'a>(state: &'a State, record: &Record) -> Option<&'a Run> {
    let run = match &record.event {
        Event::Run { run, .. } => *run,
        Event::Proposal { proposal, .. } => state.proposals.get(proposal)?.proposal.run,
        Event::Control { .. } | Event::Project { .. } | Event::Thread { .. } | Event::Unknown => return None,
    };
    state.runs.get(&run)
}

/// The run that a record is about.
pub fn run_number(state: &State, record: &Record) -> Option<RunId> {
    run_of(state, record).map(|run| run.id)
}

/// Prints a line. Says whether anybody still reads: a reader that is gone is no error, but a reason to stop reading out.
pub fn say(text: &str) -> bool {
    writeln!(std::io::stdout(), "{text}").is_ok()
}

/// Prints some lines, each with its end, at once. Says whether anybody still reads.
pub fn say_all(lines: &str) -> bool {
    std::io::stdout().write_all(lines.as_bytes()).is_ok()
}

/// Prints a record as a line of JSON.
pub fn say_json(record: &Record) -> bool {
    serde_json::to_string(record).is_ok_and(|json| say(&json))
}

/// Whether a record ends the attempt of a job that failed, and which.
pub fn failed_job(record: &Record) -> Option<(RunId, crate::domain::id::JobKey, u32)> {
    use crate::{domain::outcome::JobOutcome, protocol::event::JobEvent};
    match &record.event {
        Event::Run {
            run,
            event: RunEvent::Job { job, event: JobEvent::Finished { attempt, outcome: JobOutcome::Failed { .. }, .. } },
        } => Some((*run, job.clone(), *attempt)),
        _ => None,
    }
}

/// The last line about a run.
pub fn verdict(run: &Run) -> String {
    let took = run.ended_at.map(|at| run.took(at).to_string()).unwrap_or_default();
    match run.outcome {
        Some(RunOutcome::Passed) => format!("GO     run {} passed in {took}", run.id),
        Some(outcome) => format!("NO-GO  run {} {} after {took}", run.id, outcome.word()),
        None => format!("run {} is under way", run.id),
    }
}
