//! Jobs that do nothing, as whole processes: gonogo beside the floor (`sh -c /bin/true` spawned, read and waited for) and
//! `make`, in turn in the same run. `cargo bench --bench steps [-- JOBS ROUNDS]`

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

const AT_ONCE: usize = 8;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse::<usize>().ok());
    let (jobs, rounds) = (numbers.next().unwrap_or(1000), numbers.next().unwrap_or(3));
    let dir = tempfile::tempdir().expect("a temporary directory");
    println!("{jobs} jobs, {rounds} rounds; every record of gonogo's durable (SQLite, synchronous=FULL)");
    for (name, at_once) in [("one after the other", 1), ("8 at once", AT_ONCE)] {
        let mut times: [Vec<Duration>; 3] = Default::default();
        for round in 0..rounds {
            times[0].push(floor(jobs, at_once));
            times[1].push(make(dir.path(), jobs, at_once));
            times[2].push(gonogo(&dir.path().join(format!("{at_once}-{round}")), jobs, at_once));
        }
        let [floor, make, gonogo] = times.map(median);
        println!("{name}:");
        for (who, time) in [("sh -c floor", floor), ("make", make), ("gonogo", gonogo)] {
            let each = time.as_secs_f64() * 1000.0 / jobs as f64;
            println!("  {who:<12} {each:>7.3} ms a job  {:>5.2}x", time.as_secs_f64() / floor.as_secs_f64());
        }
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// What the machine needs for it: each process spawned, its output read to the end, waited for.
fn floor(jobs: usize, at_once: usize) -> Duration {
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < jobs {
                    let ended = Command::new("/bin/sh").args(["-c", "/bin/true"]).stdin(Stdio::null()).output();
                    assert!(ended.expect("a shell").status.success());
                }
            });
        }
    });
    began.elapsed()
}

fn make(dir: &Path, jobs: usize, at_once: usize) -> Duration {
    let names: Vec<String> = (0..jobs).map(|job| format!("s{job}")).collect();
    let mut text = format!(".PHONY: all {0}\nall: {0}\n", names.join(" "));
    for (job, name) in names.iter().enumerate() {
        let need = if at_once == 1 && job > 0 { names[job - 1].as_str() } else { "" };
        let _ = write!(text, "{name}: {need}\n\t@/bin/true\n");
    }
    let file = dir.join("Makefile");
    fs::write(&file, text).expect("a Makefile");
    timed(Command::new("make").arg("-s").arg(format!("-j{at_once}")).arg("-f").arg(&file))
}

fn gonogo(dir: &Path, jobs: usize, at_once: usize) -> Duration {
    let mut text = String::new();
    for job in 0..jobs {
        let _ = writeln!(text, "[pipelines.p.jobs.s{job}]\nsteps = [\"/bin/true\"]");
        if at_once == 1 && job > 0 {
            let _ = writeln!(text, "needs = [\"s{}\"]", job - 1);
        }
    }
    fs::create_dir_all(dir.join("home")).expect("a directory");
    fs::write(dir.join("gonogo.toml"), text).expect("a definition");
    fs::write(dir.join("home/config.toml"), format!("[limits]\njobs = {at_once}\n")).expect("a configuration");
    timed(Command::new(env!("CARGO_BIN_EXE_gonogo")).arg("run").current_dir(dir).env("GONOGO_HOME", dir.join("home")))
}

fn timed(command: &mut Command) -> Duration {
    let began = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().expect("a program that starts");
    assert!(status.success(), "{command:?}: {status}");
    began.elapsed()
}
