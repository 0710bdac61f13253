//! The timeline's cursor, and going to the moment that it stands on.

use crate::{
    domain::{
        id::{JobKey, OutputId},
        time::Timestamp,
    },
    protocol::query::Query,
    state::{
        board::State,
        run::Run,
        timeline::{Moment, Tone},
    },
};

use crate::tui::{
    select, tree,
    ui::{Effect, Pane, Purpose, Ui},
};

/// The moments of the chosen run, in order of time, out of where it stands ([`Ui::here`]).
pub(in crate::tui) fn of<'a>(ui: &Ui, state: &'a State) -> impl Iterator<Item = &'a Moment> + use<'a> {
    ui.run().and_then(|id| state.runs.get(&id)).into_iter().flat_map(|run| run.moments.iter())
}

/// The cursor moves by moments.
pub(super) fn step(ui: &mut Ui, state: &State, by: i64) {
    let home = ui.here(state);
    let all: Vec<&Moment> = of(ui, &home).collect();
    if all.is_empty() {
        return;
    }
    let last = all.len() - 1;
    let at = ui.timeline.cursor.and_then(|seq| all.iter().position(|moment| moment.seq == seq)).unwrap_or(last);
    let next = (at as i64 + by).clamp(0, last as i64) as usize;
    ui.timeline.cursor = all.get(next).map(|moment| moment.seq);
}

/// Enter: every pane goes to this moment.
pub(super) fn enter(ui: &mut Ui, state: &State) -> Vec<Effect> {
    let cursor = ui.timeline.cursor;
    let home = ui.here(state);
    let Some(moment) = of(ui, &home).filter(|m| cursor.is_none_or(|seq| m.seq == seq)).last() else {
        return Vec::new();
    };
    ui.timeline.cursor = Some(moment.seq);
    let Some(run) = ui.run().and_then(|id| home.runs.get(&id)) else { return Vec::new() };
    let Some(job) = &moment.job else {
        ui.say("this moment belongs to no job: there is no log line to show");
        return Vec::new();
    };
    select::choose_job(ui, state, run.id, job);
    let Some(output) = output_at(run, job, moment) else {
        ui.say("nothing had been written by then");
        return Vec::new();
    };
    select::show(ui, state, output.clone(), true);
    ui.log.let_go();
    ui.focus = Pane::Logs;
    vec![Effect::Query(Query::LineAt { output: output.clone(), at: moment.at }, Purpose::Moment { output })]
}

/// Which output of the job was being written at this moment.
fn output_at(run: &Run, key: &JobKey, moment: &Moment) -> Option<OutputId> {
    let job = tree::run_job(run, key)?;
    let by_then = |at: &Timestamp| *at <= moment.at;
    let attempt = job.attempts.iter().rev().find(|a| by_then(&a.started_at));
    let attempt = attempt.map(|a| OutputId::attempt(run.id, key, a.number));
    let repair = job.repairs.iter().rev().find(|r| by_then(&r.started_at));
    let repair = repair.map(|r| OutputId::repair(run.id, key, r.number));
    if matches!(moment.tone, Tone::Repair) { repair.or(attempt) } else { attempt.or(repair) }
}
