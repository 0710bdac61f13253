//! Containers, beside the bare API and `docker`. `cargo bench --bench jobs_in_containers [-- PART... JOBS ROUNDS LINES]` with the parts
//! `jobs` (a job, a further step, the output of a flood: whole processes), `log` (a container that is not gonogo's) and `member` (a
//! prepared container); all without one. Needs an engine at Docker's socket and the image `busybox:local`.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

mod log;
mod member;

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use bollard::{
    Docker,
    exec::StartExecResults,
    models::{ContainerCreateBody, ExecConfig, HostConfig},
    query_parameters::{RemoveContainerOptionsBuilder, WaitContainerOptions},
};
use futures::{StreamExt as _, TryStreamExt as _};

const IMAGE: &str = "busybox:local";

fn main() {
    let named = |part: &str| std::env::args().any(|word| word == part);
    let all = !["jobs", "log", "member"].into_iter().any(named);
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse::<usize>().ok());
    let (jobs, rounds) = (numbers.next().unwrap_or(20), numbers.next().unwrap_or(3));
    let lines = numbers.next().unwrap_or(1_000_000);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let docker = Docker::connect_with_defaults().expect("an engine");
    if runtime.block_on(docker.inspect_image(IMAGE)).is_err() {
        println!("NOT RUN: no engine, or no image {IMAGE} (busybox alone)");
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    if all || named("member") {
        member::run(dir.path(), jobs);
    }
    if all || named("log") {
        log::run(dir.path(), lines, rounds);
    }
    if all || named("jobs") {
        in_turn(&docker, &runtime, dir.path(), jobs, rounds);
        flood(dir.path(), lines, rounds);
    }
}

/// Jobs and steps, each beside the bare API.
fn in_turn(docker: &Docker, runtime: &tokio::runtime::Runtime, dir: &Path, jobs: usize, rounds: usize) {
    println!("{jobs} jobs one after the other, {rounds} rounds, median");
    let mut times: [Vec<Duration>; 6] = Default::default();
    for round in 0..rounds {
        let place = |what: &str| dir.join(format!("{what}-{round}"));
        times[0].push(runtime.block_on(bare(docker, jobs, None)));
        times[1].push(gonogo(&place("default"), &chain(jobs, "")));
        times[2].push(runtime.block_on(bare(docker, jobs, Some("none"))));
        times[3].push(gonogo(&place("none"), &chain(jobs, "network = \"none\"\n")));
        times[4].push(runtime.block_on(execs(docker, jobs)));
        let one = gonogo(&place("one"), &steps(1));
        times[5].push(gonogo(&place("many"), &steps(1 + jobs)).saturating_sub(one));
    }
    let [bare, ours, bare_none, ours_none, exec, step] = times.map(median);
    let each = |time: Duration| time.as_secs_f64() * 1000.0 / jobs as f64;
    for (what, floor, ours, limit) in [
        ("a job", bare, ours, "1.05"),
        ("a job without network", bare_none, ours_none, "1.05"),
        ("a further step", exec, step, "1.15"),
    ] {
        let ratio = ours.as_secs_f64() / floor.as_secs_f64();
        println!(
            "{what:<24} bare API {:>7.1} ms, gonogo {:>7.1} ms: {ratio:.2}x (limit {limit}x)",
            each(floor),
            each(ours)
        );
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Create, start, wait, remove: the least that a container takes.
async fn bare(docker: &Docker, jobs: usize, network: Option<&str>) -> Duration {
    let began = Instant::now();
    for _ in 0..jobs {
        let body = ContainerCreateBody {
            image: Some(IMAGE.into()),
            cmd: Some(vec!["busybox".into(), "true".into()]),
            host_config: Some(HostConfig { network_mode: network.map(str::to_owned), ..HostConfig::default() }),
            ..ContainerCreateBody::default()
        };
        let made = docker.create_container(None, body).await.expect("a container");
        let mut wait = docker.wait_container(&made.id, None::<WaitContainerOptions>);
        docker.start_container(&made.id, None).await.expect("it starts");
        let _ = wait.next().await;
        let force = RemoveContainerOptionsBuilder::new().force(true).build();
        docker.remove_container(&made.id, Some(force)).await.expect("it goes");
    }
    began.elapsed()
}

/// Execs in a container that stays up.
async fn execs(docker: &Docker, steps: usize) -> Duration {
    let body = ContainerCreateBody {
        image: Some(IMAGE.into()),
        cmd: Some(vec!["busybox".into(), "sleep".into(), "600".into()]),
        ..ContainerCreateBody::default()
    };
    let made = docker.create_container(None, body).await.expect("a container");
    docker.start_container(&made.id, None).await.expect("it starts");
    let began = Instant::now();
    for _ in 0..steps {
        let config = ExecConfig {
            cmd: Some(vec!["busybox".into(), "true".into()]),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..ExecConfig::default()
        };
        let exec = docker.create_exec(&made.id, config).await.expect("an exec");
        let started = docker.start_exec(&exec.id, None).await.expect("it starts");
        if let StartExecResults::Attached { output, .. } = started {
            let _: Vec<_> = output.try_collect().await.expect("its output");
        }
        docker.inspect_exec(&exec.id).await.expect("its end");
    }
    let took = began.elapsed();
    let force = RemoveContainerOptionsBuilder::new().force(true).build();
    docker.remove_container(&made.id, Some(force)).await.expect("it goes");
    took
}

fn job(text: &mut String, name: &str, more: &str) {
    let _ = writeln!(text, "[pipelines.p.jobs.{name}]\nengine = \"docker\"\nimage = \"{IMAGE}\"\n{more}");
}

fn chain(jobs: usize, more: &str) -> String {
    let mut text = String::new();
    for number in 0..jobs {
        let needs = if number > 0 { format!("needs = [\"s{}\"]\n", number - 1) } else { String::new() };
        job(&mut text, &format!("s{number}"), &format!("{more}{needs}steps = [\"true\"]"));
    }
    text
}

fn steps(steps: usize) -> String {
    let mut text = String::new();
    job(&mut text, "s", &format!("steps = [{}]", vec!["\"busybox true\""; steps].join(", ")));
    text
}

fn gonogo(dir: &Path, definition: &str) -> Duration {
    fs::create_dir_all(dir.join("home")).expect("a directory");
    fs::write(dir.join("gonogo.toml"), definition).expect("a definition");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gonogo"));
    command.arg("run").current_dir(dir).env("GONOGO_HOME", dir.join("home")).env("GONOGO_IN_PROCESS", "1");
    timed(&mut command)
}

fn timed(command: &mut Command) -> Duration {
    let began = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().expect("a program that starts");
    assert!(status.success(), "{command:?}: {status}");
    began.elapsed()
}

/// A container that prints as fast as it can: from its start to the last line on disk, beside `docker logs --follow > file`.
fn flood(dir: &Path, lines: usize, rounds: usize) {
    let print =
        format!("busybox seq {lines} | busybox sed 's/$/ the quick brown fox jumps over the lazy dog and runs/'");
    let mut times: [Vec<Duration>; 2] = Default::default();
    for round in 0..rounds {
        let place = dir.join(format!("flood-{round}"));
        let began = Instant::now();
        let id = Command::new("docker").args(["run", "-d", IMAGE, "sh", "-c", &print]).output().expect("docker").stdout;
        let id = String::from_utf8(id).expect("an id").trim().to_owned();
        let file = fs::File::create(dir.join("logs")).expect("a file");
        let status = Command::new("docker").args(["logs", "--follow", &id]).stdout(file).status().expect("docker");
        assert!(status.success());
        times[0].push(began.elapsed());
        Command::new("docker").args(["rm", "-f", &id]).stdout(Stdio::null()).status().expect("docker");
        let mut text = String::new();
        job(&mut text, "s", &format!("steps = [\"\"\"{print}\"\"\"]"));
        times[1].push(gonogo(&place, &text));
        let shown = Command::new(env!("CARGO_BIN_EXE_gonogo"))
            .args(["logs", "1/s"])
            .current_dir(&place)
            .env("GONOGO_HOME", place.join("home"))
            .output()
            .expect("its output");
        let ours = shown.stdout;
        let theirs = fs::read(dir.join("logs")).expect("the log");
        let lost = theirs.iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(ours.iter().filter(|byte| **byte == b'\n').count(), lines, "lines were lost");
        if lost != lines {
            println!("`docker logs` has lost {} lines", lines - lost.min(lines));
        }
    }
    let [docker, gonogo] = times.map(median);
    let ratio = docker.as_secs_f64() / gonogo.as_secs_f64();
    println!(
        "{lines} lines: `docker run` and `docker logs` {:.2} s, gonogo {:.2} s: {ratio:.2}x its speed (limit 0.8x)",
        docker.as_secs_f64(),
        gonogo.as_secs_f64()
    );
}
