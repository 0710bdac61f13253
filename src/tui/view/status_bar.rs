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

use super::{cost, link, status};

/// Draws it.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State) {
    if area.is_empty() {
        return;
    }
    let theme = &ui.options.theme;
    let home = ui.here(state);
    let run = ui.run().and_then(|id| home.runs.get(&id));
    if Layout::of(ui).class == Class::Line {
        columns::put(buf, area, 0, &one_line(ui, state, run));
        return;
    }
    let narrow = area.width < 64;
    let mut right = Vec::new();
    let waiting = approval::pending(state).len();
    if waiting > 0 {
        let text = if narrow { format!("!{waiting}") } else { format!("! {waiting} waiting") };
        right.push(Span::styled(text, theme.warn.patch(theme.strong)));
        right.push(Span::raw("  "));
    }
    if let Some(spent) = cost::in_bar(ui, state, narrow) {
        right.push(spent);
        right.push(Span::raw("  "));
    }
    right.extend(link::words(ui, narrow));
    right.push(Span::raw(" "));
    // What there is no room for goes in this order: the commit, the brand, the words.
    let width = usize::from(area.width);
    let room = width.saturating_sub(columns::spans_width(&right) + 1);
    let forms = [(!narrow, area.width >= 76), (!narrow, false), (false, false)];
    let forms = forms.map(|(brand, commit)| left(ui, state, run, brand, commit));
    let [.., shortest] = &forms;
    let fits = forms.iter().find(|form| columns::spans_width(form) <= room).unwrap_or(shortest);
    columns::put(buf, area, 0, &columns::spread(fits.clone(), right, width));
}

/// Mission, verdict, elapsed time.
fn left(ui: &Ui, state: &State, run: Option<&Run>, brand: bool, commit: bool) -> Vec<Span<'static>> {
    let theme = &ui.options.theme;
    let mut left = vec![Span::raw(" ")];
    if brand {
        left.push(Span::styled("GONOGO  ", theme.accent.patch(theme.strong)));
    }
    let project = ui.project.and_then(|id| state.projects.get(&id));
    if let Some(project) = project {
        left.push(Span::styled(project.name.clone(), theme.strong));
    }
    if let Some(run) = run {
        if commit {
            left.push(Span::styled(place(ui, run), theme.quiet));
        }
        left.push(Span::raw("  "));
        let (word, style) = status::verdict(run);
        let total = run.jobs.len();
        let good = run.jobs.iter().filter(|job| job.status.is_good()).count();
        let count = if total > 0 { format!(" {good}/{total}") } else { String::new() };
        // What is not heard of any more has no colour of its own.
        let stale = ui.link.lost.is_some();
        let style = if stale { theme.quiet } else { style(theme) };
        left.push(Span::styled(format!(" {word}{count} "), style.add_modifier(Modifier::REVERSED | Modifier::BOLD)));
        let failed = run.jobs.iter().filter(|job| job.status == JobStatus::Failed).count();
        if failed > 0 {
            left.push(Span::styled(format!(" {}{failed}", ui.options.glyphs.failed), theme.bad));
        }
        left.push(Span::raw(format!("  T+{}", clock(status::elapsed(run, ui.now())))));
    }
    if let Some(lost) = &ui.link.lost {
        left.push(Span::styled(format!("  as of {}", status::time_of_day(ui, lost.since.wall)), theme.warn));
    }
    left
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
    if ui.link.lost.is_some() {
        spans.push(Span::styled(format!(" {}", ui.options.glyphs.retrying), theme.warn));
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
