//! How agents have fared, counted over records: turns and how they ended, repairs by category, tools, time, tokens and cost.

use std::collections::BTreeMap;

use crate::{
    domain::{
        id::{JobKey, RunId, ThreadId},
        time::Millis,
        usage::{NanoUsd, Usage},
    },
    protocol::event::{Event, ProposalEvent, Record, RepairEvent, RepairResult, RunEvent, ThreadEvent},
};

use super::{board::State, trace::outcome_word};

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// By role.
    pub roles: BTreeMap<String, Role>,
    /// Repairs in which an agent had a hand, by category of the failure.
    pub categories: BTreeMap<String, Category>,
    /// By name of the tool.
    pub tools: BTreeMap<String, Tool>,
    threads: BTreeMap<ThreadId, String>,
    tools_asked: BTreeMap<(ThreadId, String), String>,
    repairs: BTreeMap<(RunId, JobKey, u32), String>,
    proposals: BTreeMap<(RunId, JobKey), String>,
}

/// What a role has done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Role {
    /// Turns that were begun.
    pub turns: u32,
    /// How many ended how.
    pub outcomes: BTreeMap<&'static str, u32>,
    /// Calls of models.
    pub calls: u32,
    /// Calls without a price.
    pub unpriced: u32,
    /// Tokens.
    pub usage: Usage,
    /// What they cost.
    pub cost: NanoUsd,
    /// How long models took.
    pub took: Millis,
}

/// How repairs of a category of failures went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Category {
    /// Repairs that an agent worked on.
    pub tried: u32,
    /// That came to a proven proposal.
    pub proposed: u32,
    /// Of these, that were approved.
    pub approved: u32,
}

/// How often a tool was used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tool {
    /// Times.
    pub used: u32,
    /// Times that it failed.
    pub failed: u32,
    /// How long that took.
    pub took: Millis,
}

impl Tally {
    /// Counts a record, which was just folded into the state.
    pub fn count(&mut self, state: &State, record: &Record) {
        match &record.event {
            Event::Thread { thread, event } => self.thread(state, *thread, event),
            Event::Run { run, event: RunEvent::Repair { job, event: RepairEvent::Finished { result } } } => {
                let number = state.runs.get(run).and_then(|run| run.job(job)?.repair()).map(|repair| repair.number);
                let Some(category) = number.and_then(|number| self.repairs.remove(&(*run, job.clone(), number))) else {
                    return;
                };
                if let RepairResult::Proposed { .. } = result {
                    self.categories.entry(category.clone()).or_default().proposed += 1;
                    self.proposals.insert((*run, job.clone()), category);
                }
            }
            Event::Proposal { proposal, event: ProposalEvent::Approved { .. } } => {
                let Some(known) = state.proposals.get(proposal) else { return };
                let of = (known.proposal.run, known.proposal.job.clone());
                if let Some(category) = self.proposals.remove(&of) {
                    self.categories.entry(category).or_default().approved += 1;
                }
            }
            _ => {}
        }
    }

    fn thread(&mut self, state: &State, id: ThreadId, event: &ThreadEvent) {
        if let ThreadEvent::Opened { role, about, .. } = event {
            self.threads.insert(id, role.clone());
            if let (Some(run), Some(job), Some(repair)) = (about.run, &about.job, about.repair) {
                let diagnosis = state.runs.get(&run).and_then(|run| run.job(job)?.diagnosis());
                let category = diagnosis.map_or_else(|| "unknown".to_owned(), |found| found.category.to_string());
                self.categories.entry(category.clone()).or_default().tried += 1;
                self.repairs.insert((run, job.clone(), repair), category);
            }
        }
        if let ThreadEvent::Changed { role: Some(role), .. } = event {
            self.threads.insert(id, role.clone());
        }
        let role = self.threads.get(&id).cloned().unwrap_or_default();
        match event {
            ThreadEvent::TurnStarted { .. } => self.roles.entry(role).or_default().turns += 1,
            ThreadEvent::TurnEnded { outcome, .. } => {
                *self.roles.entry(role).or_default().outcomes.entry(outcome_word(outcome)).or_default() += 1;
            }
            ThreadEvent::Called { call, .. } => {
                let role = self.roles.entry(role).or_default();
                role.calls += 1;
                role.unpriced += u32::from(call.cost.is_none());
                role.usage += call.usage;
                role.cost += call.cost.unwrap_or_default();
                role.took = Millis(role.took.0.saturating_add(call.took.0));
            }
            ThreadEvent::ToolAsked { call, tool, .. } => {
                self.tools_asked.insert((id, call.clone()), tool.clone());
            }
            ThreadEvent::ToolAnswered { call, ok, took, .. } => {
                let tool = self.tools_asked.remove(&(id, call.clone())).unwrap_or_else(|| "unknown".into());
                let tool = self.tools.entry(tool).or_default();
                tool.used += 1;
                tool.failed += u32::from(!ok);
                tool.took = Millis(tool.took.0.saturating_add(took.0));
            }
            _ => {}
        }
    }
}
