//! An output of a gigabyte: written, compressed, searched beside ripgrep, and single lines of it read.
//!
//! ripgrep is `$RG`, or `rg` on the PATH. It counts lines in one plain file of the same bytes (`rg -c`).

use std::{
    fs::File,
    io::Write as _,
    ops::ControlFlow,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use gonogo::{
    domain::time::Timestamp,
    redact::Redactor,
    store::output::{self, Direction, Reader, Wanted, Writer},
};
use tempfile::TempDir;

use super::{BATCH, id, log_from, secrets};

const PATTERNS: [(&str, &str); 6] = [
    ("rare literal", "needle in the log"),
    ("never", "no such text here"),
    ("digits", r"error: \d+"),
    ("any case", "(?i)Needle In The Log"),
    ("alternation", "undefined reference|segfault|panicked at"),
    ("every fifth line", "quick brown fox"),
];

static GO_ON: AtomicBool = AtomicBool::new(false);

/// Prints what was measured.
pub fn measure() {
    let rg = std::env::var("RG").unwrap_or_else(|_| "rg".into());
    let version = Command::new(&rg).arg("--version").output();
    match &version {
        Ok(version) => {
            println!("beside {}", String::from_utf8_lossy(&version.stdout).lines().next().unwrap_or_default());
        }
        Err(error) => println!("no ripgrep ({rg}: {error}): set RG to its path"),
    }
    for coloured in [false, true] {
        println!("\n{}", if coloured { "with colours" } else { "without colours" });
        one(version.is_ok().then_some(rg.as_str()), coloured);
    }
}

fn one(rg: Option<&str>, coloured: bool) {
    let dir = TempDir::new().unwrap();
    let plain = dir.path().join("plain");
    let mut file = File::create(&plain).unwrap();
    let mut writer = Writer::open(dir.path(), &id(1), Redactor::of(secrets(3))).unwrap();
    let (mut writing, mut copying) = (Duration::ZERO, Duration::ZERO);
    for part in 0..64 {
        let mut log = log_from(part * 200_000, coloured);
        if part % 8 == 5 {
            log.extend_from_slice(
                b"error: 42 things wrong\nand a needle in the log, then thread 'main' panicked at 3\n",
            );
        }
        let start = Instant::now();
        for batch in log.chunks(BATCH) {
            file.write_all(batch).unwrap();
        }
        copying += start.elapsed();
        let start = Instant::now();
        for batch in log.chunks(BATCH) {
            writer.append(batch, Timestamp::now()).unwrap();
        }
        writing += start.elapsed();
    }
    let bytes = writer.finish(Timestamp::now()).unwrap().bytes;
    let speed = |took: Duration| bytes as f64 / took.as_secs_f64() / 1e6;
    println!("{bytes} bytes: recorded at {:.0} MB/s, a plain copy at {:.0} MB/s", speed(writing), speed(copying));
    let reader = Reader::open(dir.path(), &id(1));
    let beside = |text: &str| rg.map(|rg| ripgrep(rg, text, &plain));
    let as_written = PATTERNS.map(|(_, text)| rounds(|| search(&reader, text), || beside(text)));
    let lines_plain = lines(&reader);
    let start = Instant::now();
    let saved = output::compress(dir.path(), &id(1), &GO_ON).unwrap();
    println!(
        "compressed at {:.0} MB/s to 1/{:.1}, synced",
        speed(start.elapsed()),
        saved.before as f64 / saved.after as f64
    );
    println!("a line somewhere: {lines_plain:.0?} as written, {:.0?} compressed", lines(&reader));
    println!(
        "{:18} {:>9} {:>10} {:>10} {:>10}   ripgrep's time / ours",
        "search", "hits", "ripgrep", "as written", "compressed"
    );
    for ((name, text), (found, written, before)) in PATTERNS.iter().zip(as_written) {
        let (still, compressed, after) = rounds(|| search(&reader, text), || beside(text));
        assert_eq!(found, still);
        print!("{name:18} {found:9} ");
        match before.into_iter().chain(after).min_by_key(|(_, took)| *took) {
            Some((hits, beside)) => {
                assert_eq!(hits, found, "{text}");
                let ratio = |ours: Duration| beside.as_secs_f64() / ours.as_secs_f64();
                println!(
                    "{beside:10.0?} {written:10.0?} {compressed:10.0?}   {:.2} {:.2}",
                    ratio(written),
                    ratio(compressed)
                );
            }
            None => println!("{:>10} {written:10.0?} {compressed:10.0?}", "-"),
        }
    }
}

/// What was found, and how long it took: ours, and the other's.
type Timed = (u64, Duration);

/// The best of both over some rounds, one after the other, since other programs run too.
fn rounds(ours: impl Fn() -> Timed, other: impl Fn() -> Option<Timed>) -> (u64, Duration, Option<Timed>) {
    const ROUNDS: usize = 7;
    let (mut found, mut took, mut beside) = (0, Duration::MAX, None::<Timed>);
    for _ in 0..ROUNDS {
        let (hits, time) = ours();
        (found, took) = (hits, took.min(time));
        beside = beside.into_iter().chain(other()).min_by_key(|(_, took)| *took);
    }
    (found, took, beside)
}

fn search(reader: &Reader, text: &str) -> Timed {
    let pattern = output::pattern(text, false).unwrap();
    let wanted = Wanted { pattern: &pattern, from: 1, direction: Direction::Forward, text: 0 };
    let mut hits = 0;
    let count = |found: output::Hits| {
        hits += found.lines.len() as u64;
        ControlFlow::Continue(())
    };
    let start = Instant::now();
    reader.find(&wanted, &GO_ON, count).unwrap();
    (hits, start.elapsed())
}

fn ripgrep(rg: &str, text: &str, file: &Path) -> Timed {
    let start = Instant::now();
    let found = Command::new(rg).args(["--no-config", "-c", "-e", text]).arg(file).stdin(Stdio::null()).output();
    let hits = String::from_utf8_lossy(&found.unwrap().stdout).trim().parse().unwrap_or(0);
    (hits, start.elapsed())
}

/// How long it takes to read one line, on average of a thousand.
fn lines(reader: &Reader) -> Duration {
    let all = reader.totals().unwrap().lines;
    let start = Instant::now();
    for number in 1..=1000_u64 {
        let line = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % all + 1;
        assert_eq!(reader.lines(line, 1, 2000).unwrap().len(), 1);
    }
    start.elapsed() / 1000
}
