//! The log of a container that is not gonogo's, from the engine to a file: `gonogo logs` beside `docker logs`.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::{IMAGE, median};

/// What both are timed on: a container that has printed so many lines, and ended.
pub fn run(dir: &Path, lines: usize, rounds: usize) {
    let print =
        format!("busybox seq {lines} | busybox sed 's/$/ the quick brown fox jumps over the lazy dog and runs/'");
    let name = format!("gonogo-bench-{}", std::process::id());
    let made = docker(&["run", "--name", &name, IMAGE, "sh", "-c", &print]).stdout(Stdio::null()).status();
    assert!(made.expect("docker").success());
    let mut ours = Command::new(env!("CARGO_BIN_EXE_gonogo"));
    ours.args(["logs", &name]).env("GONOGO_HOME", dir.join("home"));
    let (mut times, mut ratios) = (<[Vec<Duration>; 2]>::default(), Vec::new());
    for _ in 0..rounds {
        let theirs = timed(&mut docker(&["logs", &name]), &dir.join("theirs"));
        let took = timed(&mut ours, &dir.join("ours"));
        let (expected, got) =
            (fs::read(dir.join("theirs")).expect("a log"), fs::read(dir.join("ours")).expect("a log"));
        assert_eq!(expected.iter().filter(|byte| **byte == b'\n').count(), lines, "`docker logs` has lost lines");
        assert!(expected == got, "it is not what `docker logs` gives");
        times[0].push(theirs);
        times[1].push(took);
        ratios.push(theirs.as_secs_f64() / took.as_secs_f64());
    }
    docker(&["rm", "-f", &name]).stdout(Stdio::null()).status().expect("docker");
    ratios.sort_by(f64::total_cmp);
    let [theirs, took] = times.map(median);
    println!(
        "log of {lines} lines: `docker logs` {:.2} s, `gonogo logs` {:.2} s: {:.2}x its speed (limit 0.8x), {:.2}x to {:.2}x over {rounds} rounds",
        theirs.as_secs_f64(),
        took.as_secs_f64(),
        ratios[ratios.len() / 2],
        ratios[0],
        ratios[ratios.len() - 1],
    );
}

fn docker(args: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(args);
    command
}

fn timed(command: &mut Command, into: &Path) -> Duration {
    let file = fs::File::create(into).expect("a file");
    let began = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(file).status().expect("a program that starts");
    assert!(status.success(), "{command:?}: {status}");
    began.elapsed()
}
