//! What stands in the frame of pane 3: which output it is, where in it the reader is, what is looked for.

use std::fmt::Write as _;

use ratatui::text::Span;

use crate::{domain::id::OutputId, state::board::State};

use crate::tui::{tree, ui::Ui, widget::columns};

/// The job, and the step in sight.
pub fn title(ui: &Ui, state: &State, output: &OutputId) -> String {
    if output.is_container() {
        return format!("3 Logs · {}", output.job);
    }
    let job = tree::find_job(state, output.run, &output.job);
    let mut title = format!("3 Logs · {}", output.job);
    if output.repair {
        let _ = write!(title, " › repair {}", output.attempt);
    } else if job.is_some_and(|job| job.attempts.len() > 1) {
        let _ = write!(title, " › attempt {}", output.attempt);
    }
    let step = job.filter(|_| !output.repair).and_then(|job| {
        let attempt = job.attempts.iter().find(|attempt| attempt.number == output.attempt)?;
        let at = ui.log.mark.unwrap_or(ui.log.top);
        let step = attempt.steps.iter().rev().find(|step| step.first_line <= at)?;
        job.planned.spec.steps.get(step.index as usize)
    });
    if let Some(step) = step {
        let _ = write!(title, " › {}", step.name);
    }
    title
}

/// What there is to know of the output, and how it is shown.
pub fn notes(ui: &Ui, state: &State, output: &OutputId) -> Vec<Span<'static>> {
    let theme = &ui.options.theme;
    let dot = format!(" {} ", ui.options.glyphs.dot);
    let mut notes = Vec::new();
    if let Some(search) = &ui.log.search {
        let hits = match search.hits {
            None => String::new(),
            Some((count, more)) => format!(" {count}{}", if more { "+" } else { "" }),
        };
        let pattern = columns::clip(&search.pattern, 20, ui.options.glyphs.more);
        notes.push(Span::styled(format!("/{pattern}{hits}{dot}"), theme.warn));
    }
    if ui.is_looking() {
        let so_far = match ui.log.searched {
            (_, 0) => String::new(),
            (done, all) => format!(" {}%", (u128::from(done) * 100 / u128::from(all)).min(100)),
        };
        let text = format!("searching{so_far}, Esc stops{dot}");
        notes.push(Span::styled(text, theme.warn));
    }
    let at = ui.log.mark.unwrap_or(ui.log.top) + 1;
    let place = if ui.log.follow { String::new() } else { format!("{} of ", thousands(at.min(ui.log.total))) };
    notes.push(Span::styled(format!("{place}{} lines", thousands(ui.log.total)), theme.quiet));
    let new = ui.log.new_lines();
    if new > 0 {
        notes.push(Span::styled(format!("{dot}+{} new", thousands(new)), theme.warn));
    }
    if ui.log.follow {
        notes.push(Span::styled(format!("{dot}follow"), theme.accent));
    } else if is_written(state, output) {
        notes.push(Span::styled(format!("{dot}follow off"), theme.quiet));
    }
    if output.is_container() {
        notes.push(Span::styled(format!("{dot}{}", ui.containers.window.word()), theme.quiet));
    }
    for (on, word) in [(ui.log.wrap, "wrap"), (ui.log.time, "time")] {
        if on {
            notes.push(Span::styled(format!("{dot}{word}"), theme.quiet));
        }
    }
    if ui.log.shift > 0 {
        notes.push(Span::styled(format!("{dot}from column {}", ui.log.shift + 1), theme.quiet));
    }
    notes
}

/// More may come.
fn is_written(state: &State, output: &OutputId) -> bool {
    let Some(job) = tree::find_job(state, output.run, &output.job) else { return output.is_container() };
    let attempt = || job.attempts.iter().any(|a| a.number == output.attempt && a.ended_at.is_none());
    let repair = || job.repairs.iter().any(|r| r.number == output.attempt && r.ended_at.is_none());
    if output.repair { repair() } else { attempt() }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_in_groups() {
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
