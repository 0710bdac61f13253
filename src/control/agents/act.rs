//! What keys do, done for an agent: the same commands, decided in the same place, as the agent's.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::{
    agent::{port::Used, tool::Action},
    control::input::Input,
    domain::{
        actor::{Actor, Trigger},
        id::{JobKey, RequestId, RunId},
    },
    protocol::{
        command::{Command, Retry},
        query::Answer,
    },
};

use super::desk::Desk;

/// Does it, and says what came of it.
pub(super) async fn act(desk: &Desk<'_>, action: &Action) -> Used {
    let command = match action {
        Action::StartRun(start) => {
            let Some(root) = desk.root.clone() else { return Used::badly("this conversation is about no project") };
            let (pipeline, jobs) = (start.pipeline.clone(), start.jobs.clone());
            Command::StartRun { root, pipeline, jobs, trigger: Trigger::Manual }
        }
        Action::RetryRun(retry) => {
            let what = match (&retry.job, retry.all) {
                (Some(job), _) => Retry::Job { job: JobKey::from(job.as_str()) },
                (None, true) => Retry::All,
                (None, false) => Retry::Failed,
            };
            Command::Retry { run: RunId(retry.run), what }
        }
        Action::CancelRun(cancel) => {
            Command::Cancel { run: RunId(cancel.run), job: cancel.job.as_deref().map(JobKey::from) }
        }
        Action::RepairJob(repair) => Command::Repair { run: RunId(repair.run), job: JobKey::from(repair.job.as_str()) },
        _ => return Used::badly("that is no verb"),
    };
    let (reply, answer) = oneshot::channel();
    let actor = Actor::Agent(desk.role.clone());
    let environment = Arc::clone(&desk.ground.environment);
    let input = Input::Command { actor, environment, id: RequestId(0), command, reply };
    let sent = desk.ground.inputs.send(input).await.is_ok();
    match answer.await {
        Ok(Ok(Answer::Run { run, .. })) => Used::well(format!("run {run} is under way")),
        Ok(Ok(_)) => Used::well("done"),
        Ok(Err(refusal)) => Used::badly(refusal.to_string()),
        Err(_) if sent => Used::badly("gonogo is ending"),
        Err(_) => Used::badly("gonogo has ended"),
    }
}
