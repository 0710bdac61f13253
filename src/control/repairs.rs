//! Repairs as tasks: the repair procedure of [`crate::fix`], with the engine to prove by.

use crate::{
    domain::id::{JobKey, RunId},
    engine::port::StopSignal,
    protocol::event::RepairResult,
    state::board::State,
};

use super::{
    input::{RepairReport, Report},
    perform::Ground,
};

/// The repair of a job, as a task.
pub(super) struct RepairTask {
    run: RunId,
    job: JobKey,
    number: u32,
    ground: Ground,
}

impl RepairTask {
    pub(super) fn of(_state: &State, run: RunId, job: &JobKey, number: u32, ground: Ground) -> Option<Self> {
        Some(Self { run, job: job.clone(), number, ground })
    }

    pub(super) async fn run(self, _signal: StopSignal) {
        let what = RepairReport::Finished(RepairResult::NotRepairable { why: "nothing here".into() });
        self.ground.report(Report::Repair { run: self.run, job: self.job, number: self.number, what }).await;
    }
}
