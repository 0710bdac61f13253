//! What gonogo does not do, and what it says then: what failed, why, and what to do.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::home::{Home, contains};

#[test]
fn without_a_gonogo_toml_the_way_on_is_named() {
    let home = Home::new();
    let project = home.project_with("shop", &[("README", "")]);
    let ran = home.run(&project, &["run"]).expect(2);
    contains(&ran.stderr, "error: there is no gonogo.toml in");
    contains(&ran.stderr, "hint: `gonogo init`");
    assert!(!home.gonogo().join("state").exists(), "something was recorded all the same");
}

#[test]
fn a_broken_gonogo_toml_is_answered_with_the_line() {
    let home = Home::new();
    let project = home.project("shop", "[pipelines.ci.jobs.build]\nsteps = [\"true\"]\nneds = [\"x\"]\n");
    let ran = home.run(&project, &["run"]);
    // What is right in it keeps working, so a mistake in a key is said where there is nothing else to run.
    contains(&home.run(&project, &["config", "check"]).expect(2).stdout, "gonogo.toml:3");
    drop(ran);
    project.write("gonogo.toml", "[pipelines.ci.jobs.build\nsteps = [\"true\"]\n");
    let ran = home.run(&project, &["run"]).expect(2);
    contains(&ran.all(), "gonogo.toml:1");
    contains(&ran.all(), "hint: ");
}

#[test]
fn an_unknown_pipeline_is_answered_with_those_that_there_are() {
    let home = Home::new();
    let project = home.project("shop", "[pipelines.ci.jobs.build]\nsteps = [\"true\"]\n");
    let ran = home.run(&project, &["run", "release"]).expect(2);
    contains(&ran.all(), "there is no pipeline `release`");
    contains(&ran.all(), "hint: pipelines: ci");
}

#[test]
fn an_engine_that_is_not_there_is_said_before_anything_runs() {
    let home = Home::new();
    let project = home.project(
        "shop",
        "[pipelines.ci.jobs.a]\nsteps = [\"touch ../ran\"]\n[pipelines.ci.jobs.b]\nengine = \"github\"\nsteps = [\"true\"]\n",
    );
    let ran = home.run(&project, &["run"]).expect(2);
    contains(&ran.all(), "job `b` wants the engine `github`");
    assert!(!project.has("../ran"));
}

#[test]
fn a_secret_without_a_value_fails_its_job_and_says_where_to_put_it() {
    let home = Home::new();
    let project = home
        .project("shop", "[pipelines.ci.jobs.ship]\nsecrets = [\"DEPLOY_TOKEN\"]\nsteps = [\"touch ../shipped\"]\n");
    let ran = home.run(&project, &["run"]).expect(1);
    contains(&ran.stdout, "no value for the secret DEPLOY_TOKEN");
    let outcome = home.job(1, "ship")["outcome"].clone();
    contains(outcome["failure"]["hint"].as_str().unwrap(), "set DEPLOY_TOKEN");
    assert!(!project.has("../shipped"));
}

#[test]
fn a_second_gonogo_is_told_who_holds_the_log_and_reads_beside_it() {
    let home = Home::new();
    let project = home.project("shop", "[pipelines.ci.jobs.wait]\nsteps = [\"touch ../started; sleep 600\"]\n");
    let first = home.start(&project, &["run"]);
    project.wait_for_file("../started");
    for args in [&["run"][..], &["cancel", "1"], &["retry", "1"], &["go", "1"]] {
        let ran = home.run(&project, args).expect(255);
        contains(&ran.stderr, &format!("process {}", first.pid()));
        contains(&ran.stderr, "hint: ");
    }
    assert_eq!(home.status_of(1)["outcome"], json!(null));
    contains(&home.ask(&["status"]).expect(0).stdout, "running");
    first.signal(Signal::SIGINT);
    first.finish().expect(1);
    home.expect_no_leftovers();
}

#[test]
fn before_anything_was_run_every_command_says_how_to_begin() {
    let home = Home::new();
    for args in [&["status"][..], &["watch"], &["logs"], &["approvals"]] {
        let ran = home.ask(args).expect(2);
        contains(&ran.stderr, "nothing has been run yet");
        contains(&ran.stderr, "hint: start with `gonogo run`");
    }
}

#[test]
fn what_is_not_there_is_answered_with_what_is() {
    let home = Home::new();
    let project = home.project("shop", "[pipelines.ci.jobs.build]\nsteps = [\"true\"]\n");
    home.run(&project, &["run"]).expect(0);
    let cases: &[(&[&str], i32, &str)] = &[
        (&["status", "9"], 2, "there is no run 9"),
        (&["logs", "9"], 2, "there is no run 9"),
        (&["logs", "1/tests"], 2, "its jobs: build"),
        (&["logs", "1/build", "--attempt", "4"], 2, "no attempt 4"),
        (&["approvals", "7"], 2, "there is no proposal 7"),
        (&["go", "7"], 1, "there is no proposal 7"),
        (&["nogo", "7"], 1, "there is no proposal 7"),
        (&["go", "1/ship"], 1, "has no gate `ship`"),
        (&["undo", "7"], 1, "there is no proposal 7"),
        (&["retry", "9"], 1, "there is no run 9"),
        (&["cancel", "9"], 1, "there is no run 9"),
        (&["cancel", "1"], 1, "already ended"),
        (&["retry", "1", "--job", "tests"], 1, "its jobs: build"),
        (&["go", "x/y/z"], 2, "error: "),
        (&["runn"], 2, "run"),
    ];
    for (args, code, said) in cases {
        let ran = home.run(&project, args);
        assert_eq!(ran.code(), *code, "{args:?}: {ran:?}");
        contains(&ran.stderr, said);
    }
}

#[test]
fn a_token_that_is_written_in_gonogo_toml_is_refused_before_it_is_recorded() {
    let home = Home::new();
    // Put together here, so that no tool that looks for tokens finds one in this file.
    let token = format!("ghp_{}", "a1B2c3D4e5".repeat(4).get(..36).unwrap());
    let definition = format!(
        "[pipelines.ci.jobs.ship]\nenv = {{ TOKEN = \"{token}\", PLAIN = \"8d7f6c5b4a\" }}\nsteps = [\"true\"]\n"
    );
    let project = home.project("shop", &definition);
    let ran = home.run(&project, &["run"]).expect(2);
    contains(&ran.all(), "looks like a token, in TOKEN");
    contains(&ran.all(), "`secrets`");
    assert!(!ran.all().contains(&token));
    assert!(!home.records().iter().any(|record| record.to_string().contains(&token)), "it was recorded");
    project.write("gonogo.toml", "[pipelines.ci.jobs.ship]\nenv = { PLAIN = \"8d7f6c5b4a\", HASH = \"4f2c1d9e4f2c1d9e4f2c1d9e4f2c1d9e4f2c1d9e\" }\nsteps = [\"true\"]\n");
    home.run(&project, &["run"]).expect(0);
}
