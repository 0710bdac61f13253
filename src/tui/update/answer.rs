//! Answering: GO, NO-GO with words, an edited patch, some of the hunks, later.

use crate::{
    domain::{
        id::{ApprovalId, ProposalId, RunId},
        patch::{Patch, PatchText},
    },
    protocol::command::{Command, Decision},
    state::board::State,
};

use crate::tui::{
    layout::Layout,
    select,
    ui::{Effect, Overlay, Pane, Purpose, Ui},
    view,
    widget::text_input::TextInput,
};

use super::permission;

/// Opens the oldest question, then the next; the log goes to what it is about.
pub(super) fn open(ui: &mut Ui, state: &State) {
    let on_screen = Layout::of(ui).shows_card(ui) && (ui.focus == Pane::Card);
    ui.overlay = None;
    let Some(id) = ui.card.open(state, on_screen) else {
        ui.say("nothing waits for an answer");
        return;
    };
    ui.card.refresh(state);
    ui.focus = Pane::Card;
    go_to(ui, state, id);
}

/// Opens this question, which waits; the log goes to what it is about.
pub(in crate::tui) fn open_this(ui: &mut Ui, state: &State, id: ApprovalId) {
    ui.card.later.remove(&id);
    ui.card.show(Some(id.clone()));
    ui.card.opened = true;
    ui.card.refresh(state);
    ui.focus = Pane::Card;
    go_to(ui, state, id);
}

/// Chooses what a question is about.
fn go_to(ui: &mut Ui, state: &State, id: ApprovalId) {
    match id {
        ApprovalId::Proposal(id) => {
            let Some(proposal) = state.proposals.get(&id) else { return };
            select::choose_job(ui, state, proposal.proposal.run, &proposal.proposal.job);
        }
        ApprovalId::Gate { run, gate } => select::choose_gate(ui, state, run, gate),
        ApprovalId::Permission { thread, .. } => super::thread::show(ui, state, thread),
    }
}

/// Opens the question of a gate.
pub(super) fn open_gate(ui: &mut Ui, state: &State, run: RunId, gate: String) {
    let id = ApprovalId::Gate { run, gate };
    let asks = crate::state::approval::pending(state).iter().any(|approval| approval.id == id);
    if !asks {
        ui.say("this gate asks nothing now");
        return;
    }
    ui.card.later.remove(&id);
    ui.card.show(Some(id));
    ui.card.opened = true;
    ui.focus = Pane::Card;
    ui.card.refresh(state);
}

/// GO: exactly what is shown. With dropped hunks: the rest is proven first, and asks again.
pub(super) fn go(ui: &mut Ui, state: &State) -> Vec<Effect> {
    let Some(id) = ui.card.current.clone() else { return Vec::new() };
    let hash = match &id {
        ApprovalId::Gate { .. } => None,
        ApprovalId::Permission { .. } => return permission::once(ui, id),
        ApprovalId::Proposal(proposal) => {
            if !ui.card.dropped.is_empty() {
                return go_with_the_rest(ui);
            }
            let Some(proposal) = state.proposals.get(proposal) else { return Vec::new() };
            if ui.card.patch().is_none() {
                ui.complain("what can't be shown can't be approved", Some("n says no-go".into()));
                return Vec::new();
            }
            Some(proposal.proposal.hash.clone())
        }
    };
    let said = format!("GO for {}", name(&id));
    answer(ui, id, Decision::Go { hash, into: None }, said)
}

fn go_with_the_rest(ui: &mut Ui) -> Vec<Effect> {
    let (Some(ApprovalId::Proposal(id)), Some(patch)) = (ui.card.current.clone(), ui.card.patch()) else {
        return Vec::new();
    };
    let rest = patch.select(|hunk| ui.card.takes(hunk));
    let (taken, all) = (rest.hunk_count(), patch.hunk_count());
    if taken == 0 {
        ui.complain("every hunk is dropped: nothing is left to apply", Some("n says no-go".into()));
        return Vec::new();
    }
    let said = format!("{taken} of {all} hunks are being proven without the others; then they ask again");
    vec![revise(ui, id, rest.to_text(), said)]
}

fn revise(ui: &mut Ui, proposal: ProposalId, patch: PatchText, said: String) -> Effect {
    let approval = ApprovalId::Proposal(proposal);
    ui.card.sent.insert(approval.clone());
    Effect::Command(Command::Revise { proposal, patch }, Purpose::Answered { approval, said })
}

/// NO-GO: asks why.
pub(super) fn no_go(ui: &mut Ui) {
    if let Some(approval) = ui.card.current.clone() {
        ui.overlay = Some(Overlay::Words { approval, input: TextInput::default() });
    }
}

/// The words are there.
pub(super) fn no_go_because(ui: &mut Ui, approval: ApprovalId, why: String) -> Vec<Effect> {
    if let ApprovalId::Permission { .. } = approval {
        return permission::refuse(ui, approval, why);
    }
    let said = format!("NO-GO for {}", name(&approval));
    answer(ui, approval, Decision::NoGo { why }, said)
}

fn answer(ui: &mut Ui, approval: ApprovalId, decision: Decision, said: String) -> Vec<Effect> {
    ui.card.sent.insert(approval.clone());
    ui.card.full = false;
    let command = Command::Answer { approval: approval.clone(), decision };
    vec![Effect::Command(command, Purpose::Answered { approval, said })]
}

pub(super) fn name(id: &ApprovalId) -> String {
    match id {
        ApprovalId::Proposal(id) => format!("proposal #{id}"),
        ApprovalId::Gate { gate, .. } => format!("gate {gate}"),
        ApprovalId::Permission { .. } => format!("what an agent asks ({id})"),
    }
}

/// As short as a notice names it.
pub(super) fn short_name(id: &ApprovalId) -> String {
    match id {
        ApprovalId::Proposal(id) => format!("#{id}"),
        ApprovalId::Gate { gate, .. } => format!("gate {gate}"),
        ApprovalId::Permission { .. } => id.to_string(),
    }
}

/// The patch, for the editor.
pub(super) fn edit(ui: &mut Ui, state: &State) -> Vec<Effect> {
    let Some(ApprovalId::Proposal(id)) = ui.card.current.clone() else {
        ui.say("this has nothing to edit");
        return Vec::new();
    };
    let Some(proposal) = state.proposals.get(&id) else { return Vec::new() };
    vec![Effect::Edit { proposal: id, patch: proposal.proposal.patch.clone() }]
}

/// The editor has been closed on this text.
pub fn edited(ui: &mut Ui, proposal: ProposalId, before: &PatchText, after: String) -> Vec<Effect> {
    if after == before.0 {
        ui.say("the patch is as it was: nothing was sent");
        return Vec::new();
    }
    let parsed = Patch::parse(&after);
    match parsed {
        Ok(patch) if patch.files.is_empty() => {
            ui.complain("the edited text is no patch: nothing was sent", Some("n says no-go".into()));
            Vec::new()
        }
        Err(error) => {
            ui.complain(format!("the edited text is no patch: {error}"), Some("e edits again".into()));
            Vec::new()
        }
        Ok(_) => {
            let said = "the edited patch is being proven; then it asks again".to_owned();
            vec![revise(ui, proposal, PatchText(after), said)]
        }
    }
}

/// Drops the chosen hunk, or takes it again.
pub(super) fn turn_hunk(ui: &mut Ui) {
    let hunk = ui.card.hunk;
    if ui.card.patch().is_some_and(|patch| hunk < patch.hunk_count()) && !ui.card.dropped.remove(&hunk) {
        ui.card.dropped.insert(hunk);
    }
}

/// The next hunk, or the one before, in sight.
pub(super) fn next_hunk(ui: &mut Ui, by: isize) {
    let Some(patch) = ui.card.patch() else { return };
    let last = patch.hunk_count().saturating_sub(1);
    ui.card.hunk = ui.card.hunk.saturating_add_signed(by).min(last);
    ui.card.scroll = view::approval::hunk_row(ui, ui.card.hunk);
}

/// Scrolls the card.
pub(super) fn scroll(ui: &mut Ui, by: i64) {
    ui.card.scroll = ui.card.scroll.saturating_add_signed(by as isize);
}

/// Later: it keeps waiting.
pub(super) fn later(ui: &mut Ui, state: &State) {
    ui.card.put_off();
    ui.card.refresh(state);
    ui.say("it keeps waiting; ! brings it back");
    if ui.focus == Pane::Card {
        ui.focus = Pane::Runs;
    }
}

/// Keeps the card's scroll within its text.
pub(super) fn settle(ui: &mut Ui, layout: &Layout) {
    let rows = view::approval::diff_rows(ui);
    let room = view::approval::diff_room(layout);
    ui.card.scroll = ui.card.scroll.min(rows.saturating_sub(room));
}
