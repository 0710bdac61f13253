//! What stands over the panes and has the keys: questions, the palette, texts that are being typed.

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};

use crate::{
    config::keymap::action::{Action, Context},
    domain::id::{JobKey, ProjectId, RunId},
    state::board::State,
};

use crate::tui::{
    card::STILL,
    log::Seek,
    select,
    tree::Node,
    ui::{Effect, Intent, Overlay, Pane, Ui},
    view,
    widget::text_input::{Edit, TextInput},
};

use super::{act, answer, away, logs};

/// Does what was typed, chosen or answered.
pub(super) fn update(ui: &mut Ui, state: &State, intent: Intent) -> Vec<Effect> {
    match intent {
        Intent::Dismiss => dismiss(ui),
        Intent::Answer(yes) => return confirmed(ui, yes),
        Intent::Type(edit) => {
            if let Some(input) = field(ui) {
                input.edit(edit);
            }
            filter(ui);
            choose(ui, state, None);
        }
        Intent::Paste(text) => {
            if let Some(input) = field(ui) {
                text.chars().for_each(|c| input.edit(Edit::Insert(c)));
            }
            filter(ui);
            choose(ui, state, None);
        }
        Intent::Choose(by) => choose(ui, state, Some(by)),
        Intent::Accept => return accept(ui, state),
        Intent::Do(_) | Intent::Interrupt => {}
    }
    Vec::new()
}

/// Esc: out of the field, then out of what stands over the panes.
fn dismiss(ui: &mut Ui) {
    if let Some(Overlay::Text { field: field @ Some(_), .. }) = &mut ui.overlay {
        *field = None;
    } else if ui.overlay.take().is_none() {
        ui.log.field = None;
        if ui.containers.field.take().is_some() {
            ui.containers.filter.clear();
        }
    }
}

/// What is typed as a filter counts at once.
fn filter(ui: &mut Ui) {
    if let Some(field) = ui.containers.field.as_ref().filter(|_| ui.overlay.is_none()) {
        field.text().clone_into(&mut ui.containers.filter);
    }
}

fn field(ui: &mut Ui) -> Option<&mut TextInput> {
    match &mut ui.overlay {
        Some(
            Overlay::Palette { input, .. }
            | Overlay::Typed { input, .. }
            | Overlay::Words { input, .. }
            | Overlay::Start { input, .. },
        ) => Some(input),
        Some(Overlay::Text { field, .. }) => field.as_mut(),
        Some(Overlay::Help { .. } | Overlay::Confirm(_) | Overlay::People | Overlay::Away { .. } | Overlay::Cut) => {
            None
        }
        None if ui.containers.field.is_some() => ui.containers.field.as_mut(),
        None => ui.log.field.as_mut().map(|field| &mut field.input),
    }
}

/// A y that was typed before the question could be read doesn't count.
fn confirmed(ui: &mut Ui, yes: bool) -> Vec<Effect> {
    let now = ui.clock.mono;
    if yes && ui.link.lost.is_some() {
        // The question stays, to be answered when it can be.
        super::link::refuse(ui);
        return Vec::new();
    }
    match ui.overlay.take() {
        Some(Overlay::Confirm(confirm)) if yes && now < confirm.since + STILL => {
            ui.overlay = Some(Overlay::Confirm(confirm));
            Vec::new()
        }
        Some(Overlay::Confirm(confirm)) if yes => confirm.then,
        _ => Vec::new(),
    }
}

/// Moves the choice in a list, or puts it on the first when what was typed has changed.
fn choose(ui: &mut Ui, state: &State, by: Option<i32>) {
    let count = match &ui.overlay {
        Some(Overlay::Palette { input, .. }) => entries(ui, state, input.text()).len(),
        Some(Overlay::Start { input, known, .. }) => pipelines(known, input.text()).len(),
        _ => return,
    };
    if let Some(Overlay::Palette { chosen, .. } | Overlay::Start { chosen, .. }) = &mut ui.overlay {
        let last = count.saturating_sub(1);
        *chosen = by.map_or(0, |by| chosen.saturating_add_signed(by as isize).min(last));
    }
}

/// Enter.
fn accept(ui: &mut Ui, state: &State) -> Vec<Effect> {
    if let Some(Overlay::Text { .. }) = ui.overlay {
        super::text::search(ui);
        return Vec::new();
    }
    if ui.overlay.is_none() && ui.containers.field.take().is_some() {
        return Vec::new();
    }
    let asks = matches!(ui.overlay, Some(Overlay::Typed { .. } | Overlay::Words { .. } | Overlay::Start { .. }));
    let looks = ui.overlay.is_none() && ui.log.field.as_ref().is_some_and(|field| field.seek != Seek::Line);
    if (asks || looks) && ui.link.lost.is_some() {
        // What was typed stays, to be sent when it can be.
        super::link::refuse(ui);
        return Vec::new();
    }
    let Some(overlay) = ui.overlay.take() else {
        let Some(field) = ui.log.field.take() else { return Vec::new() };
        return logs::seek(ui, state, field.seek, field.input.text());
    };
    match overlay {
        Overlay::Palette { input, chosen } => match entries(ui, state, input.text()).into_iter().nth(chosen) {
            Some(entry) => go_to(ui, state, entry.target),
            None => Vec::new(),
        },
        Overlay::Typed { word, input, then, .. } if input.text().trim() == word => then,
        Overlay::Typed { word, .. } => {
            ui.complain(format!("that was not `{word}`: nothing was done"), None);
            Vec::new()
        }
        Overlay::Words { approval, input } => answer::no_go_because(ui, approval, input.text().trim().to_owned()),
        Overlay::Start { input, known, chosen } => {
            let name =
                pipelines(&known, input.text()).into_iter().nth(chosen).unwrap_or_else(|| input.text().to_owned());
            act::start_pipeline(ui, state, Some(name))
        }
        Overlay::Away { list, chosen, .. } => match list.get(chosen) {
            Some(item) => away::go(ui, state, item),
            None => Vec::new(),
        },
        Overlay::Help { .. } | Overlay::Confirm(_) | Overlay::People | Overlay::Cut | Overlay::Text { .. } => {
            Vec::new()
        }
    }
}

/// The known pipelines that fit what was typed.
pub(in crate::tui) fn pipelines(known: &[String], typed: &str) -> Vec<String> {
    known.iter().filter(|name| name.contains(typed)).cloned().collect()
}

/// Opens the palette.
pub(super) fn palette(ui: &mut Ui) {
    ui.overlay = Some(Overlay::Palette { input: TextInput::default(), chosen: 0 });
}

/// Something that the palette finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What it is or does.
    pub about: String,
    /// Its keys.
    pub keys: String,
    target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Action(Action),
    Repair,
    Project(ProjectId),
    Run(RunId),
    Job(RunId, JobKey),
}

/// What fits the text that was typed, the best first.
pub fn entries(ui: &Ui, state: &State, typed: &str) -> Vec<Entry> {
    let all = all_entries(ui, state);
    if typed.trim().is_empty() {
        return all;
    }
    let pattern = Pattern::parse(typed, CaseMatching::Smart, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, Entry)> = all
        .into_iter()
        .filter_map(|entry| {
            // A hit in the name says more than one in the description.
            let mut score = |text: &str| pattern.score(Utf32Str::new(text, &mut buffer), &mut matcher);
            let name = score(&entry.name).map(|score| score * 4);
            let score = name.or_else(|| score(&entry.about))?;
            Some((score, entry))
        })
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().map(|(_, entry)| entry).collect()
}

fn all_entries(ui: &Ui, state: &State) -> Vec<Entry> {
    let mut all = Vec::new();
    for (row, keys) in ui.options.keymap.rows() {
        if row.context == Context::Approval || !is_verb(row.action) {
            continue;
        }
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        all.push(Entry {
            name: row.name.to_owned(),
            about: view::help::about(ui, row).to_owned(),
            keys: keys.join(" "),
            target: Target::Action(row.action),
        });
    }
    let entry = |name: String, about: String, target| Entry { name, about, keys: String::new(), target };
    all.push(entry("repair".into(), "Look for a repair of the chosen failed job".into(), Target::Repair));
    for project in view::projects::shown(state) {
        all.push(entry(project.name.clone(), "project".into(), Target::Project(project.id)));
    }
    let runs = ui.project.and_then(|id| state.projects.get(&id)).map(|p| p.runs.as_slice()).unwrap_or_default();
    let past = ui.project.map_or_else(Vec::new, |project| ui.past.runs(state, project));
    for run in runs.iter().rev().take(50).filter_map(|id| state.runs.get(id)) {
        let word = view::status::run(run).word;
        let pipeline = run.pipeline.as_deref().unwrap_or("pipeline");
        all.push(entry(format!("run {}", run.id), format!("{pipeline}, {word}"), Target::Run(run.id)));
        for job in &run.jobs {
            let name = format!("{}/{}", run.id, job.key());
            all.push(entry(name, format!("job, {}", job.status.word()), Target::Job(run.id, job.key().clone())));
        }
    }
    for summary in past.into_iter().filter_map(|run| ui.past.summary(state, run)) {
        let pipeline = summary.pipeline.as_deref().unwrap_or("pipeline");
        let about = format!("{pipeline}, {}, put aside", summary.outcome.word());
        all.push(entry(format!("run {}", summary.run), about, Target::Run(summary.run)));
    }
    all
}

/// Worth finding by name: what does something, rather than what moves the choice.
fn is_verb(action: Action) -> bool {
    use Action::{
        Approvals, Away, Copy, Find, Follow, ForceStop, Help, JumpLine, JumpTime, LogWindow, NextError, Pane1, Pane2,
        Pane3, Pane4, Pane6, Pane7, People, PrevError, Quit, Repaint, Rerun, RerunAll, Start, Stop, Suspend, Time,
        Undo, Wrap, Zoom,
    };
    matches!(
        action,
        Approvals
            | Away
            | Copy
            | Find
            | Follow
            | ForceStop
            | Help
            | JumpLine
            | JumpTime
            | NextError
            | Pane1
            | Pane2
            | Pane3
            | Pane4
            | Pane6
            | Pane7
            | LogWindow
            | People
            | PrevError
            | Quit
            | Repaint
            | Rerun
            | RerunAll
            | Start
            | Stop
            | Suspend
            | Time
            | Undo
            | Wrap
            | Zoom
    )
}

fn go_to(ui: &mut Ui, state: &State, target: Target) -> Vec<Effect> {
    match target {
        Target::Action(action) => return super::act(ui, state, action),
        Target::Repair => return act::repair(ui, state),
        Target::Project(project) => {
            ui.project = Some(project);
            ui.runs.chosen = None;
            ui.runs.pinned = false;
            ui.log.pinned = false;
            ui.focus = Pane::Runs;
            select::refresh(ui, state);
        }
        Target::Run(run) => {
            ui.runs.chosen = Some(Node::Run(run));
            ui.runs.pinned = true;
            ui.log.pinned = false;
            ui.focus = Pane::Runs;
            select::refresh(ui, state);
        }
        Target::Job(run, job) => {
            select::choose_job(ui, state, run, &job);
            ui.focus = Pane::Runs;
        }
    }
    Vec::new()
}
