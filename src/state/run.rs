//! A run: its plan, its jobs and gates, how it stands.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    domain::{
        actor::{Actor, Trigger},
        definition::{ApplyInto, FixPolicy},
        id::{JobKey, ProjectId, ProposalId, RunId, Seq},
        outcome::{CancelReason, RunOutcome, SkipReason},
        plan::{Plan, PlannedGate},
        time::{Millis, Timestamp},
    },
    protocol::{
        event::{Cause, GateEvent, Record, RepairResult, RunEvent, Source},
        summary::RunSummary,
    },
};

use super::{
    job::{Job, JobStatus, Need},
    proposal::{ProposalState, ProposalStatus},
    repair::Repair,
    timeline::Moment,
};

/// One execution of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// Its project.
    pub project: ProjectId,
    /// Which pipeline was asked for, then which it is.
    pub pipeline: Option<String>,
    /// Only these jobs and what they need were asked for; empty: all.
    pub only: Vec<String>,
    /// Why it exists.
    pub trigger: Trigger,
    /// Who asked.
    pub by: Actor,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// The plan has been made.
    pub planned: bool,
    /// What it is made of, known with the plan.
    pub source: Source,
    /// What may be repaired.
    pub fix: FixPolicy,
    /// Concurrency group, and whether a newer run cancels this one.
    pub concurrency: Option<crate::domain::definition::Concurrency>,
    /// Its jobs, each after everything that it needs.
    pub jobs: Vec<Job>,
    /// Where each job stands in `jobs`.
    pub index: BTreeMap<JobKey, usize>,
    /// Its gates.
    pub gates: Vec<Gate>,
    /// It is being stopped.
    pub cancelling: Option<CancelReason>,
    /// How often that was asked for: from the second time on nothing is waited for.
    pub cancel_asked: u32,
    /// Why it never became a plan, and what to do about it.
    pub refused: Option<(String, Option<String>)>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<RunOutcome>,
    /// Proposals for its failures.
    pub proposals: Vec<ProposalId>,
    /// The run that shows whether its applied repairs made it green.
    pub followed_by: Option<RunId>,
    /// Applied proposals that such a run has followed.
    pub followed: BTreeSet<ProposalId>,
    /// The last record by which somebody asked something of it: that it be run, retried, repaired; an answer.
    pub touched: Seq,
    /// How many records are about it and its proposals.
    pub records: u64,
    /// What happened, in order: the newest [`MOMENTS`].
    pub moments: VecDeque<Moment>,
}

/// How many moments of a run are kept; the log has all of them.
pub const MOMENTS: usize = 2000;

/// How many failed jobs the summary of a run names.
const FAILED: usize = 8;

/// A gate of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// What the plan says of it.
    pub planned: PlannedGate,
    /// What it needs, by place in the run.
    pub needs: Vec<Need>,
    /// Where it stands.
    pub status: GateStatus,
    /// When it came to stand there.
    pub since: Timestamp,
}

/// Where a gate stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GateStatus {
    /// For something that it needs.
    Waiting,
    /// For a person.
    Asking,
    /// GO.
    Go {
        /// Who said so.
        by: Actor,
    },
    /// NO-GO.
    NoGo {
        /// Who said so.
        by: Actor,
        /// In their words.
        why: String,
    },
    /// It will never ask.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
}

impl GateStatus {
    /// Nothing more will happen to it.
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Waiting | Self::Asking => false,
            Self::Go { .. } | Self::NoGo { .. } | Self::Skipped { .. } => true,
        }
    }
}

impl Run {
    pub(super) fn requested(
        id: RunId,
        project: ProjectId,
        pipeline: Option<String>,
        only: Vec<String>,
        trigger: Trigger,
        by: Actor,
        at: Timestamp,
    ) -> Self {
        Self {
            id,
            project,
            pipeline,
            only,
            trigger,
            by,
            requested_at: at,
            planned: false,
            source: Source::default(),
            fix: FixPolicy::default(),
            concurrency: None,
            jobs: Vec::new(),
            index: BTreeMap::new(),
            gates: Vec::new(),
            cancelling: None,
            cancel_asked: 0,
            refused: None,
            ended_at: None,
            outcome: None,
            proposals: Vec::new(),
            followed_by: None,
            followed: BTreeSet::new(),
            touched: Seq(0),
            records: 0,
            moments: VecDeque::new(),
        }
    }

    /// The job with this key.
    pub fn job(&self, key: &JobKey) -> Option<&Job> {
        self.index.get(key).and_then(|&at| self.jobs.get(at))
    }

    /// The name of its pipeline, as far as it is known.
    pub fn pipeline_name(&self) -> &str {
        self.pipeline.as_deref().unwrap_or("(first)")
    }

    /// Time from when it was asked for until it ended, or `now`.
    pub fn took(&self, now: Timestamp) -> Millis {
        Millis::between(self.requested_at, self.ended_at.unwrap_or(now))
    }

    /// The plan again, as far as jobs that need other jobs are concerned.
    pub fn plan(&self) -> Plan {
        Plan {
            jobs: self.jobs.iter().map(|job| job.planned.clone()).collect(),
            gates: self.gates.iter().map(|gate| gate.planned.clone()).collect(),
            concurrency: self.concurrency.clone(),
            fix: self.fix.clone(),
        }
    }

    /// Repairs were applied, nothing of it is open any more, and no later run shows yet whether it is green now.
    pub fn owes_follow_up(&self, proposals: &BTreeMap<ProposalId, ProposalState>) -> bool {
        let mine = || self.proposals.iter().filter_map(|id| proposals.get(id));
        let applied = |p: &ProposalState| {
            p.status == ProposalStatus::Applied && p.applied.as_ref().is_some_and(|a| a.into != ApplyInto::Branch)
        };
        self.outcome.is_some()
            && mine().any(|p| applied(p) && !self.followed.contains(&p.id))
            && !mine().any(ProposalState::is_open)
            && !self.jobs.iter().any(|job| self.is_repairing(job, proposals))
    }

    /// A repair of the job is under way, or should be.
    pub fn is_repairing(&self, job: &Job, proposals: &BTreeMap<ProposalId, ProposalState>) -> bool {
        job.repair().is_some_and(|repair| repair.result.is_none()) || self.wants_repair(job, proposals)
    }

    /// The job failed with something that a change of files can mend, and nothing was tried yet for this attempt of it; or
    /// what was tried was cut off.
    pub fn wants_repair(&self, job: &Job, proposals: &BTreeMap<ProposalId, ProposalState>) -> bool {
        let Some(attempt) = job.attempt() else { return false };
        // A proposal that came while this attempt ran, for the same fault: one question is enough.
        let answers = |proposal: &ProposalState| {
            let mine = attempt.diagnosis.as_ref().map(|diagnosis| &diagnosis.fingerprint);
            proposal.asked_at >= attempt.started_at && mine == Some(&proposal.proposal.diagnosis.fingerprint)
        };
        self.fix.enabled
            && self.cancelling.is_none()
            && job.status == JobStatus::Failed
            && attempt.diagnosis.as_ref().is_some_and(|diagnosis| diagnosis.category.can_repair())
            && job.repair().is_none_or(|repair| match &repair.result {
                None => false,
                Some(_) if repair.was_cut_off() => true,
                Some(RepairResult::Proposed { proposal }) => {
                    repair.attempt != attempt.number && !proposals.get(proposal).is_some_and(answers)
                }
                Some(_) => repair.attempt != attempt.number,
            })
    }

    /// A gate asks, and until it is answered there is nothing to do.
    pub fn waits_for_a_person(&self) -> bool {
        let at_work =
            |job: &Job| matches!(job.status, JobStatus::Queued | JobStatus::Running | JobStatus::Retrying { .. });
        self.gates.iter().any(|gate| gate.status == GateStatus::Asking) && !self.jobs.iter().any(at_work)
    }

    /// These jobs and everything that needs them in turn: jobs and gates, by place.
    pub fn downstream(&self, jobs: BTreeSet<usize>) -> (BTreeSet<usize>, BTreeSet<usize>) {
        let (mut jobs, mut gates) = (jobs, BTreeSet::new());
        loop {
            let before = jobs.len() + gates.len();
            let hit = |needs: &[Need], jobs: &BTreeSet<usize>, gates: &BTreeSet<usize>| {
                needs.iter().any(|need| match need {
                    Need::Job(at) => jobs.contains(at),
                    Need::Gate(at) => gates.contains(at),
                })
            };
            let more: Vec<usize> =
                (0..self.gates.len()).filter(|&at| hit(&self.gates[at].needs, &jobs, &gates)).collect();
            gates.extend(more);
            let more: Vec<usize> =
                (0..self.jobs.len()).filter(|&at| hit(&self.jobs[at].needs, &jobs, &gates)).collect();
            jobs.extend(more);
            if jobs.len() + gates.len() == before {
                return (jobs, gates);
            }
        }
    }

    /// What stays at hand of it when it is put aside; `None` if it has not ended.
    pub fn summary(&self) -> Option<RunSummary> {
        let failed = self.jobs.iter().filter(|job| job.status == JobStatus::Failed);
        Some(RunSummary {
            run: self.id,
            project: self.project,
            pipeline: self.pipeline.clone(),
            trigger: self.trigger.clone(),
            by: self.by.clone(),
            source: self.source.clone(),
            requested_at: self.requested_at,
            ended_at: self.ended_at?,
            outcome: self.outcome?,
            jobs: self.jobs.len() as u32,
            failed: failed.take(FAILED).map(|job| job.key().0.clone()).collect(),
            proposals: self.proposals.clone(),
        })
    }

    /// Counts a record, and keeps it among the moments.
    pub(super) fn note(&mut self, record: &Record, job: Option<&JobKey>) {
        self.records += 1;
        self.remark(record, job);
    }

    /// What happened that is no record of its own: an agent worked on it.
    pub(super) fn remark(&mut self, record: &Record, job: Option<&JobKey>) {
        if let Some(moment) = Moment::of(record, job) {
            if self.moments.len() >= MOMENTS {
                self.moments.pop_front();
            }
            self.moments.push_back(moment);
        }
    }

    pub(super) fn apply(&mut self, event: &RunEvent, record: &Record) {
        let at = record.at;
        self.note(record, record.event.job());
        if matches!(record.cause, Cause::Request { .. }) {
            self.touched = record.seq;
        }
        match event {
            RunEvent::Planned { pipeline, source, plan } => {
                self.planned = true;
                self.pipeline = Some(pipeline.clone());
                self.source = source.clone();
                self.fix = plan.fix.clone();
                self.concurrency.clone_from(&plan.concurrency);
                self.index = plan.jobs.iter().enumerate().map(|(at, job)| (job.key.clone(), at)).collect();
                let gates: BTreeMap<&str, usize> =
                    plan.gates.iter().enumerate().map(|(at, gate)| (gate.name.as_str(), at)).collect();
                let need = |need: &String| match gates.get(need.as_str()) {
                    Some(&gate) => Some(Need::Gate(gate)),
                    None => self.index.get(&JobKey(need.clone())).map(|&job| Need::Job(job)),
                };
                let needs = |names: &[String]| names.iter().filter_map(need).collect();
                self.jobs = plan.jobs.iter().map(|job| Job::new(job.clone(), needs(&job.needs), at)).collect();
                let gate = |gate: &PlannedGate| Gate {
                    planned: gate.clone(),
                    needs: needs(&gate.needs),
                    status: GateStatus::Waiting,
                    since: at,
                };
                self.gates = plan.gates.iter().map(gate).collect();
            }
            RunEvent::Refused { error, hint } => {
                self.refused = Some((error.clone(), hint.clone()));
                self.ended_at = Some(at);
                self.outcome = Some(RunOutcome::Refused);
            }
            RunEvent::Job { job, event } => {
                if let Some(job) = self.index.get(job).and_then(|&i| self.jobs.get_mut(i)) {
                    job.apply(event, at);
                }
            }
            RunEvent::Gate { gate, event } => {
                if let Some(gate) = self.gates.iter_mut().find(|g| g.planned.name == *gate) {
                    gate.apply(event, at);
                }
            }
            RunEvent::Repair { job, event } => {
                if let Some(job) = self.index.get(job).and_then(|&i| self.jobs.get_mut(i)) {
                    Repair::apply(&mut job.repairs, event, at);
                }
            }
            RunEvent::Cancelling { reason } => {
                self.cancelling = Some(reason.clone());
                self.cancel_asked += 1;
            }
            RunEvent::Reopened { jobs, .. } => {
                self.ended_at = None;
                self.outcome = None;
                self.cancelling = None;
                self.cancel_asked = 0;
                for key in jobs {
                    if let Some(job) = self.index.get(key).and_then(|&i| self.jobs.get_mut(i)) {
                        job.reset(at);
                    }
                }
                self.followed_by = None;
                // A GO holds only as long as nothing that it was said of is made anew.
                let again = jobs.iter().filter_map(|key| self.index.get(key).copied()).collect();
                let (_, asked_anew) = self.downstream(again);
                for (at, gate) in self.gates.iter_mut().enumerate() {
                    if asked_anew.contains(&at) || !matches!(gate.status, GateStatus::Go { .. }) {
                        gate.status = GateStatus::Waiting;
                        gate.since = record.at;
                    }
                }
            }
            RunEvent::Finished { outcome } => {
                self.ended_at = Some(at);
                self.outcome = Some(*outcome);
            }
            RunEvent::Requested { .. } | RunEvent::Container { .. } | RunEvent::PutAside { .. } | RunEvent::Unknown => {
            }
        }
    }
}

impl Gate {
    fn apply(&mut self, event: &GateEvent, at: Timestamp) {
        self.since = at;
        self.status = match event {
            GateEvent::Asked => GateStatus::Asking,
            GateEvent::Skipped { reason } => GateStatus::Skipped { reason: reason.clone() },
            GateEvent::Answered { go: true, by, .. } => GateStatus::Go { by: by.clone() },
            GateEvent::Answered { go: false, by, why } => GateStatus::NoGo { by: by.clone(), why: why.clone() },
            GateEvent::Unknown => return,
        };
    }
}
