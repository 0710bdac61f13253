//! The log: following, wrapping, searching, errors.

use crate::{
    protocol::query::{Case, Query},
    state::board::State,
};

use crate::tui::{
    layout::Layout,
    log::{ERROR_PATTERN, Search},
    ui::{Effect, Pane, Purpose, Ui},
    widget::text_input::TextInput,
};

/// At most so many hits are counted.
const COUNTED: u32 = 1000;

pub(super) fn follow(ui: &mut Ui) {
    if ui.log.follow { ui.log.let_go() } else { ui.log.follow() }
}

pub(super) fn wrap(ui: &mut Ui) {
    ui.log.wrap = !ui.log.wrap;
    ui.log.skip = 0;
    ui.log.shift = 0;
}

/// Opens the search field.
pub(super) fn find(ui: &mut Ui) {
    ui.overlay = None;
    if ui.log.output.is_none() {
        ui.complain("there is no log to search", Some("choose a job that has run".into()));
        return;
    }
    ui.focus = Pane::Logs;
    ui.log.field = Some(TextInput::default());
}

/// Takes what was typed; an empty field takes the search back.
pub(super) fn search(ui: &mut Ui, pattern: &str) -> Vec<Effect> {
    if pattern.is_empty() {
        ui.log.search = None;
        return Vec::new();
    }
    ui.log.search = Some(Search::new(pattern));
    let Some(output) = ui.log.output.clone() else { return Vec::new() };
    let count = Query::Search {
        output: output.clone(),
        pattern: pattern.to_owned(),
        from: 0,
        backwards: false,
        limit: COUNTED,
        case: Case::Smart,
        text: 0,
    };
    let mut effects = vec![Effect::Query(count, Purpose::Count { output, pattern: pattern.to_owned() })];
    let from = ui.log.here(height(ui));
    effects.extend(look(ui, pattern.to_owned(), from, false, false));
    effects
}

/// The next line that matches.
pub(super) fn next_hit(ui: &mut Ui, backwards: bool) -> Vec<Effect> {
    let Some(pattern) = ui.log.search.as_ref().map(|search| search.pattern.clone()) else {
        ui.say("nothing is searched for: / begins a search");
        return Vec::new();
    };
    match beyond(ui, backwards) {
        Some(from) => look(ui, pattern, from, backwards, false).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The next line that says that something is wrong.
pub(super) fn next_error(ui: &mut Ui, _state: &State, backwards: bool) -> Vec<Effect> {
    match beyond(ui, backwards) {
        Some(from) => look(ui, ERROR_PATTERN.to_owned(), from, backwards, true).into_iter().collect(),
        None => Vec::new(),
    }
}

/// The line after, or before, the one that the reader is at.
fn beyond(ui: &Ui, backwards: bool) -> Option<u64> {
    let here = ui.log.here(height(ui));
    let marked = ui.log.mark == Some(here);
    if backwards { here.checked_sub(1) } else { Some(here + u64::from(marked)) }
}

/// Looks for one line.
pub(super) fn look(ui: &Ui, pattern: String, from: u64, backwards: bool, errors: bool) -> Option<Effect> {
    let output = ui.log.output.clone()?;
    let query =
        Query::Search { output: output.clone(), pattern, from, backwards, limit: 1, case: Case::Smart, text: 0 };
    Some(Effect::Query(query, Purpose::Hit { output, from, backwards, errors, wrapped: false }))
}

/// Rows of the log pane.
pub(super) fn height(ui: &Ui) -> usize {
    usize::from(Layout::of(ui).log_rows())
}
