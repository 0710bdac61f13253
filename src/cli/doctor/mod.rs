//! `gonogo doctor`: whether this machine, this terminal and these files are fit for work; `--repair` mends the files.

mod engines;
mod mend;
mod models;

use std::{borrow::Cow, io::IsTerminal as _, process::ExitCode};

use serde_json::json;

use crate::{
    config::paths::private_directory,
    store::{
        hold::{Held, Hold, HoldError, look},
        log::{FILE, LogReader},
        retain,
    },
};

use super::{
    place::{Place, Reach},
    plain::say,
    report::{Problem, hint_of},
    status::pretty,
};

/// Arguments of `gonogo doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Mend what can be mended of the log and the files beside it; not while a gonogo is at work
    #[arg(long)]
    pub repair: bool,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Good,
    Mended,
    Note,
    Bad,
}

impl Health {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Mended => "mended",
            Self::Note => "note",
            Self::Bad => "BAD",
        }
    }
}

struct Finding {
    health: Health,
    what: Cow<'static, str>,
    said: String,
    hint: Option<String>,
}

/// Looks, and says what it saw.
pub async fn run(args: Args, reach: Reach) -> Result<ExitCode, Problem> {
    let place = Place::find(reach)?;
    let mended = if args.repair { mend::mend(&place).await? } else { Vec::new() };
    let mut findings = vec![configuration(&place), state_directory(&place), log(&place), space(&place)];
    findings.extend(mend::look(&place));
    findings.extend(mended);
    for (program, args) in [("git", "--version"), ("sh", "-c true")] {
        findings.push(tool(program, args).await);
    }
    findings.extend(engines::look(&place).await);
    findings.extend(models::look(&place));
    findings.push(project());
    findings.push(terminal());
    if args.json {
        let rows: Vec<_> = findings
            .iter()
            .map(|f| json!({ "what": f.what, "health": f.health.word(), "said": f.said, "hint": f.hint }))
            .collect();
        say(&pretty(&rows.into()));
    } else {
        for finding in &findings {
            say(&format!("{:<6} {:<14} {}", finding.health.word(), finding.what, finding.said));
            if let Some(hint) = &finding.hint {
                say(&format!("{:<21} hint: {hint}", ""));
            }
        }
    }
    let bad = findings.iter().any(|finding| finding.health == Health::Bad);
    Ok(if bad { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn good(what: impl Into<Cow<'static, str>>, said: impl Into<String>) -> Finding {
    Finding { health: Health::Good, what: what.into(), said: said.into(), hint: None }
}

fn bad(what: impl Into<Cow<'static, str>>, said: impl Into<String>, hint: &str) -> Finding {
    Finding { health: Health::Bad, what: what.into(), said: said.into(), hint: Some(hint.to_owned()) }
}

fn note(what: impl Into<Cow<'static, str>>, said: impl Into<String>, hint: &str) -> Finding {
    Finding { health: Health::Note, what: what.into(), said: said.into(), hint: Some(hint.to_owned()) }
}

fn configuration(place: &Place) -> Finding {
    let file = place.paths.config_file.display();
    match place.problems.len() {
        0 if place.paths.config_file.exists() => good("configuration", format!("{file}")),
        0 => good("configuration", format!("none at {file}: the defaults hold")),
        count => bad("configuration", format!("{count} mistakes in {file}"), "`gonogo config check` shows them"),
    }
}

fn state_directory(place: &Place) -> Finding {
    let dir = &place.paths.state_dir;
    let made = private_directory(dir).and_then(|()| tempfile::NamedTempFile::new_in(dir).map(|_| ()));
    match made {
        Ok(()) => good("state", format!("{} ({} of output)", dir.display(), size(retain::size(&dir.join("output"))))),
        Err(error) => bad(
            "state",
            format!("can't write to {}: {error}", dir.display()),
            "make it yours, or set GONOGO_HOME to another",
        ),
    }
}

fn log(place: &Place) -> Finding {
    let dir = &place.paths.state_dir;
    let file = dir.join(FILE);
    if !file.exists() {
        return good("log", "nothing recorded yet");
    }
    let held = match Hold::take(dir) {
        Ok(_) => "nobody holds it".to_owned(),
        Err(HoldError::Taken { pid: Some(pid), .. }) => match look(dir) {
            Held::ByDaemon(_) => format!("held by the daemon (process {pid})"),
            _ => format!("held by process {pid}"),
        },
        Err(error) => error.to_string(),
    };
    let checked = LogReader::open(&file).and_then(|reader| {
        let blank = reader.is_blank()?;
        if blank { Ok(None) } else { reader.check().map(Some) }
    });
    match checked {
        Ok(None) => good("log", "nothing recorded yet"),
        Ok(Some(records)) => good("log", format!("{records} records, {held}")),
        Err(error) => {
            let (said, hint) = hint_of(&error);
            bad(
                "log",
                format!("it can't be read: {said}"),
                hint.unwrap_or("`gonogo restore` puts a backup in its place"),
            )
        }
    }
}

fn space(place: &Place) -> Finding {
    match nix::sys::statvfs::statvfs(&place.paths.state_dir) {
        Ok(about) => {
            let free = about.blocks_available() * about.fragment_size();
            let said = format!("{} free for state and output", size(free));
            if free < 1 << 30 {
                note("disk", said, "output that can't be recorded fails its job")
            } else {
                good("disk", said)
            }
        }
        Err(error) => note("disk", format!("can't tell how much is free: {error}"), "is the state directory there?"),
    }
}

async fn tool(program: &'static str, args: &str) -> Finding {
    let ran = tokio::process::Command::new(program).args(args.split(' ')).output().await;
    match ran {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or("it works").to_owned();
            good(program, if said.is_empty() { "it works".into() } else { said })
        }
        _ => bad(program, "not found, or it does not work", &format!("install {program}")),
    }
}

fn project() -> Finding {
    let here = std::env::current_dir().ok().and_then(|dir| crate::config::definition::find(&dir));
    match here {
        Some(file) => good("project", file.display().to_string()),
        None => note("project", "no gonogo.toml here or above", "`gonogo init` writes one"),
    }
}

fn terminal() -> Finding {
    if !std::io::stdout().is_terminal() {
        return good("terminal", "none: plain lines");
    }
    let (columns, rows) = crossterm::terminal::size().unwrap_or((0, 0));
    let term = std::env::var("TERM").unwrap_or_default();
    let said = format!("{columns}x{rows}, TERM={term}");
    if columns < 60 || rows < 15 {
        note("terminal", said, "the board shows one pane at a time below 60x15")
    } else {
        good("terminal", said)
    }
}

/// A number of bytes, for people.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KB", bytes / 1024),
        1_048_576..1_073_741_824 => format!("{} MB", bytes >> 20),
        _ => format!("{} GB", bytes >> 30),
    }
}
