//! A conversation as a Markdown file.

use std::fmt::Write as _;

use crate::{
    protocol::thread::TurnOutcome,
    state::{
        rule::wish_words,
        thread::{Thread, What},
    },
    tui::widget::clean::visible,
};

/// All that was said and done in it.
pub fn markdown(thread: &Thread) -> String {
    let mut out = format!("# {}\n\n", visible(&thread.title));
    let model = thread.last_model.as_ref().map_or_else(|| "no model yet".to_owned(), ToString::to_string);
    let _ = writeln!(
        out,
        "Conversation {} with {}, {model}. Begun {} by {}.",
        thread.id, thread.role, thread.opened_at, thread.by
    );
    let _ = writeln!(out, "Cost {}{}.", thread.cost, unpriced(thread));
    for entry in &thread.entries {
        match &entry.what {
            What::Said { by, text, attached, .. } => {
                let _ = writeln!(out, "\n## {by}, {}\n\n{}", entry.at, visible(text));
                for one in attached {
                    let _ = writeln!(out, "\n{} ({} bytes)", visible(&one.name), one.text.len());
                }
            }
            What::Answered { text, .. } => {
                let _ = writeln!(out, "\n## {}, {}\n\n{}", thread.role, entry.at, visible(text));
            }
            What::Tool { tool, arguments, answer, .. } => {
                let _ = writeln!(out, "\n- {} `{}`", visible(tool), visible(arguments).replace('`', "'"));
                if let Some(answer) = answer {
                    let word = if answer.ok { "answered" } else { "failed" };
                    let _ = writeln!(out, "  {word} in {}:\n", answer.took);
                    visible(&answer.text).lines().for_each(|line| {
                        let _ = writeln!(out, "      {line}");
                    });
                }
            }
            What::Permitted { wish, go, by, why, .. } => {
                let verdict = if *go { "GO" } else { "NO-GO" };
                let _ = writeln!(out, "\n- {verdict} by {by}: {} {}", visible(&wish_words(wish)), visible(why));
            }
            What::Ended { outcome, .. } => {
                let _ = writeln!(out, "\n_{}_", visible(&outcome_words(outcome)));
            }
            What::Called { .. } => {}
        }
    }
    out
}

/// Calls of which no price is known are said.
pub fn unpriced(thread: &Thread) -> String {
    match thread.unpriced {
        0 => String::new(),
        count => format!(" and {count} unpriced"),
    }
}

/// How a turn ended, in words.
pub fn outcome_words(outcome: &TurnOutcome) -> String {
    match outcome {
        TurnOutcome::Done => "done".into(),
        TurnOutcome::Limit { what } => format!("limit reached: {what}"),
        TurnOutcome::Stuck { what } => format!("stuck, and stopped: {what}"),
        TurnOutcome::Refused { why } => format!("refused: {why}"),
        TurnOutcome::Failed { why, hint } => {
            format!("failed: {why}{}", hint.as_ref().map(|hint| format!(" (hint: {hint})")).unwrap_or_default())
        }
        TurnOutcome::Interrupted { by } => format!("stopped by {by}"),
        TurnOutcome::Lost => "lost: gonogo ended meanwhile".into(),
        TurnOutcome::Unknown => "ended in a way that this version does not know".into(),
    }
}
