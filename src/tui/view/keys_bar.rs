//! The bar at the bottom: what can be done here, or what was just said.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    config::keymap::action::{Action, Context},
    state::board::State,
};

use crate::tui::{
    tree::Node,
    ui::{Notice, Pane, Ui},
    widget::columns,
};

use super::status;

/// Draws it.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State) {
    if area.is_empty() {
        return;
    }
    let width = usize::from(area.width);
    let line = match &ui.notice {
        Some(notice) => said(ui, notice, width),
        None => keys(ui, state, width),
    };
    columns::put(buf, area, 0, &line);
}

fn said(ui: &Ui, notice: &Notice, width: usize) -> Line<'static> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let (glyph, style) = if notice.bad { (glyphs.failed, theme.bad) } else { (glyphs.passed, theme.good) };
    let mut spans = vec![Span::styled(format!(" {glyph} "), style)];
    let text = notice.text.lines().next().unwrap_or_default();
    let hint = notice.hint.as_ref().map(|hint| format!("  hint: {hint}")).unwrap_or_default();
    let room = width.saturating_sub(4 + columns::width(&hint).min(width / 2));
    spans.push(Span::styled(
        columns::clip(&glyphs.plain(text), room, glyphs.more),
        if notice.bad { style } else { theme.text },
    ));
    spans.push(Span::styled(glyphs.plain(&hint), theme.quiet));
    Line::from(spans)
}

fn keys(ui: &Ui, state: &State, width: usize) -> Line<'static> {
    use Context::{Containers, Global, List, Logs, Timeline};
    let theme = &ui.options.theme;
    let mut list: Vec<(Context, Action, &str)> = Vec::new();
    if ui.card.current.is_some() && ui.focus != Pane::Card {
        list.push((Global, Action::Approvals, "answer"));
    }
    match ui.focus {
        Pane::Projects => list.push((Global, Action::Open, "runs")),
        Pane::Runs => {
            list.push((Global, Action::Open, if ui.job().is_some() { "log" } else { "open" }));
            list.push((List, Action::Toggle, "fold"));
            list.extend(for_run(ui, state));
        }
        Pane::Logs => {
            list.push((Logs, Action::Follow, if ui.log.follow { "stay" } else { "follow" }));
            list.push((Global, Action::Find, "find"));
            if ui.log.search.is_some() {
                list.push((Global, Action::FindNext, "next"));
            }
            list.push((Logs, Action::NextError, "error"));
            list.push((Logs, Action::Wrap, "wrap"));
            list.push((Logs, Action::Time, "time"));
            list.push((Global, Action::Copy, "copy"));
        }
        Pane::Timeline => {
            list.push((Global, Action::Left, "before"));
            list.push((Global, Action::Right, "next"));
            list.push((Global, Action::Open, "go there"));
            list.push((Timeline, Action::ZoomIn, "closer"));
            list.push((Timeline, Action::ZoomOut, "wider"));
        }
        Pane::Containers => {
            list.push((Global, Action::Open, "log"));
            list.extend(for_container(ui));
            list.extend([
                (Containers, Action::InspectContainer, "inspect"),
                (Containers, Action::SortContainers, "sort"),
                (Global, Action::Find, "filter"),
            ]);
        }
        Pane::Cost => list.push((Global, Action::Back, "runs")),
        Pane::Card => list.push((Global, Action::Approvals, "next question")),
    }
    if ui.focus != Pane::Containers {
        list.push((Global, Action::Start, "start"));
    }
    list.extend([
        (Global, Action::NextPane, "pane"),
        (Global, Action::Zoom, "zoom"),
        (Global, Action::Palette, "command"),
    ]);
    // What opens all other doors is never pushed off the bar.
    let last =
        [(Global, Action::Help, "keys"), (Global, Action::Quit, if ui.options.in_process { "quit" } else { "detach" })];
    let right: Vec<Span<'static>> = last.iter().flat_map(|entry| spans(ui, *entry)).collect();
    let room = width.saturating_sub(columns::spans_width(&right) + 1);
    let mut left = vec![Span::raw(" ")];
    for entry in list {
        let entry = spans(ui, entry);
        if columns::spans_width(&left) + columns::spans_width(&entry) > room {
            break;
        }
        left.extend(entry);
    }
    let _ = theme;
    columns::spread(left, right, width)
}

fn spans(ui: &Ui, (context, action, word): (Context, Action, &str)) -> Vec<Span<'static>> {
    let theme = &ui.options.theme;
    let key = ui.options.keymap.label(context, action);
    if key.is_empty() {
        return Vec::new();
    }
    vec![Span::styled(key, theme.accent), Span::styled(format!(" {word}  "), theme.quiet)]
}

/// What can be done to the chosen container as it stands.
fn for_container(ui: &Ui) -> Vec<(Context, Action, &'static str)> {
    use Context::{Containers, Global};
    match ui.containers.container().map(|known| known.row.is_up()) {
        Some(true) => vec![
            (Containers, Action::Shell, "shell"),
            (Global, Action::Rerun, "restart"),
            (Global, Action::Stop, "stop"),
        ],
        Some(false) => vec![(Global, Action::Start, "start"), (Containers, Action::RemoveContainer, "remove")],
        None => vec![(Containers, Action::FoldGroup, "fold")],
    }
}

/// What can be done to the chosen run or job as it stands.
fn for_run(ui: &Ui, state: &State) -> Vec<(Context, Action, &'static str)> {
    let Some(run) = ui.run().and_then(|id| state.runs.get(&id)) else { return Vec::new() };
    let job = ui.runs.chosen.as_ref().and_then(Node::job).and_then(|key| crate::tui::tree::run_job(run, key));
    let ended = job.map_or(run.outcome.is_some(), |job| job.status.has_ended());
    let mut list = Vec::new();
    if ended {
        list.push((Context::Global, Action::Rerun, "retry"));
    } else {
        list.push((Context::Global, Action::Stop, "stop"));
    }
    let applied =
        |id| state.proposals.get(id).is_some_and(|p: &crate::state::proposal::ProposalState| p.applied.is_some());
    if run.proposals.iter().any(applied) && !status::is_running(run) {
        list.push((Context::Global, Action::Undo, "undo"));
    }
    list
}
