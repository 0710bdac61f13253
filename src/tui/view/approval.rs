//! The approval card: what is asked, why, what was proven, how it is taken back, and the change itself.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    config::keymap::action::{Action, Context},
    domain::{
        definition::ApplyInto,
        id::ApprovalId,
        proposal::{ProofRun, RiskLevel},
    },
    state::{approval, board::State, proposal::ProposalState},
};

use crate::tui::{
    layout::Layout,
    ui::{Pane, Ui},
    widget::{
        columns,
        diff::{self, DiffRow, HunkMark},
    },
};

use super::{empty, pane, permission, status};

/// Rows that the card's own words take at most; the rest is for the change.
const HEAD: usize = 9;

/// Draws it.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State, layout: &Layout) {
    if area.is_empty() {
        return;
    }
    let Some((asked, at, of)) = ui.card.question(state) else {
        let area = pane::frame(buf, area, ui, layout, Some(Pane::Card), "! Approval", Vec::new());
        let later = approval::pending(state).len();
        let text =
            if later > 0 { format!("{later} put off: ! brings them back") } else { "nothing waits for you".into() };
        empty::render(buf, area, ui, &text);
        return;
    };
    let title = match &asked.id {
        ApprovalId::Proposal(id) => format!("! GO or NO-GO? {at} of {of} · proposal #{id}"),
        ApprovalId::Gate { gate, .. } => format!("! GO or NO-GO? {at} of {of} · gate {gate}"),
        ApprovalId::Permission { .. } => format!("! GO or NO-GO? {at} of {of} · {} asks", asked.id),
    };
    let title = match asked.run {
        Some(run) => format!("{title} · run {run}"),
        None => title,
    };
    let area = pane::frame(buf, area, ui, layout, Some(Pane::Card), &title, vec![armed(ui)]);
    let area = pane::indent(area);
    if area.is_empty() {
        return;
    }
    let width = usize::from(area.width);
    let proposal = match &asked.id {
        ApprovalId::Proposal(id) => state.proposals.get(id),
        ApprovalId::Gate { .. } | ApprovalId::Permission { .. } => None,
    };
    let head = match proposal {
        Some(proposal) => proposal_head(ui, proposal, width),
        None if ui.card.wish().is_some() => permission::head(ui, width),
        None => gate_head(ui, &asked, width),
    };
    let room = usize::from(area.height).saturating_sub(1);
    let head_rows = head_rows(head.len(), room);
    for (row, line) in head.iter().take(head_rows).enumerate() {
        columns::put(buf, area, row as u16, line);
    }
    let body = Rect { y: area.y + head_rows as u16, height: (room - head_rows) as u16, ..area };
    if ui.card.wish().is_some() {
        permission::render(buf, body, ui);
    } else {
        render_diff(buf, body, ui);
    }
    columns::put(buf, area, room as u16, &keys(ui, state, proposal, width));
}

/// How many rows of the words are shown: at least a few rows are left for the change.
fn head_rows(wanted: usize, room: usize) -> usize {
    wanted.min(HEAD).min(room.saturating_sub(3).max(room.min(3)))
}

/// Whether the card's keys live, in a word.
fn armed(ui: &Ui) -> Span<'static> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    if ui.card.current.as_ref().is_some_and(|id| ui.card.sent.contains(id)) {
        return Span::styled("sent", theme.quiet);
    }
    if ui.link.lost.is_some() {
        return Span::styled("can't be answered now", theme.warn);
    }
    if ui.focus == Pane::Logs {
        let key = ui.options.keymap.label(Context::Global, Action::Approvals);
        return Span::styled(format!("{key} to answer"), theme.warn);
    }
    if ui.card_is_armed() {
        Span::styled(format!("{} armed", glyphs.running), theme.good.patch(theme.strong))
    } else {
        Span::styled(glyphs.plain("…"), theme.quiet)
    }
}

fn label(ui: &Ui, name: &str) -> Span<'static> {
    Span::styled(format!("{name:<6} "), ui.options.theme.quiet)
}

fn proposal_head(ui: &Ui, state: &ProposalState, width: usize) -> Vec<Line<'static>> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let proposal = &state.proposal;
    let room = width.saturating_sub(7);
    let clip = |text: &str| columns::clip(&glyphs.plain(text), room, glyphs.more);
    let (style, level) = match proposal.risk.level {
        RiskLevel::Low => (theme.good, proposal.risk.level.word()),
        RiskLevel::Medium => (theme.warn, proposal.risk.level.word()),
        RiskLevel::High => (theme.bad.patch(theme.strong), proposal.risk.level.word()),
    };
    let size = ui.card.patch().map_or((0, 0), crate::domain::patch::Patch::size);
    let files = ui.card.patch().map_or(0, |patch| patch.files.len());
    let what = vec![
        Span::styled(format!("risk {level}"), style),
        Span::styled(format!("  +{}", size.0), theme.good),
        Span::styled(format!(" -{}", size.1), theme.bad),
        Span::styled(format!("  {files} file{}", if files == 1 { "" } else { "s" }), theme.quiet),
    ];
    let edited = proposal.revises.map(|id| format!("edited form of #{id} · ")).unwrap_or_default();
    let from = format!("{edited}{} · asked {}", proposal.fixer, status::time_of_day(ui, state.asked_at));
    let mut from = vec![Span::styled(glyphs.plain(&from), theme.quiet)];
    let title = columns::clip(&glyphs.plain(&proposal.title), width, glyphs.more);
    let title = vec![Span::styled(title, theme.strong)];
    let wide = columns::spans_width(&title) + columns::spans_width(&what) < width;
    let mut lines = if wide {
        vec![columns::spread(title, what, width)]
    } else {
        vec![Line::from(title), columns::spread(what, std::mem::take(&mut from), width)]
    };
    let fault = clip(&format!("{} · {}", proposal.job, proposal.diagnosis.headline()));
    lines.push(Line::from(vec![label(ui, "why"), Span::raw(fault)]));
    for flag in &proposal.risk.flags {
        let text = clip(&format!("{} {}: {}", flag.level.word(), flag.name, flag.reason));
        lines.push(Line::from(vec![label(ui, "risk"), Span::styled(text, style)]));
    }
    let mut proof = vec![label(ui, "proof")];
    proof.extend(proof_spans(ui, &proposal.proof.before, &proposal.proof.after));
    lines.push(Line::from(columns::cut(&proof, 0, width)));
    let room = width.saturating_sub(8 + columns::spans_width(&from));
    let undo = vec![label(ui, "undo"), Span::raw(columns::clip(&glyphs.plain(&proposal.undo), room, glyphs.more))];
    lines.push(columns::spread(undo, from, width));
    lines
}

/// `test ✗ exit 101 4.1s → ✓ 3.2s · build ✓ 12s`
fn proof_spans(ui: &Ui, before: &[ProofRun], after: &[ProofRun]) -> Vec<Span<'static>> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let result = |run: &ProofRun| {
        let (glyph, style) = if run.passed { (glyphs.passed, theme.good) } else { (glyphs.failed, theme.bad) };
        let ended = if run.passed { String::new() } else { format!("{} ", run.ended) };
        vec![Span::styled(format!("{glyph} {ended}"), style), Span::styled(run.took.to_string(), theme.quiet)]
    };
    let mut spans = Vec::new();
    for run in after {
        if !spans.is_empty() {
            spans.push(Span::styled(format!(" {} ", glyphs.dot), theme.quiet));
        }
        spans.push(Span::raw(format!("{} ", run.job)));
        if let Some(before) = before.iter().find(|b| b.job == run.job) {
            spans.extend(result(before));
            spans.push(Span::styled(format!(" {} ", glyphs.arrow), theme.quiet));
        }
        spans.extend(result(run));
    }
    if spans.is_empty() {
        spans.push(Span::styled("none", theme.warn));
    }
    spans
}

fn gate_head(ui: &Ui, asked: &approval::Approval, width: usize) -> Vec<Line<'static>> {
    let theme = &ui.options.theme;
    let mut lines: Vec<Line<'static>> = columns::words(&ui.options.glyphs.plain(&asked.question), width)
        .into_iter()
        .map(|line| Line::styled(line, theme.strong))
        .collect();
    let since = format!("asked {}; the run waits here", status::time_of_day(ui, asked.asked_at));
    lines.push(Line::styled(since, theme.quiet));
    lines
}

fn render_diff(buf: &mut Buffer, area: Rect, ui: &Ui) {
    let Some(patch) = ui.card.patch() else {
        if matches!(ui.card.current, Some(ApprovalId::Proposal(_))) {
            empty::render(buf, area, ui, "the change can't be read as a diff, so it can't be approved here");
        }
        return;
    };
    let rows = diff::rows(patch, context(ui));
    let of = patch.hunk_count();
    // Rows of a hunk that began above the first row in sight belong to it too.
    let mut hunk =
        rows.iter().take(ui.card.scroll).filter(|row| matches!(row, DiffRow::Head(..))).count().saturating_sub(1);
    for (row, shown) in rows.iter().skip(ui.card.scroll).take(usize::from(area.height)).enumerate() {
        if let DiffRow::Head(index, ..) = shown {
            hunk = *index;
        }
        let mark = HunkMark { taken: ui.card.takes(hunk), chosen: hunk == ui.card.hunk && of > 1, of };
        let line = diff::line(shown, mark, &ui.options.theme, ui.options.glyphs, usize::from(area.width));
        columns::put(buf, area, row as u16, &line);
    }
    let last = ui.card.scroll + usize::from(area.height);
    if rows.len() > last && area.height > 0 {
        let more = format!(" {} more ", rows.len() - last);
        let x = area.right().saturating_sub(more.len() as u16);
        buf.set_stringn(x, area.bottom() - 1, &more, usize::from(area.width), ui.options.theme.quiet);
    }
}

/// Unchanged lines around what changes: few where there is little room.
fn context(ui: &Ui) -> usize {
    if diff_room(&Layout::of(ui)) < 10 { 1 } else { 1000 }
}

/// Rows of the change.
pub fn diff_rows(ui: &Ui) -> usize {
    if ui.card.wish().is_some() {
        return permission::rows(ui, usize::from(Layout::of(ui).inside(Layout::of(ui).card).width.saturating_sub(1)));
    }
    ui.card.patch().map_or(0, |patch| diff::rows(patch, context(ui)).len())
}

/// Rows that there are for the change, about: what the words leave.
pub fn diff_room(layout: &Layout) -> usize {
    let room = usize::from(layout.inside(layout.card).height).saturating_sub(1);
    room - head_rows(4, room)
}

/// The row of the change in which this hunk begins.
pub fn hunk_row(ui: &Ui, hunk: usize) -> usize {
    let Some(patch) = ui.card.patch() else { return 0 };
    diff::rows(patch, context(ui))
        .iter()
        .position(|row| matches!(row, DiffRow::Head(index, ..) if *index == hunk))
        .unwrap_or(0)
}

/// The card's keys.
fn keys(ui: &Ui, state: &State, proposal: Option<&ProposalState>, width: usize) -> Line<'static> {
    let theme = &ui.options.theme;
    let live = ui.card_is_armed();
    let partial = !ui.card.dropped.is_empty();
    let hunks = ui.card.patch().map_or(0, crate::domain::patch::Patch::hunk_count);
    let patch = proposal.is_some();
    let into = proposal.and_then(|p| state.runs.get(&p.proposal.run)).map(|run| run.fix.apply);
    let go = match into {
        _ if partial => "prove the rest",
        _ if width < 70 => "GO",
        Some(ApplyInto::Commit) => "GO, commit it",
        Some(ApplyInto::Branch) => "GO, on a new branch",
        Some(ApplyInto::WorkingTree) => "GO, into the working tree",
        None => "GO",
    };
    let mut list = match ui.card.wish() {
        Some(asked) => permission::keys(asked, width),
        None => vec![(Action::Yes, go)],
    };
    list.push((Action::No, if width < 70 { "NO-GO" } else { "NO-GO, with words" }));
    if patch {
        list.push((Action::Edit, "edit"));
        if hunks > 1 {
            list.push((Action::TakeHunk, if ui.card.takes(ui.card.hunk) { "drop hunk" } else { "take hunk" }));
            list.push((Action::NextHunk, "next hunk"));
        }
        list.push((Action::FullDiff, if ui.card.full { "back" } else { "full" }));
    }
    list.push((Action::Later, "later"));
    let mut spans: Vec<Span<'static>> = Vec::new();
    for (action, word) in list {
        let key = ui.options.keymap.label(Context::Approval, action);
        if !spans.is_empty() {
            spans.push(Span::raw("  "));
        }
        spans.push(Span::styled(key, if live { theme.accent.patch(theme.strong) } else { theme.quiet }));
        spans.push(Span::styled(format!(" {word}"), if live { theme.text } else { theme.quiet }));
    }
    Line::from(columns::cut(&spans, 0, width))
}

/// One line where there is no room for the card.
pub fn render_line(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State) {
    if area.is_empty() {
        return;
    }
    let Some((asked, _, of)) = ui.card.question(state) else { return };
    let theme = &ui.options.theme;
    let key = ui.options.keymap.label(Context::Global, Action::Approvals);
    let left = vec![
        Span::styled(format!(" {} GO or NO-GO? ", ui.options.glyphs.asking), theme.warn.patch(theme.strong)),
        Span::raw(ui.options.glyphs.plain(&asked.question)),
    ];
    let more = if of > 1 { format!("{of} wait  ") } else { String::new() };
    let right = vec![
        Span::styled(more, theme.quiet),
        Span::styled(key, theme.accent.patch(theme.strong)),
        Span::raw(" answers "),
    ];
    columns::put(buf, area, 0, &columns::spread(left, right, usize::from(area.width)));
}
