//! A board with something of everything on it: for the tests and for the pictures in `docs/`.

use std::sync::Arc;

use crate::{
    domain::{
        actor::{Actor, Trigger},
        definition::{FixPolicy, GateSpec, JobSpec, Pipeline, StepSpec},
        diagnosis::{Category, Diagnosis, Diagnostic},
        id::{Fingerprint, Hash, JobKey, OutputId, ProjectId, ProposalId, RequestId, RunId, Seq},
        outcome::{CancelReason, Failure, JobOutcome, RunOutcome, SkipReason},
        patch::PatchText,
        plan,
        proposal::{Proof, ProofRun, Proposal, Risk, RiskFlag, RiskLevel},
        time::{Millis, Timestamp},
    },
    protocol::{
        command::Refusal,
        event::{
            Cause, ControlEvent, Event, GateEvent, JobEvent, ProjectEvent, ProposalEvent, Record, RepairEvent,
            RepairPhase, RepairResult, RunEvent, Source, TryResult,
        },
        query::{Answer, OutputLine, Page, Query},
        thread::Attached,
    },
};

use super::widget::ansi;

/// When the story begins: 2026-03-14 14:00:00 UTC.
const BEGIN: i64 = 1_773_496_800;
/// What the clock says when it is looked at.
const NOW: i64 = BEGIN + 143;

/// What the clock says when the story is looked at.
pub fn now() -> Timestamp {
    at(NOW)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or_default()
}

/// The records of the story, in order.
pub fn records() -> Vec<Arc<Record>> {
    let mut log = Log { records: Vec::new(), at: BEGIN };
    log.push(Event::Control { event: ControlEvent::Started { pid: 4711, version: "0.1.0".into() } });
    for (id, name) in [(1, "acme-api"), (2, "acme-web"), (3, "infra")] {
        let event = ProjectEvent::Added { root: format!("/home/deniz/{name}").into(), name: name.into() };
        log.push(Event::Project { project: ProjectId(id), event });
    }
    web_that_passed(&mut log);
    api_that_was_lost(&mut log);
    infra_at_its_gate(&mut log);
    api_under_way(&mut log);
    log.records
}

struct Log {
    records: Vec<Arc<Record>>,
    at: i64,
}

impl Log {
    fn push(&mut self, event: Event) {
        let seq = Seq(self.records.len() as u64 + 1);
        let cause = Cause::Request { actor: deniz(), id: RequestId(1) };
        self.records.push(Arc::new(Record { seq, at: at(self.at), cause, event }));
    }

    fn wait(&mut self, seconds: i64) -> &mut Self {
        self.at += seconds;
        self
    }

    fn run(&mut self, run: u64, event: RunEvent) {
        self.push(Event::Run { run: RunId(run), event });
    }

    fn job(&mut self, run: u64, job: &str, event: JobEvent) {
        self.run(run, RunEvent::Job { job: job.into(), event });
    }

    fn repair(&mut self, run: u64, job: &str, event: RepairEvent) {
        self.run(run, RunEvent::Repair { job: job.into(), event });
    }

    fn phase(&mut self, run: u64, job: &str, phase: RepairPhase, fixer: Option<&str>) {
        self.repair(run, job, RepairEvent::Phase { phase, fixer: fixer.map(Into::into) });
    }

    fn start(&mut self, run: u64, job: &str, attempt: u32) {
        self.job(run, job, JobEvent::Queued);
        self.wait(1).job(run, job, JobEvent::Started { attempt });
        self.job(run, job, JobEvent::StepStarted { step: 0, pid: 4800, started: 1, first_line: 0 });
    }

    fn end(&mut self, run: u64, job: &str, attempt: u32, took: u64, outcome: JobOutcome, diagnosis: Option<Diagnosis>) {
        let exit = if outcome == JobOutcome::Passed { 0 } else { 101 };
        self.job(run, job, JobEvent::StepFinished { step: 0, exit, took: Millis(took) });
        let diagnosis = diagnosis.map(Box::new);
        let lines = if job == "test" { TEST_LINES } else { OTHER_LINES };
        let finished =
            JobEvent::Finished { attempt, outcome, took: Millis(took), diagnosis, lines, artifacts: Vec::new() };
        self.job(run, job, finished);
    }

    fn requested(&mut self, run: u64, project: u64, pipeline: &Pipeline, source: Source) {
        let requested = RunEvent::Requested {
            project: ProjectId(project),
            pipeline: Some(pipeline.name.clone()),
            jobs: Vec::new(),
            trigger: Trigger::Manual,
            by: deniz(),
        };
        self.run(run, requested);
        let plan = plan::plan(pipeline, &FixPolicy::default(), &[]).unwrap_or_default();
        self.run(run, RunEvent::Planned { pipeline: pipeline.name.clone(), source, plan: Box::new(plan) });
    }
}

fn deniz() -> Actor {
    Actor::Person("deniz".into())
}

fn source(commit: &str, subject: &str) -> Source {
    Source { commit: commit.into(), branch: Some("main".into()), subject: subject.into(), dirty: false }
}

fn job(name: &str, needs: &[&str], steps: &[&str]) -> JobSpec {
    let step = |run: &&str| StepSpec { name: (*run).into(), run: (*run).into(), ..StepSpec::default() };
    JobSpec {
        name: name.into(),
        needs: needs.iter().map(|&need| need.into()).collect(),
        steps: steps.iter().map(step).collect(),
        ..JobSpec::default()
    }
}

fn ci() -> Pipeline {
    Pipeline {
        name: "ci".into(),
        jobs: vec![
            job("format", &[], &["cargo fmt --check"]),
            job("lint", &[], &["cargo clippy -- -D warnings"]),
            job("docs", &[], &["cargo doc --no-deps"]),
            job("build", &[], &["cargo build --release"]),
            job("test", &["build"], &["cargo test --workspace", "cargo test --doc"]),
            job("e2e", &["build"], &["npm ci", "npx playwright test"]),
            job("package", &["test", "e2e"], &["cargo package"]),
        ],
        ..Pipeline::default()
    }
}

fn web_that_passed(log: &mut Log) {
    let pipeline = Pipeline {
        name: "ci".into(),
        jobs: vec![job("types", &[], &["tsc --noEmit"]), job("unit", &["types"], &["vitest run"])],
        ..Pipeline::default()
    };
    log.requested(38, 2, &pipeline, source("b7e23ec29af22b0b4e41da31e868d57226121c84", "Show the basket's sum"));
    for name in ["types", "unit"] {
        log.start(38, name, 1);
        log.wait(4).end(38, name, 1, 4_100, JobOutcome::Passed, None);
    }
    log.run(38, RunEvent::Finished { outcome: RunOutcome::Passed });
}

fn api_that_was_lost(log: &mut Log) {
    log.wait(3).requested(39, 1, &ci(), source("9d1f0c44aa13c1a7f0f2b8d04c6ce7a3f2b0e5d1", "Add idempotency keys"));
    log.start(39, "build", 1);
    log.wait(12).end(39, "build", 1, 12_400, JobOutcome::Passed, None);
    log.start(39, "test", 1);
    log.wait(9).end(39, "test", 1, 9_000, JobOutcome::Lost, None);
    log.start(39, "lint", 1);
    log.wait(2).end(39, "lint", 1, 2_000, JobOutcome::Cancelled { reason: CancelReason::ShuttingDown }, None);
    for name in ["format", "docs", "e2e", "package"] {
        log.job(39, name, JobEvent::Skipped { reason: SkipReason::RunCancelled });
    }
    log.run(39, RunEvent::Finished { outcome: RunOutcome::Lost });
}

fn infra_at_its_gate(log: &mut Log) {
    let pipeline = Pipeline {
        name: "release".into(),
        jobs: vec![job("plan", &[], &["terraform plan"]), job("apply", &["ship"], &["terraform apply"])],
        gates: vec![GateSpec {
            name: "ship".into(),
            question: "Apply 2 changes to production?".into(),
            needs: vec!["plan".into()],
        }],
        ..Pipeline::default()
    };
    log.wait(2).requested(
        40,
        3,
        &pipeline,
        source("17c0ffee2ab2f1d8c1f0a5a6b9b7c3d2e1f00998", "Raise the pool's size"),
    );
    log.start(40, "plan", 1);
    log.wait(6).end(40, "plan", 1, 6_300, JobOutcome::Passed, None);
}

fn api_under_way(log: &mut Log) {
    log.wait(5).requested(41, 1, &ci(), source("4f2c1d9e0b6a4d8f9a1c3b5d7e9f0a2b4c6d8e0f", "Retry charges once"));
    let docs = JobEvent::CacheHit { key: Hash("c0ffee".into()), from: Some(RunId(39)), saved: Millis(21_300) };
    log.job(41, "docs", JobEvent::Started { attempt: 1 });
    log.job(41, "docs", docs);
    log.start(41, "format", 1);
    log.start(41, "lint", 1);
    log.start(41, "build", 1);
    log.wait(2).end(41, "format", 1, 2_100, failed(1), Some(format_diagnosis()));
    log.repair(41, "format", RepairEvent::Started { number: 1, attempt: 1, revision: None });
    log.phase(41, "format", RepairPhase::Preparing, None);
    log.wait(1).phase(41, "format", RepairPhase::Confirming, None);
    log.wait(2).phase(41, "format", RepairPhase::Fixing, Some("cargo fmt"));
    log.wait(7).end(41, "lint", 1, 11_900, failed(101), Some(lint_diagnosis()));
    log.repair(41, "lint", RepairEvent::Started { number: 1, attempt: 1, revision: None });
    log.phase(41, "lint", RepairPhase::Confirming, None);
    log.phase(41, "format", RepairPhase::Proving, Some("cargo fmt"));
    log.wait(4).end(41, "build", 1, 17_800, JobOutcome::Passed, None);
    log.start(41, "test", 1);
    log.start(41, "e2e", 1);
    log.wait(3).repair(41, "format", RepairEvent::Tried { fixer: "cargo fmt".into(), result: TryResult::Proven });
    propose(log, 1, format_proposal());
    log.wait(9).phase(41, "lint", RepairPhase::Fixing, Some("cargo clippy --fix"));
    log.wait(8).phase(41, "lint", RepairPhase::Proving, Some("cargo clippy --fix"));
    log.wait(3).end(41, "e2e", 1, 24_000, failed(1), Some(network_diagnosis()));
    let again = JobEvent::RetryScheduled { at: at(log.at + 8), because: "network: registry timed out".into() };
    log.job(41, "e2e", again);
    log.wait(4).end(41, "test", 1, 30_200, failed(101), Some(test_diagnosis()));
    log.repair(41, "test", RepairEvent::Started { number: 1, attempt: 1, revision: None });
    log.phase(41, "test", RepairPhase::Confirming, None);
    log.wait(4).start(41, "e2e", 2);
    log.wait(8).repair(
        41,
        "lint",
        RepairEvent::Tried { fixer: "cargo clippy --fix".into(), result: TryResult::Proven },
    );
    propose(log, 2, lint_proposal());
    log.run(40, RunEvent::Gate { gate: "ship".into(), event: GateEvent::Asked });
    log.wait(9).phase(41, "test", RepairPhase::Fixing, Some("rustc suggestion"));
    log.wait(6).phase(41, "test", RepairPhase::Proving, Some("rustc suggestion"));
}

fn propose(log: &mut Log, id: u64, proposal: Proposal) {
    let job = proposal.job.0.clone();
    log.repair(41, &job, RepairEvent::Finished { result: RepairResult::Proposed { proposal: ProposalId(id) } });
    let event = ProposalEvent::Proposed { proposal: Box::new(proposal) };
    log.push(Event::Proposal { proposal: ProposalId(id), event });
}

fn failed(code: i32) -> JobOutcome {
    JobOutcome::Failed { failure: Failure::Exit { code } }
}

fn diagnosis(category: Category, tool: &str, place: (&str, u32), code: Option<&str>, message: &str) -> Diagnosis {
    let primary = Diagnostic {
        file: Some(place.0.into()),
        line: Some(place.1),
        column: None,
        code: code.map(Into::into),
        message: message.into(),
    };
    Diagnosis {
        category,
        tool: Some(tool.into()),
        diagnostics: vec![primary.clone()],
        primary: Some(primary),
        tests: Vec::new(),
        fingerprint: Fingerprint("4be1c0de".into()),
        confidence: 0.97,
        evidence: Some((5, 8)),
    }
}

fn format_diagnosis() -> Diagnosis {
    diagnosis(Category::Format, "rustfmt", ("src/charge.rs", 18), None, "not formatted")
}

fn lint_diagnosis() -> Diagnosis {
    let message = "this `if` can be collapsed into the outer `match`";
    diagnosis(Category::Lint, "clippy", ("src/retry.rs", 41), Some("collapsible_match"), message)
}

fn network_diagnosis() -> Diagnosis {
    let mut diagnosis =
        diagnosis(Category::Network, "npm", ("", 0), None, "packages.example.org: connection timed out");
    diagnosis.primary =
        Some(Diagnostic { message: "packages.example.org: connection timed out".into(), ..Diagnostic::default() });
    diagnosis
}

fn test_diagnosis() -> Diagnosis {
    let message = "assertion `left == right` failed: charged twice";
    let mut diagnosis = diagnosis(Category::Test, "cargo test", ("tests/charge.rs", 88), None, message);
    diagnosis.tests = vec!["charge::retries_once".into()];
    diagnosis.evidence = Some((EVIDENCE + 1, EVIDENCE + 4));
    diagnosis
}

fn proof(job: &str, code: i32, before: u64, after: u64, then: Option<(&str, u64)>) -> Proof {
    let run = |job: &str, passed: bool, took: u64| ProofRun {
        job: job.into(),
        passed,
        ended: if passed { "passed".into() } else { format!("exit {code}") },
        took: Millis(took),
    };
    let mut runs = vec![run(job, true, after)];
    runs.extend(then.map(|(job, took)| run(job, true, took)));
    Proof {
        before: vec![run(job, false, before)],
        after: runs,
        output: Some(OutputId::repair(RunId(41), &JobKey::from(job), 1)),
    }
}

fn format_proposal() -> Proposal {
    Proposal {
        project: ProjectId(1),
        run: RunId(41),
        job: "format".into(),
        title: "Format src/charge.rs with cargo fmt".into(),
        fixer: "cargo fmt".into(),
        diagnosis: format_diagnosis(),
        patch: PatchText(FORMAT_PATCH.into()),
        base_tree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904".into(),
        hash: Hash("5f3c9a1e77d0".into()),
        risk: Risk::default(),
        proof: proof("format", 1, 2_000, 1_900, None),
        undo: "git revert of the commit".into(),
        revises: None,
        review: None,
        cost: None,
        thread: None,
    }
}

fn lint_proposal() -> Proposal {
    Proposal {
        project: ProjectId(1),
        run: RunId(41),
        job: "lint".into(),
        title: "Collapse a nested match, drop an unused import".into(),
        fixer: "cargo clippy --fix".into(),
        diagnosis: lint_diagnosis(),
        patch: PatchText(LINT_PATCH.into()),
        base_tree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904".into(),
        hash: Hash("a81d22c0f9be".into()),
        risk: Risk {
            level: RiskLevel::Medium,
            flags: vec![RiskFlag {
                level: RiskLevel::Medium,
                name: "logic-change".into(),
                reason: "a match arm of src/retry.rs:41 is rewritten, not only formatted".into(),
            }],
        },
        proof: proof("lint", 101, 11_400, 9_800, Some(("test", 31_000))),
        undo: "git revert of the commit".into(),
        revises: None,
        review: None,
        cost: None,
        thread: None,
    }
}

const FORMAT_PATCH: &str = "\
diff --git a/src/charge.rs b/src/charge.rs
index 1111111..2222222 100644
--- a/src/charge.rs
+++ b/src/charge.rs
@@ -16,6 +16,9 @@ impl Charge {
     /// Charges the card once.
     pub fn once(&self, card: &Card) -> Result<Receipt, ChargeError> {
-        let response = self.gateway.post(\"/charge\", &Request { amount: self.amount, currency: self.currency, card })?;
+        let response = self.gateway.post(
+            \"/charge\",
+            &Request { amount: self.amount, currency: self.currency, card },
+        )?;
         Receipt::read(&response)
     }
 }
";

const LINT_PATCH: &str = "\
diff --git a/src/retry.rs b/src/retry.rs
index 3333333..4444444 100644
--- a/src/retry.rs
+++ b/src/retry.rs
@@ -1,6 +1,5 @@
 //! Tries again, but not for ever.
 
-use std::collections::HashMap;
 use std::time::Duration;
 
 use crate::charge::{Charge, ChargeError};
@@ -38,12 +37,7 @@ pub fn with_retry(charge: &Charge) -> Result<Receipt, ChargeError> {
     for wait in WAITS {
         match charge.once(&card) {
-            Err(error) => {
-                if error.is_transient() {
-                    sleep(wait);
-                    continue;
-                }
-                return Err(error);
-            }
+            Err(error) if error.is_transient() => sleep(wait),
+            Err(error) => return Err(error),
             Ok(receipt) => return Ok(receipt),
         }
     }
";

/// Lines of the test job's output.
pub const TEST_LINES: u64 = 412;
/// Lines of the other outputs.
const OTHER_LINES: u64 = 12;
/// The line on which its diagnosis rests (0 is the first).
const EVIDENCE: u64 = 371;

/// A line of an output.
fn text(output: &OutputId, number: u64) -> String {
    if output.job.as_str() != "test" || output.repair {
        return match number {
            0 => format!("\x1b[1m$\x1b[0m {}", output.job),
            4 => "\x1b[31merror\x1b[0m: this is where it says so".into(),
            n => format!("line {} of {output}", n + 1),
        };
    }
    match number {
        0 => "\x1b[1m\x1b[32m   Compiling\x1b[0m acme-api v0.4.1".into(),
        1 => "\x1b[1m\x1b[32m    Finished\x1b[0m `test` profile [unoptimized + debuginfo] target(s) in 8.31s".into(),
        2 => "\x1b[1m\x1b[32m     Running\x1b[0m unittests src/lib.rs".into(),
        3 => "running 361 tests".into(),
        366 => "test charge::currency_漢字_name ... \x1b[32mok\x1b[0m".into(),
        367 => "test charge::retries_once ... \x1b[31mFAILED\x1b[0m".into(),
        369 => "failures:".into(),
        370 => "---- charge::retries_once stdout ----".into(),
        EVIDENCE => "thread 'charge::retries_once' panicked at tests/charge.rs:88:5:".into(),
        372 => "\x1b[1massertion `left == right` failed: charged twice\x1b[0m".into(),
        373 => "  left: \x1b[31m2\x1b[0m".into(),
        374 => " right: \x1b[32m1\x1b[0m".into(),
        375 => "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace".into(),
        377 => "failures:".into(),
        378 => "    charge::retries_once".into(),
        380 => "test result: \x1b[31mFAILED\x1b[0m. 360 passed; 1 failed; 0 ignored; finished in 21.40s".into(),
        382 => "\x1b[1m\x1b[31merror\x1b[0m: test failed, to rerun pass `--test charge`".into(),
        368 | 376 | 379 | 381 | 383.. => String::new(),
        n => format!("test charge::case_{n:03} ... \x1b[32mok\x1b[0m"),
    }
}

/// What the other side would answer.
pub fn answer(query: &Query) -> Result<Answer, Refusal> {
    let lines =
        |output: &OutputId| if output.job.as_str() == "test" && !output.repair { TEST_LINES } else { OTHER_LINES };
    Ok(match query {
        Query::Lines { output, first, count } => {
            let total = lines(output);
            let last = (first + u64::from(*count)).min(total);
            let line = |n| OutputLine { at: at(BEGIN + 84 + n as i64 / 14), text: text(output, n), clipped: false };
            let lines = (*first..last).map(line).collect();
            Answer::Lines(Page { first: *first, total_lines: total, total_bytes: total * 48, lines })
        }
        Query::LineAt { output, .. } => Answer::Line { line: Some(lines(output) / 2) },
        Query::Search { output, pattern, from, backwards, limit, .. } => {
            let regex = regex::RegexBuilder::new(pattern)
                .case_insensitive(true)
                .build()
                .map_err(|error| Refusal::new(format!("`{pattern}` is no regular expression: {error}")))?;
            let all: Vec<u64> =
                (0..lines(output)).filter(|&n| regex.is_match(&ansi::plain(&text(output, n)))).collect();
            let ahead = all.into_iter().filter(|n| if *backwards { n <= from } else { n >= from });
            let mut found: Vec<u64> = ahead.collect();
            if *backwards {
                found.reverse();
            }
            let more = found.len() > *limit as usize;
            found.truncate(*limit as usize);
            Answer::Hits { lines: found, more, texts: Vec::new(), searched: (0, 0) }
        }
        Query::Inspect { container } => Answer::Text { text: format!("Id: {}\n", container.id) },
        Query::ContainerLog { name, .. } => Answer::Output { output: OutputId::container(name, 1) },
        Query::Run { .. } => Answer::Records(Vec::new()),
        Query::Runs { .. } => Answer::Runs { runs: Vec::new(), more: false },
        Query::Thread { .. } => Answer::Records(Vec::new()),
        Query::Attach { name, .. } => {
            Answer::Attached(Attached { name: name.clone(), text: format!("text of {name}") })
        }
        Query::Paths { prefix, .. } => Answer::Paths(vec![format!("{prefix}charge.rs"), format!("{prefix}check.rs")]),
        Query::Environments => Answer::Environments(Vec::new()),
        Query::Assign { .. } => return Err(Refusal::new("the environment is not up")),
        Query::Collect(_) => Answer::Collected(Vec::new()),
    })
}
