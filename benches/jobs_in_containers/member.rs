//! A prepared container, from asking for one to the first byte that a command prints in it; beside an exec of the bare API.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use bollard::{
    Docker,
    exec::StartExecResults,
    models::{ContainerCreateBody, ExecConfig},
    query_parameters::RemoveContainerOptionsBuilder,
};
use futures::StreamExt as _;
use gonogo::{
    config::definition,
    domain::definition::FixPolicy,
    engine::docker::{
        host::Hosts,
        pool::{Ground, Key, Lease, Pools, Wanted},
    },
    protocol::{environment::LEASE, session::surroundings},
};
use tokio_util::task::TaskTracker;

use super::{IMAGE, median};

/// A member that is ready is had within this, in milliseconds.
const LIMIT: f64 = 60.0;

/// The pool is rested between two asks, so that each finds a member that is ready.
pub fn run(dir: &Path, asks: usize) {
    let file = dir.join("gonogo.toml");
    fs::write(&file, format!("[environments.dev]\nimage = \"{IMAGE}\"\npool = 2\nmost = 3\n")).expect("a definition");
    let loaded = definition::load(&file, &FixPolicy::default()).expect("a definition");
    let spec = loaded.definition.environment("dev").expect("an environment").clone();
    let wanted = Wanted {
        project: dir.to_owned(),
        spec: spec.clone(),
        holder: "a bench".into(),
        job: false,
        only_up: false,
        broken: None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let home = blake3::hash(dir.as_os_str().as_encoded_bytes()).to_hex().as_str()[..16].to_owned();
    let ground = Ground { hosts: Hosts::new(&[], &surroundings()), home, output_dir: dir.join("output"), keeps: true };
    let wishes = BTreeMap::from([(Key::new(dir, "dev"), spec)]);
    let tasks = TaskTracker::new();
    let pools = Pools::start(ground, wishes, runtime.handle(), &tasks);
    runtime.block_on(async {
        let docker = Docker::connect_with_defaults().expect("an engine");
        let bare = up(&docker).await;
        let mut times: [Vec<Duration>; 3] = Default::default();
        for _ in 0..asks {
            rested(&pools).await;
            times[0].push(first_byte(&docker, &bare, Vec::new()).await);
            rested(&pools).await;
            let began = Instant::now();
            let lease: Lease = pools.assign(wanted.clone()).await.expect("a member");
            times[1].push(began.elapsed());
            first_byte(&docker, &lease.assigned.id, vec![format!("{LEASE}={}", lease.assigned.lease)]).await;
            times[2].push(began.elapsed());
        }
        let force = RemoveContainerOptionsBuilder::new().force(true).build();
        docker.remove_container(&bare, Some(force)).await.expect("it goes");
        pools.wish(|_| false, BTreeMap::new);
        while pools.rows().await.iter().any(|row| !row.members.is_empty()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        pools.end().await;
        let worst = times[1].iter().max().copied().unwrap_or_default();
        let [bare, assigned, byte] = times.map(median).map(milliseconds);
        println!("{asks} times a member that is ready, medians:");
        println!(
            "from asking to having it  {assigned:.2} ms, worst {:.2} ms: {:.4}x of the limit ({LIMIT} ms)",
            milliseconds(worst),
            assigned / LIMIT
        );
        println!("from asking to first byte {byte:.1} ms, bare API (exec) {bare:.1} ms: {:.2}x", byte / bare);
    });
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Waits until all members are ready.
async fn rested(pools: &Pools) {
    let end = Instant::now() + Duration::from_mins(2);
    loop {
        let rows = pools.rows().await;
        let ready = rows.iter().flat_map(|row| &row.members).filter(|member| member.state == "ready").count();
        if ready >= 2 {
            return;
        }
        assert!(Instant::now() < end, "the pool is never ready: {rows:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn up(docker: &Docker) -> String {
    let body = ContainerCreateBody {
        image: Some(IMAGE.into()),
        cmd: Some(vec!["busybox".into(), "sleep".into(), "600".into()]),
        ..ContainerCreateBody::default()
    };
    let made = docker.create_container(None, body).await.expect("a container");
    docker.start_container(&made.id, None).await.expect("it starts");
    made.id
}

/// Runs a command there, until the first of what it prints has come; then until its end.
async fn first_byte(docker: &Docker, id: &str, env: Vec<String>) -> Duration {
    let began = Instant::now();
    let config = ExecConfig {
        cmd: Some(vec!["busybox".into(), "echo".into(), "there".into()]),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        env: Some(env),
        ..ExecConfig::default()
    };
    let exec = docker.create_exec(id, config).await.expect("an exec");
    let started = docker.start_exec(&exec.id, None).await.expect("it starts");
    let StartExecResults::Attached { mut output, .. } = started else { panic!("it is not heard") };
    output.next().await.expect("a byte").expect("a byte");
    let took = began.elapsed();
    while output.next().await.is_some() {}
    took
}
