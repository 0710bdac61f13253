//! The other side in a few words: whether it hears us, whether it records, who else is here.

use ratatui::text::Span;

use crate::tui::{ui::Ui, update::link::boards, widget::columns};

/// The reason of something that is wrong takes so many columns at most.
const REASON: usize = 34;

/// The words for the status bar, the most important first, each with how much room it needs.
pub fn words(ui: &Ui, narrow: bool) -> Vec<Span<'static>> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    if let Some(reason) = &ui.link.gone {
        return vec![Span::styled(format!("{} ended: {reason}", glyphs.failed), theme.bad)];
    }
    let clip = |text: &str| columns::clip(&glyphs.plain(text), if narrow { REASON / 2 } else { REASON }, glyphs.more);
    let gap = || Span::raw("  ");
    let mut spans = Vec::new();
    if let Some(lost) = &ui.link.lost {
        let text = if lost.was_stopped() {
            format!("{} gonogo was stopped", glyphs.stopped)
        } else {
            let tries = if lost.tries > 0 { format!(" ({})", lost.tries) } else { String::new() };
            let why = if narrow { String::new() } else { format!(": {}", clip(&lost.why)) };
            format!("{} reconnecting{tries}{why}", glyphs.retrying)
        };
        return vec![Span::styled(text, theme.warn.patch(theme.strong))];
    }
    if let Some(why) = &ui.link.health.not_recording {
        spans.extend([Span::styled(format!("! not recorded: {}", clip(why)), theme.bad.patch(theme.strong)), gap()]);
    }
    if ui.link.health.draining {
        spans.extend([Span::styled("ends when idle", theme.warn), gap()]);
    }
    if ui.link.dropped > 0 && !narrow {
        spans.extend([Span::styled(format!("{} updates dropped", ui.link.dropped), theme.quiet), gap()]);
    }
    if ui.link.low && !narrow {
        spans.extend([Span::styled("low bandwidth", theme.quiet), gap()]);
    }
    let here = boards(ui);
    if here > 1 && !narrow {
        spans.extend([Span::styled(format!("{here} here"), theme.text), gap()]);
    }
    if !ui.link.caught_up {
        spans.push(Span::styled(glyphs.plain("reading the log…"), theme.warn));
    } else if !narrow {
        let host = ui.options.host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
        spans.push(Span::styled(format!("{} live{host}", glyphs.running), theme.quiet));
    } else if spans.last().is_some_and(|last| last.content == "  ") {
        spans.pop();
    }
    spans
}
