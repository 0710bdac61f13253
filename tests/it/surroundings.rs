//! What a step sees of the world: its environment, its directory, its terminal.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use crate::home::{Home, contains};

fn variables(output: &str) -> BTreeMap<&str, &str> {
    output.lines().filter_map(|line| line.split_once('=')).collect()
}

#[test]
fn a_step_sees_what_is_declared_and_nothing_of_its_parent() {
    let home = Home::new()
        .variable("AWS_SECRET_ACCESS_KEY", "not-for-you")
        .variable("EDITOR", "ed")
        .variable("SHARED", "parent");
    let project = home.project(
        "shop",
        r#"
[pipelines.ci]
env = { FROM_PIPELINE = "p", SHARED = "pipeline" }
[pipelines.ci.jobs.look]
env = { FROM_JOB = "j", SHARED = "job", NUMBER = 7 }
steps = [{ run = "env", env = { FROM_STEP = "s" } }, "env"]
"#,
    );
    home.run(&project, &["run", "--job", "look"]).expect(0);
    let output = home.logs("1/look");
    let (first, second) = output.split_at(output.len() / 2);
    let all = variables(&output);
    assert!(!output.contains("not-for-you") && !all.contains_key("EDITOR"), "{output}");
    assert_eq!(all["FROM_PIPELINE"], "p");
    assert_eq!(all["FROM_JOB"], "j");
    assert_eq!(all["SHARED"], "job");
    assert_eq!(all["NUMBER"], "7");
    contains(first, "FROM_STEP=s");
    assert!(!second.contains("FROM_STEP"), "a step's own variable reached the next:\n{second}");
    // Everything that is there has a reason to be.
    let known: BTreeSet<&str> = [
        "CARGO_HOME",
        "CI",
        "FROM_JOB",
        "FROM_PIPELINE",
        "FROM_STEP",
        "GONOGO",
        "GONOGO_ATTEMPT",
        "GONOGO_JOB",
        "GONOGO_JOB_ID",
        "GONOGO_RUN",
        "HOME",
        "LANG",
        "NUMBER",
        "OLDPWD",
        "PATH",
        "PWD",
        "RUSTUP_HOME",
        "RUSTUP_TOOLCHAIN",
        "SHARED",
        "SHLVL",
        "TERM",
        "TMPDIR",
        "TRACEPARENT",
        "USER",
        "_",
    ]
    .into();
    let unknown: Vec<&&str> = all.keys().filter(|name| !known.contains(**name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn each_job_has_a_span_of_its_own_in_the_trace_of_its_run() {
    let home = Home::new();
    let project = home.project(
        "shop",
        "[pipelines.ci.jobs.a]\nsteps = [\"echo $TRACEPARENT\"]\n[pipelines.ci.jobs.b]\nsteps = [\"echo $TRACEPARENT\"]\n",
    );
    home.run(&project, &["run"]).expect(0);
    home.run(&project, &["run"]).expect(0);
    let form = Regex::new("^00-([0-9a-f]{32})-([0-9a-f]{16})-01\n$").unwrap();
    let read = |what: &str| {
        let text = home.logs(what);
        let found = form.captures(&text).unwrap_or_else(|| panic!("{what}: {text:?}"));
        assert!(!found[1].bytes().all(|b| b == b'0') && !found[2].bytes().all(|b| b == b'0'), "{text}");
        (found[1].to_owned(), found[2].to_owned())
    };
    let [one, two, other] = ["1/a", "1/b", "2/a"].map(read);
    assert_eq!(one.0, two.0, "one trace a run");
    assert_ne!(one.0, other.0, "two runs are two traces");
    assert_eq!(BTreeSet::from([one.1, two.1, other.1]).len(), 3, "one span a job");
}

#[test]
fn an_isolated_job_sees_uncommitted_changes_and_leaves_the_checkout_alone() {
    let home = Home::new();
    let definition = r#"
[pipelines.ci.jobs.look]
workspace = "isolated"
steps = [
  "cat a.txt new.txt; test ! -e gone.txt; test ! -e ignored.txt; pwd",
  "echo spoiled > a.txt; rm new.txt; echo made > made.txt; git status --short > /dev/null",
]
"#;
    let files =
        [("gonogo.toml", definition), ("a.txt", "committed\n"), ("gone.txt", ""), (".gitignore", "ignored.txt\n")];
    let project = home.project_with("shop", &files);
    project.write("a.txt", "changed\n");
    project.write("new.txt", "new\n");
    project.write("ignored.txt", "ignored\n");
    std::fs::remove_file(project.root.join("gone.txt")).unwrap();
    let before = project.git(&["status", "--porcelain=v1"]);
    home.run(&project, &["run"]).expect(0);
    let output = home.logs("1/look");
    contains(&output, "changed\nnew\n");
    assert!(!output.contains(&format!("{}\n", project.root.display())), "it ran in the checkout: {output}");
    assert_eq!(project.git(&["status", "--porcelain=v1"]), before);
    assert_eq!(project.read("a.txt"), "changed\n");
    assert!(!project.has("made.txt"));
    assert_eq!(project.git(&["worktree", "list"]).lines().count(), 1);

    // The workspace is used again: nothing of the first run is in it.
    project.write("a.txt", "again\n");
    home.run(&project, &["run"]).expect(0);
    contains(&home.logs("2/look"), "again\nnew\n");
}

#[test]
fn a_job_with_a_terminal_has_one_and_one_without_has_none() {
    let home = Home::new();
    let look = "if test -t 1 && test -t 0; then echo terminal; stty size; else echo none; fi; echo $TERM";
    let project = home.project(
        "shop",
        &format!("[pipelines.ci.jobs.with]\ntty = true\nsteps = [{look:?}]\n[pipelines.ci.jobs.without]\nsteps = [{look:?}]\n"),
    );
    home.run(&project, &["run"]).expect(0);
    assert_eq!(home.logs("1/with"), "terminal\n50 160\nxterm-256color\n");
    assert_eq!(home.logs("1/without"), "none\ndumb\n");
}

#[test]
fn standard_input_is_empty_rather_than_waited_for() {
    let home = Home::new();
    let project = home.project("shop", "[pipelines.ci.jobs.read]\nsteps = [\"read answer || echo nothing to read\"]\n");
    home.run(&project, &["run"]).expect(0);
    assert_eq!(home.logs("1/read"), "nothing to read\n");
}

#[test]
fn a_server_left_by_one_step_serves_the_next_and_goes_with_the_job() {
    let home = Home::new();
    let project = home.project(
        "shop",
        "[pipelines.ci.jobs.serve]\nsteps = [\"(echo up; sleep 600) & echo $! > ../server\", \"kill -0 $(cat ../server) && echo served\"]\n",
    );
    home.run(&project, &["run"]).expect(0);
    let output = home.logs("1/serve");
    contains(&output, "up\n");
    contains(&output, "served\n");
    home.expect_no_leftovers();
}
