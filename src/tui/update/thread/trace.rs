//! How something came about, and texts to copy.

use crate::{
    domain::id::ApprovalId,
    state::{board::State, thread::What, trace},
};

use crate::tui::{
    ui::{Effect, Overlay, Ui},
    widget::clean::visible,
};

/// How the question on the card got here: turns with why, model, tools, tokens, time and cost.
pub(in crate::tui) fn trace(ui: &mut Ui, state: &State) -> Vec<Effect> {
    let (title, lines) = match &ui.card.current {
        Some(ApprovalId::Proposal(id)) => (format!("How proposal #{id} got here"), trace::of_proposal(state, *id)),
        Some(ApprovalId::Permission { thread, .. }) => {
            (format!("How t{thread} got here"), state.threads.get(thread).map(trace::of_thread).unwrap_or_default())
        }
        _ => {
            ui.say("a gate is no agent's doing: `4` shows what happened in the run");
            return Vec::new();
        }
    };
    let lines = lines.iter().map(|line| visible(line)).collect();
    ui.overlay = Some(Overlay::Text { title, lines, scroll: 0, pattern: String::new(), field: None });
    Vec::new()
}

/// The chosen use of a tool, or what the agent said last.
pub(in crate::tui) fn copy(ui: &Ui, state: &State) -> Option<String> {
    let thread = ui.thread.thread(state)?;
    if let Some(tool) = ui.thread.tool
        && let Some(What::Tool { arguments, answer, .. }) =
            thread.entries.iter().find(|entry| entry.seq == tool).map(|entry| &entry.what)
    {
        return Some(answer.as_ref().map_or_else(|| arguments.clone(), |answer| answer.text.clone()));
    }
    thread.entries.iter().rev().find_map(|entry| match &entry.what {
        What::Answered { text, .. } => Some(text.clone()),
        _ => None,
    })
}
