//! What a frame under way, an answer and a budget mean for the next frame, with a clock that is only counted.

use super::*;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Draws at once as often as it may until then, on a terminal that answers after what `answer` says of a frame's bytes.
fn draw(
    pace: &mut Pace,
    from: Duration,
    until: Duration,
    bytes: usize,
    answer: impl Fn(usize) -> Option<Duration>,
) -> usize {
    let (mut now, mut frames) = (from, 0);
    let mut coming: Option<(Duration, u32)> = None;
    while now < until {
        if coming.is_some_and(|(at, _)| at <= now)
            && let Some((_, mark)) = coming.take()
        {
            assert!(pace.answered(now, mark));
        }
        if pace.ready_at() <= now {
            let question = pace.question(now, Duration::ZERO);
            let bytes = if frames % 4 == 3 { bytes / 10 } else { bytes };
            pace.sent(now, bytes, question);
            if let Some(mark) = question {
                coming = answer(bytes).map(|after| (now + after, mark));
            }
            frames += 1;
        }
        now += ms(1);
    }
    if let Some((at, mark)) = coming {
        assert!(pace.answered(at, mark));
    }
    frames
}

#[test]
fn a_near_terminal_gets_thirty_frames_a_second() {
    let mut pace = Pace::new(Bandwidth::Auto, ms(0));
    let frames = draw(&mut pace, ms(0), ms(10_000), 1500, |_| Some(ms(1)));
    assert!((285..=305).contains(&frames), "{frames}");
    assert!(!pace.is_low());
    assert!(pace.round_trip().is_some_and(|trip| trip < ms(3)), "{:?}", pace.round_trip());
}

#[test]
fn no_frame_is_under_way_beside_another() {
    let mut pace = Pace::new(Bandwidth::Full, ms(0));
    draw(&mut pace, ms(0), ms(100), 100, |_| Some(ms(1)));
    let question = pace.question(ms(200), Duration::ZERO);
    pace.sent(ms(200), 1000, question);
    pace.hurry(ms(201));
    assert!(pace.ready_at() >= ms(1200), "{:?}", pace.ready_at());
    assert!(!pace.answered(ms(300), 77), "another question's answer");
    assert!(pace.answered(ms(300), question.unwrap_or_default()));
    assert!(pace.ready_at() <= ms(300), "{:?}", pace.ready_at());
}

#[test]
fn a_slow_line_is_found_out_and_spared() {
    // 32 kB a second, 50 ms there and back.
    let slow = |bytes: usize| Some(ms(50) + Duration::from_secs_f64(bytes as f64 / 32_000.0));
    let mut pace = Pace::new(Bandwidth::Auto, ms(0));
    draw(&mut pace, ms(0), ms(3000), 2500, slow);
    assert!(pace.is_low());
    assert!(pace.round_trip().is_some_and(|trip| (ms(40)..ms(60)).contains(&trip)), "{:?}", pace.round_trip());
    let frames = draw(&mut pace, ms(3000), ms(13_000), 2500, slow);
    assert!((38..=50).contains(&frames), "{frames} frames");
    // It stays so until it is much faster.
    draw(&mut pace, ms(13_000), ms(33_000), 2500, |bytes| Some(ms(5) + Duration::from_micros(bytes as u64 / 10)));
    assert!(!pace.is_low());
    assert!(!{
        let mut pace = Pace::new(Bandwidth::Full, ms(0));
        draw(&mut pace, ms(0), ms(3000), 2500, slow);
        pace.is_low()
    });
}

#[test]
fn a_long_way_alone_is_no_slow_line() {
    let mut pace = Pace::new(Bandwidth::Auto, ms(0));
    draw(&mut pace, ms(0), ms(10_000), 2500, |_| Some(ms(200)));
    assert!(!pace.is_low());
    assert!(pace.round_trip().is_some_and(|trip| (ms(180)..ms(210)).contains(&trip)), "{:?}", pace.round_trip());
}

#[test]
fn a_busy_machine_is_no_slow_line() {
    let mut pace = Pace::new(Bandwidth::Auto, ms(0));
    let count = std::cell::Cell::new(0_u64);
    draw(&mut pace, ms(0), ms(20_000), 2000, |bytes| {
        count.set(count.get() + 1);
        // Most large frames are held up, as chance will have it; some are not.
        Some(if bytes > 1000 && !count.get().is_multiple_of(5) { ms(80) } else { ms(2) })
    });
    assert!(!pace.is_low());
}

#[test]
fn budgets_hold_whatever_a_frame_takes() {
    for (wanted, limit) in [(Bandwidth::Full, 100_000), (Bandwidth::Low, 10_000)] {
        for bytes in [500, 2000, 5000, 12_000] {
            let mut pace = Pace::new(wanted, ms(0));
            let sent = std::cell::Cell::new(0);
            draw(&mut pace, ms(0), ms(20_000), bytes, |bytes| {
                sent.set(sent.get() + bytes);
                Some(ms(1))
            });
            assert!(sent.get() / 20 <= limit, "{wanted:?}: {} bytes a second", sent.get() / 20);
        }
    }
}

#[test]
fn a_silent_terminal_holds_nothing_up_and_gets_its_budget() {
    let mut pace = Pace::new(Bandwidth::Auto, ms(0));
    let frames = draw(&mut pace, ms(0), ms(10_000), 2000, |_| None);
    // A quarter of the frames is small.
    assert!((180..=220).contains(&frames), "{frames}");
    assert_eq!(pace.round_trip(), None);
    pace.hurry(ms(10_010));
    assert!(pace.ready_at() <= ms(10_020), "a key waits for no budget");
}

#[test]
fn a_terminal_that_takes_slowly_gets_less() {
    let mut pace = Pace::new(Bandwidth::Auto, ms(0));
    let mut now = ms(0);
    for _ in 0..10 {
        let question = pace.question(now, ms(400));
        pace.sent(now, 2000, question);
        now = pace.ready_at();
    }
    assert!(pace.ready_at() >= now, "{now:?}");
    let question = pace.question(now, ms(400));
    pace.sent(now, 2000, question);
    assert!(pace.ready_at() >= now + ms(800), "{:?} after {now:?}", pace.ready_at());
}

#[test]
fn answers_that_stop_are_given_up_and_those_that_come_again_count() {
    let mut pace = Pace::new(Bandwidth::Auto, ms(0));
    draw(&mut pace, ms(0), ms(2000), 1000, |_| Some(ms(2)));
    let frames = draw(&mut pace, ms(2000), ms(5500), 1000, |_| None);
    assert!((3..=30).contains(&frames), "{frames} frames while it was waited for");
    let frames = draw(&mut pace, ms(5500), ms(15_500), 1000, |_| None);
    assert!(frames > 250, "{frames} frames when it wasn't any more");
    let asked = std::cell::Cell::new(0);
    draw(&mut pace, ms(15_500), ms(45_500), 1000, |_| {
        asked.set(asked.get() + 1);
        None
    });
    assert!((1..=3).contains(&asked.get()), "asked {} times in half a minute", asked.get());
    draw(&mut pace, ms(45_500), ms(65_500), 1000, |_| Some(ms(2)));
    assert!(pace.round_trip().is_some(), "it answers again");
}

#[test]
fn a_late_answer_counts_for_its_own_frame_only() {
    let mut pace = Pace::new(Bandwidth::Auto, ms(0));
    let first = pace.question(ms(0), Duration::ZERO);
    pace.sent(ms(0), 1000, first);
    assert_eq!(pace.question(ms(500), Duration::ZERO), None, "the first one may still be answered");
    pace.sent(ms(500), 1000, None);
    assert!(pace.answered(ms(900), first.unwrap_or_default()), "late, but it answers");
    let second = pace.question(ms(1000), Duration::ZERO);
    pace.sent(ms(1000), 1000, second);
    assert!(!pace.answered(ms(1001), first.unwrap_or_default()));
    assert!(pace.ready_at() > ms(1500));
}

#[test]
fn after_somebody_else_had_the_terminal_nothing_is_waited_for() {
    let mut pace = Pace::new(Bandwidth::Auto, ms(0));
    draw(&mut pace, ms(0), ms(500), 1000, |_| Some(ms(2)));
    let question = pace.question(ms(600), Duration::ZERO);
    pace.sent(ms(600), 90_000, question);
    pace.begin_anew(ms(700));
    assert_eq!((pace.ready_at(), pace.answer_due()), (ms(700), None));
}
