//! Pane 5: conversations with agents. Moving about in them here; what is typed in [`say`], what comes in [`heard`].

mod heard;
mod say;
mod trace;

pub(in crate::tui) use heard::{arrange, learn, settle, streamed};
pub(in crate::tui) use say::{attached, compose, not_said, offered, paste, spoken};
pub(in crate::tui) use trace::{copy, trace};

use crate::{
    config::keymap::action::Action,
    domain::{
        actor::Actor,
        id::{Seq, ThreadId},
    },
    protocol::{command::Command, thread::ThreadCommand},
    state::{
        board::State,
        thread::{Thread, What},
    },
};

use crate::tui::{
    layout::Layout,
    thread::{ThreadPane, export},
    ui::{Effect, Pane, Purpose, Ui},
    view,
    widget::{composer::Composer, text_input::TextInput},
};

/// Key 5: brings the pane, gives it the keys.
pub(in crate::tui) fn enter(ui: &mut Ui) {
    ui.thread.open = true;
    super::navigate::focus(ui, Pane::Agent);
}

/// Shows a conversation.
pub(in crate::tui) fn show(ui: &mut Ui, state: &State, id: ThreadId) {
    ui.thread.open = true;
    if state.threads.contains_key(&id) {
        ui.thread.show(Some(id));
    }
}

/// Does what a key means in pane 5 while nothing is typed; `None` where it means there what it means everywhere.
pub(in crate::tui) fn act(ui: &mut Ui, state: &State, action: Action) -> Option<Vec<Effect>> {
    match action {
        Action::Write => ui.thread.typing = true,
        Action::Start => begin_anew(ui),
        Action::Model => type_command(ui, "/model "),
        Action::Role => type_command(ui, "/role "),
        Action::FoldTool => fold(ui, state),
        Action::Open => return Some(open(ui, state)),
        Action::Find => ui.thread.field = Some(TextInput::default()),
        Action::FindNext | Action::FindPrev => {
            let pattern = ui.thread.pattern.clone();
            find(ui, &pattern, action == Action::FindPrev);
        }
        Action::Top if ui.thread.shown.is_some() => scroll_to(ui, 0),
        Action::Bottom if ui.thread.shown.is_some() => ui.thread.left_at = None,
        Action::Export => return Some(save(ui, state, None)),
        Action::Rerun => return Some(again(ui, state)),
        Action::Stop => return Some(interrupt(ui, state)),
        Action::EditLast => edit_last(ui, state),
        Action::CloseThread => close(ui, state),
        Action::RerunAll | Action::ForceStop | Action::Undo => {
            ui.complain("that is for runs: this pane holds conversations", Some("2 goes to the runs".into()));
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// The conversation that is shown or, in the list, the chosen one.
fn chosen<'a>(ui: &'a Ui, state: &'a State) -> Option<&'a Thread> {
    let id = ui.thread.shown.or_else(|| list_choice(ui, state).map(|thread| thread.id))?;
    ui.thread.find(state, id)
}

fn list_choice<'a>(ui: &Ui, state: &'a State) -> Option<&'a Thread> {
    let listed = ThreadPane::listed(state, ui.project);
    let chosen = listed.iter().find(|thread| Some(thread.id) == ui.thread.chosen);
    chosen.or(listed.first()).copied()
}

/// A new conversation: nothing is said in it yet.
pub(super) fn begin_anew(ui: &mut Ui) {
    ui.thread.show(None);
    ui.thread.typing = true;
}

fn type_command(ui: &mut Ui, command: &str) {
    ui.thread.input = Composer::with(command);
    ui.thread.typing = true;
}

fn open(ui: &mut Ui, state: &State) -> Vec<Effect> {
    match ui.thread.shown {
        Some(_) if ui.thread.tool.is_some() => fold(ui, state),
        Some(_) => ui.thread.typing = true,
        None => match list_choice(ui, state).map(|thread| thread.id) {
            Some(id) => ui.thread.show(Some(id)),
            None => begin_anew(ui),
        },
    }
    Vec::new()
}

/// One row up or down.
pub(in crate::tui) fn step(ui: &mut Ui, state: &State, by: i64) {
    if ui.thread.shown.is_none() {
        let listed = ThreadPane::listed(state, ui.project);
        let at = listed.iter().position(|thread| Some(thread.id) == ui.thread.chosen).unwrap_or(0) as i64;
        let to = at.saturating_add(by).clamp(0, listed.len().saturating_sub(1) as i64) as usize;
        ui.thread.chosen = listed.get(to).map(|thread| thread.id);
        return;
    }
    let top = (ui.thread.top as i64).saturating_add(by).max(0) as usize;
    scroll_to(ui, top);
}

/// Shows this row first; the end is followed once it is in sight.
pub(super) fn scroll_to(ui: &mut Ui, row: usize) {
    let (rows, height) = (ui.thread.page.rows(), view::thread::room(ui, &Layout::of(ui)).1);
    let last = rows.saturating_sub(height);
    ui.thread.top = row.min(last);
    ui.thread.left_at = (row < last).then(|| ui.thread.left_at.unwrap_or(rows));
}

/// The next use of a tool, or the one before, in sight.
pub(in crate::tui) fn next_tool(ui: &mut Ui, state: &State, forwards: bool) {
    let Some(thread) = ui.thread.thread(state) else { return };
    let tools: Vec<Seq> =
        thread.entries.iter().filter(|entry| matches!(entry.what, What::Tool { .. })).map(|entry| entry.seq).collect();
    let at = ui.thread.tool.and_then(|seq| tools.iter().position(|tool| *tool == seq));
    let to = match (at, forwards) {
        (Some(at), true) => at + 1,
        (Some(at), false) => at.saturating_sub(1),
        (None, _) => tools.len().saturating_sub(1),
    };
    let Some(tool) = tools.get(to.min(tools.len().saturating_sub(1))) else { return };
    ui.thread.tool = Some(*tool);
    in_sight(ui, *tool);
}

fn in_sight(ui: &mut Ui, seq: Seq) {
    let height = view::thread::room(ui, &Layout::of(ui)).1;
    if let Some(row) = ui.thread.page.row_of(seq)
        && !(ui.thread.top..ui.thread.top + height).contains(&row)
    {
        scroll_to(ui, row.saturating_sub(height / 3));
    }
}

fn fold(ui: &mut Ui, state: &State) {
    if ui.thread.tool.is_none() {
        next_tool(ui, state, true);
    }
    let Some(tool) = ui.thread.tool else { return };
    if !ui.thread.unfolded.remove(&tool) {
        ui.thread.unfolded.insert(tool);
    }
    // What is unfolded is to be read: the end doesn't pull it away.
    ui.thread.left_at = ui.thread.left_at.or(Some(ui.thread.page.rows()));
}

/// Goes to the next row that has it.
pub(in crate::tui) fn find(ui: &mut Ui, pattern: &str, backwards: bool) {
    pattern.clone_into(&mut ui.thread.pattern);
    if pattern.is_empty() {
        return;
    }
    match ui.thread.page.find(pattern, ui.thread.top, backwards) {
        Some(row) => scroll_to(ui, row),
        None => ui.say(format!("nothing here has {pattern}")),
    }
}

pub(super) fn talk(what: ThreadCommand, said: &str) -> Vec<Effect> {
    vec![Effect::Command(Command::Talk { what }, Purpose::Say(said.to_owned()))]
}

fn again(ui: &mut Ui, state: &State) -> Vec<Effect> {
    let Some(thread) = ui.thread.shown.filter(|id| state.threads.contains_key(id)) else {
        ui.complain("no conversation is shown", Some("Enter opens the chosen one".into()));
        return Vec::new();
    };
    talk(ThreadCommand::Again { thread }, "the last turn is tried once more")
}

/// Stops the turn that is under way.
pub(super) fn interrupt(ui: &mut Ui, state: &State) -> Vec<Effect> {
    match chosen(ui, state).filter(|thread| thread.turn.is_some()).map(|thread| thread.id) {
        Some(thread) => talk(ThreadCommand::Interrupt { thread }, "stopping the agent"),
        None => {
            ui.say("the agent is not at work");
            Vec::new()
        }
    }
}

/// The last message of whoever is at this keyboard.
fn last_said(ui: &Ui, state: &State) -> Option<(u32, String)> {
    let me = Actor::Person(ui.options.person.clone());
    ui.thread.thread(state)?.entries.iter().rev().find_map(|entry| match &entry.what {
        What::Said { by, number, text, .. } if *by == me => Some((*number, text.clone())),
        _ => None,
    })
}

fn edit_last(ui: &mut Ui, state: &State) {
    if ui.thread.thread(state).is_some_and(|thread| thread.turn.is_some()) {
        ui.complain("the agent is at work", Some("x stops it".into()));
        return;
    }
    match last_said(ui, state) {
        Some((number, text)) => {
            ui.thread.editing = Some(number);
            ui.thread.input = Composer::with(&text);
            ui.thread.typing = true;
            ui.say("what you said is changed: Enter takes it back, with all answers to it, and says this");
        }
        None => ui.say("you have said nothing here"),
    }
}

pub(super) fn close(ui: &mut Ui, state: &State) {
    let Some(thread) = chosen(ui, state) else { return };
    let (id, title) = (thread.id, thread.title.clone());
    let then = talk(ThreadCommand::Close { thread: id }, "the conversation is closed; the log keeps it");
    ui.confirm(vec![format!("Show conversation {id} no longer? {title}")], then);
}

/// Writes the conversation to a file.
pub(super) fn save(ui: &mut Ui, state: &State, path: Option<String>) -> Vec<Effect> {
    let Some(thread) = chosen(ui, state) else {
        ui.complain("no conversation is shown", None);
        return Vec::new();
    };
    let path = path.unwrap_or_else(|| format!("chat-{}.md", thread.id));
    vec![Effect::Save { path: path.into(), text: export::markdown(thread) }]
}
