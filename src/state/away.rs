//! What somebody who was away would want to know.

use crate::{
    domain::{
        actor::Actor,
        id::{ApprovalId, JobKey, RunId, Seq},
        outcome::RunOutcome,
        time::Timestamp,
    },
    protocol::summary::RunSummary,
};

use super::{
    board::State,
    job::JobStatus,
    proposal::{ProposalState, ProposalStatus},
    run::{Gate, GateStatus, Run},
};

/// Runs that passed are counted when they are more than these.
const EACH: usize = 3;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What kind of thing.
    pub kind: Kind,
    /// When.
    pub at: Timestamp,
    /// The run that it is about.
    pub run: Option<RunId>,
    /// The job that it is about.
    pub job: Option<JobKey>,
    /// The question that it is about.
    pub approval: Option<ApprovalId>,
    /// What, in a line, without the run's number.
    pub what: String,
}

/// What kind of thing happened, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It still waits for an answer.
    Asks,
    /// gonogo itself was cut off.
    CutOff,
    /// It ended badly.
    Failed,
    /// Somebody else answered.
    Answered,
    /// A repair was applied.
    Repaired,
    /// It was stopped on purpose.
    Stopped,
    /// It ended well.
    Passed,
}

/// What has happened after this record, which was seen, and this time, at which `me` left: the gravest first.
pub fn since(state: &State, seq: Seq, at: Timestamp, me: &Actor) -> Vec<Item> {
    let left = Left { seq, me };
    let shown = |id| state.projects.get(&id).is_none_or(|project: &super::project::Project| !project.forgotten);
    let mut items = Vec::new();
    items.extend(left.cut_off(state));
    for run in state.runs.values().filter(|run| shown(run.project)) {
        items.extend(left.ended(run));
        items.extend(run.gates.iter().filter_map(|gate| left.gate(run, gate)));
        let proposals = run.proposals.iter().filter_map(|id| state.proposals.get(id));
        items.extend(proposals.filter_map(|proposal| left.proposal(run, proposal)));
    }
    let aside = state.aside.iter().filter(|summary| shown(summary.project) && summary.ended_at > at);
    items.extend(aside.map(summary_item));
    items.sort_by(|a, b| a.kind.cmp(&b.kind).then_with(|| b.at.cmp(&a.at)).then_with(|| b.run.cmp(&a.run)));
    count_passed(items)
}

/// Where somebody's attention ended.
struct Left<'a> {
    seq: Seq,
    me: &'a Actor,
}

impl Left<'_> {
    /// Whether what happened to the run at this time was recorded after they left. Times alone don't tell: of what happened in
    /// the same moment, some was seen.
    fn is_news(&self, run: &Run, at: Timestamp) -> bool {
        run.moments.iter().rev().take_while(|moment| moment.seq > self.seq).any(|moment| moment.at == at)
    }

    fn cut_off(&self, state: &State) -> Option<Item> {
        let (_, at) = state.cut_off.filter(|(seq, _)| *seq > self.seq)?;
        let lost = |run: &&Run| run.outcome == Some(RunOutcome::Lost) && run.ended_at.is_some_and(|end| end >= at);
        let lost: Vec<RunId> = state.runs.values().filter(lost).map(|run| run.id).collect();
        let what = match lost.len() {
            0 => "gonogo was cut off and started again; no run was lost".to_owned(),
            1 => "gonogo was cut off and started again; 1 run was lost".to_owned(),
            count => format!("gonogo was cut off and started again; {count} runs were lost"),
        };
        Some(Item { kind: Kind::CutOff, at, run: lost.last().copied(), job: None, approval: None, what })
    }

    fn ended(&self, run: &Run) -> Option<Item> {
        let at = run.ended_at.filter(|at| self.is_news(run, *at))?;
        let outcome = run.outcome?;
        let failed = run.jobs.iter().filter(|job| matches!(job.status, JobStatus::Failed | JobStatus::Lost));
        let job = failed.min_by_key(|job| job.since);
        let because = match outcome {
            RunOutcome::Failed => job.map(|job| match job.diagnosis() {
                Some(diagnosis) => format!("{}: {}", job.key(), diagnosis.headline()),
                None => job.key().to_string(),
            }),
            RunOutcome::Refused => {
                run.refused.as_ref().map(|(error, _)| error.lines().next().unwrap_or_default().to_owned())
            }
            RunOutcome::Cancelled => run.cancelling.as_ref().map(ToString::to_string),
            RunOutcome::Lost => job.map(|job| job.key().to_string()),
            RunOutcome::Passed => None,
        };
        let what = ended_words(run.pipeline_name(), outcome, because.as_deref());
        let job = job.map(|job| job.key().clone());
        Some(Item { kind: kind(outcome), at, run: Some(run.id), job, approval: None, what })
    }

    fn gate(&self, run: &Run, gate: &Gate) -> Option<Item> {
        if !self.is_news(run, gate.since) {
            return None;
        }
        let name = &gate.planned.name;
        let (kind, what) = match &gate.status {
            GateStatus::Asking => (Kind::Asks, format!("gate {name} asks: {}", gate.planned.question)),
            GateStatus::Go { by } if by != self.me => (Kind::Answered, format!("{by} said GO to gate {name}")),
            GateStatus::NoGo { by, why } if by != self.me => {
                (Kind::Answered, format!("{by} said NO-GO to gate {name}{}", words(why)))
            }
            _ => return None,
        };
        let approval = Some(ApprovalId::Gate { run: run.id, gate: name.clone() });
        Some(Item { kind, at: gate.since, run: Some(run.id), job: None, approval, what })
    }

    fn proposal(&self, run: &Run, proposal: &ProposalState) -> Option<Item> {
        let (id, title) = (proposal.id, &proposal.proposal.title);
        let by_another = proposal.answered.as_ref().filter(|(by, at)| by != self.me && self.is_news(run, *at));
        let (kind, at, what) = match (&proposal.status, by_another) {
            (ProposalStatus::Pending, _) => (Kind::Asks, proposal.asked_at, format!("#{id} asks: {title}")),
            (ProposalStatus::ApplyFailed { error, .. }, _) => {
                (Kind::Failed, proposal.since, format!("#{id} could not be applied: {error}"))
            }
            (ProposalStatus::Declined { why }, Some((by, at))) => {
                (Kind::Answered, *at, format!("{by} said NO-GO to #{id}{}", words(why)))
            }
            (_, Some((by, at))) if *by != Actor::Policy => {
                (Kind::Answered, *at, format!("{by} said GO to #{id}, {}: {title}", proposal.status.word()))
            }
            (ProposalStatus::Applied, _) => {
                let commit = proposal.applied.as_ref().and_then(|applied| applied.commit.as_deref()?.get(..7));
                let commit = commit.map(|commit| format!(" as {commit}")).unwrap_or_default();
                (Kind::Repaired, proposal.since, format!("#{id} was applied{commit}: {title}"))
            }
            _ => return None,
        };
        let job = Some(proposal.proposal.job.clone());
        let approval = Some(ApprovalId::Proposal(id));
        let item = Item { kind, at, run: Some(run.id), job, approval, what };
        self.is_news(run, at).then_some(item)
    }
}

fn words(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}

fn kind(outcome: RunOutcome) -> Kind {
    match outcome {
        RunOutcome::Passed => Kind::Passed,
        RunOutcome::Cancelled => Kind::Stopped,
        RunOutcome::Failed | RunOutcome::Lost | RunOutcome::Refused => Kind::Failed,
    }
}

fn ended_words(pipeline: &str, outcome: RunOutcome, because: Option<&str>) -> String {
    let because = because.map(|because| format!(", {because}")).unwrap_or_default();
    format!("{pipeline} {}{because}", outcome.word())
}

fn summary_item(summary: &RunSummary) -> Item {
    let failed = (!summary.failed.is_empty()).then(|| summary.failed.join(", "));
    let pipeline = summary.pipeline.as_deref().unwrap_or("(first)");
    Item {
        kind: kind(summary.outcome),
        at: summary.ended_at,
        run: Some(summary.run),
        job: None,
        approval: None,
        what: ended_words(pipeline, summary.outcome, failed.as_deref()),
    }
}

/// Many runs that passed are one line.
fn count_passed(mut items: Vec<Item>) -> Vec<Item> {
    let first = items.iter().position(|item| item.kind == Kind::Passed).unwrap_or(items.len());
    let count = items.len() - first;
    if count > EACH {
        items.truncate(first + 1);
        if let Some(newest) = items.last_mut() {
            newest.what = format!("{count} runs passed; this is the newest of them");
        }
    }
    items
}
