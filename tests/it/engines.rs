//! Engines elsewhere: over TLS, over ssh, Podman's; away, back again, and what `gonogo doctor` says of them.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use gonogo::domain::{container::EngineFault, environment::Environment};

use crate::{
    caller::wait,
    dock::{Dockerd, Podman, at, certificates, engine, look, serve, variables},
    home::{Home, contains, wait_for},
    outlive::Sshd,
};

#[test]
fn over_tls_an_engine_is_used_and_comes_back() {
    let Some(mut engine) = Dockerd::start() else { return };
    let host = at(&engine.address(), Some(engine.path("")), &variables());
    let state = look(&host);
    assert_eq!((state.podman, state.os.as_str(), state.containers), (false, "linux", 0));
    assert!(!host.shares_files());
    // Nothing without a certificate, and nothing with another's.
    let fault = wait(at(&engine.address(), None, &variables()).look()).unwrap_err();
    eprintln!("without TLS: {fault}");
    let other = tempfile::tempdir().unwrap();
    certificates(other.path());
    let fault = wait(at(&engine.address(), Some(other.path().into()), &variables()).look()).unwrap_err();
    assert_eq!(fault.fault, EngineFault::NoPermission, "{fault}");
    let fault = wait(at(&engine.address(), Some("/nowhere".into()), &variables()).look()).unwrap_err();
    assert_eq!(fault.fault, EngineFault::NoPermission, "{fault}");
    contains(&fault.to_string(), "/nowhere/");
    // It goes, and comes back: nothing has to be made anew here.
    engine.served.stop();
    let began = Instant::now();
    let fault = wait(host.look()).unwrap_err();
    assert_eq!(fault.fault, EngineFault::Away, "{fault}");
    assert!(began.elapsed() < Duration::from_secs(7));
    engine.served = serve(engine.dir.path(), engine.port, &[]);
    look(&host);
}

#[test]
fn an_engine_that_says_nothing_is_away_within_seconds() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = at(&format!("tcp://{}", silent.local_addr().unwrap()), None, &Environment::default());
    let began = Instant::now();
    let fault = wait(host.look()).unwrap_err();
    assert_eq!(fault.fault, EngineFault::Away);
    contains(&fault.why, "nothing for 5 s");
    assert!(began.elapsed() < Duration::from_secs(8));
    let fault = wait(at("quic://x", None, &Environment::default()).look()).unwrap_err();
    assert_eq!(fault.fault, EngineFault::NoEngine);
    let fault = wait(at("unix:///nowhere/x.sock", None, &Environment::default()).look()).unwrap_err();
    assert_eq!(fault.fault, EngineFault::Away, "{fault}");
}

/// The variables of somebody whose ssh is this.
fn with_ssh(ssh: &str) -> Environment {
    std::env::vars().chain([("GONOGO_SSH".to_owned(), ssh.to_owned())]).collect()
}

/// Processes that forward this test's socket.
fn lines_of(ssh: &str) -> Vec<String> {
    let port = ssh.split(' ').skip_while(|word| *word != "-p").nth(1).unwrap();
    let found = Command::new("pgrep").args(["-f", &format!("ssh .*-p {port} .*engine.sock")]).output().unwrap();
    String::from_utf8_lossy(&found.stdout).split_whitespace().map(str::to_owned).collect()
}

#[test]
fn over_ssh_an_engine_is_used_and_the_line_is_made_anew() {
    if engine().is_none() {
        return;
    }
    let home = Home::new();
    let Some(sshd) = Sshd::start(&home) else { return };
    let host = at("ssh://127.0.0.1", None, &with_ssh(&sshd.ssh));
    wait(async {
        let began = Instant::now();
        let state = host.look().await.unwrap();
        let first = began.elapsed();
        assert!(state.os == "linux" && !host.shares_files());
        let began = Instant::now();
        for _ in 0..20 {
            host.client().await.unwrap().ping().await.unwrap();
        }
        eprintln!("the first look over ssh took {first:?}, a ping {:?}", began.elapsed() / 20);
        assert_eq!(lines_of(&sshd.ssh).len(), 1);
        // The line is cut, and made anew with the next use.
        sshd.cut(&home);
        let began = Instant::now();
        while let Err(fault) = host.look().await {
            assert!(began.elapsed() < Duration::from_secs(30), "{fault}");
        }
        assert_eq!(lines_of(&sshd.ssh).len(), 1);
    });
    drop(host);
    wait_for("the line to end", || {
        let lines = lines_of(&sshd.ssh);
        if lines.is_empty() { Ok(()) } else { Err(format!("{lines:?}")) }
    });
    for (address, ssh, kind, words) in [
        ("ssh://127.0.0.1/nowhere/x.sock", sshd.ssh.clone(), EngineFault::Away, "no engine answers"),
        ("ssh://127.0.0.1:1", "ssh -F none -o StrictHostKeyChecking=no".into(), EngineFault::Away, "onnection refused"),
        ("ssh://-oProxyCommand=touch", sshd.ssh.clone(), EngineFault::NoEngine, "no address such as"),
        ("ssh://127.0.0.1", sshd.ssh.replace("/key ", "/host "), EngineFault::NoPermission, "Permission denied"),
        ("ssh://127.0.0.1", "/nowhere/ssh".into(), EngineFault::NoPermission, "there is no /nowhere/ssh"),
    ] {
        let fault = wait(at(address, None, &with_ssh(&ssh)).look()).unwrap_err();
        assert_eq!(fault.fault, kind, "{address}: {fault}");
        contains(&fault.to_string(), words);
    }
}

#[test]
fn the_line_ends_with_a_gonogo_that_is_killed() {
    if engine().is_none() {
        return;
    }
    let home = Home::new();
    let Some(sshd) = Sshd::start(&home) else { return };
    // What holds the line is a process of its own here: a shell that gives ssh the same end of a pipe that gonogo would.
    let dir = home.gonogo();
    let script = format!(
        "sleep 1000 | {} -T -L {}/engine.sock:/var/run/docker.sock -- 127.0.0.1 'echo ready; exec cat'",
        sshd.ssh,
        dir.display()
    );
    let mut shell = Command::new("sh").args(["-c", &script]).stdout(std::process::Stdio::null()).spawn().unwrap();
    wait_for("the line", || if lines_of(&sshd.ssh).is_empty() { Err("none".into()) } else { Ok(()) });
    let sleeping = Command::new("pgrep").args(["-P", &shell.id().to_string(), "sleep"]).output().unwrap();
    let pid: i32 = String::from_utf8_lossy(&sleeping.stdout).trim().parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    wait_for("the line to end", || if lines_of(&sshd.ssh).is_empty() { Ok(()) } else { Err("it is there".into()) });
    let _ = shell.wait();
}

#[test]
fn podman_is_known_for_what_it_is() {
    let Some(podman) = Podman::start(&variables(), "127.0.0.1:1") else { return };
    let state = look(&podman.host);
    assert!(state.podman && !state.rootless && state.version.starts_with(|c: char| c.is_ascii_digit()), "{state:?}");
    eprintln!("{state:?}");
}

#[test]
fn doctor_asks_every_engine() {
    let home = Home::new();
    home.settings("[engines.build1]\ndocker = \"tcp://127.0.0.1:1\"\n[engines.build2]\ndocker = \"unix:///nowhere/docker.sock\"\n");
    let home = home.variable("DOCKER_HOST", "unix:///nowhere/else.sock");
    let began = Instant::now();
    let ran = home.ask(&["doctor"]).expect(1);
    assert!(began.elapsed() < Duration::from_secs(20));
    contains(
        &ran.stdout,
        "note   docker         engine away: the engine docker at unix:///nowhere/else.sock can't be used",
    );
    contains(&ran.stdout, "BAD    engine build1  engine away: the engine build1 at tcp://127.0.0.1:1 does not answer");
    contains(&ran.stdout, "BAD    engine build2  engine away");
    contains(&ran.stdout, "hint: is it running?");
    if engine().is_some() {
        let home = Home::new();
        let ran = home.ask(&["doctor"]).expect(0);
        contains(&ran.stdout, "ok     docker         Docker ");
        contains(&ran.stdout, " containers run");
    }
}
