//! Runs that were put aside are read when somebody comes to them.

use crate::{protocol::query::Query, state::board::State};

use crate::tui::{
    layout::Layout,
    past::PAGE,
    tree,
    ui::{Effect, Pane, Purpose, Ui},
};

/// What is to be read for what is shown: the chosen run, and older runs when the end of the list comes into sight.
///
/// It follows from what is chosen, not from keys, so that it is asked for again whatever became of it before; one at a time.
pub(super) fn settle(ui: &mut Ui, state: &State, layout: &Layout) -> Vec<Effect> {
    let mut effects = Vec::new();
    if !ui.link.hears() {
        return effects;
    }
    if let Some(run) = ui.run()
        && ui.past.reading.is_none()
        && ui.past.summary(state, run).is_some()
        && !ui.past.is_settled(run)
    {
        ui.past.reading = Some(run);
        effects.push(Effect::Query(Query::Run { run }, Purpose::Recall { run }));
    }
    if let Some(project) = ui.project
        && is_end_in_sight(ui, state, layout)
        && let Some(before) = ui.past.wants_older(state, project)
    {
        let query = Query::Runs { project: Some(project), before, limit: PAGE };
        effects.push(Effect::Query(query, Purpose::Older { project }));
    }
    effects
}

/// Whether the list of runs is shown to within a page of its end.
fn is_end_in_sight(ui: &Ui, state: &State, layout: &Layout) -> bool {
    let height = usize::from(layout.inside(layout.pane(Pane::Runs)).height);
    let rows = ui.project.map_or(0, |project| tree::nodes(ui, state, project).len());
    ui.runs.scroll + 2 * height >= rows
}
