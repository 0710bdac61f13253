//! `gonogo status`: the projects, their latest runs, what waits.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::{
    domain::{id::RunId, time::Timestamp},
    state::{
        approval,
        board::State,
        job::{Job, JobStatus},
        run::Run,
    },
    store::hold::holder,
};

use super::{
    connect::reading,
    place::{Place, Reach},
    plain::say,
    report::Problem,
};

/// Arguments of `gonogo status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One run, with its jobs
    pub run: Option<RunId>,
    /// How many runs of each project
    #[arg(long, short = 'n', default_value_t = 5, value_name = "COUNT")]
    pub count: usize,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What is said where nothing has been recorded.
pub fn nothing_yet() -> Problem {
    Problem::usage("nothing has been run yet").hint("start with `gonogo run`, or `gonogo demo` to see what it does")
}

/// Prints how things stand.
pub async fn run(args: Args, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    let Some(reading) = reading(&place, false).await? else {
        if args.json && args.run.is_none() {
            say(&pretty(&state_json(&State::default(), 0)));
            return Ok(ExitCode::SUCCESS);
        }
        return Err(nothing_yet());
    };
    let (mut client, _kept) = reading.client().await?;
    let asked = match args.run {
        Some(id) => Some(client.run(id).await?.ok_or_else(|| no_run(id))?),
        None => None,
    };
    let state = &client.state;
    if !args.json && holder(&place.paths.state_dir).is_none() && state.active_runs().any(|run| run.outcome.is_none()) {
        super::report::warn("no gonogo is at work: what is shown as running ended with the last one");
    }
    if let Some(run) = &asked {
        if args.json {
            say(&pretty(&run_json(state, run)));
        } else {
            print_run(run);
            print_waiting(state, Some(run.id));
        }
        return Ok(super::attend::exit_code(run));
    }
    if args.json {
        say(&pretty(&state_json(state, args.count)));
        return Ok(ExitCode::SUCCESS);
    }
    for project in state.projects.values().filter(|project| !project.forgotten) {
        say(&format!("{}  {}", project.name, project.root.display()));
        let runs: Vec<&Run> = project.runs.iter().rev().take(args.count).filter_map(|id| state.runs.get(id)).collect();
        if runs.is_empty() {
            say("  no runs yet");
        }
        for run in runs {
            say(&format!("  {}", run_line(run)));
        }
    }
    print_waiting(state, None);
    Ok(ExitCode::SUCCESS)
}

/// What is said where there is no run of this number.
pub fn no_run(id: RunId) -> Problem {
    Problem::usage(format!("there is no run {id}")).hint("`gonogo status` lists them")
}

fn run_line(run: &Run) -> String {
    let (glyph, word) = run_word(run);
    let commit = run.source.commit.get(..7).unwrap_or("-");
    let branch = run.source.branch.as_deref().unwrap_or("-");
    let took = run.took(run.ended_at.unwrap_or_else(Timestamp::now));
    format!("{glyph} run {:<4} {word:<9} {:<10} {branch}@{commit}  {took}", run.id.0, run.pipeline_name())
}

fn run_word(run: &Run) -> (&'static str, &'static str) {
    use crate::domain::outcome::RunOutcome::{Cancelled, Failed, Lost, Passed, Refused};
    match run.outcome {
        Some(Passed) => ("✓", "passed"),
        Some(Failed) => ("✗", "failed"),
        Some(Cancelled) => ("-", "cancelled"),
        Some(Lost) => ("!", "lost"),
        Some(Refused) => ("!", "refused"),
        None => ("…", "running"),
    }
}

fn print_run(run: &Run) {
    say(&run_line(run));
    if let Some((error, hint)) = &run.refused {
        say(error);
        if let Some(hint) = hint {
            say(&format!("hint: {hint}"));
        }
    }
    for job in &run.jobs {
        let glyph = match job.status {
            JobStatus::Passed | JobStatus::Cached { .. } => "✓",
            JobStatus::Failed => "✗",
            JobStatus::Running | JobStatus::Queued | JobStatus::Waiting | JobStatus::Retrying { .. } => "…",
            JobStatus::Cancelled | JobStatus::Skipped { .. } => "-",
            JobStatus::Lost => "!",
        };
        let took = job.took(Timestamp::now()).map(|took| took.to_string()).unwrap_or_default();
        say(&format!("  {glyph} {:<24} {:<9} {took:<8} {}", job.key().0, job.status.word(), remark(job)));
    }
}

/// What there is to say about a job beside its status.
fn remark(job: &Job) -> String {
    match &job.status {
        JobStatus::Cached { saved, .. } => format!("saved {saved}"),
        JobStatus::Skipped { reason } => reason.to_string(),
        JobStatus::Retrying { because, .. } => because.clone(),
        JobStatus::Failed => {
            let said = job.diagnosis().map(|diagnosis| format!("{}: {}", diagnosis.category, diagnosis.headline()));
            let repair =
                job.repair().and_then(crate::state::repair::Repair::doing).map(|doing| format!("  [repair: {doing}]"));
            format!("{}{}", said.unwrap_or_default(), repair.unwrap_or_default())
        }
        _ => String::new(),
    }
}

/// What waits for a person, and how to answer it.
pub fn print_waiting(state: &State, run: Option<RunId>) {
    for approval in approval::pending(state).iter().filter(|approval| run.is_none() || approval.run == run) {
        say(&format!(
            "? waits: {}  {}  {}  (gonogo approvals {})",
            approval.id,
            approval.run.map_or_else(|| "-".to_owned(), |run| format!("run {run}")),
            approval.question,
            approval.id
        ));
    }
}

/// Indented JSON.
pub fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}

fn state_json(state: &State, count: usize) -> Value {
    let projects: Vec<Value> = state
        .projects
        .values()
        .filter(|project| !project.forgotten)
        .map(|project| {
            let runs = project.runs.iter().rev().take(count).filter_map(|id| state.runs.get(id));
            json!({
                "id": project.id, "name": project.name, "root": project.root,
                "runs": runs.map(|run| run_json(state, run)).collect::<Vec<_>>(),
            })
        })
        .collect();
    let waiting: Vec<Value> = approval::pending(state).iter().map(super::approvals::to_json).collect();
    json!({ "seq": state.seq, "projects": projects, "waiting": waiting })
}

fn run_json(state: &State, run: &Run) -> Value {
    let jobs: Vec<Value> = run.jobs.iter().map(|job| job_json(run, job)).collect();
    let gates: Vec<Value> = run
        .gates
        .iter()
        .map(|gate| json!({ "name": gate.planned.name, "question": gate.planned.question, "status": format!("{:?}", gate.status).split([' ', '{']).next().unwrap_or_default().to_lowercase() }))
        .collect();
    let proposals: Vec<Value> =
        run.proposals.iter().filter_map(|id| state.proposals.get(id)).map(super::approvals::proposal_json).collect();
    json!({
        "id": run.id, "project": run.project, "pipeline": run.pipeline, "by": run.by.to_string(), "trigger": run.trigger.to_string(),
        "requested_at": run.requested_at, "ended_at": run.ended_at,
        "outcome": run.outcome, "source": run.source, "refused": run.refused.as_ref().map(|(error, _)| error),
        "jobs": jobs, "gates": gates, "proposals": proposals, "followed_by": run.followed_by,
    })
}

fn job_json(run: &Run, job: &Job) -> Value {
    let attempt = job.attempt();
    json!({
        "key": job.key(), "status": job.status.word(), "needs": job.planned.needs,
        "attempts": job.attempts.len(), "started_at": attempt.map(|attempt| attempt.started_at),
        "ended_at": attempt.and_then(|attempt| attempt.ended_at),
        "outcome": attempt.and_then(|attempt| attempt.outcome.as_ref()),
        "diagnosis": job.diagnosis(), "artifacts": attempt.map(|attempt| &attempt.artifacts),
        "saved_ms": match &job.status { JobStatus::Cached { saved, .. } => Some(saved.0), _ => None },
        "skipped": match &job.status { JobStatus::Skipped { reason } => Some(reason.to_string()), _ => None },
        "repair": job.repair().map(|repair| json!({ "doing": repair.doing(), "tried": repair.tried.iter().map(|(fixer, result)| json!({ "fixer": fixer, "result": result })).collect::<Vec<_>>(), "result": repair.result })),
        "output": job.output(run.id).map(|output| output.to_string()),
    })
}
