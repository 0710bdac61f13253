//! An engine that is ended and started again in the middle of a job.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    engine::{self, Engine, IMAGE},
    suite::expect_nothing,
};
use crate::{
    dock::{Dockerd, serve},
    home::{Home, contains, wait_for},
};

/// A run of one job that prints 100 lines in ten seconds, begun.
fn begun(engine: &Engine) -> Home {
    let home = engine.home(Home::with_daemon());
    let steps = "steps = [\"i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo line $i; sleep 0.1; done\", \"echo last\"]";
    let job = format!("[pipelines.ci.jobs.a]\nengine = \"docker\"\nimage = \"{IMAGE}\"\nnetwork = \"none\"\n{steps}\n");
    let project = home.project("shop", &job);
    assert_eq!(home.run(&project, &["run", "--detach"]).code(), 0);
    wait_for("some lines", || match home.ask(&["logs", "1/a"]).stdout {
        log if log.lines().count() > 20 => Ok(()),
        log => Err(log),
    });
    home
}

/// The run has passed and its output is whole.
fn expect_whole(home: &Home) {
    wait_for("the run to end", || match home.status_of(1)["outcome"].as_str() {
        Some("passed") => Ok(()),
        Some(other) => panic!("{other}: {}", home.ask(&["status", "1"]).stdout),
        None => Err(home.ask(&["status", "1"]).stdout),
    });
    let wanted: String = (1..=100).map(|i| format!("line {i}\n")).chain(["last\n".to_owned()]).collect();
    assert_eq!(home.logs("1/a"), wanted);
}

#[test]
fn a_container_that_outlives_its_engine_is_read_on() {
    let Some(mut dockerd) = Dockerd::start_with(&["--live-restore"]) else { return };
    let Some(engine) = engine::remote(&dockerd) else { return };
    let home = begun(&engine);
    let pid = std::fs::read_to_string(dockerd.path("pid")).unwrap().trim().parse().unwrap();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    dockerd.served.stop();
    // Whoever is nobody's child any more may stay as a zombie, and would be taken for one at work.
    for left in ["pid", "exec/containerd/containerd.pid"] {
        let _ = std::fs::remove_file(dockerd.path(left));
    }
    dockerd.served = serve(dockerd.dir.path(), dockerd.port, &["--live-restore"]);
    expect_whole(&home);
    assert_eq!(home.state().runs.values().next().unwrap().jobs[0].attempts.len(), 1, "the same container");
    expect_nothing(&engine, &home);
}

#[test]
fn a_job_whose_engine_ended_its_container_is_tried_again() {
    let Some(mut dockerd) = Dockerd::start() else { return };
    let Some(engine) = engine::remote(&dockerd) else { return };
    let home = begun(&engine);
    dockerd.served.stop();
    dockerd.served = serve(dockerd.dir.path(), dockerd.port, &[]);
    expect_whole(&home);
    let state = home.state();
    let job = &state.runs.values().next().unwrap().jobs[0];
    assert_eq!(job.attempts.len(), 2, "{:?}", job.attempts);
    contains(&format!("{:?}", job.attempts[0].outcome), "Interrupted");
    expect_nothing(&engine, &home);
}
