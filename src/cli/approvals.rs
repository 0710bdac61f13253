//! `gonogo approvals`: what waits for a person, and all of one of them.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::{
    domain::{
        id::ApprovalId,
        proposal::ProofRun,
        time::{Millis, Timestamp},
    },
    state::{
        approval::{self, Approval},
        board::State,
        proposal::ProposalState,
    },
};

use super::{
    connect::reading,
    permission,
    place::{Place, Reach},
    plain::say,
    report::Problem,
    status::pretty,
};

/// Arguments of `gonogo approvals`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// All of one: a proposal's number, RUN/GATE, or what an agent asks (tTHREAD/NUMBER)
    pub id: Option<ApprovalId>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Lists what waits, or shows one.
pub async fn run(args: Args, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    let Some(reading) = reading(&place, false).await? else {
        if args.json && args.id.is_none() {
            say("[]");
            return Ok(ExitCode::SUCCESS);
        }
        return Err(super::status::nothing_yet());
    };
    let (client, _kept) = reading.client().await?;
    match &args.id {
        Some(id) => show(&client.state, id, args.json),
        None => {
            list(&client.state, args.json);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn list(state: &State, json: bool) {
    let waiting = approval::pending(state);
    if json {
        say(&pretty(&Value::Array(waiting.iter().map(to_json).collect())));
        return;
    }
    if waiting.is_empty() {
        say("nothing waits for you");
    }
    for approval in &waiting {
        let ago = Millis::between(approval.asked_at, Timestamp::now());
        say(&format!(
            "{:<8} {:<8} {}  (asked {ago} ago)",
            approval.id.to_string(),
            approval.run.map_or_else(|| "-".to_owned(), |run| format!("run {run}")),
            approval.question
        ));
    }
    if let Some(first) = waiting.first() {
        say(&format!(
            "\nlook: gonogo approvals {id}   answer: gonogo go {id}   or: gonogo nogo {id} --why \"...\"",
            id = first.id
        ));
    }
}

fn show(state: &State, id: &ApprovalId, json: bool) -> Result<ExitCode, Problem> {
    match id {
        ApprovalId::Proposal(number) => {
            let found = state.proposals.get(number);
            let proposal = found.ok_or_else(|| {
                Problem::usage(format!("there is no proposal {number}")).hint("`gonogo approvals` lists what waits")
            })?;
            if json {
                say(&pretty(&proposal_json(proposal)));
            } else {
                print(proposal);
            }
        }
        ApprovalId::Permission { thread, number } => permission::show(state, (*thread, *number), json)?,
        ApprovalId::Gate { run, gate: name } => {
            let run = state.runs.get(run).ok_or_else(|| super::status::no_run(*run))?;
            let gate = run.gates.iter().find(|gate| gate.planned.name == *name);
            let gate = gate.ok_or_else(|| Problem::usage(format!("run {} has no gate `{name}`", run.id)))?;
            if json {
                say(&pretty(&json!({ "id": id.to_string(), "run": run.id, "question": gate.planned.question })));
            } else {
                say(&format!("{id}  {}", gate.planned.question));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(state: &ProposalState) {
    let proposal = &state.proposal;
    say(&format!("proposal {} ({}): {}", state.id, state.status.word(), proposal.title));
    say(&format!("  run     {} › {}", proposal.run, proposal.job));
    say(&format!("  why     {}: {}", proposal.diagnosis.category, proposal.diagnosis.headline()));
    say(&format!("  made by {}", proposal.fixer));
    say(&format!("  risk    {}", proposal.risk.level.word()));
    for flag in &proposal.risk.flags {
        say(&format!("          {}: {} ({})", flag.level.word(), flag.reason, flag.name));
    }
    let runs = |runs: &[ProofRun]| {
        runs.iter().map(|run| format!("{} {} ({})", run.job, run.ended, run.took)).collect::<Vec<_>>().join(", ")
    };
    say(&format!("  without {}", runs(&proposal.proof.before)));
    say(&format!("  with    {}", runs(&proposal.proof.after)));
    say(&format!("  undo    {}", proposal.undo));
    say(&format!("  hash    {}", proposal.hash.short()));
    say("");
    say(proposal.patch.0.trim_end());
    if state.is_pending() {
        say(&format!("\nanswer: gonogo go {id}   or: gonogo nogo {id} --why \"...\"", id = state.id));
    }
}

/// A pending question as JSON.
pub fn to_json(approval: &Approval) -> Value {
    json!({ "id": approval.id.to_string(), "run": approval.run, "question": approval.question, "asked_at": approval.asked_at })
}

/// A proposal as JSON.
pub fn proposal_json(state: &ProposalState) -> Value {
    json!({
        "id": state.id, "status": state.status.word(), "asked_at": state.asked_at,
        "answered_by": state.answered.as_ref().map(|(by, _)| by.to_string()),
        "commit": state.applied.as_ref().and_then(|applied| applied.commit.clone()),
        "proposal": state.proposal,
    })
}
