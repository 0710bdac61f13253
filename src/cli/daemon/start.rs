//! Starting the daemon, and waiting until it answers.

use std::{
    fs::OpenOptions,
    io,
    os::{fd::RawFd, unix::fs::OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use crate::{
    ipc::{address, client::CallError},
    store::hold::{Held, look},
};

use super::{
    super::{connect, place::Place, plain::say, report::Problem},
    serve::READY,
};

/// How long it may take until it answers: a long log is read first.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often it is looked for when it was started by somebody else at the same time, and the wait between two.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// What a daemon is started with.
const ARGUMENTS: [&str; 3] = ["daemon", "serve", "--detached"];

/// Closes what this process has inherited beside its standard streams, if it is a daemon that [`start`] has started: whoever
/// waits for the end of a pipe that its caller had open would wait for the daemon. Called before anything is opened here.
pub fn let_go() {
    if !std::env::args_os().skip(1).eq(ARGUMENTS) {
        return;
    }
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else { return };
    let open: Vec<RawFd> = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
        // The one with which they were listed is closed already.
        let _ = nix::unistd::close(descriptor);
    }
}

/// Starts it where none runs.
pub async fn run(place: &Place) -> Result<ExitCode, Problem> {
    if let Some(host) = connect::host(place).await {
        say(&format!("gonogo {} is at work already (process {})", host.version, host.pid));
        return Ok(ExitCode::SUCCESS);
    }
    start(&place.paths.runtime_dir).await?;
    let mut tries = 0;
    let host = loop {
        match connect::host(place).await {
            Some(host) => break host,
            None if tries < TRIES => tokio::time::sleep(PAUSE).await,
            None => match look(&place.paths.state_dir) {
                Held::ByDaemon(pid) => return Err(super::stop::mute(pid)),
                _ => {
                    return Err(
                        Problem::fault("it was started, and ended again").hint("`gonogo daemon logs` may say why")
                    );
                }
            },
        }
        tries += 1;
    };
    say(&format!("gonogo {} is at work (process {})", host.version, host.pid));
    Ok(ExitCode::SUCCESS)
}

/// Starts a daemon in a session of its own; it answers when this returns, unless another was faster.
pub async fn start(runtime_dir: &Path) -> Result<(), CallError> {
    let unreachable =
        |what: String| CallError::Unreachable { what, hint: Some("--in-process works without a daemon".into()) };
    let program = this_program().map_err(|error| unreachable(format!("can't find gonogo's own program: {error}")))?;
    let mut command = Command::new(program);
    command.args(ARGUMENTS).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(last_words(runtime_dir));
    let mut child =
        command.spawn().map_err(|error| unreachable(format!("gonogo's daemon can't be started: {error}")))?;
    let Some(output) = child.stdout.take() else { return Err(unreachable("gonogo's daemon has no output".into())) };
    let mut lines = BufReader::new(output).lines();
    let mut said = Vec::new();
    let answer = async {
        while let Ok(Some(line)) = lines.next_line().await {
            if line == READY {
                return true;
            }
            said.push(line);
        }
        false
    };
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(true) => Ok(()),
        Ok(false) => {
            let _ = child.wait().await;
            // Another that was started at the same time holds the log: that one is as good.
            if said.iter().any(|line| line.contains("another gonogo holds the log")) {
                return Ok(());
            }
            let said = said.join("\n");
            let (what, hint) =
                said.split_once("\nhint: ").map_or((said.as_str(), None), |(what, hint)| (what, Some(hint)));
            let what = what.trim_start_matches("error: ").replace("\ncaused by: ", ": ");
            let what = if what.is_empty() { "gonogo's daemon ended before it answered".to_owned() } else { what };
            Err(CallError::Unreachable { what, hint: hint.map(str::to_owned) })
        }
        Err(_) => Err(unreachable(format!("gonogo's daemon did not answer within {} seconds", PATIENCE.as_secs()))),
    }
}

/// The program that runs, also when its file was replaced by a newer one.
fn this_program() -> std::io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    let replaced = path.to_str().and_then(|text| text.strip_suffix(" (deleted)")).map(PathBuf::from);
    Ok(replaced.unwrap_or(path))
}

/// What it says when even its log fails goes into a file beside the socket.
fn last_words(runtime_dir: &Path) -> Stdio {
    let open = || {
        address::prepare(runtime_dir).map_err(io::Error::other)?;
        let path = address::socket(runtime_dir).with_extension("err");
        OpenOptions::new().create(true).append(true).mode(0o600).open(path)
    };
    open().map_or_else(|_| Stdio::null(), Stdio::from)
}
