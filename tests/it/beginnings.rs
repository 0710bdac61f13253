//! From where and with what gonogo is started: what its caller has open, a directory that is gone, variables that say little.

use std::{fs, process::Command, sync::mpsc, thread};

use crate::{
    home::{DEADLINE, Home, contains, finish, is_there},
    terminal::Terminal,
};

const SHORT: &str = "[pipelines.ci.jobs.greet]\nsteps = [\"echo hello\"]\n";

#[test]
fn a_daemon_keeps_nothing_of_what_its_caller_has_open() {
    if !is_there("bash") {
        return;
    }
    let home = Home::with_daemon();
    let script = format!("exec 3>&1 17>&1; {} daemon start >/dev/null 2>&1", env!("CARGO_BIN_EXE_gonogo"));
    let mut bash = Command::new("bash");
    bash.args(["-c", &script]).env_clear().envs(home.environment());
    let (done, ended) = mpsc::channel();
    thread::spawn(move || done.send(finish(bash)));
    ended.recv_timeout(DEADLINE).expect("the pipe ends with the command, not with the daemon").expect(0);
    home.ask(&["daemon", "status"]).expect(0);
}

/// Runs gonogo in a directory that is gone, with this home.
fn nowhere(home: &Home, gonogo_home: Option<&str>, args: &str) -> crate::home::Ran {
    let script = format!("mkdir gone && cd gone && rmdir ../gone && exec {} {args}", env!("CARGO_BIN_EXE_gonogo"));
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(home.tmp()).env_clear().envs(home.environment());
    shell.envs(gonogo_home.map(|value| ("GONOGO_HOME", value)));
    finish(shell)
}

#[test]
fn in_a_directory_that_is_gone_it_is_said_what_is_wrong() {
    let home = Home::with_daemon();
    let ran = nowhere(&home, None, "run").expect(2);
    contains(&ran.stderr, "the working directory is gone");
    contains(&ran.stderr, "hint: ");
    for args in ["run", "status", "daemon start", "config path"] {
        let ran = nowhere(&home, Some("state-of-mine"), args).expect(2);
        contains(&ran.stderr, "can't tell where state-of-mine is");
        contains(&ran.stderr, "hint: ");
    }
    home.ask(&["daemon", "status"]).expect(1);
}

#[test]
fn a_home_that_is_a_file_is_no_home() {
    let home = Home::new();
    let file = home.tmp().join("file");
    fs::write(&file, "mine").unwrap();
    let home = home.variable("GONOGO_HOME", file.to_str().unwrap());
    let ran = home.ask(&["status"]).expect(2);
    contains(&ran.stderr, "which is no directory");
    contains(&ran.stderr, "hint: set GONOGO_HOME");
}

#[test]
fn the_unit_of_systemd_names_the_whole_home() {
    let home = Home::new().variable("GONOGO_HOME", "state-of-mine");
    let ran = home.ask(&["daemon", "install", "--print"]).expect(0);
    let here = home.gonogo().canonicalize().unwrap().with_file_name("person").join("state-of-mine");
    contains(&ran.stdout, &format!("Environment=\"GONOGO_HOME={}\"", here.display()));
}

#[test]
fn a_detached_run_says_which_variable_forbids_it() {
    let home = Home::new();
    let project = home.project("shop", SHORT);
    let ran = home.run(&project, &["run", "--detach"]).expect(2);
    contains(&ran.stderr, "GONOGO_IN_PROCESS is set");
    assert!(!ran.stderr.contains("--in-process"), "{}", ran.stderr);
    let ran = home.run(&project, &["run", "--detach", "--in-process"]).expect(2);
    contains(&ran.stderr, "--in-process");
}

#[test]
fn what_ssh_says_does_not_come_onto_the_board() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::with_daemon();
    home.ask(&["daemon", "start"]).expect(0);
    let ssh = home.tmp().join("ssh");
    let gonogo = env!("CARGO_BIN_EXE_gonogo");
    let script = format!(
        "#!/bin/sh\necho 'a word before' >&2\n(while sleep 0.05; do echo NOISE >&2 || exit; done) &\n{gonogo} attach --stdio\nkill $!\n"
    );
    fs::write(&ssh, script).unwrap();
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
    let attach = ["attach", "somewhere", "--ssh", ssh.to_str().unwrap()];
    let board = Terminal::open(&home, &home.gonogo(), &attach, (100, 30));
    board.wait_text("live");
    thread::sleep(std::time::Duration::from_millis(500));
    let text = board.text();
    assert!(!text.contains("NOISE"), "{text}");
    board.press("q");
    let (status, ended) = board.finish();
    assert_eq!(status.code(), Some(0), "{}", ended.text);
    contains(&ended.text, "a word before");
}
