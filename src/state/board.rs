//! State: everything that is known, and how a record changes it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    domain::{
        actor::{Actor, Trigger},
        id::{ProjectId, ProposalId, RunId, Seq, ThreadId},
        time::Timestamp,
    },
    protocol::{
        event::{Cause, ControlEvent, Event, ProposalEvent, Record, RunEvent, ThreadEvent},
        summary::RunSummary,
    },
};

use super::{ledger::Ledger, project::Project, proposal::ProposalState, rule::Rule, run::Run, thread::Thread};

/// The fold of the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Position of the last record folded in.
    pub seq: Seq,
    /// When it was committed.
    pub at: Timestamp,
    /// The projects, by number.
    pub projects: BTreeMap<ProjectId, Project>,
    /// The runs, by number.
    pub runs: BTreeMap<RunId, Run>,
    /// The proposals, by number.
    pub proposals: BTreeMap<ProposalId, ProposalState>,
    /// Conversations with agents, by number. What was said is kept of the newest alone: see [`Thread::aside`].
    pub threads: BTreeMap<ThreadId, Thread>,
    /// Conversations in which a turn is under way or wanted: what control has to look at.
    pub talking: BTreeSet<ThreadId>,
    /// What calls of models used and cost.
    pub ledger: Ledger,
    /// Conversations in which an agent waits for a permission.
    pub asking: BTreeSet<ThreadId>,
    /// What agents may do without asking, by number.
    pub rules: BTreeMap<u32, Rule>,
    /// Runs that have not ended, or whose repairs and proposals are still open: what control has to look at.
    pub active: BTreeSet<RunId>,
    /// Runs that were put aside, the newest [`ASIDE`]: in the order in which that was done.
    pub aside: VecDeque<RunSummary>,
    /// What each person's board had shown when they last left one.
    pub seen: BTreeMap<Actor, Seen>,
    /// The last time that gonogo began without having ended in good order: the record that says so, and when.
    pub cut_off: Option<(Seq, Timestamp)>,
    /// It has begun, and not ended.
    at_work: bool,
    /// The newest run there ever was.
    newest_run: RunId,
    /// The newest conversation there ever was.
    newest_thread: ThreadId,
    /// The newest proposal there ever was.
    newest_proposal: ProposalId,
    /// Conversations of which everything is kept.
    pub(super) threads_at_hand: BTreeSet<ThreadId>,
    /// The newest rule there ever was.
    pub(super) newest_rule: u32,
}

/// How many runs that were put aside are kept at hand, in a few lines each.
pub const ASIDE: usize = 256;

/// How far somebody has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The last record that was on the screen.
    pub seq: Seq,
    /// When they left.
    pub at: Timestamp,
}

impl State {
    /// The fold of the records of one run that was put aside: that run, its proposals, and nothing else; or of a conversation.
    pub fn recall(records: &[impl std::borrow::Borrow<Record>]) -> Self {
        let mut state = Self::default();
        let puts_aside = |record: &Record| match &record.event {
            Event::Run { event, .. } => matches!(event, RunEvent::PutAside { .. }),
            Event::Thread { event, .. } => matches!(**event, ThreadEvent::Closed { .. }),
            _ => false,
        };
        records
            .iter()
            .map(std::borrow::Borrow::borrow)
            .filter(|record| !puts_aside(record))
            .for_each(|record| state.apply(record));
        state
    }

    /// Folds a record in. A record that was folded in before changes nothing.
    pub fn apply(&mut self, record: &Record) {
        if record.seq <= self.seq {
            return;
        }
        self.seq = record.seq;
        self.at = record.at;
        match &record.event {
            Event::Project { project, event } => {
                Project::apply(&mut self.projects, *project, event);
            }
            Event::Run { run, event } => self.apply_run(*run, event, record),
            Event::Proposal { proposal, event } => self.apply_proposal(*proposal, event, record),
            Event::Control { event: ControlEvent::Left { by, seen, .. } } => {
                self.seen.insert(by.clone(), Seen { seq: *seen, at: record.at });
            }
            Event::Control { event: ControlEvent::Started { .. } } => {
                if self.at_work {
                    self.cut_off = Some((record.seq, record.at));
                }
                self.at_work = true;
            }
            Event::Control { event: ControlEvent::Stopped } => self.at_work = false,
            Event::Control { event: ControlEvent::BudgetWarned { budget, period, .. } } => {
                self.ledger.warn(budget, period);
            }
            Event::Thread { thread, event } => {
                self.newest_thread = self.newest_thread.max(*thread);
                self.give_rule(*thread, event, record);
                Thread::apply(&mut self.threads, *thread, event, record);
                let known = self.threads.get(thread);
                if known.is_some_and(|thread| thread.turn.is_some() || thread.wants_a_turn().is_some()) {
                    self.talking.insert(*thread);
                } else {
                    self.talking.remove(thread);
                }
                self.ledger.apply(*thread, self.threads.get(thread), event, record);
                self.keep_bounded(*thread);
                let about = self.threads.get(thread).map(|thread| (thread.about.run, thread.about.job.clone()));
                if let Some((Some(run), job)) = about
                    && let Some(run) = self.runs.get_mut(&run)
                {
                    run.remark(record, job.as_ref());
                }
            }
            Event::Control { event: ControlEvent::RuleRevoked { rule, .. } } => {
                self.rules.remove(rule);
            }
            Event::Control { .. } | Event::Unknown => {}
        }
    }

    /// The run that a record is about, also where only its proposal is named.
    pub fn run_of(&self, event: &Event) -> Option<RunId> {
        event.run().or_else(|| match event {
            Event::Proposal { proposal, .. } => self.proposals.get(proposal).map(|known| known.proposal.run),
            _ => None,
        })
    }

    fn apply_run(&mut self, id: RunId, event: &RunEvent, record: &Record) {
        self.newest_run = self.newest_run.max(id);
        if let RunEvent::PutAside { summary } = event {
            return self.put_aside(id, summary);
        }
        if let RunEvent::Requested { project, pipeline, jobs, trigger, by } = event {
            let run =
                Run::requested(id, *project, pipeline.clone(), jobs.clone(), trigger.clone(), by.clone(), record.at);
            if let Some(project) = self.projects.get_mut(project) {
                project.runs.push(id);
            }
            if let Trigger::AfterRepair { run: repaired, proposals } = trigger {
                if let Some(repaired) = self.runs.get_mut(repaired) {
                    repaired.followed_by = Some(id);
                    repaired.followed.extend(proposals);
                }
                self.mark(*repaired);
            }
            self.runs.insert(id, run);
            if let Some(run) = self.runs.get_mut(&id) {
                run.note(record, None);
                run.touched = record.seq;
            }
        } else if let Some(run) = self.runs.get_mut(&id) {
            run.apply(event, record);
        }
        self.mark(id);
    }

    fn apply_proposal(&mut self, id: ProposalId, event: &ProposalEvent, record: &Record) {
        self.newest_proposal = self.newest_proposal.max(id);
        if let ProposalEvent::Proposed { proposal } = event {
            self.proposals.insert(id, ProposalState::new(id, proposal, record.at));
            if let Some(run) = self.runs.get_mut(&proposal.run) {
                run.proposals.push(id);
            }
        } else if let Some(proposal) = self.proposals.get_mut(&id) {
            proposal.apply(event, record.at);
        }
        let Some(proposal) = self.proposals.get(&id) else { return };
        let (run, job) = (proposal.proposal.run, proposal.proposal.job.clone());
        if let Some(run) = self.runs.get_mut(&run) {
            run.note(record, Some(&job));
            if matches!(record.cause, Cause::Request { .. }) {
                run.touched = record.seq;
            }
        }
        self.mark(run);
    }

    fn put_aside(&mut self, id: RunId, summary: &RunSummary) {
        self.runs.remove(&id);
        for proposal in &summary.proposals {
            self.proposals.remove(proposal);
        }
        if let Some(project) = self.projects.get_mut(&summary.project) {
            project.runs.retain(|run| *run != id);
        }
        self.active.remove(&id);
        let newest = summary.proposals.iter().copied().max().unwrap_or_default();
        self.newest_proposal = self.newest_proposal.max(newest);
        self.aside.push_back(summary.clone());
        let surplus = self.aside.len().saturating_sub(ASIDE);
        self.aside.drain(..surplus);
    }

    /// Keeps `active` true: a run is active until it has ended and nothing of its repairs and proposals is open.
    fn mark(&mut self, id: RunId) {
        let Some(run) = self.runs.get(&id) else { return };
        let open = run.outcome.is_none()
            || run.jobs.iter().any(|job| run.is_repairing(job, &self.proposals))
            || run.proposals.iter().filter_map(|id| self.proposals.get(id)).any(ProposalState::is_open);
        if open || run.owes_follow_up(&self.proposals) {
            self.active.insert(id);
        } else {
            self.active.remove(&id);
        }
    }

    /// The runs that are active, oldest first.
    pub fn active_runs(&self) -> impl Iterator<Item = &Run> {
        self.active.iter().filter_map(|id| self.runs.get(id))
    }

    /// The project whose checkout has this root.
    pub fn project_at(&self, root: &std::path::Path) -> Option<&Project> {
        self.projects.values().find(|project| project.root == root)
    }

    /// The newest run there ever was; 0 for none.
    pub fn newest_run(&self) -> RunId {
        self.newest_run
    }

    /// The newest proposal there ever was; 0 for none.
    pub fn newest_proposal(&self) -> ProposalId {
        self.newest_proposal
    }

    /// What stays at hand of a run that was put aside, if it is one of the newest of these.
    pub fn was_put_aside(&self, run: RunId) -> Option<&RunSummary> {
        self.aside.iter().find(|summary| summary.run == run)
    }

    /// The newest run of a project.
    pub fn latest_run(&self, project: ProjectId) -> Option<&Run> {
        self.projects.get(&project)?.runs.last().and_then(|id| self.runs.get(id))
    }

    /// The number that the next run gets.
    pub fn next_run(&self) -> RunId {
        RunId(self.newest_run.0 + 1)
    }

    /// The number that the next project gets.
    pub fn next_project(&self) -> ProjectId {
        ProjectId(self.projects.keys().next_back().map_or(1, |id| id.0 + 1))
    }

    /// The number that the next conversation gets.
    pub fn next_thread(&self) -> ThreadId {
        ThreadId(self.newest_thread.0 + 1)
    }

    /// The number that the next proposal gets.
    pub fn next_proposal(&self) -> ProposalId {
        ProposalId(self.newest_proposal.0 + 1)
    }
}
