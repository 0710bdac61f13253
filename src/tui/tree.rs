//! The rows of pane 2: runs, their jobs and gates, their steps.

use crate::{
    domain::id::{JobKey, OutputId, ProjectId, RunId},
    protocol::event::RepairResult,
    state::{
        board::State,
        job::{Job, JobStatus},
        proposal::{ProposalState, ProposalStatus},
        run::{GateStatus, Run},
    },
};

use super::ui::Ui;

/// What a row stands for; it keeps its place while others come and go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// A run.
    Run(RunId),
    /// A job of a run.
    Job(RunId, JobKey),
    /// A step of a job.
    Step(RunId, JobKey, u32),
    /// One of several outputs of a job: an attempt or a repair.
    Output(OutputId),
    /// A gate of a run.
    Gate(RunId, String),
}

impl Node {
    /// The run that it belongs to.
    pub fn run(&self) -> RunId {
        match self {
            Self::Run(run) | Self::Job(run, _) | Self::Step(run, _, _) | Self::Gate(run, _) => *run,
            Self::Output(output) => output.run,
        }
    }

    /// The job that it is or belongs to.
    pub fn job(&self) -> Option<&JobKey> {
        match self {
            Self::Job(_, job) | Self::Step(_, job, _) => Some(job),
            Self::Output(output) => Some(&output.job),
            Self::Run(_) | Self::Gate(..) => None,
        }
    }

    /// The row in which it lies.
    pub fn parent(&self) -> Option<Self> {
        match self {
            Self::Run(_) => None,
            Self::Job(run, _) | Self::Gate(run, _) => Some(Self::Run(*run)),
            Self::Step(run, job, _) => Some(Self::Job(*run, job.clone())),
            Self::Output(output) => Some(Self::Job(output.run, output.job.clone())),
        }
    }
}

/// The rows of a project's runs, the newest first; those that were put aside come after the others.
pub fn nodes(ui: &Ui, state: &State, project: ProjectId) -> Vec<Node> {
    let Some(project) = state.projects.get(&project) else { return Vec::new() };
    let mut out = Vec::new();
    for id in project.runs.iter().rev().copied().chain(ui.past.runs(state, project.id)) {
        out.push(Node::Run(id));
        if !is_open(ui, state, &Node::Run(id)) {
            continue;
        }
        let home = ui.home(state, id);
        let Some(run) = home.runs.get(&id) else { continue };
        for job in &run.jobs {
            let node = Node::Job(run.id, job.key().clone());
            let open = is_open(ui, state, &node);
            out.push(node);
            if open {
                let steps = 0..job.planned.spec.steps.len() as u32;
                out.extend(steps.map(|step| Node::Step(run.id, job.key().clone(), step)));
                let outputs = super::select::outputs(run.id, job);
                if outputs.len() > 1 {
                    out.extend(outputs.into_iter().map(Node::Output));
                }
            }
        }
        out.extend(run.gates.iter().map(|gate| Node::Gate(run.id, gate.planned.name.clone())));
    }
    out
}

/// Whether a row shows what lies in it: the newest run does, unless the person has turned it round.
pub fn is_open(ui: &Ui, state: &State, node: &Node) -> bool {
    let by_itself = match node {
        Node::Run(id) => state
            .runs
            .get(id)
            .and_then(|run| state.projects.get(&run.project))
            .is_some_and(|project| project.runs.last() == Some(id)),
        Node::Job(..) | Node::Step(..) | Node::Output(_) | Node::Gate(..) => false,
    };
    by_itself != ui.runs.turned.contains(node)
}

/// What is said under a row: what is wrong, and what is being done about it. Without room for both, what is being done,
/// unless that came to nothing.
pub fn notes(state: &State, node: &Node, roomy: bool) -> Vec<(String, Note)> {
    let mut notes: Vec<(String, Note)> = match node {
        Node::Run(run) => state.runs.get(run).and_then(refusal).into_iter().collect(),
        Node::Gate(run, name) => state.runs.get(run).and_then(|run| answered(run, name)).into_iter().collect(),
        Node::Job(run, key) => find_job(state, *run, key)
            .map(|job| [fault(job), remedy(state, job)].into_iter().flatten().collect())
            .unwrap_or_default(),
        Node::Step(..) | Node::Output(_) => Vec::new(),
    };
    if !roomy && notes.len() > 1 {
        let came_to_nothing = notes.last().is_some_and(|(_, note)| *note == Note::Fault);
        notes.remove(usize::from(came_to_nothing));
    }
    notes
}

/// Why a run never became a plan.
fn refusal(run: &Run) -> Option<(String, Note)> {
    let (error, _) = run.refused.as_ref()?;
    Some((error.clone(), Note::Fault))
}

/// By whom a gate was answered, and why.
fn answered(run: &Run, name: &str) -> Option<(String, Note)> {
    let gate = run.gates.iter().find(|gate| gate.planned.name == name)?;
    match &gate.status {
        GateStatus::Go { by } => Some((format!("by {by}"), Note::Good)),
        GateStatus::NoGo { by, why } if why.is_empty() => Some((format!("by {by}"), Note::Fault)),
        GateStatus::NoGo { by, why } => Some((format!("by {by}: {why}"), Note::Fault)),
        GateStatus::Skipped { reason } => Some((reason.to_string(), Note::Reason)),
        GateStatus::Waiting | GateStatus::Asking => None,
    }
}

/// What kind of thing a second line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// What is wrong.
    Fault,
    /// What is being done about it.
    Repair,
    /// A person is asked about it.
    Asks,
    /// It is mended.
    Good,
    /// Why it waits, or does not run.
    Reason,
}

/// What is wrong with a job, or why it waits.
fn fault(job: &Job) -> Option<(String, Note)> {
    match &job.status {
        JobStatus::Failed => Some(match (job.diagnosis(), job.attempt().and_then(|a| a.outcome.as_ref())) {
            (Some(diagnosis), _) => (diagnosis.headline(), Note::Fault),
            (None, Some(crate::domain::outcome::JobOutcome::Failed { failure })) => (failure.to_string(), Note::Fault),
            (None, _) => return None,
        }),
        JobStatus::Retrying { because, .. } => Some((format!("again: {because}"), Note::Reason)),
        JobStatus::Skipped { reason } => Some((reason.to_string(), Note::Reason)),
        JobStatus::Lost => Some(("gonogo ended while it ran; r runs it again".into(), Note::Fault)),
        _ => None,
    }
}

/// What is being done about a failed job.
fn remedy(state: &State, job: &Job) -> Option<(String, Note)> {
    let repair = job.repair().filter(|_| !job.status.is_good())?;
    if let Some(doing) = repair.doing() {
        return Some((format!("repair: {doing}"), Note::Repair));
    }
    match repair.result.as_ref()? {
        RepairResult::Proposed { proposal } => state.proposals.get(proposal).map(proposal_note),
        RepairResult::Flaky => Some(("flaky: passed when run again".into(), Note::Repair)),
        RepairResult::GaveUp { why } => Some((format!("not repaired: {why}"), Note::Fault)),
        RepairResult::NotRepairable { .. }
        | RepairResult::Infrastructure { .. }
        | RepairResult::Cancelled { .. }
        | RepairResult::Lost => None,
    }
}

/// What became of a proposal for a job, in a line.
fn proposal_note(proposal: &ProposalState) -> (String, Note) {
    let id = proposal.id;
    match &proposal.status {
        ProposalStatus::Pending => (format!("#{id} asks: {}", proposal.proposal.title), Note::Asks),
        ProposalStatus::Applying { .. } => (format!("#{id} is being applied"), Note::Repair),
        ProposalStatus::Applied => {
            let applied = proposal.applied.as_ref();
            let commit = applied.and_then(|applied| applied.commit.as_deref()).and_then(|commit| commit.get(..7));
            let commit = commit.map(|commit| format!(" as {commit}")).unwrap_or_default();
            let branch = applied.and_then(|applied| applied.branch.as_deref());
            let branch = branch.map(|branch| format!(" on {branch}")).unwrap_or_default();
            (format!("#{id} applied{commit}{branch}"), Note::Good)
        }
        ProposalStatus::ApplyFailed { error, .. } => (format!("#{id} not applied: {error}"), Note::Fault),
        ProposalStatus::Declined { why } if why.is_empty() => (format!("#{id} no-go"), Note::Reason),
        ProposalStatus::Declined { why } => (format!("#{id} no-go: {why}"), Note::Reason),
        ProposalStatus::Superseded { why } => (format!("#{id} superseded: {why}"), Note::Reason),
        ProposalStatus::Undoing => (format!("#{id} is being taken back"), Note::Repair),
        ProposalStatus::Undone { .. } => (format!("#{id} was taken back"), Note::Reason),
    }
}

/// The project of a run.
pub fn project_of(ui: &Ui, state: &State, run: RunId) -> Option<ProjectId> {
    let at_hand = state.runs.get(&run).map(|run| run.project);
    at_hand.or_else(|| ui.past.summary(state, run).map(|summary| summary.project))
}

/// A job of a run.
pub fn find_job<'a>(state: &'a State, run: RunId, job: &JobKey) -> Option<&'a Job> {
    state.runs.get(&run).and_then(|run| run_job(run, job))
}

/// A job of this run.
pub fn run_job<'a>(run: &'a Run, job: &JobKey) -> Option<&'a Job> {
    run.index.get(job).and_then(|&at| run.jobs.get(at))
}
