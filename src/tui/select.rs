//! What is chosen, kept true while records come in: the project, the run, the job whose output is shown.

use crate::{
    domain::id::{JobKey, OutputId, RunId},
    state::{
        board::State,
        job::{Job, JobStatus},
        run::Run,
    },
};

use super::{
    log::LogPane,
    tree::{self, Node},
    ui::Ui,
};

/// After records were folded in: chooses what the person has not chosen.
pub fn refresh(ui: &mut Ui, state: &State) {
    choose_project(ui, state);
    choose_run(ui, state);
    choose_output(ui, state);
    complete_output(ui, state);
    ui.card.refresh(state);
}

/// Telemetry may be lost: when an attempt has ended, its record says how much it wrote.
fn complete_output(ui: &mut Ui, state: &State) {
    let Some(output) = ui.log.output.clone().filter(|output| !output.repair) else { return };
    let home = ui.home(state, output.run);
    let job = tree::find_job(&home, output.run, &output.job);
    let attempt = job.and_then(|job| job.attempts.iter().find(|attempt| attempt.number == output.attempt));
    if let Some(attempt) = attempt.filter(|attempt| attempt.ended_at.is_some() && attempt.lines > 0) {
        ui.log.grew(&output, attempt.lines);
    }
}

fn choose_project(ui: &mut Ui, state: &State) {
    let shown = |id| state.projects.get(id).is_some_and(|project: &crate::state::project::Project| !project.forgotten);
    if ui.project.as_ref().is_some_and(shown) {
        return;
    }
    let here = ui.options.root.as_deref().and_then(|root| state.project_at(root)).filter(|p| !p.forgotten);
    let busiest = || {
        let newest = |p: &&crate::state::project::Project| p.runs.last().copied();
        state.projects.values().filter(|p| !p.forgotten).max_by_key(newest)
    };
    ui.project = here.or_else(busiest).map(|project| project.id);
    ui.runs.chosen = None;
    ui.runs.pinned = false;
}

fn choose_run(ui: &mut Ui, state: &State) {
    let Some(project) = ui.project.and_then(|id| state.projects.get(&id)) else { return };
    let there = ui.runs.chosen.as_ref().is_some_and(|node| exists(ui, state, node));
    // Whoever looked at a run until its last repair was in wants to see whether it is green now.
    let follow_up =
        ui.run().and_then(|run| state.runs.get(&run)?.followed_by).filter(|next| ui.runs.went_to < Some(*next));
    if let Some(next) = follow_up {
        ui.runs.went_to = Some(next);
        ui.runs.pinned = state.runs.get(&next).is_some_and(|run| run.outcome.is_some());
    }
    if there && ui.runs.pinned {
        return;
    }
    let newest = project.runs.last().copied();
    if !there || ui.run() != newest {
        ui.runs.chosen = newest.map(Node::Run);
        ui.runs.pinned = false;
        ui.timeline.cursor = None;
    }
}

fn exists(ui: &Ui, state: &State, node: &Node) -> bool {
    let home = ui.home(state, node.run());
    if !home.runs.contains_key(&node.run()) || matches!(node, Node::Run(_)) {
        // Put aside, perhaps just now, while somebody looked at it: it is read again.
        return home.runs.contains_key(&node.run()) || ui.past.summary(state, node.run()).is_some();
    }
    let state: &State = &home;
    match node {
        Node::Run(run) => state.runs.contains_key(run),
        Node::Output(output) => tree::find_job(state, output.run, &output.job).is_some(),
        Node::Job(run, job) | Node::Step(run, job, _) => tree::find_job(state, *run, job).is_some(),
        Node::Gate(run, gate) => {
            state.runs.get(run).is_some_and(|run| run.gates.iter().any(|g| g.planned.name == *gate))
        }
    }
}

fn choose_output(ui: &mut Ui, state: &State) {
    if ui.containers.open && ui.log.output.as_ref().is_some_and(OutputId::is_container) {
        return;
    }
    let chosen = ui.runs.chosen.clone();
    let home = ui.here(state);
    let Some(run) = ui.run().and_then(|id| home.runs.get(&id)) else {
        // A run that was put aside while its output was read is read again; the reader sees nothing of that.
        let stays = |run| ui.log.output.as_ref().is_some_and(|output| output.run == run);
        if !ui.run().is_some_and(|run| stays(run) && ui.past.summary(state, run).is_some()) {
            nothing(ui);
        }
        return;
    };
    let key = chosen.as_ref().and_then(Node::job);
    let shown =
        ui.log.output.as_ref().filter(|output| output.run == run.id && key.is_none_or(|key| output.job == *key));
    // What the person reads stays; but the end of one attempt is followed by the beginning of the next.
    if let Some(shown) = shown
        && (ui.log.pinned || key.is_some())
    {
        let next = tree::run_job(run, &shown.job).and_then(|job| job.output(run.id));
        let goes_on = ui.log.follow && !shown.repair && matches!(chosen, Some(Node::Job(..)));
        if let Some(next) = next.filter(|next| goes_on && next != shown) {
            show(ui, state, next, true);
        }
        return;
    }
    let job = match key {
        Some(key) => tree::run_job(run, key),
        None => interesting(run),
    };
    match job.and_then(|job| job.output(run.id)) {
        Some(output) => show(ui, state, output, key.is_some()),
        None => nothing(ui),
    }
}

/// Nothing has been written by what is chosen.
fn nothing(ui: &mut Ui) {
    if ui.log.output.is_some() {
        ui.log = LogPane::empty(ui.log.wrap, ui.log.time);
    }
}

/// The job that a look at a run begins with: what failed first, else what started last.
fn interesting(run: &Run) -> Option<&Job> {
    let failed = run.jobs.iter().filter(|job| matches!(job.status, JobStatus::Failed | JobStatus::Lost));
    let first_failed = failed.min_by_key(|job| job.since);
    let started = run.jobs.iter().filter(|job| job.attempt().is_some());
    first_failed.or_else(|| started.max_by_key(|job| job.attempt().map(|attempt| attempt.started_at)))
}

/// Shows an output: its end while it is written, its first error if it failed. `chosen`: the person asked for it.
pub fn show(ui: &mut Ui, state: &State, output: OutputId, chosen: bool) {
    ui.log.pinned = chosen;
    if ui.log.output.as_ref() == Some(&output) {
        return;
    }
    let home = ui.home(state, output.run);
    let job = tree::find_job(&home, output.run, &output.job);
    let attempt =
        job.and_then(|job| job.attempts.iter().find(|a| a.number == output.attempt)).filter(|_| !output.repair);
    let ended = attempt.is_some_and(|attempt| attempt.ended_at.is_some());
    let lines = attempt.filter(|_| ended).map(|attempt| attempt.lines).filter(|&lines| lines > 0);
    let evidence = attempt.and_then(|a| a.diagnosis.as_ref()).and_then(|diagnosis| diagnosis.evidence);
    ui.log.show(output, lines, evidence.is_none());
    if let Some((first, _)) = evidence {
        let height = usize::from(super::layout::Layout::of(ui).log_rows());
        let pinned = ui.log.pinned;
        ui.log.jump(first.saturating_sub(1), height);
        ui.log.pinned = pinned;
    }
}

/// Chooses a job, and shows its output.
pub fn choose_job(ui: &mut Ui, state: &State, run: RunId, job: &JobKey) {
    choose(ui, state, Node::Job(run, job.clone()));
    choose_output(ui, state);
}

/// Chooses a gate, and shows what its run has written.
pub fn choose_gate(ui: &mut Ui, state: &State, run: RunId, gate: String) {
    choose(ui, state, Node::Gate(run, gate));
    ui.log.pinned = false;
    choose_output(ui, state);
}

/// Chooses a row, in whatever project it is, and opens what it lies in.
pub fn choose(ui: &mut Ui, state: &State, node: Node) {
    if ui.run() != Some(node.run()) {
        ui.timeline.cursor = None;
    }
    if let Some(project) = tree::project_of(ui, state, node.run()) {
        ui.project = Some(project);
        let parent = Node::Run(node.run());
        if !tree::is_open(ui, state, &parent) {
            turn(ui, parent);
        }
    }
    ui.runs.chosen = Some(node);
    ui.runs.pinned = true;
}

/// Opens what is shut, and shuts what is open.
pub fn turn(ui: &mut Ui, node: Node) {
    if !ui.runs.turned.remove(&node) {
        ui.runs.turned.insert(node);
    }
}

/// The outputs of a job in the order of time: its attempts and its repairs.
pub fn outputs(run: RunId, job: &Job) -> Vec<OutputId> {
    let attempts = job.attempts.iter().map(|a| (a.started_at, OutputId::attempt(run, job.key(), a.number)));
    let repairs = job.repairs.iter().map(|r| (r.started_at, OutputId::repair(run, job.key(), r.number)));
    let mut all: Vec<_> = attempts.chain(repairs).collect();
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, output)| output).collect()
}
