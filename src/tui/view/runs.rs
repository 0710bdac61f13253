//! Pane 2: runs, their jobs, their steps; what failed says why on a line of its own.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::state::{
    board::State,
    job::{Job, JobStatus},
    run::Run,
};

use crate::tui::{
    layout::Layout,
    tree::{self, Node, Note},
    ui::{Pane, Ui},
    widget::columns,
};

use super::{empty, pane, past, status, status_bar::clock};

/// Draws it.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State, layout: &Layout) {
    let theme = &ui.options.theme;
    let project = ui.project.and_then(|id| state.projects.get(&id));
    let past = project.map_or_else(Vec::new, |project| ui.past.runs(state, project.id));
    let count = project.map_or(0, |project| project.runs.len());
    let mut notes = vec![Span::styled(count.to_string(), theme.quiet)];
    if !past.is_empty() {
        notes.push(Span::styled(format!(" and {} put aside", past.len()), theme.quiet));
    }
    pane::other_tab(ui, layout, &mut notes, "1 Projects");
    let area = pane::frame(buf, area, ui, layout, Some(Pane::Runs), "2 Runs", notes);
    let Some(project) = project.filter(|_| count + past.len() > 0) else {
        let text = if project.is_some() { "No run yet.\n{start} starts its pipeline." } else { empty::nothing_yet(ui) };
        empty::render(buf, area, ui, text);
        return;
    };
    let width = usize::from(area.width);
    let roomy = is_roomy(area);
    let mut row = 0;
    for node in tree::nodes(ui, state, project.id) {
        let mut lines = vec![line(ui, state, &node, width)];
        let home = ui.home(state, node.run());
        lines.extend(tree::notes(&home, &node, roomy).iter().map(|(text, note)| note_line(ui, text, *note, width)));
        for (index, line) in lines.iter().enumerate() {
            if row >= ui.runs.scroll {
                let at = (row - ui.runs.scroll) as u16;
                columns::put(buf, area, at, line);
                if index == 0 && ui.runs.chosen.as_ref() == Some(&node) && at < area.height {
                    pane::choose(buf, Rect { y: area.y + at, height: 1, ..area }, ui, ui.focus == Pane::Runs);
                }
            }
            row += 1;
        }
        if row >= ui.runs.scroll + usize::from(area.height) {
            return;
        }
    }
    if let Some(line) = past::footing(ui, project.id) {
        columns::put(buf, area, (row.saturating_sub(ui.runs.scroll)) as u16, &line);
    }
}

/// There is room for two lines under a row.
pub fn is_roomy(area: Rect) -> bool {
    area.height >= 20
}

fn line(ui: &Ui, state: &State, node: &Node, width: usize) -> Line<'static> {
    if let (Node::Run(run), Some(summary)) = (node, ui.past.summary(state, node.run())) {
        return past::line(ui, state, *run, summary, width);
    }
    let home = ui.home(state, node.run());
    let found = home.runs.get(&node.run());
    let line = found.and_then(|run| match node {
        Node::Run(_) => Some(run_line(ui, state, run, width)),
        Node::Job(_, key) => Some(job_line(ui, tree::run_job(run, key)?, width)),
        Node::Step(_, key, index) => step_line(ui, tree::run_job(run, key)?, *index, width),
        Node::Output(output) => {
            Some(output_line(ui, tree::run_job(run, &output.job)?, output.attempt, output.repair, width))
        }
        Node::Gate(_, name) => gate_line(ui, run, name, width),
    });
    line.unwrap_or_default()
}

fn run_line(ui: &Ui, state: &State, run: &Run, width: usize) -> Line<'static> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let open = if tree::is_open(ui, state, &Node::Run(run.id)) { glyphs.open } else { glyphs.shut };
    let name = run.pipeline.clone().unwrap_or_else(|| "pipeline".into());
    let then = run.followed_by.map(|next| format!(" {} {next}", glyphs.arrow)).unwrap_or_default();
    let left = vec![
        Span::styled(format!("{open} "), theme.quiet),
        status::run(run).glyph(ui),
        Span::styled(format!(" {} {name}", run.id), theme.strong),
        Span::styled(format!("  {}{then}", about(run)), theme.quiet),
    ];
    let right = vec![
        status::run(run).word(ui),
        Span::styled(format!(" {:>5}", clock(status::elapsed(run, ui.now()))), theme.quiet),
    ];
    columns::spread(left, right, width)
}

/// Why a run exists, or by whom.
fn about(run: &Run) -> String {
    use crate::domain::actor::Trigger;
    match &run.trigger {
        Trigger::Manual => run.by.to_string(),
        Trigger::Event { name } => name.clone(),
        Trigger::AfterRepair { run, .. } => format!("after repair of {run}"),
    }
}

fn job_line(ui: &Ui, job: &Job, width: usize) -> Line<'static> {
    let theme = &ui.options.theme;
    let badge = status::job(job);
    let mut left = vec![Span::raw("  "), badge.glyph(ui), Span::raw(format!(" {}", job.key()))];
    if job.attempts.len() > 1 {
        let times = format!(" {}{}", ui.options.glyphs.times, job.attempts.len());
        left.push(Span::styled(times, theme.warn));
    }
    let took = match &job.status {
        JobStatus::Cached { saved, .. } => format!("saved {saved}"),
        JobStatus::Running => clock(job.took(ui.now()).unwrap_or_default()),
        status if status.has_ended() && !matches!(status, JobStatus::Skipped { .. }) => {
            job.took(ui.now()).map(|took| took.to_string()).unwrap_or_default()
        }
        _ => String::new(),
    };
    let right = vec![badge.word(ui), Span::styled(format!(" {took:>5}"), theme.quiet)];
    columns::spread(left, right, width)
}

fn step_line(ui: &Ui, job: &Job, index: u32, width: usize) -> Option<Line<'static>> {
    let theme = &ui.options.theme;
    let planned = job.planned.spec.steps.get(index as usize)?;
    let step = job.attempt().and_then(|attempt| attempt.steps.iter().find(|step| step.index == index));
    let mut left = vec![Span::raw("    "), status::step(step.map(|step| step.exit)).glyph(ui)];
    left.push(Span::raw(format!(" {}", planned.name)));
    let right = match step.and_then(|step| Some((step.exit?, step.took?))) {
        Some((0, took)) => took.to_string(),
        Some((exit, took)) => format!("exit {exit} {took}"),
        None => String::new(),
    };
    Some(columns::spread(left, vec![Span::styled(right, theme.quiet)], width))
}

fn output_line(ui: &Ui, job: &Job, number: u32, repair: bool, width: usize) -> Line<'static> {
    use crate::{domain::outcome::JobOutcome, protocol::event::RepairResult};
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let (name, word, glyph, style) = if repair {
        let result = job.repairs.iter().find(|r| r.number == number);
        let word = match result.map(|r| (r.doing(), r.result.as_ref())) {
            Some((Some(doing), _)) => doing,
            Some((_, Some(RepairResult::Proposed { proposal }))) => format!("proposal #{proposal}"),
            Some((_, Some(RepairResult::Flaky))) => "flaky".into(),
            Some((_, Some(RepairResult::Cancelled { .. }))) => "cancelled".into(),
            Some((_, Some(RepairResult::Lost))) => "lost".into(),
            Some((_, Some(_))) => "no repair".into(),
            _ => "starting".into(),
        };
        ("repair", word, glyphs.repair, theme.repair)
    } else {
        let outcome = job.attempts.iter().find(|a| a.number == number).and_then(|a| a.outcome.as_ref());
        let (word, glyph, style) = match outcome {
            None => ("running".to_owned(), glyphs.running, theme.running),
            Some(JobOutcome::Passed) => ("passed".into(), glyphs.passed, theme.good),
            Some(JobOutcome::Failed { failure }) => (failure.to_string(), glyphs.failed, theme.bad),
            Some(JobOutcome::Cancelled { .. }) => ("cancelled".into(), glyphs.stopped, theme.quiet),
            Some(JobOutcome::Lost) => ("lost".into(), glyphs.lost, theme.warn),
        };
        ("attempt", word, glyph, style)
    };
    let left = vec![Span::raw("    "), Span::styled(glyph, style), Span::raw(format!(" {name} {number}"))];
    columns::spread(left, vec![Span::styled(word, style)], width)
}

fn gate_line(ui: &Ui, run: &Run, name: &str, width: usize) -> Option<Line<'static>> {
    let gate = run.gates.iter().find(|gate| gate.planned.name == name)?;
    let badge = status::gate(gate);
    let left = vec![
        Span::raw("  "),
        badge.glyph(ui),
        Span::raw(format!(" {name}")),
        Span::styled(format!("  {}", gate.planned.question), ui.options.theme.quiet),
    ];
    let right = vec![badge.word(ui), Span::raw(format!(" {:>5}", ""))];
    Some(columns::spread(left, right, width))
}

fn note_line(ui: &Ui, text: &str, note: Note, width: usize) -> Line<'static> {
    let theme = &ui.options.theme;
    let style = match note {
        Note::Fault => theme.bad,
        Note::Repair => theme.repair,
        Note::Asks => theme.warn,
        Note::Good => theme.good,
        Note::Reason => theme.quiet,
    };
    let text = text.lines().next().unwrap_or_default();
    let text = columns::clip(&ui.options.glyphs.plain(text), width.saturating_sub(6), ui.options.glyphs.more);
    Line::from(vec![Span::styled(format!("    {} ", ui.options.glyphs.last), theme.quiet), Span::styled(text, style)])
}
