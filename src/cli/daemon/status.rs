//! Whether the daemon runs, who is attached, and what it has to say.

use std::{
    io::{Read as _, Seek as _, SeekFrom},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use serde_json::json;

use crate::{
    domain::time::{Millis, Timestamp},
    protocol::frame::Peer,
    store::hold::{Held, look},
};

use super::{
    super::{
        connect::{self, reading, socket},
        place::Place,
        plain::say,
        report::Problem,
        status::pretty,
    },
    stop::{self, under_way},
};

/// Arguments of `gonogo daemon status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Arguments of `gonogo daemon logs`.
#[derive(Debug, clap::Args)]
pub struct LogsArgs {
    /// The last so many lines
    #[arg(long, short = 'n', default_value_t = 50, value_name = "LINES")]
    lines: usize,
    /// Go on printing what comes
    #[arg(long, short)]
    follow: bool,
}

/// Says how it is; exit status 1 where none runs.
pub async fn run(place: &Place, args: &Args) -> Result<ExitCode, Problem> {
    let Some(host) = connect::host(place).await else {
        let held = look(&place.paths.state_dir);
        if let Held::ByDaemon(pid) = held {
            if args.json {
                say(&pretty(&json!({ "running": true, "answers": false, "pid": pid })));
            }
            return Err(stop::mute(pid));
        }
        if args.json {
            say(&pretty(&json!({ "running": false })));
        } else {
            say(&match held {
                Held::ByProcess(pid) => format!("no daemon runs; process {pid} holds the log for itself"),
                _ => "no daemon runs; the next command that needs one starts it".to_owned(),
            });
        }
        return Ok(ExitCode::from(1));
    };
    let (mut peers, mut runs) = (Vec::new(), Vec::new());
    if let Some(reading) = reading(place, false).await? {
        let (mut client, _kept) = reading.client().await?;
        // Who is attached is said after what has been recorded.
        while client.peers.is_empty() && tokio::time::timeout(Duration::from_secs(1), client.hear()).await.is_ok() {}
        runs = under_way(&client.state);
        peers = client.peers.into_iter().filter(|peer| !peer.you).collect();
    }
    if args.json {
        let peers: Vec<_> = peers
            .iter()
            .map(|peer: &Peer| json!({ "who": peer.actor.to_string(), "kind": peer.kind, "from": peer.from, "since": peer.since }))
            .collect();
        say(&pretty(&json!({
            "running": true, "pid": host.pid, "version": host.version, "owner": host.owner,
            "socket": socket(place), "attached": peers, "under_way": runs,
        })));
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("gonogo {} is at work (process {})  {}", host.version, host.pid, socket(place).display()));
    say(if peers.is_empty() { "nobody is attached" } else { "attached:" });
    for peer in &peers {
        let kind =
            serde_json::to_value(peer.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
        let since = Millis::between(peer.since, Timestamp::now());
        say(&format!("  {:<12} {kind:<8} {:<24} for {since}", peer.actor.to_string(), peer.from));
    }
    say(if runs.is_empty() { "nothing is under way" } else { "under way:" });
    runs.iter().for_each(|line| {
        say(&format!("  {line}"));
    });
    Ok(ExitCode::SUCCESS)
}

/// Prints the newest of its own log.
pub async fn logs(place: &Place, args: &LogsArgs) -> Result<ExitCode, Problem> {
    let Some(mut path) = newest(place)? else {
        return Err(Problem::usage("it has not said anything yet").hint("`gonogo daemon start` starts it"));
    };
    let text = std::fs::read(&path)?;
    let mut at = text.len() as u64;
    let lines: Vec<_> = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
    let first = lines.len().saturating_sub(args.lines);
    let mut read = lines[first..].iter().all(|line| say(line));
    while read && args.follow {
        tokio::time::sleep(Duration::from_millis(200)).await;
        if let Some(now) = newest(place)?.filter(|now| *now != path) {
            (path, at) = (now, 0);
        }
        let mut file = std::fs::File::open(&path)?;
        file.seek(SeekFrom::Start(at))?;
        let mut more = Vec::new();
        at += file.read_to_end(&mut more)? as u64;
        read = more.is_empty() || say(String::from_utf8_lossy(&more).trim_end_matches('\n'));
    }
    Ok(ExitCode::SUCCESS)
}

/// The file that is written to now: one a day.
fn newest(place: &Place) -> Result<Option<PathBuf>, Problem> {
    let dir = place.paths.state_dir.join("log");
    if !dir.exists() {
        return Ok(None);
    }
    let names = std::fs::read_dir(dir)?.flatten().map(|entry| entry.path());
    Ok(names.filter(|path| path.extension().is_some_and(|kind| kind == "log")).max())
}
