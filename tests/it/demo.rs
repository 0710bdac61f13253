//! The demo: a small real Rust project, three real faults, three repairs.

use std::{fs, path::PathBuf};

use gonogo::{
    domain::outcome::RunOutcome,
    state::{approval, board::State, proposal::ProposalStatus, run::Run},
};

use crate::{
    home::{Home, Project, contains},
    terminal::Terminal,
};

/// A home in which nothing is configured.
fn home() -> Home {
    let home = Home::new();
    home.settings("");
    home
}

/// The demo's project: the one directory that it has made.
fn project(home: &Home) -> Project {
    let made: Vec<PathBuf> = fs::read_dir(home.tmp()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let demo: Vec<&PathBuf> = made.iter().filter(|path| path.to_string_lossy().contains("gonogo-demo-")).collect();
    assert_eq!(demo.len(), 1, "{made:?}");
    Project { root: demo[0].join("countdown") }
}

/// Three questions wait, and no repair is at work any more.
fn three_wait(state: &State) -> bool {
    let repairing = |run: &Run| run.jobs.iter().any(|job| job.repair().is_some_and(|repair| repair.result.is_none()));
    approval::pending(state).len() == 3 && !state.runs.values().any(repairing)
}

fn expect_green(home: &Home) {
    let project = project(home);
    let state = home.state();
    let last = state.runs.values().next_back().unwrap();
    assert!(last.jobs.len() == 4 && last.jobs.iter().all(|job| job.status.is_good()), "{:?}", last.jobs);
    assert_eq!(last.outcome, Some(RunOutcome::Passed));
    assert!(state.proposals.values().all(|proposal| proposal.status == ProposalStatus::Applied));
    let log = project.git(&["log", "--format=%s%n%b"]);
    assert_eq!(log.matches("Gonogo-Proposal: ").count(), 3, "{log}");
    assert_eq!(project.git(&["status", "--porcelain=v1"]), "");
}

#[test]
fn the_demo_ends_green_when_a_person_says_go_three_times_on_the_board() {
    let home = home();
    let terminal = Terminal::open(&home, &home.tmp(), &["demo"], (120, 40));
    home.wait_state("three questions", three_wait);
    terminal.wait_text("3 waiting");
    for answered in 0..3 {
        terminal.press("!");
        terminal.wait_text("armed");
        terminal.insist("y", "the answer", |_| approval::pending(&home.state()).len() == 2 - answered);
    }
    home.wait_state("the run after the repairs", |state| {
        state.runs.len() == 2 && state.runs.values().all(|run| run.outcome.is_some())
    });
    terminal.wait_text("✓ 2 ci");
    terminal.press("q");
    let (status, ended) = terminal.finish();
    assert_eq!(status.code(), Some(0), "{}", ended.text);
    assert!(!ended.taken_over, "the terminal was not given back");
    contains(&ended.text, "the demo's project: ");
    expect_green(&home);
    assert!(home.leftovers().is_empty(), "{:?}", home.leftovers());
}

#[test]
fn the_demo_ends_green_without_a_terminal() {
    let home = home();
    let ran = home.ask(&["demo", "--go"]).expect(0);
    contains(&ran.stdout, "The repairs, as they stand in the project's history:");
    expect_green(&home);
}

#[test]
fn the_demo_without_a_terminal_leaves_its_questions_to_be_answered_later() {
    let home = home();
    let ran = home.ask(&["demo"]).expect(0);
    contains(&ran.stdout, "3 proposals wait for you");
    let project = project(&home);
    assert_eq!(project.git(&["log", "--format=%s"]), "a countdown, with three faults");
    assert_eq!(project.git(&["status", "--porcelain=v1"]), "");
    let listed = home.ask(&["approvals"]).expect(0).stdout;
    let waiting = home.ask(&["approvals", "--json"]).expect(0).json();
    assert_eq!(waiting.as_array().unwrap().len(), 3, "{listed}");
    let first = waiting[0]["id"].as_str().unwrap();
    contains(&listed, &format!("gonogo go {first}"));
    let shown = home.ask(&["approvals", first]).expect(0).stdout;
    for part in ["why", "risk", "without", "with", "undo", "hash", "@@"] {
        contains(&shown, part);
    }
    for waits in waiting.as_array().unwrap() {
        let all = home.ask(&["approvals", waits["id"].as_str().unwrap(), "--json"]).json();
        let file = all["proposal"]["diagnosis"]["primary"]["file"].as_str().unwrap();
        assert!(project.root.join(file).exists() && !file.starts_with('/'), "named from the project's root: {file}");
    }
    home.ask(&["go", first]);
    assert_eq!(project.git(&["log", "--format=%s"]).lines().count(), 2);
    let left = home.ask(&["approvals", "--json"]).expect(0).json();
    assert_eq!(left.as_array().unwrap().len(), 2);
}
