//! The bar at the top: mission, verdict, elapsed time, who waits, link.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Modifier,
    text::{Line, Span},
};

use crate::{
    domain::time::Millis,
    state::{approval, board::State, job::JobStatus, run::Run},
};

use crate::tui::{
    layout::{Class, Layout},
    ui::Ui,
    widget::columns,
};

use super::status;

/// Draws it.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State) {
    if area.is_empty() {
        return;
    }
    let theme = &ui.options.theme;
    let run = ui.run().and_then(|id| state.runs.get(&id));
    if Layout::of(ui).class == Class::Line {
        columns::put(buf, area, 0, &one_line(ui, state, run));
        return;
    }
    // What there is no room for goes in this order: the commit, the brand, the words.
    let narrow = area.width < 64;
    let mut left = vec![Span::raw(" ")];
    if !narrow {
        left.push(Span::styled("GONOGO  ", theme.accent.patch(theme.strong)));
    }
    let project = ui.project.and_then(|id| state.projects.get(&id));
    if let Some(project) = project {
        left.push(Span::styled(project.name.clone(), theme.strong));
    }
    if let Some(run) = run {
        if area.width >= 76 {
            left.push(Span::styled(place(ui, run), theme.quiet));
        }
        left.push(Span::raw("  "));
        let (word, style) = status::verdict(run);
        let total = run.jobs.len();
        let good = run.jobs.iter().filter(|job| job.status.is_good()).count();
        let count = if total > 0 { format!(" {good}/{total}") } else { String::new() };
        left.push(Span::styled(
            format!(" {word}{count} "),
            style(theme).add_modifier(Modifier::REVERSED | Modifier::BOLD),
        ));
        let failed = run.jobs.iter().filter(|job| job.status == JobStatus::Failed).count();
        if failed > 0 {
            left.push(Span::styled(format!(" {}{failed}", ui.options.glyphs.failed), theme.bad));
        }
        left.push(Span::raw(format!("  T+{}", clock(status::elapsed(run, ui.clock.wall)))));
    }
    let mut right = Vec::new();
    let waiting = approval::pending(state).len();
    if waiting > 0 {
        let text = if narrow { format!("!{waiting}") } else { format!("! {waiting} waiting") };
        right.push(Span::styled(text, theme.warn.patch(theme.strong)));
        right.push(Span::raw("  "));
    }
    if !narrow || !ui.link.caught_up || ui.link.gone.is_some() {
        right.extend(link(ui));
    }
    right.push(Span::raw(" "));
    columns::put(buf, area, 0, &columns::spread(left, right, usize::from(area.width)));
}

/// ` · main@4f2c1d9*`
fn place(ui: &Ui, run: &Run) -> String {
    let source = &run.source;
    let commit = source.commit.get(..7).unwrap_or(&source.commit);
    let branch = source.branch.as_deref().unwrap_or("");
    let dirty = if source.dirty { "+" } else { "" };
    let place = match (branch, commit) {
        ("", "") => return String::new(),
        ("", commit) => format!(" · {commit}{dirty}"),
        (branch, "") => format!(" · {branch}{dirty}"),
        (branch, commit) => format!(" · {branch}@{commit}{dirty}"),
    };
    ui.options.glyphs.plain(&place)
}

fn link(ui: &Ui) -> Vec<Span<'static>> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    if let Some(reason) = &ui.link.gone {
        return vec![Span::styled(format!("{} ended: {reason}", glyphs.failed), theme.bad)];
    }
    let mut spans = Vec::new();
    if ui.link.dropped > 0 {
        spans.push(Span::styled(format!("{} updates dropped  ", ui.link.dropped), theme.quiet));
    }
    if ui.link.low {
        spans.push(Span::styled("low bandwidth  ", theme.quiet));
    }
    if ui.link.caught_up {
        spans.push(Span::styled(format!("{} live", glyphs.running), theme.quiet));
    } else {
        spans.push(Span::styled(glyphs.plain("reading the log…"), theme.warn));
    }
    spans
}

/// All that one line has room for.
fn one_line(ui: &Ui, state: &State, run: Option<&Run>) -> Line<'static> {
    let theme = &ui.options.theme;
    let mut spans = Vec::new();
    match run {
        Some(run) => {
            let badge = status::run(run);
            spans.push(Span::raw(format!("{} ", run.id)));
            spans.extend(badge.spans(ui, 0));
            let failed = run.jobs.iter().find(|job| job.status == JobStatus::Failed);
            if let Some(job) = failed {
                spans.push(Span::styled(format!(" {}", job.key()), theme.bad));
            }
        }
        None => spans.push(Span::raw("gonogo")),
    }
    let waiting = approval::pending(state).len();
    if waiting > 0 {
        spans.push(Span::styled(format!(" !{waiting}"), theme.warn.patch(theme.strong)));
    }
    Line::from(spans)
}

/// `03:41`, `1:02:03`: whole seconds, so that it changes once a second.
pub fn clock(time: Millis) -> String {
    let seconds = time.0 / 1000;
    if seconds < 3600 {
        format!("{:02}:{:02}", seconds / 60, seconds % 60)
    } else {
        format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}
