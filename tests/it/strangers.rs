//! Who may not call, and callers that say nothing, nonsense, half of it, or too much: they hold up nobody.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    process::Command,
    time::{Duration, Instant},
};

use gonogo::protocol::session::VisitorKind;

use crate::{
    caller::{Caller, wait},
    home::{Home, contains, is_there},
};

fn with_daemon() -> Home {
    let home = Home::with_daemon();
    home.ask(&["daemon", "start"]).expect(0);
    home
}

fn call(home: &Home) -> UnixStream {
    let stream = UnixStream::connect(home.gonogo().join("run/gonogo.sock")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

fn message(text: &str) -> Vec<u8> {
    let mut bytes = u32::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// What is said until the other side hangs up.
fn said(stream: &mut UnixStream) -> String {
    let mut bytes = Vec::new();
    // Hanging up on unread bytes is a reset on this side.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(bytes.get(4..).unwrap_or_default()).into_owned()
}

#[test]
fn nonsense_is_refused_and_holds_up_nobody() {
    let home = with_daemon();
    let mut silent: Vec<UnixStream> = (0..20).map(|_| call(&home)).collect();
    let mut half = call(&home);
    half.write_all(&[0, 0, 1, 0, b'{']).unwrap();
    let mut giant = call(&home);
    giant.write_all(&[0xff, 0xff, 0xff, 0xff, b'x']).unwrap();
    let mut garbage = call(&home);
    garbage.write_all(&message("GET / HTTP/1.1")).unwrap();
    contains(&said(&mut garbage), "this is not what a gonogo says");
    contains(&said(&mut giant), "this is not what a gonogo says");
    let mut unknown = call(&home);
    unknown.write_all(&message(r#"{"want":"tea"}"#)).unwrap();
    contains(&said(&mut unknown), "does not know what is asked for");
    // Meanwhile those who know how to talk are served at once.
    let began = Instant::now();
    wait(async { Caller::attach(&home, VisitorKind::Board, None).await });
    home.ask(&["daemon", "status"]).expect(0);
    assert!(began.elapsed() < Duration::from_secs(4), "it was held up for {:?}", began.elapsed());
    // Those who say nothing are hung up on.
    assert_eq!(said(&mut half), "");
    assert_eq!(said(&mut silent.remove(0)), "");
}

#[test]
fn nonsense_within_a_session_ends_that_session_alone() {
    let home = with_daemon();
    let other = wait(async { Caller::attach(&home, VisitorKind::Board, None).await.state.seq });
    let attach =
        r#"{"want":"attach","protocol":3,"version":"x","kind":"board","from":"here","environment":{},"since":null}"#;
    for nonsense in
        [message("{}"), message(r#"{"ask":{"command":{"id":1,"command":{"do":"fly"}}}}"#), vec![0x7f, 0xff, 0xff, 0xff]]
    {
        let mut stream = call(&home);
        stream.write_all(&message(attach)).unwrap();
        stream.write_all(&nonsense).unwrap();
        contains(&said(&mut stream), "welcome");
    }
    assert!(wait(async { Caller::attach(&home, VisitorKind::Board, None).await.state.seq }) >= other);
}

#[test]
fn a_client_that_reads_nothing_holds_up_nobody() {
    let home = with_daemon();
    let project =
        home.project("shop", "[pipelines.ci.jobs.a]\nsteps = [\"true\"]\n[pipelines.ci.jobs.b]\nsteps = [\"true\"]\n");
    let attach =
        r#"{"want":"attach","protocol":3,"version":"x","kind":"board","from":"here","environment":{},"since":0}"#;
    let mut deaf: Vec<UnixStream> = (0..4).map(|_| call(&home)).collect();
    for stream in &mut deaf {
        stream.write_all(&message(attach)).unwrap();
        // It asks and asks, and never listens.
        let ask = message(r#"{"ask":{"query":{"id":1,"query":{"runs":{"project":null,"before":null,"limit":500}}}}}"#);
        stream.set_nonblocking(true).unwrap();
        while stream.write_all(&ask).is_ok() {}
    }
    for _ in 0..20 {
        home.run(&project, &["run"]).expect(0);
    }
    assert_eq!(home.state().runs.len(), 20);
}

#[test]
fn another_version_is_told_so() {
    let home = with_daemon();
    let mut stream = call(&home);
    let attach = r#"{"want":"attach","protocol":99,"version":"9.9.9","kind":"board","from":"here","environment":{},"since":null,"more":1}"#;
    stream.write_all(&message(attach)).unwrap();
    let answer = said(&mut stream);
    contains(&answer, "\"answer\":\"refused\"");
    contains(&answer, "the one that calls is 9.9.9");
    contains(&answer, "gonogo daemon restart");
    contains(&answer, "\"protocol\":3");
}

#[test]
fn another_user_is_kept_out() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT RUN: only root can try to be somebody else");
        return;
    }
    if !is_there("setpriv") {
        return;
    }
    let home = with_daemon();
    let socket = home.gonogo().join("run/gonogo.sock");
    let knock = |what: &str| {
        let script = "my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or do { print \"no way in: $!\"; exit }; sysread $s, my $b, 4000; print substr $b, 4;";
        let ran = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "perl", "-MIO::Socket::UNIX", "-e", script])
            .arg(&socket)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(ran.status.success(), "{what}: {said}{}", String::from_utf8_lossy(&ran.stderr));
        said
    };
    if !is_there("perl") {
        return;
    }
    contains(&knock("as it is"), "no way in: Permission denied");
    // Even where the file system would let them: whoever answers looks who calls.
    let open = |path: &std::path::Path| fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    let mut above = Some(home.gonogo().join("run"));
    while let Some(path) = above.filter(|path| path.starts_with(std::env::temp_dir()) && *path != std::env::temp_dir())
    {
        open(&path);
        above = path.parent().map(std::path::Path::to_owned);
    }
    open(&socket);
    contains(&knock("let in"), "this gonogo belongs to root");
    // And gonogo itself no longer trusts such a directory.
    contains(&home.ask(&["run", "--detach", "-C", "/"]).all(), "error: ");
    let refused = home.ask(&["attach", "--stdio"]).expect(255);
    contains(&refused.stderr, "can be written by others");
}

#[test]
fn root_is_told_whose_it_is_and_keeps_its_variables() {
    if !nix::unistd::geteuid().is_root() || !is_there("setpriv") {
        eprintln!("NOT RUN: only root can try to be somebody else");
        return;
    }
    let home = Home::with_daemon();
    // Everything of it is theirs, and the program stands where they can reach it.
    let program = home.gonogo().join("program");
    fs::copy(env!("CARGO_BIN_EXE_gonogo"), &program).unwrap();
    let top = home.gonogo().parent().unwrap().to_owned();
    let ran = Command::new("chown").args(["-R", "65534:65534"]).arg(&top).status().unwrap();
    assert!(ran.success());
    let mut theirs = Command::new("setpriv");
    theirs.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program).args(["daemon", "start"]);
    theirs.env_clear().envs(home.environment()).current_dir("/");
    crate::home::finish(theirs).expect(0);
    let project = home.project("shop", "[pipelines.ci.jobs.a]\nsecrets = [\"ROOTS\"]\nsteps = [\"true\"]\n");
    assert!(Command::new("chown").args(["-R", "65534:65534"]).arg(&top).status().unwrap().success());
    let mut roots = home.command(&project.root, &["run"]);
    let ran = crate::home::finish({
        roots.env("ROOTS", "of-root-alone");
        roots
    });
    contains(&ran.stderr, "you are root, and this gonogo belongs to nobody");
    contains(&ran.all(), "no value for the secret ROOTS");
    // And none of its own is started there.
    home.ask(&["daemon", "stop"]).expect(0);
    contains(&home.ask(&["daemon", "start"]).expect(255).stderr, "belongs to another user");
}

#[test]
fn a_runtime_directory_that_is_a_link_or_open_to_others_is_refused() {
    for (what, make) in [
        (
            "is a link",
            &(|run: &std::path::Path| {
                fs::create_dir(run.with_extension("real")).unwrap();
                std::os::unix::fs::symlink(run.with_extension("real"), run).unwrap();
            }) as &dyn Fn(&std::path::Path),
        ),
        ("can be written by others", &|run| {
            fs::create_dir(run).unwrap();
            fs::set_permissions(run, fs::Permissions::from_mode(0o770)).unwrap();
        }),
    ] {
        let home = Home::with_daemon();
        make(&home.gonogo().join("run"));
        let ran = home.ask(&["daemon", "start"]).expect(255);
        contains(&ran.stderr, what);
        contains(&ran.stderr, "hint: ");
        home.ask(&["daemon", "status"]).expect(1);
    }
}
