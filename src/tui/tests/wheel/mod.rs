//! The wheel itself: when it draws, what it writes, what it asks for. Time is paused, so that it costs none.

mod answers;

use std::{
    io::{self, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crossterm::event::Event;
use futures::channel::mpsc as events;
use ratatui::layout::Size;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use crate::protocol::telemetry::Telemetry;
use crate::{
    domain::id::{OutputId, RunId, Seq},
    protocol::{
        command::Refusal,
        event::Record,
        frame::{Ask, Frame},
        session::Session,
    },
    tui::{
        event_loop::{Board, Exit},
        fixture,
        glyphs::UNICODE,
        keyboard::Heard,
        options::Left,
        screen::{Screen, pipe::Gauge},
        ui::Clock,
    },
};

use super::{key, options};

/// Counts what is written.
#[derive(Clone, Default)]
struct Counter {
    bytes: Arc<AtomicUsize>,
    text: Arc<Mutex<Vec<u8>>>,
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        self.text.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Bench {
    board: Board<Counter>,
    written: Counter,
    keys: events::UnboundedSender<io::Result<Heard>>,
    events: events::UnboundedReceiver<io::Result<Heard>>,
    frames: mpsc::Sender<Frame>,
    asks: mpsc::Receiver<Ask>,
}

fn bench() -> Bench {
    let (asks_in, asks) = mpsc::channel(64);
    let (frames, frames_out) = mpsc::channel(4096);
    let written = Counter::default();
    let size = || Ok(Size { width: 120, height: 36 });
    let screen = Screen::new(written.clone(), Box::new(size));
    let start = Instant::now();
    let clock = move || {
        let mono = start.elapsed();
        Clock { wall: fixture::now() + jiff::SignedDuration::try_from(mono).unwrap(), mono }
    };
    let session = Session::new(asks_in, frames_out);
    let board = Board::new(session, options(&UNICODE), screen, Gauge::default(), Box::new(clock)).unwrap();
    let (keys, events) = events::unbounded();
    Bench { board, written, keys, events, frames, asks }
}

impl Bench {
    /// Lets the wheel turn for a while.
    async fn turn(&mut self, how_long: Duration) -> Option<Exit> {
        let mut signals = None;
        tokio::select! {
            biased;
            exit = self.board.turn(&mut self.events, &mut signals) => Some(exit.unwrap()),
            () = sleep(how_long) => None,
        }
    }

    /// Lets it turn, answering look-ups from the story.
    async fn turn_answering(&mut self, how_long: Duration) {
        let until = Instant::now() + how_long;
        while Instant::now() < until {
            self.turn(Duration::from_millis(20)).await;
            while let Ok(ask) = self.asks.try_recv() {
                if let Ask::Query { id, query } = ask {
                    self.frames.send(Frame::Reply { id, result: fixture::answer(&query) }).await.unwrap();
                }
            }
        }
    }

    fn press(&self, name: &str) {
        self.keys.unbounded_send(Ok(Heard::Event(Event::Key(key(name))))).unwrap();
    }

    async fn tell(&self, records: Vec<Arc<Record>>) {
        let seq = records.last().map_or(Seq(0), |record| record.seq);
        self.frames
            .send(Frame::Hello { version: "0.1.0".into(), pid: 1, seq, since: Seq(0), owner: String::new() })
            .await
            .unwrap();
        self.frames.send(Frame::Records(records)).await.unwrap();
    }

    fn bytes(&self) -> usize {
        self.written.bytes.load(Ordering::Relaxed)
    }
}

/// At the output of a job that runs.
async fn at_a_running_job() -> (Bench, OutputId) {
    let mut bench = bench();
    bench.tell(fixture::records()).await;
    bench.turn_answering(Duration::from_secs(1)).await;
    for name in ["2", "j", "j", "j", "j", "j", "j"] {
        bench.press(name);
    }
    bench.turn_answering(Duration::from_secs(1)).await;
    (bench, OutputId::attempt(RunId(41), &"e2e".into(), 2))
}

/// Only what has come to an end: nothing on the screen runs.
fn quiet_records() -> Vec<Arc<Record>> {
    fixture::records().into_iter().filter(|record| record.event.run() != Some(RunId(41))).collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_frame_is_there_before_any_record() {
    let mut bench = bench();
    bench.board.draw_if_due().unwrap();
    let text = String::from_utf8(bench.written.text.lock().unwrap().clone()).unwrap();
    assert!(text.contains("GONOGO") && text.contains("reading"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn nothing_changed_no_bytes() {
    let mut bench = bench();
    bench.tell(quiet_records()).await;
    bench.turn_answering(Duration::from_secs(2)).await;
    let (bytes, draws) = (bench.bytes(), bench.board.draws);
    assert!(bytes > 0);
    bench.turn(Duration::from_hours(1)).await;
    assert_eq!((bench.bytes(), bench.board.draws), (bytes, draws));
}

#[tokio::test(start_paused = true)]
async fn running_clocks_tick_once_a_second() {
    let mut bench = bench();
    bench.tell(fixture::records()).await;
    bench.turn_answering(Duration::from_secs(2)).await;
    let (bytes, draws) = (bench.bytes(), bench.board.draws);
    bench.turn(Duration::from_mins(1)).await;
    let (bytes, draws) = (bench.bytes() - bytes, bench.board.draws - draws);
    assert!((59..=61).contains(&draws), "{draws} draws in a minute");
    assert!(bytes < 60 * 600, "{bytes} bytes in a minute");
}

#[tokio::test(start_paused = true)]
async fn a_draw_of_the_same_screen_writes_nothing() {
    let mut bench = bench();
    bench.tell(quiet_records()).await;
    bench.turn_answering(Duration::from_secs(2)).await;
    let (bytes, draws) = (bench.bytes(), bench.board.draws);
    bench.board.ui.dirty = true;
    bench.turn(Duration::from_secs(1)).await;
    assert_eq!((bench.bytes(), bench.board.draws), (bytes, draws + 1));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_output_costs_thirty_draws_a_second() {
    let (mut bench, output) = at_a_running_job().await;
    assert_eq!(bench.board.ui.log.output, Some(output.clone()));
    let before = bench.board.draws;
    for lines in 0..5_000_u64 {
        let grew = Telemetry::OutputGrew { output: output.clone(), lines: 100 + lines * 10, bytes: lines * 500 };
        bench.frames.send(Frame::Telemetry(grew)).await.unwrap();
        if lines % 10 == 0 {
            bench.turn(Duration::from_millis(2)).await;
        }
    }
    let draws = bench.board.draws - before;
    bench.turn(Duration::from_millis(50)).await;
    assert!((20..=33).contains(&draws), "{draws} draws in a second");
    assert_eq!(bench.board.ui.log.total, 50_090);
}

#[tokio::test(start_paused = true)]
async fn output_that_is_not_shown_draws_nothing() {
    let mut bench = bench();
    bench.tell(quiet_records()).await;
    bench.turn_answering(Duration::from_secs(2)).await;
    let draws = bench.board.draws;
    let output = OutputId::attempt(RunId(7), &"other".into(), 1);
    bench.frames.send(Frame::Telemetry(Telemetry::OutputGrew { output, lines: 9, bytes: 99 })).await.unwrap();
    bench.turn(Duration::from_secs(1)).await;
    assert_eq!(bench.board.draws, draws);
}

#[tokio::test(start_paused = true)]
async fn keys_become_requests_and_refusals_are_shown() {
    let mut bench = bench();
    bench.tell(fixture::records()).await;
    bench.turn_answering(Duration::from_secs(2)).await;
    bench.press("r");
    bench.turn(Duration::from_millis(100)).await;
    let ask = std::iter::from_fn(|| bench.asks.try_recv().ok()).find(|ask| matches!(ask, Ask::Command { .. }));
    let Some(Ask::Command { id, .. }) = ask else { panic!("nothing was asked for") };
    let refusal = Refusal::new("run 41 is still under way");
    bench.frames.send(Frame::Reply { id, result: Err(refusal) }).await.unwrap();
    bench.turn(Duration::from_millis(100)).await;
    assert_eq!(bench.board.ui.notice.as_ref().unwrap().text, "run 41 is still under way");
}

#[tokio::test(start_paused = true)]
async fn the_card_is_armed_by_itself_once_the_keyboard_is_still() {
    let mut bench = bench();
    bench.tell(fixture::records()).await;
    bench.turn_answering(Duration::from_millis(100)).await;
    bench.press("y");
    bench.turn(Duration::from_millis(300)).await;
    let asked =
        || Ask::Command { id: crate::domain::id::RequestId(0), command: crate::protocol::command::Command::StayUp };
    let command = |ask: &Ask| std::mem::discriminant(ask) == std::mem::discriminant(&asked());
    let commands = std::iter::from_fn(|| bench.asks.try_recv().ok()).filter(|ask| command(ask)).count();
    assert_eq!(commands, 0, "it was typed before the card was armed");
    bench.turn(Duration::from_millis(400)).await;
    assert!(bench.board.ui.card_is_armed());
    bench.press("y");
    bench.turn(Duration::from_millis(50)).await;
    let commands = std::iter::from_fn(|| bench.asks.try_recv().ok()).filter(|ask| command(ask)).count();
    assert_eq!(commands, 1);
}

#[tokio::test(start_paused = true)]
async fn a_full_session_loses_no_request() {
    let mut bench = bench();
    bench.tell(fixture::records()).await;
    bench.turn(Duration::from_millis(200)).await;
    for _ in 0..200 {
        bench.press("r");
    }
    bench.turn(Duration::from_millis(200)).await;
    let mut commands = 0;
    for _ in 0..100 {
        while let Ok(ask) = bench.asks.try_recv() {
            commands += usize::from(matches!(ask, Ask::Command { .. }));
        }
        bench.turn(Duration::from_millis(20)).await;
    }
    assert_eq!(commands, 200);
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_other_side_does_and_says_why() {
    let mut bench = bench();
    bench.frames.send(Frame::Goodbye { reason: "asked to end by deniz".into(), ended: true }).await.unwrap();
    let (closed, _) = mpsc::channel(1);
    bench.frames = closed;
    let exit = bench.turn(Duration::from_secs(1)).await;
    assert_eq!(exit, Some(Exit::Leave(Left::Gone { reason: "asked to end by deniz".into() })));
}

#[tokio::test(start_paused = true)]
async fn a_copy_goes_out_as_one_sequence_and_says_so() {
    let mut bench = bench();
    bench.tell(fixture::records()).await;
    bench.turn_answering(Duration::from_millis(300)).await;
    for name in ["esc", "esc", "esc", "3", "y"] {
        bench.press(name);
    }
    bench.turn_answering(Duration::from_millis(300)).await;
    let said = bench.board.ui.notice.as_ref().unwrap().text.clone();
    assert!(said.starts_with("sent by OSC 52, ") && said.ends_with(" bytes"), "{said}");
    let written = bench.written.text.lock().unwrap().clone();
    assert!(written.windows(7).any(|w| w == b"\x1b]52;c;"));
}

fn seen(bench: &mut Bench) -> Vec<Seq> {
    let seen = |ask| if let Ask::Seen { seq } = ask { Some(seq) } else { None };
    std::iter::from_fn(|| bench.asks.try_recv().ok()).filter_map(seen).collect()
}

/// Another record that only moves the log on.
fn more(seq: Seq) -> Frame {
    let event = crate::protocol::event::Event::Unknown;
    let cause = crate::protocol::event::Cause::Control;
    Frame::Records(vec![Arc::new(Record { seq, at: fixture::now(), cause, event })])
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_is_said_once_a_second_at_most_and_never_when_nothing_is_new() {
    let mut bench = bench();
    let records = quiet_records();
    let newest = records.last().unwrap().seq;
    bench.tell(records).await;
    bench.turn(Duration::from_millis(200)).await;
    assert_eq!(seen(&mut bench), [newest]);
    bench.turn(Duration::from_hours(1)).await;
    assert_eq!(seen(&mut bench), []);
    for step in 1..=100 {
        bench.frames.send(more(Seq(newest.0 + step))).await.unwrap();
        bench.turn(Duration::from_millis(50)).await;
    }
    bench.turn(Duration::from_secs(2)).await;
    let said = seen(&mut bench);
    assert!((4..=7).contains(&said.len()), "{said:?}");
    assert_eq!(said.last(), Some(&Seq(newest.0 + 100)));
    bench.frames.send(more(Seq(newest.0 + 101))).await.unwrap();
    bench.turn(Duration::from_millis(50)).await;
    bench.frames.send(more(Seq(newest.0 + 102))).await.unwrap();
    bench.turn(Duration::from_millis(50)).await;
    bench.press("q");
    bench.turn(Duration::from_millis(50)).await;
    assert_eq!(seen(&mut bench).last(), Some(&Seq(newest.0 + 102)), "who leaves doesn't wait");
}

#[tokio::test(start_paused = true)]
async fn while_it_is_cut_off_nothing_is_sent_and_nothing_drawn_by_itself() {
    let mut bench = bench();
    bench.tell(fixture::records()).await;
    bench.turn_answering(Duration::from_secs(2)).await;
    let lost = crate::protocol::frame::Link::Lost { why: "the connection was cut".into(), tries: 1, next_ms: 100 };
    bench.frames.send(Frame::Link(lost)).await.unwrap();
    bench.turn(Duration::from_millis(100)).await;
    while bench.asks.try_recv().is_ok() {}
    let draws = bench.board.draws;
    bench.turn(Duration::from_mins(5)).await;
    assert_eq!(bench.board.draws, draws, "running clocks stand still");
    for key in ["2", "r", "j", "g", "S"] {
        bench.press(key);
    }
    bench.turn(Duration::from_secs(1)).await;
    assert!(bench.asks.try_recv().is_err());
}
