//! What a job in a container can rely on.

use std::time::Duration;

use gonogo::domain::id::RunId;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::engine::{self, Engine, IMAGE};
use crate::home::{Home, contains, wait_for};

/// Each test on each engine that this machine has.
macro_rules! on_engines {
    ($($name:ident)*) => {
        mod docker {
            $(#[test] fn $name() {
                if let Some(engine) = super::engine::docker() { super::$name(&engine); }
            })*
        }

        /// All of it, one after the other, on an engine that is started for it.
        pub fn all(engine: &Engine) {
            $(
                eprintln!("{}", stringify!($name));
                $name(engine);
            )*
        }
    };
}

on_engines! {
    six_jobs_with_a_service_caches_artifacts_and_limits_leave_nothing_but_caches
    a_secret_is_seen_by_the_step_alone
    a_job_that_is_cancelled_or_takes_too_long_is_ended
    a_gonogo_that_was_killed_takes_its_container_up_again
    what_the_engine_can_not_do_is_said_with_a_hint
    files_belong_to_whoever_owns_the_workspace
    a_failing_job_is_repaired_and_proven_in_a_container_without_network
    steps_have_times_terminals_and_allowed_failures
}

fn job(text: &str) -> String {
    format!("engine = \"docker\"\nimage = \"{IMAGE}\"\n{text}\n")
}

/// No container, network or volume but those that start with a word.
#[track_caller]
fn expect_only(engine: &Engine, home: &Home, word: &str) {
    let others: Vec<String> = engine.left(home).into_iter().filter(|name| !name.contains(word)).collect();
    assert!(others.is_empty(), "left behind: {others:?}");
}

fn six_jobs_with_a_service_caches_artifacts_and_limits_leave_nothing_but_caches(engine: &Engine) {
    let home = engine.home(Home::new());
    let definition = [
        "[pipelines.ci.jobs.prepare]".to_owned(),
        job("cache = [{ path = \".deps\", key = [\"deps.txt\"] }]\n\
             steps = [\"cat .deps/list 2>/dev/null || echo cold\", \"cp deps.txt .deps/list\", \"ls /proc/1/environ\"]"),
        "[pipelines.ci.jobs.build]\nneeds = [\"prepare\"]".to_owned(),
        job("artifacts = [\"out/*\"]\nsteps = [\"mkdir -p out\", \"echo $WHAT > out/app; cat deps.txt >> out/app\"]\nenv = { WHAT = \"it's built\" }"),
        "[pipelines.ci.jobs.test]\nneeds = [\"build\"]".to_owned(),
        job("steps = [{ run = \"cat app\", dir = \"out\" }, \"wget -q -O - http://web:8080/hello\"]"),
        "[pipelines.ci.jobs.test.services.web]".to_owned(),
        format!("image = \"{IMAGE}\"\nenv = {{ SAY = \"hello from the service\" }}"),
        "command = \"echo the service starts; mkdir /www; echo $SAY > /www/hello; sleep 0.3; exec httpd -f -p 8080 -h /www\"".into(),
        "health = { command = \"wget -q -O /dev/null http://127.0.0.1:8080/hello\", interval = \"200ms\" }".into(),
        "[pipelines.ci.jobs.small]".to_owned(),
        job("limits = { memory = \"64 MiB\", pids = 32, cpus = 0.5 }\nread-only = true\ntmpfs = [\"/scratch\"]\nnetwork = \"none\"\n\
             steps = [\"! touch /nowhere 2>/dev/null\", \"touch /scratch/x\", \"cat /proc/self/status | grep NoNewPrivs\", \"ip -o link | wc -l\"]"),
        "[pipelines.ci.jobs.greedy]\nneeds = [\"small\"]".to_owned(),
        job("limits = { memory = \"32 MiB\" }\nsteps = [\"head -c 200m /dev/zero | tail\"]"),
        "[pipelines.ci.jobs.killed]\nneeds = [\"small\"]".to_owned(),
        job("steps = [\"sh -c 'kill -9 $$'\"]"),
    ]
    .join("\n");
    let project = home.project_with("shop", &[("gonogo.toml", &definition), ("deps.txt", "one\ntwo\n")]);
    for round in 1..=2 {
        let ran = home.run(&project, &["run"]);
        assert_eq!(ran.code(), 1, "{ran:?}");
        let status = |key: &str| home.job(round, key)["status"].as_str().unwrap().to_owned();
        for key in ["prepare", "build", "test", "small"] {
            assert_eq!(status(key), "passed", "{key}: {ran:?}");
        }
        let first = if round == 1 { "cold\n" } else { "one\ntwo\n" };
        contains(&home.logs(&format!("{round}/prepare")), first);
        contains(&home.logs(&format!("{round}/test")), "it's built\none\ntwo\nhello from the service\n");
        contains(&home.logs(&format!("{round}/test:web")), "the service starts");
        assert_eq!(home.logs(&format!("{round}/small")), "NoNewPrivs:\t1\n1\n");
        // Out of memory is told from a signal that looks the same.
        contains(&home.ask(&["status", &round.to_string()]).stdout, "out of memory");
        contains(&ran.all(), "out of memory (limit 33 MB)");
        contains(&ran.all(), "killed: failed (exit 137)");
        let kept = home.gonogo().join(format!("state/artifacts/{round}/build/out/app"));
        assert_eq!(std::fs::read_to_string(kept).unwrap(), "it's built\none\ntwo\n");
        expect_only(engine, &home, "gonogo-cache-");
    }
    engine.forget(&home);
}

fn a_secret_is_seen_by_the_step_alone(engine: &Engine) {
    const SECRET: &str = "correct-horse-battery";
    let home = engine.home(Home::new()).variable("TOKEN", SECRET);
    let steps = "secrets = [\"TOKEN\"]\nsteps = [\"echo it is $TOKEN; echo ${#TOKEN} > length; sleep 3\"]";
    let project = home.project("shop", &format!("[pipelines.ci.jobs.a]\n{}", job(steps)));
    let running = home.start(&project, &["run"]);
    wait_for("the step to begin", || match home.ask(&["logs", "1/a"]).stdout {
        log if log.contains("it is") => Ok(()),
        log => Err(log),
    });
    let said = engine.inspect(&home);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(!said[0].to_string().contains(SECRET), "inspect shows it");
    let ran = running.finish();
    assert_eq!(ran.code(), 0, "{ran:?}");
    assert_eq!(project.read("length"), format!("{}\n", SECRET.len()));
    assert_eq!(home.logs("1/a"), "it is ***TOKEN***\n");
    for entry in ["records.db", "records.db-wal"] {
        let bytes = std::fs::read(home.gonogo().join("state").join(entry)).unwrap_or_default();
        assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "{entry}");
    }
    expect_only(engine, &home, "-");
}

fn a_job_that_is_cancelled_or_takes_too_long_is_ended(engine: &Engine) {
    let home = engine.home(Home::with_daemon());
    let stubborn = "steps = [\"trap 'echo asked' TERM; echo begun; while :; do sleep 0.1; done\", \"echo never\"]";
    let slow = "timeout = \"1s\"\nsteps = [\"sleep 600; echo never\"]";
    let project = home
        .project("shop", &format!("[pipelines.ci.jobs.a]\n{}[pipelines.slow.jobs.b]\n{}", job(stubborn), job(slow)));
    assert_eq!(home.run(&project, &["run", "--detach"]).code(), 0);
    wait_for("the step to begin", || match home.ask(&["logs", "1/a"]).stdout {
        log if log.contains("begun") => Ok(()),
        log => Err(log),
    });
    assert_eq!(home.run(&project, &["cancel", "1"]).code(), 0);
    wait_for("the run to end", || match home.status_of(1)["outcome"].as_str() {
        Some("cancelled") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let log = home.logs("1/a");
    assert!(log.contains("asked") && !log.contains("never"), "{log}");
    expect_nothing(engine, &home);
    let ran = home.run(&project, &["run", "slow"]);
    contains(&ran.all(), "timed out after 1.0s");
    expect_nothing(engine, &home);
}

/// Two outputs are the same; where they aren't, the first line that differs is told, and no more of thousands.
#[track_caller]
pub fn same_lines(found: &str, wanted: &str) {
    let different = found.lines().zip(wanted.lines()).enumerate().find(|(_, (found, wanted))| found != wanted);
    assert!(different.is_none(), "line {:?} differs", different.map(|(line, texts)| (line + 1, texts)));
    assert_eq!((found.lines().count(), found.len()), (wanted.lines().count(), wanted.len()));
}

#[track_caller]
pub fn expect_nothing(engine: &Engine, home: &Home) {
    wait_for("nothing to be left", || {
        let left = engine.left(home);
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
}

fn a_gonogo_that_was_killed_takes_its_container_up_again(engine: &Engine) {
    let home = engine.home(Home::with_daemon()).variable("TOKEN", "correct-horse-battery");
    let steps = "secrets = [\"TOKEN\"]\nsteps = [\"i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i $TOKEN; [ $((i % 100)) = 0 ] && sleep 0.1; done; printf 'no end of line'\", \"echo second; echo made > made.txt; rm old.txt\"]";
    let after = "[pipelines.ci.jobs.after]\nneeds = [\"a\"]\nsteps = [\"echo after\"]\n";
    let definition = format!("[pipelines.ci.jobs.a]\n{}{after}", job(steps));
    let project = home.project_with("shop", &[("gonogo.toml", &definition), ("old.txt", "")]);
    assert_eq!(home.run(&project, &["run", "--detach"]).code(), 0);
    let mut killed = 0;
    while home.status_of(1)["outcome"].is_null() {
        wait_for("some output", || match home.ask(&["logs", "1/a"]).stdout.lines().count() {
            lines if lines > 100 => Ok(()),
            lines => Err(format!("{lines} lines")),
        });
        if killed < 3 {
            let pid = home.ask(&["daemon", "status", "--json"]).json()["pid"].as_i64().unwrap();
            kill(Pid::from_raw(pid as i32), Signal::SIGKILL).unwrap();
            killed += 1;
            assert_eq!(home.ask(&["daemon", "start"]).code(), 0);
        }
        std::thread::sleep(Duration::from_millis(700));
    }
    assert_eq!(home.status_of(1)["outcome"], "passed", "{}", home.ask(&["status", "1"]).stdout);
    assert!(killed > 1);
    let mut wanted: String = (1..=3000).map(|i| format!("line {i} ***TOKEN***\n")).collect();
    wanted.push_str("no end of line\nsecond\n");
    same_lines(&home.logs("1/a"), &wanted);
    assert!(project.read("made.txt") == "made\n" && !project.has("old.txt"), "what it changed is here");
    let state = home.state();
    let attempt = state.runs[&RunId(1)].jobs[0].attempt().unwrap();
    let steps: Vec<_> = attempt.steps.iter().map(|step| (step.index, step.exit)).collect();
    assert_eq!(steps, [(0, Some(0)), (1, Some(0))], "each once");
    expect_nothing(engine, &home);
    // One whose container is gone with all that it knew is lost, and one that was never started is begun.
}

fn what_the_engine_can_not_do_is_said_with_a_hint(engine: &Engine) {
    let home = engine.home(Home::new());
    let project = home.project(
        "shop",
        "[pipelines.ci.jobs.a]\nengine = \"docker\"\nimage = \"gonogo-test/there-is-none:1\"\npull = \"never\"\nsteps = [\"true\"]\n\
         [pipelines.where.jobs.a]\nengine = \"docker\"\nimage = \"x\"\nruns-on = \"nowhere\"\nsteps = [\"true\"]\n",
    );
    let ran = home.run(&project, &["run"]);
    contains(&ran.all(), "image missing");
    contains(&home.ask(&["status", "1"]).stdout, "there-is-none");
    let ran = home.run(&project, &["run", "where"]);
    contains(&ran.all(), "no such engine");
    expect_nothing(engine, &home);
}

fn files_belong_to_whoever_owns_the_workspace(engine: &Engine) {
    let home = engine.home(Home::new());
    // Somebody of the image who is not the owner: the workspace is sent, and what they made is brought back.
    let sent = "user = \"1000:1000\"\ncache = [{ path = \".c\" }]\nsteps = [\"id -u; echo more >> a.txt; mkdir d; echo new > d/b.txt; ln -s b.txt d/link; rm gone.txt; touch .c/x\"]";
    let project = home.project_with(
        "shop",
        &[
            ("gonogo.toml", &format!("[pipelines.ci.jobs.a]\n{}", job(sent))),
            ("a.txt", "one\n"),
            ("gone.txt", ""),
            ("same.txt", "same"),
        ],
    );
    let ran = home.run(&project, &["run"]);
    assert_eq!(ran.code(), 0, "{ran:?}");
    contains(&home.logs("1/a"), "1000\n");
    assert_eq!((project.read("a.txt").as_str(), project.read("d/b.txt").as_str()), ("one\nmore\n", "new\n"));
    assert_eq!(std::fs::read_link(project.root.join("d/link")).unwrap().to_str(), Some("b.txt"));
    assert!(!project.has("gone.txt") && project.has("same.txt"));
    use std::os::unix::fs::MetadataExt as _;
    let owner = |path: &str| std::fs::metadata(project.root.join(path)).unwrap().uid();
    assert_eq!(owner("d/b.txt"), owner("same.txt"));
    expect_only(engine, &home, "gonogo-cache-");
    engine.forget(&home);
}

fn a_failing_job_is_repaired_and_proven_in_a_container_without_network(engine: &Engine) {
    let home = engine.home(Home::new());
    home.settings("[limits]\njobs = 2\ngrace = \"1s\"\n");
    // The check writes down how many links it sees: one without a network, two with one.
    let definition = format!(
        "[pipelines.ci.jobs.lint]\n{}[fix]\napply = \"commit\"\n[fix.commands]\nlint = [\"sed -i s/colour/color/ a.txt\"]\n",
        job(
            "steps = [\"echo links $(ip -o link | wc -l)\", \"if grep -n colour a.txt; then echo 'a.txt:1:1: error: spelled wrong'; exit 1; fi\"]"
        )
    );
    let project = home.project_with("shop", &[("gonogo.toml", &definition), ("a.txt", "the colour\n")]);
    let ran = home.run(&project, &["run"]);
    contains(&ran.all(), "gonogo go 1");
    home.run(&project, &["go", "1"]).expect(0);
    let ran = home.run(&project, &["run"]);
    assert_eq!(ran.code(), 0, "{ran:?}");
    assert_eq!(project.read("a.txt"), "the color\n");
    contains(&project.git(&["log", "-1", "--format=%B"]), "lint");
    let proof = home.ask(&["logs", "1/lint", "--repair"]).stdout;
    contains(&proof, "links 1");
    contains(&home.logs("1/lint"), "links 2");
    expect_nothing(engine, &home);
}

fn steps_have_times_terminals_and_allowed_failures(engine: &Engine) {
    let home = engine.home(Home::new());
    let steps = "steps = [{ run = \"echo one; sleep 600\", timeout = \"500ms\", allow-failure = true }, { run = \"exit 3\", allow-failure = true }, \"echo last\"]";
    let tty = "tty = true\nenv = { LONG = \"LONG_VALUE\" }\nsteps = [\"test -t 1 && echo a terminal; echo ${#LONG}\"]"
        .replace("LONG_VALUE", &"x".repeat(9000));
    let definition = format!("[pipelines.ci.jobs.a]\n{}[pipelines.ci.jobs.b]\n{}", job(steps), job(&tty));
    let project = home.project("shop", &definition);
    let ran = home.run(&project, &["run"]);
    assert_eq!(ran.code(), 0, "{ran:?}");
    let log = home.logs("1/a");
    assert!(log.starts_with("one\n") && log.ends_with("last\n"), "{log}");
    assert_eq!(home.logs("1/b"), "a terminal\n9000\n");
    expect_nothing(engine, &home);
}
