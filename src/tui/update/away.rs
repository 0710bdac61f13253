//! While you were away: whether there is something to tell, and going to it.

use std::time::Duration;

use crate::{
    domain::{
        actor::Actor,
        id::{ApprovalId, Seq},
        time::{Millis, Timestamp},
    },
    protocol::session::VisitorKind,
    state::{
        approval,
        away::{self, Item, Kind},
        board::State,
    },
};

use crate::tui::{
    select,
    tree::Node,
    ui::{Effect, Gap, Overlay, Pane, Ui},
};

use super::answer;

/// Who was away for less has missed nothing, unless somebody waits for them.
const SHORT: Duration = Duration::from_mins(1);

/// Tells what has happened, once, when everything has been heard: since the last visit, or since the connection was lost.
pub(super) fn consider(ui: &mut Ui, state: &State) {
    if !ui.link.is_level(state.seq) {
        return;
    }
    if let Some(gap) = ui.link.gap.take() {
        ui.link.greeted = true;
        if let Some(me) = me(ui).filter(|_| gap.took >= SHORT) {
            tell(ui, state, &me, gap);
        }
    } else if !ui.link.greeted
        && let Some(me) = me(ui)
    {
        ui.link.greeted = true;
        let Some(left) = last_visit(ui, state, &me) else { return };
        tell(ui, state, &me, left);
    }
}

/// Who is at this keyboard, as the other side knows them.
fn me(ui: &Ui) -> Option<Actor> {
    ui.link.peers.iter().find(|peer| peer.you).map(|peer| peer.actor.clone())
}

/// When they were last here; `None` if they never were, or are, at another terminal.
fn last_visit(ui: &Ui, state: &State, me: &Actor) -> Option<Gap> {
    let elsewhere = |peer: &crate::protocol::frame::Peer| !peer.you && peer.kind == VisitorKind::Board;
    if ui.link.peers.iter().any(|peer| elsewhere(peer) && peer.actor == *me) {
        return None;
    }
    let seen = state.seen.get(me)?;
    let took = Millis::between(seen.at, ui.clock.wall).duration();
    Some(Gap { seq: seen.seq, at: seen.at, took })
}

fn tell(ui: &mut Ui, state: &State, me: &Actor, gap: Gap) {
    let list = away::since(state, gap.seq, gap.at, me);
    let waits = list.iter().any(|item| item.kind == Kind::Asks);
    if list.is_empty() || (gap.took < SHORT && !waits) {
        return;
    }
    ui.away = Some(Absence { seq: gap.seq, at: gap.at, me: me.clone(), took: Millis::from(gap.took) });
    // Whoever types is not interrupted: `a` shows it.
    if ui.overlay.is_none() && !ui.is_typing() {
        show(ui, list);
    } else {
        ui.say("something has happened while you were away: a lists it");
    }
}

/// A time in which somebody was away.
#[derive(Clone, Debug)]
pub struct Absence {
    seq: Seq,
    at: Timestamp,
    me: Actor,
    took: Millis,
}

fn show(ui: &mut Ui, list: Vec<Item>) {
    let gone = ui.away.as_ref().map_or(Millis(0), |absence| absence.took);
    ui.overlay = Some(Overlay::Away { gone, list, chosen: 0 });
    ui.dirty = true;
}

/// Shows the list again, as it stands now.
pub(super) fn again(ui: &mut Ui, state: &State) {
    let Some(absence) = ui.away.clone() else {
        ui.say("you have missed nothing");
        return;
    };
    let list = away::since(state, absence.seq, absence.at, &absence.me);
    if list.is_empty() {
        ui.say("what you had missed is long done");
    } else {
        show(ui, list);
    }
}

/// Goes to what was chosen in the list.
pub(super) fn go(ui: &mut Ui, state: &State, item: &Item) -> Vec<Effect> {
    let asks = |id: &ApprovalId| approval::pending(state).iter().any(|approval| approval.id == *id);
    if let Some(id) = item.approval.clone().filter(asks) {
        answer::open_this(ui, state, id);
        return Vec::new();
    }
    let Some(run) = item.run else { return Vec::new() };
    ui.focus = Pane::Runs;
    match &item.job {
        Some(job) if state.runs.contains_key(&run) => select::choose_job(ui, state, run, job),
        _ => {
            ui.log.pinned = false;
            select::choose(ui, state, Node::Run(run));
            select::refresh(ui, state);
        }
    }
    Vec::new()
}
