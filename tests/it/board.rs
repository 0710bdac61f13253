//! The board in a terminal: how it comes, how it goes, what it asks before it goes.

use std::time::{Duration, Instant};

use gonogo::domain::{id::RunId, outcome::RunOutcome};
use nix::sys::signal::Signal;

use crate::{
    home::{Home, contains, wait_for},
    terminal::{Answers, Terminal},
};

const LONG: &str = "[pipelines.ci.jobs.wait]\nsteps = [\"echo waiting; touch ../started; sleep 600\"]\n";

#[test]
fn q_asks_when_something_is_under_way_and_leaves_when_it_is_confirmed() {
    let home = Home::new();
    let project = home.project("shop", LONG);
    let terminal = Terminal::open(&home, &project.root, &[], (100, 30));
    terminal.wait_text("shop");
    terminal.press("S");
    project.wait_for_file("../started");
    terminal.wait_text("RUNNING");
    terminal.press("q");
    terminal.wait_text("Leave?");
    terminal.press("n");
    terminal.wait("the question to go", |text| !text.contains("Leave?"));
    assert!(!home.leftovers().is_empty(), "the run goes on");
    terminal.press("q");
    terminal.wait_text("Leave?");
    terminal.insist("y", "the board to go", |terminal| !terminal.text().contains("Leave?"));
    let (status, ended) = terminal.finish();
    assert_eq!(status.code(), Some(0), "{}", ended.text);
    assert!(!ended.taken_over, "the terminal was not given back");
    assert!(home.leftovers().is_empty(), "{:?}", home.leftovers());
    assert_eq!(home.state().runs[&RunId(1)].outcome, Some(RunOutcome::Cancelled));
}

#[test]
fn a_signal_gives_the_terminal_back_and_ends_what_runs() {
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        let home = Home::new();
        let project = home.project("shop", LONG);
        let terminal = Terminal::open(&home, &project.root, &[], (80, 24));
        terminal.wait_text("shop");
        assert!(terminal.is_taken_over());
        terminal.press("S");
        project.wait_for_file("../started");
        terminal.signal(signal);
        let (status, ended) = terminal.finish();
        assert_eq!(status.code(), Some(code), "{}", ended.text);
        assert!(!ended.taken_over, "the terminal was not given back");
        assert!(home.leftovers().is_empty(), "{:?}", home.leftovers());
    }
}

#[test]
fn the_board_shows_the_log_of_what_runs_and_its_gate_asks() {
    let home = Home::new();
    let definition = "[pipelines.ci.jobs.build]\nsteps = [\"echo hello from the build\"]\n[pipelines.ci.gates.ready]\nneeds = [\"build\"]\nquestion = \"Ship it?\"\n[pipelines.ci.jobs.ship]\nneeds = [\"ready\"]\nsteps = [\"echo shipped\"]\n";
    let project = home.project("shop", definition);
    let terminal = Terminal::open(&home, &project.root, &[], (120, 36));
    terminal.wait_text("shop");
    terminal.press("S");
    terminal.wait_text("hello from the build");
    terminal.wait_text("Ship it?");
    terminal.press("!");
    terminal.wait_text("armed");
    terminal.press("y");
    home.wait_state("the run to pass", |state| state.runs[&RunId(1)].outcome == Some(RunOutcome::Passed));
    terminal.wait_text("GO 2/2");
    terminal.press("q");
    let (status, ended) = terminal.finish();
    assert_eq!(status.code(), Some(0), "{}", ended.text);
    assert_eq!(home.logs("1/ship"), "shipped\n");
}

#[test]
fn nothing_that_was_typed_before_a_question_was_shown_answers_it() {
    let home = Home::new();
    let definition = "[pipelines.ci.jobs.build]\nsteps = [\"while ! test -e ../typed; do sleep 0.02; done\"]\n[pipelines.ci.gates.ready]\nneeds = [\"build\"]\nquestion = \"Ship it?\"\n";
    let project = home.project("shop", definition);
    let terminal = Terminal::open(&home, &project.root, &[], (120, 36));
    terminal.wait_text("shop");
    terminal.press("S");
    terminal.wait_text("RUNNING");
    terminal.press("!yyyy");
    project.write("../typed", "");
    // One keyboard, one order: when the opened card answers to these keys, they have come before it was armed.
    terminal.press("!yyy");
    terminal.wait_text("Ship it?");
    terminal.press("!");
    terminal.wait_text("armed");
    assert!(home.state().runs[&RunId(1)].gates.iter().all(|gate| !gate.status.has_ended()), "{}", terminal.text());
    terminal.press("n");
    terminal.press("not today\r");
    home.wait_state("the answer", |state| state.runs[&RunId(1)].outcome == Some(RunOutcome::Failed));
    terminal.press("q");
    terminal.finish();
    contains(&home.ask(&["watch", "--since", "0", "--until-idle"]).stdout, "not today");
}

#[test]
fn at_every_size_it_draws_and_leaves() {
    let home = Home::new();
    let project = home.project("shop", "[pipelines.ci.jobs.build]\nsteps = [\"true\"]\n");
    for size in [(20, 5), (40, 10), (60, 15), (80, 24), (200, 50), (300, 100)] {
        let terminal = Terminal::open(&home, &project.root, &[], size);
        terminal.wait(&format!("something at {size:?}"), |text| {
            text.to_lowercase().contains("gonogo") || text.contains("shop")
        });
        terminal.press("q");
        let (status, ended) = terminal.finish();
        assert_eq!(status.code(), Some(0), "{}", ended.text);
        assert!(!ended.taken_over);
    }
}

#[test]
fn without_a_terminal_there_is_the_status_instead() {
    let home = Home::new();
    let project = home.project("shop", "[pipelines.ci.jobs.build]\nsteps = [\"true\"]\n");
    home.run(&project, &["run"]).expect(0);
    let ran = home.run(&project, &[]).expect(0);
    contains(&ran.stdout, "run 1");
    assert!(!ran.stdout.contains('\x1b'), "{:?}", ran.stdout);
}

#[test]
fn an_answer_that_comes_late_is_not_left_to_the_shell() {
    let home = Home::new();
    let project = home.project("shop", LONG);
    for late in [0, 30, 200] {
        let answers = Answers::After(Duration::from_millis(late));
        let terminal = Terminal::that_answers(answers, &home, &project.root, &[], (100, 30));
        terminal.wait_text("shop");
        // Each key makes a frame, and each frame a question; the last one is under way when the board goes.
        terminal.press("?");
        terminal.wait_text("Keys");
        terminal.press("?jkjkq");
        let (status, ended) = terminal.finish();
        assert_eq!(status.code(), Some(0), "{}", ended.text);
        assert!(!ended.taken_over, "the terminal was not given back");
        assert!(!ended.text.contains("^[["), "an answer came to the shell:\n{}", ended.text);
    }
}

#[test]
fn a_terminal_that_answers_nothing_holds_nothing_up() {
    let home = Home::new();
    let project = home.project("shop", "[pipelines.ci.jobs.build]\nsteps = [\"echo hello from the build\"]\n");
    let terminal = Terminal::that_answers(Answers::Never, &home, &project.root, &[], (100, 30));
    terminal.wait_text("shop");
    terminal.press("S");
    terminal.wait_text("hello from the build");
    let began = Instant::now();
    for _ in 0..10 {
        terminal.press("?");
        terminal.wait_text("Keys");
        terminal.press("?");
        terminal.wait("the help to go", |text| !text.contains("Keys"));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    terminal.press("q");
    let (status, ended) = terminal.finish();
    assert_eq!(status.code(), Some(0), "{}", ended.text);
    assert!(!ended.taken_over);
}

#[test]
fn stopped_and_gone_on_it_reads_and_draws_as_before() {
    let home = Home::new();
    let project = home.project("shop", LONG);
    for answers in [Answers::Never, Answers::After(Duration::from_millis(20))] {
        let terminal = Terminal::that_answers(answers, &home, &project.root, &[], (100, 30));
        terminal.wait_text("shop");
        terminal.press("\x1a");
        wait_for(
            "the terminal to be given back",
            || if terminal.is_taken_over() { Err(terminal.text()) } else { Ok(()) },
        );
        assert!(!terminal.text().contains("^[["), "{}", terminal.text());
        terminal.signal(Signal::SIGCONT);
        wait_for("the terminal to be taken again", || {
            if terminal.is_taken_over() { Ok(()) } else { Err(terminal.text()) }
        });
        terminal.wait_text("shop");
        terminal.press("?");
        terminal.wait_text("Keys");
        terminal.press("?q");
        let (status, ended) = terminal.finish();
        assert_eq!(status.code(), Some(0), "{}", ended.text);
        assert!(!ended.taken_over && !ended.text.contains("^[["), "{}", ended.text);
    }
}

#[test]
fn a_new_size_is_drawn_by_itself() {
    let home = Home::new();
    let project = home.project("shop", LONG);
    let terminal = Terminal::open(&home, &project.root, &[], (100, 30));
    terminal.wait_text("shop");
    terminal.resize((60, 20));
    terminal.wait("a frame of the new size", |text| text.contains("1 Projects · 0 ━"));
    terminal.press("q");
    assert_eq!(terminal.finish().0.code(), Some(0));
}

#[test]
fn what_a_terminal_says_in_pieces_or_unasked_is_no_key() {
    let home = Home::new();
    let project = home.project("shop", LONG);
    let terminal = Terminal::open(&home, &project.root, &[], (100, 30));
    terminal.wait_text("shop");
    for piece in ["\x1b[?62;2", "2c\x1b]11;rgb:0/", "0/0\x1b\\\x1b[", "9;9R\x1b[?9;9;9x\x1b[200~qqq", "q\x1b[20", "1~"]
    {
        terminal.press(piece);
        std::thread::sleep(Duration::from_millis(20));
    }
    terminal.press("?");
    terminal.wait_text("Keys");
    terminal.press("\x1b");
    terminal.wait("Esc to close it", |text| !text.contains("Keys"));
    terminal.press("q");
    assert_eq!(terminal.finish().0.code(), Some(0));
}
