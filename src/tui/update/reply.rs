//! What came of what was asked for.

use crate::{
    domain::id::{OutputId, RequestId},
    protocol::{
        command::Refusal,
        query::{Answer, Case, Query},
    },
    state::{approval, board::State},
};

use crate::tui::{
    log::ERROR_PATTERN,
    select, tree,
    tree::Node,
    ui::{Effect, Overlay, Purpose, Ui},
};

use super::{containers, logs, thread};

/// Takes an answer in.
pub fn reply(ui: &mut Ui, state: &State, purpose: Purpose, result: Result<Answer, Refusal>) -> Vec<Effect> {
    ui.dirty = true;
    let answer = match result {
        Ok(answer) => answer,
        Err(refusal) => {
            refused(ui, state, purpose, refusal);
            return Vec::new();
        }
    };
    match (purpose, answer) {
        (Purpose::Lines { output, asked }, Answer::Lines(page)) => ui.log.read(&output, asked, page),
        (Purpose::Lines { output, asked }, _) => ui.log.unread(&output, asked, "no lines came".into()),
        (Purpose::Moment { output }, Answer::Line { line }) if shows(ui, &output) => match line {
            Some(line) => ui.log.jump(line, logs::height(ui)),
            None => ui.say("nothing had been written by then"),
        },
        (purpose @ Purpose::Hit { .. }, Answer::Hits { lines, .. }) => {
            return hit(ui, state, purpose, lines.first().copied());
        }
        (Purpose::Count { output, pattern }, Answer::Hits { lines, more, .. }) if shows(ui, &output) => {
            count(ui, &pattern, lines.len(), more);
        }
        (Purpose::Inspect { name }, Answer::Text { text }) => {
            let lines = text.lines().map(str::to_owned).collect();
            let (title, pattern) = (format!("Container {name}"), String::new());
            ui.overlay = Some(Overlay::Text { title, lines, scroll: 0, pattern, field: None });
        }
        (Purpose::Listen { container }, Answer::Output { output }) => containers::listens(ui, &container, output),
        (Purpose::Recall { run }, Answer::Records(records)) => {
            ui.past.recall(run, State::recall(&records));
            select::refresh(ui, state);
        }
        (Purpose::Recall { run }, _) => ui.past.fail(run, "no records came".into()),
        (Purpose::Attach, Answer::Attached(attached)) => return thread::attached(ui, state, attached),
        (Purpose::Spoken, answer) => return thread::spoken(ui, state, &answer),
        (Purpose::Paths { prefix }, Answer::Paths(paths)) => thread::offered(ui, &prefix, paths),
        (Purpose::Reread { thread }, Answer::Records(records)) => {
            ui.thread.recall(thread, State::recall(&records));
        }
        (Purpose::Older { project }, Answer::Runs { runs, more }) => ui.past.add(project, runs, more),
        (Purpose::Older { project }, _) => ui.past.add_failed(project, "no list came".into()),
        (Purpose::Started, Answer::Run { run, project }) => {
            ui.project = Some(project);
            ui.runs.chosen = Some(Node::Run(run));
            ui.runs.pinned = false;
            ui.log.pinned = false;
            ui.say(format!("run {run} is under way"));
            select::refresh(ui, state);
        }
        (Purpose::Say(_), Answer::Text { text }) => ui.say(text),
        (Purpose::Say(said) | Purpose::Answered { said, .. }, _) => ui.say(said),
        _ => {}
    }
    Vec::new()
}

/// Takes in a part of an answer: of a search, what it has found so far.
pub fn part(ui: &mut Ui, state: &State, id: RequestId, part: Answer) -> Vec<Effect> {
    let Answer::Hits { lines, more, searched, .. } = part else { return Vec::new() };
    let Some(purpose) = ui.awaiting.get(&id) else { return Vec::new() };
    match purpose {
        Purpose::Count { output, pattern } if shows(ui, output) => {
            let pattern = pattern.clone();
            count(ui, &pattern, lines.len(), more);
        }
        // The first line that matches is all that it is for: the rest is not waited for.
        Purpose::Hit { .. } if !lines.is_empty() => {
            let Some(purpose) = ui.awaiting.remove(&id) else { return Vec::new() };
            ui.dirty = true;
            let mut effects = hit(ui, state, purpose, lines.first().copied());
            effects.push(Effect::Drop(id));
            return effects;
        }
        _ => {}
    }
    ui.log.searched = searched;
    ui.dirty = true;
    Vec::new()
}

/// So many more lines match.
fn count(ui: &mut Ui, pattern: &str, lines: usize, more: bool) {
    if let Some(search) = ui.log.search.as_mut().filter(|search| search.pattern == pattern) {
        let before = search.hits.map_or(0, |(count, _)| count);
        search.hits = Some((before + lines, more));
    }
}

fn shows(ui: &Ui, output: &OutputId) -> bool {
    ui.log.output.as_ref() == Some(output)
}

fn refused(ui: &mut Ui, state: &State, purpose: Purpose, refusal: Refusal) {
    match purpose {
        Purpose::Lines { output, asked } => return ui.log.unread(&output, asked, refusal.message),
        Purpose::Count { .. } => return,
        Purpose::Recall { run } => return ui.past.fail(run, refusal.message),
        Purpose::Older { project } => return ui.past.add_failed(project, refusal.message),
        Purpose::Attach | Purpose::Spoken => thread::not_said(ui),
        Purpose::Paths { .. } => return,
        Purpose::Answered { approval, .. } => {
            ui.card.sent.remove(&approval);
            // Somebody else was quicker: nothing went wrong.
            if !approval::pending(state).iter().any(|waits| waits.id == approval) {
                return ui.say(refusal.message);
            }
        }
        _ => {}
    }
    ui.complain(refusal.message, refusal.hint);
}

/// A search has found its next line, or none before the end.
fn hit(ui: &mut Ui, state: &State, purpose: Purpose, line: Option<u64>) -> Vec<Effect> {
    let Purpose::Hit { output, from, backwards, errors, wrapped } = purpose else { return Vec::new() };
    if !shows(ui, &output) {
        return Vec::new();
    }
    let evidence = if errors { evidence(&ui.home(state, output.run), &output) } else { None };
    let ahead = evidence.filter(|&at| if backwards { at <= from } else { at >= from });
    let nearest = match (line, ahead) {
        (Some(a), Some(b)) => Some(if backwards { a.max(b) } else { a.min(b) }),
        (one, other) => one.or(other),
    };
    if let Some(line) = nearest {
        ui.log.jump(line, logs::height(ui));
        if wrapped {
            ui.say(if backwards { "from the end again" } else { "from the beginning again" });
        }
        return Vec::new();
    }
    let pattern =
        if errors { Some(ERROR_PATTERN.to_owned()) } else { ui.log.search.as_ref().map(|s| s.pattern.clone()) };
    let Some(pattern) = pattern else { return Vec::new() };
    if wrapped {
        ui.say(if errors {
            "no line here says that something is wrong".into()
        } else {
            format!("no line matches {pattern}")
        });
        return Vec::new();
    }
    let from = if backwards { ui.log.total.saturating_sub(1) } else { 0 };
    let query =
        Query::Search { output: output.clone(), pattern, from, backwards, limit: 1, case: Case::Smart, text: 0 };
    vec![Effect::Query(query, Purpose::Hit { output, from, backwards, errors, wrapped: true })]
}

/// The first line that the diagnosis of this attempt rests on.
fn evidence(state: &State, output: &OutputId) -> Option<u64> {
    let job = tree::find_job(state, output.run, &output.job).filter(|_| !output.repair)?;
    let attempt = job.attempts.iter().find(|attempt| attempt.number == output.attempt)?;
    attempt.diagnosis.as_ref()?.evidence.map(|(first, _)| first.saturating_sub(1))
}
