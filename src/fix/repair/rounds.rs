//! Confirming a failure, and letting fixers try until one mends it.

use std::collections::BTreeSet;

use crate::{
    domain::{
        diagnosis::{Category, Diagnosis},
        id::Fingerprint,
        outcome::JobOutcome,
        proposal::{Proof, ProofRun, Proposal, RiskFlag, RiskLevel},
    },
    fix::fixer::{self, Fixer, How, Scene},
    workspace::repo::TreeId,
};

use super::{
    Ended, Repair,
    agent::{AgentRun, Known, Spent},
    attempt::{Made, with},
    port::{Attempted, JobRun, Progress, RepairError, RepairPort, Tried},
    proof_run,
    prove::Proven,
    surroundings,
};

/// What an agent says of its work is a title up to here.
const TITLE: usize = 90;

/// Where a repair stands: a tree, how the job fails on it, and what has led there.
pub(super) struct Stand {
    pub tree: TreeId,
    /// What the job itself changed when it was run here: not the work of a fixer that runs the same tools.
    pub by_products: BTreeSet<String>,
    pub failed: JobRun,
    pub diagnosis: Diagnosis,
    pub fixers: Vec<String>,
}

impl<P: RepairPort> Repair<'_, P> {
    pub(super) async fn run(&self) -> Result<Ended, RepairError> {
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
        // One that may weaken what guards the project is proposed only if no other fixer finds a better way.
        let mut risky: Option<Box<Proposal>> = None;
        let mut spent = Spent::default();
        'rounds: for _ in 0..self.case.plan.fix.attempts.max(1) {
            for fixer in self.fitting(&stand, &spent).await? {
                // An agent costs money: not where there is already something to ask.
                if matches!(fixer.how, How::Agent(_)) && risky.is_some() {
                    break;
                }
                self.workspace.reset(&stand.tree).await?;
                self.port.report(Progress::Trying { fixer: fixer.name.clone() }).await;
                let result = match self.attempt(&fixer, &stand, (&tried, &mut trees), &mut spent).await? {
                    Err(result) => result,
                    Ok(Made { tree, patch, risk, agent }) => {
                        let names = stand.fixers.iter().chain([&fixer.name]).cloned().collect::<Vec<_>>();
                        match self.prove(&tree, &names.join(", then ")).await? {
                            Proven::Yes { runs, flags, before: compared } => {
                                let proof = Proof {
                                    before: [before.clone()].into_iter().chain(compared).collect(),
                                    after: runs,
                                    output: self.case.output.cloned(),
                                };
                                let mut flags = flags;
                                if names.len() > 1 {
                                    flags.push(several(fault, &stand.diagnosis));
                                }
                                let risk = with(risk, flags);
                                let fixers = names.join(", then ");
                                let mut proposal = self.proposal(&fixers, fault, patch, risk, proof, None);
                                if let Some(run) = agent {
                                    self.sign(&mut proposal, run, &mut spent).await;
                                }
                                proposal.cost = spent.cost;
                                if proposal.risk.level < RiskLevel::High {
                                    return Ok(Ended::Proposed(Box::new(proposal)));
                                }
                                risky.get_or_insert(Box::new(proposal));
                                continue;
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
        Ok(risky.map_or(Ended::GaveUp { tried }, Ended::Proposed))
    }

    async fn tell(&self, tried: &mut Vec<Tried>, fixer: &Fixer, result: Attempted) {
        tried.push(Tried { fixer: fixer.name.clone(), result });
        if let Some(last) = tried.last() {
            self.port.report(Progress::Tried(last.clone())).await;
        }
    }

    /// Says who made it, and what another agent thinks of it.
    async fn sign(&self, proposal: &mut Proposal, run: AgentRun, spent: &mut Spent) {
        proposal.thread = run.thread;
        let said = run.summary.lines().next().unwrap_or_default().trim();
        if !said.is_empty() {
            let line: String = said.chars().take(TITLE).collect();
            proposal.title = format!("{line} ({})", proposal.fixer);
        }
        // As the proof has left it, files that jobs have changed may be there.
        if let Some(review) = self.port.review(proposal, self.workspace).await {
            proposal.review = Some(review.words);
            spent.add(review.cost);
        }
    }

    /// What was approved for this fault before, what tools can do, and at the end an agent.
    async fn fitting(&self, stand: &Stand, spent: &Spent) -> Result<Vec<Fixer>, RepairError> {
        let known = self.port.known(&stand.diagnosis.fingerprint).into_iter();
        let known = known.map(|Known { proposal, patch }| Fixer {
            name: format!("known fix (proposal {proposal})"),
            how: How::Known(patch),
        });
        let most = if self.case.plan.fix.agent { self.port.agents() } else { 0 };
        let agents = (spent.tries + 1..=most).map(|number| Fixer {
            name: if number == 1 { "agent".into() } else { format!("agent, try {number}") },
            how: How::Agent(number),
        });
        Ok(known.chain(self.tools(stand).await?).chain(agents).collect())
    }

    async fn tools(&self, stand: &Stand) -> Result<Vec<Fixer>, RepairError> {
        let paths = self.workspace.paths(&stand.tree).await?;
        let output = String::from_utf8_lossy(&stand.failed.output);
        let texts = self.workspace.texts(&stand.tree, &["package.json", "Makefile"]).await?;
        let scene = Scene {
            job: self.job,
            diagnosis: &stand.diagnosis,
            output: &output,
            paths: &paths,
            package_json: texts.get("package.json").map(String::as_str),
            makefile: texts.get("Makefile").map(String::as_str),
        };
        Ok(fixer::fitting(&scene, &self.case.plan.fix))
    }
}

/// A proposal that mends more than the fault that was seen first.
fn several(first: &Diagnosis, last: &Diagnosis) -> RiskFlag {
    let reason = format!("mends more than one fault: {}; then {}", first.headline(), last.headline());
    RiskFlag { level: RiskLevel::Medium, name: "several-faults".into(), reason }
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
