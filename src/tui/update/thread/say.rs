//! What is typed to an agent, on its way: completed, given along, said.

use crate::{
    domain::actor::Actor,
    protocol::{
        command::Command,
        query::{Answer, Query},
        thread::{About, Attached, ThreadCommand},
    },
    state::{
        board::State,
        thread::{Thread, What},
    },
};

use crate::tui::{
    layout::Layout,
    thread::{
        Stroke,
        draft::{self, Draft},
        slash::{self, Slash},
    },
    ui::{Effect, Overlay, Pane, Purpose, Ui},
    view,
    widget::composer::{Composer, Edit},
};

/// More than this is not pasted at once: it is what may be said at once.
const LONGEST: usize = 256 << 10;

/// Roles that are always there.
const ROLES: [&str; 10] = [
    "analyst",
    "architect",
    "data-analyst",
    "development-manager",
    "engineer",
    "operator",
    "platform-engineer",
    "product-manager",
    "release-manager",
    "reviewer",
];

/// Does what a key means while something is typed.
pub(in crate::tui) fn compose(ui: &mut Ui, state: &State, stroke: Stroke) -> Vec<Effect> {
    match stroke {
        Stroke::Edit(edit) => {
            ui.thread.input.edit(edit);
            ui.thread.offered.clear();
        }
        Stroke::Send if ui.thread.input.before().ends_with('\\') => {
            ui.thread.input.edit(Edit::Backspace);
            ui.thread.input.edit(Edit::Newline);
        }
        Stroke::Send => return send(ui, state),
        Stroke::Tab => return tab(ui, state),
        Stroke::Leave => return leave(ui, state),
        Stroke::Up if ui.thread.back == 0 && !ui.thread.input.is_empty() => {
            ui.thread.input.step(false);
        }
        Stroke::Up => {
            if ui.thread.back == 0 || !ui.thread.input.step(false) {
                recall(ui, state, 1);
            }
        }
        Stroke::Down => {
            if !ui.thread.input.step(true) && ui.thread.back > 0 {
                recall(ui, state, -1);
            }
        }
        Stroke::Page(down) => {
            let height = view::thread::room(ui, &Layout::of(ui)).1 / 2;
            let top = if down { ui.thread.top + height } else { ui.thread.top.saturating_sub(height) };
            super::scroll_to(ui, top);
        }
    }
    Vec::new()
}

/// Pasted text is text: it never sends itself.
pub(in crate::tui) fn paste(ui: &mut Ui, text: &str) -> Vec<Effect> {
    if ui.thread.input.text().len() + text.len() > LONGEST {
        ui.complain(
            format!("more than {} KiB can't be said at once", LONGEST >> 10),
            Some("@file PATH gives a file along".into()),
        );
    } else {
        ui.thread.input.paste(text);
    }
    Vec::new()
}

/// Esc: stops the agent, which asks never; while it is idle, leaves the text.
fn leave(ui: &mut Ui, state: &State) -> Vec<Effect> {
    if !ui.thread.offered.is_empty() {
        ui.thread.offered.clear();
        return Vec::new();
    }
    if ui.thread.thread(state).is_some_and(|thread| thread.turn.is_some()) {
        return super::interrupt(ui, state);
    }
    ui.thread.typing = false;
    if ui.thread.editing.take().is_some() {
        ui.thread.input.take();
    }
    Vec::new()
}

/// What was said before, newest first.
fn recall(ui: &mut Ui, state: &State, by: isize) {
    let me = Actor::Person(ui.options.person.clone());
    let mine = |thread: &Thread| -> Vec<String> {
        let texts = thread.entries.iter().rev().filter_map(|entry| match &entry.what {
            What::Said { by, text, .. } if *by == me => Some(text.clone()),
            _ => None,
        });
        texts.take(100).collect()
    };
    let said = ui.thread.thread(state).map(mine).unwrap_or_default();
    let back = ui.thread.back.saturating_add_signed(by);
    match back.checked_sub(1) {
        None => {
            ui.thread.back = 0;
            ui.thread.input.take();
        }
        Some(at) => {
            if let Some(text) = said.get(at) {
                ui.thread.back = back;
                ui.thread.input = Composer::with(text);
            }
        }
    }
}

/// Tab: completes what can be; queues while the agent works; out of an empty text, to the next pane.
fn tab(ui: &mut Ui, state: &State) -> Vec<Effect> {
    if ui.thread.input.is_empty() {
        ui.thread.typing = false;
        crate::tui::update::navigate::next_pane(ui, 1);
        return Vec::new();
    }
    let Some((kind, word)) = draft::to_complete(ui.thread.input.before()) else {
        if ui.thread.thread(state).is_some_and(|thread| thread.turn.is_some()) {
            return send(ui, state);
        }
        ui.say("Enter says it");
        return Vec::new();
    };
    let (kind, word) = (kind, word.to_owned());
    if kind == "@file" {
        let Some(root) = root(ui, state) else { return Vec::new() };
        let query = Query::Paths { root, prefix: word.clone() };
        return vec![Effect::Query(query, Purpose::Paths { prefix: word })];
    }
    let known = known(ui, state, kind);
    let fitting = known.into_iter().filter(|name| name.starts_with(&word)).collect();
    offered(ui, &word, fitting);
    Vec::new()
}

/// What could stand behind this.
fn known(ui: &Ui, state: &State, kind: &str) -> Vec<String> {
    let runs = ui.project.and_then(|id| state.projects.get(&id)).map(|p| p.runs.as_slice()).unwrap_or_default();
    let runs = runs.iter().rev().take(20).filter_map(|id| state.runs.get(id));
    match kind {
        "@" => ["@file ", "@log ", "@run ", "@diff "].map(str::to_owned).to_vec(),
        "/" => slash::ALL
            .iter()
            .map(|(name, behind, _)| format!("{name}{}", if behind.is_empty() { "" } else { " " }))
            .collect(),
        "@run" => runs.map(|run| run.id.to_string()).collect(),
        "@log" => runs.flat_map(|run| run.jobs.iter().map(|job| format!("{}/{}", run.id, job.key()))).collect(),
        "/role" => ROLES.map(str::to_owned).to_vec(),
        "/model" => {
            let used = state
                .threads
                .values()
                .flat_map(|thread| [Some(thread.model.clone()), thread.last_model.as_ref().map(ToString::to_string)]);
            let mut models: Vec<String> = used.flatten().filter(|name| !name.is_empty()).collect();
            models.extend(ui.options.models.iter().cloned());
            models.sort();
            models.dedup();
            models
        }
        _ => Vec::new(),
    }
}

/// What fits what was typed: the only one, or what all have in common, is taken.
pub(in crate::tui) fn offered(ui: &mut Ui, prefix: &str, mut fitting: Vec<String>) {
    // Something else may have been typed since.
    if !ui.thread.input.before().ends_with(prefix) {
        return;
    }
    let Some(first) = fitting.first().cloned() else {
        ui.say(format!("nothing begins with {prefix}"));
        return;
    };
    let common = fitting.iter().fold(first.as_str(), |common, name| {
        let same = common.char_indices().zip(name.chars()).find(|((_, a), b)| a != b).map(|((at, _), _)| at);
        &common[..same.unwrap_or(common.len().min(name.len()))]
    });
    ui.thread.input.complete(prefix.len(), common);
    if fitting.len() == 1 {
        fitting.clear();
    }
    ui.thread.offered = fitting;
}

fn root(ui: &Ui, state: &State) -> Option<std::path::PathBuf> {
    let project = ui.project.and_then(|id| state.projects.get(&id)).map(|project| project.root.clone());
    project.or_else(|| ui.options.root.clone())
}

/// Enter: says it, or does what its slash says.
fn send(ui: &mut Ui, state: &State) -> Vec<Effect> {
    let text = ui.thread.input.text().trim().to_owned();
    if text.is_empty() {
        return Vec::new();
    }
    if ui.link.lost.is_some() {
        // What was typed stays, to be said when it can be.
        crate::tui::update::link::refuse(ui);
        return Vec::new();
    }
    if ui.thread.draft.is_some() {
        ui.say("what you said before is still on its way");
        return Vec::new();
    }
    match slash::parse(&text) {
        Some(Ok(slash)) => {
            ui.thread.input.take();
            ui.thread.offered.clear();
            return told(ui, state, slash);
        }
        Some(Err(wrong)) => {
            ui.complain(wrong, Some("/help names all of them".into()));
            return Vec::new();
        }
        None => {}
    }
    let takes_back = ui.thread.editing.take();
    if ui.thread.thread(state).is_some_and(|thread| thread.aside) {
        ui.complain("this conversation was put aside: it can only be looked at", Some("/new begins another".into()));
        return Vec::new();
    }
    ui.thread.input.take();
    ui.thread.offered.clear();
    (ui.thread.back, ui.thread.left_at) = (0, None);
    let text = text.strip_prefix('/').filter(|rest| rest.starts_with('/')).map_or(text.clone(), str::to_owned);
    let wanted = draft::named(&text);
    ui.thread.draft = Some(Draft { thread: ui.thread.shown, text, wanted, attached: Vec::new(), takes_back });
    go_on(ui, state)
}

/// The next thing to be done for what is on its way.
fn go_on(ui: &mut Ui, state: &State) -> Vec<Effect> {
    let Some(draft) = &ui.thread.draft else { return Vec::new() };
    let root = root(ui, state);
    if let Some(name) = draft.wanted.first() {
        return vec![Effect::Query(Query::Attach { root, name: name.clone() }, Purpose::Attach)];
    }
    let run = ui.run().filter(|run| state.runs.contains_key(run));
    let about = About { run, ..About::default() };
    let what = draft.command(root, about, (ui.thread.role.clone(), ui.thread.model.clone()));
    vec![Effect::Command(Command::Talk { what }, Purpose::Spoken)]
}

/// What is given along was read.
pub(in crate::tui) fn attached(ui: &mut Ui, state: &State, attached: Attached) -> Vec<Effect> {
    if let Some(draft) = &mut ui.thread.draft {
        draft.wanted.retain(|name| *name != attached.name);
        draft.attached.push(attached);
    }
    go_on(ui, state)
}

/// It was said; or what it takes the place of was taken back.
pub(in crate::tui) fn spoken(ui: &mut Ui, state: &State, answer: &Answer) -> Vec<Effect> {
    let Some(draft) = &mut ui.thread.draft else { return Vec::new() };
    if draft.takes_back.take().is_some() {
        return go_on(ui, state);
    }
    let works = draft.thread.and_then(|id| state.threads.get(&id)).is_some_and(|thread| thread.turn.is_some());
    let began = draft.thread.is_none();
    ui.thread.draft = None;
    if let Answer::Thread { thread } = answer
        && began
    {
        ui.thread.show(Some(*thread));
        (ui.thread.role, ui.thread.model) = (None, None);
    }
    if works {
        ui.say("the agent is at work: it takes this up next");
    }
    Vec::new()
}

/// It could not be said: what was typed is there again.
pub(in crate::tui) fn not_said(ui: &mut Ui) {
    if let Some(draft) = ui.thread.draft.take()
        && ui.thread.input.is_empty()
    {
        ui.thread.input = Composer::with(&draft.text);
        ui.thread.editing = draft.takes_back;
    }
}

/// Does what a slash says.
fn told(ui: &mut Ui, state: &State, slash: Slash) -> Vec<Effect> {
    let change = |ui: &mut Ui, (title, role, model): (Option<String>, Option<String>, Option<String>), said: &str| {
        let Some(thread) = ui.thread.shown else {
            ui.complain("no conversation is shown", Some("say something first".into()));
            return Vec::new();
        };
        super::talk(ThreadCommand::Change { thread, title, role, model }, said)
    };
    match slash {
        Slash::Model(name) if ui.thread.shown.is_none() => {
            ui.say(format!("{name} answers in the new conversation"));
            ui.thread.model = (!name.is_empty()).then_some(name);
        }
        Slash::Model(name) if name.is_empty() => {
            return change(ui, (None, None, Some(name)), "the role's own model answers");
        }
        Slash::Model(name) => {
            let said = format!("{name} answers from now on");
            return change(ui, (None, None, Some(name)), &said);
        }
        Slash::Role(name) if ui.thread.shown.is_none() => {
            ui.say(format!("{name} answers in the new conversation"));
            ui.thread.role = Some(name);
        }
        Slash::Role(name) => {
            let said = format!("{name} answers from now on");
            return change(ui, (None, Some(name), None), &said);
        }
        Slash::New => super::begin_anew(ui),
        Slash::Title(title) => return change(ui, (Some(title), None, None), "the title is changed"),
        Slash::Close => super::close(ui, state),
        Slash::Export(path) => return super::save(ui, state, path),
        Slash::Find(text) => super::find(ui, &text, false),
        Slash::Cost => match ui.thread.thread(state) {
            Some(thread) => ui.say(view::thread::cost_words(thread)),
            None => ui.say("no conversation is shown"),
        },
        Slash::Rules => ui.overlay = Some(Overlay::Rules { chosen: 0 }),
        Slash::Help => {
            let lines =
                slash::ALL.iter().map(|(name, behind, about)| format!("{:<18} {about}", format!("{name} {behind}")));
            let keys = [
                "",
                "Enter says it, Ctrl-J or \\ and Enter begins a line, Tab completes or queues,",
                "Esc interrupts the agent or leaves the text, Up brings back what you said.",
            ];
            let lines = lines.chain(keys.map(str::to_owned)).collect();
            ui.overlay =
                Some(Overlay::Text { title: "Agent".into(), lines, scroll: 0, pattern: String::new(), field: None });
            ui.focus = Pane::Agent;
        }
    }
    Vec::new()
}
