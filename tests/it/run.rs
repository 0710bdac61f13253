//! Pipelines on the local engine: what runs, in which order, and what is said of it.

use std::fs;

use serde_json::json;

use crate::home::{Home, contains};

#[test]
fn a_run_whose_jobs_pass_ends_with_go() {
    let home = Home::new();
    let project = home.project("shop", "[pipelines.ci.jobs.build]\nsteps = [\"echo built\", \"echo tested\"]\n");
    let ran = home.run(&project, &["run"]).expect(0);
    contains(&ran.stdout, "run 1  ci › build");
    assert_eq!(home.logs("1/build"), "built\ntested\n");
    assert_eq!(home.status_of(1)["outcome"], "passed");
    home.ask(&["status", "1"]).expect(0);
}

#[test]
fn a_run_with_a_failed_job_ends_with_no_go_and_shows_the_end_of_its_output() {
    let home = Home::new();
    let project = home.project(
        "shop",
        "[pipelines.ci.jobs.build]\nsteps = [\"echo first\", \"cat missing.txt; exit 3\", \"echo never\"]\n",
    );
    let ran = home.run(&project, &["run"]).expect(1);
    contains(&ran.stdout, "missing.txt");
    assert!(!ran.stdout.contains("never"));
    let job = home.job(1, "build");
    assert_eq!(job["status"], "failed");
    assert_eq!(job["outcome"], json!({ "kind": "failed", "failure": { "kind": "exit", "code": 3 } }));
    home.ask(&["status", "1"]).expect(1);
}

#[test]
fn json_prints_each_record_once_and_in_order() {
    let home = Home::new();
    let project = home.project("shop", "[pipelines.ci.jobs.build]\nsteps = [\"echo built\"]\n");
    let ran = home.run(&project, &["run", "--json"]).expect(0);
    let seqs: Vec<u64> = ran.records().iter().map(|record| record["seq"].as_u64().unwrap()).collect();
    let first = seqs[0];
    assert!(seqs.iter().copied().eq(first..first + seqs.len() as u64), "{seqs:?}");
    let last = ran.records().pop().unwrap();
    assert_eq!(last["event"]["event"], json!({ "kind": "finished", "outcome": "passed" }));
    // The library reads what the program writes.
    for line in ran.stdout.lines() {
        serde_json::from_str::<gonogo::protocol::event::Record>(line).unwrap();
    }
}

#[test]
fn each_job_waits_for_what_it_needs() {
    let home = Home::new();
    let project = home.project(
        "shop",
        r#"
[pipelines.ci.jobs.ship]
needs = ["test", "lint"]
steps = ["echo ship >> ../order"]
[pipelines.ci.jobs.test]
needs = ["build"]
steps = ["echo test >> ../order"]
[pipelines.ci.jobs.lint]
needs = ["test"]
steps = ["echo lint >> ../order"]
[pipelines.ci.jobs.build]
steps = ["echo build >> ../order"]
"#,
    );
    home.run(&project, &["run"]).expect(0);
    assert_eq!(project.read("../order"), "build\ntest\nlint\nship\n");
}

#[test]
fn when_says_whether_a_job_follows_a_failure() {
    let home = Home::new();
    let project = home.project(
        "shop",
        r#"
[pipelines.ci.jobs.test]
steps = ["exit 1"]
[pipelines.ci.jobs.deploy]
needs = ["test"]
steps = ["echo deployed"]
[pipelines.ci.jobs.tell]
needs = ["test"]
when = "failure"
steps = ["echo told"]
[pipelines.ci.jobs.tidy]
needs = ["test"]
when = "always"
steps = ["echo tidied"]

[pipelines.good.jobs.test]
steps = ["true"]
[pipelines.good.jobs.tell]
needs = ["test"]
when = "failure"
steps = ["echo told"]
[pipelines.good.jobs.tidy]
needs = ["test"]
when = "always"
steps = ["echo tidied"]
"#,
    );
    home.run(&project, &["run"]).expect(1);
    let status = |run, job| home.job(run, job)["status"].as_str().unwrap().to_owned();
    assert_eq!(["test", "deploy", "tell", "tidy"].map(|job| status(1, job)), ["failed", "skipped", "passed", "passed"]);
    assert_eq!(home.job(1, "deploy")["skipped"], "needs test");
    home.run(&project, &["run", "good"]).expect(0);
    assert_eq!(["test", "tell", "tidy"].map(|job| status(2, job)), ["passed", "skipped", "passed"]);
}

#[test]
fn a_matrix_runs_each_combination_with_its_values() {
    let home = Home::new();
    let project = home.project(
        "shop",
        r#"
[pipelines.ci.jobs.test]
matrix = { color = ["red", "blue"], size = ["s", "m"] }
steps = ["echo ${{ matrix.color }}-$MATRIX_SIZE"]
"#,
    );
    home.run(&project, &["run"]).expect(0);
    let status = home.status_of(1);
    let keys: Vec<&str> = status["jobs"].as_array().unwrap().iter().map(|job| job["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["test [red, s]", "test [red, m]", "test [blue, s]", "test [blue, m]"]);
    assert_eq!(home.logs("1/test [blue, m]"), "blue-m\n");
}

#[test]
fn artifacts_of_a_job_that_passed_are_kept() {
    let home = Home::new();
    let project = home.project(
        "shop",
        "[pipelines.ci.jobs.build]\nartifacts = [\"dist/**\"]\nsteps = [\"mkdir -p dist/a && echo one > dist/a/one.txt && echo two > other.txt\"]\n",
    );
    home.run(&project, &["run"]).expect(0);
    assert_eq!(home.job(1, "build")["artifacts"], json!(["dist/a/one.txt"]));
    let kept = home.gonogo().join("state/artifacts/1/build/dist/a/one.txt");
    assert_eq!(fs::read_to_string(kept).unwrap(), "one\n");
}

#[test]
fn a_job_whose_inputs_have_not_changed_is_a_cache_hit_and_brings_its_artifacts_back() {
    let home = Home::new();
    let definition = r#"
[pipelines.ci.jobs.build]
inputs = ["src/**"]
artifacts = ["out.txt"]
steps = ["echo ran >> ../runs", "cat src/a.txt > out.txt"]
[pipelines.ci.jobs.use]
needs = ["build"]
steps = ["cat out.txt"]
"#;
    let project =
        home.project_with("shop", &[("gonogo.toml", definition), ("src/a.txt", "one\n"), (".gitignore", "out.txt\n")]);
    home.run(&project, &["run"]).expect(0);
    fs::remove_file(project.root.join("out.txt")).unwrap();
    let second = home.run(&project, &["run"]).expect(0);
    contains(&second.stdout, "ci › build: cached, saved");
    let job = home.job(2, "build");
    assert_eq!(job["status"], "cached");
    assert!(job["saved_ms"].is_u64(), "{job}");
    assert_eq!(home.logs("2/use"), "one\n");
    assert_eq!(project.read("../runs"), "ran\n");

    project.write("src/a.txt", "two\n");
    home.run(&project, &["run"]).expect(0);
    assert_eq!(home.job(3, "build")["status"], "passed");
    assert_eq!(home.logs("3/use"), "two\n");
    assert_eq!(project.read("../runs"), "ran\nran\n");
}

#[test]
fn only_failures_of_the_named_categories_are_tried_again() {
    let home = Home::new();
    let project = home.project(
        "shop",
        r#"
[pipelines.ci.jobs.fetch]
retry = { attempts = 3, on = ["network"], wait = "10ms" }
steps = ["if test -e ../fetched; then exit 0; fi; touch ../fetched; echo 'curl: (6) Could not resolve host: registry.example' >&2; exit 6"]
[pipelines.ci.jobs.test]
needs = ["fetch"]
retry = { attempts = 3, on = ["network"], wait = "10ms" }
steps = ["echo again >> ../tests; cat missing.txt"]
[pipelines.ci.jobs.offline]
retry = { attempts = 2, on = ["network"], wait = "10ms" }
steps = ["echo again >> ../offline; echo 'curl: (6) Could not resolve host: registry.example' >&2; exit 6"]
"#,
    );
    let ran = home.run(&project, &["run"]).expect(1);
    contains(&ran.stdout, "attempt 2 of 3");
    let fetch = home.job(1, "fetch");
    assert_eq!((&fetch["status"], &fetch["attempts"]), (&json!("passed"), &json!(2)));
    assert_eq!(home.job(1, "test")["attempts"], 1);
    assert_eq!(project.read("../tests"), "again\n");
    // The first attempt counts too.
    assert_eq!(home.job(1, "offline")["attempts"], 2);
    assert_eq!(project.read("../offline"), "again\nagain\n");
    // Each attempt has an output of its own.
    contains(&home.ask(&["logs", "1/fetch", "--attempt", "1"]).expect(0).stdout, "registry.example");
    assert_eq!(home.logs("1/fetch"), "");
}

#[test]
fn retry_runs_the_failed_jobs_of_a_run_again_and_no_others() {
    let home = Home::new();
    let project = home.project(
        "shop",
        r#"
[pipelines.ci.jobs.build]
steps = ["echo build >> ../order"]
[pipelines.ci.jobs.test]
needs = ["build"]
steps = ["echo test >> ../order; test -e ready"]
[pipelines.ci.jobs.ship]
needs = ["test"]
steps = ["echo ship >> ../order"]
"#,
    );
    home.run(&project, &["run"]).expect(1);
    project.write("ready", "");
    home.run(&project, &["retry", "1"]).expect(0);
    assert_eq!(project.read("../order"), "build\ntest\ntest\nship\n");
    assert_eq!(home.status_of(1)["outcome"], "passed");
    let no = home.run(&project, &["retry", "1"]).expect(1);
    contains(&no.stderr, "hint: `--all` runs them all again");
    home.run(&project, &["retry", "1", "--job", "test"]).expect(0);
    assert_eq!(project.read("../order"), "build\ntest\ntest\nship\ntest\nship\n");
}

#[test]
fn only_the_jobs_asked_for_run_with_what_they_need() {
    let home = Home::new();
    let project = home.project(
        "shop",
        r#"
[pipelines.ci.jobs.build]
steps = ["echo build >> ../order"]
[pipelines.ci.jobs.test]
needs = ["build"]
steps = ["echo test >> ../order"]
[pipelines.ci.jobs.docs]
steps = ["echo docs >> ../order"]
"#,
    );
    home.run(&project, &["run", "--job", "test"]).expect(0);
    assert_eq!(project.read("../order"), "build\ntest\n");
    let ran = home.run(&project, &["run", "--job", "tests"]).expect(2);
    contains(&ran.all(), "tests");
    contains(&ran.all(), "build");
}

#[test]
fn an_event_chooses_the_pipeline_and_the_jobs() {
    let home = Home::new();
    let project = home.project(
        "shop",
        r#"
[pipelines.nightly]
on = ["schedule"]
[pipelines.nightly.jobs.soak]
steps = ["true"]

[pipelines.ci]
on = ["push", "pull_request"]
[pipelines.ci.jobs.test]
steps = ["true"]
[pipelines.ci.jobs.publish]
on = ["push"]
steps = ["true"]
"#,
    );
    home.run(&project, &["run", "--on", "pull_request"]).expect(0);
    let run = home.status_of(1);
    assert_eq!(run["pipeline"], "ci");
    assert_eq!(home.job(1, "publish")["skipped"], "not for this trigger");
}

#[test]
fn a_step_that_may_fail_does_not_fail_the_job() {
    let home = Home::new();
    let project = home.project(
        "shop",
        "[pipelines.ci.jobs.test]\nsteps = [{ run = \"exit 5\", allow-failure = true }, \"echo after\"]\n",
    );
    home.run(&project, &["run"]).expect(0);
    assert_eq!(home.logs("1/test"), "after\n");
}

#[test]
fn steps_run_where_they_say_and_a_missing_directory_is_named() {
    let home = Home::new();
    let project = home.project_with(
        "shop",
        &[
            (
                "gonogo.toml",
                "[pipelines.ci.jobs.a]\nsteps = [{ run = \"basename $PWD\", dir = \"web\" }]\n[pipelines.ci.jobs.b]\nsteps = [{ run = \"true\", dir = \"gone\" }]\n",
            ),
            ("web/index.html", ""),
        ],
    );
    let ran = home.run(&project, &["run"]).expect(1);
    assert_eq!(home.logs("1/a"), "web\n");
    contains(&ran.stdout, "gone is not there");
}
