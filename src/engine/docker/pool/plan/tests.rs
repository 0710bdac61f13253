#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + seconds).unwrap()
}

fn spec(pool: u32, most: u32) -> EnvironmentSpec {
    let (idle, max_age) = (Some(Millis::from_secs(600)), Some(Millis::from_secs(86_400)));
    EnvironmentSpec { name: "dev".into(), pool, most, idle, max_age, ..EnvironmentSpec::default() }
}

fn want(spec: &EnvironmentSpec) -> Want<'_> {
    Want { spec, hash: "h", level: Level::Up, waiting: 0, not_before: None }
}

fn member(id: &str, phase: Phase) -> Member {
    Member { id: id.into(), spec: "h".into(), created: at(0), phase }
}

fn ready(since: i64) -> Phase {
    Phase::Ready { since: at(since) }
}

fn asleep(since: i64) -> Phase {
    Phase::Asleep { since: at(since) }
}

fn assigned() -> Phase {
    Phase::Assigned { to: "deniz".into(), since: at(0) }
}

#[test]
fn what_a_pool_needs() {
    use Action::{Create, Recycle, Remove, Sleep, Wake};
    let now = at(1000);
    let (a, b) = (|phase| member("a", phase), |phase| member("b", phase));
    let changed = |phase| Member { spec: "old".into(), ..a(phase) };
    let ancient = |phase| Member { created: at(-90_000), ..a(phase) };
    let id = |name: &str| name.to_owned();
    let up = Level::Up;
    type Case<'a> = (&'a str, u32, u32, Level, usize, Vec<Member>, Vec<Action>);
    #[rustfmt::skip]
    let cases: Vec<Case<'_>> = vec![
        ("an empty pool is filled", 2, 4, up, 0, vec![], vec![Create, Create]),
        ("what is made counts", 1, 4, up, 0, vec![a(Phase::Preparing)], vec![]),
        ("what somebody has doesn't", 1, 4, up, 0, vec![a(assigned())], vec![Create]),
        ("never more than `most`", 2, 2, up, 3, vec![a(assigned())], vec![Create]),
        ("what is unused sleeps", 1, 4, up, 0, vec![a(ready(0))], vec![Sleep(id("a"))]),
        ("what was just used doesn't", 1, 4, up, 0, vec![a(ready(900))], vec![]),
        ("what sleeps is ready", 1, 4, up, 0, vec![a(asleep(0))], vec![]),
        ("whoever waits has it woken, and another is kept", 1, 4, up, 1, vec![a(asleep(0))], vec![Wake(id("a")), Create]),
        ("what is surplus goes, the longest unused first", 1, 4, up, 0, vec![b(ready(10)), a(ready(0))], vec![Remove(id("a"), Why::Surplus), Sleep(id("b"))]),
        ("what has changed is made anew", 1, 4, up, 0, vec![changed(ready(900))], vec![Recycle(id("a"), Why::Changed)]),
        ("unless somebody has it", 1, 1, up, 0, vec![changed(assigned())], vec![]),
        ("what is not needed just goes", 1, 4, up, 0, vec![changed(ready(900)), b(ready(900))], vec![Remove(id("a"), Why::Changed)]),
        ("age", 1, 4, up, 0, vec![ancient(asleep(900))], vec![Recycle(id("a"), Why::Old)]),
        ("ill health", 1, 4, up, 0, vec![a(Phase::Unhealthy)], vec![Recycle(id("a"), Why::Unhealthy)]),
        ("left dirty", 1, 4, up, 0, vec![a(Phase::Doomed)], vec![Recycle(id("a"), Why::Dirty)]),
        ("what leaves is not asked again, and takes a place", 1, 1, up, 0, vec![a(Phase::Leaving)], vec![]),
        ("down", 2, 4, Level::Down, 0, vec![a(ready(900)), b(assigned())], vec![Remove(id("a"), Why::Down)]),
        ("on demand nothing is kept", 2, 4, Level::OnDemand, 0, vec![a(ready(0)), b(ready(900))], vec![Remove(id("a"), Why::Surplus)]),
        ("on demand one is made for who waits", 2, 4, Level::OnDemand, 1, vec![], vec![Create]),
        ("a pool of none", 0, 4, up, 0, vec![], vec![]),
        ("fewer may exist than do", 1, 1, up, 0, vec![a(ready(900)), b(ready(901))], vec![Remove(id("a"), Why::Surplus)]),
    ];
    for (what, pool, most, level, waiting, members, wanted) in cases {
        let spec = spec(pool, most);
        let want = Want { level, waiting, ..want(&spec) };
        assert_eq!(plan(&want, &members, now), wanted, "{what}");
    }
}

#[test]
fn after_a_failure_none_is_made_until_it_is_time_but_for_who_waits() {
    let spec = spec(1, 4);
    let held = Want { not_before: Some(at(50)), ..want(&spec) };
    assert_eq!(plan(&held, &[], at(0)), []);
    assert_eq!(next(&held, &[], at(0)), Some(at(50)));
    assert_eq!(plan(&held, &[], at(50)), [Action::Create]);
    assert_eq!(plan(&Want { waiting: 1, ..held }, &[], at(0)), [Action::Create]);
    assert_eq!(plan(&held, &[member("a", Phase::Unhealthy)], at(0)), [Action::Remove("a".into(), Why::Unhealthy)]);
}

#[test]
fn it_is_woken_for_the_next_deadline_and_for_nothing_else() {
    let spec = spec(1, 4);
    let want = want(&spec);
    assert_eq!(next(&want, &[], at(0)), None);
    assert_eq!(next(&want, &[member("a", ready(10))], at(20)), Some(at(610)));
    assert_eq!(next(&want, &[member("a", asleep(10))], at(1000)), Some(at(86_400)));
    assert_eq!(next(&want, &[member("a", assigned())], at(1000)), None);
}

fn any_phase() -> impl Strategy<Value = Phase> {
    prop_oneof![
        Just(Phase::Preparing),
        (0..2000i64).prop_map(ready),
        (0..2000i64).prop_map(asleep),
        Just(assigned()),
        Just(Phase::Unhealthy),
        Just(Phase::Doomed),
        Just(Phase::Leaving),
    ]
}

fn any_members() -> impl Strategy<Value = Vec<Member>> {
    let one = (any_phase(), prop_oneof![Just("h"), Just("old")], -100_000..1000i64);
    proptest::collection::vec(one, 0..8).prop_map(|all| {
        let named = all.into_iter().enumerate().map(|(index, (phase, spec, created))| Member {
            id: format!("m{index}"),
            spec: spec.into(),
            created: at(created),
            phase,
        });
        named.collect()
    })
}

/// A world in which everything succeeds at once, and whoever waits takes what is ready.
fn act(members: &mut Vec<Member>, waiting: &mut usize, actions: Vec<Action>, now: Timestamp, made: &mut usize) {
    let mut make = |members: &mut Vec<Member>| {
        *made += 1;
        let id = format!("new{made}");
        members.push(Member { id, spec: "h".into(), created: now, phase: Phase::Ready { since: now } });
    };
    for action in actions {
        match action {
            Action::Create => make(members),
            Action::Recycle(id, _) => {
                members.retain(|member| member.id != id);
                make(members);
            }
            Action::Remove(id, _) => members.retain(|member| member.id != id),
            Action::Wake(id) => {
                let member = members.iter_mut().find(|member| member.id == id).unwrap();
                member.phase = Phase::Ready { since: now };
            }
            Action::Sleep(id) => {
                let member = members.iter_mut().find(|member| member.id == id).unwrap();
                member.phase = Phase::Asleep { since: now };
            }
        }
    }
    members.retain(|member| member.phase != Phase::Leaving);
    for member in members.iter_mut().filter(|member| member.spec == "h") {
        if matches!(member.phase, Phase::Preparing) {
            member.phase = Phase::Ready { since: now };
        }
        if *waiting > 0 && matches!(member.phase, Phase::Ready { .. }) {
            *waiting -= 1;
            member.phase = Phase::Assigned { to: "w".into(), since: now };
        }
    }
}

proptest! {
    #[test]
    fn it_keeps_to_its_bounds_and_comes_to_rest(
        members in any_members(), pool in 0..4u32, more in 0..4u32, idle in 0..900u64,
        level in prop_oneof![Just(Level::Up), Just(Level::OnDemand), Just(Level::Down)], waiting in 0..4usize,
    ) {
        let now = at(2000);
        let spec = EnvironmentSpec { idle: Some(Millis::from_secs(idle)), ..spec(pool, (pool + more).max(1)) };
        let (mut members, mut waiting, mut made) = (members, waiting, 0);
        for round in 0.. {
            let want = Want { spec: &spec, hash: "h", level, waiting, not_before: None };
            let actions = plan(&want, &members, now);
            let creates = actions.iter().filter(|action| **action == Action::Create).count();
            prop_assert!(creates == 0 || members.len() + creates <= spec.most as usize);
            for action in &actions {
                let (Action::Recycle(id, _) | Action::Remove(id, _) | Action::Sleep(id) | Action::Wake(id)) = action else { continue };
                let of = members.iter().find(|member| member.id == *id).unwrap();
                prop_assert!(!matches!(of.phase, Phase::Assigned { .. } | Phase::Leaving), "{action:?} of {of:?}");
            }
            // Somebody who waits has yet to take what is ready.
            let is_moving = |member: &Member| match member.phase {
                Phase::Preparing | Phase::Leaving => true,
                Phase::Ready { .. } => waiting > 0 && member.spec == want.hash,
                _ => false,
            };
            if actions.is_empty() && !members.iter().any(is_moving) {
                break;
            }
            prop_assert!(round < 20, "it does not come to rest: {actions:?} of {members:?}");
            let before = members.iter().filter(|member| matches!(member.phase, Phase::Assigned { .. })).count();
            act(&mut members, &mut waiting, actions, now, &mut made);
            let after = members.iter().filter(|member| matches!(member.phase, Phase::Assigned { .. })).count();
            prop_assert!(after >= before);
        }
        let free = members.iter().filter(|member| !matches!(member.phase, Phase::Assigned { .. })).count();
        match level {
            Level::Up => prop_assert!(free >= (spec.pool as usize).min((spec.most as usize).saturating_sub(members.len() - free))),
            Level::Down => prop_assert_eq!(free, 0),
            Level::OnDemand => {}
        }
    }
}
