//! Sums for people: rows, trend, forecast, repairs.

use super::{
    ledger::{Talk, called},
    *,
};
use crate::{
    domain::{id::ThreadId, price::MinutePrice, usage::NanoUsd},
    protocol::thread::{About, ThreadEvent},
    state::spending::{By, Spending},
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn spending(state: &State, now: Timestamp) -> Spending<'_> {
    Spending { state, minutes: &[], since: None, now }
}

fn costs(spending: &Spending<'_>, by: By) -> Vec<(String, u64)> {
    spending.rows(by).into_iter().map(|row| (row.name.clone(), row.cost().0)).collect()
}

#[test]
fn rows_are_by_one_thing_and_add_up() {
    let mut talk = Talk::new(at("2026-10-31T23:00:00Z"));
    for (thread, run) in [(1, Some(7)), (2, Some(7)), (3, None)] {
        talk.open(thread, run);
    }
    talk.call(1, called("a", Some(10), 1));
    talk.at = at("2026-11-01T00:00:00Z");
    talk.call(2, called("b", Some(30), 1));
    talk.call(3, called("b", None, 1));
    let all = spending(&talk.state, at("2026-11-02T12:00:00Z"));
    let named = |rows: &[(&str, u64)]| rows.iter().map(|(name, cost)| ((*name).to_owned(), *cost)).collect::<Vec<_>>();
    assert_eq!(costs(&all, By::Model), named(&[("p/b", 30), ("p/a", 10)]));
    assert_eq!(costs(&all, By::Run), named(&[("7", 40), ("(no run)", 0)]));
    assert_eq!(costs(&all, By::Role), named(&[("analyst", 40), ("engineer", 0)]));
    assert_eq!(costs(&all, By::Day), named(&[("2026-10-31", 10), ("2026-11-01", 30)]));
    assert_eq!(costs(&all, By::Week), named(&[("2026-W44", 40)]));
    assert_eq!(costs(&all, By::Month), named(&[("2026-10", 10), ("2026-11", 30)]));
    assert_eq!((all.total().cost(), all.total().models.unpriced), (NanoUsd(40), 1));
    let since = Spending { since: Some(jiff::civil::date(2026, 11, 1)), ..all };
    assert_eq!((since.total().cost(), costs(&since, By::Agent).len()), (NanoUsd(30), 2));
    assert_eq!(all.trend(3), [10, 30, 0].map(NanoUsd));
    assert_eq!((all.today(), all.month()), (NanoUsd(0), NanoUsd(30)));
}

#[test]
fn a_forecast_goes_on_as_the_last_whole_days_did() {
    let mut talk = Talk::new(at("2026-11-20T10:00:00Z"));
    assert_eq!(spending(&talk.state, talk.at).forecast(), None);
    talk.open(1, None);
    talk.call(1, called("a", Some(100), 1));
    let first = spending(&talk.state, talk.at).forecast().unwrap();
    assert_eq!((first.days, first.month), (0, NanoUsd(100 + 10 * 100)), "ten more days like today");
    talk.at = at("2026-11-23T10:00:00Z");
    talk.call(1, called("a", Some(50), 1));
    let later = spending(&talk.state, talk.at).forecast().unwrap();
    // Three whole days with 100 in all; 150 so far; seven days are left.
    assert_eq!((later.days, later.a_day, later.month), (3, NanoUsd(33), NanoUsd(150 + 7 * 33)));
    let last = spending(&talk.state, at("2026-11-30T23:00:00Z")).forecast().unwrap();
    assert_eq!((last.days, last.month), (7, NanoUsd(150)), "nothing is left of the month");
}

#[test]
fn minutes_of_engines_cost_what_the_configuration_says() {
    let mut sim = Sim::new(4);
    let run = sim.start("shop", &pipeline(vec![job("a", &[]), job("b", &[])]), &no_fix());
    let minutes = [MinutePrice { engine: "local".into(), minute: NanoUsd(60_000) }];
    let mut state = sim.state.clone();
    for job in &mut state.runs.get_mut(&run).unwrap().jobs {
        for attempt in &mut job.attempts {
            attempt.ended_at = Some(attempt.started_at + jiff::SignedDuration::from_millis(90_500));
        }
    }
    let attempts: usize = state.runs[&run].jobs.iter().map(|job| job.attempts.len()).sum();
    assert!(attempts > 0);
    let all = Spending { state: &state, minutes: &minutes, since: None, now: sim.now() };
    // A nano-dollar a millisecond.
    assert_eq!(all.total().minutes, NanoUsd(90_500 * attempts as u64));
    assert_eq!(all.rows(By::Model)[0].name, "minutes of local");
    assert_eq!(all.rows(By::Run)[0].minutes, all.total().minutes);
    assert!(spending(&state, sim.now()).rows(By::Model).is_empty(), "no price, no row");
}

#[test]
fn an_accepted_repair_costs_what_its_conversation_did() {
    let mut sim = Sim::new(4);
    let run = sim.start("shop", &pipeline(vec![job("a", &[]), job("b", &[]), job("c", &[])]), &FixPolicy::default());
    for name in ["a", "b", "c"] {
        sim.fail(run, name, Category::Format);
    }
    for (thread, name, cost) in [(1, "a", 30), (2, "b", 10), (3, "a", 4)] {
        let about = About { run: Some(run), job: Some(name.into()), repair: Some(1), proposal: None };
        let (role, title) = ("engineer".to_owned(), "mend".to_owned());
        let opened = ThreadEvent::Opened { project: None, about, role, title, by: Actor::Policy };
        let called = ThreadEvent::Called { turn: 1, call: Box::new(called("m", Some(cost), 1)) };
        for event in [opened, called] {
            sim.record(vec![Event::Thread { thread: ThreadId(thread), event: Box::new(event) }]);
        }
    }
    assert_eq!(spending(&sim.state, sim.now()).repairs().each(), None);
    let first = sim.propose(run, "a");
    super::approvals::go(&mut sim, first).unwrap();
    sim.report(Report::Applied { proposal: first, result: Ok((Some("c1".into()), None)) });
    let repairs = spending(&sim.state, sim.now()).repairs();
    assert_eq!((repairs.tried, repairs.accepted, repairs.cost), (2, 1, NanoUsd(44)));
    assert_eq!(repairs.each(), Some((NanoUsd(34), NanoUsd(44))));
}
