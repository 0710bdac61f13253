//! Questions over the panes: y or n, a word, words, a pipeline.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::{domain::id::ApprovalId, state::rule::wish_words};

use crate::tui::{
    ui::{Overlay, Ui},
    update::pipelines,
    widget::{clean::visible, columns, text_input::TextInput},
};

use super::{pane, status};

/// Draws it; gives back where its cursor stands.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, overlay: &Overlay) -> Option<(u16, u16)> {
    let theme = &ui.options.theme;
    let key = |key: &'static str| Span::styled(key, theme.accent.patch(theme.strong));
    match overlay {
        Overlay::Confirm(confirm) => {
            let keys = vec![key("y"), Span::raw(" yes   "), key("n"), Span::raw(" no")];
            draw(buf, area, ui, "Sure?", &confirm.text, None, keys)
        }
        Overlay::Typed { text, input, .. } => {
            let keys = vec![key("Enter"), Span::raw(" do it   "), key("Esc"), Span::raw(" back")];
            draw(buf, area, ui, "Sure?", text, Some(input), keys)
        }
        Overlay::Words { approval, input } => {
            let what = match approval {
                ApprovalId::Proposal(id) => format!("proposal #{id}"),
                ApprovalId::Gate { gate, .. } => format!("gate {gate}"),
                ApprovalId::Permission { .. } => format!("what the agent asks ({approval})"),
            };
            let keys = vec![key("Enter"), Span::raw(" says NO-GO   "), key("Esc"), Span::raw(" back")];
            let text = vec![format!("NO-GO for {what}. Why? (may stay empty)")];
            draw(buf, area, ui, "NO-GO", &text, Some(input), keys)
        }
        Overlay::Reply { input, .. } => {
            let keys = vec![key("Enter"), Span::raw(" answers   "), key("Esc"), Span::raw(" back")];
            let question = ui.card.wish().map(|asked| wish_words(&asked.wish)).unwrap_or_default();
            draw(buf, area, ui, "Answer", &[visible(&question)], Some(input), keys)
        }
        Overlay::Pattern { input, .. } => {
            let keys = vec![key("Enter"), Span::raw(" always allows it   "), key("Esc"), Span::raw(" back")];
            let text = [
                "From now on agents of this project do what fits this pattern without asking. `*` as the last word is any rest."
                    .to_owned(),
                "rules (in the palette) and `gonogo rules` list and revoke.".to_owned(),
            ];
            draw(buf, area, ui, "Always", &text, Some(input), keys)
        }
        Overlay::Start { input, known, chosen } => {
            let mut text = vec!["Which pipeline?".to_owned()];
            for (index, name) in pipelines(known, input.text()).iter().enumerate() {
                let marker = if index == *chosen { ui.options.glyphs.chosen } else { " " };
                text.push(format!("{marker} {name}"));
            }
            let keys = vec![key("Enter"), Span::raw(" starts it   "), key("Esc"), Span::raw(" back")];
            draw(buf, area, ui, "Start", &text, Some(input), keys)
        }
        Overlay::Cut => {
            let keys = vec![key("Esc"), Span::raw(" goes on looking   "), key("q"), Span::raw(" leaves")];
            draw(buf, area, ui, "No connection", &cut(ui), None, keys)
        }
        Overlay::Help { .. }
        | Overlay::Palette { .. }
        | Overlay::People
        | Overlay::Rules { .. }
        | Overlay::Away { .. }
        | Overlay::Text { .. } => None,
    }
}

/// What it means that the connection is lost, and stays so.
fn cut(ui: &Ui) -> Vec<String> {
    let Some(lost) = &ui.link.lost else { return vec!["It is there again.".into()] };
    let as_of = format!("What you see is as of {}.", status::time_of_day(ui, lost.since.wall));
    if lost.was_stopped() {
        return vec![
            "gonogo was stopped. It comes back by itself when it is started again:".into(),
            "  gonogo daemon start".into(),
            as_of,
        ];
    }
    let whom = ui.options.host.as_ref().map(|host| format!(" to {host}")).unwrap_or_default();
    vec![
        format!("The connection{whom} stays lost: {}.", lost.why),
        "It is tried again every few seconds. Runs go on without it.".into(),
        as_of,
    ]
}

fn draw(
    buf: &mut Buffer,
    area: Rect,
    ui: &Ui,
    title: &str,
    text: &[String],
    input: Option<&TextInput>,
    keys: Vec<Span<'static>>,
) -> Option<(u16, u16)> {
    let wide = 64.min(area.width);
    let lines: Vec<String> = text
        .iter()
        .flat_map(|line| {
            if line.starts_with(' ') {
                vec![line.clone()]
            } else {
                columns::words(line, usize::from(wide.saturating_sub(4)))
            }
        })
        .collect();
    let field = usize::from(input.is_some());
    let inside = pane::popup(buf, area, ui, wide, (lines.len() + field + 4) as u16, title);
    for (row, line) in lines.iter().enumerate() {
        columns::put(buf, inside, row as u16, &Line::raw(ui.options.glyphs.plain(line)));
    }
    let row = lines.len() as u16;
    let mut cursor = None;
    if let Some(input) = input {
        let theme = &ui.options.theme;
        let line = Line::from(vec![Span::styled("> ", theme.accent), Span::raw(input.text().to_owned())]);
        columns::put(buf, inside, row, &line);
        cursor = Some((inside.x + 2 + input.column() as u16, inside.y + row)).filter(|_| row < inside.height);
    }
    columns::put(buf, inside, row + field as u16 + 1, &Line::from(keys));
    cursor
}
