//! The board under a pseudo-terminal, as a whole process: from start to a usable screen, and what it costs to leave it
//! alone. Limits: 25 ms; no byte and 0.2 % of a core. `cargo bench --bench board [-- SECONDS]`

#![allow(clippy::expect_used, reason = "a bench that cannot go on has failed")]

mod screen;

use std::{fs, path::Path, time::Duration};

use screen::{Board, cpu, daemon, median, percent, run};

const ROUNDS: usize = 15;
const READY_LIMIT: f64 = 25.0;
const CPU_LIMIT: f64 = 0.2;

#[tokio::main]
async fn main() {
    let seconds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(30);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let project = dir.path();
    fs::write(project.join("gonogo.toml"), "[pipelines.ci.jobs.hello]\nsteps = [\"echo hello\"]\n")
        .expect("a definition");
    run(project, &["run"]);
    opened(project, "to a daemon that runs").await;

    let mut board = Board::open(project);
    board.until("hello").await;
    board.read_for(Duration::from_secs(2)).await;
    let (served, time) = (daemon(project), Duration::from_secs(seconds));
    // A command has looked at the daemon: that has to be over.
    board.read_for(Duration::from_secs(1)).await;
    let before = (cpu(board.process()), cpu(served));
    let bytes = board.read_for(time).await;
    let (board_cpu, daemon_cpu) =
        (percent(&before.0, &cpu(board.process()), time), percent(&before.1, &cpu(served), time));
    println!(
        "idle for {seconds} s: {bytes} bytes; board {board_cpu:.4} %, daemon {daemon_cpu:.4} % of a core; limits 0 bytes, {CPU_LIMIT} %"
    );
    board.leave().await;

    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        run(project, &["daemon", "stop", "--now"]);
        let mut board = Board::open(project);
        times.push(board.until("hello").await.as_secs_f64() * 1000.0);
        board.leave().await;
    }
    say("with a daemon that it starts", times);
    run(project, &["daemon", "stop", "--now"]);
}

async fn opened(project: &Path, how: &str) {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let mut board = Board::open(project);
        times.push(board.until("hello").await.as_secs_f64() * 1000.0);
        board.leave().await;
    }
    say(how, times);
}

fn say(how: &str, times: Vec<f64>) {
    let (median, worst) = median(times);
    println!(
        "usable screen, {how}: median {median:.1} ms (worst {worst:.1}); limit {READY_LIMIT} ms: {:.2}x",
        median / READY_LIMIT
    );
}
