//! What a person does to runs: start, run again, stop, undo, copy. Whatever destroys asks first.

use crate::{
    domain::{
        actor::Trigger,
        id::{ProposalId, RunId},
    },
    protocol::command::{Command, Retry},
    state::{
        board::State,
        job::JobStatus,
        proposal::{ProposalState, ProposalStatus},
        run::Run,
    },
};

use crate::tui::{
    layout::Layout,
    tree::{self, Node},
    ui::{Effect, Overlay, Pane, Purpose, Ui},
    widget::{ansi, text_input::TextInput},
};

/// Starts a pipeline: at once where there is only one that is known, else asks which.
pub(super) fn start(ui: &mut Ui, state: &State) -> Vec<Effect> {
    if root(ui, state).is_none() {
        ui.complain("no project is chosen", Some("open the board inside a repository that has a gonogo.toml".into()));
        return Vec::new();
    }
    let mut known: Vec<String> = Vec::new();
    let runs =
        ui.project.and_then(|id| state.projects.get(&id)).map(|project| project.runs.as_slice()).unwrap_or_default();
    for name in runs.iter().rev().filter_map(|id| state.runs.get(id)?.pipeline.clone()) {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    if known.len() > 1 {
        ui.overlay = Some(Overlay::Start { input: TextInput::default(), known, chosen: 0 });
        return Vec::new();
    }
    start_pipeline(ui, state, None)
}

/// Starts this pipeline, or the file's first.
pub(super) fn start_pipeline(ui: &mut Ui, state: &State, pipeline: Option<String>) -> Vec<Effect> {
    let Some(root) = root(ui, state) else { return Vec::new() };
    let command = Command::StartRun { root, pipeline, jobs: Vec::new(), trigger: Trigger::Manual };
    vec![Effect::Command(command, Purpose::Started)]
}

fn root(ui: &Ui, state: &State) -> Option<std::path::PathBuf> {
    let project = ui.project.and_then(|id| state.projects.get(&id)).map(|project| project.root.clone());
    project.or_else(|| ui.options.root.clone())
}

fn chosen_run<'a>(ui: &mut Ui, state: &'a State) -> Option<&'a Run> {
    let run = ui.run().and_then(|id| state.runs.get(&id));
    if run.is_none() {
        match ui.run().and_then(|id| ui.past.summary(state, id)) {
            Some(summary) => ui.complain(
                format!("run {} was put aside: it can only be looked at", summary.run),
                Some("S starts a new run".into()),
            ),
            None => ui.complain("no run is chosen", Some("S starts a pipeline".into())),
        }
    }
    run
}

/// Runs again what did not pass: the chosen job, or all such of the run.
pub(super) fn rerun(ui: &mut Ui, state: &State) -> Vec<Effect> {
    let Some(run) = chosen_run(ui, state) else { return Vec::new() };
    let job = ui.runs.chosen.as_ref().and_then(Node::job).cloned();
    let (what, said) = match job {
        Some(job) => (Retry::Job { job: job.clone() }, format!("{job} of run {} runs again", run.id)),
        None => (Retry::Failed, format!("what did not pass in run {} runs again", run.id)),
    };
    vec![Effect::Command(Command::Retry { run: run.id, what }, Purpose::Say(said))]
}

pub(super) fn rerun_all(ui: &mut Ui, state: &State) {
    let Some(run) = chosen_run(ui, state) else { return };
    let then = Effect::Command(
        Command::Retry { run: run.id, what: Retry::All },
        Purpose::Say(format!("all jobs of run {} run again", run.id)),
    );
    let text = format!("Run all {} jobs of run {} again?", run.jobs.len(), run.id);
    ui.confirm(vec![text], vec![then]);
}

/// Stops the chosen job or run, after a question.
pub(super) fn stop(ui: &mut Ui, state: &State) {
    let Some(run) = chosen_run(ui, state) else { return };
    let job = ui.runs.chosen.as_ref().and_then(Node::job).and_then(|key| tree::run_job(run, key));
    if let Some(job) = job {
        if job.status.has_ended() {
            ui.complain(format!("{} has ended: there is nothing to stop", job.key()), None);
            return;
        }
        let command = Command::Cancel { run: run.id, job: Some(job.key().clone()) };
        let said = Purpose::Say(format!("{} of run {} is being stopped", job.key(), run.id));
        ui.confirm(vec![format!("Stop {} of run {}?", job.key(), run.id)], vec![Effect::Command(command, said)]);
        return;
    }
    if run.outcome.is_some() {
        ui.complain(format!("run {} has ended: there is nothing to stop", run.id), None);
        return;
    }
    let running = run.jobs.iter().filter(|job| job.status == JobStatus::Running).count();
    let text = vec![
        format!("Stop run {}?", run.id),
        format!("{running} of its jobs run now; those that wait will not start."),
    ];
    ui.confirm(text, vec![cancel(run.id)]);
}

/// Stops the whole run without waiting for its jobs to end by themselves, after its number has been typed.
pub(super) fn force_stop(ui: &mut Ui, state: &State) {
    let Some(run) = chosen_run(ui, state) else { return };
    if run.outcome.is_some() {
        ui.complain(format!("run {} has ended: there is nothing to stop", run.id), None);
        return;
    }
    // Asked for a second time, nothing is waited for any more.
    let then = if run.cancelling.is_some() { vec![cancel(run.id)] } else { vec![cancel(run.id), cancel(run.id)] };
    ui.overlay = Some(Overlay::Typed {
        text: vec![
            format!("Kill run {}: its jobs and repairs get no time to end by themselves.", run.id),
            "Type its number:".into(),
        ],
        word: run.id.to_string(),
        input: TextInput::default(),
        then,
    });
}

fn cancel(run: RunId) -> Effect {
    Effect::Command(Command::Cancel { run, job: None }, Purpose::Say(format!("run {run} is being stopped")))
}

/// Looks for a repair of a failed job again.
pub(super) fn repair(ui: &mut Ui, state: &State) -> Vec<Effect> {
    let Some(run) = chosen_run(ui, state) else { return Vec::new() };
    let failed = ui.job().and_then(|key| tree::run_job(run, key)).filter(|job| job.status == JobStatus::Failed);
    let Some(job) = failed else {
        ui.complain("no failed job is chosen", None);
        return Vec::new();
    };
    let command = Command::Repair { run: run.id, job: job.key().clone() };
    vec![Effect::Command(command, Purpose::Say(format!("looking for a repair of {}", job.key())))]
}

/// Takes back the newest applied proposal of the chosen run, or else of the project, after a question.
pub(super) fn undo(ui: &mut Ui, state: &State) {
    if let Some(summary) = ui.run().and_then(|id| ui.past.summary(state, id)) {
        let text = format!("run {} was put aside: its repairs are not taken back from here", summary.run);
        ui.complain(text, Some("`git revert` takes a commit back".into()));
        return;
    }
    let Some(proposal) = undoable(ui, state) else {
        ui.complain("nothing was applied here: there is nothing to undo", None);
        return;
    };
    let id = proposal.id;
    let text = vec![
        format!("Take back proposal #{id}: {}?", proposal.proposal.title),
        format!("how: {}", proposal.proposal.undo),
    ];
    let said = Purpose::Say(format!("proposal #{id} is being taken back"));
    ui.confirm(text, vec![Effect::Command(Command::Undo { proposal: id }, said)]);
}

fn undoable<'a>(ui: &Ui, state: &'a State) -> Option<&'a ProposalState> {
    let applied = |id: &ProposalId| state.proposals.get(id).filter(|p| p.status == ProposalStatus::Applied);
    let run = ui.run().and_then(|id| state.runs.get(&id));
    let here = run.and_then(|run| run.proposals.iter().rev().find_map(applied));
    here.or_else(|| {
        let project = ui.project?;
        state.proposals.values().rev().find(|p| p.proposal.project == project && p.status == ProposalStatus::Applied)
    })
}

/// Puts what is chosen into the terminal's clipboard.
pub(super) fn copy(ui: &mut Ui, state: &State) -> Vec<Effect> {
    let text = match ui.focus {
        Pane::Logs => log_text(ui),
        Pane::Projects => {
            ui.project.and_then(|id| state.projects.get(&id)).map(|project| project.root.display().to_string())
        }
        Pane::Cost => None,
        Pane::Containers => ui.containers.container().map(|known| known.row.container.id.clone()),
        Pane::Card => match &ui.card.current {
            Some(crate::domain::id::ApprovalId::Proposal(id)) => {
                state.proposals.get(id).map(|proposal| proposal.proposal.patch.0.clone())
            }
            _ => None,
        },
        Pane::Timeline => {
            let cursor = ui.timeline.cursor;
            super::moments::of(ui, &ui.here(state)).filter(|m| cursor.is_none_or(|seq| m.seq == seq)).last().map(|m| {
                let job = m.job.as_ref().map_or_else(String::new, |job| format!("{job} "));
                format!("{} {job}{}", m.at, m.what)
            })
        }
        Pane::Runs => match &ui.runs.chosen {
            Some(Node::Run(run)) => {
                let at_hand = ui.home(state, *run).runs.get(run).map(|run| run.source.commit.clone());
                let aside = || ui.past.summary(state, *run).map(|summary| summary.source.commit.clone());
                at_hand.or_else(aside).filter(|commit| !commit.is_empty())
            }
            Some(node) => node.job().map(|job| {
                let notes = tree::notes(&ui.home(state, node.run()), &Node::Job(node.run(), job.clone()), true);
                let note = notes.first().map_or_else(String::new, |(text, _)| format!(": {text}"));
                format!("{}/{job}{note}", node.run())
            }),
            None => None,
        },
    };
    match text.filter(|text| !text.is_empty()) {
        Some(text) => vec![Effect::Copy(text)],
        None => {
            ui.complain("there is nothing to copy here", None);
            Vec::new()
        }
    }
}

/// The marked line, or else what is in sight.
fn log_text(ui: &Ui) -> Option<String> {
    let height = usize::from(Layout::of(ui).log_rows()) as u64;
    let in_sight = ui.log.top..ui.log.top + height;
    let lines = match ui.log.mark.filter(|mark| in_sight.contains(mark)) {
        Some(mark) => mark..mark + 1,
        None => in_sight,
    };
    let lines: Vec<String> = lines.filter_map(|n| ui.log.line(n)).map(|line| ansi::plain(&line.text)).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
