//! While you were away: what happened, a line each.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    domain::time::Millis,
    state::{
        away::{Item, Kind},
        board::State,
    },
};

use crate::tui::{layout::Layout, tree, ui::Ui, widget::columns};

use super::{pane, projects};

/// Draws it: over the panes or, where a question stands on the screen, beside that and the log that it is about.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State, (gone, list, chosen): (Millis, &[Item], usize)) {
    let theme = &ui.options.theme;
    let layout = Layout::of(ui);
    let beside = layout.projects.union(layout.runs);
    let asked = layout.shows_card(ui) && !beside.is_empty();
    let area = if asked { beside } else { area };
    let high = (list.len() as u16).saturating_add(4).min(area.height);
    let title = format!("While you were away ({})", length(gone));
    let inside = pane::popup(buf, area, ui, 100.min(area.width), high, &title);
    if inside.height < 2 {
        return;
    }
    let room = usize::from(inside.height) - 2;
    let first = (chosen + 1).saturating_sub(room.max(1));
    for (row, (index, item)) in list.iter().enumerate().skip(first).take(room.max(1)).enumerate() {
        let line = line(ui, state, item, index == chosen, usize::from(inside.width));
        columns::put(buf, inside, row as u16, &line);
    }
    let key = |key: &'static str| Span::styled(key, theme.accent.patch(theme.strong));
    let more = list.len().saturating_sub(first + room);
    let more = if more > 0 { format!("   {more} more below") } else { String::new() };
    let keys = vec![
        key("Enter"),
        Span::raw(" goes there   "),
        key("Esc"),
        Span::raw(" closes"),
        Span::styled(more, theme.quiet),
    ];
    columns::put(buf, inside, inside.height - 1, &Line::from(keys));
}

fn line(ui: &Ui, state: &State, item: &Item, chosen: bool, width: usize) -> Line<'static> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let (glyph, style) = look(ui, item.kind);
    let run = item.run.map_or(String::new(), |run| format!("{run} "));
    let project = item.run.and_then(|run| tree::project_of(ui, state, run)).and_then(|id| state.projects.get(&id));
    let project = project.filter(|_| projects::shown(state).len() > 1 && width > 60);
    let project = project.map(|project| format!("{} {} ", project.name, glyphs.dot)).unwrap_or_default();
    let before = vec![
        Span::styled(format!("{} ", if chosen { glyphs.chosen } else { " " }), theme.accent),
        Span::styled(format!("{glyph} "), style),
        Span::styled(run, theme.strong),
        Span::styled(project, theme.quiet),
    ];
    let at = item.at.to_zoned(ui.options.zone.clone());
    let same_day = at.date() == ui.now().to_zoned(ui.options.zone.clone()).date();
    let at = at.strftime(if same_day { "%H:%M" } else { "%b %d" }).to_string();
    let room = width.saturating_sub(columns::spans_width(&before) + columns::width(&at) + 2);
    let mut left = before;
    let words = if chosen { theme.strong } else { theme.text };
    left.push(Span::styled(columns::clip(&glyphs.plain(&item.what), room, glyphs.more), words));
    columns::spread(left, vec![Span::styled(at, theme.quiet)], width)
}

fn look(ui: &Ui, kind: Kind) -> (&'static str, Style) {
    let (theme, glyphs) = (&ui.options.theme, ui.options.glyphs);
    match kind {
        Kind::Asks => (glyphs.asking, theme.warn),
        Kind::CutOff => (glyphs.lost, theme.warn),
        Kind::Failed => (glyphs.failed, theme.bad),
        Kind::Answered => (glyphs.chosen, theme.text),
        Kind::Repaired => (glyphs.repair, theme.repair),
        Kind::Stopped => (glyphs.stopped, theme.quiet),
        Kind::Passed => (glyphs.passed, theme.good),
    }
}

/// `40s`, `12m`, `2h 13m`, `3d 4h`.
fn length(time: Millis) -> String {
    let seconds = time.0 / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_well() {
        let shown = [40, 725, 7_980, 273_600].map(|seconds| length(Millis::from_secs(seconds)));
        assert_eq!(shown, ["40s", "12m", "2h 13m", "3d 4h"]);
    }
}
