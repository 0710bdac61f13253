//! Pane 1: the projects, each with how its newest run stands.

use ratatui::{buffer::Buffer, layout::Rect, text::Span};

use crate::state::{approval, board::State, job::JobStatus, project::Project};

use crate::tui::{
    layout::Layout,
    ui::{Pane, Ui},
    widget::columns,
};

use super::{empty, pane, status};

/// The projects that are shown, in their order.
pub fn shown(state: &State) -> Vec<&Project> {
    state.projects.values().filter(|project| !project.forgotten).collect()
}

/// Draws it.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State, layout: &Layout) {
    let projects = shown(state);
    let theme = &ui.options.theme;
    let mut notes = vec![Span::styled(projects.len().to_string(), theme.quiet)];
    pane::other_tab(ui, layout, &mut notes, "2 Runs");
    let area = pane::frame(buf, area, ui, layout, Some(Pane::Projects), "1 Projects", notes);
    if projects.is_empty() {
        empty::render(buf, area, ui, empty::nothing_yet(ui));
        return;
    }
    let pending = approval::pending(state);
    for (row, project) in projects.iter().skip(ui.projects_scroll).take(usize::from(area.height)).enumerate() {
        let chosen = Some(project.id) == ui.project;
        let marker = if chosen { ui.options.glyphs.chosen } else { " " };
        let mut left = vec![Span::styled(format!("{marker} "), theme.accent), Span::raw(project.name.clone())];
        let mut right = Vec::new();
        if let Some(run) = state.latest_run(project.id) {
            let waits = pending
                .iter()
                .filter(|a| a.run.and_then(|run| state.runs.get(&run)).is_some_and(|r| r.project == project.id))
                .count();
            if waits > 0 {
                right.push(Span::styled(format!("!{waits}"), theme.warn));
                right.push(Span::raw(" "));
            }
            for (status, style) in [(JobStatus::Failed, theme.bad), (JobStatus::Running, theme.running)] {
                let count = run.jobs.iter().filter(|job| job.status == status).count();
                if count > 0 {
                    right.push(Span::styled(format!("{}{count} ", ui.options.glyphs.job(&status)), style));
                }
            }
            right.extend(status::run(run).spans(ui, 9));
        } else {
            left.push(Span::styled("  no run yet", theme.quiet));
        }
        let line = columns::spread(left, right, usize::from(area.width));
        columns::put(buf, area, row as u16, &line);
        if chosen {
            let row = Rect { y: area.y + row as u16, height: 1, ..area };
            pane::choose(buf, row, ui, ui.focus == Pane::Projects);
        }
    }
}
