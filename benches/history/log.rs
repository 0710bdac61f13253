//! A long log, by the parts of control that decide what is recorded: real runs in all but their processes.

use std::path::Path;

use gonogo::{
    control::{
        advance::{Limits, advance},
        decide::decide,
        input::{Planned, Report},
        observe::observe,
    },
    domain::{
        actor::{Actor, Trigger},
        definition::{FixPolicy, JobSpec, Pipeline, StepSpec},
        id::{JobKey, RequestId, RunId, Seq},
        outcome::JobOutcome,
        plan,
        time::{Millis, Timestamp},
    },
    engine::port::{Ended, JobReport},
    protocol::{
        command::Command,
        event::{Cause, Event, Record, Source},
        query::Answer,
    },
    state::board::State,
    store::log::Log,
};

/// Jobs of each run, and steps of each job: about a hundred records a run.
const JOBS: usize = 14;
const STEPS: u32 = 2;

struct Book {
    log: Log,
    state: State,
}

impl Book {
    fn record(&mut self, events: Vec<Event>) {
        for event in events {
            let seq = self.state.seq.next();
            let at = Timestamp::from_millisecond(1_700_000_000_000 + seq.0 as i64 * 40).expect("a time");
            let record = Record { seq, at, cause: Cause::Control, event };
            self.log.append(&record, self.state.run_of(&record.event)).expect("room");
            self.state.apply(&record);
        }
    }

    fn settle(&mut self) {
        let limits = Limits { jobs: JOBS, repairs: 1, turns: 0, new_runs: true, since: Seq(0) };
        loop {
            let events = advance(&self.state, limits);
            if events.is_empty() {
                return;
            }
            self.record(events);
        }
    }

    fn report(&mut self, run: RunId, job: &JobKey, what: JobReport) {
        let report = Report::Job { run, job: job.clone(), attempt: 1, at: self.state.at, what };
        let events = observe(&self.state, report);
        self.record(events);
    }
}

/// Writes a log of so many runs of a project; gives the number of its records.
pub fn write(state_dir: &Path, project: &Path, runs: u64) -> u64 {
    let log = Log::open(state_dir).expect("a log");
    let mut book = Book { log, state: State::default() };
    let step = |at: u32| StepSpec { name: format!("step {at}"), run: "true".into(), ..StepSpec::default() };
    let job =
        |at: usize| JobSpec { name: format!("job-{at}"), steps: (0..STEPS).map(step).collect(), ..JobSpec::default() };
    let pipeline = Pipeline { name: "ci".into(), jobs: (0..JOBS).map(job).collect(), ..Pipeline::default() };
    let plan = plan::plan(&pipeline, &FixPolicy::default(), &[]).expect("a plan");
    for number in 0..runs {
        if number % 100 == 0 {
            book.log.begin().expect("a transaction");
        }
        one(&mut book, project, &plan);
        if number % 100 == 99 || number + 1 == runs {
            book.log.commit().expect("room");
        }
    }
    book.state.seq.0
}

fn one(book: &mut Book, project: &Path, plan: &plan::Plan) {
    let command =
        Command::StartRun { root: project.to_owned(), pipeline: None, jobs: Vec::new(), trigger: Trigger::Manual };
    let actor = Actor::Person("somebody".into());
    let Ok((events, Answer::Run { run, .. })) = decide(&book.state, &actor, RequestId(0), &command) else {
        panic!("no run")
    };
    book.record(events);
    let source =
        Source { commit: format!("{run:040}"), branch: Some("main".into()), subject: "a change".into(), dirty: false };
    let planned = Planned { pipeline: "ci".into(), source, plan: plan.clone() };
    let events = observe(&book.state, Report::Planned { run, result: Ok(Box::new(planned)) });
    book.record(events);
    book.settle();
    for planned in &plan.jobs {
        for step in 0..STEPS {
            book.report(
                run,
                &planned.key,
                JobReport::StepStarted { step, pid: 1, started: 1, first_line: u64::from(step) },
            );
            book.report(run, &planned.key, JobReport::StepFinished { step, exit: 0, took: Millis(20) });
        }
        let ended =
            Ended { outcome: JobOutcome::Passed, took: Millis(40), diagnosis: None, lines: 2, artifacts: Vec::new() };
        book.report(run, &planned.key, JobReport::Finished(Box::new(ended)));
    }
    book.settle();
}
