//! Which fixers are chosen, and the commands that they become.
#![allow(clippy::unwrap_used)]

use crate::domain::{
    definition::{FixPolicy, JobSpec, StepSpec},
    diagnosis::{Category, Diagnosis},
    plan::PlannedJob,
};

use super::{Fixer, How, Scene, fitting};

fn diagnosis(category: Category, tool: Option<&str>) -> Diagnosis {
    Diagnosis {
        category,
        tool: tool.map(str::to_owned),
        primary: None,
        diagnostics: Vec::new(),
        tests: Vec::new(),
        fingerprint: "f".into(),
        confidence: 1.0,
        evidence: None,
    }
}

fn job(steps: &[&str]) -> PlannedJob {
    let steps = steps.iter().map(|run| StepSpec { run: (*run).into(), ..StepSpec::default() }).collect();
    PlannedJob {
        key: "lint".into(),
        spec: JobSpec { name: "lint".into(), steps, ..JobSpec::default() },
        ..PlannedJob::default()
    }
}

fn chosen(steps: &[&str], category: Category, tool: Option<&str>, output: &str) -> Vec<Fixer> {
    let paths: Vec<String> =
        ["src/a.rs", "Cargo.toml", "a.py", "a.ts", "a.go", "go.mod", "package.json", "x.sh", "x.c", "x.tf", "x.rb"]
            .map(str::to_owned)
            .to_vec();
    let (job, diagnosis) = (job(steps), diagnosis(category, tool));
    let scene = Scene {
        job: &job,
        diagnosis: &diagnosis,
        output,
        paths: &paths,
        package_json: Some(r#"{"scripts": {"lint": "eslint --max-warnings 0 src", "fmt": "prettier --check ."}}"#),
        makefile: Some("all: x\n\nlint: deps\n\t@python3 -m black --check src\n\tfoo\n\nx:\n\tbar\n"),
    };
    fitting(&scene, &FixPolicy::default())
}

fn first(steps: &[&str], category: Category, tool: Option<&str>) -> String {
    match chosen(steps, category, tool, "").into_iter().next().map(|fixer| fixer.how) {
        Some(How::Command(command)) => command,
        other => format!("{other:?}"),
    }
}

#[test]
fn the_jobs_own_call_becomes_a_repair() {
    use Category::{Format, Lint};
    let cases = [
        ("cargo fmt --all -- --check", Format, "rustfmt", "cargo fmt --all"),
        ("cargo +nightly fmt --check", Format, "rustfmt", "cargo +nightly fmt"),
        (
            "cargo clippy --all-targets -- -D warnings -W clippy::pedantic",
            Lint,
            "clippy",
            "cargo clippy --fix --allow-dirty --allow-staged --allow-no-vcs --broken-code --all-targets -- -W warnings -W clippy::pedantic",
        ),
        ("ruff check --output-format github .", Lint, "ruff", "ruff check --fix ."),
        (".venv/bin/ruff format --check src", Format, "ruff", ".venv/bin/ruff format src"),
        ("pip install x && python3 -m black --check --diff .", Format, "black", "python3 -m black ."),
        ("poetry run isort --check-only .", Format, "isort", "poetry run isort ."),
        ("npx prettier --check 'src/**/*.ts'", Format, "prettier", "npx prettier --write 'src/**/*.ts'"),
        ("npm run lint", Lint, "eslint", "npx eslint --fix src"),
        ("npm run fmt", Format, "prettier", "npx prettier --write ."),
        ("make lint", Format, "black", "python3 -m black src"),
        ("test -z \"$(gofmt -l .)\"", Format, "gofmt", "gofmt -w ."),
        ("biome ci src", Lint, "biome", "biome check --write src"),
        ("shfmt -d .", Format, "shfmt", "shfmt -w ."),
        ("terraform fmt -check -recursive", Format, "terraform", "terraform fmt -recursive"),
        ("bundle exec rubocop --format json", Lint, "rubocop", "bundle exec rubocop -a"),
    ];
    for (step, category, tool, command) in cases {
        assert_eq!(first(&[step], category, Some(tool)), command, "{step}");
    }
}

#[test]
fn a_tool_that_the_job_hides_is_called_by_its_name() {
    assert_eq!(first(&["./ci.sh"], Category::Format, Some("rustfmt")), "cargo fmt --all");
    assert_eq!(first(&["tox"], Category::Lint, Some("ruff")), "ruff check --fix .");
}

#[test]
fn a_call_is_known_even_where_the_diagnosis_knows_no_tool() {
    assert_eq!(first(&["black --check ."], Category::Unknown, None), "black .");
    assert_eq!(first(&["pytest -q"], Category::Test, Some("pytest")), "None");
}

#[test]
fn the_projects_own_commands_come_first() {
    let (job, diagnosis) = (job(&["ruff check ."]), diagnosis(Category::Lint, Some("ruff")));
    let scene = Scene {
        job: &job,
        diagnosis: &diagnosis,
        output: "",
        paths: &["a.py".into()],
        package_json: None,
        makefile: None,
    };
    let policy = FixPolicy { commands: [("lint".into(), vec!["just fix".into()])].into(), ..FixPolicy::default() };
    let names: Vec<String> = fitting(&scene, &policy).into_iter().map(|fixer| fixer.name).collect();
    assert_eq!(names, ["fix.commands.lint", "ruff check"]);
}

#[test]
fn a_lock_file_that_does_not_fit_is_refreshed() {
    let said = "error: the lock file /w/Cargo.lock needs to be updated but --locked was passed to prevent this";
    let names: Vec<String> = chosen(&["cargo build --locked"], Category::Dependency, Some("cargo"), said)
        .into_iter()
        .map(|f| f.name)
        .collect();
    assert_eq!(names, ["cargo update --workspace"]);
    let said = "a.go:3:2: missing go.sum entry for module providing package x";
    assert_eq!(chosen(&["go build"], Category::Dependency, Some("go"), said)[0].name, "go mod tidy");
}

#[test]
fn the_compiler_is_asked_by_the_command_that_failed() {
    let asked = |step: &str, category| {
        let fixers = chosen(&[step], category, Some("rustc"), "");
        fixers.into_iter().find_map(|fixer| if let How::Rustc(command) = fixer.how { Some(command) } else { None })
    };
    assert_eq!(
        asked("cargo build --release --locked", Category::Type).unwrap(),
        "cargo check --release --locked --message-format=json"
    );
    assert_eq!(
        asked("cargo test -p x -- --nocapture", Category::Build).unwrap(),
        "cargo test --no-run -p x --message-format=json"
    );
    assert_eq!(
        asked("cargo clippy -- -D warnings", Category::Lint).unwrap(),
        "cargo clippy --message-format=json -- -D warnings"
    );
    assert_eq!(asked("make", Category::Type).unwrap(), "cargo check --all-targets --message-format=json");
    assert_eq!(asked("cargo test", Category::Test), None);
}
