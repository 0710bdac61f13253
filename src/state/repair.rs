//! The repair of a job: what it does, what it tried, how it ended.

use crate::{
    domain::{outcome::CancelReason, time::Timestamp},
    protocol::event::{RepairEvent, RepairPhase, RepairResult, Revision, TryResult},
};

/// One repair of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Repair {
    /// 1 is the job's first.
    pub number: u32,
    /// The attempt of the job that it mends.
    pub attempt: u32,
    /// An edited patch is being proven, rather than one searched for.
    pub revision: Option<Revision>,
    /// When it was started.
    pub started_at: Timestamp,
    /// What it did when, in order.
    pub phases: Vec<PhaseSpan>,
    /// What it tried.
    pub tried: Vec<(String, TryResult)>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub result: Option<RepairResult>,
}

/// A stretch of a repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseSpan {
    /// What it did.
    pub phase: RepairPhase,
    /// With which fixer.
    pub fixer: Option<String>,
    /// From when.
    pub started_at: Timestamp,
    /// Until when.
    pub ended_at: Option<Timestamp>,
}

impl Repair {
    pub(super) fn apply(repairs: &mut Vec<Self>, event: &RepairEvent, at: Timestamp) {
        if let RepairEvent::Started { number, attempt, revision } = event {
            repairs.push(Self {
                number: *number,
                attempt: *attempt,
                revision: revision.clone(),
                started_at: at,
                phases: Vec::new(),
                tried: Vec::new(),
                ended_at: None,
                result: None,
            });
            return;
        }
        let Some(repair) = repairs.last_mut() else { return };
        match event {
            RepairEvent::Phase { phase, fixer } => {
                repair.end_phase(at);
                repair.phases.push(PhaseSpan { phase: *phase, fixer: fixer.clone(), started_at: at, ended_at: None });
            }
            RepairEvent::Tried { fixer, result } => repair.tried.push((fixer.clone(), result.clone())),
            RepairEvent::Finished { result } => {
                repair.end_phase(at);
                repair.ended_at = Some(at);
                repair.result = Some(result.clone());
            }
            RepairEvent::Started { .. } | RepairEvent::Unknown => {}
        }
    }

    fn end_phase(&mut self, at: Timestamp) {
        if let Some(last) = self.phases.last_mut() {
            last.ended_at.get_or_insert(at);
        }
    }

    /// It was ended with gonogo itself, not answered: it is to be taken up again.
    pub fn was_cut_off(&self) -> bool {
        matches!(self.result, Some(RepairResult::Lost | RepairResult::Cancelled { reason: CancelReason::ShuttingDown }))
    }

    /// What it is doing now, in a word or two.
    pub fn doing(&self) -> Option<String> {
        if self.result.is_some() {
            return None;
        }
        let last = self.phases.last()?;
        Some(match &last.fixer {
            Some(fixer) => format!("{} {fixer}", last.phase.word()),
            None => last.phase.word().to_owned(),
        })
    }
}
