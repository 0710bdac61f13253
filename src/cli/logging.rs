//! gonogo's own log: a file a day in the state directory, for faults that no person was there to see.

use std::path::Path;

use tracing_appender::{
    non_blocking::WorkerGuard,
    rolling::{RollingFileAppender, Rotation},
};
use tracing_subscriber::EnvFilter;

use crate::config::paths::private_directory;

/// Days that are kept.
const DAYS: usize = 7;

/// The variable that says how much is logged, as `tracing_subscriber::EnvFilter` reads it; `info` without it.
const VARIABLE: &str = "GONOGO_LOG";

/// Starts logging to `<state>/log/`. What is logged is written until the guard is dropped. Where no file can be made there
/// is no log, and everything else works.
pub fn start(state_dir: &Path) -> Option<WorkerGuard> {
    let dir = state_dir.join("log");
    // The appender would otherwise complain on standard error, over the board.
    private_directory(state_dir).and_then(|()| private_directory(&dir)).ok()?;
    let file = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("gonogo")
        .filename_suffix("log")
        .max_log_files(DAYS)
        .build(dir)
        .ok()?;
    let (writer, guard) = tracing_appender::non_blocking(file);
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new("info"));
    // It fails only if there is a log already, and then that one is as good.
    let _ = tracing_subscriber::fmt().with_writer(writer).with_ansi(false).with_env_filter(filter).try_init();
    Some(guard)
}
