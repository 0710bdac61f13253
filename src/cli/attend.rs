//! Attends a run to its end, its repairs and the runs that follow from them, in plain lines or JSON.

use std::process::ExitCode;

use crate::{
    domain::{
        actor::Trigger,
        id::{ApprovalId, OutputId, RunId},
        outcome::RunOutcome,
    },
    protocol::{
        command::{Command, Decision},
        event::Record,
        frame::Link,
        query::{Answer, Query},
    },
    state::{
        approval::{self, Approval},
        board::State,
        proposal::ProposalStatus,
        run::{GateStatus, Run},
    },
};

use super::{
    client::{Client, Heard},
    connect::{Interrupt, Interrupts},
    plain,
    report::{Problem, warn},
};

/// How a run is attended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// Records as JSON lines.
    pub json: bool,
    /// Say GO to every proposal that is proven.
    pub go: bool,
    /// So many of the last lines of a failed job's output are shown.
    pub tail: u32,
    /// The run goes on when this process ends.
    pub stays: bool,
}

/// Attends until nothing more happens by itself. The exit status is that of the last run.
pub async fn attend(client: &mut Client, run: RunId, manner: Manner) -> Result<ExitCode, Problem> {
    let mut run = run;
    let mut keys = Interrupts::new()?;
    let mut refused = false;
    loop {
        while let Some(heard) = client.unheard() {
            show(client, heard, run, manner).await?;
        }
        if let Some(next) = client.state.runs.get(&run).and_then(|run| run.followed_by) {
            run = next;
            continue;
        }
        if manner.go && say_go(client, run, manner).await? {
            continue;
        }
        if is_settled(&client.state, run) {
            break;
        }
        tokio::select! {
            heard = client.hear() => show(client, heard?, run, manner).await?,
            interrupt = keys.next() => match interrupt {
                // The daemon goes on with it.
                Interrupt::End | Interrupt::HangUp if manner.stays => return Ok(ExitCode::from(1)),
                _ => {
                    tokio::select! {
                        stopped = stop(client, run, manner, &mut refused) => stopped?,
                        // Nobody takes the wish: whoever says it again wants to be out of here.
                        _ = keys.next() => return Err(Problem::no_go("left without an answer").hint("`gonogo status` says whether it was stopped")),
                    }
                }
            }
        }
    }
    conclude(client, run, manner).await
}

/// Nothing more will happen without a person.
fn is_settled(state: &State, id: RunId) -> bool {
    let Some(run) = state.runs.get(&id) else { return true };
    let waits_for_gate = run.gates.iter().any(|gate| gate.status == GateStatus::Asking)
        && run.jobs.iter().all(|job| job.status.has_ended() || job.status == crate::state::job::JobStatus::Waiting);
    let repairing = run.jobs.iter().any(|job| run.is_repairing(job, &state.proposals));
    let applying = run
        .proposals
        .iter()
        .filter_map(|id| state.proposals.get(id))
        .any(|proposal| matches!(proposal.status, ProposalStatus::Applying { .. } | ProposalStatus::Undoing));
    (run.outcome.is_some() || waits_for_gate) && !repairing && !applying && !run.owes_follow_up(&state.proposals)
}

/// Shows what was heard of a run and those that it follows from: records, the end of the output of a job that failed, and what
/// stands in the way.
pub async fn show(client: &mut Client, heard: Heard, run: RunId, manner: Manner) -> Result<(), Problem> {
    let records = match heard {
        Heard::Records(records) => records,
        Heard::Health(health) => {
            let said = health.not_recording.map_or("it is recorded again".to_owned(), |why| {
                format!("nothing is recorded at the moment: {why}; it goes on by itself when it can")
            });
            warn(&said);
            return Ok(());
        }
        Heard::Link(Link::Lost { why, tries: 0, .. }) => {
            warn(&format!("{why}; calling again"));
            return Ok(());
        }
        Heard::Link(Link::Up) => {
            warn("gonogo answers again");
            return Ok(());
        }
        _ => return Ok(()),
    };
    let of_it = |record: &Record| match plain::run_number(&client.state, record) {
        Some(of) => is_one_story(&client.state, of, run),
        None => manner.json,
    };
    let records: Vec<_> = records.into_iter().filter(|record| of_it(record)).collect();
    for record in &records {
        if manner.json {
            plain::say_json(record);
        } else if let Some(line) = plain::line(&client.state, record) {
            plain::say(&line);
        }
    }
    if manner.json || manner.tail == 0 {
        return Ok(());
    }
    for (run, job, attempt) in records.iter().filter_map(|record| plain::failed_job(record)) {
        show_tail(client, OutputId::attempt(run, &job, attempt), manner.tail).await?;
    }
    Ok(())
}

/// One of the two runs is the other, or follows from it.
fn is_one_story(state: &State, a: RunId, b: RunId) -> bool {
    let (first, mut at) = (a.min(b), a.max(b));
    while at != first {
        match state.runs.get(&at).map(|run| &run.trigger) {
            Some(Trigger::AfterRepair { run, .. }) if *run < at => at = *run,
            _ => return false,
        }
    }
    true
}

async fn show_tail(client: &mut Client, output: OutputId, count: u32) -> Result<(), Problem> {
    let all = Query::Lines { output: output.clone(), first: 0, count: 0 };
    let Ok(Answer::Lines(page)) = client.query(all).await else { return Ok(()) };
    let first = page.total_lines.saturating_sub(u64::from(count));
    if let Ok(Answer::Lines(page)) = client.query(Query::Lines { output, first, count }).await {
        for line in page.lines {
            plain::say(&format!("          │ {}", line.text));
        }
    }
    Ok(())
}

/// Says GO to what waits; says whether anything did.
async fn say_go(client: &mut Client, run: RunId, manner: Manner) -> Result<bool, Problem> {
    // What an agent may do is not given with a word for all: it is asked one by one.
    let waiting: Vec<Approval> = approval::pending(&client.state).into_iter().filter(|a| a.run == Some(run)).collect();
    for approval in &waiting {
        let hash = match &approval.id {
            ApprovalId::Proposal(id) => client.state.proposals.get(id).map(|p| p.proposal.hash.clone()),
            ApprovalId::Gate { .. } => None,
            ApprovalId::Permission { .. } => continue,
        };
        let decision = Decision::Go { hash, into: None };
        let command = Command::Answer { approval: approval.id.clone(), decision };
        client.command(command).await?;
        // The reply may come before the records that it is about.
        while approval::pending(&client.state).iter().any(|still| still.id == approval.id) {
            let heard = client.hear().await?;
            show(client, heard, run, manner).await?;
        }
    }
    Ok(waiting.iter().any(|approval| !matches!(approval.id, ApprovalId::Permission { .. })))
}

/// The verdict, what waits and how to answer it, and the exit status.
async fn conclude(client: &mut Client, run: RunId, manner: Manner) -> Result<ExitCode, Problem> {
    let Some(run) = &client.run(run).await? else { return Ok(ExitCode::from(1)) };
    if !manner.json {
        plain::say("");
        plain::say(&plain::verdict(run));
        if let Some((error, hint)) = &run.refused {
            let problem = Problem::usage(error);
            warn(&hint.as_ref().map_or(problem.to_string(), |hint| Problem::usage(error).hint(hint).to_string()));
        }
        for approval in approval::pending(&client.state).iter().filter(|approval| approval.run == Some(run.id)) {
            plain::say(&format!("waits  {}  {}", approval.id, approval.question));
            plain::say(&format!(
                "       look: gonogo approvals {id}   answer: gonogo go {id}   or: gonogo nogo {id} --why \"...\"",
                id = approval.id
            ));
        }
    }
    Ok(exit_code(run))
}

/// 0 for a run that passed, 2 for one that never had a plan, 1 for any other.
pub fn exit_code(run: &Run) -> ExitCode {
    match run.outcome {
        Some(RunOutcome::Passed) => ExitCode::SUCCESS,
        Some(RunOutcome::Refused) => ExitCode::from(2),
        _ => ExitCode::from(1),
    }
}

/// Ctrl-C and friends: the first asks the run to end, the second ends it. `refused`: a stop was refused before.
async fn stop(client: &mut Client, run: RunId, manner: Manner, refused: &mut bool) -> Result<(), Problem> {
    if !manner.json {
        warn("stopping; once more to stop at once");
    }
    match client.command(Command::Cancel { run, job: None }).await {
        // Most likely it has just ended by itself. If it can't be stopped (the disk is full), the next one leaves.
        Err(problem) if problem.kind == super::report::Kind::NoGo && !*refused => {
            *refused = true;
            if client.state.runs.get(&run).is_some_and(|run| run.outcome.is_none()) {
                warn(&problem.to_string());
            }
            Ok(())
        }
        other => other.map(|_| ()),
    }
}
