//! Pane 6: what was spent, what is left, and where it went.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    domain::{budget::day, usage::NanoUsd},
    state::{
        board::State,
        budget::{Level, Standing, standings},
        spending::{By, Row, Spending},
        timeline::BarKind,
    },
};

use crate::tui::{
    layout::Layout,
    theme::Theme,
    ui::{Pane, Ui},
    widget::columns,
};

use super::{empty, pane};

/// What stands in it where nothing was ever spent.
const NOTHING: &str = "Nothing was spent yet.\nCalls of models are counted as soon as an agent works, minutes of engines where \
                       [prices.engines] of config.toml says what they cost. [budgets] sets limits.\n{help} shows all keys.";

/// Days of the trend, at most.
const TREND: usize = 30;

/// Columns of a bar.
const BAR: usize = 20;

/// Draws it.
pub fn render(buf: &mut Buffer, area: Rect, ui: &Ui, state: &State, layout: &Layout) {
    if area.is_empty() {
        return;
    }
    let spending = spending(ui, state);
    let theme = &ui.options.theme;
    let mut notes = Vec::new();
    let over = standings(&ui.options.budgets, state, ui.now());
    let worst = over.iter().map(Standing::level).max().unwrap_or(Level::Fine);
    if worst > Level::Fine {
        let count = over.iter().filter(|standing| standing.level() == worst).count();
        let many = if count == 1 { "budget" } else { "budgets" };
        notes.push(Span::styled(
            format!("{} {count} {many} {}{}", glyph(ui, worst), worst.word(), if area.width >= 50 { "  " } else { "" }),
            style(theme, worst),
        ));
    }
    if area.width >= 50 {
        notes.push(Span::styled(format!("today {}", spending.today()), theme.quiet));
    }
    let inside = pane::frame(buf, area, ui, layout, Some(Pane::Cost), "6 Cost", notes);
    let inside = pane::indent(inside);
    if spending.forecast().is_none() {
        empty::render(buf, inside, ui, NOTHING);
        return;
    }
    let lines = lines(ui, &spending, over, room(inside));
    let scroll = ui.cost.scroll.min(lines.len().saturating_sub(usize::from(inside.height)));
    for (row, line) in lines.iter().skip(scroll).take(usize::from(inside.height)).enumerate() {
        columns::put(buf, inside, row as u16, line);
    }
}

/// How many lines it has: further than that nothing can be scrolled.
pub fn count(ui: &Ui, state: &State, layout: &Layout) -> usize {
    let inside = pane::indent(layout.inside(layout.cost));
    let over = standings(&ui.options.budgets, state, ui.now());
    lines(ui, &spending(ui, state), over, room(inside)).len()
}

/// Columns that lines may take: one is left free before the frame.
fn room(inside: Rect) -> usize {
    usize::from(inside.width.saturating_sub(1))
}

/// This month's, for the pane; everything, for sums of other times.
fn spending<'a>(ui: &'a Ui, state: &'a State) -> Spending<'a> {
    let now = ui.now();
    Spending { state, minutes: &ui.options.minutes, since: Some(day(now).first_of_month()), now }
}

/// What the bar at the top says: what was spent today, if anything was, and whether a budget is nearly spent.
pub fn in_bar(ui: &Ui, state: &State, narrow: bool) -> Option<Span<'static>> {
    let today = spending(ui, state).today();
    let level = standings(&ui.options.budgets, state, ui.now()).iter().map(Standing::level).max();
    let level = level.unwrap_or(Level::Fine);
    if today == NanoUsd(0) && level == Level::Fine {
        return None;
    }
    let word = match level {
        Level::Fine => String::new(),
        level if narrow => format!(" {}", glyph(ui, level)),
        level => format!(" budget {}", level.word()),
    };
    Some(Span::styled(format!("{today}{word}"), style(&ui.options.theme, level)))
}

fn lines(ui: &Ui, spending: &Spending<'_>, mut over: Vec<Standing>, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![sums(ui, spending)];
    lines.extend(trend(ui, spending, width));
    // Of runs the one that spent most.
    let dearest = over.iter().filter(|standing| standing.run.is_some()).max_by_key(|standing| standing.spent);
    let dearest = dearest.and_then(|standing| standing.run);
    over.retain(|standing| standing.run.is_none() || standing.run == dearest || standing.level() > Level::Fine);
    lines.extend(over.iter().map(|standing| budget(ui, standing, width)));
    lines.extend(remarks(ui, spending));
    let tables = [("by model", By::Model), ("by project", By::Project), ("by agent", By::Role)];
    let many = if width >= 132 {
        3
    } else if width >= 96 {
        2
    } else {
        1
    };
    let wide = (width - (many - 1) * 3) / many;
    for tables in tables.chunks(many) {
        lines.push(Line::default());
        let tables: Vec<Vec<Line<'static>>> =
            tables.iter().map(|(name, by)| table(ui, name, &spending.rows(*by), wide)).collect();
        let height = tables.iter().map(Vec::len).max().unwrap_or(0);
        for row in 0..height {
            let mut spans = Vec::new();
            for (nth, table) in tables.iter().enumerate() {
                let line = table.get(row).map(|line| line.spans.clone()).unwrap_or_default();
                let used = columns::spans_width(&line);
                spans.extend(line);
                if nth + 1 < tables.len() {
                    spans.push(Span::raw(" ".repeat(wide.saturating_sub(used) + 3)));
                }
            }
            lines.push(spans.into());
        }
    }
    lines
}

fn sums(ui: &Ui, spending: &Spending<'_>) -> Line<'static> {
    let theme = &ui.options.theme;
    let mut spans = vec![
        Span::styled("today ", theme.quiet),
        Span::styled(spending.today().to_string(), theme.strong),
        Span::styled("   month ", theme.quiet),
        Span::styled(spending.month().to_string(), theme.strong),
    ];
    if let Some(forecast) = spending.forecast() {
        let pace = match forecast.days {
            0 => "of today".to_owned(),
            1 => "of yesterday".to_owned(),
            days => format!("of {days} days"),
        };
        spans.push(Span::styled("   forecast ", theme.quiet));
        spans.push(Span::styled(forecast.month.to_string(), theme.strong));
        spans.push(Span::styled(format!(" (pace {pace}: {} a day)", forecast.a_day), theme.quiet));
    }
    spans.into()
}

fn trend(ui: &Ui, spending: &Spending<'_>, width: usize) -> Option<Line<'static>> {
    let days = TREND.min(width.saturating_sub(24));
    let trend = spending.trend(days);
    let most = trend.iter().max().copied().filter(|most| *most > NanoUsd(0))?;
    let spark: String = heights(&trend).into_iter().map(|height| ui.options.glyphs.spark[height]).collect();
    let theme = &ui.options.theme;
    Some(Line::from(vec![
        Span::styled(format!("last {days} days "), theme.quiet),
        Span::styled(spark, theme.accent),
        Span::styled(format!(" at most {most}"), theme.quiet),
    ]))
}

/// How high the bar of each day is, from 0 to 7; 0 is for days on which nothing was spent.
pub fn heights(days: &[NanoUsd]) -> Vec<usize> {
    let most = days.iter().max().map_or(1, |most| most.0.max(1));
    let height = |cost: &NanoUsd| match cost.0 {
        0 => 0,
        cost => (u128::from(cost) * 7).div_ceil(u128::from(most)) as usize,
    };
    days.iter().map(height).collect()
}

fn budget(ui: &Ui, standing: &Standing, width: usize) -> Line<'static> {
    let theme = &ui.options.theme;
    let glyphs = ui.options.glyphs;
    let (level, limit) = (standing.level(), standing.limit());
    let share = u128::from(standing.spent.0) * 100 / u128::from(limit.0.max(1));
    let bar = BAR.min(width.saturating_sub(50));
    let filled = usize::try_from((share * bar as u128).div_ceil(100)).unwrap_or(bar).min(bar);
    let wide = 28.min(width.saturating_sub(bar + 32));
    let scope = match standing.run {
        Some(_) => standing.period.clone(),
        None => format!("{} {}", standing.budget.scope, standing.period),
    };
    let scope = columns::clip(&scope, wide, glyphs.more);
    let kind = if standing.budget.stop.is_some() { "" } else { " (warns only)" };
    Line::from(vec![
        Span::styled(format!("{} {:<5} ", glyph(ui, level), level.word()), style(theme, level)),
        Span::styled(format!("{scope:<wide$} "), theme.text),
        Span::styled(glyphs.bar(BarKind::Passed).repeat(filled), style(theme, level)),
        Span::styled(glyphs.bar(BarKind::Queued).repeat(bar - filled), theme.quiet),
        Span::styled(format!(" {share:>3}%  "), theme.text),
        Span::styled(format!("{} of {limit}{kind}", standing.spent), theme.quiet),
    ])
}

fn remarks(ui: &Ui, spending: &Spending<'_>) -> Vec<Line<'static>> {
    let theme = &ui.options.theme;
    let mut lines = Vec::new();
    let models = spending.total().models;
    let calls = |count: u64| if count == 1 { "1 call is".to_owned() } else { format!("{count} calls are") };
    if models.unpriced > 0 {
        let text =
            format!("? {} unpriced and not in these sums: [prices.models] of config.toml", calls(models.unpriced));
        lines.push(Line::from(Span::styled(text, theme.warn)));
    }
    if models.assumed > 0 {
        let text = format!("{} counted at the most that they can have cost", calls(models.assumed));
        lines.push(Line::from(Span::styled(text, theme.quiet)));
    }
    let repairs = spending.repairs();
    if repairs.tried > 0 {
        let each = repairs.each().map(|(own, all)| format!(", {own} each, {all} with those that were not"));
        let text =
            format!("repairs: {} tried, {} accepted{}", repairs.tried, repairs.accepted, each.unwrap_or_default());
        lines.push(Line::from(Span::styled(text, theme.quiet)));
    }
    lines
}

fn table(ui: &Ui, name: &str, rows: &[Row], width: usize) -> Vec<Line<'static>> {
    const NUMBERS: usize = 28;
    let theme = &ui.options.theme;
    let room = width.saturating_sub(NUMBERS).max(8);
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{:<room$}", columns::clip(name, room, ui.options.glyphs.more)), theme.strong),
        Span::styled(format!("{:>6} {:>8} {:>12}", "calls", "tokens", "cost"), theme.quiet),
    ])];
    if rows.is_empty() {
        lines.push(Line::from(Span::styled("nothing this month", theme.quiet)));
    }
    for row in rows {
        let name = columns::clip(&ui.options.glyphs.plain(&row.name), room - 1, ui.options.glyphs.more);
        let gap = " ".repeat(room - columns::width(&name));
        let sum = &row.models;
        let count = |count: u64| if count == 0 { String::new() } else { tokens(count) };
        let all = sum.usage.prompt().saturating_add(sum.usage.output);
        let unknown = sum.unpriced > 0 && row.cost() == NanoUsd(0);
        let (cost, of_cost) = if unknown {
            ("unpriced".to_owned(), theme.warn)
        } else {
            (format!("{}{}", row.cost(), if sum.unpriced > 0 { "+?" } else { "" }), theme.text)
        };
        lines.push(Line::from(vec![
            Span::styled(name, theme.text),
            Span::raw(gap),
            Span::styled(format!("{:>6} {:>8} ", count(sum.calls), count(all)), theme.quiet),
            Span::styled(format!("{cost:>12}"), of_cost),
        ]));
    }
    lines
}

/// `950`, `12.3k`, `4.56M`
pub fn tokens(count: u64) -> String {
    let shown = |unit: u64, letter: &str| {
        let places = match count / unit {
            0..10 => 2,
            10..100 => 1,
            _ => 0,
        };
        format!("{:.places$}{letter}", count as f64 / unit as f64)
    };
    match count {
        0..1_000 => count.to_string(),
        1_000..999_500 => shown(1_000, "k"),
        999_500..999_500_000 => shown(1_000_000, "M"),
        _ => shown(1_000_000_000, "G"),
    }
}

fn glyph(ui: &Ui, level: Level) -> &'static str {
    match level {
        Level::Fine => ui.options.glyphs.passed,
        Level::Warned => "!",
        Level::Spent => ui.options.glyphs.failed,
    }
}

fn style(theme: &Theme, level: Level) -> Style {
    match level {
        Level::Fine => theme.text,
        Level::Warned => theme.warn,
        Level::Spent => theme.bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_tokens_are_short() {
        let shown = [950, 1_000, 12_345, 123_456, 999_499, 999_500, 4_560_000, 2_000_000_000].map(tokens);
        assert_eq!(shown, ["950", "1.00k", "12.3k", "123k", "999k", "1.00M", "4.56M", "2.00G"]);
    }

    #[test]
    fn a_day_on_which_little_was_spent_is_seen() {
        assert_eq!(heights(&[0, 1, 500, 1000].map(NanoUsd)), [0, 1, 4, 7]);
        assert_eq!(heights(&[]), [0; 0]);
    }
}
