//! A log of a million records and ten thousand runs beside one of ten runs: from start to a usable board, and memory.
//! Limits: 40 ms warm, 150 ms cold, 100 MB. `cargo bench --bench history [-- RUNS]`

#![allow(clippy::expect_used, reason = "a bench that cannot go on has failed")]

mod log;
#[path = "../screen/mod.rs"]
mod screen;

use std::{fs, path::Path};

use screen::{Board, daemon, median, peak_memory, run};

const ROUNDS: usize = 11;
const WARM: f64 = 40.0;
const COLD: f64 = 150.0;
const MEMORY: f64 = 100.0;

#[tokio::main]
async fn main() {
    let runs = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(10_000);
    for runs in [10, runs] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let records = log::write(&dir.path().join("home/state"), dir.path(), runs);
        let size = fs::metadata(dir.path().join("home/state/records.db")).expect("a log").len();
        println!("{runs} runs, {records} records, {} MB", size >> 20);
        measure(dir.path(), runs).await;
    }
}

async fn measure(project: &Path, runs: u64) {
    let newest = format!("run {runs}");
    let mut cold = Vec::new();
    for _ in 0..5 {
        run(project, &["daemon", "stop", "--now"]);
        let dropped = fs::write("/proc/sys/vm/drop_caches", "1").is_ok();
        if cold.is_empty() && !dropped {
            println!("  (the page cache can't be dropped here: cold is only without a daemon)");
        }
        // The program itself is not what is measured.
        run(project, &["--version"]);
        cold.push(opened(project, &newest).await);
    }
    let mut warm = Vec::new();
    for _ in 0..ROUNDS {
        warm.push(opened(project, &newest).await);
    }
    for (how, limit, times) in [("warm", WARM, warm), ("cold", COLD, cold)] {
        let (median, worst) = median(times);
        println!("  {how}: median {median:.1} ms (worst {worst:.1}); limit {limit} ms: {:.2}x", median / limit);
    }
    let mut board = Board::open(project);
    board.until(&newest).await;
    let (own, served) = (peak_memory(board.process()), peak_memory(daemon(project)));
    println!("  memory: board {own:.0} MB, daemon {served:.0} MB; limit {MEMORY} MB");
    board.leave().await;
    run(project, &["daemon", "stop", "--now"]);
}

/// Milliseconds until the newest run stands on the screen.
async fn opened(project: &Path, newest: &str) -> f64 {
    let mut board = Board::open(project);
    let time = board.until(newest).await;
    board.leave().await;
    time.as_secs_f64() * 1000.0
}
