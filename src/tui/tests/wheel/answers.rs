//! The wheel with a terminal that answers, and with one that doesn't.

use std::time::Duration;

use crate::{
    domain::id::OutputId,
    protocol::{
        frame::{Ask, Frame},
        query::Query,
        telemetry::Telemetry,
    },
    tui::keyboard::{Answer, Heard},
};
use tokio::time::Instant;

use super::{Bench, at_a_running_job, bench, quiet_records};

impl Bench {
    /// Answers the questions that were written since, as a terminal does.
    fn answer(&self, read: &mut usize) -> usize {
        let text = self.written.text.lock().unwrap()[*read..].to_vec();
        *read += text.len();
        let text = String::from_utf8_lossy(&text).into_owned();
        let questions: Vec<&str> = text.split("\x1b[6n").collect();
        for before in &questions[..questions.len() - 1] {
            let (_, place) = before.rsplit_once("\x1b[").unwrap();
            let (row, column) = place.trim_end_matches('H').split_once(';').unwrap();
            let (row, column) = (row.parse().unwrap(), column.parse().unwrap());
            self.keys.unbounded_send(Ok(Heard::Answer(Answer::Cursor { row, column }))).unwrap();
        }
        questions.len() - 1
    }

    /// Something on the screen is another.
    fn change(&mut self) {
        let draws = self.board.draws;
        self.board.ui.say(format!("after {draws} draws"));
        self.board.ui.dirty = true;
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_frame_waits_for_the_answer_to_the_last() {
    let mut bench = bench();
    let mut read = 0;
    bench.tell(quiet_records()).await;
    for _ in 0..40 {
        bench.turn_answering(Duration::from_millis(20)).await;
        bench.answer(&mut read);
    }
    assert!(bench.board.ui.link.round_trip.is_some());
    bench.change();
    bench.turn(Duration::from_millis(40)).await;
    let draws = bench.board.draws;
    bench.change();
    bench.press("?");
    bench.turn(Duration::from_millis(600)).await;
    assert_eq!(bench.board.draws, draws, "the last one is still under way");
    assert_eq!(bench.answer(&mut read), 1);
    bench.turn(Duration::from_millis(10)).await;
    assert_eq!(bench.board.draws, draws + 1);
    // Nor for ever: this one is never answered.
    bench.change();
    bench.turn(Duration::from_secs(6)).await;
    assert_eq!(bench.board.draws, draws + 2);
}

#[tokio::test(start_paused = true)]
async fn a_silent_terminal_is_asked_once_and_gets_its_frames() {
    let mut bench = bench();
    bench.tell(quiet_records()).await;
    bench.turn_answering(Duration::from_millis(500)).await;
    for second in 0..10_u64 {
        let draws = bench.board.draws;
        for _ in 0..100 {
            bench.change();
            bench.turn(Duration::from_millis(10)).await;
        }
        let draws = bench.board.draws - draws;
        assert!((25..=31).contains(&draws), "{draws} in second {second}");
    }
    let text = String::from_utf8(bench.written.text.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("\x1b[6n").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn frames_are_shown_at_once_only_by_a_terminal_that_says_it_can() {
    for (state, can) in [(0, false), (1, true), (2, true), (4, false)] {
        let mut bench = bench();
        bench.board.draw_if_due().unwrap();
        let answer = Answer::Mode { mode: 2026, state };
        bench.keys.unbounded_send(Ok(Heard::Answer(answer))).unwrap();
        bench.turn(Duration::from_millis(100)).await;
        bench.change();
        bench.turn(Duration::from_millis(100)).await;
        let text = String::from_utf8(bench.written.text.lock().unwrap().clone()).unwrap();
        assert_eq!(text.contains("\x1b[?2026h"), can, "{state}");
        assert_eq!(text.matches("\x1b[?2026h").count(), text.matches("\x1b[?2026l").count());
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_moves_on_is_read_once_at_a_time() {
    let (mut bench, output) = at_a_running_job().await;
    let queries = |bench: &mut Bench| {
        std::iter::from_fn(|| bench.asks.try_recv().ok()).filter(|ask| matches!(ask, Ask::Query { .. })).count()
    };
    for lines in 1..100_u64 {
        let grew = Telemetry::OutputGrew { output: output.clone(), lines: 100 + lines * 100, bytes: lines * 5000 };
        bench.frames.send(Frame::Telemetry(grew)).await.unwrap();
        bench.turn(Duration::from_millis(10)).await;
    }
    assert_eq!(queries(&mut bench), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_key_wants_to_see_waits_for_no_lines_that_were_asked_for_before() {
    let (mut bench, flooded) = at_a_running_job().await;
    /// Milliseconds until lines of another output, or of this one, are asked for.
    async fn until(bench: &mut Bench, flooded: &OutputId, wanted: bool) -> u32 {
        for waited in 0..100 {
            while let Ok(ask) = bench.asks.try_recv() {
                if matches!(ask, Ask::Query { query: Query::Lines { output, .. }, .. } if (output == *flooded) == wanted)
                {
                    return waited;
                }
            }
            bench.turn(Duration::from_millis(1)).await;
        }
        panic!("no lines were asked for");
    }
    let grew = Telemetry::OutputGrew { output: flooded.clone(), lines: 50_000, bytes: 500_000 };
    bench.frames.send(Frame::Telemetry(grew)).await.unwrap();
    until(&mut bench, &flooded, true).await;
    // A frame is about to be drawn, and the lines for it are under way.
    bench.press("k");
    let waited = until(&mut bench, &flooded, false).await;
    assert!(waited <= 10, "{waited} ms");
}

#[tokio::test(start_paused = true)]
async fn f3_with_shift_is_no_answer() {
    let mut bench = bench();
    bench.tell(quiet_records()).await;
    bench.turn_answering(Duration::from_secs(1)).await;
    bench.board.ui.say("until the next key");
    bench.keys.unbounded_send(Ok(Heard::Answer(Answer::Cursor { row: 1, column: 12 }))).unwrap();
    bench.turn(Duration::from_millis(100)).await;
    assert!(bench.board.ui.notice.is_none(), "a key takes a notice away");
}

#[tokio::test(start_paused = true)]
async fn leaving_takes_the_answers_under_way_along_but_waits_for_no_others() {
    let mut bench = bench();
    let mut read = 0;
    bench.board.draw_if_due().unwrap();
    assert_eq!(bench.answer(&mut read), 1);
    let began = Instant::now();
    bench.board.take_answers(&mut bench.events).await;
    assert!(began.elapsed() < Duration::from_millis(2), "{:?}", began.elapsed());
    bench.change();
    bench.turn(Duration::from_millis(50)).await;
    let began = Instant::now();
    bench.board.take_answers(&mut bench.events).await;
    let waited = began.elapsed();
    assert!(waited <= Duration::from_millis(1002), "{waited:?}");
}
