//! `gonogo env status` and `logs`.

use std::{path::PathBuf, process::ExitCode};

use crate::{
    cli::{
        client::Client,
        connect::with_client,
        doctor::size,
        place::{Place, Reach},
        plain::say,
        report::Problem,
        status::pretty,
    },
    domain::{
        id::OutputId,
        time::{Millis, Timestamp},
    },
    protocol::{
        environment::{MemberRow, PoolRow},
        query::{Answer, Query},
    },
};

use super::{row, rows};

/// Lines asked for at a time.
const PAGE: u32 = 1000;

/// Arguments of `gonogo env status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this environment
    name: Option<String>,
    /// The repository; without it, the one around the current directory
    #[arg(long, short = 'C', value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Those of all projects
    #[arg(long, short, conflicts_with = "dir")]
    all: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `gonogo env logs`.
#[derive(Debug, clap::Args)]
pub struct LogsArgs {
    /// The environment
    name: String,
    /// Of this member, by its name or the number at its end; without it, of what was prepared last
    #[arg(long, short, value_name = "MEMBER")]
    member: Option<String>,
    /// Only the last lines
    #[arg(long, short = 'n', value_name = "LINES")]
    tail: Option<u64>,
    /// The repository; without it, the one around the current directory
    #[arg(long, short = 'C', value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Each line as a JSON object
    #[arg(long)]
    json: bool,
}

/// Says how environments stand.
pub async fn status(args: Args, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    let root = if args.all { None } else { Some(crate::cli::run::project_root(args.dir.as_deref())?) };
    with_client(&place, 1, async |client| {
        let mut rows = rows(client).await?;
        rows.retain(|row| root.as_ref().is_none_or(|root| row.project == *root));
        rows.retain(|row| args.name.as_ref().is_none_or(|name| row.name == *name));
        if args.json {
            say(&pretty(&serde_json::json!({ "environments": rows })));
            return Ok(ExitCode::SUCCESS);
        }
        if rows.is_empty() {
            say("no environment is up; `gonogo env up NAME` keeps one");
        }
        for row in &rows {
            print_row(row, args.all);
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}

fn print_row(row: &PoolRow, all: bool) {
    let up = if row.up { format!("up, {} kept ready, {} at most", row.pool, row.most) } else { "not kept".to_owned() };
    let of = if all { format!("  {}", row.project.display()) } else { String::new() };
    say(&format!("{}  {up}  on {}{of}", row.name, row.engine));
    if row.waiting > 0 {
        say(&format!("  {} wait for a member", row.waiting));
    }
    if let Some(trouble) = &row.trouble {
        let again = row.again.map(|time| Millis::between(Timestamp::now(), time));
        let again = again.map(|wait| format!("; tried again in {wait}")).unwrap_or_default();
        say(&format!("  ! {trouble}{again}"));
    }
    for member in &row.members {
        say(&format!("  {}", line(member)));
    }
}

fn line(member: &MemberRow) -> String {
    let now = Timestamp::now();
    let state = match &member.asleep {
        Some(how) => format!("asleep ({how})"),
        None => member.state.clone(),
    };
    let mut parts = vec![format!("{:<18} {:<36}", state, member.name)];
    parts.push(format!("made {} ago", Millis::between(member.created, now)));
    if let Some(since) = member.since {
        let what = if member.holder.is_some() { "for" } else { "unused" };
        parts.push(format!("{what} {}", Millis::between(since, now)));
    }
    if let Some(holder) = &member.holder {
        parts.push(format!("by {holder}"));
    }
    if let Some(memory) = member.memory.filter(|memory| *memory > 0) {
        parts.push(size(memory));
    }
    if let Some(cpu) = member.cpu.filter(|cpu| cpu.0 > 0) {
        parts.push(format!("cpu {cpu}"));
    }
    if !member.ports.is_empty() {
        parts.push(format!("ports {}", member.ports.join(" ")));
    }
    if member.outdated {
        parts.push("outdated".to_owned());
    }
    parts.join("  ")
}

/// Prints what was printed when a member was prepared.
pub async fn logs(args: LogsArgs, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    let root = crate::cli::run::project_root(args.dir.as_deref())?;
    with_client(&place, 1, async |client| {
        let row = row(client, &root, &args.name).await?;
        let unknown = || {
            Problem::usage(format!("nothing is known of environment `{}` here", args.name))
                .hint("`gonogo env status --all` lists what there is")
        };
        let row = row.ok_or_else(unknown)?;
        let output = match &args.member {
            None => row.output.or_else(|| row.members.last().and_then(|member| member.output.clone())),
            Some(wanted) => {
                let is = |member: &&MemberRow| {
                    member.name == *wanted || member.name.rsplit('-').next() == Some(wanted) || member.id == *wanted
                };
                row.members.iter().find(is).and_then(|member| member.output.clone())
            }
        };
        let output = output.ok_or_else(|| Problem::usage("there is no such member").hint("`gonogo env status`"))?;
        if args.json {
            return print_json(client, &output, args.tail.unwrap_or(u64::MAX)).await;
        }
        print_lines(client, &output, args.tail.unwrap_or(u64::MAX)).await
    })
    .await
}

/// Prints the last lines of an output.
pub(super) async fn print_lines(client: &mut Client, output: &OutputId, tail: u64) -> Result<ExitCode, Problem> {
    each_line(client, output, tail, |_, line| say(&line.text)).await
}

async fn print_json(client: &mut Client, output: &OutputId, tail: u64) -> Result<ExitCode, Problem> {
    each_line(client, output, tail, |number, line| {
        let json = serde_json::json!({ "line": number + 1, "at": line.at, "text": line.text, "clipped": line.clipped });
        say(&json.to_string())
    })
    .await
}

async fn each_line(
    client: &mut Client,
    output: &OutputId,
    tail: u64,
    print: impl Fn(u64, &crate::protocol::query::OutputLine) -> bool,
) -> Result<ExitCode, Problem> {
    let mut next = None;
    loop {
        let first = next.unwrap_or(0);
        let count = if next.is_some() { PAGE } else { 0 };
        let query = Query::Lines { output: output.clone(), first, count };
        let Answer::Lines(page) = client.query(query).await? else {
            return Err(Problem::fault("the answer was not about lines"));
        };
        let Some(first) = next else {
            next = Some(page.total_lines.saturating_sub(tail));
            continue;
        };
        if page.lines.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        for (number, line) in (first..).zip(&page.lines) {
            if !print(number, line) {
                return Ok(ExitCode::SUCCESS);
            }
        }
        next = Some(first + page.lines.len() as u64);
    }
}
