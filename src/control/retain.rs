//! What goes of old runs, and what stays. Pure.

use crate::{
    domain::{
        id::RunId,
        time::{Millis, Timestamp},
    },
    protocol::command::Keep,
};

/// What is kept of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its number.
    pub run: RunId,
    /// When it ended, if it was put aside: of any other nothing goes.
    pub aside: Option<Timestamp>,
    /// Its records are there.
    pub recorded: bool,
    /// Bytes of its output and artifacts.
    pub bytes: u64,
}

/// What goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Going {
    /// Runs whose output and artifacts go, and what that frees.
    pub outputs: Vec<(RunId, u64)>,
    /// Runs whose records go, but for the summary.
    pub records: Vec<RunId>,
}

/// Decides what goes of `runs`. The newest are kept first; a run that ended in the future (the clock went back) is new.
pub fn going(runs: &[Kept], keep: &Keep, now: Timestamp) -> Going {
    let mut newest_first: Vec<&Kept> = runs.iter().collect();
    newest_first.sort_by_key(|run| std::cmp::Reverse(run.run));
    let older = |ended: Timestamp, age: Option<Millis>| age.is_some_and(|age| Millis::between(ended, now) > age);
    let (mut bytes, mut records) = (0_u64, 0_u64);
    let mut going = Going::default();
    for run in newest_first {
        bytes = bytes.saturating_add(run.bytes);
        let Some(ended) = run.aside else { continue };
        records += u64::from(run.recorded);
        let too_many = keep.runs.is_some_and(|most| records > most);
        let forgotten = run.recorded && (too_many || older(ended, keep.run_age));
        let too_large = keep.output_bytes.is_some_and(|most| bytes > most);
        // Output whose records are gone can't be found any more.
        if run.bytes > 0 && (!run.recorded || forgotten || too_large || older(ended, keep.output_age)) {
            going.outputs.push((run.run, run.bytes));
        }
        if forgotten {
            going.records.push(run.run);
        }
    }
    going
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const DAY: u64 = 86_400;

    fn now() -> Timestamp {
        Timestamp::from_second(1_000 * DAY as i64).unwrap()
    }

    /// Put aside, ended so many days ago, with so many bytes.
    fn old(run: u64, days: i64, bytes: u64) -> Kept {
        let ended = Timestamp::from_second((1_000 - days) * DAY as i64).unwrap();
        Kept { run: RunId(run), aside: Some(ended), recorded: true, bytes }
    }

    fn at_hand(run: u64, bytes: u64) -> Kept {
        Kept { run: RunId(run), aside: None, recorded: true, bytes }
    }

    #[test]
    fn each_limit_takes_the_oldest() {
        let runs = [at_hand(1, 700), old(2, 50, 100), old(3, 40, 0), old(4, 20, 100), old(5, 10, 100), at_hand(6, 100)];
        let days = |days| Some(Millis::from_secs(days * DAY));
        let none = Keep::default();
        let cases: [(Keep, &[u64], &[u64]); 8] = [
            (none, &[], &[]),
            (Keep { output_age: days(30), ..none }, &[2], &[]),
            (Keep { output_age: days(0), ..none }, &[5, 4, 2], &[]),
            (Keep { output_bytes: Some(200), ..none }, &[4, 2], &[]),
            (Keep { output_bytes: Some(0), ..none }, &[5, 4, 2], &[]),
            (Keep { runs: Some(2), ..none }, &[2], &[3, 2]),
            (Keep { run_age: days(15), ..none }, &[4, 2], &[4, 3, 2]),
            (Keep { runs: Some(0), output_bytes: Some(1000), ..none }, &[5, 4, 2], &[5, 4, 3, 2]),
        ];
        for (keep, outputs, records) in cases {
            let going = going(&runs, &keep, now());
            assert!(going.outputs.iter().map(|(run, _)| run.0).eq(outputs.iter().copied()), "{keep:?}: {going:?}");
            assert!(going.records.iter().map(|run| run.0).eq(records.iter().copied()), "{keep:?}: {going:?}");
        }
    }

    #[test]
    fn a_run_that_ended_in_the_future_is_new_and_output_without_records_is_of_no_use() {
        let lost = Kept { recorded: false, ..old(1, 0, 5) };
        let keep = Keep { output_age: Some(Millis(0)), run_age: Some(Millis(0)), ..Keep::default() };
        assert_eq!(going(&[old(9, -100, 5)], &keep, now()), Going::default());
        assert_eq!(going(&[lost], &Keep::default(), now()).outputs, [(RunId(1), 5)]);
    }

    fn kept() -> impl Strategy<Value = Vec<Kept>> {
        let one = (any::<bool>(), any::<bool>(), -100..100_i64, 0..1000_u64);
        let run = |(at, (aside, recorded, days, bytes)): (usize, (bool, bool, i64, u64))| {
            let run = at as u64 + 1;
            if aside { Kept { recorded, ..old(run, days, bytes) } } else { at_hand(run, bytes) }
        };
        proptest::collection::vec(one, 0..40).prop_map(move |all| all.into_iter().enumerate().map(run).collect())
    }

    fn limits() -> impl Strategy<Value = Keep> {
        let days = || proptest::option::of((0..80_u64).prop_map(|days| Millis::from_secs(days * DAY)));
        (days(), proptest::option::of(0..20_000_u64), proptest::option::of(0..20_u64), days())
            .prop_map(|(output_age, output_bytes, runs, run_age)| Keep { output_age, output_bytes, runs, run_age })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_at_hand_goes_the_newest_stay_and_doing_it_again_takes_nothing(mut runs in kept(), keep in limits()) {
            let first = going(&runs, &keep, now());
            for run in &mut runs {
                let output = first.outputs.iter().any(|(gone, _)| *gone == run.run);
                let records = first.records.contains(&run.run);
                prop_assert!(run.aside.is_some() || !(output || records), "{run:?} is at hand");
                if records {
                    prop_assert!(run.recorded && (output || run.bytes == 0));
                    run.recorded = false;
                }
                if output {
                    run.bytes = 0;
                }
            }
            // By number and size alone, everything that is older than what goes, goes too.
            let by_size = Keep { output_age: None, run_age: None, ..keep };
            let gone = going(&runs, &by_size, now()).records;
            let newest = gone.iter().max().copied().unwrap_or_default();
            prop_assert!(runs.iter().all(|run| run.run > newest || run.aside.is_none() || !run.recorded || gone.contains(&run.run)));
            prop_assert_eq!(going(&runs, &keep, now()), Going::default());
        }
    }
}
