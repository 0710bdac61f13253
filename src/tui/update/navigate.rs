//! Moving about: focus, choice, scroll.

use crate::state::{board::State, timeline::Moment};

use crate::tui::{
    layout::Layout,
    select,
    tree::{self, Node},
    ui::{Effect, Overlay, Pane, Ui},
    view,
};

use super::{answer, containers, logs, moments};

/// One row up or down.
pub(super) fn step(ui: &mut Ui, state: &State, by: i64) {
    match &mut ui.overlay {
        None => {}
        Some(Overlay::Help { scroll }) => {
            *scroll = scroll.saturating_add_signed(by as isize);
            return;
        }
        Some(Overlay::Away { list, chosen, .. }) => {
            *chosen = moved(*chosen, by, list.len());
            return;
        }
        Some(_) => return,
    }
    match ui.focus {
        Pane::Projects => step_project(ui, state, by),
        Pane::Runs => step_run(ui, state, by),
        Pane::Logs => {
            let (_, width) = view::logs::room(ui, &Layout::of(ui));
            ui.log.scroll(by, width);
        }
        Pane::Timeline => moments::step(ui, state, by),
        Pane::Cost => ui.cost.scroll = ui.cost.scroll.saturating_add_signed(by as isize),
        Pane::Containers => ui.containers.step(by),
        Pane::Card => answer::scroll(ui, by),
    }
}

/// A page, or a part of one.
pub(super) fn page(ui: &mut Ui, state: &State, sign: i64, part: u16) {
    let layout = Layout::of(ui);
    let area = if ui.overlay.is_some() { layout.status } else { layout.inside(layout.pane(ui.focus)) };
    let height = if ui.overlay.is_some() { ui.size.1 } else { area.height };
    step(ui, state, sign * i64::from((height / part).max(1)));
}

/// To the first or the last row.
pub(super) fn end(ui: &mut Ui, state: &State, last: bool) {
    if ui.overlay.is_none() && ui.focus == Pane::Logs {
        if last {
            ui.log.follow();
        } else {
            ui.log.let_go();
            (ui.log.top, ui.log.skip) = (0, 0);
        }
        return;
    }
    step(ui, state, if last { i64::from(i32::MAX) } else { i64::from(i32::MIN) });
}

fn moved(at: usize, by: i64, count: usize) -> usize {
    let last = count.saturating_sub(1) as i64;
    (at as i64 + by).clamp(0, last) as usize
}

fn step_project(ui: &mut Ui, state: &State, by: i64) {
    let projects = view::projects::shown(state);
    let at = projects.iter().position(|project| Some(project.id) == ui.project).unwrap_or(0);
    let Some(project) = projects.get(moved(at, by, projects.len())) else { return };
    if ui.project != Some(project.id) {
        ui.project = Some(project.id);
        ui.runs = crate::tui::ui::RunsPane { turned: std::mem::take(&mut ui.runs.turned), ..Default::default() };
        ui.log.pinned = false;
        select::refresh(ui, state);
    }
}

fn step_run(ui: &mut Ui, state: &State, by: i64) {
    let Some(project) = ui.project else { return };
    let nodes = tree::nodes(ui, state, project);
    let at = ui.runs.chosen.as_ref().and_then(|chosen| nodes.iter().position(|node| node == chosen)).unwrap_or(0);
    if let Some(node) = nodes.get(moved(at, by, nodes.len())).cloned() {
        choose(ui, state, node);
    }
}

/// Chooses a row of pane 2; the log follows.
fn choose(ui: &mut Ui, state: &State, node: Node) {
    if ui.run() != Some(node.run()) {
        ui.timeline.cursor = None;
    }
    let newest = ui.project.and_then(|id| state.projects.get(&id)).and_then(|project| project.runs.last());
    ui.runs.pinned = !matches!(&node, Node::Run(run) if Some(run) == newest);
    ui.runs.chosen = Some(node.clone());
    match node {
        Node::Run(_) | Node::Gate(..) | Node::Job(..) => {
            ui.log.pinned = false;
            select::refresh(ui, state);
        }
        Node::Output(output) => select::show(ui, state, output, true),
        Node::Step(run, job, index) => {
            let home = ui.home(state, run);
            let Some(found) = tree::find_job(&home, run, &job) else { return };
            if let Some(output) = found.output(run) {
                select::show(ui, state, output, true);
            }
            let step = found.attempt().and_then(|attempt| attempt.steps.iter().find(|step| step.index == index));
            if let Some(step) = step {
                let line = step.first_line;
                ui.log.let_go();
                (ui.log.top, ui.log.skip, ui.log.mark) = (line, 0, Some(line));
            }
        }
    }
}

/// Left or right.
pub(super) fn sideways(ui: &mut Ui, state: &State, right: bool) {
    if ui.overlay.is_some() {
        return;
    }
    match ui.focus {
        Pane::Timeline => moments::step(ui, state, if right { 1 } else { -1 }),
        Pane::Logs => {
            ui.log.shift = if right { (ui.log.shift + 16).min(8192) } else { ui.log.shift.saturating_sub(16) };
        }
        Pane::Runs => {
            let Some(node) = ui.runs.chosen.clone() else { return };
            let open = tree::is_open(ui, state, &node);
            match node {
                Node::Run(_) | Node::Job(..) if open != right => select::turn(ui, node),
                _ if right => step_run(ui, state, 1),
                _ => {
                    if let Some(parent) = node.parent() {
                        choose(ui, state, parent);
                    }
                }
            }
        }
        Pane::Containers => containers::sideways(ui, right),
        Pane::Projects | Pane::Cost | Pane::Card => {}
    }
}

/// Opens or shuts the chosen row.
pub(super) fn toggle(ui: &mut Ui, state: &State) {
    if ui.focus != Pane::Runs {
        return;
    }
    match ui.runs.chosen.clone() {
        Some(node @ (Node::Run(_) | Node::Job(..))) => select::turn(ui, node),
        Some(node) => {
            if let Some(parent) = node.parent() {
                select::turn(ui, parent.clone());
                choose(ui, state, parent);
            }
        }
        None => {}
    }
}

/// Enter: further in.
pub(super) fn open(ui: &mut Ui, state: &State) -> Vec<Effect> {
    match ui.focus {
        Pane::Projects => focus(ui, Pane::Runs),
        Pane::Runs => match ui.runs.chosen.clone() {
            Some(node @ Node::Run(_)) => select::turn(ui, node),
            Some(Node::Gate(run, gate)) => answer::open_gate(ui, state, run, gate),
            Some(_) => focus(ui, Pane::Logs),
            None => {}
        },
        Pane::Timeline => return moments::enter(ui, state),
        Pane::Logs | Pane::Cost | Pane::Containers | Pane::Card => {}
    }
    Vec::new()
}

/// Esc: out of the last thing that was gone into.
pub(super) fn back(ui: &mut Ui, state: &State) -> Vec<Effect> {
    if ui.focus == Pane::Logs {
        let stopped = logs::stop_looking(ui);
        if !stopped.is_empty() {
            ui.say("the search was stopped");
            return stopped;
        }
    }
    if ui.card.full {
        ui.card.full = false;
    } else if ui.focus == Pane::Containers && containers::back(ui) {
        // the filter is gone
    } else if ui.card.opened && ui.focus == Pane::Card {
        answer::later(ui, state);
    } else if ui.focus == Pane::Logs && ui.log.search.is_some() {
        ui.log.search = None;
    } else if ui.zoom {
        ui.zoom = false;
    } else if ui.timeline.cursor.is_some() && ui.focus == Pane::Timeline {
        ui.timeline.cursor = None;
    } else if ui.focus == Pane::Logs || ui.focus == Pane::Card {
        ui.focus = upper(ui);
    } else if matches!(ui.focus, Pane::Cost | Pane::Containers) {
        ui.focus = Pane::Runs;
    }
    Vec::new()
}

/// The pane that stands above the logs.
pub(super) fn upper(ui: &Ui) -> Pane {
    match (ui.cost.open, ui.containers.open) {
        (true, _) => Pane::Cost,
        (false, true) => Pane::Containers,
        (false, false) => Pane::Runs,
    }
}

/// Gives a pane the keys.
pub(super) fn focus(ui: &mut Ui, pane: Pane) {
    ui.overlay = None;
    ui.focus = pane;
    ui.card.full = false;
    // Who reads an output keeps it, whatever else happens in the run.
    ui.log.pinned |= pane == Pane::Logs;
}

/// The pane after or before this one, among those that are on the screen.
pub(super) fn next_pane(ui: &mut Ui, by: isize) {
    const RUNS: [Pane; 5] = [Pane::Projects, Pane::Runs, Pane::Logs, Pane::Timeline, Pane::Card];
    const COST: [Pane; 4] = [Pane::Cost, Pane::Logs, Pane::Timeline, Pane::Card];
    const CONTAINERS: [Pane; 4] = [Pane::Containers, Pane::Logs, Pane::Timeline, Pane::Card];
    let order = match upper(ui) {
        Pane::Cost => COST.as_slice(),
        Pane::Containers => CONTAINERS.as_slice(),
        _ => RUNS.as_slice(),
    };
    let card = Layout::of(ui).shows_card(ui);
    let order: Vec<Pane> = order.iter().copied().filter(|pane| *pane != Pane::Card || card).collect();
    let at = order.iter().position(|pane| *pane == ui.focus).unwrap_or(0) as isize;
    let next = (at + by).rem_euclid(order.len() as isize) as usize;
    ui.focus = order[next];
}

/// Keeps what is chosen in sight.
pub(super) fn settle(ui: &mut Ui, state: &State, layout: &Layout) {
    let height = |pane| usize::from(layout.inside(layout.pane(pane)).height);
    let projects = view::projects::shown(state);
    let at = projects.iter().position(|project| Some(project.id) == ui.project).unwrap_or(0);
    ui.projects_scroll = keep(ui.projects_scroll, at, at + 1, projects.len(), height(Pane::Projects));
    if let Some(project) = ui.project {
        let nodes = tree::nodes(ui, state, project);
        let roomy = view::runs::is_roomy(layout.inside(layout.runs));
        let rows = |node: &Node| 1 + tree::notes(&ui.home(state, node.run()), node, roomy).len();
        let chosen = ui.runs.chosen.as_ref();
        let at = chosen.and_then(|chosen| nodes.iter().position(|node| node == chosen)).unwrap_or(0);
        let before: usize = nodes.iter().take(at).map(rows).sum();
        // Under the oldest row may stand that more is being read.
        let footing = usize::from(ui.past.footing(project).is_some());
        let total = nodes.iter().map(rows).sum::<usize>() + footing;
        let under = if at + 1 == nodes.len() { footing } else { 0 };
        let last = before + nodes.get(at).map_or(1, rows) + under;
        ui.runs.scroll = keep(ui.runs.scroll, before, last, total, height(Pane::Runs));
    }
    let home = ui.here(state);
    let moments: Vec<&Moment> = moments::of(ui, &home).collect();
    if ui.timeline.cursor.is_some_and(|seq| !moments.iter().any(|moment| moment.seq == seq)) {
        ui.timeline.cursor = None;
    }
}

/// The scroll that is nearest to `scroll` and shows the rows `from..to` of `total` in `height`.
fn keep(scroll: usize, from: usize, to: usize, total: usize, height: usize) -> usize {
    let lowest = to.saturating_sub(height);
    scroll.clamp(lowest.min(from), from).min(total.saturating_sub(height).max(lowest.min(from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_row_stays_in_sight_with_as_little_motion_as_can_be() {
        assert_eq!(keep(0, 3, 4, 20, 5), 0);
        assert_eq!(keep(0, 7, 8, 20, 5), 3);
        assert_eq!(keep(10, 7, 8, 20, 5), 7);
        assert_eq!(keep(18, 19, 20, 20, 5), 15);
        assert_eq!(keep(0, 3, 5, 20, 1), 3, "of a row that doesn't fit, its beginning");
        assert_eq!(keep(0, 0, 1, 0, 0), 0);
    }
}
