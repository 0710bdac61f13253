//! Nothing typed before a question was on the screen can answer it.

use std::time::Duration;

use proptest::prelude::*;

use crate::{
    domain::id::{ApprovalId, Hash, ProposalId, RunId},
    protocol::command::{Command, Decision},
    tui::{
        card::STILL,
        layout::Layout,
        ui::{Effect, Overlay, Pane, Purpose, Ui},
    },
};

use super::{board, press, screen};

/// What the event loop does after a draw.
fn drawn(ui: &mut Ui) {
    let on_screen = Layout::of(ui).shows_card(ui) && ui.overlay.is_none();
    let now = ui.clock.mono;
    ui.card.was_drawn(on_screen, now);
}

fn later(ui: &mut Ui, by: Duration) {
    ui.clock.mono += by;
}

fn answers(effects: &[Effect]) -> Vec<Command> {
    let command = |effect: &Effect| match effect {
        Effect::Command(command, _) => Some(command.clone()),
        _ => None,
    };
    effects.iter().filter_map(command).collect()
}

#[test]
fn one_key_answers_with_the_hash_of_what_is_shown() {
    let (mut ui, state) = board((120, 36));
    assert!(screen(&ui, &state).contains("armed"));
    let effects = press(&mut ui, &state, &["y"]);
    let decision = Decision::Go { hash: Some(Hash("5f3c9a1e77d0".into())), into: None };
    assert_eq!(answers(&effects), [Command::Answer { approval: ApprovalId::Proposal(ProposalId(1)), decision }]);
    let effects = press(&mut ui, &state, &["y", "y"]);
    assert_eq!(answers(&effects), [], "an answer is sent once");
    assert!(screen(&ui, &state).contains(" sent "));
}

#[test]
fn no_go_takes_words_and_escape_takes_it_back() {
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &["n", "n", "o", "esc"]);
    assert!(ui.overlay.is_none());
    drawn(&mut ui);
    later(&mut ui, STILL);
    let effects = press(&mut ui, &state, &["n", "n", "o", "t", "space", "n", "o", "w", "enter"]);
    let decision = Decision::NoGo { why: "not now".into() };
    assert_eq!(answers(&effects), [Command::Answer { approval: ApprovalId::Proposal(ProposalId(1)), decision }]);
}

#[test]
fn a_refused_answer_can_be_given_again() {
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &["y"]);
    let approval = ApprovalId::Proposal(ProposalId(1));
    let refusal = crate::protocol::command::Refusal::new("the tree has moved").hint("run it again");
    let purpose = Purpose::Answered { approval, said: String::new() };
    crate::tui::update::reply::reply(&mut ui, &state, purpose, Err(refusal));
    assert!(screen(&ui, &state).contains("the tree has moved  hint: run it again"));
    assert_eq!(answers(&press(&mut ui, &state, &["y"])).len(), 1);
}

#[test]
fn a_dropped_hunk_is_proven_away_before_anything_is_applied() {
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &["!", "!"]);
    drawn(&mut ui);
    later(&mut ui, STILL);
    let effects = press(&mut ui, &state, &["}", "space", "y"]);
    let commands = answers(&effects);
    let [Command::Revise { proposal: ProposalId(2), patch }] = commands.as_slice() else { panic!("{commands:?}") };
    assert!(patch.0.contains("HashMap") && !patch.0.contains("is_transient"));
    let (mut ui, state) = board((120, 36));
    assert_eq!(answers(&press(&mut ui, &state, &["space", "y"])), [], "with no hunk left there is nothing to apply");
}

#[test]
fn later_keeps_it_waiting_and_goes_on_to_the_next() {
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &["esc"]);
    assert_eq!(ui.card.current, Some(ApprovalId::Proposal(ProposalId(2))));
    assert_eq!(answers(&press(&mut ui, &state, &["y"])), [], "the next card has not been on the screen");
    drawn(&mut ui);
    later(&mut ui, STILL);
    press(&mut ui, &state, &["esc"]);
    drawn(&mut ui);
    later(&mut ui, STILL);
    press(&mut ui, &state, &["esc"]);
    assert_eq!(ui.card.current, None);
    press(&mut ui, &state, &["!"]);
    assert_eq!(ui.card.current, Some(ApprovalId::Proposal(ProposalId(1))));
}

#[test]
fn a_reader_of_the_log_answers_only_after_asking_for_the_card() {
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &["3"]);
    drawn(&mut ui);
    later(&mut ui, STILL * 4);
    let effects = press(&mut ui, &state, &["y"]);
    assert!(matches!(effects.as_slice(), [Effect::Copy(_)]), "y copies in the log: {effects:?}");
    press(&mut ui, &state, &["!"]);
    assert_eq!(ui.focus, Pane::Card);
    assert_eq!(answers(&press(&mut ui, &state, &["y"])), []);
    drawn(&mut ui);
    later(&mut ui, STILL);
    assert_eq!(answers(&press(&mut ui, &state, &["y"])).len(), 1);
}

#[test]
fn a_gate_is_answered_without_a_hash() {
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &["!", "!", "!"]);
    drawn(&mut ui);
    later(&mut ui, STILL);
    let effects = press(&mut ui, &state, &["y"]);
    let approval = ApprovalId::Gate { run: RunId(40), gate: "ship".into() };
    let decision = Decision::Go { hash: None, into: None };
    assert_eq!(answers(&effects), [Command::Answer { approval, decision }]);
}

#[test]
fn the_edited_patch_is_sent_to_be_proven() {
    let (mut ui, state) = board((120, 36));
    let effects = press(&mut ui, &state, &["e"]);
    let [Effect::Edit { proposal, patch }] = effects.as_slice() else { panic!("{effects:?}") };
    let edited = patch.0.replace("\"/charge\"", "\"/v2/charge\"");
    let sent = crate::tui::update::answer::edited(&mut ui, *proposal, patch, edited);
    assert!(matches!(answers(&sent).as_slice(), [Command::Revise { .. }]));
    assert!(crate::tui::update::answer::edited(&mut ui, *proposal, patch, patch.0.clone()).is_empty());
    assert!(crate::tui::update::answer::edited(&mut ui, *proposal, patch, "no patch".into()).is_empty());
    assert!(screen(&ui, &state).contains("is no patch"));
}

#[test]
fn a_yes_that_came_before_the_question_could_be_read_does_not_count() {
    let (mut ui, state) = board((120, 36));
    press(&mut ui, &state, &["esc", "2", "j", "x"]);
    assert!(matches!(ui.overlay, Some(Overlay::Confirm(_))), "{:?}", ui.overlay);
    assert_eq!(answers(&press(&mut ui, &state, &["y"])), []);
    later(&mut ui, STILL);
    assert_eq!(answers(&press(&mut ui, &state, &["y"])).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is typed at whatever times: an answer goes out only if the card had been drawn, and the keyboard still, for
    /// long enough.
    #[test]
    fn keys_typed_before_the_card_is_armed_never_answer(
        steps in proptest::collection::vec((0_u64..700, any::<bool>(), 0_usize..6), 1..40),
    ) {
        let (mut ui, state) = board((120, 36));
        ui.card.was_drawn(false, ui.clock.mono);
        let (mut shown, mut last_other) = (None::<(ApprovalId, Duration)>, Duration::ZERO);
        for (pause, draws, which) in steps {
            later(&mut ui, Duration::from_millis(pause));
            let now = ui.clock.mono;
            if draws {
                drawn(&mut ui);
                let on_screen = Layout::of(&ui).shows_card(&ui) && ui.overlay.is_none();
                match (&ui.card.current, on_screen) {
                    (Some(id), true) if shown.as_ref().map(|(id, _)| id) != Some(id) => shown = Some((id.clone(), now)),
                    (Some(_), true) => {}
                    _ => shown = None,
                }
            }
            let name = ["y", "j", "z", "esc", "3", "!"][which];
            let before = ui.card.current.clone();
            let reads = name == "j" && ui.focus == Pane::Card;
            let effects = press(&mut ui, &state, &[name]);
            for command in answers(&effects) {
                if let Command::Answer { approval, .. } = command {
                    let (id, since) = shown.clone().unwrap();
                    prop_assert_eq!(&id, &approval);
                    prop_assert_eq!(before.clone(), Some(approval));
                    prop_assert!(now >= since + STILL && now >= last_other + STILL);
                }
            }
            if shown.as_ref().map(|(id, _)| id) != ui.card.current.as_ref() {
                shown = None;
            }
            if !reads && !["y", "esc"].contains(&name) {
                last_other = now;
            }
        }
    }
}
