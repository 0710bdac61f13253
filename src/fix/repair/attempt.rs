//! One fixer at work, or one edited patch: what comes of it, and the proposal that it becomes.

use std::collections::BTreeSet;

use crate::{
    domain::{
        diagnosis::Diagnosis,
        id::ProposalId,
        patch::{Patch, PatchText},
        proposal::{Proof, Proposal, Risk, RiskFlag},
    },
    fix::{
        fixer::{Fixer, How},
        guard::{self, Guarded},
        suggest,
    },
    workspace::{change::ChangeError, repo::TreeId},
};

use super::{
    Ended, Repair, ended, hash,
    port::{Attempted, RepairError, RepairPort, Tried},
    prove::Proven,
    rounds::Stand,
    words,
};

impl<P: RepairPort> Repair<'_, P> {
    /// Runs a fixer and looks at what it made: the new tree, and the patch from the base to it.
    pub(super) async fn attempt(
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
        }
    }
}

pub(super) fn with(mut risk: Risk, flags: Vec<RiskFlag>) -> Risk {
    risk.level = flags.iter().map(|flag| flag.level).chain([risk.level]).max().unwrap_or_default();
    risk.flags.extend(flags);
    risk
}
