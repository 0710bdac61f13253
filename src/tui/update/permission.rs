//! What an agent asks, answered: once, for this conversation, always, no. What is allowed for longer is seen before it is given.

use crate::{
    config::keymap::action::Action,
    domain::{id::ApprovalId, rule::Pattern},
    protocol::{
        command::Command,
        thread::{Scope, ThreadCommand, Wish},
    },
    state::board::State,
};

use crate::tui::{
    card::AgentWish,
    ui::{Effect, Overlay, Purpose, Ui},
    widget::text_input::TextInput,
};

/// Yes, this once; a question of the agent's own is answered in words.
pub(super) fn once(ui: &mut Ui, id: ApprovalId) -> Vec<Effect> {
    match ui.card.wish().map(|asked| &asked.wish) {
        Some(Wish::Question { .. }) => {
            ui.overlay = Some(Overlay::Reply { approval: id, input: TextInput::default() });
            Vec::new()
        }
        Some(_) => allow(ui, id, Scope::Once, "allowed once"),
        None => Vec::new(),
    }
}

/// The answer is there.
pub(super) fn reply(ui: &mut Ui, id: ApprovalId, words: &str) -> Vec<Effect> {
    if words.is_empty() {
        ui.complain("an answer needs words", Some("n says that there is none".into()));
        ui.overlay = Some(Overlay::Reply { approval: id, input: TextInput::default() });
        return Vec::new();
    }
    send(ui, id, (true, Scope::Once, words.to_owned()), "answered")
}

/// No, with words.
pub(super) fn refuse(ui: &mut Ui, id: ApprovalId, why: String) -> Vec<Effect> {
    send(ui, id, (false, Scope::Once, why), "not allowed")
}

/// Yes, as long as this conversation goes on.
pub(super) fn for_thread(ui: &mut Ui) -> Vec<Effect> {
    let Some(id) = longer(ui) else { return Vec::new() };
    allow(ui, id, Scope::Thread, "allowed for this conversation")
}

/// Yes, always: shows the pattern, which has to be confirmed.
pub(super) fn always(ui: &mut Ui) {
    let Some(approval) = longer(ui) else { return };
    let Some(pattern) = ui.card.wish().and_then(|asked| asked.pattern.clone()) else {
        ui.complain("no pattern fits this command: it is more than plain words", Some("y allows it once".into()));
        return;
    };
    let input = TextInput::with(&pattern.to_string());
    ui.overlay = Some(Overlay::Pattern { approval, input, since: ui.clock.mono });
}

/// The pattern was confirmed.
pub(super) fn ruled(ui: &mut Ui, id: ApprovalId, pattern: &str) -> Vec<Effect> {
    match pattern.parse::<Pattern>() {
        Ok(pattern) => {
            let said = format!("always allowed: {pattern}");
            allow(ui, id, Scope::Always { pattern: pattern.to_string() }, &said)
        }
        Err(error) => {
            ui.complain(error.to_string(), None);
            let input = TextInput::with(pattern);
            ui.overlay = Some(Overlay::Pattern { approval: id, input, since: ui.clock.mono });
            Vec::new()
        }
    }
}

/// The question, if it may be allowed for longer than once.
fn longer(ui: &mut Ui) -> Option<ApprovalId> {
    let wish = ui.card.wish().map(|AgentWish { wish, .. }| wish.clone());
    match wish {
        Some(Wish::Run { .. } | Wish::Verb { high: false, .. }) => ui.card.current.clone(),
        Some(Wish::Verb { high: true, .. }) => {
            ui.complain("what can't be taken back is allowed once at a time", Some("y allows it once".into()));
            None
        }
        Some(Wish::Question { .. } | Wish::Unknown) => {
            ui.complain("this is answered once", Some("y answers it".into()));
            None
        }
        None => None,
    }
}

fn allow(ui: &mut Ui, id: ApprovalId, scope: Scope, said: &str) -> Vec<Effect> {
    send(ui, id, (true, scope, String::new()), said)
}

fn send(ui: &mut Ui, id: ApprovalId, (go, scope, why): (bool, Scope, String), said: &str) -> Vec<Effect> {
    let ApprovalId::Permission { thread, number } = id else { return Vec::new() };
    ui.card.sent.insert(id.clone());
    ui.card.full = false;
    let what = ThreadCommand::Allow { thread, number, go, scope, why };
    vec![Effect::Command(Command::Talk { what }, Purpose::Answered { approval: id, said: said.to_owned() })]
}

/// Does what a key means in the list of rules; `None` where it means what it means everywhere.
pub(super) fn act(ui: &mut Ui, state: &State, action: Action) -> Option<Vec<Effect>> {
    let Some(Overlay::Rules { chosen }) = &mut ui.overlay else { return None };
    if !matches!(action, Action::Stop | Action::ForceStop) {
        return None;
    }
    let Some(rule) = state.rules.keys().nth(*chosen).copied() else { return Some(Vec::new()) };
    *chosen = chosen.saturating_sub(1);
    let said = format!("rule {rule} holds no longer: agents ask again");
    Some(vec![Effect::Command(Command::RevokeRule { rule }, Purpose::Say(said))])
}
