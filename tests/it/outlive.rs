//! The terminal goes, the run goes on: a hang-up, a kill, a closed terminal, a cut line of ssh.

use std::{
    fs,
    io::Read as _,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use gonogo::domain::{id::RunId, outcome::RunOutcome};
use nix::sys::signal::Signal;

use crate::{
    home::{Home, Project, contains, is_there, wait_for},
    terminal::Terminal,
};

const LONG: &str = "[pipelines.ci.jobs.wait]\nsteps = [\"echo first words; touch ../started; while ! test -e ../go; do sleep 0.05; done; echo last words\"]\n";

fn project(home: &Home) -> Project {
    home.project("shop", LONG)
}

/// The board shows the run and its log.
fn shows_the_run(terminal: &Terminal) {
    terminal.wait_text("RUNNING");
    terminal.wait_text("first words");
}

/// Nobody is attached.
fn wait_until_left(home: &Home) {
    wait_for("the board to be gone", || {
        let status = home.ask(&["daemon", "status", "--json"]).expect(0).json();
        if status["attached"].as_array().unwrap().is_empty() { Ok(()) } else { Err(status.to_string()) }
    });
}

#[test]
fn q_leaves_and_the_run_goes_on() {
    let home = Home::with_daemon();
    let project = project(&home);
    let terminal = Terminal::open(&home, &project.root, &[], (100, 30));
    terminal.wait_text("shop");
    terminal.press("S");
    project.wait_for_file("../started");
    shows_the_run(&terminal);
    terminal.press("q");
    let (status, ended) = terminal.finish();
    assert_eq!(status.code(), Some(0), "{}", ended.text);
    assert!(!ended.taken_over, "the terminal was not given back");
    wait_until_left(&home);
    let terminal = Terminal::open(&home, &project.root, &[], (100, 30));
    shows_the_run(&terminal);
    project.write("../go", "");
    terminal.wait_text("last words");
    terminal.press("q");
    terminal.finish();
    assert_eq!(home.state().runs[&RunId(1)].outcome, Some(RunOutcome::Passed));
}

#[test]
fn a_hang_up_and_a_kill_of_the_board_leave_the_run_alone() {
    for signal in [Signal::SIGHUP, Signal::SIGKILL] {
        let home = Home::with_daemon();
        let project = project(&home);
        let terminal = Terminal::open(&home, &project.root, &[], (100, 30));
        terminal.wait_text("shop");
        terminal.press("S");
        project.wait_for_file("../started");
        shows_the_run(&terminal);
        terminal.signal(signal);
        terminal.finish();
        wait_until_left(&home);
        project.write("../go", "");
        home.wait_state("the run to pass", |state| {
            state.runs.get(&RunId(1)).is_some_and(|run| run.outcome == Some(RunOutcome::Passed))
        });
        let terminal = Terminal::open(&home, &project.root, &[], (100, 30));
        terminal.wait_text("last words");
        terminal.press("q");
        terminal.finish();
    }
}

#[test]
fn a_closed_terminal_leaves_the_run_alone() {
    let home = Home::with_daemon();
    let project = project(&home);
    home.run(&project, &["run", "--detach"]).expect(0);
    project.wait_for_file("../started");
    let (mut pty, inner) = pty_process::blocking::open().unwrap();
    pty.resize(pty_process::Size::new(30, 100)).unwrap();
    let command =
        pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_gonogo")).current_dir(&project.root).env_clear();
    let mut child = command.envs(home.environment()).env("TERM", "xterm-256color").spawn(inner).unwrap();
    let mut some = [0; 256];
    assert!(pty.read(&mut some).unwrap() > 0, "it draws");
    drop(pty);
    wait_for("the board to end", || match child.try_wait().unwrap() {
        Some(_) => Ok(()),
        None => Err("it runs".into()),
    });
    wait_until_left(&home);
    project.write("../go", "");
    home.wait_state("the run to pass", |state| {
        state.runs.get(&RunId(1)).is_some_and(|run| run.outcome == Some(RunOutcome::Passed))
    });
    contains(&home.logs("1/wait"), "last words");
}

/// An ssh server of the test's own, on this machine, for its own user.
pub struct Sshd {
    child: Child,
    pub ssh: String,
}

impl Sshd {
    pub fn start(home: &Home) -> Option<Self> {
        if !Path::new("/usr/sbin/sshd").exists() || !is_there("ssh-keygen") {
            eprintln!("NOT RUN: there is no sshd on this machine");
            return None;
        }
        let dir = home.gonogo().join("../ssh");
        fs::create_dir(&dir).unwrap();
        let dir = dir.canonicalize().unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
        for key in ["host", "key"] {
            let made =
                Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(dir.join(key)).status();
            assert!(made.unwrap().success());
        }
        fs::copy(dir.join("key.pub"), dir.join("authorized")).unwrap();
        // It wants this when it runs as root.
        let _ = fs::create_dir_all("/run/sshd");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let set: String = home.environment().iter().map(|(name, value)| format!(" \"{name}={value}\"")).collect();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {dir}/host\nAuthorizedKeysFile {dir}/authorized\nPidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\nSetEnv{set}\n",
            dir = dir.display(),
        );
        fs::write(dir.join("sshd_config"), config).unwrap();
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(dir.join("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.join("log")).unwrap())
            .spawn()
            .unwrap();
        let ssh = format!(
            "ssh -F none -p {port} -i {dir}/key -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile={dir}/known -o LogLevel=ERROR",
            dir = dir.display(),
        );
        let sshd = Self { child, ssh };
        wait_for("the ssh server", || {
            let mut words = sshd.ssh.split(' ');
            let ran = Command::new(words.next().unwrap()).args(words).args(["127.0.0.1", "true"]).output().unwrap();
            if ran.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&ran.stderr).into_owned()) }
        });
        Some(sshd)
    }

    /// Cuts every connection.
    pub fn cut(&self, home: &Home) {
        let found = Command::new("pgrep").args(["-P", &self.child.id().to_string()]).output().unwrap();
        let connections = String::from_utf8_lossy(&found.stdout).into_owned();
        assert!(!connections.trim().is_empty(), "nobody is connected in {}", home.gonogo().display());
        for pid in connections.split_whitespace() {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.parse().unwrap()), Signal::SIGKILL);
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn over_ssh_a_cut_line_is_called_again_and_a_lost_one_leaves_the_run_alone() {
    let home = Home::with_daemon();
    let Some(sshd) = Sshd::start(&home) else { return };
    let project = project(&home);
    home.run(&project, &["run", "--detach"]).expect(0);
    project.wait_for_file("../started");
    // The caller has a home of its own, as on another machine.
    let laptop = Home::with_daemon();
    let attach = ["attach", "127.0.0.1", "--ssh", &sshd.ssh, "--remote", env!("CARGO_BIN_EXE_gonogo")];
    let terminal = Terminal::open(&laptop, &laptop.gonogo(), &attach, (100, 30));
    shows_the_run(&terminal);
    let status = home.ask(&["daemon", "status", "--json"]).json();
    contains(&status["attached"][0]["from"].to_string(), "over ssh from 127.0.0.1");
    // The line is cut: it is called again, and goes on where it was.
    sshd.cut(&home);
    terminal.wait("the board to be back", |text| !text.contains("reconnecting") && text.contains("RUNNING"));
    wait_for("it to be attached again", || {
        let status = home.ask(&["daemon", "status", "--json"]).json();
        if status["attached"].as_array().unwrap().len() == 1 { Ok(()) } else { Err(status.to_string()) }
    });
    // The laptop is gone for good.
    terminal.signal(Signal::SIGKILL);
    terminal.finish();
    wait_until_left(&home);
    project.write("../go", "");
    home.wait_state("the run to pass", |state| {
        state.runs.get(&RunId(1)).is_some_and(|run| run.outcome == Some(RunOutcome::Passed))
    });
    let terminal = Terminal::open(&laptop, &laptop.gonogo(), &attach, (100, 30));
    terminal.wait_text("last words");
    terminal.press("q");
    let (status, ended) = terminal.finish();
    assert_eq!(status.code(), Some(0), "{}", ended.text);
    assert!(!laptop.gonogo().join("state/records.db").exists(), "nothing is kept on the laptop");
}

#[test]
fn over_ssh_what_is_missing_there_is_said() {
    let home = Home::with_daemon();
    let Some(sshd) = Sshd::start(&home) else { return };
    let laptop = Home::with_daemon();
    let attach = ["attach", "127.0.0.1", "--ssh", &sshd.ssh, "--remote", "/nowhere/gonogo"];
    let (status, ended) = Terminal::open(&laptop, &laptop.gonogo(), &attach, (100, 30)).finish();
    assert_eq!(status.code(), Some(255));
    contains(&ended.text, "there is no gonogo on 127.0.0.1");
    let attach = ["attach", "127.0.0.1", "--ssh", "ssh -F none -p 1 -o BatchMode=yes"];
    let (status, ended) = Terminal::open(&laptop, &laptop.gonogo(), &attach, (100, 30)).finish();
    assert_eq!(status.code(), Some(255));
    contains(&ended.text, "ssh did not reach 127.0.0.1");
}
