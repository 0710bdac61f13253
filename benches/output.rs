//! What the way of a job's output costs: redaction, the segments, reading. Each beside a plain copy in the same run.

use std::{hint::black_box, sync::Arc};

use divan::{Bencher, counter::BytesCount};
use gonogo::redact::{Redactor, Secrets};

fn main() {
    divan::main();
}

/// 16 MB of lines as builds and tests print them.
fn log(coloured: bool) -> Vec<u8> {
    let mut text = String::with_capacity(17 << 20);
    let mut number = 0_u64;
    while text.len() < 16 << 20 {
        number += 1;
        let (green, plain) = if coloured { ("\x1b[32m", "\x1b[0m") } else { ("", "") };
        text.push_str(&match number % 5 {
            0 => format!("{green}   Compiling{plain} some-crate v1.{}.0 (/work/src/some-crate)\n", number % 97),
            1 => format!("2026-01-01T00:00:{:02}.123456Z  INFO request{{id={number}}}: handled in {} ms\n", number % 60, number % 831),
            2 => format!("test module::case_{number} ... {green}ok{plain}\n"),
            3 => format!("GET https://registry.example/package-{number} 200 {}ms sha256:{:016x}\n", number % 77, number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
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
