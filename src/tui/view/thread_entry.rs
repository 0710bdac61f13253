//! What was said and done in a conversation, as rows; an agent's own words are drawn elsewhere, as Markdown.

use ratatui::text::{Line, Span};
use serde_json::Value;

use crate::{
    protocol::thread::{CallEnd, Scope, TurnOutcome},
    state::{
        rule::wish_words,
        thread::{Entry, ToolAnswer, What},
    },
};

use crate::tui::{
    thread::export::outcome_words,
    ui::Ui,
    widget::{clean::visible, columns},
};

use super::thread::time;

/// Rows of a tool's answer that are shown unfolded.
const UNFOLDED: usize = 400;

/// What the rows of an entry depend on besides its own text.
pub(super) fn form(ui: &Ui, entry: &Entry) -> u8 {
    match &entry.what {
        What::Tool { answer, .. } => {
            u8::from(answer.is_some()) | (u8::from(ui.thread.unfolded.contains(&entry.seq)) << 1)
        }
        _ => 0,
    }
}

/// The rows of an entry.
pub(super) fn rows(ui: &Ui, entry: &Entry, width: usize) -> Vec<Line<'static>> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    match &entry.what {
        What::Answered { .. } => Vec::new(),
        What::Called { call, .. } => match &call.end {
            CallEnd::Failed { why } => {
                vec![note(ui, glyphs.failed, theme.bad, &format!("{}: {why}", call.model), width)]
            }
            _ => Vec::new(),
        },
        What::Said { by, text, attached, .. } => {
            let name = format!("{by} {} ", glyphs.plain("›"));
            let right = vec![Span::styled(time(ui, entry.at), theme.quiet)];
            let mut rows =
                vec![columns::spread(vec![Span::styled(name, theme.accent.patch(theme.strong))], right, width)];
            for line in visible(text).lines() {
                let words =
                    if line.trim().is_empty() { vec![String::new()] } else { wrapped(line, width.saturating_sub(2)) };
                rows.extend(words.into_iter().map(|words| Line::from(format!("  {words}"))));
            }
            for one in attached {
                let size = format!("  {} ({} bytes given along)", visible(&one.name), one.text.len());
                rows.push(Line::styled(columns::clip(&size, width, glyphs.more), theme.quiet));
            }
            rows
        }
        What::Tool { tool, arguments, answer, .. } => tool_rows(ui, entry, (tool, arguments, answer.as_ref()), width),
        What::Permitted { wish, go, scope, by, why } => {
            let (glyph, style, verdict) =
                if *go { (glyphs.passed, theme.good, "GO") } else { (glyphs.failed, theme.bad, "NO-GO") };
            let scope = match scope {
                Scope::Once => String::new(),
                Scope::Thread => ", for this conversation".to_owned(),
                Scope::Always { pattern } => format!(", always: {pattern}"),
            };
            let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
            vec![note(ui, glyph, style, &format!("{verdict} by {by}{scope}: {}{why}", wish_words(wish)), width)]
        }
        What::Ended { outcome, .. } => {
            let (glyph, style) = match outcome {
                TurnOutcome::Interrupted { .. } => (glyphs.stopped, theme.warn),
                TurnOutcome::Lost => (glyphs.lost, theme.warn),
                _ => (glyphs.failed, theme.bad),
            };
            let words = wrapped(&visible(&outcome_words(outcome)), width.saturating_sub(2));
            let line = |(at, words): (usize, String)| {
                let mark = if at == 0 { format!("{glyph} ") } else { "  ".to_owned() };
                Line::from(vec![Span::styled(mark, style), Span::styled(words, style)])
            };
            words.into_iter().enumerate().map(line).collect()
        }
    }
}

/// Words wrapped, with the blanks that a line begins with.
fn wrapped(line: &str, width: usize) -> Vec<String> {
    let blanks = line.len() - line.trim_start().len();
    if blanks == 0 || blanks >= width / 2 {
        return columns::words(line, width);
    }
    columns::words(line, width - blanks).into_iter().map(|words| format!("{}{words}", " ".repeat(blanks))).collect()
}

fn note(ui: &Ui, glyph: &str, style: ratatui::style::Style, text: &str, width: usize) -> Line<'static> {
    let glyphs = ui.options.glyphs;
    let text = columns::clip(&glyphs.plain(&visible(text)).replace('\n', " "), width.saturating_sub(2), glyphs.more);
    Line::from(vec![Span::styled(format!("{glyph} "), style), Span::styled(text, ui.options.theme.quiet)])
}

fn tool_rows(
    ui: &Ui,
    entry: &Entry,
    (tool, arguments, answer): (&str, &str, Option<&ToolAnswer>),
    width: usize,
) -> Vec<Line<'static>> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let open = ui.thread.unfolded.contains(&entry.seq);
    let (glyph, style, word) = match answer {
        None => (glyphs.running, theme.running, "under way".to_owned()),
        Some(ToolAnswer { ok: true, took, .. }) => (glyphs.passed, theme.good, took.to_string()),
        Some(ToolAnswer { took, .. }) => (glyphs.failed, theme.bad, format!("failed {took}")),
    };
    let fold = if open { glyphs.open } else { glyphs.shut };
    let left = vec![
        Span::styled(format!("{fold} "), theme.quiet),
        Span::styled(format!("{glyph} "), style),
        Span::styled(visible(tool), theme.strong),
        Span::styled(format!(" {}", short(arguments)), theme.quiet),
    ];
    let word = Span::styled(word, if answer.is_some_and(|answer| !answer.ok) { theme.bad } else { theme.quiet });
    let mut rows = vec![columns::spread(left, vec![word], width)];
    if !open {
        return rows;
    }
    let bar = Span::styled(format!("  {} ", glyphs.upright), theme.quiet);
    let mut put = |text: &str, style| {
        let before = rows.len();
        for line in visible(text).lines() {
            for row in columns::wrap(&[Span::styled(line.to_owned(), style)], width.saturating_sub(4)) {
                if rows.len() - before >= UNFOLDED {
                    return;
                }
                rows.push(Line::from([vec![bar.clone()], row].concat()));
            }
        }
    };
    put(&pretty(arguments), theme.quiet);
    match answer {
        Some(answer) if answer.text.is_empty() => put("(it answered nothing)", theme.quiet),
        Some(answer) => put(&answer.text, theme.text),
        None => {}
    }
    rows
}

/// The arguments' values, in one line.
pub(super) fn short(arguments: &str) -> String {
    let values: Vec<String> = match serde_json::from_str::<Value>(arguments) {
        Ok(Value::Object(fields)) => {
            // What it is about comes before how much of it.
            let (texts, others): (Vec<_>, Vec<_>) = fields.values().partition(|value| value.is_string());
            let texts = texts.into_iter().filter_map(|text| text.as_str().map(str::to_owned));
            texts.chain(others.into_iter().map(Value::to_string)).collect()
        }
        _ => vec![arguments.to_owned()],
    };
    visible(&values.join(" ")).replace('\n', " ").chars().take(400).collect()
}

fn pretty(arguments: &str) -> String {
    match serde_json::from_str::<Value>(arguments) {
        Ok(Value::Object(fields)) => fields
            .iter()
            .map(|(name, value)| match value {
                Value::String(text) => format!("{name}: {text}\n"),
                other => format!("{name}: {other}\n"),
            })
            .collect(),
        _ => arguments.to_owned(),
    }
}
