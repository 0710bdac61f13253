//! What agents ask, and for how long they are allowed it.

use super::*;
use crate::{
    domain::id::{ApprovalId, ThreadId},
    protocol::{
        command::Decision,
        event::ThreadEvent,
        thread::{About, Scope, ThreadCommand, TurnOutcome, Wish, Woken},
    },
    state::{approval, thread::What},
};

fn talk(sim: &mut Sim, what: ThreadCommand) -> Result<Answer, Refusal> {
    sim.command(&Command::Talk { what })
}

/// A conversation about a project, whose agent is at work.
fn at_work(sim: &mut Sim, project: &str) -> ThreadId {
    let root = Some(format!("/{project}").into());
    let (about, text) = (About::default(), "go on".to_owned());
    let say = ThreadCommand::Say { thread: None, root, about, role: None, model: None, text, attached: Vec::new() };
    let Answer::Thread { thread } = talk(sim, say).unwrap() else { panic!("no conversation") };
    happen(sim, thread, ThreadEvent::TurnStarted { turn: 1, why: Woken::Said });
    thread
}

fn happen(sim: &mut Sim, thread: ThreadId, event: ThreadEvent) {
    sim.record(vec![Event::Thread { thread, event: Box::new(event) }]);
    sim.settle();
}

fn ask(sim: &mut Sim, thread: ThreadId, wish: Wish) -> u32 {
    let number = sim.state.threads[&thread].permissions + 1;
    happen(sim, thread, ThreadEvent::PermissionAsked { number, wish });
    number
}

fn run_wish(command: &str) -> Wish {
    Wish::Run { command: command.into(), why: String::new() }
}

fn allow(sim: &mut Sim, thread: ThreadId, number: u32, scope: Scope) -> Result<Answer, Refusal> {
    talk(sim, ThreadCommand::Allow { thread, number, go: true, scope, why: String::new() })
}

fn waiting(sim: &Sim) -> Vec<String> {
    approval::pending(&sim.state).into_iter().map(|asked| asked.id.to_string()).collect()
}

#[test]
fn a_rule_releases_all_that_it_covers_and_what_is_asked_later() {
    let mut sim = Sim::new(1);
    let (one, two, other) = (at_work(&mut sim, "p"), at_work(&mut sim, "p"), at_work(&mut sim, "q"));
    let first = ask(&mut sim, one, run_wish("cargo test --all"));
    ask(&mut sim, one, run_wish("cargo test -p x"));
    ask(&mut sim, two, run_wish("cargo test"));
    ask(&mut sim, two, run_wish("cargo test; id"));
    ask(&mut sim, other, run_wish("cargo test"));
    assert_eq!(waiting(&sim), ["t1/1", "t1/2", "t2/1", "t2/2", "t3/1"]);
    let always = |pattern: &str| Scope::Always { pattern: pattern.into() };
    for wrong in ["cargo build *", "*", "cargo test; *"] {
        assert!(allow(&mut sim, one, first, always(wrong)).is_err(), "{wrong}");
    }
    allow(&mut sim, one, first, always("cargo  test *")).unwrap();
    assert_eq!(waiting(&sim), ["t2/2", "t3/1"]);
    ask(&mut sim, two, run_wish("cargo test --doc"));
    assert_eq!(waiting(&sim), ["t2/2", "t3/1"], "it is not asked again");
    let said = |entry: &crate::state::thread::Entry| match &entry.what {
        What::Permitted { by, why, scope: Scope::Once, .. } => Some((by.clone(), why.clone())),
        _ => None,
    };
    let by_rule = sim.state.threads[&two].entries.iter().find_map(said);
    assert_eq!(by_rule, Some((person(), "rule 1: cargo test *".to_owned())));
    assert!(sim.command_as(&Actor::Agent("x".into()), &Command::RevokeRule { rule: 1 }).is_err());
    sim.command(&Command::RevokeRule { rule: 1 }).unwrap();
    assert!(sim.command(&Command::RevokeRule { rule: 1 }).is_err());
    ask(&mut sim, two, run_wish("cargo test --doc"));
    assert_eq!(waiting(&sim), ["t2/2", "t3/1", "t2/4"]);
}

#[test]
fn a_conversations_permission_ends_with_it_and_a_question_with_its_turn() {
    let mut sim = Sim::new(1);
    let (one, two) = (at_work(&mut sim, "p"), at_work(&mut sim, "p"));
    let first = ask(&mut sim, one, run_wish("make | tee log"));
    ask(&mut sim, one, run_wish("make | tee log"));
    ask(&mut sim, two, run_wish("make | tee log"));
    allow(&mut sim, one, first, Scope::Thread).unwrap();
    assert_eq!(waiting(&sim), ["t2/1"]);
    happen(&mut sim, two, ThreadEvent::TurnEnded { turn: 1, outcome: TurnOutcome::Done });
    assert_eq!(waiting(&sim), Vec::<String>::new());
    assert!(allow(&mut sim, two, 1, Scope::Once).is_err(), "it expired");
}

#[test]
fn only_a_person_answers_and_what_is_high_is_allowed_once() {
    let mut sim = Sim::new(1);
    let thread = at_work(&mut sim, "p");
    let number = ask(&mut sim, thread, Wish::Verb { verb: "deploy prod".into(), why: String::new(), high: true });
    for scope in [Scope::Thread, Scope::Always { pattern: "deploy *".into() }] {
        assert!(allow(&mut sim, thread, number, scope).is_err());
    }
    let approval = ApprovalId::Permission { thread, number };
    let go = Command::Answer { approval: approval.clone(), decision: Decision::Go { hash: None, into: None } };
    for actor in [Actor::Agent("engineer".into()), Actor::Token("ci".into()), Actor::Schedule, Actor::Policy] {
        assert!(sim.command_as(&actor, &go).is_err(), "{actor}");
    }
    sim.command(&go).unwrap();
    assert!(sim.command(&go).is_err(), "answered once");
    let number = ask(&mut sim, thread, Wish::Verb { verb: "deploy prod".into(), why: String::new(), high: true });
    assert_eq!(waiting(&sim).len(), 1, "asked again");
    let no = Decision::NoGo { why: "not today".into() };
    sim.command(&Command::Answer { approval: ApprovalId::Permission { thread, number }, decision: no }).unwrap();
    let last = sim.state.threads[&thread].entries.last().map(|entry| entry.what.clone());
    assert!(matches!(last, Some(What::Permitted { go: false, why, .. }) if why == "not today"));
}
