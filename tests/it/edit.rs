//! A proposal as a person wants it: edited in their own editor, or without some of its hunks. It is proven again, asked again,
//! and applied as it was last asked.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use gonogo::{
    domain::id::ProposalId,
    state::{board::State, proposal::ProposalStatus},
};

use crate::{
    home::{Home, Project},
    terminal::{Answers, Terminal},
};

/// Thirty lines, two of them bad and far from each other; the job minds the first, its fixer mends both.
fn project(home: &Home) -> Project {
    let definition = "[pipelines.ci.jobs.check]\nsteps = [\"! grep -q '^1 bad' list\"]\n[fix.commands]\ncheck = \"sed -i s/bad/good/ list\"\n";
    let word = |number| if number == 1 || number == 30 { "bad" } else { "fine" };
    let list: String = (1..=30).map(|number| format!("{number} {}\n", word(number))).collect();
    home.project_with("shop", &[("gonogo.toml", definition), ("list", &list)])
}

/// Opens the board on the question about the repair.
fn asked(home: &Home, project: &Project) -> Terminal {
    let late = Answers::After(Duration::from_millis(30));
    let terminal = Terminal::that_answers(late, home, &project.root, &[], (120, 40));
    terminal.wait_text("shop");
    terminal.press("S");
    home.wait_state("a question", |state| pending(state, 1));
    terminal.wait_text("1 waiting");
    terminal.press("!");
    terminal.wait_text("armed");
    terminal
}

fn pending(state: &State, id: u64) -> bool {
    state.proposals.get(&ProposalId(id)).is_some_and(|proposal| proposal.status == ProposalStatus::Pending)
}

/// Answers GO to the second question, and leaves.
fn go(home: &Home, terminal: Terminal) {
    let state = home.wait_state("the changed patch's question", |state| pending(state, 2));
    let [first, second] = [1, 2].map(|id| &state.proposals[&ProposalId(id)]);
    assert!(matches!(first.status, ProposalStatus::Superseded { .. }), "{:?}", first.status);
    assert_eq!(second.proposal.revises, Some(first.id));
    assert_ne!(second.proposal.hash, first.proposal.hash);
    assert!(second.proposal.proof.after.iter().all(|run| run.passed), "it is proven anew");
    terminal.insist("y", "the second patch to go in", |_| {
        home.state().proposals[&ProposalId(2)].status == ProposalStatus::Applied
    });
    home.wait_state("the run after it", |state| {
        state.runs.len() == 2 && state.runs.values().all(|run| run.outcome.is_some())
    });
    terminal.press("q");
    let (status, ended) = terminal.finish();
    assert_eq!(status.code(), Some(0), "{}", ended.text);
    assert!(!ended.taken_over, "the terminal was not given back");
}

#[test]
fn a_patch_that_was_edited_is_proven_and_asked_again_and_applied_as_edited() {
    let home = Home::new();
    let editor = home.tmp().join("editor");
    let heard = home.tmp().join("heard");
    // It also writes down what it finds typed: nothing, though the terminal answers late.
    let script = format!(
        "#!/bin/sh\nold=$(stty -g </dev/tty)\nstty -icanon min 0 time 3 </dev/tty\nhead -c 100 </dev/tty >{}\nstty $old </dev/tty\nsed -i 's/^+1 good$/+1 splendid/' \"$1\"\n",
        heard.display()
    );
    fs::write(&editor, script).unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
    let home = home.variable("EDITOR", &editor.to_string_lossy()).variable("VISUAL", &editor.to_string_lossy());
    home.settings("");
    let project = project(&home);
    let terminal = asked(&home, &project);
    terminal.press("e");
    go(&home, terminal);
    assert_eq!(fs::read_to_string(heard).unwrap(), "", "answers came to the editor");
    assert!(project.read("list").starts_with("1 splendid\n"), "{}", project.read("list"));
    assert!(project.read("list").ends_with("30 good\n"), "{}", project.read("list"));
}

#[test]
fn a_hunk_that_was_dropped_stays_out() {
    let home = Home::new();
    home.settings("");
    let project = project(&home);
    let terminal = asked(&home, &project);
    terminal.press("} ");
    terminal.press("y");
    go(&home, terminal);
    assert!(project.read("list").starts_with("1 good\n"), "{}", project.read("list"));
    assert!(project.read("list").ends_with("30 bad\n"), "{}", project.read("list"));
}
