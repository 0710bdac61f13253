//! What an agent is told of the fault that it is to mend. Pure.

use std::fmt::Write as _;

use crate::{
    agent::prompt::Fence,
    control::input::Lore,
    domain::{
        diagnosis::Diagnosis,
        id::{JobKey, ProjectId, RunId},
        proposal::Proposal,
    },
    fix::repair::{agent::Known, port::Tried},
    protocol::event::RepairResult,
    state::{board::State, proposal::ProposalStatus},
};

use super::{bench::end, tell};

/// So many earlier answers are told.
const EARLIER: usize = 6;

/// Of each patch, so much.
const PATCH: usize = 6 << 10;

/// What is known from earlier repairs of this job, and since when it fails.
pub(in crate::control) fn lore(state: &State, run: RunId, job: &JobKey) -> Lore {
    let mut lore = Lore::default();
    let Some(found) = state.runs.get(&run) else { return lore };
    let project = found.project;
    let of_project = state.proposals.values().rev().filter(|known| known.proposal.project == project);
    for known in of_project.filter(|known| known.status == ProposalStatus::Applied) {
        let inner = &known.proposal;
        lore.known
            .push((inner.diagnosis.fingerprint.clone(), Known { proposal: known.id, patch: inner.patch.clone() }));
    }
    lore.known.truncate(50);
    lore.earlier = earlier(state, project, job);
    let green = state.projects.get(&project).into_iter().flat_map(|project| project.runs.iter().rev());
    lore.green = green
        .filter(|id| **id < run)
        .filter_map(|id| state.runs.get(id))
        .filter(|other| other.pipeline == found.pipeline && !other.source.commit.is_empty())
        .find(|other| other.job(job).is_some_and(|job| job.status.is_good()))
        .map(|other| (other.id, other.source.commit.clone()));
    lore
}

/// How people and proofs have answered before, newest first.
fn earlier(state: &State, project: ProjectId, job: &JobKey) -> Vec<String> {
    let mut told = Vec::new();
    for known in state.proposals.values().rev() {
        let inner = &known.proposal;
        if inner.project != project || inner.job != *job {
            continue;
        }
        let by = known.answered.as_ref().map(|(by, _)| by.to_string()).unwrap_or_default();
        let patch = cut(&inner.patch.0);
        match (&known.status, inner.revises) {
            (ProposalStatus::Declined { why }, _) if !why.trim().is_empty() => told.push(format!(
                "Proposal {} was refused by {by}, in these words: {why}\nIts patch was:\n{patch}",
                known.id
            )),
            (ProposalStatus::Declined { .. }, _) => {
                told.push(format!("Proposal {} was refused by {by} without a word. Its patch was:\n{patch}", known.id));
            }
            (ProposalStatus::Applied, Some(of)) => told.push(format!(
                "Proposal {of} was not taken as it was. What was really applied is what {by} made of it:\n{patch}"
            )),
            (ProposalStatus::Undone { .. }, _) => {
                told.push(format!("Proposal {} was applied, and taken back later. Its patch was:\n{patch}", known.id));
            }
            _ => {}
        }
    }
    let repairs = state.runs.values().rev().filter(|run| run.project == project).flat_map(|run| {
        run.job(job).into_iter().flat_map(|job| &job.repairs).rev().map(move |repair| (run.id, repair))
    });
    for (run, repair) in repairs {
        if let Some(RepairResult::GaveUp { why }) = &repair.result {
            told.push(format!("A repair of it in run {run} gave up: {why}"));
        }
    }
    told.truncate(EARLIER);
    told
}

/// The pieces of a task.
pub(super) struct Task<'a> {
    pub(super) job: &'a JobKey,
    pub(super) run: RunId,
    pub(super) steps: Vec<&'a str>,
    pub(super) diagnosis: &'a Diagnosis,
    pub(super) output: &'a [u8],
    pub(super) around: &'a str,
    pub(super) changed: &'a str,
    pub(super) tried: &'a [Tried],
    pub(super) earlier: &'a [String],
}

impl Task<'_> {
    /// The message that begins the work.
    pub(super) fn words(&self, fence: &Fence) -> String {
        let mut text = format!(
            "The job `{}` of run {} failed, and failed again without a change. Mend it.\n\nIts steps:\n",
            self.job, self.run
        );
        for (number, step) in (1..).zip(&self.steps) {
            let _ = writeln!(text, "{number}. {step}");
        }
        let mut piece = |title: &str, data: &str| {
            if !data.trim().is_empty() {
                let _ = write!(text, "\n{title}:\n{}\n", fence.around(data));
            }
        };
        piece("The diagnosis", &tell::diagnosis(self.diagnosis));
        piece("The end of its output", &end(self.output));
        piece("The code that it names", self.around);
        piece("What changed since it last passed", self.changed);
        let tried: Vec<String> =
            self.tried.iter().map(|tried| format!("- {}: {}", tried.fixer, tried.result)).collect();
        piece("What was tried in this repair, and what came of it", &tried.join("\n"));
        piece("What became of earlier repairs of this job", &self.earlier.join("\n\n"));
        text
    }
}

/// What a reviewer is told.
pub(super) fn review(proposal: &Proposal, fence: &Fence) -> String {
    let passed = proposal.proof.after.iter().map(|run| format!("{}: {}", run.job, run.ended)).collect::<Vec<_>>();
    let flags: Vec<&str> = proposal.risk.flags.iter().map(|flag| flag.reason.as_str()).collect();
    let about = format!(
        "{}\nfault: {}\nproof with it: {}\nflagged by the guard: {}",
        proposal.title,
        proposal.diagnosis.headline(),
        passed.join("; "),
        if flags.is_empty() { "nothing".to_owned() } else { flags.join("; ") },
    );
    format!(
        "Another agent proposes this repair of the job `{}` of run {}. Criticise it.\n\nWhat it is:\n{}\n\nThe patch:\n{}\n",
        proposal.job,
        proposal.run,
        fence.around(&about),
        fence.around(&proposal.patch.0),
    )
}

fn cut(patch: &str) -> &str {
    let end = (0..=PATCH.min(patch.len())).rev().find(|at| patch.is_char_boundary(*at)).unwrap_or(0);
    patch.get(..end).unwrap_or_default()
}
