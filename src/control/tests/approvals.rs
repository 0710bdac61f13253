//! Who may answer what, and what is applied when.

use super::*;
use crate::{
    domain::{
        definition::ApplyInto,
        id::ApprovalId,
        proposal::{RiskFlag, RiskLevel},
    },
    protocol::command::Decision,
    state::proposal::ProposalStatus,
};

pub(super) fn go(sim: &mut Sim, id: ProposalId) -> Result<Answer, Refusal> {
    let hash = Some(sim.state.proposals[&id].proposal.hash.clone());
    answer(sim, &person(), id, Decision::Go { hash, into: None })
}

pub(super) fn no_go(sim: &mut Sim, id: ProposalId) {
    answer(sim, &person(), id, Decision::NoGo { why: "not like this".into() }).unwrap();
}

fn answer(sim: &mut Sim, actor: &Actor, id: ProposalId, decision: Decision) -> Result<Answer, Refusal> {
    sim.command_as(actor, &Command::Answer { approval: ApprovalId::Proposal(id), decision })
}

fn asked(sim: &mut Sim, fix: &FixPolicy) -> ProposalId {
    let run = sim.start("p", &pipeline(vec![job("a", &[])]), fix);
    sim.fail(run, "a", Category::Format);
    sim.propose(run, "a")
}

#[test]
fn only_what_was_shown_can_be_approved_and_only_by_a_person() {
    let mut sim = Sim::new(1);
    let id = asked(&mut sim, &FixPolicy::default());
    let hash = sim.state.proposals[&id].proposal.hash.clone();
    for wrong in [None, Some(Hash::of("something else"))] {
        assert!(answer(&mut sim, &person(), id, Decision::Go { hash: wrong, into: None }).is_err());
    }
    for actor in [Actor::Agent("engineer".into()), Actor::Token("ci".into()), Actor::Schedule] {
        let decision = Decision::Go { hash: Some(hash.clone()), into: None };
        assert!(answer(&mut sim, &actor, id, decision).is_err(), "{actor}");
        assert!(answer(&mut sim, &actor, id, Decision::NoGo { why: String::new() }).is_err(), "{actor}");
    }
    assert!(sim.state.proposals[&id].is_pending());
    go(&mut sim, id).unwrap();
    assert_eq!(sim.state.proposals[&id].status, ProposalStatus::Applying { into: ApplyInto::Commit });
    assert!(go(&mut sim, id).is_err(), "answered once");
}

#[test]
fn a_patch_goes_into_a_checkout_only_while_no_job_works_in_it_and_none_starts_meanwhile() {
    let mut sim = Sim::new(1);
    let id = asked(&mut sim, &FixPolicy::default());
    let busy = sim.start("p", &pipeline(vec![job("a", &[]), job("b", &[])]), &no_fix());
    go(&mut sim, id).unwrap();
    assert!(!sim.wanted().contains(&TaskKey::Apply(id)), "a job works in the checkout");
    sim.pass(busy, "a");
    assert_eq!(*sim.status(busy, "b"), JobStatus::Queued, "nothing starts while it is applied");
    assert!(sim.wanted().contains(&TaskKey::Apply(id)));
    sim.report(Report::Applied { proposal: id, result: Ok((Some("c1".into()), None)) });
    assert_eq!(*sim.status(busy, "b"), JobStatus::Running);
}

#[test]
fn a_new_branch_needs_no_quiet_checkout() {
    let mut sim = Sim::new(1);
    let id = asked(&mut sim, &FixPolicy { apply: ApplyInto::Branch, ..FixPolicy::default() });
    sim.start("p", &pipeline(vec![job("b", &[])]), &no_fix());
    go(&mut sim, id).unwrap();
    assert!(sim.wanted().contains(&TaskKey::Apply(id)));
    sim.report(Report::Applied { proposal: id, result: Ok((Some("c1".into()), Some("gonogo/fix".into()))) });
    assert_eq!(sim.state.runs.len(), 2, "what is on another branch changes no run of this checkout");
}

#[test]
fn policy_answers_only_for_its_categories_and_only_without_a_flag() {
    let fix = FixPolicy { auto: vec![Category::Format], ..FixPolicy::default() };
    let mut sim = Sim::new(1);
    let id = asked(&mut sim, &fix);
    assert_eq!(sim.state.proposals[&id].answered.as_ref().map(|(by, _)| by), Some(&Actor::Policy));

    let mut sim = Sim::new(1);
    let run = sim.start("p", &pipeline(vec![job("a", &[])]), &fix);
    sim.fail(run, "a", Category::Format);
    let mut flagged = proposal(ProjectId(1), run, "a");
    flagged.risk.level = RiskLevel::Medium;
    flagged.risk.flags.push(RiskFlag { level: RiskLevel::Medium, name: "size".into(), reason: "large".into() });
    let what = RepairReport::Proposed(Box::new(flagged));
    sim.report(Report::Repair { run, job: "a".into(), number: 1, what });
    assert!(sim.state.proposals[&ProposalId(1)].is_pending());
}

#[test]
fn what_could_not_be_applied_says_why_and_what_was_applied_can_be_undone() {
    let mut sim = Sim::new(1);
    let id = asked(&mut sim, &FixPolicy::default());
    go(&mut sim, id).unwrap();
    let no = super::super::input::NoPlan { error: "the tree has moved".into(), hint: Some("run again".into()) };
    sim.report(Report::Applied { proposal: id, result: Err(no) });
    assert!(
        matches!(&sim.state.proposals[&id].status, ProposalStatus::ApplyFailed { error, .. } if error == "the tree has moved")
    );
    assert!(sim.command(&Command::Undo { proposal: id }).is_err());

    let id = asked(&mut sim, &FixPolicy::default());
    go(&mut sim, id).unwrap();
    sim.report(Report::Applied { proposal: id, result: Ok((Some("c1".into()), None)) });
    sim.command(&Command::Undo { proposal: id }).unwrap();
    assert!(sim.wanted().contains(&TaskKey::Undo(id)));
    sim.report(Report::Undone { proposal: id, result: Ok(Some("c2".into())) });
    assert_eq!(sim.state.proposals[&id].status, ProposalStatus::Undone { commit: Some("c2".into()) });
}
