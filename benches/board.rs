//! The board under a pseudo-terminal, as a whole process: from start to a usable screen, and what it costs to leave it
//! alone. Limits: 25 ms; no byte and 0.05 % of a core. `cargo bench --bench board [-- SECONDS]`

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tui_term::vt100;

const ROUNDS: usize = 15;
const READY_LIMIT: f64 = 25.0;
const CPU_LIMIT: f64 = 0.05;

#[tokio::main]
async fn main() {
    let seconds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(30);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let project = dir.path();
    fs::write(project.join("gonogo.toml"), "[pipelines.ci.jobs.hello]\nsteps = [\"echo hello\"]\n")
        .expect("a definition");
    let ran = gonogo(project).arg("run").output().expect("gonogo");
    assert!(ran.status.success(), "{ran:?}");

    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let mut board = Board::open(project);
        times.push(board.until("hello").await.as_secs_f64() * 1000.0);
        board.leave().await;
    }
    times.sort_by(f64::total_cmp);
    let median = times[ROUNDS / 2];
    println!(
        "usable screen: median {median:.1} ms (worst {:.1}); limit {READY_LIMIT} ms: {:.2}x",
        times[ROUNDS - 1],
        median / READY_LIMIT
    );

    let mut board = Board::open(project);
    board.until("hello").await;
    board.read_for(Duration::from_secs(2)).await;
    let before = board.cpu();
    let bytes = board.read_for(Duration::from_secs(seconds)).await;
    let spent: u64 = board.cpu().iter().map(|(thread, now)| now - before.get(thread).copied().unwrap_or(0)).sum();
    let cpu = spent as f64 / 1e9 / (seconds as f64) * 100.0;
    println!("idle for {seconds} s: {bytes} bytes, {cpu:.4} % of a core; limits 0 bytes, {CPU_LIMIT} %");
    board.leave().await;
}

fn gonogo(project: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gonogo"));
    command.current_dir(project).env("GONOGO_HOME", project.join("home"));
    command
}

struct Board {
    terminal: pty_process::Pty,
    child: tokio::process::Child,
    screen: vt100::Parser,
    began: Instant,
}

impl Board {
    fn open(project: &Path) -> Self {
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
    async fn until(&mut self, text: &str) -> Duration {
        let mut buffer = vec![0; 1 << 16];
        while !self.screen.screen().contents().contains(text) {
            let read = tokio::time::timeout(Duration::from_secs(10), self.terminal.read(&mut buffer));
            let count = read.await.expect("a screen within ten seconds").expect("output");
            self.screen.process(&buffer[..count]);
        }
        self.began.elapsed()
    }

    /// Bytes written in this time.
    async fn read_for(&mut self, time: Duration) -> usize {
        let (end, mut buffer, mut bytes) = (tokio::time::Instant::now() + time, vec![0; 1 << 16], 0);
        while let Ok(Ok(count)) = tokio::time::timeout_at(end, self.terminal.read(&mut buffer)).await {
            bytes += count;
        }
        bytes
    }

    /// Nanoseconds of processor time of each of its threads, as the scheduler counts them.
    fn cpu(&self) -> BTreeMap<String, u64> {
        let id = self.child.id().expect("a running board");
        let threads = fs::read_dir(format!("/proc/{id}/task")).expect("its threads").flatten();
        let spent = threads.filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            Some((thread.file_name().into_string().ok()?, text.split(' ').next()?.parse().ok()?))
        });
        spent.collect()
    }

    async fn leave(mut self) {
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
