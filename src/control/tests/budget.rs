//! No hard limit is passed, by however many at once.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use proptest::prelude::*;

use super::ledger::{Talk, called};
use crate::{
    control::budget::{Budgets, OverBudget, Reserved, Spender},
    domain::{
        budget::{Budget, BudgetPolicy, BudgetScope},
        id::RunId,
        talk::ModelName,
        time::Timestamp,
        usage::NanoUsd,
    },
    protocol::thread::ThreadEvent,
    state::board::State,
};

fn model(name: &str) -> ModelName {
    ModelName { provider: "p".into(), model: name.into() }
}

fn policy(budgets: &[(BudgetScope, u64)]) -> BudgetPolicy {
    let budget =
        |(scope, stop): &(BudgetScope, u64)| Budget { scope: scope.clone(), warn: None, stop: Some(NanoUsd(*stop)) };
    BudgetPolicy { budgets: budgets.iter().map(budget).collect(), allow_unpriced: false }
}

fn noon() -> Timestamp {
    "2026-11-30T12:00:00Z".parse().unwrap()
}

fn budgets(budgets: &[(BudgetScope, u64)]) -> Budgets {
    Budgets::new(policy(budgets), &State::default(), noon)
}

fn spend(budgets: &Budgets, run: u64, bound: u64) -> Result<Reserved, OverBudget> {
    let spender = Spender { project: Some("shop"), run: Some(RunId(run)), model: &model("m") };
    budgets.reserve(&spender, Some(NanoUsd(bound)))
}

#[test]
fn what_is_set_aside_counts_until_it_is_settled() {
    let day = budgets(&[(BudgetScope::Day, 100)]);
    let first = spend(&day, 1, 60).unwrap();
    let refused = spend(&day, 2, 41).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the budget of $0.000000100 for day (2026-11-30) does not allow a call that could cost $0.000000041: $0.00 is spent, $0.000000060 is set aside for calls under way"
    );
    assert!(refused.hint().contains("[budgets.day]"), "{}", refused.hint());
    first.settle(Some(NanoUsd(10)));
    spend(&day, 2, 90).unwrap().release();
    drop(spend(&day, 2, 40).unwrap());
    assert!(spend(&day, 2, 51).is_err(), "what nobody settled counts as spent");
    spend(&day, 2, 50).unwrap().settle(None);
    assert!(spend(&day, 2, 1).is_err());
    spend(&day, 2, 0).unwrap().settle(Some(NanoUsd(0)));
}

#[test]
fn each_run_model_and_project_has_its_own() {
    let all = budgets(&[
        (BudgetScope::Run, 10),
        (BudgetScope::Model("p/m".into()), 25),
        (BudgetScope::Project("other".into()), 0),
        (BudgetScope::Month, 1_000),
    ]);
    spend(&all, 1, 10).unwrap().settle(None);
    assert!(matches!(spend(&all, 1, 1), Err(OverBudget::Limit { period, .. }) if period == "run 1"));
    spend(&all, 2, 10).unwrap().settle(None);
    let refused = spend(&all, 3, 6).unwrap_err();
    assert!(refused.hint().contains("[budgets.models.\"p/m\"]"), "{}", refused.hint());
    // What was refused by one took nothing of the others.
    spend(&all, 3, 5).unwrap().settle(None);
    let spender = Spender { project: Some("other"), run: None, model: &model("x") };
    assert!(all.reserve(&spender, Some(NanoUsd(1))).is_err());
}

#[test]
fn a_model_without_a_price_is_refused_under_a_hard_limit() {
    let spender = Spender { project: None, run: None, model: &model("unknown") };
    let refused = budgets(&[(BudgetScope::Day, 100)]).reserve(&spender, None).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "no price is known for p/unknown, and the budget of $0.000000100 for day is a hard one"
    );
    assert!(refused.hint().contains("unpriced = \"allow\""));
    let allowed = BudgetPolicy { allow_unpriced: true, ..policy(&[(BudgetScope::Day, 100)]) };
    Budgets::new(allowed, &State::default(), noon).reserve(&spender, None).unwrap().settle(None);
    // A budget that only warns, and one of something else, keep nobody from asking.
    let warns = Budget { scope: BudgetScope::Day, warn: Some(NanoUsd(1)), stop: None };
    let warns = BudgetPolicy { budgets: vec![warns], allow_unpriced: false };
    Budgets::new(warns, &State::default(), noon).reserve(&spender, None).unwrap().release();
    budgets(&[(BudgetScope::Run, 0)]).reserve(&spender, None).unwrap().release();
}

#[test]
fn a_new_day_begins_with_what_is_under_way() {
    let clock = Arc::new(Mutex::new(noon()));
    let told = Arc::clone(&clock);
    let limits = policy(&[(BudgetScope::Day, 100), (BudgetScope::Month, 150)]);
    let all = Budgets::new(limits, &State::default(), move || *told.lock().unwrap());
    spend(&all, 1, 60).unwrap().settle(None);
    let under_way = spend(&all, 1, 40).unwrap();
    *clock.lock().unwrap() = "2026-12-01T00:00:00Z".parse().unwrap();
    assert!(spend(&all, 1, 61).is_err(), "a call of yesterday that is still under way counts today");
    spend(&all, 1, 60).unwrap().settle(None);
    under_way.settle(None);
    assert!(spend(&all, 1, 1).is_err());
    *clock.lock().unwrap() = noon();
    assert!(spend(&all, 1, 1).is_err(), "a clock that is set back gives nothing back");
    *clock.lock().unwrap() = "2026-12-02T00:00:00Z".parse().unwrap();
    spend(&all, 1, 50).unwrap().settle(None);
    assert!(spend(&all, 1, 1).is_err(), "the month's");
}

#[test]
fn what_was_spent_before_is_known_after_a_start() {
    let mut talk = Talk::new(noon());
    talk.open(1, Some(7));
    talk.call(1, called("m", Some(30), 5));
    talk.push(1, ThreadEvent::Asked { turn: 1, model: model("m"), prompt: "".into(), bound: Some(NanoUsd(20)) });
    let limits = policy(&[(BudgetScope::Day, 100), (BudgetScope::Run, 60)]);
    let all = Budgets::new(limits, &talk.state, noon);
    // 30 were spent, and 20 set aside for a call of which nothing was heard again.
    assert!(spend(&all, 7, 11).is_err());
    spend(&all, 7, 10).unwrap().release();
    spend(&all, 8, 50).unwrap().release();
    assert!(spend(&all, 8, 51).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_agents_at_once_never_pass_a_budget() {
    const LIMIT: u64 = 10_000;
    let all = budgets(&[(BudgetScope::Day, LIMIT), (BudgetScope::Project("shop".into()), LIMIT - 100)]);
    let spent = Arc::new(AtomicU64::new(0));
    let refused = Arc::new(AtomicU64::new(0));
    let mut agents = tokio::task::JoinSet::new();
    for agent in 0..100_u64 {
        let (all, spent, refused) = (all.clone(), Arc::clone(&spent), Arc::clone(&refused));
        agents.spawn(async move {
            for call in 0..50_u64 {
                let bound = 1 + (agent * 31 + call * 17) % 97;
                match spend(&all, agent, bound) {
                    Ok(reserved) => {
                        tokio::task::yield_now().await;
                        let actual = bound - (call % bound.min(3));
                        // Counted before it is settled: at no moment may all that was granted be more than the limit.
                        let so_far = spent.fetch_add(actual, Ordering::SeqCst) + actual;
                        assert!(so_far <= LIMIT - 100, "{so_far}");
                        reserved.settle(Some(NanoUsd(actual)));
                    }
                    Err(_) => {
                        refused.fetch_add(1, Ordering::SeqCst);
                    }
                }
            }
        });
    }
    agents.join_all().await;
    let spent = spent.load(Ordering::SeqCst);
    assert!(spent <= LIMIT - 100, "{spent}");
    // It is used up, but for less than the dearest call; and most calls were refused.
    assert!(spent > LIMIT - 200 && refused.load(Ordering::SeqCst) > 1_000, "{spent}");
}

#[derive(Clone, Debug)]
enum Step {
    Reserve { run: u64, bound: u64 },
    Settle { which: usize, share: u64 },
    Release { which: usize },
    Forget { which: usize },
    Tomorrow,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_u64..4, 0_u64..60).prop_map(|(run, bound)| Step::Reserve { run, bound }),
        3 => (any::<usize>(), 0_u64..=100).prop_map(|(which, share)| Step::Settle { which, share }),
        1 => any::<usize>().prop_map(|which| Step::Release { which }),
        1 => any::<usize>().prop_map(|which| Step::Forget { which }),
        1 => Just(Step::Tomorrow),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    /// Against a plain account: granted exactly when every budget has room, never more spent than each allows.
    #[test]
    fn budgets_agree_with_a_plain_account(steps in steps()) {
        const DAY: u64 = 150;
        const RUN: u64 = 90;
        let clock = Arc::new(Mutex::new(noon()));
        let told = Arc::clone(&clock);
        let limits = policy(&[(BudgetScope::Day, DAY), (BudgetScope::Run, RUN)]);
        let all = Budgets::new(limits, &State::default(), move || *told.lock().unwrap());
        let mut open: Vec<(u64, u64, Reserved)> = Vec::new();
        let (mut today, mut runs) = (0, [0_u64; 4]);
        for step in steps {
            match step {
                Step::Reserve { run, bound } => {
                    let aside: u64 = open.iter().map(|(_, bound, _)| bound).sum();
                    let of_run: u64 = open.iter().filter(|(of, ..)| *of == run).map(|(_, bound, _)| bound).sum();
                    let room = today + aside + bound <= DAY && runs[run as usize] + of_run + bound <= RUN;
                    let granted = spend(&all, run, bound);
                    prop_assert_eq!(granted.is_ok(), room || bound == 0);
                    open.extend(granted.ok().map(|reserved| (run, bound, reserved)));
                }
                Step::Settle { which, share } if !open.is_empty() => {
                    let (run, bound, reserved) = open.swap_remove(which % open.len());
                    let actual = bound * share / 100;
                    (today, runs[run as usize]) = (today + actual, runs[run as usize] + actual);
                    reserved.settle(Some(NanoUsd(actual)));
                }
                Step::Release { which } if !open.is_empty() => open.swap_remove(which % open.len()).2.release(),
                Step::Forget { which } if !open.is_empty() => {
                    let (run, bound, reserved) = open.swap_remove(which % open.len());
                    (today, runs[run as usize]) = (today + bound, runs[run as usize] + bound);
                    drop(reserved);
                }
                Step::Tomorrow => {
                    let mut clock = clock.lock().unwrap();
                    *clock += jiff::SignedDuration::from_hours(24);
                    today = 0;
                }
                Step::Settle { .. } | Step::Release { .. } | Step::Forget { .. } => {}
            }
            prop_assert!(today <= DAY && runs.iter().all(|run| *run <= RUN));
        }
    }
}
