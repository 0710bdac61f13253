//! The one inbox: everything that waits for a person, oldest first.

use crate::domain::{
    id::{ApprovalId, RunId},
    time::Timestamp,
};

use super::{board::State, rule::wish_words, run::GateStatus};

/// A pending question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// What `go` and `nogo` name.
    pub id: ApprovalId,
    /// The run that it is about, if it is about one.
    pub run: Option<RunId>,
    /// What is asked, in one line.
    pub question: String,
    /// Since when.
    pub asked_at: Timestamp,
}

/// Everything that waits for a person, oldest first.
pub fn pending(state: &State) -> Vec<Approval> {
    let mut all: Vec<Approval> = Vec::new();
    for run in state.active_runs() {
        for gate in run.gates.iter().filter(|gate| gate.status == GateStatus::Asking) {
            all.push(Approval {
                id: ApprovalId::Gate { run: run.id, gate: gate.planned.name.clone() },
                run: Some(run.id),
                question: gate.planned.question.clone(),
                asked_at: gate.since,
            });
        }
        for proposal in run.proposals.iter().filter_map(|id| state.proposals.get(id)).filter(|p| p.is_pending()) {
            all.push(Approval {
                id: ApprovalId::Proposal(proposal.id),
                run: Some(run.id),
                question: proposal.proposal.title.clone(),
                asked_at: proposal.asked_at,
            });
        }
    }
    for thread in state.asking.iter().filter_map(|id| state.threads.get(id)) {
        all.extend(thread.wishes.iter().map(|(number, asked)| Approval {
            id: ApprovalId::Permission { thread: thread.id, number: *number },
            run: thread.about.run,
            question: format!("{} wants: {}", thread.role, wish_words(&asked.wish)),
            asked_at: asked.since,
        }));
    }
    all.sort_by(|a, b| a.asked_at.cmp(&b.asked_at).then_with(|| a.id.cmp(&b.id)));
    all
}
