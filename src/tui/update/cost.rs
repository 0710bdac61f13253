//! Budgets that are nearly spent.

use std::sync::Arc;

use crate::{
    protocol::event::{ControlEvent, Event, Record},
    tui::ui::Ui,
};

/// Says at the bottom that a budget is nearly spent, when that has just become known.
pub(super) fn tell_warnings(ui: &mut Ui, records: &[Arc<Record>]) {
    if !ui.link.caught_up {
        return;
    }
    for record in records {
        if let Event::Control { event: ControlEvent::BudgetWarned { budget, period, spent, limit } } = &record.event {
            let text = format!("the budget for {budget} ({period}) is nearly spent: {spent} of {limit}");
            ui.complain(text, Some("6 shows what it went into".into()));
        }
    }
}
