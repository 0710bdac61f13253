//! An answer that streams at 2,000 tokens a second into a conversation of 50,000 tokens: what a frame of the board takes, and what
//! a token costs at the beginning and at the end. Limits: p99 of a frame 16 ms; the last 5,000 tokens cost no more than 1.5 times
//! what the first 5,000 do. `cargo bench --bench chat`

#![allow(clippy::expect_used, reason = "a bench that cannot go on has failed")]

use std::time::{Duration, Instant};

use gonogo::{
    domain::id::ThreadId,
    protocol::{frame::Frame, telemetry::Telemetry, thread::TurnOutcome},
    state::board::State,
    tui::{
        Options,
        glyphs::UNICODE,
        picture,
        thread::fixture::Talk,
        ui::{Pane, Ui},
        update, view,
    },
};
use ratatui::{Terminal, backend::TestBackend};

/// Tokens a second, frames a second.
const RATE: usize = 2000;
const FRAMES: usize = 30;
/// Tokens of what was said before, and of what streams.
const TOKENS: usize = 50_000;
/// Tokens at either end that are compared.
const END: usize = 5000;

const LIMIT: f64 = 16.0;
const FLAT: f64 = 1.5;

fn main() {
    let mixed: Vec<String> = mixed().take(TOKENS).collect();
    run("prose, lists, tables and code", &mixed);
    let code: Vec<String> = std::iter::once("```rust\n".to_owned()).chain(code().take(TOKENS)).collect();
    run("one block of code", &code);
    let line: Vec<String> = (0..TOKENS).map(|at| format!("word{} ", at % 97)).collect();
    run("one endless line", &line);
}

/// Tokens of about four letters: what an answer is made of.
fn mixed() -> impl Iterator<Item = String> {
    const PIECE: &str = "## What changed\n\nThe retry calls `Charge::once` **again** after a timeout, though the first call may have \
        gone through; see [the notes](https://example.test/1) and 漢字 too.\n\n- first, give each charge a key\n- then send the same \
        key\n  - also after a restart\n\n```rust\nfn with_retry(charge: &Charge) -> Result<Receipt, Error> {\n    for wait in WAITS \
        {\n        sleep(wait); // not for ever\n    }\n}\n```\n\n| run | commit | took |\n|---|:---:|---:|\n| 38 | b7e23ec | 21 s \
        |\n| 41 | 4f2c1d9 | 30 s |\n\n> said so\n\n";
    tokens(PIECE)
}

fn code() -> impl Iterator<Item = String> {
    tokens("    let receipt = self.gateway.post(\"/charge\", &Request { amount, currency: \"EUR\" })?; // 42\n")
}

fn tokens(piece: &'static str) -> impl Iterator<Item = String> {
    let letters: Vec<char> = piece.chars().collect();
    let pieces: Vec<String> = letters.chunks(4).map(|some| some.iter().collect()).collect();
    pieces.into_iter().cycle()
}

fn run(what: &str, tokens: &[String]) {
    let options = Options { glyphs: &UNICODE, root: None, ..Options::default() };
    let (mut ui, mut state) = picture::story(options, (120, 36));
    let mut terminal = Terminal::new(TestBackend::new(120, 36)).expect("a screen");
    before(&mut ui, &mut state);
    let each = RATE / FRAMES;
    let (mut at, mut frames, mut costs) = (0_u64, Vec::new(), Vec::new());
    for some in tokens.chunks(each) {
        let begun = Instant::now();
        for token in some {
            let text = token.clone();
            let piece = Telemetry::Streamed { thread: ThreadId(1), turn: 11, at, text, reasoning: false };
            at += token.len() as u64;
            update::hear(&mut ui, &state, Frame::Telemetry(piece));
        }
        let drawing = Instant::now();
        update::settle(&mut ui, &state);
        update::place(&mut ui, &state);
        terminal.draw(|frame| view::draw(frame, &ui, &state)).expect("a frame");
        frames.push(drawing.elapsed());
        costs.push((some.len(), begun.elapsed()));
    }
    let end = END / each;
    let per_token = |some: &[(usize, Duration)]| {
        let (count, time) = some.iter().fold((0, Duration::ZERO), |(c, t), (count, time)| (c + count, t + *time));
        time.as_secs_f64() * 1e6 / count as f64
    };
    // The first frame reads what languages there are.
    let (first, last) = (per_token(&costs[1..=end]), per_token(&costs[costs.len() - end..]));
    let mut times: Vec<f64> = frames.iter().map(|time| time.as_secs_f64() * 1000.0).collect();
    times.sort_by(f64::total_cmp);
    let (median, p99, worst) = (times[times.len() / 2], times[times.len() * 99 / 100], times[times.len() - 1]);
    println!(
        "{what}: frame median {median:.2} ms, p99 {p99:.2} ms (worst {worst:.2}), limit {LIMIT} ms: {:.2}x; a token {first:.1} us \
         at the beginning, {last:.1} us at the end: {:.2}x, limit {FLAT}x",
        p99 / LIMIT,
        last / first,
    );
}

/// What was said before: ten answers of 5,000 tokens.
fn before(ui: &mut Ui, state: &mut State) {
    let mut talk = Talk::after(state.seq, state.at);
    talk.open(1, "what changed?", Some(41));
    let answer: String = mixed().take(TOKENS / 10).collect();
    for _ in 0..10 {
        talk.say(1, "and what else?").call(1, Some(1_000)).answer(1, &answer).end(1, TurnOutcome::Done);
    }
    talk.say(1, "go on");
    talk.records.iter().for_each(|record| state.apply(record));
    update::hear(ui, state, Frame::Records(talk.records));
    ui.thread.open = true;
    ui.thread.show(Some(ThreadId(1)));
    (ui.focus, ui.zoom) = (Pane::Agent, true);
    picture::read_all(ui, state);
}
