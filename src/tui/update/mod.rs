//! An intent changes what is looked at, and asks for things. Pure: what has to be done comes back as effects.

mod act;
pub(super) mod answer;
pub mod away;
mod containers;
mod cost;
pub(super) mod link;
mod logs;
pub(super) mod moments;
mod navigate;
mod past;
mod popup;
pub mod reply;
pub(super) mod text;

pub(super) use popup::{entries, pipelines};

use crate::{
    config::keymap::action::Action,
    protocol::{frame::Frame, telemetry::Telemetry},
    state::board::State,
};

use super::{
    layout::Layout,
    log::Seek,
    options::Left,
    select,
    ui::{Effect, Intent, Pane, Purpose, Ui},
    view,
};

/// Does what an intent says.
pub fn update(ui: &mut Ui, state: &State, intent: Intent) -> Vec<Effect> {
    ui.dirty = true;
    ui.notice = None;
    if intent != Intent::Interrupt {
        ui.leaving = false;
    }
    let effects = match intent {
        Intent::Do(action) => act(ui, state, action),
        Intent::Interrupt => interrupt(ui, state),
        other => popup::update(ui, state, other),
    };
    link::only_what_is_heard(ui, effects)
}

fn act(ui: &mut Ui, state: &State, action: Action) -> Vec<Effect> {
    if let Some(effects) = text::act(ui, action) {
        return effects;
    }
    if ui.focus == Pane::Containers
        && ui.overlay.is_none()
        && let Some(effects) = containers::act(ui, state, action)
    {
        return effects;
    }
    match action {
        Action::Down => navigate::step(ui, state, 1),
        Action::Up => navigate::step(ui, state, -1),
        Action::HalfPageDown => navigate::page(ui, state, 1, 2),
        Action::HalfPageUp => navigate::page(ui, state, -1, 2),
        Action::PageDown => navigate::page(ui, state, 1, 1),
        Action::PageUp => navigate::page(ui, state, -1, 1),
        Action::Top => navigate::end(ui, state, false),
        Action::Bottom => navigate::end(ui, state, true),
        Action::Left => navigate::sideways(ui, state, false),
        Action::Right => navigate::sideways(ui, state, true),
        Action::Open => return navigate::open(ui, state),
        Action::Toggle => navigate::toggle(ui, state),
        Action::Back => return navigate::back(ui, state),
        Action::Pane1 => navigate::focus(ui, Pane::Projects),
        Action::Pane2 => navigate::focus(ui, Pane::Runs),
        Action::Pane3 => navigate::focus(ui, Pane::Logs),
        Action::Pane4 => navigate::focus(ui, Pane::Timeline),
        Action::Pane6 => navigate::focus(ui, Pane::Cost),
        Action::Pane7 => navigate::focus(ui, Pane::Containers),
        Action::NextPane => navigate::next_pane(ui, 1),
        Action::PrevPane => navigate::next_pane(ui, -1),
        Action::Zoom => ui.zoom = !ui.zoom,
        Action::Help | Action::CardHelp => ui.overlay = Some(super::ui::Overlay::Help { scroll: 0 }),
        Action::Palette => popup::palette(ui),
        Action::Find => logs::find(ui),
        Action::FindNext => return logs::next_hit(ui, false),
        Action::FindPrev => return logs::next_hit(ui, true),
        Action::Follow => logs::follow(ui),
        Action::Wrap => logs::wrap(ui),
        Action::LogWindow => return containers::next_window(ui),
        Action::FoldGroup
        | Action::SortContainers
        | Action::Shell
        | Action::InspectContainer
        | Action::PauseContainer
        | Action::RemoveContainer
        | Action::OpenPort => ui.complain("that is for containers", Some("7 shows them".into())),
        Action::Time => ui.log.time = !ui.log.time,
        Action::NextError => return logs::next_error(ui, state, false),
        Action::PrevError => return logs::next_error(ui, state, true),
        Action::Copy => return act::copy(ui, state),
        Action::Start => return act::start(ui, state),
        Action::Rerun => return act::rerun(ui, state),
        Action::RerunAll => act::rerun_all(ui, state),
        Action::Stop => act::stop(ui, state),
        Action::ForceStop => act::force_stop(ui, state),
        Action::Undo => act::undo(ui, state),
        Action::ZoomIn => ui.timeline.scale = (ui.timeline.scale + 1).min(12),
        Action::ZoomOut => ui.timeline.scale = ui.timeline.scale.saturating_sub(1),
        Action::Approvals => answer::open(ui, state),
        Action::Yes => return answer::go(ui, state),
        Action::No => answer::no_go(ui),
        Action::Edit => return answer::edit(ui, state),
        Action::TakeHunk => answer::turn_hunk(ui),
        Action::NextHunk => answer::next_hunk(ui, 1),
        Action::PrevHunk => answer::next_hunk(ui, -1),
        Action::FullDiff => ui.card.full = !ui.card.full,
        Action::CardDown => answer::scroll(ui, 1),
        Action::CardUp => answer::scroll(ui, -1),
        Action::CardPageDown => answer::scroll(ui, 10),
        Action::CardPageUp => answer::scroll(ui, -10),
        Action::Later => answer::later(ui, state),
        Action::People => ui.overlay = Some(super::ui::Overlay::People),
        Action::Away => away::again(ui, state),
        Action::JumpLine => logs::ask_where(ui, Seek::Line),
        Action::JumpTime => logs::ask_where(ui, Seek::Time),
        Action::Refresh => {
            ui.past.retry();
            ui.log.retry();
            return vec![Effect::Repaint];
        }
        Action::Repaint => return vec![Effect::Repaint],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Quit => return leave(ui, state),
    }
    Vec::new()
}

/// Ctrl-C clears what is being typed; a second one leaves.
fn interrupt(ui: &mut Ui, state: &State) -> Vec<Effect> {
    let open = ui.overlay.take().is_some() | ui.log.field.take().is_some() | ui.containers.field.take().is_some();
    if ui.leaving {
        return leave(ui, state);
    }
    ui.leaving = true;
    if !open {
        ui.say("Ctrl-C again leaves the board");
    }
    Vec::new()
}

/// Leaves; asks before that ends something.
fn leave(ui: &mut Ui, state: &State) -> Vec<Effect> {
    let leave = match &ui.link.gone {
        Some(reason) => Effect::Leave(Left::Gone { reason: reason.clone() }),
        None => Effect::Leave(Left::Detached),
    };
    let under_way = state.active_runs().filter(|run| view::status::is_running(run)).count();
    if !ui.options.in_process || under_way == 0 || ui.link.gone.is_some() {
        return vec![leave];
    }
    let (runs, they) = if under_way == 1 { ("1 run is", "it ends") } else { ("runs are", "they end") };
    let count = if under_way == 1 { String::new() } else { format!("{under_way} ") };
    ui.confirm(vec![format!("{count}{runs} under way: {they} when you leave."), "Leave?".into()], vec![leave]);
    Vec::new()
}

/// Takes in a frame of the session, all but records, which the caller has folded. Gives back what has to be done.
pub fn hear(ui: &mut Ui, state: &State, frame: Frame) -> Vec<Effect> {
    match frame {
        Frame::Hello { seq, since, .. } => {
            link::greeted(ui, state, seq, since);
            // Whoever recorded the log of a container was told to stop by the cut.
            return containers::again(ui);
        }
        Frame::Records(records) => {
            link::level(ui, state);
            select::refresh(ui, state);
            link::tell_answers(ui, &records);
            cost::tell_warnings(ui, &records);
            ui.log.retry();
            ui.dirty = true;
        }
        Frame::Telemetry(Telemetry::OutputGrew { output, lines, .. }) => ui.dirty |= ui.log.grew(&output, lines),
        Frame::Telemetry(Telemetry::Containers(news)) => {
            ui.containers.learn(*news);
            ui.dirty |= ui.containers.open;
        }
        Frame::Telemetry(Telemetry::Streamed { .. }) => {}
        Frame::Telemetry(Telemetry::Dropped { count }) => {
            ui.link.dropped += count;
            ui.dirty = true;
        }
        Frame::Peers(peers) => {
            ui.dirty |= ui.link.peers != peers;
            ui.link.peers = peers;
            away::consider(ui, state);
        }
        Frame::Health(health) => {
            ui.dirty |= ui.link.health != health;
            ui.link.health = health;
        }
        Frame::Link(link) => link::changed(ui, state, link),
        Frame::Part { id, part } => return reply::part(ui, state, id, part),
        Frame::Reply { id, result } => {
            if let Some(purpose) = ui.awaiting.remove(&id) {
                return reply::reply(ui, state, purpose, result);
            }
        }
        Frame::Goodbye { reason, .. } => {
            ui.link.gone = Some(reason);
            ui.dirty = true;
        }
    }
    Vec::new()
}

/// Before a draw: puts scrolled panes where they belong, and says what must be read for them.
pub fn settle(ui: &mut Ui, state: &State) -> Vec<Effect> {
    let room = arrange(ui, state);
    let layout = Layout::of(ui);
    let mut effects = past::settle(ui, state, &layout);
    effects.extend(containers::look(ui, &layout));
    if let Some((height, width)) = room
        && let Some((query, asked)) = ui.log.settle(height, width)
        && let Some(output) = ui.log.output.clone()
    {
        effects.push(Effect::Query(query, Purpose::Lines { output, asked }));
    }
    link::only_what_is_heard(ui, effects)
}

/// Just before a draw: the same with what has been read by now; gives back whether more must be read.
pub fn place(ui: &mut Ui, state: &State) -> bool {
    arrange(ui, state).is_some_and(|(height, width)| ui.log.place(height, width))
}

/// Puts all panes but the log where they belong; gives back what room the log has.
fn arrange(ui: &mut Ui, state: &State) -> Option<(usize, usize)> {
    if ui.focus == Pane::Card && !Layout::of(ui).shows_card(ui) {
        ui.focus = navigate::upper(ui);
    }
    containers::arrange(ui, state);
    let layout = Layout::of(ui);
    navigate::settle(ui, state, &layout);
    if ui.cost.scroll > 0 {
        let height = usize::from(layout.inside(layout.cost).height);
        ui.cost.scroll = ui.cost.scroll.min(view::cost::count(ui, state, &layout).saturating_sub(height));
    }
    answer::settle(ui, &layout);
    Some(view::logs::room(ui, &layout)).filter(|(height, _)| *height > 0)
}
