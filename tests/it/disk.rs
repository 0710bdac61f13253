//! Mischief with the disk: the state directory stands on one that is small.

use std::{fs, process::Command};

use serde_json::Value;

use crate::home::{Home, Project, Ran, contains, finish, is_there};

/// Runs a shell script in a project, where the state directory is a disk of so many megabytes that only the script sees.
/// `None` where this machine lets nobody mount one.
fn on_a_disk_of(size: u32, home: &Home, project: &Project, script: &str) -> Option<Ran> {
    if !is_there("unshare") {
        return None;
    }
    let state = home.gonogo().join("state");
    fs::create_dir_all(&state).unwrap();
    let script = format!("mount -t tmpfs -o size={size}m tmpfs \"$STATE\" || exit 99\n{script}");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &script]).current_dir(&project.root).env_clear();
    command.envs(home.environment()).env("STATE", &state).env("GONOGO", env!("CARGO_BIN_EXE_gonogo"));
    let ran = finish(command);
    if ran.status.code() == Some(99) || ran.stderr.contains("unshare:") {
        eprintln!("NOT RUN: no small disk can be mounted here: {}", ran.stderr);
        return None;
    }
    Some(ran)
}

fn seqs(text: &str) -> Vec<u64> {
    let seq = |line: &str| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap();
    text.lines().map(seq).collect()
}

#[test]
fn output_that_fills_the_disk_fails_its_job_in_words_and_the_log_goes_on() {
    let home = Home::new();
    let flood =
        "[pipelines.ci.jobs.work]\nsteps = [\"head -c 10000000 /dev/urandom | od -An -tx1 -v; echo all printed\"]\n";
    let project = home.project("shop", flood);
    let script = "
        \"$GONOGO\" run > ran 2>&1; echo $? > codes
        \"$GONOGO\" status 1 --json > status
        \"$GONOGO\" watch --json --since 0 --until-idle > records
        rm -rf \"$STATE\"/output/*
        sed -i 's/head.*printed/echo small/' gonogo.toml
        \"$GONOGO\" run > again 2>&1; echo $? >> codes";
    if on_a_disk_of(20, &home, &project, script).is_none() {
        return;
    }
    let said = project.read("ran");
    assert_eq!(project.read("codes"), "1\n0\n", "{said}\n{}", project.read("again"));
    contains(&said, "its output could not be recorded");
    let status: Value = serde_json::from_str(&project.read("status")).unwrap();
    assert_eq!(status["outcome"], "failed");
    contains(&status["jobs"][0]["outcome"]["failure"]["hint"].to_string(), "disk space");
    let seqs = seqs(&project.read("records"));
    assert!(seqs.iter().copied().eq(1..=seqs.len() as u64) && seqs.len() > 5, "{seqs:?}");
}

#[test]
fn a_job_that_fills_the_disk_of_the_log_can_be_stopped_and_is_lost() {
    let home = Home::new();
    let fill = "[pipelines.ci.jobs.work]\nsteps = [\"cat /dev/zero > $STATE/fill; touch filled; sleep 600\"]\nenv = { STATE = \"%\" }\n";
    let state = home.gonogo().join("state");
    let project = home.project("shop", &fill.replace('%', &state.to_string_lossy()));
    let script = "
        \"$GONOGO\" run > ran 2>&1 & gonogo=$!
        while ! test -e filled; do sleep 0.05; done
        kill -INT $gonogo; while ! grep -q 'free some space' ran; do sleep 0.05; done
        kill -INT $gonogo; wait $gonogo; echo $? > codes
        rm \"$STATE/fill\"
        sed -i 's/cat.*600/echo small/' gonogo.toml
        \"$GONOGO\" run > again 2>&1; echo $? >> codes
        \"$GONOGO\" status 1 --json > status
        \"$GONOGO\" watch --json --since 0 --until-idle > records";
    if on_a_disk_of(20, &home, &project, script).is_none() {
        return;
    }
    assert_eq!(project.read("codes"), "1\n0\n", "{}\n{}", project.read("ran"), project.read("again"));
    let status: Value = serde_json::from_str(&project.read("status")).unwrap();
    assert_eq!(status["outcome"], "lost");
    let seqs = seqs(&project.read("records"));
    assert!(seqs.iter().copied().eq(1..=seqs.len() as u64) && seqs.len() > 5, "{seqs:?}");
    home.expect_no_leftovers();
}

#[test]
fn a_disk_that_became_read_only_is_said_with_a_hint_and_nothing_breaks() {
    let home = Home::new();
    let project = home.project("shop", "[pipelines.ci.jobs.work]\nsteps = [\"echo done\"]\n");
    let script = "
        \"$GONOGO\" run > ran 2>&1 || exit 3
        mount -o remount,ro \"$STATE\" || exit 99
        for args in run status 'watch --until-idle' doctor 'doctor --repair' prune 'backup ../copy'; do
            \"$GONOGO\" $args > said 2>&1; code=$?; echo \"$code $args\" >> codes
            if grep -q panicked said; then cat said >> wrong; fi
            if test $code != 0 && ! grep -q hint: said; then cat said >> wrong; fi
        done
        mount -o remount,rw \"$STATE\" && \"$GONOGO\" run > ran 2>&1; echo $? >> codes";
    if on_a_disk_of(20, &home, &project, script).is_none() {
        return;
    }
    assert!(!project.has("wrong"), "{}", project.read("wrong"));
    let codes = project.read("codes");
    let wanted =
        "255 run\n0 status\n0 watch --until-idle\n1 doctor\n255 doctor --repair\n255 prune\n0 backup ../copy\n0\n";
    assert_eq!(codes, wanted, "{}", project.read("said"));
}
