//! The proof: the failed job with the patch, then the jobs that need it.

use std::collections::BTreeSet;

use crate::{
    domain::{
        definition::When,
        id::JobKey,
        outcome::{Failure, JobOutcome},
        plan::{Plan, PlannedJob},
        proposal::{ProofRun, RiskFlag, RiskLevel},
    },
    workspace::repo::TreeId,
};

use super::{
    Repair,
    port::{JobRun, Progress, RepairError, RepairPort},
    proof_run, surroundings,
};

/// What a proof showed.
pub(super) enum Proven {
    /// The failed job passes, and no job that needs it is worse off.
    Yes {
        /// The runs with the patch.
        runs: Vec<ProofRun>,
        /// Runs without it, made to compare.
        before: Vec<ProofRun>,
        /// What a person must know.
        flags: Vec<RiskFlag>,
    },
    /// The failed job still fails.
    No { run: JobRun },
    /// A job that needs it passes without the patch and fails with it.
    Breaks { job: JobKey },
    /// It could not be shown either way.
    Infrastructure { why: String },
}

impl<P: RepairPort> Repair<'_, P> {
    /// Runs the failed job and those that need it on `tree`.
    pub(super) async fn prove(&self, tree: &TreeId, fixer: &str) -> Result<Proven, RepairError> {
        let run = self.prove_job(self.case.job, tree, fixer, "proof").await?;
        if let JobOutcome::Failed { failure } = &run.outcome {
            let diagnosis = run.diagnosis.as_ref().unwrap_or(self.case.diagnosis);
            return Ok(match surroundings(diagnosis, Some(failure)) {
                Some(why) => Proven::Infrastructure { why },
                None => Proven::No { run },
            });
        }
        let mut flags: Vec<RiskFlag> = self.changed_by_jobs(tree).await?.into_iter().collect();
        let mut runs = vec![proof_run(self.case.job, &run)];
        let mut before = Vec::new();
        let mut failed: Vec<&JobKey> = Vec::new();
        for job in dependents(self.case.plan, self.case.job) {
            // What needs a job that fails would not be run either.
            if job.needs.iter().any(|need| failed.iter().any(|key| key.as_str() == need)) {
                failed.push(&job.key);
                continue;
            }
            let after = self.prove_job(&job.key, tree, fixer, "proof").await?;
            runs.push(proof_run(&job.key, &after));
            if after.outcome == JobOutcome::Passed {
                continue;
            }
            failed.push(&job.key);
            if not_run(&after.outcome) {
                continue;
            }
            // It needs what failed, so nobody knows yet how it fares without the patch.
            let without = self.prove_job(&job.key, self.case.base_tree, fixer, "without the patch").await?;
            before.push(proof_run(&job.key, &without));
            if without.outcome == JobOutcome::Passed {
                return Ok(Proven::Breaks { job: job.key.clone() });
            }
            let reason = format!("{}, which needs {}, fails with the patch as it does without", job.key, self.case.job);
            flags.push(RiskFlag { level: RiskLevel::Medium, name: "dependent-fails".into(), reason });
        }
        Ok(Proven::Yes { runs, before, flags })
    }

    async fn prove_job(&self, job: &JobKey, tree: &TreeId, fixer: &str, label: &str) -> Result<JobRun, RepairError> {
        self.workspace.reset(tree).await?;
        self.workspace.pretend_committed(tree).await?;
        self.port.report(Progress::Proving { job: job.clone(), fixer: fixer.to_owned() }).await;
        let run = self.port.run_job(job, &self.workspace.root, &format!("{label}: {job}")).await?;
        match run.outcome {
            JobOutcome::Cancelled { .. } => Err(RepairError::Cancelled),
            JobOutcome::Lost => Err(RepairError::Port { what: format!("run {job}: it was lost"), source: None }),
            JobOutcome::Passed | JobOutcome::Failed { .. } => {
                self.port.report(Progress::Proved(proof_run(job, &run))).await;
                Ok(run)
            }
        }
    }

    /// A flag if the job that just ran changed files that git keeps: they are in no patch.
    async fn changed_by_jobs(&self, tree: &TreeId) -> Result<Option<RiskFlag>, RepairError> {
        let now = self.workspace.tree().await?;
        if now == *tree {
            return Ok(None);
        }
        let listed = self
            .workspace
            .git(["diff-tree", "-r", "-z", "--name-only", "--diff-filter=MDT", &tree.0, &now.0])
            .text()
            .await?;
        let paths: Vec<&str> = listed.split_terminator('\0').collect();
        let shown = match paths.len() {
            0 => return Ok(None),
            1..=3 => paths.join(", "),
            many => format!("{} and {} more", paths[..3].join(", "), many - 3),
        };
        let reason = format!("files changed during proof: {shown}; they are not in the patch");
        Ok(Some(RiskFlag { level: RiskLevel::Medium, name: "changed-during-proof".into(), reason }))
    }
}

fn not_run(outcome: &JobOutcome) -> bool {
    matches!(outcome, JobOutcome::Failed { failure: Failure::NotRun { .. } | Failure::Engine { .. } })
}

/// The jobs that need `job`, directly or through others, as far as a proof may run them: nothing that deploys, nothing
/// behind a gate, nothing that runs only when something failed.
fn dependents<'a>(plan: &'a Plan, job: &JobKey) -> Vec<&'a PlannedJob> {
    let mut reached: BTreeSet<&str> = [job.as_str()].into();
    let mut found = Vec::new();
    // The plan has each job after what it needs.
    for candidate in &plan.jobs {
        let gated = candidate.needs.iter().any(|need| plan.gates.iter().any(|gate| gate.name == *need));
        let needs = candidate.needs.iter().any(|need| reached.contains(need.as_str()));
        let runs = candidate.spec.deploy.is_none() && candidate.spec.when == When::Success;
        if needs && runs && !gated && candidate.key != *job {
            reached.insert(candidate.key.as_str());
            found.push(candidate);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{definition::JobSpec, plan::PlannedGate};

    #[test]
    fn what_deploys_or_waits_for_a_person_is_not_run_for_a_proof() {
        let job = |key: &str, needs: &[&str], spec: JobSpec| PlannedJob {
            key: key.into(),
            needs: needs.iter().map(|&need| need.into()).collect(),
            spec,
            ..PlannedJob::default()
        };
        let plan = Plan {
            jobs: vec![
                job("lint", &[], JobSpec::default()),
                job("other", &[], JobSpec::default()),
                job("test", &["lint"], JobSpec::default()),
                job("pack", &["test", "other"], JobSpec::default()),
                job("ship", &["pack"], JobSpec { deploy: Some("production".into()), ..JobSpec::default() }),
                job("after", &["ship"], JobSpec::default()),
                job("gated", &["test", "go"], JobSpec::default()),
                job("tell", &["test"], JobSpec { when: When::Always, ..JobSpec::default() }),
            ],
            gates: vec![PlannedGate { name: "go".into(), ..PlannedGate::default() }],
            ..Plan::default()
        };
        let keys: Vec<&str> = dependents(&plan, &"lint".into()).iter().map(|job| job.key.as_str()).collect();
        assert_eq!(keys, ["test", "pack"]);
    }
}
