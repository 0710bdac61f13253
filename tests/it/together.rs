//! Two clients answer the same question at the same moment: one wins, both see the same, it is done once.

use gonogo::{
    domain::{
        actor::Trigger,
        id::{ApprovalId, RunId},
        outcome::RunOutcome,
    },
    protocol::{
        command::{Command, Decision},
        event::{Event, GateEvent, JobEvent, ProposalEvent, RunEvent},
        frame::Ask,
        session::VisitorKind,
    },
    state::approval,
};

use crate::{
    caller::{Caller, wait},
    home::{Home, Project},
};

/// How often, in tests that take long; `GONOGO_ROUNDS` says otherwise.
pub fn rounds(usual: usize) -> usize {
    std::env::var("GONOGO_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn start(project: &Project) -> Command {
    let root = project.root.clone();
    Command::StartRun { root, pipeline: None, jobs: Vec::new(), trigger: Trigger::Manual }
}

/// Both say GO before either hears of the other's; gives how many were granted.
async fn both_answer(clients: &mut [Caller; 2], approval: &ApprovalId, decision: impl Fn() -> Decision) -> usize {
    let mut ids = Vec::new();
    for client in clients.iter_mut() {
        let id = client.session.next_id();
        let command = Command::Answer { approval: approval.clone(), decision: decision() };
        client.session.ask(Ask::Command { id, command }).await.unwrap();
        ids.push(id);
    }
    let [a, b] = clients;
    let (a, b) = tokio::join!(a.reply(ids[0]), b.reply(ids[1]));
    for refusal in [&a, &b].into_iter().filter_map(|result| result.as_ref().err()) {
        let said = &refusal.message;
        assert!(said.contains("already") || said.contains("no longer waits"), "{said}");
    }
    usize::from(a.is_ok()) + usize::from(b.is_ok())
}

async fn two(home: &Home) -> [Caller; 2] {
    [Caller::attach(home, VisitorKind::Board, None).await, Caller::attach(home, VisitorKind::Board, None).await]
}

/// Both have heard everything, and fold it to the same.
async fn agree(clients: &mut [Caller; 2]) {
    let [a, b] = clients;
    let newest = a.state.seq.max(b.state.seq);
    a.until(|state| state.seq >= newest).await;
    b.until(|state| state.seq >= a.state.seq).await;
    a.until(|state| state.seq >= b.state.seq).await;
    assert!(a.state == b.state, "two screens differ");
}

#[test]
fn a_gate_that_two_answer_at_once_opens_once() {
    let home = Home::with_daemon();
    let project = home.project(
        "shop",
        "[pipelines.ci.gates.go]\nquestion = \"Go?\"\n[pipelines.ci.jobs.ship]\nneeds = [\"go\"]\nsteps = [\"true\"]\n",
    );
    home.ask(&["daemon", "start"]).expect(0);
    wait(async {
        let mut clients = two(&home).await;
        let times = rounds(1000);
        for round in 1..=times {
            let run = RunId(round as u64);
            clients[0].command(start(&project)).await.unwrap();
            let approval = ApprovalId::Gate { run, gate: "go".into() };
            for client in &mut clients {
                client.until(|state| approval::pending(state).iter().any(|pending| pending.id == approval)).await;
            }
            let granted = both_answer(&mut clients, &approval, || Decision::Go { hash: None, into: None }).await;
            assert_eq!(granted, 1, "round {round}");
        }
        let last = RunId(times as u64);
        for client in &mut clients {
            client
                .until(|state| state.runs.get(&last).is_some_and(|run| run.outcome == Some(RunOutcome::Passed)))
                .await;
        }
        agree(&mut clients).await;
    });
    let (mut answers, mut starts) = (0, 0);
    for record in home.log() {
        match record.event {
            Event::Run { event: RunEvent::Gate { event: GateEvent::Answered { .. }, .. }, .. } => answers += 1,
            Event::Run { event: RunEvent::Job { event: JobEvent::Started { .. }, .. }, .. } => starts += 1,
            _ => {}
        }
    }
    assert_eq!((answers, starts), (rounds(1000), rounds(1000)));
}

#[test]
fn a_proposal_that_two_approve_at_once_is_applied_once() {
    let home = Home::with_daemon();
    let project = home.project_with(
        "shop",
        &[
            (
                "gonogo.toml",
                "[pipelines.ci.jobs.check]\nsteps = [\"grep -q good word.txt || { echo 'word.txt:1:1: error: the word is not good'; exit 1; }\"]\n[fix]\nenabled = true\n[fix.commands]\ncheck = \"echo good > word.txt\"\n",
            ),
            ("word.txt", "bad\n"),
        ],
    );
    home.ask(&["daemon", "start"]).expect(0);
    let times = rounds(10);
    wait(async {
        let mut clients = two(&home).await;
        for round in 0..times {
            project.write("word.txt", &format!("bad {round}\n"));
            project.commit("bad again");
            clients[0].command(start(&project)).await.unwrap();
            clients[0].until(|state| !approval::pending(state).is_empty()).await;
            let (approval, seq) = (approval::pending(&clients[0].state)[0].id.clone(), clients[0].state.seq);
            clients[1].until(|state| state.seq >= seq).await;
            let ApprovalId::Proposal(number) = approval else { panic!("a gate") };
            let hash = clients[0].state.proposals[&number].proposal.hash.clone();
            let granted =
                both_answer(&mut clients, &approval, || Decision::Go { hash: Some(hash.clone()), into: None }).await;
            assert_eq!(granted, 1, "round {round}");
            // Applied, and shown to be green by the run that follows.
            for client in &mut clients {
                client
                    .until(|state| {
                        state.active.is_empty()
                            && state
                                .runs
                                .values()
                                .next_back()
                                .is_some_and(|run| run.outcome == Some(RunOutcome::Passed))
                    })
                    .await;
            }
        }
        agree(&mut clients).await;
    });
    let applied = home
        .log()
        .into_iter()
        .filter(|record| matches!(record.event, Event::Proposal { event: ProposalEvent::Applied { .. }, .. }));
    assert_eq!(applied.count(), times);
    let commits = project.git(&["log", "--format=%s"]);
    assert_eq!(
        commits.lines().filter(|subject| !subject.contains("bad") && !subject.contains("the beginning")).count(),
        times,
        "{commits}"
    );
}
