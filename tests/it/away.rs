//! Leaving and coming back, others at the same gonogo, a gonogo that ends and is started again: through the whole program.

use gonogo::domain::{actor::Actor, id::RunId, outcome::RunOutcome};

use crate::{
    home::{Home, Project, wait_for},
    terminal::Terminal,
};

const SHIP: &str = "[pipelines.ci.jobs.build]\nsteps = [\"echo hello from the build\"]\n[pipelines.ci.gates.ready]\nneeds = [\"build\"]\nquestion = \"Ship it?\"\n[pipelines.ci.jobs.ship]\nneeds = [\"ready\"]\nsteps = [\"echo shipped\"]\n[pipelines.bad.jobs.test]\nsteps = [\"echo 'error: it broke'; exit 3\"]\n";

fn shop(home: &Home) -> Project {
    home.project("shop", SHIP)
}

/// What a person's board had shown when they left it last.
fn wait_left(home: &Home, what: &str, seen: u64) {
    home.wait_state(what, |state| {
        let left = state.seen.get(&Actor::Person(me()));
        left.is_some_and(|left| left.seq.0 >= seen)
    });
}

/// The daemon asks the system who calls.
fn me() -> String {
    nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().unwrap().name
}

#[test]
fn who_leaves_finds_the_runs_going_on_and_what_happened_meanwhile() {
    let home = Home::with_daemon();
    let project = shop(&home);
    let board = Terminal::open(&home, &project.root, &[], (120, 36));
    board.wait_text("live");
    board.wait_text("q detach");
    board.press("q");
    let (status, ended) = board.finish();
    assert_eq!((status.code(), ended.taken_over), (Some(0), false), "{}", ended.text);
    assert_eq!(ended.text.trim(), "", "leaving says nothing");
    wait_left(&home, "that the board was left", 1);

    home.run(&project, &["run", "bad"]).expect(1);
    let asked = home.run(&project, &["run", "ci"]);
    assert_eq!(home.state().runs[&RunId(2)].outcome, None, "{asked:?}");

    let board = Terminal::open(&home, &project.root, &[], (120, 36));
    let text = board.wait_text("While you were away");
    assert!(text.contains("gate ready asks: Ship it?") && text.contains("bad failed"), "{text}");
    assert!(text.contains("GO or NO-GO?") && text.contains("hello from the build"), "it hides neither:\n{text}");
    board.press("\x1b");
    board.wait("the list to go", |text| !text.contains("While you were away"));
    board.press("q");
    board.finish();

    // Everything has been seen, and the question is no news any more.
    let newest = home.state().runs[&RunId(2)].moments.back().unwrap().seq.0;
    wait_left(&home, "what was seen to be known", newest);
    let board = Terminal::open(&home, &project.root, &[], (120, 36));
    board.wait_text("1 waiting");
    board.press("a");
    board.wait_text("you have missed nothing");
    board.press("q");
    board.finish();
}

#[test]
fn two_boards_see_each_other_and_each_others_answers() {
    let home = Home::with_daemon();
    let project = shop(&home);
    let one = Terminal::open(&home, &project.root, &[], (120, 36));
    one.wait_text("live");
    let two = Terminal::open(&home, &project.root, &[], (80, 24));
    one.wait_text("2 here");
    two.wait_text("2 here");
    one.press("W");
    let text = one.wait_text("Who is here");
    assert!(text.contains(", you") && text.contains("board"), "{text}");
    one.press("\x1b");
    home.run(&project, &["run", "ci"]);
    one.wait_text("Ship it?");
    two.wait_text("Ship it?");
    two.press("!");
    two.wait_text("armed");
    two.press("y");
    one.wait_text("said GO to gate ready");
    one.wait("the card to go", |text| !text.contains("GO or NO-GO?"));
    home.wait_state("the run to pass", |state| state.runs[&RunId(1)].outcome == Some(RunOutcome::Passed));
    two.press("q");
    two.finish();
    one.wait("to be alone again", |text| !text.contains("2 here"));
    one.press("q");
    one.finish();
}

#[test]
fn a_gonogo_that_was_stopped_is_waited_for_and_gone_on_with() {
    let home = Home::with_daemon();
    let project = shop(&home);
    let board = Terminal::open(&home, &project.root, &[], (80, 24));
    board.wait_text("live");
    home.ask(&["daemon", "stop", "--now"]).expect(0);
    let text = board.wait_text("gonogo daemon start");
    assert!(text.contains("gonogo was stopped"), "{text}");
    board.press("\x1b");
    board.wait("the words to go", |text| !text.contains("gonogo daemon start"));
    board.press("S");
    board.wait_text("not sent: the connection is lost");
    home.ask(&["daemon", "start"]).expect(0);
    board.wait_text("live");
    assert!(home.state().runs.is_empty(), "nothing was kept to be sent later");
    board.press("S");
    board.wait_text("Ship it?");
    board.press("q");
    let (status, ended) = board.finish();
    assert_eq!(status.code(), Some(0), "{}", ended.text);
}

#[test]
fn a_gonogo_that_was_killed_is_started_again_and_the_board_goes_on() {
    let home = Home::with_daemon();
    let project = shop(&home);
    let board = Terminal::open(&home, &project.root, &[], (120, 36));
    board.wait_text("live");
    home.run(&project, &["run", "ci"]);
    board.wait_text("Ship it?");
    let pid = daemon(&home);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
    wait_for("another gonogo", || {
        let now = home.ask(&["daemon", "status"]).stdout;
        if now.contains(&format!("process {pid})")) || !now.contains("is at work") { Err(now) } else { Ok(()) }
    });
    board.wait("the board to be live again", |text| text.contains("live") && !text.contains("as of"));
    board.press("!");
    board.wait_text("armed");
    board.press("y");
    home.wait_state("the run to pass", |state| state.runs[&RunId(1)].outcome == Some(RunOutcome::Passed));
    board.press("q");
    board.finish();
}

/// The process that commands go to.
fn daemon(home: &Home) -> i32 {
    let said = home.ask(&["daemon", "status"]).expect(0).stdout;
    let rest = said.split("(process ").nth(1).unwrap_or_else(|| panic!("{said}"));
    rest.split(')').next().and_then(|pid| pid.parse().ok()).unwrap_or_else(|| panic!("{said}"))
}
