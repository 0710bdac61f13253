//! `gonogo ps`: the containers of all engines.

use std::process::ExitCode;

use crate::{
    domain::time::{Millis, Timestamp},
    protocol::container::ContainerRow,
};

use super::{containers, plain::say, report::Problem};

/// Arguments of `gonogo ps`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Those that have ended as well
    #[arg(long, short)]
    all: bool,
    /// Only of this engine
    #[arg(long, value_name = "NAME")]
    engine: Option<String>,
    /// Each as a line of JSON
    #[arg(long)]
    json: bool,
}

/// Lists them.
pub async fn run(args: Args) -> Result<ExitCode, Problem> {
    let hosts = containers::hosts()?;
    let mut rows = containers::all(&hosts, args.engine.as_deref()).await?;
    rows.retain(|row| args.all || row.is_up());
    rows.sort_by_key(|row| (row.container.engine.clone(), row.group().is_none(), row.group(), row.name.clone()));
    if args.json {
        for row in &rows {
            let json = serde_json::to_string(row).map_err(|error| Problem::fault("no JSON").because(&error))?;
            if !say(&json) {
                break;
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    let several = hosts.all().count() > 1;
    let now = Timestamp::now();
    let mut table = vec![cells("NAME", "STATE", "HEALTH", "IMAGE", "CREATED", "PORTS", "GROUP", "ENGINE")];
    table.extend(rows.iter().map(|row| {
        let ports: Vec<String> = row.ports.iter().map(ToString::to_string).collect();
        cells(
            &row.name,
            &row.state.word(),
            row.health.map_or("", |health| health.word()),
            &row.image,
            &age(row, now),
            &ports.join(" "),
            &row.group().unwrap_or_default(),
            &row.container.engine,
        )
    }));
    if !several {
        table.iter_mut().for_each(|cells| drop(cells.pop()));
    }
    for line in lines(&table) {
        if !say(&line) {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[allow(clippy::too_many_arguments, reason = "a row of a table")]
fn cells(
    name: &str,
    state: &str,
    health: &str,
    image: &str,
    created: &str,
    ports: &str,
    group: &str,
    engine: &str,
) -> Vec<String> {
    [name, state, health, image, created, ports, group, engine].map(str::to_owned).to_vec()
}

fn age(row: &ContainerRow, now: Timestamp) -> String {
    let seconds = Millis::between(row.created, now).0 / 1000;
    match seconds {
        0..120 => format!("{seconds}s ago"),
        120..7200 => format!("{}m ago", seconds / 60),
        7200..172_800 => format!("{}h ago", seconds / 3600),
        _ => format!("{}d ago", seconds / 86_400),
    }
}

/// A table with each column as wide as its widest cell; a column in which nothing stands is left out.
pub fn lines(table: &[Vec<String>]) -> Vec<String> {
    let count = table.first().map_or(0, Vec::len);
    let wide = |column: usize| {
        let cells = || table.iter().filter_map(|row| row.get(column));
        let empty = cells().skip(1).all(String::is_empty) && table.len() > 1;
        (!empty).then(|| cells().map(|cell| cell.chars().count()).max().unwrap_or(0))
    };
    let widths: Vec<Option<usize>> = (0..count).map(wide).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> =
            row.iter().zip(&widths).filter_map(|(cell, wide)| wide.map(|wide| format!("{cell:<wide$}"))).collect();
        cells.join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        assert_eq!(
            lines(&[row(["A", "HEALTH", "C"]), row(["long", "", "x"]), row(["b", "", "yy"])]),
            ["A     C", "long  x", "b     yy"]
        );
    }
}
