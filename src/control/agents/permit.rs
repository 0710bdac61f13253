//! Whether an agent may do something: what it may by itself, what a person has allowed, and the wait for an answer.

use std::time::Duration;

use crate::{
    agent::{
        machine::Permit,
        port::AgentPort as _,
        tool::{Action, CancelRun, RetryRun, StartRun},
    },
    control::planner,
    domain::{
        actor::{Actor, Trigger},
        id::{RunId, Seq},
        plan::Plan,
    },
    protocol::{
        event::Event,
        thread::{Scope, ThreadEvent, Wish},
    },
};

use super::desk::Desk;

/// So many records are looked through at once for an answer.
const PAGE: usize = 1024;

/// Finds out whether it may be done; waits for a person where one has to be asked.
pub(super) async fn permit(desk: &Desk<'_>, action: &Action) -> Permit {
    let wish = match wish(desk, action).await {
        Ok(Some(wish)) => wish,
        Ok(None) => return Permit::Go { words: String::new() },
        Err(why) => return Permit::No { why },
    };
    let (thread, wanted) = (desk.thread, wish.clone());
    let allowed = desk.ask(move |state| {
        let known = state.threads.get(&thread);
        (known.is_some_and(|known| state.permits(known, &wanted).is_some()), state.seq)
    });
    let Some((allowed, since)) = allowed.await else { return Permit::No { why: "gonogo is ending".into() } };
    if allowed {
        return Permit::Go { words: String::new() };
    }
    let number = desk.next_permission();
    if !desk.record(vec![ThreadEvent::PermissionAsked { number, wish }]).await {
        return Permit::No { why: "the question could not be recorded".into() };
    }
    let answered = tokio::time::timeout(desk.expiry, answer(desk, number, since)).await;
    if let Ok(answer) = answered {
        return answer.unwrap_or(Permit::No { why: "gonogo is ending".into() });
    }
    // Nobody has answered in time: that is an answer, too.
    let why = format!("nobody answered within {}", words(desk.expiry));
    let (go, scope, by) = (false, Scope::Once, Actor::Policy);
    desk.record(vec![ThreadEvent::PermissionAnswered { number, go, scope, by, why: why.clone() }]).await;
    Permit::No { why }
}

/// What has to be allowed; nothing where a key would not ask either.
async fn wish(desk: &Desk<'_>, action: &Action) -> Result<Option<Wish>, String> {
    let verb = |verb: String, why: &str, high: bool| Some(Wish::Verb { verb, why: why.to_owned(), high });
    Ok(match action {
        Action::RunCommand(run) => Some(Wish::Run { command: run.command.clone(), why: run.why.clone() }),
        Action::AskPerson(ask) => Some(Wish::Question { question: ask.question.clone() }),
        Action::CancelRun(CancelRun { run, job, why }) => {
            let job = job.as_ref().map(|job| format!("/{job}")).unwrap_or_default();
            verb(format!("cancel {run}{job}"), why, true)
        }
        Action::StartRun(StartRun { pipeline, jobs, why }) => {
            let plan = planned(desk, pipeline.as_ref(), jobs).await?;
            let named = pipeline.iter().chain(jobs).map(|name| format!(" {name}")).collect::<String>();
            if deploys(&plan) { verb(format!("run{named}"), why, true) } else { None }
        }
        Action::RetryRun(RetryRun { run, job, why, .. }) => {
            let id = RunId(*run);
            let plan = desk.ask(move |state| state.runs.get(&id).map(|run| run.plan())).await.flatten();
            let Some(plan) = plan else { return Err(format!("there is no run {run} at hand")) };
            let job = job.as_ref().map(|job| format!("/{job}")).unwrap_or_default();
            if deploys(&plan) { verb(format!("retry {run}{job}"), why, true) } else { None }
        }
        _ => None,
    })
}

/// What a run would do, as the file has it now.
async fn planned(desk: &Desk<'_>, pipeline: Option<&String>, jobs: &[String]) -> Result<Plan, String> {
    let Some(root) = &desk.root else { return Err("this conversation is about no project".into()) };
    let wish = planner::Wish { pipeline: pipeline.cloned(), only: jobs.to_vec(), trigger: Trigger::Manual };
    match planner::plan(root, &wish, &desk.ground.options.fix).await {
        Ok(planned) => Ok(planned.plan),
        Err(no) => Err(no.hint.map_or(no.error.clone(), |hint| format!("{} (hint: {hint})", no.error))),
    }
}

fn deploys(plan: &Plan) -> bool {
    plan.jobs.iter().any(|job| job.spec.deploy.is_some())
}

/// Waits for the answer to a question of this conversation; `None` if control has ended.
async fn answer(desk: &Desk<'_>, number: u32, mut since: Seq) -> Option<Permit> {
    let mut newest = desk.ground.published.newest();
    loop {
        newest.borrow_and_update();
        while let Some(records) = desk.ground.published.recent(since, PAGE) {
            let Some(last) = records.last() else { break };
            since = last.seq;
            let answers = records.iter().filter_map(|record| match &record.event {
                Event::Thread { thread, event } if *thread == desk.thread => Some(&**event),
                _ => None,
            });
            for event in answers {
                match event {
                    ThreadEvent::PermissionAnswered { number: of, go, why, .. } if *of == number => {
                        return Some(match go {
                            true => Permit::Go { words: why.clone() },
                            false if why.trim().is_empty() => Permit::No { why: "a person said no".into() },
                            false => Permit::No { why: why.clone() },
                        });
                    }
                    _ => {}
                }
            }
        }
        // So much was recorded meanwhile that the answer may have been missed.
        if desk.ground.published.recent(since, 1).is_none() {
            let thread = desk.thread;
            let (waits, seq) = desk
                .ask(move |state| {
                    let known = state.threads.get(&thread);
                    (known.is_some_and(|known| known.wishes.contains_key(&number)), state.seq)
                })
                .await?;
            if !waits {
                return Some(Permit::No { why: "the answer was lost; ask again".into() });
            }
            since = seq;
        }
        newest.changed().await.ok()?;
    }
}

fn words(time: Duration) -> String {
    match time.as_secs() {
        secs @ 0..120 => format!("{secs} s"),
        secs @ 120..7200 => format!("{} min", secs / 60),
        secs => format!("{} h", secs / 3600),
    }
}
