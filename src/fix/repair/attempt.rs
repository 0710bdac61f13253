//! One fixer at work, or one edited patch: what comes of it, and the proposal that it becomes.

use std::collections::BTreeSet;

use crate::{
    domain::{
        diagnosis::Diagnosis,
        id::ProposalId,
        patch::{Patch, PatchText},
        proposal::{Proof, Proposal, Risk, RiskFlag, RiskLevel},
    },
    fix::{
        fixer::{Fixer, How},
        guard::{self, Guarded},
        suggest,
    },
    workspace::{change::ChangeError, repo::TreeId},
};

use super::{
    Ended, Repair,
    agent::{AgentRun, AgentTask, Spent},
    ended, hash,
    port::{Attempted, RepairError, RepairPort, Tried},
    prove::Proven,
    rounds::Stand,
    words,
};

/// What a fixer made.
pub(super) struct Made {
    pub tree: TreeId,
    /// From the base to it.
    pub patch: PatchText,
    pub risk: Risk,
    /// What the agent says that made it.
    pub agent: Option<AgentRun>,
}

impl<P: RepairPort> Repair<'_, P> {
    /// Runs a fixer and looks at what it made: the new tree, and the patch from the base to it.
    pub(super) async fn attempt(
        &self,
        fixer: &Fixer,
        stand: &Stand,
        (tried, trees): (&[Tried], &mut BTreeSet<String>),
        spent: &mut Spent,
    ) -> Result<Result<Made, Attempted>, RepairError> {
        let root = &self.workspace.root;
        let mut agent = None;
        let run = match &fixer.how {
            How::Command(command) => Some(self.port.run_command(command, root, &fixer.name).await?),
            How::Rustc(command) => Some(suggest::search::rustc(self.port, command, root, &fixer.name).await?),
            How::Output => {
                let suggestions = suggest::printed::read(&String::from_utf8_lossy(&stand.failed.output));
                let paths = self.workspace.paths(&stand.tree).await?;
                suggest::edit::follow(root, &paths, suggestions).await.map_err(RepairError::Edit)?;
                None
            }
            How::Known(patch) => match self.workspace.apply_patch(&stand.tree, patch).await {
                Ok(_) => None,
                Err(ChangeError::Git(error)) => return Err(error.into()),
                Err(error) => return Ok(Err(Attempted::Unusable { why: error.to_string() })),
            },
            How::Agent(attempt) => {
                let (workspace, tree, attempt) = (self.workspace, &stand.tree, *attempt);
                let (diagnosis, output) = (&stand.diagnosis, &stand.failed.output[..]);
                let task = AgentTask { workspace, tree, diagnosis, output, tried, attempt };
                let run = self.port.run_agent(&task).await?;
                spent.tries += 1;
                spent.add(run.cost);
                agent = Some(run);
                None
            }
        };
        if let Some(AgentRun { cut_short: Some(why), proven: false, .. }) = &agent {
            return Ok(Err(Attempted::Ended { why: why.clone() }));
        }
        let mut tree = self.workspace.tree().await?;
        let changed = self.workspace.changed(&stand.tree, &tree).await?;
        let (by_products, work): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|path| stand.by_products.contains(path));
        if !by_products.is_empty() && !work.is_empty() {
            self.workspace.put_back(&stand.tree, &by_products).await?;
            tree = self.workspace.tree().await?;
        }
        if tree == stand.tree {
            if let Some(run) = agent {
                let said = run.summary.lines().next().unwrap_or_default();
                return Ok(Err(Attempted::Ended { why: format!("changed nothing: {said}") }));
            }
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
        if agent.is_some() {
            let parsed = Patch::parse(&patch.0).map_err(ChangeError::Unreadable)?;
            let steps: Vec<&str> = self.job.spec.steps.iter().map(|step| step.run.as_str()).collect();
            let forbidden = guard::agent::forbidden(&parsed, &steps);
            if !forbidden.is_empty() {
                let reasons = forbidden.into_iter().map(|finding| finding.reason).collect();
                return Ok(Err(Attempted::Rejected { reasons }));
            }
        }
        // A tool does what it does; an agent may try to get past what guards the project. Nobody is asked about that.
        if agent.is_some() && guarded.risk.level == RiskLevel::High {
            let high = guarded.risk.flags.into_iter().filter(|flag| flag.level == RiskLevel::High);
            return Ok(Err(Attempted::Rejected { reasons: high.map(|flag| flag.reason).collect() }));
        }
        Ok(Ok(Made { tree, patch, risk: guarded.risk, agent }))
    }

    async fn guard(&self, patch: &PatchText, fault: &Diagnosis) -> Result<Guarded, RepairError> {
        let parsed = Patch::parse(&patch.0).map_err(ChangeError::Unreadable)?;
        let paths: Vec<&str> = parsed.files.iter().filter_map(|file| file.old_path.as_deref()).collect();
        let base = self.workspace.texts(self.case.base_tree, &paths).await?;
        Ok(guard::inspect(&parsed, |path| base.get(path).cloned(), &self.case.plan.fix, fault))
    }

    pub(super) async fn revised(&self, id: ProposalId, patch: &PatchText, by: &str) -> Result<Ended, RepairError> {
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

    pub(super) fn proposal(
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
            review: None,
            cost: None,
            thread: None,
        }
    }
}

pub(super) fn with(mut risk: Risk, flags: Vec<RiskFlag>) -> Risk {
    risk.level = flags.iter().map(|flag| flag.level).chain([risk.level]).max().unwrap_or_default();
    risk.flags.extend(flags);
    risk
}
