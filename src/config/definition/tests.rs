#![allow(clippy::unwrap_used)]
use super::*;
use crate::domain::{
    definition::{ApplyInto, EngineKind, When, WorkspaceKind},
    diagnosis::Category,
    time::Millis,
};

fn right(source: &str) -> Definition {
    let loaded = parse(FILE_NAME, source, &FixPolicy::default());
    let said: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(said, Vec::<String>::new());
    loaded.definition
}

#[test]
fn every_key_arrives_where_it_belongs() {
    let definition = right(
        r#"
        [pipelines.ci]
        on = ["push", "pull_request"]
        env = { A = 1, B = true, C = "x", D = 3.10 }
        concurrency = { group = "ci", cancel-running = true }

        [pipelines.ci.jobs.test]
        needs = ["lint", "ok"]
        engine = "docker"
        image = "python:${{ matrix.python }}"
        matrix = { python = [3.10, "3.12"], fast = [true] }
        cache = [{ path = ".venv", key = ["requirements.txt"] }]
        steps = [
          "pip install -r requirements.txt",
          { name = "unit", run = "pytest -q", dir = "a/b", env = { X = 0x1F }, timeout = "90s", reports = ["r.xml"], allow-failure = true },
        ]
        timeout = "1h 30m"
        retry = { attempts = 2, on = ["network"], wait = "5s" }
        env = { CI = "1" }
        secrets = ["DATABASE_URL"]
        inputs = ["src/**"]
        tools = ["python --version"]
        artifacts = ["dist/*"]
        on = ["push"]
        when = "always"
        tty = true
        workspace = "isolated"
        deploy = "production"

        [pipelines.ci.jobs.lint]
        steps = ["ruff check ."]

        [pipelines.ci.gates.ok]
        question = "Go on?"
        needs = ["lint"]

        [pipelines.second]
        concurrency = "one"
        [pipelines.second.jobs.a]
        steps = ["true"]

        [environments.production]
        url = "https://example.org"

        [fix]
        attempts = 5
        auto = ["format"]
        never = ["infra/**"]
        apply = "working-tree"
        max-lines = 10
        enabled = false
        [fix.commands]
        lint = "ruff check --fix ."
        test = ["a", "b"]
        "#,
    );
    let ci = definition.pipeline("ci").unwrap();
    assert_eq!(ci.on, ["push", "pull_request"]);
    assert_eq!(ci.env["A"], "1");
    assert_eq!(ci.env["B"], "true");
    assert_eq!(ci.env["D"], "3.10", "as typed, not as a number");
    assert!(ci.concurrency.as_ref().unwrap().cancel_running);
    assert_eq!(definition.pipelines[1].concurrency.as_ref().unwrap().group, "one");
    let names: Vec<&str> = ci.jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(names, ["test", "lint"], "in the order of the file");
    let test = &ci.jobs[0];
    assert_eq!(test.engine, EngineKind::Docker);
    assert_eq!(test.matrix["python"], ["3.10", "3.12"]);
    assert_eq!(test.matrix["fast"], ["true"]);
    assert_eq!(test.steps[0].name, "pip install -r requirements.txt");
    assert_eq!(test.steps[1].dir.as_deref(), Some("a/b"));
    assert_eq!(test.steps[1].env["X"], "0x1F");
    assert_eq!(test.steps[1].timeout, Some(Millis(90_000)));
    assert!(test.steps[1].allow_failure);
    assert_eq!(test.timeout, Some(Millis(5_400_000)));
    assert_eq!((test.retry.attempts, test.retry.wait), (2, Millis(5000)));
    assert_eq!(test.retry.on, [Category::Network]);
    assert_eq!((test.when, test.workspace, test.tty), (When::Always, WorkspaceKind::Isolated, true));
    assert_eq!(test.deploy.as_deref(), Some("production"));
    assert_eq!(ci.gates[0].question, "Go on?");
    let fix = &definition.fix;
    assert_eq!((fix.enabled, fix.attempts, fix.max_lines, fix.apply), (false, 5, 10, ApplyInto::WorkingTree));
    assert_eq!(fix.commands["lint"], ["ruff check --fix ."]);
    assert_eq!(fix.commands["test"], ["a", "b"]);
}

#[test]
fn a_wrong_fix_policy_keeps_what_is_right_and_applies_nothing_by_itself() {
    let source = "[pipelines.ci.jobs.a]\nsteps = [\"true\"]\n[fix]\nauto = [\"format\"]\nnever = [\"infra/**\"]\nattempts = -1\n";
    let loaded = parse(FILE_NAME, source, &FixPolicy::default());
    assert_eq!(loaded.problems.len(), 1);
    assert_eq!(loaded.definition.pipelines.len(), 1);
    assert_eq!(loaded.definition.fix.never, ["infra/**"]);
    assert_eq!(loaded.definition.fix.auto, []);
    assert_eq!(loaded.definition.fix.attempts, 3);
}

#[test]
fn the_users_policy_stands_where_the_file_says_nothing() {
    let user = FixPolicy { attempts: 7, apply: ApplyInto::Branch, ..FixPolicy::default() };
    let loaded = parse(FILE_NAME, "[pipelines.ci.jobs.a]\nsteps = [\"true\"]\n[fix]\nattempts = 2\n", &user);
    assert_eq!((loaded.definition.fix.attempts, loaded.definition.fix.apply), (2, ApplyInto::Branch));
}

#[test]
fn the_file_is_found_upwards_but_not_above_the_repository() {
    let top = tempfile::tempdir().unwrap();
    let repository = top.path().join("repository");
    let deep = repository.join("a/b");
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(top.path().join(FILE_NAME), "").unwrap();
    assert_eq!(find(&deep), Some(top.path().join(FILE_NAME)));
    std::fs::create_dir(repository.join(".git")).unwrap();
    assert_eq!(find(&deep), None);
    std::fs::write(repository.join(FILE_NAME), "").unwrap();
    assert_eq!(find(&deep), Some(repository.join(FILE_NAME)));
}

#[test]
fn a_file_that_is_no_text_is_said_to_be_none() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(FILE_NAME);
    std::fs::write(&file, b"[pipelines.ci.jobs.a]\nsteps = [\"\xff\xfe\"]\n").unwrap();
    let loaded = load(&file, &FixPolicy::default()).unwrap();
    assert_eq!(loaded.problems[0].line, 2);
    assert!(loaded.definition.pipelines.is_empty());
    assert!(load(&directory.path().join("none"), &FixPolicy::default()).is_err());
}

#[test]
fn any_cut_of_a_right_file_is_answered_without_a_panic_and_without_half_a_pipeline() {
    let source = include_str!("../../../assets/examples/release.toml");
    let whole = right(source);
    for (at, _) in source.char_indices() {
        let loaded = parse(FILE_NAME, &source[..at], &FixPolicy::default());
        for problem in &loaded.problems {
            assert!(problem.line >= 1 && problem.caret.1 >= 1, "{problem}");
        }
        for pipeline in &loaded.definition.pipelines {
            assert!(crate::domain::plan::check(pipeline).is_empty());
            let full = whole.pipeline(&pipeline.name);
            assert!(
                loaded.problems.is_empty() || full.is_none_or(|full| full == pipeline),
                "cut at {at}: {:?}",
                loaded.problems
            );
        }
    }
}

#[test]
fn any_line_lost_or_doubled_or_spoiled_is_answered_without_a_panic() {
    for source in
        [include_str!("../../../assets/examples/release.toml"), include_str!("../../../assets/examples/node.toml")]
    {
        let lines: Vec<&str> = source.lines().collect();
        for at in 0..lines.len() {
            for instead in [
                vec![],
                vec![lines[at]; 2],
                vec!["[["],
                vec!["\"\"\""],
                vec!["a = {"],
                vec!["é = \"${{\""],
                vec!["\u{0}"],
            ] {
                let changed = [&lines[..at], &instead, &lines[at + 1..]].concat().join("\n");
                for problem in parse(FILE_NAME, &changed, &FixPolicy::default()).problems {
                    assert!(problem.line <= lines.len() + 2 && !problem.message.contains("gonogo's own"), "{problem}");
                }
            }
        }
    }
}

#[test]
fn a_file_of_rubbish_is_soon_given_up() {
    let rubbish = "a = b c\n".repeat(3000) + &"[pipelines.x\nsteps\n".repeat(3000);
    let loaded = parse(FILE_NAME, &rubbish, &FixPolicy::default());
    assert!((1..100).contains(&loaded.problems.len()), "{}", loaded.problems.len());
    assert!(loaded.definition.pipelines.is_empty());
}

#[test]
fn files_of_other_systems_are_read_too() {
    let text = "\u{feff}[pipelines.ci.jobs.a]\r\nsteps = [\"true\"]\r\n";
    assert_eq!(right(text).pipelines[0].jobs[0].steps[0].run, "true");
    let wrong = parse(FILE_NAME, &text.replace("steps", "stepps"), &FixPolicy::default());
    assert_eq!((wrong.problems[0].line, wrong.problems[0].column), (2, 1));
    assert_eq!(wrong.problems[0].source_line, "stepps = [\"true\"]");
}

#[test]
fn matrix_values_are_put_in_in_caches_too() {
    let definition = right(include_str!("../../../assets/examples/release.toml"));
    let plan = crate::domain::plan::plan(&definition.pipelines[0], &definition.fix, &[]).unwrap();
    let caches: Vec<&str> = plan.jobs.iter().flat_map(|job| &job.spec.cache).map(|cache| cache.path.as_str()).collect();
    assert_eq!(caches, [".venv-3.11", ".venv-3.12", ".venv-3.13"]);
}
