//! Repairs as tasks: the procedure of [`crate::fix`], with the local engine to prove by.

mod port;

use std::{
    fmt::Write as _,
    path::PathBuf,
    sync::{Arc, Mutex, atomic::AtomicU32},
};

use crate::{
    domain::{
        diagnosis::Diagnosis,
        id::{JobKey, OutputId, ProjectId, RunId},
        outcome::CancelReason,
        plan::Plan,
    },
    engine::port::StopSignal,
    fix::repair::{self, Case, port::RepairError},
    protocol::repair::{RepairPhase, RepairResult, Revision, TryResult},
    redact::Secrets,
    state::board::State,
    workspace::repo::Repo,
};

use super::{
    agents::{self, repair::Talk},
    input::{Lore, RepairReport, Report},
    perform::{self, Ground},
    planner::chain,
};

pub(super) use port::Port;

/// The repair of a job, as a task.
pub(super) struct RepairTask {
    root: PathBuf,
    project: ProjectId,
    run: RunId,
    job: JobKey,
    number: u32,
    plan: Plan,
    diagnosis: Option<Diagnosis>,
    revision: Option<Revision>,
    lore: Lore,
    ground: Ground,
}

impl RepairTask {
    pub(super) fn of(state: &State, run: RunId, key: &JobKey, number: u32, ground: Ground) -> Option<Self> {
        let found = state.runs.get(&run)?;
        let job = found.job(key)?;
        let repair = job.repairs.iter().find(|repair| repair.number == number)?;
        let diagnosis = match &repair.revision {
            Some(revision) => state.proposals.get(&revision.of).map(|p| p.proposal.diagnosis.clone()),
            None => job.diagnosis().cloned(),
        };
        Some(Self {
            root: state.projects.get(&found.project)?.root.clone(),
            project: found.project,
            run,
            job: key.clone(),
            number,
            plan: found.plan(),
            diagnosis,
            revision: repair.revision.clone(),
            lore: agents::repair::lore(state, run, key),
            ground,
        })
    }

    pub(super) async fn run(self, signal: StopSignal) {
        let what = match Box::pin(self.repair(signal.clone())).await {
            Ok(what) => what,
            Err(RepairError::Cancelled) => RepairReport::Finished(cancelled(&signal)),
            Err(error) => RepairReport::Finished(RepairResult::Infrastructure { why: chain(&error) }),
        };
        self.report(what).await;
    }

    async fn report(&self, what: RepairReport) {
        let report = Report::Repair { run: self.run, job: self.job.clone(), number: self.number, what };
        self.ground.report(report).await;
    }

    async fn repair(&self, signal: StopSignal) -> Result<RepairReport, RepairError> {
        let Some(diagnosis) = &self.diagnosis else {
            let why = "nothing is known of the failure".into();
            return Ok(RepairReport::Finished(RepairResult::NotRepairable { why }));
        };
        self.report(RepairReport::Phase(RepairPhase::Preparing, None)).await;
        let repo = match Repo::discover(&self.root).await {
            Ok(repo) => repo,
            Err(error) => {
                let why = format!("repairs need a git repository: {}", chain(&error));
                return Ok(RepairReport::Finished(RepairResult::NotRepairable { why }));
            }
        };
        let tree = match repo.exact_tree().await {
            Ok(tree) => tree,
            Err(error) => return Ok(RepairReport::Finished(RepairResult::Infrastructure { why: chain(&error) })),
        };
        let output = OutputId::repair(self.run, &self.job, self.number);
        let case = Case {
            project: self.project,
            run: self.run,
            job: &self.job,
            plan: &self.plan,
            diagnosis,
            base_tree: &tree,
            output: Some(&output),
        };
        let port = Port {
            task: self,
            output: output.clone(),
            inside: perform::inside(&repo, &self.root),
            signal: signal.clone(),
            phase: Mutex::new((RepairPhase::Preparing, None)),
            marks: AtomicU32::new(0),
            talk: Talk::default(),
        };
        let pool = self.ground.pool(&repo);
        let ended = match &self.revision {
            None => Box::pin(repair::repair(&port, &pool, &case)).await?,
            Some(Revision { of, by, patch }) => {
                repair::revise(&port, &pool, &case, (*of, patch), &by.to_string()).await?
            }
        };
        Ok(match ended {
            repair::Ended::Proposed(proposal) if self.shows_a_secret(&proposal.patch.0) => {
                // It can't be redacted: what is approved is what is applied, to the byte.
                let why = format!("{}: its patch would show a secret", proposal.fixer);
                RepairReport::Finished(RepairResult::GaveUp { why })
            }
            repair::Ended::Proposed(proposal) => {
                self.report(RepairReport::Tried(proposal.fixer.clone(), TryResult::Proven)).await;
                RepairReport::Proposed(proposal)
            }
            repair::Ended::Flaky { .. } => RepairReport::Finished(RepairResult::Flaky),
            repair::Ended::GaveUp { tried } => {
                let words: Vec<String> =
                    tried.iter().map(|tried| format!("{}: {}", tried.fixer, tried.result)).collect();
                let mut why = if words.is_empty() { "no fixer fits this failure".into() } else { words.join("; ") };
                if self.plan.fix.agent
                    && let Err(no) = agents::repair::mind(&port, agents::repair::ENGINEER)
                {
                    let hint = no.hint.map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
                    let _ = write!(why, "; no agent tried: {}{hint}", no.why);
                }
                RepairReport::Finished(RepairResult::GaveUp { why })
            }
            repair::Ended::NotRepairable { why } => RepairReport::Finished(RepairResult::NotRepairable { why }),
            repair::Ended::Infrastructure { why } => RepairReport::Finished(RepairResult::Infrastructure { why }),
            repair::Ended::Cancelled => RepairReport::Finished(cancelled(&signal)),
        })
    }
}

impl RepairTask {
    /// Whether a text holds the value of a secret that any job of the plan declares, or something of a token's shape.
    fn shows_a_secret(&self, text: &str) -> bool {
        let names = self.plan.jobs.iter().flat_map(|job| &job.spec.secrets);
        let values: Vec<(&String, String)> =
            names.filter_map(|name| Some((name, self.ground.environment.get(name)?.to_owned()))).collect();
        Arc::new(Secrets::new(&values)).redact_text(text) != text
    }
}

fn cancelled(signal: &StopSignal) -> RepairResult {
    let reason = signal.borrow().as_ref().map_or(CancelReason::ShuttingDown, |stop| stop.reason().clone());
    RepairResult::Cancelled { reason }
}
