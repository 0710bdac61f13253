//! The way of a repair: confirm the failure, let fixers try, guard and prove what they made, propose it.
//!
//! Everything happens in an isolated workspace. What is proposed is the difference that a fixer made, taken before the
//! proof; what jobs change while they run is in no patch.

pub mod agent;
mod attempt;
pub mod port;
mod prove;
mod rounds;
mod words;

#[cfg(test)]
mod tests;

use crate::{
    domain::{
        diagnosis::{Category, Diagnosis},
        id::{Hash, JobKey, OutputId, ProjectId, ProposalId, RunId},
        outcome::{Failure, JobOutcome},
        patch::PatchText,
        plan::{Plan, PlannedJob},
        proposal::{ProofRun, Proposal},
    },
    workspace::{change::Workspace, pool::Pool, repo::TreeId},
};

use port::{JobRun, RepairError, RepairPort, Tried};

/// A failed job that is to be repaired.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The project.
    pub project: ProjectId,
    /// The run in which it failed.
    pub run: RunId,
    /// The job that failed.
    pub job: &'a JobKey,
    /// The run's plan, with the fix policy.
    pub plan: &'a Plan,
    /// What its output said.
    pub diagnosis: &'a Diagnosis,
    /// The tree that the run was of, in the repository's object store.
    pub base_tree: &'a TreeId,
    /// Where the repair's output goes: named in the proof.
    pub output: Option<&'a OutputId>,
}

/// How a repair ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// There is something to ask a person.
    Proposed(Box<Proposal>),
    /// It did not fail again: nothing was changed.
    Flaky {
        /// The run that passed.
        passed: ProofRun,
    },
    /// Nothing that was tried mends it.
    GaveUp {
        /// What was tried, in order.
        tried: Vec<Tried>,
    },
    /// No change of files can mend it, or the policy says no.
    NotRepairable {
        /// Why.
        why: String,
    },
    /// The surroundings failed: it uses up no attempt.
    Infrastructure {
        /// What.
        why: String,
    },
    /// It was stopped on purpose.
    Cancelled,
}

/// Tries to repair a failed job. Dropping the future stops it; the workspace is clean at its next use.
pub async fn repair<P: RepairPort>(port: &P, pool: &Pool, case: &Case<'_>) -> Result<Ended, RepairError> {
    let policy = &case.plan.fix;
    let no = |why: &str| Ok(Ended::NotRepairable { why: why.to_owned() });
    let Some(job) = case.plan.jobs.iter().find(|job| job.key == *case.job) else {
        return no("the job is not in the run's plan");
    };
    if !policy.enabled {
        return no("repairs are switched off (`fix.enabled`)");
    }
    if job.spec.deploy.is_some() {
        return no("it deploys: to see whether it fails again would be to deploy again");
    }
    if let Some(why) = surroundings(case.diagnosis, None) {
        return Ok(Ended::Infrastructure { why });
    }
    let workspace = pool.checkout(case.base_tree).await?;
    let repair = Repair { port, workspace: &workspace, case, job };
    settle(repair.run().await)
}

/// Guards and proves an edited form of a proposal: other words, or fewer hunks. `by` is who edited it.
pub async fn revise<P: RepairPort>(
    port: &P,
    pool: &Pool,
    case: &Case<'_>,
    (id, patch): (ProposalId, &PatchText),
    by: &str,
) -> Result<Ended, RepairError> {
    let Some(job) = case.plan.jobs.iter().find(|job| job.key == *case.job) else {
        return Ok(Ended::NotRepairable { why: "the job is not in the run's plan".into() });
    };
    let workspace = pool.checkout(case.base_tree).await?;
    let repair = Repair { port, workspace: &workspace, case, job };
    settle(repair.revised(id, patch, by).await)
}

/// A cancellation is an end, not an error.
fn settle(ended: Result<Ended, RepairError>) -> Result<Ended, RepairError> {
    match ended {
        Err(RepairError::Cancelled) => Ok(Ended::Cancelled),
        ended => ended,
    }
}

struct Repair<'a, P> {
    port: &'a P,
    workspace: &'a Workspace,
    case: &'a Case<'a>,
    job: &'a PlannedJob,
}

/// What an approval names: the project, the tree and every byte of the patch.
pub fn hash(project: ProjectId, base_tree: &TreeId, patch: &PatchText) -> Hash {
    let mut hasher = blake3::Hasher::new();
    for part in [project.to_string().as_bytes(), base_tree.0.as_bytes(), patch.0.as_bytes()] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    Hash(hasher.finalize().to_hex().to_string())
}

/// Why a failure is none of the code's.
fn surroundings(diagnosis: &Diagnosis, failure: Option<&Failure>) -> Option<String> {
    match failure {
        Some(
            failure @ (Failure::TimedOut { .. }
            | Failure::NotRun { .. }
            | Failure::OutOfMemory { .. }
            | Failure::Engine { .. }),
        ) => return Some(failure.to_string()),
        Some(Failure::Exit { .. } | Failure::Signal { .. }) | None => {}
    }
    let surroundings =
        matches!(diagnosis.category, Category::Network | Category::Resource | Category::Timeout | Category::Cancelled);
    surroundings.then(|| format!("{} fault: {}", diagnosis.category, diagnosis.headline()))
}

/// How a job ended, in words.
fn ended(outcome: &JobOutcome) -> String {
    match outcome {
        JobOutcome::Passed => "passed".into(),
        JobOutcome::Failed { failure } => failure.to_string(),
        JobOutcome::Cancelled { reason } => format!("cancelled: {reason}"),
        JobOutcome::Lost => "lost".into(),
    }
}

fn proof_run(job: &JobKey, run: &JobRun) -> ProofRun {
    ProofRun { job: job.clone(), passed: run.outcome == JobOutcome::Passed, ended: ended(&run.outcome), took: run.took }
}
