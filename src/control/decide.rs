//! Requests: granted as events, or refused. Pure.

use std::collections::BTreeSet;

use crate::{
    domain::{
        actor::{Actor, Trigger},
        id::{ApprovalId, JobKey, ProposalId, RequestId, RunId},
        outcome::{CancelReason, RunOutcome, SkipReason},
        patch::Patch,
    },
    protocol::{
        command::{Command, Decision, Refusal, Retry},
        container::ContainerAction,
        event::{Event, GateEvent, JobEvent, ProjectEvent, ProposalEvent, RepairEvent, Revision, RunEvent},
        query::Answer,
        thread::Scope,
    },
    state::{
        board::State,
        job::{Job, JobStatus},
        proposal::{ProposalState, ProposalStatus},
        run::{GateStatus, Run},
    },
};

use super::{environments, threads};

/// What a granted request brings about: events to be recorded, and the answer.
pub type Granted = (Vec<Event>, Answer);

/// Decides on a command. The events say what was taken on; doing it follows from the state.
pub fn decide(state: &State, actor: &Actor, _id: RequestId, command: &Command) -> Result<Granted, Refusal> {
    match command {
        Command::AddProject { root, name } => add_project(state, root, name.as_deref()).map(|e| (e, Answer::Done)),
        Command::ForgetProject { project } => {
            if !state.projects.contains_key(project) {
                return Err(Refusal::new(format!("there is no project {project}")));
            }
            if state.active_runs().any(|run| run.project == *project && run.outcome.is_none()) {
                return Err(Refusal::new("a run of this project is under way").hint("stop it first"));
            }
            Ok((vec![Event::Project { project: *project, event: ProjectEvent::Forgotten }], Answer::Done))
        }
        Command::StartRun { root, pipeline, jobs, trigger } => {
            let mut events = Vec::new();
            let project = match state.project_at(root) {
                Some(project) if !project.forgotten => project.id,
                _ => {
                    events = add_project(state, root, None)?;
                    state.project_at(root).map_or_else(|| state.next_project(), |project| project.id)
                }
            };
            let run = state.next_run();
            let requested = RunEvent::Requested {
                project,
                pipeline: pipeline.clone(),
                jobs: jobs.clone(),
                trigger: trigger.clone(),
                by: actor.clone(),
            };
            events.push(Event::Run { run, event: requested });
            Ok((events, Answer::Run { run, project }))
        }
        Command::Cancel { run, job } => cancel(state, actor, *run, job.as_ref()),
        Command::Retry { run, what } => retry(state, actor, *run, what),
        Command::Answer { approval, decision } => answer(state, actor, approval, decision),
        Command::Revise { proposal, patch } => revise(state, actor, *proposal, patch),
        Command::Undo { proposal } => undo(state, actor, *proposal),
        Command::Repair { run, job } => repair(state, *run, job),
        // The loop itself ends; see `dispatcher`.
        Command::ShutDown { .. } | Command::StayUp if !matches!(actor, Actor::Person(_) | Actor::Policy) => {
            Err(Refusal::new("only a person may end gonogo"))
        }
        Command::ShutDown { .. } | Command::StayUp => Ok((Vec::new(), Answer::Done)),
        Command::EnvironmentUp { root, spec } => environments::up(state, actor, root, spec),
        Command::EnvironmentDown { root, name } => environments::down(state, actor, root, name),
        Command::Container { name, of, what, .. } => contain(state, actor, name, of.as_ref(), *what),
        Command::RevokeRule { rule } => threads::revoke(state, actor, *rule),
        Command::Talk { what } => threads::talk(state, actor, what),
        Command::Prune { .. } if !matches!(actor, Actor::Person(_)) => {
            Err(Refusal::new("only a person may delete old runs"))
        }
        // Deleting takes time: a task does it, and says when it has; see `prune`.
        Command::Prune { .. } => Ok((Vec::new(), Answer::Done)),
    }
}

/// What is done to a container is no state of gonogo's own: only of those of its runs is it recorded who did it.
fn contain(
    state: &State,
    actor: &Actor,
    name: &str,
    of: Option<&(RunId, Option<JobKey>)>,
    what: ContainerAction,
) -> Result<Granted, Refusal> {
    if !matches!(actor, Actor::Person(_)) {
        return Err(Refusal::new(format!("only a person may {} a container", what.word())));
    }
    let known = of.filter(|(run, _)| state.runs.contains_key(run));
    let events = known.map(|(run, job)| {
        let event = RunEvent::Container { job: job.clone(), name: name.to_owned(), what, by: actor.clone() };
        Event::Run { run: *run, event }
    });
    Ok((events.into_iter().collect(), Answer::Done))
}

pub(super) fn add_project(state: &State, root: &std::path::Path, name: Option<&str>) -> Result<Vec<Event>, Refusal> {
    if !root.is_absolute() {
        return Err(Refusal::new(format!("the path of a project must be absolute: {}", root.display())));
    }
    if root.to_str().is_none() {
        return Err(Refusal::new(format!("the path of a project must be text: {}", root.display()))
            .hint("rename the directory"));
    }
    let known = state.project_at(root);
    if known.is_some_and(|project| !project.forgotten && name.is_none_or(|name| project.name == name)) {
        return Ok(Vec::new());
    }
    let project = known.map_or_else(|| state.next_project(), |project| project.id);
    let own = || root.file_name().map_or_else(|| "/".into(), |name| name.to_string_lossy().into_owned());
    let name = name.map_or_else(own, str::to_owned);
    Ok(vec![Event::Project { project, event: ProjectEvent::Added { root: root.to_owned(), name } }])
}

fn find_run(state: &State, run: RunId) -> Result<&Run, Refusal> {
    state.runs.get(&run).ok_or_else(|| {
        if let Some(summary) = state.was_put_aside(run) {
            let pipeline = summary.pipeline.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
            return Refusal::new(format!("run {run} was put aside: it can only be looked at"))
                .hint(format!("`gonogo run{pipeline}` starts a new one"));
        }
        if run <= state.newest_run() && run > RunId(0) {
            return Refusal::new(format!("run {run} is no longer at hand")).hint("`gonogo run` starts a new one");
        }
        let newest = state.runs.keys().next_back();
        let refusal = Refusal::new(format!("there is no run {run}"));
        match newest {
            Some(newest) => refusal.hint(format!("the newest is {newest}; `gonogo status` lists them")),
            None => refusal.hint("start one with `gonogo run`"),
        }
    })
}

fn find_job<'a>(run: &'a Run, job: &JobKey) -> Result<&'a Job, Refusal> {
    run.job(job).ok_or_else(|| {
        let known: Vec<&str> = run.jobs.iter().map(|job| job.key().as_str()).collect();
        Refusal::new(format!("run {} has no job `{job}`", run.id)).hint(format!("its jobs: {}", known.join(", ")))
    })
}

fn find_proposal(state: &State, id: ProposalId) -> Result<&ProposalState, Refusal> {
    state.proposals.get(&id).ok_or_else(|| {
        let aside = state.aside.iter().find(|summary| summary.proposals.contains(&id));
        match aside {
            Some(summary) => Refusal::new(format!("proposal {id} was put aside with run {}", summary.run))
                .hint("`git revert` takes a commit back"),
            None => Refusal::new(format!("there is no proposal {id}")).hint("`gonogo approvals` lists what waits"),
        }
    })
}

fn cancel(state: &State, actor: &Actor, id: RunId, job: Option<&JobKey>) -> Result<Granted, Refusal> {
    let run = find_run(state, id)?;
    let reason = CancelReason::Asked { by: actor.to_string() };
    if let Some(key) = job {
        let job = find_job(run, key)?;
        if job.status.has_ended() {
            return Err(Refusal::new(format!("job `{key}` has already {}", job.status.word())));
        }
        let event = match job.status {
            JobStatus::Running => JobEvent::Cancelling { reason },
            _ => JobEvent::Skipped { reason: SkipReason::RunCancelled },
        };
        let event = Event::Run { run: id, event: RunEvent::Job { job: key.clone(), event } };
        return Ok((vec![event], Answer::Done));
    }
    let repairing = run.jobs.iter().any(|job| job.repair().is_some_and(|repair| repair.result.is_none()));
    match run.outcome {
        Some(outcome) if !repairing => Err(Refusal::new(format!("run {id} has already ended ({})", outcome.word()))
            .hint(format!("run it again with `gonogo retry {id}`"))),
        _ => Ok((vec![Event::Run { run: id, event: RunEvent::Cancelling { reason } }], Answer::Done)),
    }
}

fn retry(state: &State, actor: &Actor, id: RunId, what: &Retry) -> Result<Granted, Refusal> {
    let run = find_run(state, id)?;
    match run.outcome {
        None => {
            return Err(Refusal::new(format!("run {id} is still under way"))
                .hint(format!("wait for it, or stop it with `gonogo cancel {id}`")));
        }
        Some(RunOutcome::Refused) => {
            return Err(Refusal::new(format!("run {id} never had a plan")).hint("mend gonogo.toml and start a new run"));
        }
        Some(_) if !run.planned => {
            return Err(Refusal::new(format!("run {id} was stopped before it had a plan")).hint("start a new run"));
        }
        Some(_) => {}
    }
    let mut again: BTreeSet<usize> = BTreeSet::new();
    for (at, job) in run.jobs.iter().enumerate() {
        let wanted = match what {
            Retry::All => true,
            Retry::Failed => match &job.status {
                JobStatus::Skipped { reason } => !matches!(reason, SkipReason::NotForTrigger | SkipReason::NotAsked),
                status => !status.is_good(),
            },
            Retry::Job { job: key } => job.key() == key,
        };
        if wanted {
            again.insert(at);
        }
    }
    if let Retry::Job { job } = what {
        find_job(run, job)?;
        again = run.downstream(again).0;
    }
    if again.is_empty() {
        return Err(Refusal::new(format!("every job of run {id} passed")).hint("`--all` runs them all again"));
    }
    let jobs = again.into_iter().filter_map(|at| run.jobs.get(at)).map(|job| job.key().clone()).collect();
    let event = RunEvent::Reopened { by: actor.clone(), jobs };
    Ok((vec![Event::Run { run: id, event }], Answer::Run { run: id, project: run.project }))
}

fn answer(state: &State, actor: &Actor, approval: &ApprovalId, decision: &Decision) -> Result<Granted, Refusal> {
    if !actor.may_approve() {
        return Err(Refusal::new("only a person may answer this").hint("answer it on the board or with `gonogo go`"));
    }
    match approval {
        ApprovalId::Gate { run: id, gate: name } => {
            let run = find_run(state, *id)?;
            let Some(gate) = run.gates.iter().find(|gate| gate.planned.name == *name) else {
                return Err(Refusal::new(format!("run {id} has no gate `{name}`")));
            };
            match &gate.status {
                GateStatus::Asking => {}
                GateStatus::Waiting => return Err(Refusal::new(format!("gate `{name}` does not ask yet"))),
                GateStatus::Go { by } | GateStatus::NoGo { by, .. } => {
                    return Err(Refusal::new(format!("gate `{name}` was already answered by {by}")));
                }
                GateStatus::Skipped { reason } => {
                    return Err(Refusal::new(format!("gate `{name}` was skipped ({reason})")));
                }
            }
            let (go, why) = match decision {
                Decision::Go { .. } => (true, String::new()),
                Decision::NoGo { why } => (false, why.clone()),
            };
            let event = GateEvent::Answered { go, by: actor.clone(), why };
            let event = Event::Run { run: *id, event: RunEvent::Gate { gate: name.clone(), event } };
            Ok((vec![event], Answer::Done))
        }
        ApprovalId::Permission { thread, number } => {
            let (go, why) = match decision {
                Decision::Go { .. } => (true, ""),
                Decision::NoGo { why } => (false, why.as_str()),
            };
            threads::allow(state, actor, (*thread, *number), (go, &Scope::Once, why))
        }
        ApprovalId::Proposal(id) => {
            let proposal = find_proposal(state, *id)?;
            if !proposal.is_pending() {
                let word = proposal.status.word();
                return Err(Refusal::new(match &proposal.answered {
                    Some((by, _)) => format!("proposal {id} was already answered by {by} ({word})"),
                    None => format!("proposal {id} no longer waits ({word})"),
                }));
            }
            let event = match decision {
                Decision::NoGo { why } => ProposalEvent::Declined { by: actor.clone(), why: why.clone() },
                Decision::Go { hash, into } => {
                    if hash.as_ref() != Some(&proposal.proposal.hash) {
                        return Err(Refusal::new(format!("what was shown is not proposal {id} as it stands"))
                            .hint("look at it again, then answer"));
                    }
                    let policy = state.runs.get(&proposal.proposal.run).map(|run| run.fix.apply).unwrap_or_default();
                    ProposalEvent::Approved {
                        by: actor.clone(),
                        hash: proposal.proposal.hash.clone(),
                        into: into.unwrap_or(policy),
                    }
                }
            };
            Ok((vec![Event::Proposal { proposal: *id, event }], Answer::Proposal { proposal: *id }))
        }
    }
}

fn revise(
    state: &State,
    actor: &Actor,
    id: ProposalId,
    patch: &crate::domain::patch::PatchText,
) -> Result<Granted, Refusal> {
    if !actor.may_approve() {
        return Err(Refusal::new("only a person may change a proposal"));
    }
    let proposal = find_proposal(state, id)?;
    if !proposal.is_pending() {
        return Err(Refusal::new(format!("proposal {id} no longer waits ({})", proposal.status.word())));
    }
    match Patch::parse(&patch.0) {
        Ok(parsed) if parsed.files.is_empty() => return Err(Refusal::new("the patch changes nothing")),
        Ok(_) => {}
        Err(error) => {
            return Err(Refusal::new(format!("the patch does not read: {error}")).hint("keep each hunk's line counts"));
        }
    }
    let run = find_run(state, proposal.proposal.run)?;
    let job = find_job(run, &proposal.proposal.job)?;
    if job.repair().is_some_and(|repair| repair.result.is_none()) {
        return Err(Refusal::new(format!("a repair of `{}` is under way", job.key())).hint("wait for it, or stop it"));
    }
    let revision = Revision { of: id, by: actor.clone(), patch: patch.clone() };
    let event = repair_started(job, Some(revision));
    Ok((vec![Event::Run { run: run.id, event }], Answer::Proposal { proposal: id }))
}

fn undo(state: &State, actor: &Actor, id: ProposalId) -> Result<Granted, Refusal> {
    if !actor.may_approve() {
        return Err(Refusal::new("only a person may take a proposal back"));
    }
    let proposal = find_proposal(state, id)?;
    if proposal.status != ProposalStatus::Applied {
        return Err(Refusal::new(format!("proposal {id} is not applied ({})", proposal.status.word())));
    }
    let event = ProposalEvent::UndoRequested { by: actor.clone() };
    Ok((vec![Event::Proposal { proposal: id, event }], Answer::Proposal { proposal: id }))
}

fn repair(state: &State, id: RunId, key: &JobKey) -> Result<Granted, Refusal> {
    let run = find_run(state, id)?;
    let job = find_job(run, key)?;
    if job.status != JobStatus::Failed {
        return Err(Refusal::new(format!("job `{key}` has not failed ({})", job.status.word())));
    }
    if job.repair().is_some_and(|repair| repair.result.is_none()) {
        return Err(Refusal::new(format!("a repair of `{key}` is already under way")));
    }
    Ok((vec![Event::Run { run: id, event: repair_started(job, None) }], Answer::Done))
}

/// The event that starts the next repair of a job.
pub(super) fn repair_started(job: &Job, revision: Option<Revision>) -> RunEvent {
    let number = job.repairs.len() as u32 + 1;
    let attempt = job.attempt().map_or(0, |attempt| attempt.number);
    RunEvent::Repair { job: job.key().clone(), event: RepairEvent::Started { number, attempt, revision } }
}

/// The event that asks for the run which shows whether applied repairs made a run green.
pub(super) fn follow_up(state: &State, run: &Run) -> Event {
    let applied = |id: &&ProposalId| state.proposals.get(id).is_some_and(|p| p.status == ProposalStatus::Applied);
    let proposals = run.proposals.iter().filter(applied).copied().collect();
    let requested = RunEvent::Requested {
        project: run.project,
        pipeline: run.pipeline.clone(),
        jobs: run.only.clone(),
        trigger: Trigger::AfterRepair { run: run.id, proposals },
        by: Actor::Policy,
    };
    Event::Run { run: state.next_run(), event: requested }
}
