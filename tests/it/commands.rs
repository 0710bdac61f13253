//! The commands beside `run`: what they print, for people and for programs, and what they do.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::home::{Home, Project, contains, finish};

/// A job that fails until the word is good, and the project's own fixer for it.
const WORD: &str = r#"
[pipelines.ci.jobs.check]
steps = ["grep -q good word.txt || { echo 'word.txt:1:1: error: the word is not good'; exit 1; }"]
[fix]
enabled = true
[fix.commands]
check = "echo good > word.txt"
"#;

/// A project whose first run has failed, and whose repair waits for an answer.
fn proposed(home: &Home) -> Project {
    let project = home.project_with("shop", &[("gonogo.toml", WORD), ("word.txt", "bad\n"), ("other.txt", "one\n")]);
    let ran = home.run(&project, &["run"]).expect(1);
    contains(&ran.stdout, "gonogo go 1");
    project
}

fn commits(project: &Project) -> usize {
    project.git(&["log", "--format=%h"]).lines().count()
}

#[test]
fn go_applies_what_was_proven_and_the_next_run_is_green() {
    let home = Home::new();
    let project = proposed(&home);
    let shown = home.ask(&["approvals", "1"]).expect(0).stdout;
    contains(&shown, "-bad");
    contains(&shown, "+good");
    home.run(&project, &["go", "1"]).expect(0);
    assert_eq!(commits(&project), 2);
    contains(&project.git(&["log", "-1", "--format=%B"]), "Gonogo-Proposal: ");
    assert_eq!(project.read("word.txt"), "good\n");
    assert_eq!(home.status_of(2)["outcome"], "passed");
    assert_eq!(home.status_of(1)["followed_by"], 2);
    contains(&home.run(&project, &["go", "1"]).expect(1).stderr, "already answered by tester");
    contains(&home.run(&project, &["nogo", "1"]).expect(1).stderr, "already answered by tester");
}

#[test]
fn nogo_changes_nothing_and_keeps_the_words() {
    let home = Home::new();
    let project = proposed(&home);
    home.run(&project, &["nogo", "1", "--why", "the word is right"]).expect(0);
    assert_eq!(commits(&project), 1);
    assert_eq!(project.read("word.txt"), "bad\n");
    assert!(home.records().iter().any(|record| record["event"]["event"]["why"] == "the word is right"));
    assert_eq!(home.ask(&["approvals", "--json"]).expect(0).json(), json!([]));
}

#[test]
fn go_into_a_branch_leaves_the_checkout_as_it_is() {
    let home = Home::new();
    let project = proposed(&home);
    home.run(&project, &["go", "1", "--into", "branch"]);
    assert_eq!(commits(&project), 1);
    assert_eq!(project.read("word.txt"), "bad\n");
    assert_eq!(project.git(&["status", "--porcelain=v1"]), "");
    let branches = project.git(&["branch", "--format=%(refname:short)"]);
    let branch = branches.lines().find(|name| name.starts_with("gonogo/fix-check-")).unwrap();
    assert_eq!(project.git(&["show", &format!("{branch}:word.txt")]), "good");
}

#[test]
fn go_into_the_working_tree_commits_nothing() {
    let home = Home::new();
    let project = proposed(&home);
    home.run(&project, &["go", "1", "--into", "working-tree"]).expect(0);
    assert_eq!(commits(&project), 1);
    assert_eq!(project.git(&["status", "--porcelain=v1"]), " M word.txt");
    assert_eq!(project.read("word.txt"), "good\n");
}

#[test]
fn a_tree_that_has_moved_is_not_patched_and_the_way_on_is_named() {
    let home = Home::new();
    let project = proposed(&home);
    project.write("word.txt", "something else\n");
    project.commit("a change of mind");
    let ran = home.run(&project, &["go", "1"]).expect(1);
    contains(&ran.stderr, "the tree has moved under it: word.txt changed since the proof");
    contains(&ran.stderr, "hint: ");
    assert_eq!(project.read("word.txt"), "something else\n");
    assert_eq!(commits(&project), 2);
}

#[test]
fn a_change_elsewhere_does_not_hinder_a_repair() {
    let home = Home::new();
    let project = proposed(&home);
    project.write("other.txt", "two\n");
    project.write("new.txt", "new\n");
    home.run(&project, &["go", "1"]).expect(0);
    assert_eq!(project.git(&["diff", "--name-only", "HEAD~1", "HEAD"]), "word.txt");
    assert_eq!(project.git(&["status", "--porcelain=v1"]), " M other.txt\n?? new.txt");
}

#[test]
fn a_wrong_hash_is_refused() {
    let home = Home::new();
    let project = proposed(&home);
    let hash = home.ask(&["approvals", "1", "--json"]).json()["proposal"]["hash"].as_str().unwrap().to_owned();
    contains(&home.run(&project, &["go", "1", "--hash", "0000"]).expect(1).stderr, "look at it again");
    assert_eq!(commits(&project), 1);
    home.run(&project, &["go", "1", "--hash", &hash[..12]]).expect(0);
    assert_eq!(commits(&project), 2);
}

#[test]
fn undo_takes_an_applied_proposal_back_once() {
    let home = Home::new();
    let project = proposed(&home);
    home.run(&project, &["go", "1"]).expect(0);
    contains(&home.run(&project, &["undo", "1"]).expect(0).stdout, "taken back by commit");
    assert_eq!(project.read("word.txt"), "bad\n");
    assert_eq!(commits(&project), 3);
    contains(&home.run(&project, &["undo", "1"]).expect(1).stderr, "not applied");
}

#[test]
fn every_json_is_json() {
    let home = Home::new();
    let project = proposed(&home);
    let status = home.ask(&["status", "--json"]).expect(0).json();
    assert_eq!(status["projects"][0]["name"], "shop");
    assert_eq!(status["waiting"][0]["id"], "1");
    let run = home.status_of(1);
    assert_eq!(run["jobs"][0]["diagnosis"]["primary"]["file"], "word.txt");
    assert_eq!(run["proposals"][0]["status"], "waiting");
    assert_eq!(home.ask(&["approvals", "--json"]).expect(0).json()[0]["run"], 1);
    let lines = home.ask(&["logs", "1/check", "--json"]).expect(0).records();
    assert_eq!(
        (&lines[0]["line"], &lines[0]["text"]),
        (&json!(1), &json!("word.txt:1:1: error: the word is not good"))
    );
    for command in [
        &["doctor", "--json"][..],
        &["config", "check", "--json"],
        &["config", "path", "--json"],
        &["config", "schema"],
    ] {
        assert!(home.run(&project, command).json().is_object() || command[0] == "doctor", "{command:?}");
    }
    project.write("log.txt", "word.txt:1:1: error: the word is not good\n");
    let diagnosis = home.run(&project, &["diagnose", "log.txt", "--json"]).expect(0).json();
    assert_eq!(diagnosis["primary"]["line"], 1);
}

#[test]
fn logs_follows_a_job_to_its_end_and_begins_and_filters_where_it_is_told() {
    let home = Home::new();
    let steps = "echo one; touch ../started; while ! test -e ../go-on; do sleep 0.02; done; echo two; echo three";
    let project = home.project("shop", &format!("[pipelines.ci.jobs.talk]\nsteps = [{steps:?}]\n"));
    let run = home.start(&project, &["run"]);
    project.wait_for_file("../started");
    let follow = home.start(&project, &["logs", "1/talk", "-f"]);
    // Without -f it ends at once, while the job goes on.
    crate::home::wait_for("the first line", || {
        let now = home.logs("1/talk");
        if now == "one\n" { Ok(()) } else { Err(now) }
    });
    project.write("../go-on", "");
    assert_eq!(follow.finish().expect(0).stdout, "one\ntwo\nthree\n");
    run.finish().expect(0);
    assert_eq!(home.logs("1/talk#2"), "two\nthree\n");
    assert_eq!(home.ask(&["logs", "1/talk", "-n", "1"]).stdout, "three\n");
    assert_eq!(home.ask(&["logs", "--grep", "^t[hw]"]).stdout, "two\nthree\n");
    contains(&home.ask(&["logs", "--grep", "("]).expect(2).stderr, "pattern");
    assert_eq!(home.ask(&["logs", "--grep", "THREE", "-i"]).expect(0).stdout, "three\n");
    assert_eq!(home.ask(&["logs", "--grep", "THREE"]).expect(1).stdout, "");
    assert_eq!(
        home.ask(&["logs", "1", "--grep", "o$|e$", "--all"]).expect(0).stdout,
        "talk:1: one\ntalk:2: two\ntalk:3: three\n"
    );
}

#[test]
fn watch_of_one_run_shows_that_run_alone() {
    let home = Home::new();
    let project = home.project("shop", "[pipelines.ci.jobs.build]\nsteps = [\"true\"]\n");
    home.run(&project, &["run"]).expect(0);
    home.run(&project, &["run"]).expect(0);
    let seen = home.ask(&["watch", "2", "--json", "--since", "0", "--until-idle"]).expect(0).records();
    assert!(!seen.is_empty() && seen.iter().all(|record| record["event"]["run"] == 2), "{seen:?}");
    let later = home.ask(&["watch", "--json", "--since", "5", "--until-idle"]).expect(0).records();
    assert_eq!(later[0]["seq"], 6);
}

#[test]
fn completions_are_made_for_every_shell() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = home.ask(&["completions", shell]).expect(0).stdout;
        contains(&script, "approvals");
    }
    home.ask(&["completions", "tcsh"]).expect(2);
}

#[test]
fn doctor_finds_a_healthy_home_healthy_and_names_what_is_not() {
    let home = Home::new();
    let project = home.project("shop", "[pipelines.ci.jobs.build]\nsteps = [\"true\"]\n");
    home.run(&project, &["run"]).expect(0);
    let said = home.run(&project, &["doctor"]).expect(0).stdout;
    contains(&said, "nobody holds it");
    home.settings("[limits]\njobbs = 4\n");
    contains(&home.run(&project, &["doctor"]).expect(1).stdout, "gonogo config check");
    // What is right in the file still holds, and a run says what is wrong.
    contains(&home.run(&project, &["run"]).expect(0).stderr, "jobbs");
    home.settings("");
    std::fs::write(home.gonogo().join("state/records.db"), "this is no database, and long enough to be looked at as one ........................................................").unwrap();
    contains(&home.run(&project, &["doctor"]).expect(1).stdout, "can't be read");
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let home = Home::new();
    let project = home.project(
        "shop",
        "[pipelines.ci.jobs.count]\nsteps = [\"i=0; while test $i -lt 20000; do echo line $i; i=$((i+1)); done\"]\n",
    );
    home.run(&project, &["run"]).expect(0);
    for command in [
        "status",
        "status --json",
        "logs",
        "watch --since 0 --until-idle",
        "completions bash",
        "doctor",
        "config schema",
    ] {
        let mut shell = Command::new("sh");
        let script = format!("{{ \"$GONOGO\" {command}; echo $? > ../code; }} | head -c 10 > /dev/null; cat ../code");
        shell.args(["-c", &script]).current_dir(&project.root).env_clear().stdin(Stdio::null());
        shell.envs(home.environment()).env("GONOGO", env!("CARGO_BIN_EXE_gonogo"));
        let ran = finish(shell);
        assert_eq!((ran.stdout.trim(), ran.stderr.as_str()), ("0", ""), "{command}");
    }
    let mut full = home.command(&project.root, &["status", "--json"]);
    full.stdout(Stdio::from(std::fs::File::create("/dev/full").unwrap()));
    let output = full.output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{output:?}");
}

#[test]
fn what_gonogo_keeps_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    home.ask(&["doctor"]);
    let project = home.project("shop", "[pipelines.ci.jobs.build]\nsteps = [\"echo one\"]\n");
    home.run(&project, &["run"]).expect(0);
    let state = home.gonogo().join("state");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state) & 0o077, 0, "{:o}", mode(&state));
    for file in std::fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn init_writes_a_pipeline_that_runs_and_replaces_nothing_unasked() {
    let home = Home::new();
    let project = home.project_with("shop", &[("Makefile", "test:\n\t@echo tested by make\n")]);
    let shown = home.run(&project, &["init", "--print"]).expect(0).stdout;
    assert!(!project.has("gonogo.toml"));
    home.run(&project, &["init"]).expect(0);
    assert_eq!(project.read("gonogo.toml").trim_end(), shown.trim_end());
    contains(&home.run(&project, &["init"]).expect(2).stderr, "is there already");
    if crate::home::is_there("make") {
        home.run(&project, &["run"]).expect(0);
        let status: Value = home.status_of(1);
        assert!(status["jobs"].as_array().unwrap().iter().any(|job| job["status"] == "passed"), "{status}");
    }
}
