//! The way of a repair: confirm the failure, let fixers try, guard and prove what they made, propose it.
//!
//! Everything happens in an isolated workspace. What is proposed is the difference that a fixer made, taken before the
//! proof; what jobs change while they run is in no patch.

pub mod port;
mod prove;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::{
    domain::{
        diagnosis::{Category, Diagnosis},
        id::{Fingerprint, Hash, JobKey, OutputId, ProjectId, ProposalId, RunId},
        outcome::{Failure, JobOutcome},
        patch::{Patch, PatchText},
        plan::{Plan, PlannedJob},
        proposal::{Proof, ProofRun, Proposal, Risk},
    },
    workspace::{
        change::{ChangeError, Workspace},
        pool::Pool,
        repo::TreeId,
    },
};

use super::{
    fixer::{self, Fixer, How, Scene},
    guard::{self, Guarded},
    suggest,
};
use port::{Attempted, JobRun, Progress, RepairError, RepairPort, Tried};
use prove::Proven;

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

/// Where a repair stands: a tree, how the job fails on it, and what has led there.
struct Stand {
    tree: TreeId,
    /// What the job itself changed when it was run here: not the work of a fixer that runs the same tools.
    by_products: BTreeSet<String>,
    failed: JobRun,
    diagnosis: Diagnosis,
    fixers: Vec<String>,
}

impl<P: RepairPort> Repair<'_, P> {
    async fn run(&self) -> Result<Ended, RepairError> {
        self.port.report(Progress::Confirming).await;
        let failed = self.port.run_job(self.case.job, &self.workspace.root, "confirm").await?;
        let before = proof_run(self.case.job, &failed);
        let diagnosis = match &failed.outcome {
            JobOutcome::Passed => return Ok(Ended::Flaky { passed: before }),
            JobOutcome::Cancelled { .. } => return Ok(Ended::Cancelled),
            JobOutcome::Lost => {
                return Ok(Ended::Infrastructure { why: "the job was lost while it was confirmed".into() });
            }
            JobOutcome::Failed { failure } => {
                let diagnosis = failed.diagnosis.clone().unwrap_or_else(|| self.case.diagnosis.clone());
                if let Some(why) = surroundings(&diagnosis, Some(failure)) {
                    return Ok(Ended::Infrastructure { why });
                }
                diagnosis
            }
        };
        let same = diagnosis.fingerprint == self.case.diagnosis.fingerprint;
        self.port.report(Progress::Confirmed { diagnosis: diagnosis.clone(), same }).await;
        if !diagnosis.category.can_repair() {
            return Ok(Ended::NotRepairable {
                why: format!("a {} fault is not mended by changing files", diagnosis.category),
            });
        }
        let now = self.workspace.tree().await?;
        let by_products = self.workspace.changed(self.case.base_tree, &now).await?.into_iter().collect();
        let stand = Stand {
            by_products,
            tree: self.case.base_tree.clone(),
            failed,
            diagnosis: diagnosis.clone(),
            fixers: Vec::new(),
        };
        self.rounds(stand, &diagnosis, before).await
    }

    /// Lets the fixers that fit try, one after the other; where one goes part of the way, the next round goes on from there.
    async fn rounds(&self, mut stand: Stand, fault: &Diagnosis, before: ProofRun) -> Result<Ended, RepairError> {
        let mut tried: Vec<Tried> = Vec::new();
        let mut trees: BTreeSet<String> = [stand.tree.0.clone()].into();
        let mut faults: BTreeSet<Fingerprint> = [stand.diagnosis.fingerprint.clone()].into();
        'rounds: for _ in 0..self.case.plan.fix.attempts.max(1) {
            for fixer in self.fitting(&stand).await? {
                self.workspace.reset(&stand.tree).await?;
                self.port.report(Progress::Trying { fixer: fixer.name.clone() }).await;
                let result = match self.attempt(&fixer, &stand, &mut trees).await? {
                    Err(result) => result,
                    Ok((tree, patch, risk)) => {
                        let names = stand.fixers.iter().chain([&fixer.name]).cloned().collect::<Vec<_>>();
                        match self.prove(&tree, &names.join(", then ")).await? {
                            Proven::Yes { runs, flags, before: compared } => {
                                let proof = Proof {
                                    before: [before].into_iter().chain(compared).collect(),
                                    after: runs,
                                    output: self.case.output.cloned(),
                                };
                                let risk = with(risk, flags);
                                let proposal = self.proposal(&names.join(", then "), fault, patch, risk, proof, None);
                                return Ok(Ended::Proposed(Box::new(proposal)));
                            }
                            Proven::Breaks { job } => Attempted::Breaks { job },
                            Proven::Infrastructure { why } => return Ok(Ended::Infrastructure { why }),
                            Proven::No { run } => {
                                let next = run.diagnosis.clone().unwrap_or_else(|| stand.diagnosis.clone());
                                let how = next.headline();
                                if !better(&stand, &run, &next) || !faults.insert(next.fingerprint.clone()) {
                                    Attempted::NotProven { how }
                                } else {
                                    self.tell(&mut tried, &fixer, Attempted::Partly { next: how }).await;
                                    let by_products =
                                        self.workspace.changed(&tree, &self.workspace.tree().await?).await?;
                                    let by_products = stand.by_products.into_iter().chain(by_products).collect();
                                    stand = Stand { by_products, tree, failed: run, diagnosis: next, fixers: names };
                                    continue 'rounds;
                                }
                            }
                        }
                    }
                };
                self.tell(&mut tried, &fixer, result).await;
            }
            break;
        }
        Ok(Ended::GaveUp { tried })
    }

    async fn tell(&self, tried: &mut Vec<Tried>, fixer: &Fixer, result: Attempted) {
        tried.push(Tried { fixer: fixer.name.clone(), result });
        if let Some(last) = tried.last() {
            self.port.report(Progress::Tried(last.clone())).await;
        }
    }

    async fn fitting(&self, stand: &Stand) -> Result<Vec<Fixer>, RepairError> {
        let paths = self.workspace.paths(&stand.tree).await?;
        let output = String::from_utf8_lossy(&stand.failed.output);
        let (package_json, makefile) = (
            self.workspace.read(&stand.tree, "package.json").await,
            self.workspace.read(&stand.tree, "Makefile").await,
        );
        let scene = Scene {
            job: self.job,
            diagnosis: &stand.diagnosis,
            output: &output,
            paths: &paths,
            package_json: package_json.as_deref(),
            makefile: makefile.as_deref(),
        };
        Ok(fixer::fitting(&scene, &self.case.plan.fix))
    }

    /// Runs a fixer and looks at what it made: the new tree, and the patch from the base to it.
    async fn attempt(
        &self,
        fixer: &Fixer,
        stand: &Stand,
        trees: &mut BTreeSet<String>,
    ) -> Result<Result<(TreeId, PatchText, Risk), Attempted>, RepairError> {
        let root = &self.workspace.root;
        let run = match &fixer.how {
            How::Command(command) => Some(self.port.run_command(command, root, &fixer.name).await?),
            How::Rustc(command) => Some(suggest::search::rustc(self.port, command, root, &fixer.name).await?),
            How::Output => {
                let suggestions = suggest::printed::read(&String::from_utf8_lossy(&stand.failed.output));
                let paths = self.workspace.paths(&stand.tree).await?;
                suggest::edit::follow(root, &paths, suggestions).await.map_err(RepairError::Edit)?;
                None
            }
        };
        let mut tree = self.workspace.tree().await?;
        let changed = self.workspace.changed(&stand.tree, &tree).await?;
        let (by_products, work): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|path| stand.by_products.contains(path));
        if !by_products.is_empty() && !work.is_empty() {
            self.workspace.put_back(&stand.tree, &by_products).await?;
            tree = self.workspace.tree().await?;
        }
        if tree == stand.tree {
            let missing = run.filter(|run| matches!(run.status, Some(126 | 127)));
            let why =
                |said: &[u8]| String::from_utf8_lossy(said).trim().lines().last().unwrap_or("not found").to_owned();
            return Ok(Err(missing.map_or(Attempted::NothingToDo, |run| Attempted::NotRun { why: why(&run.stderr) })));
        }
        if !trees.insert(tree.0.clone()) {
            return Ok(Err(Attempted::SameAsBefore));
        }
        let patch = match self.workspace.diff(self.case.base_tree).await {
            Err(error @ ChangeError::NotUtf8) => return Ok(Err(Attempted::Unusable { why: error.to_string() })),
            patch => patch?,
        };
        let guarded = self.guard(&patch, &stand.diagnosis).await?;
        if !guarded.blocked.is_empty() {
            let reasons = guarded.blocked.into_iter().map(|finding| finding.reason).collect();
            return Ok(Err(Attempted::Rejected { reasons }));
        }
        Ok(Ok((tree, patch, guarded.risk)))
    }

    async fn guard(&self, patch: &PatchText, fault: &Diagnosis) -> Result<Guarded, RepairError> {
        let parsed = Patch::parse(&patch.0).map_err(ChangeError::Unreadable)?;
        let mut base = std::collections::BTreeMap::new();
        for path in parsed.files.iter().filter_map(|file| file.old_path.clone()) {
            let text = self.workspace.read(self.case.base_tree, &path).await;
            base.insert(path, text);
        }
        Ok(guard::inspect(&parsed, |path| base.get(path).cloned().flatten(), &self.case.plan.fix, fault))
    }

    async fn revised(&self, id: ProposalId, patch: &PatchText, by: &str) -> Result<Ended, RepairError> {
        let fixer = format!("edited by {by}");
        let gave_up = |result| Ok(Ended::GaveUp { tried: vec![Tried { fixer: fixer.clone(), result }] });
        let tree = match self.workspace.apply_patch(self.case.base_tree, patch).await {
            Ok(tree) if tree == *self.case.base_tree => return gave_up(Attempted::NothingToDo),
            Ok(tree) => tree,
            Err(ChangeError::Git(error)) => return Err(error.into()),
            Err(error) => {
                let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
                return gave_up(Attempted::Unusable { why: format!("{error}{source}") });
            }
        };
        let patch = self.workspace.diff(self.case.base_tree).await?;
        let guarded = self.guard(&patch, self.case.diagnosis).await?;
        if !guarded.blocked.is_empty() {
            let reasons = guarded.blocked.into_iter().map(|finding| finding.reason).collect();
            return gave_up(Attempted::Rejected { reasons });
        }
        match self.prove(&tree, &fixer).await? {
            Proven::Yes { runs, flags, before } => {
                let proof = Proof { before, after: runs, output: self.case.output.cloned() };
                let risk = with(guarded.risk, flags);
                let proposal = self.proposal(&fixer, self.case.diagnosis, patch, risk, proof, Some(id));
                Ok(Ended::Proposed(Box::new(proposal)))
            }
            Proven::No { run } => {
                let how = run.diagnosis.map_or_else(|| ended(&run.outcome), |diagnosis| diagnosis.headline());
                gave_up(Attempted::NotProven { how })
            }
            Proven::Breaks { job } => gave_up(Attempted::Breaks { job }),
            Proven::Infrastructure { why } => Ok(Ended::Infrastructure { why }),
        }
    }

    fn proposal(
        &self,
        fixer: &str,
        fault: &Diagnosis,
        patch: PatchText,
        risk: Risk,
        proof: Proof,
        revises: Option<ProposalId>,
    ) -> Proposal {
        Proposal {
            project: self.case.project,
            run: self.case.run,
            job: self.case.job.clone(),
            title: words::title(fixer, fault, &patch),
            fixer: fixer.to_owned(),
            diagnosis: fault.clone(),
            hash: hash(self.case.project, self.case.base_tree, &patch),
            patch,
            base_tree: self.case.base_tree.0.clone(),
            risk,
            proof,
            undo: words::undo(self.case.plan.fix.apply).to_owned(),
            revises,
        }
    }
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
        Some(failure @ (Failure::TimedOut { .. } | Failure::NotRun { .. })) => return Some(failure.to_string()),
        Some(Failure::Exit { .. } | Failure::Signal { .. }) | None => {}
    }
    let surroundings =
        matches!(diagnosis.category, Category::Network | Category::Resource | Category::Timeout | Category::Cancelled);
    surroundings.then(|| format!("{} fault: {}", diagnosis.category, diagnosis.headline()))
}

/// Whether the job got further: fewer findings, a later step, or a kind of fault that only shows once others are gone.
fn better(stand: &Stand, run: &JobRun, next: &Diagnosis) -> bool {
    let stage = |category| match category {
        Category::Syntax => 0,
        Category::Config | Category::Dependency => 1,
        Category::Import | Category::Type | Category::Build => 2,
        Category::Test => 3,
        Category::Coverage => 4,
        _ => 2,
    };
    let (before, after) = (&stand.diagnosis, next);
    before.fingerprint != after.fingerprint
        && (after.diagnostics.len() < before.diagnostics.len()
            || run.step.zip(stand.failed.step).is_some_and(|(now, then)| now > then)
            || stage(after.category) > stage(before.category))
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

fn with(mut risk: Risk, flags: Vec<crate::domain::proposal::RiskFlag>) -> Risk {
    risk.level = flags.iter().map(|flag| flag.level).chain([risk.level]).max().unwrap_or_default();
    risk.flags.extend(flags);
    risk
}
