//! What the way of a job's output costs: redaction, the segments, reading. Each beside a plain copy in the same run.
//!
//! `cargo bench --bench output -- gigabyte` measures one output of that size instead, beside ripgrep ([`gigabyte`]).
#![allow(clippy::unwrap_used, clippy::format_push_string, missing_docs)]

mod gigabyte;

use std::{
    fs::File,
    hint::black_box,
    io::Write as _,
    ops::ControlFlow,
    sync::{Arc, atomic::AtomicBool},
};

use divan::{Bencher, counter::BytesCount};
use gonogo::{
    domain::{
        id::{OutputId, RunId},
        time::Timestamp,
    },
    redact::{Redactor, Secrets},
    store::output::{Direction, Hits, Reader, Wanted, Writer, pattern},
};
use tempfile::TempDir;

fn main() {
    if std::env::args().any(|argument| argument == "gigabyte") {
        gigabyte::measure();
    } else {
        divan::main();
    }
}

/// 16 MB of lines as builds and tests print them.
fn log(coloured: bool) -> Vec<u8> {
    log_from(0, coloured)
}

fn log_from(mut number: u64, coloured: bool) -> Vec<u8> {
    let mut text = String::with_capacity(17 << 20);
    while text.len() < 16 << 20 {
        number += 1;
        let (green, plain) = if coloured { ("\x1b[32m", "\x1b[0m") } else { ("", "") };
        text.push_str(&match number % 5 {
            0 => format!("{green}   Compiling{plain} some-crate v1.{}.0 (/src/some-crate)\n", number % 97),
            1 => format!(
                "2026-01-01T00:00:{:02}.123456Z  INFO request{{id={number}}}: handled in {} ms\n",
                number % 60,
                number % 831
            ),
            2 => format!("test module::case_{number} ... {green}ok{plain}\n"),
            3 => format!(
                "GET https://registry.example/package-{number} 200 {}ms sha256:{:016x}\n",
                number % 77,
                number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ),
            _ => format!("line {number}: the quick brown fox jumps over the lazy dog, again and again and again\n"),
        });
    }
    text.into_bytes()
}

fn secrets(count: usize) -> Arc<Secrets> {
    let pairs: Vec<(String, String)> =
        (0..count).map(|n| (format!("SECRET_{n}"), format!("{n}-s3cr3t/v@lue {}", n * 7919))).collect();
    Arc::new(Secrets::new(&pairs))
}

const BATCH: usize = 64 << 10;

#[divan::bench]
fn copy(bencher: Bencher) {
    let log = log(false);
    let mut out = Vec::with_capacity(log.len());
    bencher.counter(BytesCount::new(log.len())).bench_local(|| {
        out.clear();
        for batch in log.chunks(BATCH) {
            out.extend_from_slice(black_box(batch));
        }
    });
}

#[divan::bench(args = [0, 1, 5, 20])]
fn redact(bencher: Bencher, count: usize) {
    let log = log(false);
    let mut out = Vec::with_capacity(BATCH * 3);
    let mut redactor = Redactor::of(secrets(count));
    bencher.counter(BytesCount::new(log.len())).bench_local(|| {
        for batch in log.chunks(BATCH) {
            out.clear();
            redactor.push(batch, &mut out);
            black_box(&out);
        }
    });
}

/// The floor of `record`: the same batches into one file.
#[divan::bench]
fn write_plain(bencher: Bencher) {
    let log = log(false);
    let dir = TempDir::new().unwrap();
    bencher.counter(BytesCount::new(log.len())).bench_local(|| {
        let mut file = File::create(dir.path().join("plain")).unwrap();
        for batch in log.chunks(BATCH) {
            file.write_all(batch).unwrap();
        }
    });
}

/// The whole way: cleaned, redacted, written, indexed.
#[divan::bench(args = ["plain", "coloured", "crlf"])]
fn record(bencher: Bencher, kind: &str) {
    let mut log = log(kind == "coloured");
    if kind == "crlf" {
        log = String::from_utf8(log).unwrap().replace('\n', "\r\n").into_bytes();
    }
    let dir = TempDir::new().unwrap();
    let secrets = secrets(3);
    let mut attempt = 0;
    bencher.counter(BytesCount::new(log.len())).bench_local(|| {
        attempt += 1;
        let id = id(attempt);
        let mut writer = Writer::open(dir.path(), &id, Redactor::of(Arc::clone(&secrets))).unwrap();
        for batch in log.chunks(BATCH) {
            writer.append(batch, Timestamp::now()).unwrap();
        }
        writer.finish(Timestamp::now()).unwrap();
        std::fs::remove_dir_all(dir.path().join("1")).unwrap();
    });
}

fn id(attempt: u32) -> OutputId {
    OutputId::attempt(RunId(1), &"bench".into(), attempt)
}

fn recorded(dir: &TempDir) -> (Reader, u64) {
    let log = log(true);
    let mut writer = Writer::open(dir.path(), &id(1), Redactor::of(secrets(0))).unwrap();
    for batch in log.chunks(BATCH) {
        writer.append(batch, Timestamp::now()).unwrap();
    }
    let bytes = writer.finish(Timestamp::now()).unwrap().bytes;
    (Reader::open(dir.path(), &id(1)), bytes)
}

/// The floor of `search`.
#[divan::bench]
fn read(bencher: Bencher) {
    let dir = TempDir::new().unwrap();
    let (reader, bytes) = recorded(&dir);
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        reader.for_each_chunk(|chunk| {
            black_box(chunk);
            true
        })
    });
}

#[divan::bench(args = ["no such text", "(?i)no such text", r"case_\d+0000 ", "error|failed|panicked"])]
fn search(bencher: Bencher, text: &str) {
    let dir = TempDir::new().unwrap();
    let (reader, bytes) = recorded(&dir);
    let pattern = pattern(text, false).unwrap();
    let go_on = AtomicBool::new(false);
    let wanted = Wanted { pattern: &pattern, from: 1, direction: Direction::Forward, text: 0 };
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        let mut lines = 0;
        let count = |found: Hits| {
            lines += found.lines.len();
            ControlFlow::Continue(())
        };
        reader.find(&wanted, &go_on, count).unwrap();
        lines
    });
}

/// A screen of 50 lines from the middle.
#[divan::bench]
fn screen(bencher: Bencher) {
    let dir = TempDir::new().unwrap();
    let (reader, _) = recorded(&dir);
    let middle = reader.totals().unwrap().lines / 2;
    bencher.bench_local(|| reader.lines(middle, 50, 2000).unwrap());
}

#[divan::bench]
fn totals(bencher: Bencher) {
    let dir = TempDir::new().unwrap();
    let (reader, _) = recorded(&dir);
    bencher.bench_local(|| reader.totals().unwrap());
}

/// The same, one call for each line, as a slow job prints.
#[divan::bench]
fn record_line_by_line(bencher: Bencher) {
    let log = log(false);
    let log = &log[..1 << 20];
    let dir = TempDir::new().unwrap();
    let secrets = secrets(3);
    let mut attempt = 0;
    bencher.counter(BytesCount::new(log.len())).bench_local(|| {
        attempt += 1;
        let mut writer = Writer::open(dir.path(), &id(attempt), Redactor::of(Arc::clone(&secrets))).unwrap();
        for line in log.split_inclusive(|byte| *byte == b'\n') {
            writer.append(line, Timestamp::now()).unwrap();
        }
        writer.finish(Timestamp::now()).unwrap();
        std::fs::remove_dir_all(dir.path().join("1")).unwrap();
    });
}

/// What a run pays for its secrets, once.
#[divan::bench(args = [1, 20])]
fn compile(count: usize) -> Arc<Secrets> {
    secrets(count)
}
