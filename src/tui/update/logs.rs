//! The log: following, wrapping, searching, errors.

use jiff::civil::Time;

use crate::{
    domain::{id::RequestId, time::Timestamp},
    protocol::query::{Case, Query},
    state::board::State,
};

use crate::tui::{
    layout::Layout,
    log::{ERROR_PATTERN, Field, Search, Seek},
    tree,
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
    open_field(ui, Seek::Text);
}

fn open_field(ui: &mut Ui, seek: Seek) {
    ui.focus = Pane::Logs;
    ui.log.field = Some(Field { seek, input: TextInput::default() });
}

/// Opens the field for a line's number, or for a time.
pub(super) fn ask_where(ui: &mut Ui, seek: Seek) {
    ui.overlay = None;
    if ui.log.output.is_none() {
        ui.complain("there is no log to go about in", Some("choose a job that has run".into()));
        return;
    }
    open_field(ui, seek);
}

/// Takes what was typed into the field.
pub(super) fn seek(ui: &mut Ui, state: &State, seek: Seek, typed: &str) -> Vec<Effect> {
    match seek {
        Seek::Text => return search(ui, typed),
        _ if typed.trim().is_empty() => {}
        Seek::Line => match typed.trim().replace([',', '_', '.'], "").parse::<u64>() {
            Ok(number) if number > 0 => {
                let line = (number - 1).min(ui.log.total.saturating_sub(1));
                ui.log.jump(line, height(ui));
                if number > ui.log.total {
                    ui.say(format!("there are {} lines: this is the last", ui.log.total));
                }
            }
            _ => ui.complain(format!("`{}` is no number of a line", typed.trim()), Some("the first is 1".into())),
        },
        Seek::Time => match moment(ui, state, typed.trim()) {
            Some(at) => {
                let Some(output) = ui.log.output.clone() else { return Vec::new() };
                return vec![Effect::Query(Query::LineAt { output: output.clone(), at }, Purpose::Moment { output })];
            }
            None => ui.complain(format!("`{}` is no time of day", typed.trim()), Some("14:02 or 14:02:31".into())),
        },
    }
    Vec::new()
}

/// A time of day, on the day on which the output was begun, or, past midnight, on the next.
fn moment(ui: &Ui, state: &State, typed: &str) -> Option<Timestamp> {
    let form = if typed.matches(':').count() == 1 { "%H:%M" } else { "%H:%M:%S" };
    let time = Time::strptime(form, typed).ok()?;
    let output = ui.log.output.as_ref()?;
    let home = ui.home(state, output.run);
    let job = tree::find_job(&home, output.run, &output.job);
    let begun = if output.is_container() {
        // The last such time that is past.
        let early = ui.now() - jiff::SignedDuration::from_hours(12);
        Some(ui.log.line(0).map_or(early, |line| line.at))
    } else if output.repair {
        let job = job?;
        job.repairs.iter().find(|repair| repair.number == output.attempt).map(|repair| repair.started_at)
    } else {
        let job = job?;
        job.attempts.iter().find(|attempt| attempt.number == output.attempt).map(|attempt| attempt.started_at)
    };
    let begun = begun?.to_zoned(ui.options.zone.clone());
    let day = begun.date();
    let on = |day: jiff::civil::Date| day.to_datetime(time).to_zoned(ui.options.zone.clone()).ok();
    let same = on(day)?;
    let far_before = begun.timestamp().as_second() - same.timestamp().as_second() > 12 * 3600;
    Some(if far_before { on(day.tomorrow().ok()?)?.timestamp() } else { same.timestamp() })
}

/// Stops searches that are under way. Gives back what has to be said for that; nothing if there were none.
pub(super) fn stop_looking(ui: &mut Ui) -> Vec<Effect> {
    let looks = |(id, purpose): (&RequestId, &Purpose)| {
        matches!(purpose, Purpose::Hit { .. } | Purpose::Count { .. }).then_some(*id)
    };
    let ids: Vec<RequestId> = ui.awaiting.iter().filter_map(looks).collect();
    ids.iter().for_each(|id| drop(ui.awaiting.remove(id)));
    ids.into_iter().map(Effect::Drop).collect()
}

/// Takes what was typed; an empty field takes the search back.
pub(super) fn search(ui: &mut Ui, pattern: &str) -> Vec<Effect> {
    if pattern.is_empty() {
        ui.log.search = None;
        return stop_looking(ui);
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
    let mut effects = stop_looking(ui);
    ui.log.searched = (0, 0);
    effects.push(Effect::Query(count, Purpose::Count { output, pattern: pattern.to_owned() }));
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

/// The line after, or before, the one that the reader is at, where a new search begins.
fn beyond(ui: &mut Ui, backwards: bool) -> Option<u64> {
    ui.log.searched = (0, 0);
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
