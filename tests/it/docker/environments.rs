//! Environments: pools of prepared containers.

use std::{
    io::Write as _,
    process::Stdio,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use super::engine::{self, Engine, IMAGE};
use crate::home::{Home, Project, contains, finish, wait_for};

macro_rules! on_engines {
    ($($name:ident)*) => {
        mod docker {
            $(#[test] fn $name() {
                if let Some(engine) = super::engine::docker() { super::$name(engine); }
            })*
        }
    };
}

on_engines! {
    members_are_kept_assigned_cleaned_and_taken_down
    what_nobody_uses_sleeps_and_is_woken
    what_has_changed_is_made_anew_by_a_wish_and_by_a_run
    jobs_run_in_members_and_elsewhere_in_containers_of_their_own
    a_daemon_that_was_killed_finds_its_members_again
    what_can_not_be_prepared_is_said_with_its_output
    old_members_and_those_of_projects_that_are_gone_are_collected
    without_a_daemon_a_member_is_made_for_who_asks_and_nothing_stays
}

fn definition(more: &str) -> String {
    format!("[environments.dev]\nimage = \"{IMAGE}\"\n{more}\n")
}

/// The members of `dev`: number at the engine and state.
fn members(home: &Home, project: &Project) -> Vec<(String, String)> {
    let status = home.run(project, &["env", "status", "dev", "--json"]).expect(0).json();
    let members = status["environments"][0]["members"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    members.iter().map(|member| (text(&member["id"]), text(&member["state"]))).collect()
}

fn states(home: &Home, project: &Project) -> Vec<String> {
    let mut states: Vec<String> = members(home, project).into_iter().map(|(_, state)| state).collect();
    states.sort_unstable();
    states
}

#[track_caller]
fn wait_states(home: &Home, project: &Project, wanted: &[&str]) {
    wait_for(&format!("{wanted:?}"), || {
        let states = states(home, project);
        if states == wanted { Ok(()) } else { Err(format!("{states:?}")) }
    });
}

#[track_caller]
fn expect_nothing(engine: &Engine, home: &Home) {
    wait_for("nothing to be left", || {
        let left = engine.left(home);
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
}

fn kill_daemon(home: &Home) {
    let pid = home.ask(&["daemon", "status", "--json"]).json()["pid"].as_i64().unwrap();
    kill(Pid::from_raw(pid as i32), Signal::SIGKILL).unwrap();
}

fn members_are_kept_assigned_cleaned_and_taken_down(engine: Engine) {
    let home = engine.home(Home::with_daemon());
    let about = "pool = 2\nmost = 3\nsetup = [\"echo set up in $PWD\", \"touch /tmp/ready\"]\nenv = { WHO = \"dev\" }";
    let project = home.project("shop", &definition(about));
    let wrong = home.run(&project, &["env", "up", "devv"]).expect(2);
    contains(&wrong.stderr, "did you mean `dev`");
    contains(&home.run(&project, &["env", "up", "dev"]).expect(0).stdout, "dev is up: 2 of 2 ready");
    // Who wants it as it is changes nothing.
    home.run(&project, &["env", "up", "dev"]).expect(0);
    assert_eq!(states(&home, &project), ["ready", "ready"]);
    contains(&home.run(&project, &["env", "logs", "dev"]).expect(0).stdout, "set up in ");

    let ran =
        home.run(&project, &["env", "exec", "-e", "X=1", "dev", "sh", "-c", "echo $WHO $X; pwd; ls /tmp; exit 7"]);
    assert_eq!(ran.code(), 7, "{ran:?}");
    assert!(ran.stdout.starts_with(&format!("dev 1\n{}\n", project.root.display())) && ran.stdout.ends_with("ready\n"));
    let mut piped = home.command(&project.root, &["env", "exec", "dev", "tr", "a-z", "A-Z"]);
    let mut piped = piped.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    piped.stdin.take().unwrap().write_all(b"quiet\n").unwrap();
    assert_eq!(piped.wait_with_output().unwrap().stdout, b"QUIET\n");

    // Whoever has a member is named; another is made so that as many are ready as were.
    let running = home.start(&project, &["env", "exec", "dev", "sh", "-c", "touch held; sleep 60"]);
    project.wait_for_file("held");
    wait_states(&home, &project, &["assigned", "ready", "ready"]);
    contains(&home.run(&project, &["env", "status"]).expect(0).stdout, ": sh -c touch held");
    let taken: Vec<String> =
        members(&home, &project).into_iter().filter(|(_, state)| state == "assigned").map(|(id, _)| id).collect();
    // It is ended with whoever has it, and a member with processes that were left in it is not used again.
    running.signal(Signal::SIGKILL);
    drop(running.finish());
    wait_for("the member that was left dirty to be gone", || {
        let members = members(&home, &project);
        let there = members.iter().any(|(id, _)| taken.contains(id));
        if there { Err(format!("{members:?}")) } else { Ok(()) }
    });
    home.run(&project, &["env", "exec", "dev", "true"]).expect(0);
    contains(&home.run(&project, &["env", "down", "deb"]).expect(1).stderr, "up are: dev");
    contains(&home.run(&project, &["env", "down", "dev"]).expect(0).stdout, "dev is down");
    expect_nothing(&engine, &home);
    contains(&home.run(&project, &["env", "status"]).expect(0).stdout, "no environment is up");
}

fn what_nobody_uses_sleeps_and_is_woken(engine: Engine) {
    for (sleep, state) in [("pause", "paused"), ("stop", "exited")] {
        let home = engine.home(Home::with_daemon());
        let about = format!("sleep = \"{sleep}\"\nidle = \"500ms\"\nsetup = [\"echo kept > /root/file\"]");
        let project = home.project("shop", &definition(&about));
        home.run(&project, &["env", "up", "dev"]).expect(0);
        wait_states(&home, &project, &["asleep"]);
        let is = engine.inspect(&home);
        assert_eq!(is[0]["State"]["Status"], state);
        let before = members(&home, &project);
        let ran = home.run(&project, &["env", "exec", "dev", "cat", "/root/file"]);
        assert_eq!((ran.code(), ran.stdout.as_str()), (0, "kept\n"), "{ran:?}");
        // What was made to be ready meanwhile goes again, and one sleeps on.
        wait_states(&home, &project, &["asleep"]);
        assert!(before.len() == 1);
        home.run(&project, &["env", "down", "dev"]).expect(0);
        expect_nothing(&engine, &home);
    }
}

fn what_has_changed_is_made_anew_by_a_wish_and_by_a_run(engine: Engine) {
    let home = engine.home(Home::with_daemon());
    let job = "[pipelines.ci.jobs.a]\nengine = \"docker\"\nenvironment = \"dev\"\nsteps = [\"cat /root/made\"]\n";
    let with = |word: &str| definition(&format!("most = 1\nsetup = [\"echo {word} > /root/made\"]")) + job;
    let project = home.project("shop", &with("one"));
    home.run(&project, &["env", "up", "dev"]).expect(0);
    let first = members(&home, &project);
    project.write("gonogo.toml", &with("two"));
    home.run(&project, &["env", "up", "dev"]).expect(0);
    let second = members(&home, &project);
    assert!(first[0].0 != second[0].0, "{first:?} {second:?}");
    assert_eq!(home.run(&project, &["env", "exec", "dev", "cat", "/root/made"]).stdout, "two\n");
    project.write("gonogo.toml", &with("three"));
    home.run(&project, &["run"]).expect(0);
    assert_eq!(home.logs("1/a"), "three\n");
    // Nothing but how many there are, and for how long, leaves members as they are.
    wait_states(&home, &project, &["ready"]);
    let third = members(&home, &project);
    project.write("gonogo.toml", &(definition("pool = 2\nsetup = [\"echo three > /root/made\"]") + job));
    home.run(&project, &["env", "up", "dev"]).expect(0);
    let fourth = members(&home, &project);
    assert!(fourth.len() == 2 && fourth.contains(&third[0]), "{third:?} {fourth:?}");
    home.run(&project, &["env", "down", "dev"]).expect(0);
    expect_nothing(&engine, &home);
}

fn jobs_run_in_members_and_elsewhere_in_containers_of_their_own(engine: Engine) {
    const SECRET: &str = "correct-horse-battery";
    let home = engine.home(Home::with_daemon()).variable("TOKEN", SECRET);
    let about = "most = 1\nenv = { WHO = \"dev\" }\nmounts = [\"./data:/data\"]\nsetup = [\"hostname > /root/prepared\"]\nlimits = { memory = \"64 MiB\" }";
    let job = |pipeline: &str, text: &str| {
        format!("[pipelines.{pipeline}.jobs.a]\nengine = \"docker\"\nenvironment = \"dev\"\n{text}\n")
    };
    let text = [
        definition(about),
        job(
            "ci",
            "secrets = [\"TOKEN\"]\nenv = { MORE = \"its own\" }\nsteps = [\"echo $WHO $MORE $TOKEN; cat /root/prepared; cat /data/here\", { run = \"exit 4\", allow-failure = true }, \"echo made > out.txt; test -z \\\"$GONOGO_RUN\\\" || echo run $GONOGO_RUN\"]",
        ),
        job("fails", "steps = [\"echo before; exit 9\", \"echo never\"]"),
        job("slow", "timeout = \"1s\"\nsteps = [\"sleep 600\"]"),
        job("hangs", "steps = [\"touch begun; sleep 600\", \"echo never\"]"),
        job("leaves", "steps = [\"(sleep 601 &) ; echo left\"]"),
        job("greedy", "steps = [\"head -c 200m /dev/zero | tail\"]"),
        job("tty", "tty = true\nsteps = [\"test -t 1 && echo a terminal\"]"),
        job(
            "isolated",
            "workspace = \"isolated\"\nsteps = [\"echo $WHO; cat /root/prepared >/dev/null && echo prepared; cat /data/here; touch inside\"]",
        ),
    ];
    let project = home.project_with("shop", &[("gonogo.toml", &text.join("\n")), ("data/here", "mounted\n")]);
    home.run(&project, &["env", "up", "dev"]).expect(0);
    let began = Instant::now();
    let ran = home.run(&project, &["run"]).expect(0);
    eprintln!("a run in a member: {:?}", began.elapsed());
    assert_eq!(home.logs("1/a"), "dev its own ***TOKEN***\ndev\nmounted\nrun 1\n", "{ran:?}");
    assert_eq!(project.read("out.txt"), "made\n");
    let steps: Vec<_> = home.state().runs[&gonogo::domain::id::RunId(1)].jobs[0].attempt().unwrap().steps.clone();
    assert_eq!(steps.iter().map(|step| step.exit).collect::<Vec<_>>(), [Some(0), Some(4), Some(0)]);
    for said in engine.inspect(&home) {
        assert!(!said.to_string().contains(SECRET), "inspect shows it");
    }
    contains(&home.run(&project, &["run", "fails"]).expect(1).all(), "exit 9");
    contains(&home.run(&project, &["run", "slow"]).expect(1).all(), "timed out after 1.0s");
    home.run(&project, &["run", "hangs", "--detach"]).expect(0);
    project.wait_for_file("begun");
    home.run(&project, &["cancel", "4"]).expect(0);
    wait_for("the run to end", || match home.status_of(4)["outcome"].as_str() {
        Some("cancelled") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    assert!(!home.logs("4/a").contains("never"));
    wait_states(&home, &project, &["ready"]);
    let before = members(&home, &project);
    home.run(&project, &["run", "leaves"]).expect(0);
    wait_for("another member", || {
        let now = members(&home, &project);
        let is_other = now.len() == 1 && now[0].1 == "ready" && now[0].0 != before[0].0;
        if is_other { Ok(()) } else { Err(format!("{before:?} {now:?}")) }
    });
    contains(&home.run(&project, &["run", "greedy"]).expect(1).all(), "out of memory");
    home.run(&project, &["run", "tty"]).expect(0);
    contains(&home.logs("7/a"), "a terminal");
    home.run(&project, &["run", "isolated"]).expect(0);
    assert_eq!(home.logs("8/a"), "dev\nprepared\nmounted\n");
    assert!(!project.has("inside"));
    home.run(&project, &["env", "down", "dev"]).expect(0);
    expect_nothing(&engine, &home);
}

fn a_daemon_that_was_killed_finds_its_members_again(engine: Engine) {
    let home = engine.home(Home::with_daemon());
    let job = "[pipelines.ci.jobs.a]\nengine = \"docker\"\nenvironment = \"dev\"\nsteps = [\"touch begun; i=0; while :; do i=$((i+1)); echo $i > count; sleep 0.05; done\"]\n";
    let project = home.project("shop", &(definition("pool = 2") + job));
    home.run(&project, &["env", "up", "dev"]).expect(0);
    let mut before: Vec<String> = members(&home, &project).into_iter().map(|(id, _)| id).collect();
    kill_daemon(&home);
    wait_states(&home, &project, &["ready", "ready"]);
    let mut after: Vec<String> = members(&home, &project).into_iter().map(|(id, _)| id).collect();
    before.sort_unstable();
    after.sort_unstable();
    assert_eq!(before, after, "none was made twice");

    // A person goes on working in theirs; a job is lost, its processes are ended, its member is made anew.
    let person = home.start(
        &project,
        &["env", "exec", "dev", "sh", "-c", "touch here; while [ ! -e go ]; do sleep 0.05; done; echo went on"],
    );
    project.wait_for_file("here");
    home.run(&project, &["run", "--detach"]).expect(0);
    project.wait_for_file("begun");
    kill_daemon(&home);
    assert_eq!(home.ask(&["daemon", "start"]).code(), 0);
    wait_for("the run to be lost", || match home.status_of(1)["outcome"].as_str() {
        Some("lost") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    wait_for("the person's member, and two that are ready", || {
        let states = states(&home, &project);
        if states == ["assigned", "ready", "ready"] { Ok(()) } else { Err(format!("{states:?}")) }
    });
    let count = project.read("count");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(count, project.read("count"), "it goes on");
    project.write("go", "");
    let ran = person.finish();
    assert_eq!((ran.code(), ran.stdout.as_str()), (0, "went on\n"), "{ran:?}");
    home.run(&project, &["env", "down", "dev"]).expect(0);
    wait_for("the person's member to go", || {
        let left = engine.left(&home);
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
}

fn what_can_not_be_prepared_is_said_with_its_output(engine: Engine) {
    let home = engine.home(Home::with_daemon());
    let job = "[pipelines.ci.jobs.a]\nengine = \"docker\"\nenvironment = \"dev\"\nsteps = [\"true\"]\n";
    let project = home.project("shop", &(definition("setup = [\"echo trying; exit 3\"]") + job));
    let up = home.run(&project, &["env", "up", "dev"]).expect(1);
    contains(&up.all(), "`echo trying; exit 3` of `setup` failed (exit 3)");
    contains(&home.run(&project, &["env", "logs", "dev"]).expect(0).stdout, "trying\nnot ready: ");
    contains(&home.run(&project, &["run"]).expect(1).all(), "of `setup` failed");
    // Health: what never gets well is not handed out; what does, is.
    project.write("gonogo.toml", &definition("command = \"sleep 0.4; touch /tmp/well; sleep 60\"\nhealth = { command = \"test -e /tmp/well\", interval = \"100ms\", retries = 50 }"));
    home.run(&project, &["env", "up", "dev"]).expect(0);
    home.run(&project, &["env", "exec", "dev", "test", "-e", "/tmp/well"]).expect(0);
    wait_states(&home, &project, &["ready"]);
    let before = members(&home, &project);
    home.run(&project, &["env", "exec", "dev", "rm", "/tmp/well"]).expect(0);
    wait_for("a member that is well", || {
        let now = members(&home, &project);
        let is_other = now.iter().any(|(id, state)| *id != before[0].0 && state == "ready");
        if is_other { Ok(()) } else { Err(format!("{now:?}")) }
    });
    home.run(&project, &["env", "down", "dev"]).expect(0);
    expect_nothing(&engine, &home);
}

fn old_members_and_those_of_projects_that_are_gone_are_collected(engine: Engine) {
    let home = engine.home(Home::with_daemon());
    let project = home.project("shop", &definition("pool = 2"));
    let other = home.project("gone", &definition(""));
    home.run(&project, &["env", "up", "dev"]).expect(0);
    home.run(&other, &["env", "up", "dev"]).expect(0);
    contains(&home.ask(&["env", "gc"]).expect(0).stdout, "nothing is old");
    let before = members(&home, &project);
    contains(&home.ask(&["env", "gc", "--keep", "1", "--dry-run"]).expect(0).stdout, "would go: ");
    assert_eq!(members(&home, &project).len(), 2);
    let gone = home.ask(&["env", "gc", "--keep", "1", "--json"]).expect(0).json();
    assert_eq!(gone["members"].as_array().unwrap().len(), 1, "{gone}");
    // The pool is filled again by one that is younger.
    wait_states(&home, &project, &["ready", "ready"]);
    assert!(members(&home, &project) != before);
    std::fs::remove_dir_all(&other.root).unwrap();
    let gone = home.ask(&["env", "gc", "--json"]).expect(0).json();
    wait_for("those of the project that is gone to go", || {
        let status = home.ask(&["env", "status", "--all", "--json"]).json();
        let count = status["environments"].as_array().unwrap().len();
        if count == 1 { Ok(()) } else { Err(format!("{gone} {status}")) }
    });
    home.run(&project, &["env", "down", "dev"]).expect(0);
    expect_nothing(&engine, &home);
}

fn without_a_daemon_a_member_is_made_for_who_asks_and_nothing_stays(engine: Engine) {
    let home = engine.home(Home::new());
    let job = "[pipelines.ci.jobs.a]\nengine = \"docker\"\nenvironment = \"dev\"\nsteps = [\"echo in it\"]\n";
    let project = home.project("shop", &(definition("") + job));
    home.run(&project, &["run"]).expect(0);
    assert_eq!(home.logs("1/a"), "in it\n");
    expect_nothing(&engine, &home);
    let mut exec = home.command(&project.root, &["env", "exec", "dev", "echo", "here"]);
    exec.stdout(Stdio::piped());
    assert_eq!(finish(exec).stdout, "here\n");
    expect_nothing(&engine, &home);
    contains(&home.run(&project, &["env", "up", "dev"]).expect(2).stderr, "only while a daemon keeps it");
}
