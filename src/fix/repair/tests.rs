//! Whole repairs, with real git, real cargo and real processes.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, path::Path, sync::Mutex};

use crate::{
    domain::{
        definition::{ApplyInto, FixPolicy, JobSpec, StepSpec},
        diagnosis::{Category, Diagnosis, Diagnostic},
        id::{JobKey, ProjectId, ProposalId, RunId},
        outcome::{Failure, JobOutcome},
        patch::Patch,
        plan::{Plan, PlannedJob},
        proposal::{Proposal, RiskLevel},
        time::Millis,
    },
    workspace::{
        apply::{Approved, apply},
        repo::TreeId,
        sandbox::Sandbox,
    },
};

use super::{
    Case, Ended,
    port::{Attempted, CommandRun, JobRun, Progress, RepairError, RepairPort, Tried},
    repair, revise,
};

/// Runs the jobs of a plan as `sh -c` processes and reads their output with a few rules.
struct Shell {
    plan: Plan,
    told: Mutex<Vec<Progress>>,
}

async fn sh(command: &str, dir: &Path) -> std::process::Output {
    let mut sh = tokio::process::Command::new("sh");
    sh.args(["-c", command]).current_dir(dir).env("PYTHONDONTWRITEBYTECODE", "1").kill_on_drop(true);
    sh.env_remove("RUST_BACKTRACE").output().await.unwrap()
}

impl RepairPort for Shell {
    async fn run_job(&self, job: &JobKey, workspace: &Path, _label: &str) -> Result<JobRun, RepairError> {
        let job = self.plan.jobs.iter().find(|planned| planned.key == *job).unwrap();
        let mut all = Vec::new();
        for (number, step) in job.spec.steps.iter().enumerate() {
            let output = sh(&step.run, workspace).await;
            all.extend([output.stdout, output.stderr].concat());
            if !output.status.success() {
                let diagnosis = Some(diagnose(&String::from_utf8_lossy(&all)));
                let outcome = JobOutcome::Failed { failure: Failure::Exit { code: output.status.code().unwrap_or(1) } };
                return Ok(JobRun { outcome, output: all, diagnosis, step: Some(number), took: Millis(1) });
            }
        }
        Ok(JobRun { outcome: JobOutcome::Passed, output: all, diagnosis: None, step: None, took: Millis(1) })
    }

    async fn run_command(&self, command: &str, workspace: &Path, _label: &str) -> Result<CommandRun, RepairError> {
        let output = sh(command, workspace).await;
        Ok(CommandRun { status: output.status.code(), stdout: output.stdout, stderr: output.stderr })
    }

    async fn report(&self, progress: Progress) {
        self.told.lock().unwrap().push(progress);
    }
}

fn diagnose(output: &str) -> Diagnosis {
    let rules = [
        ("no route to host", Category::Network, None),
        ("error[E", Category::Build, Some("rustc")),
        ("clippy::", Category::Lint, Some("clippy")),
        ("Diff in", Category::Format, Some("rustfmt")),
        ("NameError", Category::Test, Some("python")),
        ("test result: FAILED", Category::Test, Some("cargo test")),
    ];
    let rule = rules.into_iter().find(|(mark, ..)| output.contains(mark));
    let (mark, category, tool) = rule.unwrap_or(("", Category::Unknown, None));
    let finding = |line: &str| Diagnostic { message: line.to_owned(), ..Diagnostic::default() };
    let diagnostics: Vec<Diagnostic> = output.lines().filter(|line| line.contains(mark)).map(finding).collect();
    let digits = |c: char| c.is_ascii_digit();
    Diagnosis {
        category,
        tool: tool.map(str::to_owned),
        primary: diagnostics.first().cloned(),
        tests: Vec::new(),
        fingerprint: format!("{category} {}", diagnostics.first().map_or("", |d| &d.message).replace(digits, ""))
            .as_str()
            .into(),
        diagnostics,
        confidence: 1.0,
        evidence: None,
    }
}

/// A repository, a plan, and what a repair of its first job came to.
struct Story {
    sandbox: Sandbox,
    shell: Shell,
    base: TreeId,
}

impl Story {
    /// Jobs are name, needs, steps.
    async fn new(files: &[(&str, &str)], jobs: &[(&str, &[&str], &[&str])]) -> Self {
        let sandbox = Sandbox::new(files).await;
        let planned = |(name, needs, steps): &(&str, &[&str], &[&str])| PlannedJob {
            key: (*name).into(),
            needs: needs.iter().map(|&need| need.into()).collect(),
            values: BTreeMap::new(),
            spec: JobSpec {
                name: (*name).into(),
                steps: steps.iter().map(|run| StepSpec { run: (*run).into(), ..StepSpec::default() }).collect(),
                ..JobSpec::default()
            },
            environment: None,
        };
        let plan = Plan { jobs: jobs.iter().map(planned).collect(), ..Plan::default() };
        let base = sandbox.repo.exact_tree().await.unwrap();
        Self { sandbox, shell: Shell { plan, told: Mutex::default() }, base }
    }

    fn with(mut self, policy: FixPolicy) -> Self {
        self.shell.plan.fix = policy;
        self
    }

    async fn go(&self) -> Ended {
        self.ask(None).await
    }

    async fn ask(&self, revised: Option<&crate::domain::patch::PatchText>) -> Ended {
        let job = self.shell.plan.jobs[0].key.clone();
        let run = self.shell.run_job(&job, &self.sandbox.repo.root, "").await.unwrap();
        let diagnosis = run.diagnosis.unwrap_or_else(|| diagnose(""));
        let case = Case {
            project: ProjectId(1),
            run: RunId(7),
            job: &job,
            plan: &self.shell.plan,
            diagnosis: &diagnosis,
            base_tree: &self.base,
            output: None,
        };
        match revised {
            None => repair(&self.shell, &self.sandbox.pool, &case).await.unwrap(),
            Some(patch) => {
                revise(&self.shell, &self.sandbox.pool, &case, (ProposalId(3), patch), "deniz").await.unwrap()
            }
        }
    }

    async fn proposed(&self) -> Proposal {
        match self.go().await {
            Ended::Proposed(proposal) => *proposal,
            other => panic!("{other:?}"),
        }
    }

    /// Applies a proposal and runs the first job in the checkout.
    async fn land(&self, proposal: &Proposal) -> JobRun {
        let approved = Approved {
            patch: &proposal.patch,
            base_tree: &proposal.base_tree,
            base_commit: None,
            hash: &proposal.hash,
            run: proposal.run,
            job: &proposal.job,
            message: &proposal.title,
        };
        apply(&self.sandbox.repo, &approved, ApplyInto::Commit).await.unwrap();
        self.shell.run_job(&proposal.job, &self.sandbox.repo.root, "").await.unwrap()
    }
}

fn tried(ended: Ended) -> Vec<Tried> {
    match ended {
        Ended::GaveUp { tried } => tried,
        other => panic!("{other:?}"),
    }
}

fn own(command: &str) -> FixPolicy {
    FixPolicy { commands: [("check".into(), vec![command.into()])].into(), ..FixPolicy::default() }
}

const MANIFEST: (&str, &str) =
    ("Cargo.toml", "[package]\nname = \"x\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n");
const LOCK: (&str, &str) = ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"x\"\nversion = \"0.1.0\"\n");
const IGNORE: (&str, &str) = (".gitignore", "/target\n");

#[tokio::test]
async fn a_format_fault_is_mended_by_cargo_fmt_and_applied() {
    let files = [MANIFEST, LOCK, IGNORE, ("src/lib.rs", "pub fn f(x:u32)->u32{x+1}\n")];
    let story =
        Story::new(&files, &[("fmt", &[], &["cargo fmt --all --check"]), ("build", &["fmt"], &["cargo check -q"])])
            .await;
    let proposal = story.proposed().await;
    assert_eq!((proposal.fixer.as_str(), proposal.risk.level), ("cargo fmt", RiskLevel::Low));
    assert_eq!(proposal.title, "Format src/lib.rs (cargo fmt)");
    let passed: Vec<(&str, bool)> = proposal.proof.after.iter().map(|run| (run.job.as_str(), run.passed)).collect();
    assert_eq!(passed, [("fmt", true), ("build", true)]);
    assert!(!proposal.proof.before[0].passed);
    assert_eq!(proposal.hash, super::hash(ProjectId(1), &story.base, &proposal.patch));
    assert_eq!(story.land(&proposal).await.outcome, JobOutcome::Passed);
    assert_eq!(story.sandbox.git(&["log", "-1", "--format=%s"]), proposal.title);
}

#[tokio::test]
async fn lint_findings_are_mended_by_clippy() {
    let source = "pub fn f(v: &Vec<u32>) -> bool {\n    return v.len() == 0;\n}\n";
    let story = Story::new(
        &[MANIFEST, LOCK, IGNORE, ("src/lib.rs", source)],
        &[("lint", &[], &["cargo clippy -q --all-targets -- -D warnings -A clippy::ptr_arg"])],
    )
    .await;
    let proposal = story.proposed().await;
    assert!(proposal.fixer == "cargo clippy" || proposal.fixer == "rustc suggestion", "{}", proposal.fixer);
    assert!(proposal.patch.0.contains("+    v.is_empty()"), "{}", proposal.patch.0);
    assert_ne!(proposal.risk.level, RiskLevel::High, "{:?}", proposal.risk);
}

#[tokio::test]
async fn the_compilers_suggestions_are_followed_round_after_round() {
    let source = "pub fn length(s: &str) -> usize {\n    s.len()\n}\n\npub fn f(name: String) -> usize {\n    let n = lenght(name);\n    n = n + 1;\n    n\n}\n";
    let story = Story::new(
        &[MANIFEST, LOCK, IGNORE, ("src/lib.rs", source)],
        &[("build", &[], &["cargo build -q"]), ("test", &["build"], &["cargo test -q"])],
    )
    .await;
    let proposal = story.proposed().await;
    assert_eq!(proposal.fixer, "rustc suggestion");
    assert!(proposal.patch.0.contains("+    let mut n = length(&name);"), "{}", proposal.patch.0);
    assert_eq!(story.land(&proposal).await.outcome, JobOutcome::Passed);
}

#[tokio::test]
async fn what_python_suggests_is_followed() {
    if !sh("python3 --version", Path::new("/")).await.status.success() {
        eprintln!("not run: there is no python3");
        return;
    }
    let files = [
        ("a.py", "def length(x):\n    return len(x)\n\n\ndef f(x):\n    return lenght(x)\n"),
        ("t.py", "from a import f\n\nassert f('ab') == 2\n"),
    ];
    let story = Story::new(&files, &[("check", &[], &["python3 t.py"])]).await;
    let proposal = story.proposed().await;
    assert_eq!(proposal.title, "Replace `lenght` with `length` in a.py (suggestion in the output)");
    assert_eq!(proposal.risk.level, RiskLevel::Low, "{:?}", proposal.risk);
}

#[tokio::test]
async fn what_gcc_suggests_is_followed() {
    if !sh("gcc --version", Path::new("/")).await.status.success() {
        eprintln!("not run: there is no gcc");
        return;
    }
    let source = "struct user { int age; };\n\nint f(struct user *u) {\n    return u->agee + (int)strlen(\"x\");\n}\n";
    let story = Story::new(&[("a.c", source)], &[("check", &[], &["gcc -Wall -Werror -fsyntax-only a.c"])]).await;
    let proposal = story.proposed().await;
    let text = &proposal.patch.0;
    assert!(text.contains("+#include <string.h>") && text.contains("u->age +"), "{text}");
    assert_eq!(proposal.risk.level, RiskLevel::Low, "{:?}", proposal.risk);
}

#[tokio::test]
async fn fixers_build_on_each_other_when_one_goes_part_of_the_way() {
    let source = "pub fn f(v:&[u32])->bool{\n  return v.len()==0;\n}\n";
    let steps = ["cargo fmt --check", "cargo clippy -q -- -D warnings"];
    let story = Story::new(&[MANIFEST, LOCK, IGNORE, ("src/lib.rs", source)], &[("lint", &[], &steps)]).await;
    let proposal = story.proposed().await;
    assert!(proposal.fixer.starts_with("cargo fmt, then "), "{}", proposal.fixer);
    assert!(proposal.patch.0.contains("+    v.is_empty()"));
    assert_eq!(story.land(&proposal).await.outcome, JobOutcome::Passed);
    let told = story.shell.told.lock().unwrap();
    assert!(
        told.iter().any(|progress| matches!(progress, Progress::Tried(Tried { result: Attempted::Partly { .. }, .. })))
    );
}

#[tokio::test]
async fn a_job_that_passes_when_it_is_run_again_is_flaky_and_nothing_is_fixed() {
    let story = Story::new(&[("x", "bad\n")], &[("check", &[], &["grep -q good x"])]).await.with(own("echo good > x"));
    story.sandbox.write("x", "good\n");
    let base = story.sandbox.repo.exact_tree().await.unwrap();
    let ended = Story { base, ..story }.go().await;
    assert!(matches!(ended, Ended::Flaky { .. }), "{ended:?}");
}

#[tokio::test]
async fn files_that_the_job_changes_are_in_no_patch() {
    let files = [("x", "bad\n"), ("log", "0\n"), ("made", "0\n")];
    let story = Story::new(&files, &[("check", &[], &["date +%N >> log; grep -q good x", "echo 1 > made"])])
        .await
        .with(own("echo good > x"));
    let proposal = story.proposed().await;
    let patch = Patch::parse(&proposal.patch.0).unwrap();
    assert_eq!(patch.files.iter().map(|file| file.path()).collect::<Vec<_>>(), ["x"]);
    let flag = proposal.risk.flags.iter().find(|flag| flag.name == "changed-during-proof").unwrap();
    assert_eq!(flag.reason, "files changed during proof: log, made; they are not in the patch");
    assert_eq!(proposal.risk.level, RiskLevel::Medium);
}

#[tokio::test]
async fn a_job_that_looks_for_uncommitted_files_sees_the_patch_as_committed() {
    let story = Story::new(&[("x", "bad\n")], &[("check", &[], &["echo good > x; git diff --exit-code"])])
        .await
        .with(own("echo good > x"));
    assert_eq!(story.proposed().await.risk.level, RiskLevel::Low);
}

#[tokio::test]
async fn fixers_that_cheat_are_refused_or_flagged() {
    let files = [("t.sh", "exit 1\n"), ("gonogo.toml", "")];
    let refused =
        Story::new(&files, &[("check", &[], &["sh t.sh"])]).await.with(own("echo true > t.sh; echo x > gonogo.toml"));
    let tried = tried(refused.go().await);
    assert!(
        matches!(&tried[0].result, Attempted::Rejected { reasons } if reasons[0].contains("gonogo.toml")),
        "{tried:?}"
    );
    let flagged = Story::new(&files, &[("check", &[], &["sh t.sh"])]).await.with(own("echo 'false || true' > t.sh"));
    assert_eq!(flagged.proposed().await.risk.level, RiskLevel::High);
    let mut policy = own("echo 'false || true' > t.sh");
    policy.commands.get_mut("check").unwrap().push("echo echo fine > t.sh".into());
    let better = Story {
        shell: Shell { plan: Plan { fix: policy, ..flagged.shell.plan.clone() }, told: Mutex::default() },
        ..flagged
    };
    assert_eq!(better.proposed().await.risk.level, RiskLevel::Low, "a better way that comes later is taken");
}

#[tokio::test]
async fn what_was_tried_in_vain_is_told() {
    let mut policy = own("true");
    policy.commands.get_mut("check").unwrap().extend([
        "echo worse > x".into(),
        "echo worse > x; true".into(),
        "no-such-tool".into(),
    ]);
    let story = Story::new(&[("x", "bad\n")], &[("check", &[], &["grep -q good x"])]).await.with(policy);
    let results: Vec<Attempted> = tried(story.go().await).into_iter().map(|tried| tried.result).collect();
    assert!(
        matches!(
            &results[..],
            [Attempted::NothingToDo, Attempted::NotProven { .. }, Attempted::SameAsBefore, Attempted::NotRun { .. }]
        ),
        "{results:?}"
    );
}

#[tokio::test]
async fn jobs_that_need_it_are_compared_without_the_patch() {
    let files = [("x", "bad\n"), ("y", "z\n")];
    let check: (&str, &[&str], &[&str]) = ("check", &[], &["grep -q good x"]);
    let broken =
        Story::new(&files, &[check, ("next", &["check"], &["grep -q bad x"])]).await.with(own("echo good > x"));
    assert_eq!(tried(broken.go().await)[0].result, Attempted::Breaks { job: "next".into() });
    let other =
        Story::new(&files, &[check, ("next", &["check"], &["grep -q good y"])]).await.with(own("echo good > x"));
    let proposal = other.proposed().await;
    assert_eq!(proposal.risk.flags[0].name, "dependent-fails");
    assert_eq!((proposal.proof.before.len(), proposal.proof.after.len()), (2, 2));
}

#[tokio::test]
async fn a_fault_of_the_surroundings_ends_it_without_an_attempt() {
    let story = Story::new(&[("x", "bad\n")], &[("check", &[], &["echo no route to host; exit 1"])])
        .await
        .with(own("echo good > x"));
    let ended = story.go().await;
    assert!(matches!(ended, Ended::Infrastructure { .. }), "{ended:?}");
    let off = FixPolicy { enabled: false, ..FixPolicy::default() };
    let story = Story::new(&[("x", "bad\n")], &[("check", &[], &["false"])]).await.with(off);
    assert!(matches!(story.go().await, Ended::NotRepairable { .. }));
}

#[tokio::test]
async fn an_edited_proposal_is_guarded_and_proven_anew() {
    let text = (0..20).map(|n| format!("{n}\n")).collect::<Vec<_>>().concat();
    let files = [("x", text.as_str())];
    let story = Story::new(&files, &[("check", &[], &["grep -q first x && echo ok"])]).await;
    let story = story.with(own("sed -i -e 's/^1$/first/' -e 's/^18$/last/' x"));
    let proposal = story.proposed().await;
    let patch = Patch::parse(&proposal.patch.0).unwrap();
    assert_eq!(patch.hunk_count(), 2);
    let first = patch.select(|hunk| hunk == 0).to_text();
    let Ended::Proposed(revised) = story.ask(Some(&first)).await else { panic!() };
    assert_eq!((revised.revises, revised.fixer.as_str()), (Some(ProposalId(3)), "edited by deniz"));
    assert_ne!(revised.hash, proposal.hash);
    assert!(Patch::parse(&revised.patch.0).unwrap().files[0].new_blob.is_some(), "what is proposed has full ids again");
    let last = patch.select(|hunk| hunk == 1).to_text();
    assert!(matches!(tried(story.ask(Some(&last)).await)[0].result, Attempted::NotProven { .. }));
    let garbage = crate::domain::patch::PatchText(first.0.replace(" 0\n", " other\n"));
    assert!(matches!(tried(story.ask(Some(&garbage)).await)[0].result, Attempted::Unusable { .. }));
}
