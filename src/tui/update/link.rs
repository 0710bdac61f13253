//! The other side: whether it hears us, who else is attached, what they answer.

use std::{sync::Arc, time::Duration};

use crate::{
    domain::{
        actor::Actor,
        id::{ApprovalId, Seq},
    },
    protocol::{
        event::{Cause, Event, GateEvent, ProposalEvent, Record, RunEvent, ThreadEvent},
        frame::Link,
        session::VisitorKind,
    },
    state::board::State,
};

use crate::tui::{
    select,
    ui::{Effect, Gap, Lost, Overlay, Purpose, Ui},
};

use super::{answer, away};

/// A connection that is lost for so long is told of in full.
const LONG: Duration = Duration::from_secs(15);

/// The connection was lost, or is there again.
pub(super) fn changed(ui: &mut Ui, state: &State, link: Link) {
    ui.dirty = true;
    match link {
        Link::Lost { why, tries, .. } => {
            let now = ui.clock;
            let gap = Gap { seq: state.seq, at: state.at, took: Duration::ZERO };
            let first = Lost { why: String::new(), tries, since: now, gap };
            let before = ui.link.lost.take();
            let lost = Lost { why, tries, ..before.unwrap_or(first) };
            let long = lost.was_stopped() || now.mono >= lost.since.mono + LONG;
            // What is being typed, or asked, stays; and what was read once is not told again.
            if long && !ui.link.told && ui.overlay.is_none() && !ui.is_typing() {
                ui.link.told = true;
                ui.overlay = Some(Overlay::Cut);
            }
            ui.link.lost = Some(lost);
        }
        Link::Up => {
            ui.link.told = false;
            ui.link.target = None;
            if let Some(lost) = ui.link.lost.take() {
                let took = ui.clock.mono.saturating_sub(lost.since.mono);
                // Cut off again before everything was heard: the gap goes on.
                let before = ui.link.gap.unwrap_or(lost.gap);
                ui.link.gap = Some(Gap { took: before.took + took, ..before });
            }
            if matches!(ui.overlay, Some(Overlay::Cut)) {
                ui.overlay = None;
            }
            ui.log.retry();
            ui.past.retry();
            // A search that was under way begins again there, and with it the count of what it finds.
            if ui.is_looking() {
                ui.log.searched = (0, 0);
                ui.log.search.iter_mut().for_each(|search| search.hits = None);
            }
        }
    }
}

/// Another state has taken the place of the one that was shown: what was read of the old one counts no more.
pub(in crate::tui) fn began_anew(ui: &mut Ui, state: &State) {
    ui.past = crate::tui::past::Past::default();
    ui.log.forget();
    ui.runs.went_to = None;
    ui.timeline.cursor = None;
    ui.link.target = ui.link.anew.take().or(ui.link.target);
    level(ui, state);
    select::refresh(ui, state);
    ui.dirty = true;
}

/// While nothing reaches the other side nothing is asked of it: kept for later, a command would come as a surprise.
pub(super) fn only_what_is_heard(ui: &mut Ui, effects: Vec<Effect>) -> Vec<Effect> {
    if ui.link.lost.is_none() {
        return effects;
    }
    let mut rest = Vec::new();
    for effect in effects {
        match effect {
            Effect::Command(_, purpose) => {
                let purpose_is_spoken = purpose == Purpose::Spoken;
                if let Purpose::Answered { approval, .. } = purpose {
                    ui.card.sent.remove(&approval);
                }
                if purpose_is_spoken {
                    super::thread::not_said(ui);
                }
                refuse(ui);
            }
            Effect::Query(_, Purpose::Lines { output, asked }) => ui.log.not_read(&output, asked),
            Effect::Query(_, Purpose::Recall { .. } | Purpose::Older { .. }) => {}
            Effect::Query(_, Purpose::Attach) => {
                super::thread::not_said(ui);
                refuse(ui);
            }
            Effect::Query(_, Purpose::Paths { .. } | Purpose::Reread { .. }) => {}
            Effect::Query(..) => refuse(ui),
            other => rest.push(other),
        }
    }
    rest
}

/// Says that nothing is sent now.
pub(super) fn refuse(ui: &mut Ui) {
    ui.complain("not sent: the connection is lost", Some("press it again when it is back".into()));
}

/// Somebody else has answered: says who, if they are not the one who is at this keyboard.
pub(super) fn tell_answers(ui: &mut Ui, records: &[Arc<Record>]) {
    if !ui.link.caught_up {
        return;
    }
    for record in records {
        let Cause::Request { actor, id } = &record.cause else { continue };
        if ui.awaiting.contains_key(id) {
            continue;
        }
        let (approval, go) = match &record.event {
            Event::Run { run, event: RunEvent::Gate { gate, event: GateEvent::Answered { go, .. } } } => {
                (ApprovalId::Gate { run: *run, gate: gate.clone() }, *go)
            }
            Event::Thread { thread, event } => match **event {
                ThreadEvent::PermissionAnswered { number, go, .. } => {
                    (ApprovalId::Permission { thread: *thread, number }, go)
                }
                _ => continue,
            },
            Event::Proposal { proposal, event: ProposalEvent::Approved { .. } } => {
                (ApprovalId::Proposal(*proposal), true)
            }
            Event::Proposal { proposal, event: ProposalEvent::Declined { .. } } => {
                (ApprovalId::Proposal(*proposal), false)
            }
            _ => continue,
        };
        let verdict = if go { "GO" } else { "NO-GO" };
        let from = from(ui, actor).map(|from| format!(" (from {from})")).unwrap_or_default();
        ui.say(format!("{actor} said {verdict} to {}{from}", answer::short_name(&approval)));
    }
}

/// From where somebody asks, if that can be told: they are attached from one place besides this.
fn from(ui: &Ui, actor: &Actor) -> Option<String> {
    let mut theirs = ui.link.peers.iter().filter(|peer| !peer.you && peer.actor == *actor && !peer.from.is_empty());
    let first = theirs.next()?;
    theirs.all(|peer| peer.from == first.from).then(|| first.from.clone())
}

/// Boards that are open, mine among them.
pub(in crate::tui) fn boards(ui: &Ui) -> usize {
    ui.link.peers.iter().filter(|peer| peer.kind == VisitorKind::Board).count()
}

/// Where the log stands, as the other side says when a session begins or goes on.
pub(super) fn greeted(ui: &mut Ui, state: &State, newest: Seq, since: Seq) {
    ui.dirty = true;
    if ui.link.anew.is_some() || (since == Seq(0) && state.seq > Seq(0)) {
        // Of another log: what is shown stays until that has been folded, and nothing of it is news.
        ui.link.anew = Some(newest);
        (ui.link.target, ui.link.gap, ui.link.caught_up) = (None, None, false);
        return;
    }
    ui.link.target = Some(newest);
    level(ui, state);
}

/// Looks whether everything up to the greeting has been heard.
pub(super) fn level(ui: &mut Ui, state: &State) {
    ui.link.caught_up |= ui.link.is_level(state.seq);
    away::consider(ui, state);
}
