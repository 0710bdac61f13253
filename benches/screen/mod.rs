//! The board under a pseudo-terminal, as a whole process with its daemon: for the benches that look at it from outside.

#![allow(clippy::expect_used, dead_code, reason = "a bench that cannot go on has failed; each uses a part of this")]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tui_term::vt100;

/// The program, with its files in the project.
pub fn gonogo(project: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gonogo"));
    command.current_dir(project).env("GONOGO_HOME", project.join("home"));
    command
}

/// Runs a command to its end, which has to be good; gives what it printed.
pub fn run(project: &Path, args: &[&str]) -> String {
    let ran = gonogo(project).args(args).output().expect("gonogo");
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

/// The process of the daemon.
pub fn daemon(project: &Path) -> u32 {
    let status: serde_json::Value =
        serde_json::from_str(&run(project, &["daemon", "status", "--json"])).expect("a status");
    u32::try_from(status["pid"].as_u64().expect("a process")).expect("its number")
}

/// The most memory that a process had, in MB.
pub fn peak_memory(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a running process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its memory");
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().expect("a number") / 1024.0
}

/// Nanoseconds of processor time of each thread of a process, as the scheduler counts them.
pub fn cpu(process: u32) -> BTreeMap<String, u64> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).expect("its threads").flatten();
    let spent = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        Some((thread.file_name().into_string().ok()?, text.split(' ').next()?.parse().ok()?))
    });
    spent.collect()
}

/// Percent of a core that went from one look to the other.
pub fn percent(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>, time: Duration) -> f64 {
    let spent: u64 = after.iter().map(|(thread, now)| now - before.get(thread).copied().unwrap_or(0)).sum();
    spent as f64 / 1e9 / time.as_secs_f64() * 100.0
}

/// The middle one and the last one.
pub fn median(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() - 1])
}

/// A board.
pub struct Board {
    terminal: pty_process::Pty,
    child: tokio::process::Child,
    screen: vt100::Parser,
    began: Instant,
}

impl Board {
    /// Opens it, in a daemon or in a process of its own.
    pub fn open(project: &Path) -> Self {
        let (terminal, inner) = pty_process::open().expect("a pseudo-terminal");
        terminal.resize(pty_process::Size::new(36, 120)).expect("a size");
        let began = Instant::now();
        let child = pty_process::Command::new(env!("CARGO_BIN_EXE_gonogo"))
            .current_dir(project)
            .env("GONOGO_HOME", project.join("home"))
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .spawn(inner)
            .expect("gonogo");
        Self { terminal, child, screen: vt100::Parser::new(36, 120, 0), began }
    }

    /// Time from the start until this text stands on the screen.
    pub async fn until(&mut self, text: &str) -> Duration {
        let mut buffer = vec![0; 1 << 16];
        while !self.screen.screen().contents().contains(text) {
            let read = tokio::time::timeout(Duration::from_secs(10), self.terminal.read(&mut buffer));
            let count = read.await.expect("a screen within ten seconds").expect("output");
            self.screen.process(&buffer[..count]);
        }
        self.began.elapsed()
    }

    /// Bytes written in this time.
    pub async fn read_for(&mut self, time: Duration) -> usize {
        let (end, mut buffer, mut bytes) = (tokio::time::Instant::now() + time, vec![0; 1 << 16], 0);
        while let Ok(Ok(count)) = tokio::time::timeout_at(end, self.terminal.read(&mut buffer)).await {
            bytes += count;
        }
        bytes
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id().expect("a running board")
    }

    /// Leaves it.
    pub async fn leave(mut self) {
        self.terminal.write_all(b"q").await.expect("a key");
        let mut buffer = vec![0; 1 << 16];
        while let Ok(Ok(count)) = tokio::time::timeout(Duration::from_secs(5), self.terminal.read(&mut buffer)).await {
            if count == 0 {
                break;
            }
        }
        let _ = tokio::time::timeout(Duration::from_secs(5), self.child.wait()).await;
    }
}
