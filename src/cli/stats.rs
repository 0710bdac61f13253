//! `gonogo stats`: what containers use, as a table that is kept up, or once.

use std::{
    collections::BTreeMap,
    io::{IsTerminal as _, Write as _},
    process::ExitCode,
    time::Duration,
};

use tokio::{runtime::Handle, time::Instant};
use tokio_util::task::TaskTracker;

use crate::{
    engine::docker::watch::Watch,
    protocol::container::{ContainerRef, ContainerRow, Gauges, Look},
};

use super::{containers, plain::say, ps, report::Problem};

/// A container whose gauges are not there by then is shown without.
const PATIENCE: Duration = Duration::from_secs(8);

/// Arguments of `gonogo stats`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these: names, or beginnings of numbers
    #[arg(value_name = "CONTAINER")]
    wanted: Vec<String>,
    /// Only of this engine
    #[arg(long, value_name = "NAME")]
    engine: Option<String>,
    /// Once, in plain lines
    #[arg(long)]
    once: bool,
    /// Each container as a line of JSON; without --once, again whenever something new is known
    #[arg(long)]
    json: bool,
}

type Seen = BTreeMap<ContainerRef, (ContainerRow, Option<Gauges>)>;

/// Shows what they use.
pub async fn run(args: Args) -> Result<ExitCode, Problem> {
    let hosts = containers::hosts()?;
    let rows = containers::all(&hosts, args.engine.as_deref()).await?;
    let wanted: Vec<ContainerRef> = if args.wanted.is_empty() {
        rows.iter().filter(|row| row.is_up()).map(|row| row.container.clone()).collect()
    } else {
        let picked = args.wanted.iter().map(|name| containers::pick(&rows, name));
        picked.map(|row| row.map(|row| row.container.clone())).collect::<Result<_, _>>()?
    };
    // All that there are then, where none was named: also those that come later.
    let open = args.wanted.is_empty();
    let tasks = TaskTracker::new();
    let watch = Watch::new(hosts, "", &Handle::current(), &tasks);
    let mut view = watch.view(Look { shown: wanted.clone(), rest: open });
    let mut seen = Seen::new();
    let terminal = std::io::stdout().is_terminal();
    let live = terminal && !args.once && !args.json;
    let once = args.once || !(terminal || args.json);
    let end = Instant::now() + PATIENCE;
    loop {
        tokio::select! {
            () = view.ready() => {}
            () = tokio::time::sleep_until(end), if once => {}
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
        }
        let news = view.news();
        for row in news.rows {
            let shown = (open && args.engine.as_ref().is_none_or(|name| row.container.engine == *name))
                || wanted.contains(&row.container);
            if shown {
                let gauges = seen.remove(&row.container).and_then(|(_, gauges)| gauges);
                seen.insert(row.container.clone(), (row, gauges));
            }
        }
        news.gone.iter().for_each(|gone| drop(seen.remove(gone)));
        for (container, gauges) in news.gauges {
            if let Some((row, known)) = seen.get_mut(&container) {
                *known = gauges;
                if args.json && !once && gauges.is_some() && !say(&json(row, gauges)) {
                    return Ok(ExitCode::SUCCESS);
                }
            }
        }
        if once {
            let late = seen.is_empty() && !wanted.is_empty();
            let waits = late || seen.values().any(|(row, gauges)| row.is_up() && gauges.is_none());
            if !waits || Instant::now() >= end {
                return Ok(print(&seen, args.json, args.wanted.is_empty()));
            }
        } else if live && !draw(&seen) {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

fn json(row: &ContainerRow, gauges: Option<Gauges>) -> String {
    let container = &row.container;
    serde_json::json!({ "engine": container.engine, "id": container.id, "name": row.name, "state": row.state, "uses": gauges })
        .to_string()
}

fn print(seen: &Seen, as_json: bool, only_up: bool) -> ExitCode {
    let rows = seen.values().filter(|(row, _)| row.is_up() || !only_up);
    if as_json {
        let _ = rows.map(|(row, gauges)| json(row, *gauges)).all(|line| say(&line));
    } else {
        let _ = table(seen, only_up).iter().all(|line| say(line));
    }
    ExitCode::SUCCESS
}

/// Draws the table over the one before; says whether anybody still reads.
fn draw(seen: &Seen) -> bool {
    let (columns, rows) = size();
    let mut text = String::from("\x1b[H");
    for line in table(seen, true).iter().take(rows.saturating_sub(1)) {
        text.extend(line.chars().take(columns));
        text.push_str("\x1b[K\r\n");
    }
    text.push_str("\x1b[J");
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// Columns and rows of the terminal.
pub(super) fn size() -> (usize, usize) {
    let size = super::exec::terminal_size();
    size.map_or((80, 24), |(columns, rows)| (usize::from(columns), usize::from(rows)))
}

fn table(seen: &Seen, only_up: bool) -> Vec<String> {
    use crate::tui::view::containers::{bytes, percent};
    let head = ["NAME", "CPU", "MEM", "LIMIT", "NET IN/s", "NET OUT/s", "READ/s", "WRITE/s", "PIDS"];
    let mut rows: Vec<_> = seen.values().filter(|(row, _)| row.is_up() || !only_up).collect();
    rows.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    let mut table = vec![head.map(str::to_owned).to_vec()];
    table.extend(rows.into_iter().map(|(row, gauges)| {
        let name = row.name.clone();
        let Some(g) = gauges else {
            return [vec![name, row.state.word()], vec![String::new(); 7]].concat();
        };
        let rate = |rate: Option<u64>| rate.map_or_else(|| "-".into(), bytes);
        vec![
            name,
            percent(g.cpu),
            bytes(g.memory),
            bytes(g.memory_limit),
            rate(g.net_in),
            rate(g.net_out),
            rate(g.block_in),
            rate(g.block_out),
            g.pids.to_string(),
        ]
    }));
    ps::lines(&table)
}
