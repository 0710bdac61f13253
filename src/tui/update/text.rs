//! A long text over the panes: scrolled, searched, copied.

use crate::config::keymap::action::Action;

use crate::tui::{
    ui::{Effect, Overlay, Ui},
    widget::text_input::TextInput,
};

/// Does what a key means in a text; `None` where none is shown, or it means what it means everywhere.
pub(super) fn act(ui: &mut Ui, action: Action) -> Option<Vec<Effect>> {
    let height = usize::from(ui.size.1.saturating_sub(4)).max(1);
    let Some(Overlay::Text { lines, scroll, field, pattern, .. }) = &mut ui.overlay else { return None };
    let last = lines.len().saturating_sub(height);
    let mut missed = false;
    match action {
        Action::Down => *scroll += 1,
        Action::Up => *scroll = scroll.saturating_sub(1),
        Action::PageDown => *scroll += height,
        Action::PageUp => *scroll = scroll.saturating_sub(height),
        Action::HalfPageDown => *scroll += height / 2,
        Action::HalfPageUp => *scroll = scroll.saturating_sub(height / 2),
        Action::Top => *scroll = 0,
        Action::Bottom => *scroll = last,
        Action::Find => *field = Some(TextInput::default()),
        Action::FindNext | Action::FindPrev => {
            missed = !find(lines, scroll, pattern, action == Action::FindPrev, last);
        }
        Action::Copy => return Some(vec![Effect::Copy(lines.join("\n"))]),
        _ => return None,
    }
    *scroll = (*scroll).min(last);
    if missed {
        ui.say("no other line has it");
    }
    Some(Vec::new())
}

/// Enter, in the field.
pub(super) fn search(ui: &mut Ui) {
    let height = usize::from(ui.size.1.saturating_sub(4)).max(1);
    let Some(Overlay::Text { lines, scroll, field, pattern, .. }) = &mut ui.overlay else { return };
    let Some(typed) = field.take() else { return };
    typed.text().clone_into(pattern);
    let last = lines.len().saturating_sub(height);
    let here = lines.get(*scroll).is_some_and(|line| contains(line, pattern));
    if !pattern.is_empty() && !here && !find(lines, scroll, pattern, false, last) {
        ui.say("no line has it");
    }
}

/// Whether a line has the pattern in it, without minding capital letters.
pub(in crate::tui) fn contains(line: &str, pattern: &str) -> bool {
    !pattern.is_empty() && line.to_lowercase().contains(&pattern.to_lowercase())
}

/// Goes to the next line that has it, round the end.
fn find(lines: &[String], scroll: &mut usize, pattern: &str, backwards: bool, last: usize) -> bool {
    let count = lines.len();
    let hit = (1..=count).map(|by| if backwards { (*scroll + count - by) % count } else { (*scroll + by) % count });
    let hits: Vec<usize> = hit.filter(|at| lines.get(*at).is_some_and(|line| contains(line, pattern))).collect();
    // Near the end several hits stand on one screen: the next one that moves it counts.
    let Some(to) = hits.iter().map(|at| (*at).min(last)).find(|to| to != scroll).or(hits.first().copied()) else {
        return false;
    };
    *scroll = to.min(last);
    true
}
