//! Runs that were put aside, in a quiet line each.

use ratatui::text::{Line, Span};

use crate::{
    domain::id::{ProjectId, RunId},
    protocol::summary::RunSummary,
    state::board::State,
};

use crate::tui::{
    tree::{self, Node},
    ui::Ui,
    widget::columns,
};

use super::{status, status_bar::clock};

/// `▸ ✗ 12 ci  main@4f2c1d9   failed 02:10  Mar 14`
pub fn line(ui: &Ui, state: &State, run: RunId, summary: &RunSummary, width: usize) -> Line<'static> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let open = if tree::is_open(ui, state, &Node::Run(run)) { glyphs.open } else { glyphs.shut };
    let name = summary.pipeline.as_deref().unwrap_or("pipeline");
    let badge = status::outcome(summary.outcome);
    let right = vec![
        badge.word(ui),
        Span::styled(format!(" {:>5}  {:>6}", clock(summary.took()), when(ui, summary)), theme.quiet),
    ];
    let before = vec![Span::styled(format!("{open} "), theme.quiet), badge.glyph(ui)];
    let room = width.saturating_sub(columns::spans_width(&before) + columns::spans_width(&right) + 1);
    let words = format!(" {run} {name}  {}", place(summary));
    let mut left = before;
    left.push(Span::styled(columns::clip(&glyphs.plain(&words), room, glyphs.more), theme.quiet));
    columns::spread(left, right, width)
}

/// `main@4f2c1d9`
fn place(summary: &RunSummary) -> String {
    let source = &summary.source;
    let commit = source.commit.get(..7).unwrap_or(&source.commit);
    match (source.branch.as_deref().unwrap_or(""), commit) {
        (branch, "") => branch.to_owned(),
        ("", commit) => commit.to_owned(),
        (branch, commit) => format!("{branch}@{commit}"),
    }
}

/// The time of a run of today, the day of any other.
fn when(ui: &Ui, summary: &RunSummary) -> String {
    let at = summary.ended_at.to_zoned(ui.options.zone.clone());
    let today = at.date() == ui.now().to_zoned(ui.options.zone.clone()).date();
    at.strftime(if today { "%H:%M" } else { "%b %d" }).to_string()
}

/// What stands under the oldest run that is known.
pub fn footing(ui: &Ui, project: ProjectId) -> Option<Line<'static>> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    Some(match ui.past.footing(project)? {
        Ok(()) => Line::styled(glyphs.plain("  older runs are being read…"), theme.quiet),
        Err(why) => Line::styled(glyphs.plain(&format!("  older runs can't be read: {why}")), theme.bad),
    })
}

/// Why nothing is shown of a run that was put aside.
pub fn why_nothing(ui: &Ui, run: RunId) -> String {
    match ui.past.why_unread(run) {
        Some(why) => format!("run {run} can't be read: {why}"),
        None if ui.link.lost.is_some() => format!("run {run} is read when the connection is back"),
        None => "reading…".to_owned(),
    }
}
