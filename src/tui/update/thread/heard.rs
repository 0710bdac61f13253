//! What comes of conversations: pieces of what is being said, and what was recorded.

use std::sync::Arc;

use crate::{
    domain::id::{Seq, ThreadId},
    protocol::{
        event::{Event, Record, ThreadEvent},
        query::Query,
    },
    state::{board::State, thread::What},
};

use crate::tui::{
    layout::Layout,
    thread::live::Live,
    ui::{Effect, Purpose, Ui},
    view,
};

/// A piece of an answer came: at this byte, of the answer or of the reasoning before it.
pub(in crate::tui) fn streamed(
    ui: &mut Ui,
    state: &State,
    (id, turn): (ThreadId, u32),
    (at, text, thinks): (u64, &str, bool),
) {
    let known = ui.thread.live.get(&id).is_some_and(|live| live.turn == turn && !live.ended);
    if !known && at > 0 && is_told(state, id, turn, at) {
        // It was overtaken by the record of the whole.
        return;
    }
    let anew = !known || (at == 0 && !thinks && ui.thread.live.get(&id).is_some_and(|live| !live.text.is_empty()));
    if anew {
        ui.thread.live.insert(id, Live::new(turn));
    }
    if let Some(live) = ui.thread.live.get_mut(&id) {
        live.push(at, text, thinks);
    }
    ui.dirty |= ui.thread.open && ui.thread.shown == Some(id);
}

/// The answer that this piece is of was recorded.
fn is_told(state: &State, id: ThreadId, turn: u32, at: u64) -> bool {
    let Some(thread) = state.threads.get(&id) else { return false };
    let last = thread.entries.iter().rev().find_map(|entry| match &entry.what {
        What::Answered { turn, text } => Some((*turn, text.len() as u64)),
        _ => None,
    });
    last.is_some_and(|(of, bytes)| of == turn && bytes > at) || thread.turn.is_none()
}

/// Records came, and are folded in: what they say whole is no longer shown in pieces.
pub(in crate::tui) fn learn(ui: &mut Ui, records: &[Arc<Record>]) {
    for record in records {
        let Event::Thread { thread, event } = &record.event else { continue };
        match **event {
            ThreadEvent::Answered { .. } if ui.thread.shown == Some(*thread) && ui.thread.open => {
                // The rows that were drawn of it stay.
                if let Some(live) = ui.thread.live.get_mut(thread) {
                    live.ended = true;
                }
            }
            ThreadEvent::Answered { .. } | ThreadEvent::TurnEnded { .. } | ThreadEvent::TakenBack { .. } => {
                ui.thread.live.remove(thread);
            }
            _ => {}
        }
    }
}

/// What has to be read for what is shown.
pub(in crate::tui) fn settle(ui: &mut Ui, state: &State) -> Vec<Effect> {
    if !ui.thread.open || !ui.link.hears() {
        return Vec::new();
    }
    let wanted = ui.thread.wants(state);
    wanted.map(|thread| Effect::Query(Query::Thread { thread }, Purpose::Reread { thread })).into_iter().collect()
}

/// Just before a draw: makes the rows, and puts the pane where it belongs.
pub(in crate::tui) fn arrange(ui: &mut Ui, state: &State) {
    if !ui.thread.open {
        return;
    }
    let (width, height) = view::thread::room(ui, &Layout::of(ui));
    if ui.thread.shown.is_some_and(|id| !state.threads.contains_key(&id)) {
        ui.thread.show(None);
    }
    let Some(id) = ui.thread.shown else { return };
    if height == 0 {
        return;
    }
    // The page is taken out, so that it can be made with a look at everything else.
    let mut page = std::mem::take(&mut ui.thread.page);
    let touched = ui.thread.thread(state).map(|thread| {
        page.update(thread, ui.thread.live.get(&id), width, &view::thread::Drawn { ui });
        thread.touched
    });
    ui.thread.page = page;
    ui.thread.live.retain(|_, live| !live.ended);
    let last = ui.thread.page.rows().saturating_sub(height);
    match ui.thread.left_at {
        None => ui.thread.top = last,
        Some(_) if ui.thread.top >= last => (ui.thread.top, ui.thread.left_at) = (last, None),
        Some(_) => {}
    }
    let seen = ui.thread.seen.entry(id).or_insert(Seq(0));
    *seen = touched.unwrap_or(*seen).max(*seen);
}
