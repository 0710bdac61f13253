//! `gonogo cost`: where the money went, and where it goes.

use std::process::ExitCode;

use jiff::ToSpan as _;
use serde_json::{Value, json};

use crate::{
    domain::{
        budget::day,
        time::{Millis, Timestamp},
        usage::NanoUsd,
    },
    state::{
        board::State,
        budget::standings,
        spending::{By, Forecast, Row, Spending},
    },
};

use super::{
    connect::reading,
    place::{Place, Reach},
    plain::say,
    prune::time,
    ps,
    report::Problem,
    status::pretty,
};

/// Days of the trend.
const TREND: usize = 30;

/// Arguments of `gonogo cost`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What rows are made by
    #[arg(long, value_enum, default_value_t = ByArg::Model)]
    by: ByArg,
    /// Only the last days: `30d`
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Millis>,
    /// Print comma-separated values
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What rows are made by.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ByArg {
    Model,
    Project,
    Run,
    Job,
    Agent,
    Role,
    Day,
    Week,
    Month,
}

impl ByArg {
    fn by(self) -> By {
        match self {
            Self::Model => By::Model,
            Self::Project => By::Project,
            Self::Run => By::Run,
            Self::Job => By::Job,
            Self::Agent => By::Agent,
            Self::Role => By::Role,
            Self::Day => By::Day,
            Self::Week => By::Week,
            Self::Month => By::Month,
        }
    }
}

/// Prints what was spent.
pub async fn run(args: Args, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    place.warn();
    let nothing = State::default();
    let reading = reading(&place, false).await?;
    let open = match reading {
        Some(reading) => Some(reading.client().await?),
        None => None,
    };
    let state = open.as_ref().map_or(&nothing, |(client, _)| &client.state);
    let now = Timestamp::now();
    // A day is counted whole.
    let days = |since: Millis| i32::try_from(since.0.div_ceil(86_400_000)).unwrap_or(i32::MAX).clamp(1, 1_000_000) - 1;
    let since = args.since.map(|since| day(now).checked_sub(days(since).days()).unwrap_or(jiff::civil::Date::MIN));
    let spending = Spending { state, minutes: &place.settings.minutes, since, now };
    let rows = spending.rows(args.by.by());
    if args.json {
        say(&pretty(&as_json(&place, &spending, &rows)));
    } else if args.csv {
        let _ = csv(&rows).iter().all(|line| say(line));
    } else {
        let _ = table(&place, &spending, &rows).iter().all(|line| say(line));
    }
    Ok(ExitCode::SUCCESS)
}

fn table(place: &Place, spending: &Spending<'_>, rows: &[Row]) -> Vec<String> {
    if rows.is_empty() {
        let since = spending.since.map(|since| format!(" since {since}")).unwrap_or_default();
        return vec![
            format!("nothing was spent{since}"),
            "hint: calls of models are counted as soon as an agent works (`gonogo chat`); minutes of engines where [prices.engines] of config.toml says what they cost".into(),
        ];
    }
    let head = ["", "CALLS", "INPUT", "CACHED", "OUTPUT", "RAN", "COST", ""].map(str::to_owned).to_vec();
    let total = spending.total();
    let mut lines = vec![head];
    lines.extend(rows.iter().chain([&total]).map(cells));
    right_aligned(&mut lines);
    let mut lines = ps::lines(&lines);
    lines.push(String::new());
    let trend = spending.trend(TREND);
    lines.push(format!(
        "last {TREND} days  {}  at most {} a day",
        spark(&trend),
        trend.iter().max().copied().unwrap_or_default()
    ));
    lines.push(format!("today {}, this month {}", spending.today(), spending.month()));
    lines.extend(spending.forecast().map(|forecast| format!("month's end {}", said(&forecast))));
    let repairs = spending.repairs();
    if repairs.tried > 0 {
        lines.push(match repairs.each() {
            Some((own, all)) => format!(
                "repairs by agents: {} tried, {} accepted; {own} each, {all} with those that were not",
                repairs.tried, repairs.accepted
            ),
            None => format!("repairs by agents: {} tried for {}, none accepted yet", repairs.tried, repairs.cost),
        });
    }
    for standing in standings(&place.settings.budgets, spending.state, spending.now) {
        let (scope, level) = (&standing.budget.scope, standing.level().word());
        lines.push(format!(
            "budget of {scope} ({}): {} of {}, {level}",
            standing.period,
            standing.spent,
            standing.limit()
        ));
    }
    if total.models.unpriced > 0 {
        let calls = match total.models.unpriced {
            1 => "1 call is".to_owned(),
            calls => format!("{calls} calls are"),
        };
        lines.push(format!(
            "{calls} unpriced and not in these sums: `gonogo prices import`, or [prices.models] of config.toml"
        ));
    }
    if total.models.assumed > 0 {
        lines.push(format!(
            "{} calls said nothing of what they used: they count at most that they can have cost",
            total.models.assumed
        ));
    }
    lines
}

/// How a forecast was come by.
pub fn said(forecast: &Forecast) -> String {
    let Forecast { month, a_day, days, .. } = forecast;
    match days {
        0 => format!("{month}, if every day is as today"),
        1 => format!("{month}, if every day is as yesterday ({a_day})"),
        days => format!("{month}, at {a_day} a day as in the last {days} days"),
    }
}

fn cells(row: &Row) -> Vec<String> {
    let usage = &row.models.usage;
    let count = |count: u64| if count == 0 { String::new() } else { short(count) };
    let (cost, unpriced) = match (row.cost(), row.models.unpriced) {
        (NanoUsd(0), 1..) => ("unpriced".to_owned(), String::new()),
        (cost, 0) => (cost.to_string(), String::new()),
        (cost, unpriced) => (cost.to_string(), format!("+ {unpriced} unpriced")),
    };
    vec![
        row.name.clone(),
        count(row.models.calls),
        count(usage.prompt().saturating_sub(usage.cache_read)),
        count(usage.cache_read),
        count(usage.output),
        if row.ran == Millis(0) { String::new() } else { row.ran.to_string() },
        cost,
        unpriced,
    ]
}

/// All columns but the first and the last.
fn right_aligned(table: &mut [Vec<String>]) {
    for column in 1..7 {
        let wide = table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let filled = table.iter().skip(1).any(|row| !row[column].is_empty());
        for row in table.iter_mut().filter(|_| filled) {
            row[column] = format!("{:>wide$}", row[column]);
        }
    }
}

/// `950`, `12.3k`, `4.56M`
fn short(count: u64) -> String {
    crate::tui::view::cost::tokens(count)
}

fn spark(days: &[NanoUsd]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    crate::tui::view::cost::heights(days).into_iter().map(|height| BARS[height]).collect()
}

/// Money without a sign, to the nano-dollar.
fn exact(cost: NanoUsd) -> String {
    format!("{}.{:09}", cost.0 / 1_000_000_000, cost.0 % 1_000_000_000)
}

fn csv(rows: &[Row]) -> Vec<String> {
    let quoted = |text: &str| {
        // A name that begins like a formula is one to a spreadsheet.
        let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() };
        if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    };
    let mut lines = vec![
        "name,calls,input,cache_read,cache_write_5m,cache_write_1h,output,reasoning,unpriced,assumed,ran_ms,models_usd,minutes_usd,cost_usd".to_owned(),
    ];
    lines.extend(rows.iter().map(|row| {
        let (sum, usage) = (&row.models, &row.models.usage);
        let numbers = [
            sum.calls,
            usage.input,
            usage.cache_read,
            usage.cache_write_5m,
            usage.cache_write_1h,
            usage.output,
            usage.reasoning,
            sum.unpriced,
            sum.assumed,
            row.ran.0,
        ];
        let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
        let money = [sum.cost, row.minutes, row.cost()].map(exact).join(",");
        format!("{},{},{money}", quoted(&row.name), numbers.join(","))
    }));
    lines
}

fn row_json(row: &Row) -> Value {
    let sum = &row.models;
    json!({
        "name": row.name, "calls": sum.calls, "usage": sum.usage, "unpriced": sum.unpriced, "assumed": sum.assumed,
        "ran_ms": row.ran, "models_nano_usd": sum.cost, "minutes_nano_usd": row.minutes, "cost_nano_usd": row.cost(),
    })
}

fn as_json(place: &Place, spending: &Spending<'_>, rows: &[Row]) -> Value {
    let forecast = spending.forecast().map(|forecast| {
        json!({
            "month_nano_usd": forecast.month, "so_far_nano_usd": forecast.so_far, "a_day_nano_usd": forecast.a_day,
            "whole_days": forecast.days, "said": said(&forecast),
        })
    });
    let repairs = spending.repairs();
    let budgets = standings(&place.settings.budgets, spending.state, spending.now);
    let budgets = budgets.iter().map(|standing| {
        json!({
            "budget": standing.budget.scope.to_string(), "period": standing.period, "spent_nano_usd": standing.spent,
            "warn_nano_usd": standing.budget.warn, "stop_nano_usd": standing.budget.stop, "level": standing.level().word(),
        })
    });
    json!({
        "since": spending.since.map(|since| since.to_string()),
        "rows": rows.iter().map(row_json).collect::<Vec<_>>(),
        "total": row_json(&spending.total()),
        "today_nano_usd": spending.today(),
        "month_nano_usd": spending.month(),
        "trend_nano_usd": spending.trend(TREND),
        "forecast": forecast,
        "repairs": {
            "tried": repairs.tried, "accepted": repairs.accepted, "cost_nano_usd": repairs.cost,
            "accepted_nano_usd": repairs.accepted_cost, "each_nano_usd": repairs.each().map(|(own, _)| own),
            "each_with_all_nano_usd": repairs.each().map(|(_, all)| all),
        },
        "budgets": budgets.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_exact_and_names_are_quoted() {
        let mut row = Row { name: "=sum(\"a\", b)".into(), ..Row::default() };
        row.models.calls = 2;
        row.models.cost = NanoUsd(1_000_000_002);
        row.minutes = NanoUsd(3);
        let lines = csv(&[row]);
        assert_eq!(lines[1], "\"'=sum(\"\"a\"\", b)\",2,0,0,0,0,0,0,0,0,0,1.000000002,0.000000003,1.000000005");
        assert_eq!(lines[0].split(',').count(), 14);
    }
}
