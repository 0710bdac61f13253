//! The pure parts of control, driven without clock, disk or processes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that can't go on has failed")]

mod approvals;
mod aside;
mod away;
mod budget;
mod flow;
mod fold;
mod lasting;
mod ledger;
mod permissions;
mod repairs;
mod spending;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    domain::{
        actor::{Actor, Trigger},
        definition::{FixPolicy, GateSpec, JobSpec, Pipeline, StepSpec},
        diagnosis::{Category, Diagnosis},
        id::{Fingerprint, Hash, JobKey, ProjectId, ProposalId, RequestId, RunId, Seq},
        outcome::{Failure, JobOutcome},
        patch::PatchText,
        plan,
        proposal::{Proof, Proposal, Risk},
        time::{Millis, Timestamp},
    },
    engine::port::{Ended, JobReport},
    protocol::{
        command::{Command, Refusal},
        event::{Cause, Event, Record, Source},
        query::Answer,
    },
    state::{board::State, job::JobStatus, run::Run},
};

use super::{
    advance::{Limits, advance},
    decide::decide,
    input::{Planned, RepairReport, Report, TaskKey},
    observe::observe,
    schedule::{Effect, schedule},
};

/// Control without a world: what `dispatcher` does, a millisecond a record.
struct Sim {
    state: State,
    log: Vec<Record>,
    limits: Limits,
}

impl Sim {
    fn new(jobs: usize) -> Self {
        Self {
            state: State::default(),
            log: Vec::new(),
            limits: Limits { jobs, repairs: jobs, turns: 8, new_runs: true, since: Seq(0) },
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(1_000_000 + self.log.len() as i64).unwrap()
    }

    fn record(&mut self, events: Vec<Event>) {
        self.record_by(&Cause::Control, events);
    }

    fn record_by(&mut self, cause: &Cause, events: Vec<Event>) {
        for event in events {
            let seq = Seq(self.log.len() as u64 + 1);
            let record = Record { seq, at: self.now(), cause: cause.clone(), event };
            self.state.apply(&record);
            self.log.push(record);
        }
    }

    fn settle(&mut self) {
        for _ in 0..1000 {
            let events = advance(&self.state, self.limits);
            if events.is_empty() {
                return;
            }
            self.record(events);
        }
        panic!("it never settles");
    }

    fn command_as(&mut self, actor: &Actor, command: &Command) -> Result<Answer, Refusal> {
        let (events, answer) = decide(&self.state, actor, RequestId(1), command)?;
        self.record_by(&Cause::Request { actor: actor.clone(), id: RequestId(1) }, events);
        self.settle();
        Ok(answer)
    }

    fn command(&mut self, command: &Command) -> Result<Answer, Refusal> {
        self.command_as(&person(), command)
    }

    fn report(&mut self, report: Report) {
        let events = observe(&self.state, report);
        self.record(events);
        self.settle();
    }

    /// Starts a run of this pipeline in a project of this name.
    fn start(&mut self, project: &str, pipeline: &Pipeline, fix: &FixPolicy) -> RunId {
        self.start_as(project, pipeline, fix, Trigger::Manual)
    }

    fn start_as(&mut self, project: &str, pipeline: &Pipeline, fix: &FixPolicy, trigger: Trigger) -> RunId {
        let root = format!("/{project}").into();
        let command = Command::StartRun { root, pipeline: None, jobs: Vec::new(), trigger };
        let Answer::Run { run, .. } = self.command(&command).unwrap() else { panic!("no run") };
        self.plan(run, pipeline, fix);
        run
    }

    fn plan(&mut self, run: RunId, pipeline: &Pipeline, fix: &FixPolicy) {
        let plan = plan::plan(pipeline, fix, &[]).unwrap();
        let source = Source { commit: "c0ffee".into(), ..Source::default() };
        self.report(Report::Planned { run, result: Ok(Box::new(Planned { pipeline: "ci".into(), source, plan })) });
    }

    fn run(&self, run: RunId) -> &Run {
        &self.state.runs[&run]
    }

    fn status(&self, run: RunId, job: &str) -> &JobStatus {
        &self.run(run).job(&job.into()).unwrap().status
    }

    fn end(&mut self, run: RunId, job: &str, outcome: JobOutcome, diagnosis: Option<Diagnosis>) {
        let attempt = self.run(run).job(&job.into()).unwrap().attempt().unwrap().number;
        let ended = Ended { outcome, took: Millis(5), diagnosis: diagnosis.map(Box::new), lines: 1, artifacts: vec![] };
        let what = JobReport::Finished(Box::new(ended));
        self.report(Report::Job { run, job: job.into(), attempt, at: self.now(), what });
    }

    fn pass(&mut self, run: RunId, job: &str) {
        self.end(run, job, JobOutcome::Passed, None);
    }

    fn fail(&mut self, run: RunId, job: &str, category: Category) {
        self.end(run, job, JobOutcome::Failed { failure: Failure::Exit { code: 1 } }, Some(diagnosis(category)));
    }

    /// The open repair of a job comes to a proposal.
    fn propose(&mut self, run: RunId, job: &str) -> ProposalId {
        let number = self.run(run).job(&job.into()).unwrap().repair().unwrap().number;
        let proposal = proposal(self.run(run).project, run, job);
        let what = RepairReport::Proposed(Box::new(proposal));
        self.report(Report::Repair { run, job: job.into(), number, what });
        *self.state.proposals.keys().next_back().unwrap()
    }

    /// What should be under way, with nothing under way yet.
    fn wanted(&self) -> Vec<TaskKey> {
        let start = |effect| match effect {
            Effect::Start(key) => Some(key),
            Effect::Stop(..) => None,
        };
        schedule(&self.state, &BTreeSet::new()).into_iter().filter_map(start).collect()
    }
}

fn person() -> Actor {
    Actor::Person("deniz".into())
}

fn job(name: &str, needs: &[&str]) -> JobSpec {
    let steps = vec![StepSpec { name: "true".into(), run: "true".into(), ..StepSpec::default() }];
    JobSpec { name: name.into(), needs: needs.iter().map(|&need| need.into()).collect(), steps, ..JobSpec::default() }
}

fn pipeline(jobs: Vec<JobSpec>) -> Pipeline {
    Pipeline { name: "ci".into(), jobs, ..Pipeline::default() }
}

fn gate(name: &str, needs: &[&str]) -> GateSpec {
    GateSpec { name: name.into(), question: "Ship?".into(), needs: needs.iter().map(|&need| need.into()).collect() }
}

fn no_fix() -> FixPolicy {
    FixPolicy { enabled: false, ..FixPolicy::default() }
}

fn diagnosis(category: Category) -> Diagnosis {
    Diagnosis {
        category,
        tool: None,
        primary: None,
        diagnostics: Vec::new(),
        tests: Vec::new(),
        fingerprint: Fingerprint(format!("fault-{category}")),
        confidence: 1.0,
        evidence: None,
    }
}

fn proposal(project: ProjectId, run: RunId, job: &str) -> Proposal {
    Proposal {
        project,
        run,
        job: JobKey(job.into()),
        title: "mend it".into(),
        fixer: "cargo fmt".into(),
        diagnosis: diagnosis(Category::Format),
        patch: PatchText("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n".into()),
        base_tree: "tree".into(),
        hash: Hash::of(&format!("{run}{job}")),
        risk: Risk::default(),
        proof: Proof::default(),
        undo: "gonogo undo".into(),
        revises: None,
        review: None,
        cost: None,
        thread: None,
    }
}

fn values(axis: &str, values: &[&str]) -> BTreeMap<String, Vec<String>> {
    BTreeMap::from([(axis.to_owned(), values.iter().map(|&value| value.to_owned()).collect())])
}
