//! Leaving and coming back, others at the same gonogo, a gonogo that ends and is started again: through the whole program.

use gonogo::{
    domain::{
        actor::{Actor, Trigger},
        id::{ProjectId, RunId},
        outcome::RunOutcome,
        time::Timestamp,
    },
    protocol::{
        event::{Cause, Event, ProjectEvent, Record, RunEvent, Source},
        summary::RunSummary,
    },
    state::board::State,
    store::log::Log,
};

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

/// A log in which so many runs have ended and were put aside, and one is at hand.
fn long_log(home: &Home, project: &Project, runs: u64) {
    let log = Log::open(&home.gonogo().join("state")).unwrap();
    let by = || Actor::Person(me());
    let mut state = State::default();
    let mut record = |event: Event| {
        let at = Timestamp::from_second(1_773_496_800 + state.seq.0 as i64).unwrap();
        let record = Record { seq: state.seq.next(), at, cause: Cause::Control, event };
        log.append(&record, state.run_of(&record.event)).unwrap();
        state.apply(&record);
    };
    log.begin().unwrap();
    let added = ProjectEvent::Added { root: project.root.clone(), name: "shop".into() };
    record(Event::Project { project: ProjectId(1), event: added });
    for id in 1..=runs + 1 {
        let run = |event| Event::Run { run: RunId(id), event };
        let (trigger, source) = (Trigger::Manual, Source { branch: Some("main".into()), ..Source::default() });
        record(run(RunEvent::Requested {
            project: ProjectId(1),
            pipeline: Some("ci".into()),
            jobs: Vec::new(),
            trigger: trigger.clone(),
            by: by(),
        }));
        record(run(RunEvent::Refused { error: format!("what was wrong with run {id}"), hint: None }));
        if id <= runs {
            let at = Timestamp::from_second(1_773_496_800 + id as i64 * 3).unwrap();
            let summary = RunSummary {
                run: RunId(id),
                project: ProjectId(1),
                pipeline: Some("ci".into()),
                trigger,
                by: by(),
                source,
                requested_at: at,
                ended_at: at,
                outcome: RunOutcome::Refused,
                jobs: 0,
                failed: Vec::new(),
                proposals: Vec::new(),
            };
            record(run(RunEvent::PutAside { summary: Box::new(summary) }));
        }
    }
    log.commit().unwrap();
}

#[test]
fn runs_that_were_put_aside_are_read_when_somebody_comes_to_them() {
    let home = Home::with_daemon();
    let project = shop(&home);
    long_log(&home, &project, 700);
    let board = Terminal::open(&home, &project.root, &[], (120, 36));
    board.wait_text("what was wrong with run 701");
    board.wait_text("256 put aside");
    // Down to the end of what is at hand, and on: the next pages come by themselves.
    board.insist("G", "the oldest run", |board| board.text().contains("what was wrong with run 1 "));
    board.wait_text("700 put aside");
    board.press("r");
    board.wait_text("run 1 was put aside: it can only be looked at");
    board.press("q");
    board.finish();
    let refused = home.ask(&["retry", "650"]);
    assert!(refused.all().contains("was put aside"), "{refused:?}");
}
