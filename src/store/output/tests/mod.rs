#![allow(clippy::unwrap_used, clippy::format_collect)]

mod damage;
mod packed;
mod searched;

use std::{
    fs, io,
    ops::ControlFlow,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use proptest::prelude::*;
use regex::bytes::Regex;
use tempfile::TempDir;

use super::*;
use crate::{
    domain::{
        id::{OutputId, RunId},
        time::Timestamp,
    },
    redact::Redactor,
};

impl Reader {
    /// Numbers of up to `limit` lines that match: [`Reader::find`] for those who can wait.
    fn search(
        &self,
        pattern: &Regex,
        from: u64,
        direction: Direction,
        limit: usize,
        cancel: &AtomicBool,
    ) -> io::Result<Vec<u64>> {
        let mut lines = Vec::new();
        if limit > 0 {
            self.find(&Wanted { pattern, from, direction, text: 0 }, cancel, |hits| {
                lines.extend(hits.lines.iter().map(|hit| hit.line).take(limit - lines.len()));
                if lines.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })?;
        }
        Ok(lines)
    }
}

struct Place {
    dir: TempDir,
    id: OutputId,
}

impl Place {
    fn new() -> Self {
        Self { dir: TempDir::new().unwrap(), id: OutputId::attempt(RunId(1), &"test [3.12]".into(), 1) }
    }

    fn writer(&self) -> Writer {
        Writer::open(self.dir.path(), &self.id, Redactor::new(&[("PASSWORD", "hunter-2!")])).unwrap()
    }

    fn reader(&self) -> Reader {
        Reader::open(self.dir.path(), &self.id)
    }

    fn file(&self, name: &str) -> PathBuf {
        folder(self.dir.path(), &self.id).join(name)
    }

    fn bytes(&self) -> Vec<u8> {
        self.reader().bytes(0..u64::MAX).unwrap()
    }

    /// A complete output of one batch.
    fn with(text: &[u8]) -> Self {
        let place = Self::new();
        let mut writer = place.writer();
        writer.append(text, at(0)).unwrap();
        writer.finish(at(1)).unwrap();
        place
    }

    fn compress(&self) -> Saved {
        compress(self.dir.path(), &self.id, &GO_ON).unwrap()
    }

    /// Compresses every segment but each third one.
    fn compress_in_part(&self) {
        let kept: Vec<(PathBuf, Vec<u8>)> = (0..)
            .map(|number| self.file(&format!("{number:05}.seg")))
            .take_while(|path| path.exists())
            .step_by(3)
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        self.compress();
        for (path, bytes) in kept {
            fs::write(&path, bytes).unwrap();
            let _ = fs::remove_file(path.with_extension("seg.lz4"));
        }
    }

    fn texts(&self, first: u64, count: usize) -> Vec<String> {
        self.reader().lines(first, count, 100_000).unwrap().into_iter().map(|line| line.text).collect()
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000 + millis).unwrap()
}

static GO_ON: AtomicBool = AtomicBool::new(false);

#[test]
fn a_silent_job_leaves_nothing() {
    let place = Place::new();
    let mut writer = place.writer();
    writer.step_began(0, at(0)).unwrap();
    writer.append(b"\x1b[2J\x07", at(0)).unwrap();
    writer.finish(at(1)).unwrap();
    assert_eq!(fs::read_dir(place.dir.path()).unwrap().count(), 0);
    assert_eq!(place.reader().totals().unwrap(), Totals::default());
    assert_eq!(place.reader().tail(5, 10).unwrap(), []);
    assert_eq!(place.reader().line_at(at(0)).unwrap(), None);
    assert_eq!(place.reader().line_window(1, 0, 10).unwrap(), None);
}

#[test]
fn what_is_written_is_cleaned_redacted_and_read_by_line() {
    let place = Place::new();
    let mut writer = place.writer();
    writer.step_began(0, at(0)).unwrap();
    writer.append(b"one\r\n\x1b[32mtwo\x1b[0m\x1b[K hun", at(0)).unwrap();
    writer.append(b"ter\x1b]0;x\x07-2! 10%\r99%\n\xff\0 \xc3", at(200)).unwrap();
    writer.append(b"\xa4", at(400)).unwrap();
    writer.step_began(1, at(600)).unwrap();
    assert_eq!(writer.append(b"last", at(800)).unwrap(), Grown { lines: 3, bytes: place.bytes().len() as u64 });
    writer.idle(at(900)).unwrap();
    assert_eq!(place.reader().totals().unwrap().lines, 4);
    assert!(!place.reader().totals().unwrap().complete);
    writer.finish(at(1000)).unwrap();

    assert_eq!(place.texts(1, 9), ["one", "99%", "\\xff\\x00 ä", "last"]);
    let bytes = String::from_utf8_lossy(&place.bytes()).into_owned();
    assert!(bytes.contains("\x1b[32mtwo\x1b[0m ***PASSWORD*** 10%\r99%\n"), "{bytes}");
    let totals = place.reader().totals().unwrap();
    assert_eq!((totals.lines, totals.complete), (4, true));
    let steps = place.reader().steps().unwrap();
    assert_eq!(steps.iter().map(|step| (step.step, step.first_line)).collect::<Vec<_>>(), [(0, 1), (1, 4)]);
    assert_eq!(place.reader().tail(1, 100).unwrap()[0].number, 4);
}

#[test]
fn lines_and_moments_find_each_other() {
    let place = Place::new();
    let mut writer = place.writer();
    for line in 0..500 {
        writer.append(format!("line {line}\n").as_bytes(), at(line * 40)).unwrap();
    }
    let reader = place.reader();
    for line in 1..=500_i64 {
        let time = reader.time_of(line as u64).unwrap().unwrap();
        let off = at((line - 1) * 40).as_millisecond() - time.as_millisecond();
        assert!((0..120).contains(&off), "{line}: {off}");
        let near = reader.line_at(at((line - 1) * 40)).unwrap().unwrap() as i64;
        assert!((line - near).abs() <= 3, "{line}: {near}");
    }
    assert_eq!(reader.line_at(at(-5000)).unwrap(), Some(1));
    assert_eq!(reader.line_at(at(99_000_000)).unwrap(), Some(500));
    assert_eq!(reader.time_of(501).unwrap(), None);
}

#[test]
fn a_line_of_ten_megabytes_is_read_in_parts() {
    let place = Place::new();
    let mut writer = place.writer();
    let long = "0123456789äöü ".repeat(600_000);
    writer.append(format!("before\n{long}\nafter\n").as_bytes(), at(0)).unwrap();
    writer.finish(at(1)).unwrap();
    let reader = place.reader();
    let lines = reader.lines(1, 10, 101).unwrap();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1].text, long[..101].trim_end_matches(char::REPLACEMENT_CHARACTER));
    assert!(lines[1].clipped && lines[1].bytes == long.len() as u64);
    assert_eq!(lines[2].text, "after");
    let window = reader.line_window(2, 5_000_005, 1000).unwrap().unwrap();
    let (start, end) = (window.shown.start as usize, window.shown.end as usize);
    assert!(start - 5_000_005 < 4 && 5_001_005 - end < 4);
    assert_eq!(window.text, long[start..end]);
    let found = reader.search(&pattern("^after$", false).unwrap(), 1, Direction::Forward, 9, &GO_ON).unwrap();
    assert_eq!(found, [3]);
}

#[test]
fn a_crash_at_any_byte_is_survived() {
    for cut in 0..260 {
        let place = Place::new();
        let mut writer = place.writer();
        let first: String = (0..40).map(|line| format!("line {line} of the first batches\n")).collect();
        writer.append(first.as_bytes(), at(0)).unwrap();
        writer.append(b"one more batch of two lines\nand a bit\n", at(500)).unwrap();
        drop(writer);
        // cut the files at different places
        let segment = place.file("00000.seg");
        let size = fs::metadata(&segment).unwrap().len();
        fs::File::options().write(true).open(&segment).unwrap().set_len(size - cut.min(size)).unwrap();
        let index = place.file("index");
        let size = fs::metadata(&index).unwrap().len();
        match cut % 7 {
            0 => fs::remove_file(&index).unwrap(),
            1 => fs::write(&index, b"rubbish, and more of it than a header").unwrap(),
            2 => fs::File::options().write(true).open(&index).unwrap().set_len(size + 100).unwrap(),
            _ => fs::File::options().write(true).open(&index).unwrap().set_len(size.saturating_sub(cut / 3)).unwrap(),
        }
        let kept = place.bytes();
        assert!(kept.len() as u64 >= fs::metadata(&segment).unwrap().len());
        let mut writer = place.writer();
        writer.append(b"\nagain\n", at(900)).unwrap();
        writer.finish(at(900)).unwrap();
        let mut expected = kept;
        expected.extend_from_slice(b"\nagain\n");
        assert_eq!(place.bytes(), expected);
        let lines: Vec<String> = String::from_utf8(expected).unwrap().lines().map(str::to_owned).collect();
        assert_eq!(place.texts(1, 999), lines, "{cut}");
        assert_eq!(place.reader().totals().unwrap().lines, lines.len() as u64);
    }
}

#[test]
fn a_full_disk_is_told_and_survived() {
    let place = Place::new();
    let mut writer = place.writer();
    fs::create_dir_all(place.file("")).unwrap();
    std::os::unix::fs::symlink("/dev/full", place.file("00000.seg")).unwrap();
    for _ in 0..2 {
        let error = writer.append(b"lost\n", at(0)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }
    fs::remove_file(place.file("00000.seg")).unwrap();
    writer.append(b"kept\n", at(0)).unwrap();
    writer.append(b"kept too\n", at(0)).unwrap();
    assert_eq!(place.texts(1, 9), ["[gonogo: 10 bytes not recorded: no space left on device]", "kept", "kept too"]);
}

#[test]
fn a_batch_that_fits_only_in_part_is_kept_in_part() {
    let place = Place::new();
    let mut writer = place.writer();
    fs::create_dir_all(place.file("")).unwrap();
    std::os::unix::fs::symlink("/dev/full", place.file("00001.seg")).unwrap();
    let text: String = (0..1000).map(|line| format!("line {line}\n")).collect();
    writer.append(text.as_bytes(), at(0)).unwrap_err();
    let kept = place.bytes();
    assert_eq!(kept, &text.as_bytes()[..kept.len()]);
    fs::remove_file(place.file("00001.seg")).unwrap();
    writer.append(b"more\n", at(0)).unwrap();
    writer.finish(at(0)).unwrap();
    let told = format!("\n[gonogo: {} bytes not recorded: no space left on device]\nmore\n", text.len() - kept.len());
    assert_eq!(place.bytes(), [kept, told.into_bytes()].concat());
    assert_eq!(place.reader().tail(1, 9).unwrap()[0].text, "more");
}

#[test]
fn a_long_line_of_progress_shows_its_last_state() {
    let place = Place::new();
    let mut writer = place.writer();
    for percent in 0..100 {
        writer.append(format!("downloading {percent}%\r").as_bytes(), at(percent)).unwrap();
        writer.idle(at(percent)).unwrap();
    }
    assert_eq!(place.texts(1, 1), ["downloading 99%"]);
    let lines = place.reader().lines(1, 1, 60).unwrap();
    assert_eq!((lines[0].text.as_str(), lines[0].clipped), ("downloading 99%", false));
    let window = place.reader().line_window(1, 0, 14).unwrap().unwrap();
    assert_eq!(window.text, "downloading 0%");
}

#[test]
fn a_search_can_be_stopped() {
    let place = Place::new();
    let mut writer = place.writer();
    writer.append("Needle\n".repeat(1000).as_bytes(), at(0)).unwrap();
    let find = |text, ignore_case, stop| {
        let pattern = pattern(text, ignore_case).unwrap();
        place.reader().search(&pattern, 1, Direction::Forward, 9999, &AtomicBool::new(stop)).unwrap().len()
    };
    assert_eq!((find("needle", false, false), find("needle", true, false), find("needle", true, true)), (0, 1000, 0));
}

#[test]
fn reading_goes_on_while_it_is_written() {
    let place = Place::new();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut writer = place.writer();
            for batch in 0..400_i64 {
                let text: String = (0..20).map(|line| format!("line number {}\n", batch * 20 + line + 1)).collect();
                let (a, b) = text.as_bytes().split_at(batch as usize % text.len());
                writer.append(a, at(batch)).unwrap();
                writer.append(b, at(batch)).unwrap();
            }
            done.store(true, Ordering::Release);
            writer.finish(at(1000)).unwrap();
        });
        let mut seen = 0;
        while !done.load(Ordering::Acquire) || seen < 8000 {
            let totals = place.reader().totals().unwrap();
            assert!(totals.lines >= seen);
            seen = totals.lines;
            for line in place.reader().tail(3, 100).unwrap() {
                let expected = format!("line number {}", line.number);
                assert!(line.text == expected || expected.starts_with(&line.text) && line.number >= seen, "{line:?}");
            }
        }
    });
    assert_eq!(place.reader().totals().unwrap().lines, 8000);
}

#[test]
fn a_sample_keeps_both_ends() {
    let text: String = (1..=1000).map(|line| format!("line {line}\n")).collect();
    let place = Place::with(text.as_bytes());
    both_ends(&place, &text);
    assert!(place.compress().all);
    both_ends(&place, &text);
}

fn both_ends(place: &Place, text: &str) {
    assert_eq!(place.reader().sample(1 << 20).unwrap().head, text.as_bytes());
    let sample = place.reader().sample(1000).unwrap();
    assert!(sample.head.ends_with(b"\n") && sample.head.len() <= 200 && sample.tail.len() <= 800);
    assert!(sample.tail.starts_with(format!("line {}\n", sample.tail_line).as_bytes()));
    assert_eq!(sample.head.len() + sample.tail.len() + sample.omitted as usize, text.len());
    let capped = String::from_utf8(place.reader().capped(1000).unwrap()).unwrap();
    assert!(
        capped.starts_with("line 1\n") && capped.contains(" bytes left out]\nline ") && capped.ends_with("line 1000\n")
    );
    let mut whole = Vec::new();
    place
        .reader()
        .for_each_chunk(|chunk| {
            whole.extend_from_slice(chunk);
            true
        })
        .unwrap();
    assert_eq!(whole, text.as_bytes());
}

fn batches() -> impl Strategy<Value = Vec<(String, i64)>> {
    let piece = prop_oneof![
        "[a-c ]{0,12}",
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("ab\x1b[31mca\x1b[0mb".to_owned()),
        "[a-cäö]{100,900}",
    ];
    let batch = proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat());
    proptest::collection::vec((batch, 0..300_i64), 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn look_ups_agree_with_a_plain_list_of_lines(batches in batches(), first in 1..40_u64, count in 0..20_usize, search in prop::sample::select(vec!["a", "ab", "cb", "^a", "b$", "a b", "^$", "[^c]{5}", r"[a-c]\s+a", "ca b|b", "aa+", r"\S*", "x"]), kind in 0..3) {
        let place = Place::new();
        let mut writer = place.writer();
        let (mut text, mut now) = (String::new(), 0);
        for (batch, later) in &batches {
            now += later;
            writer.append(batch.as_bytes(), at(now)).unwrap();
            text.push_str(batch);
        }
        writer.finish(at(now)).unwrap();
        match kind {
            0 => {}
            1 => prop_assert_eq!(place.compress().all, !text.is_empty()),
            _ => place.compress_in_part(),
        }
        let lines: Vec<&str> = text.split_terminator('\n').collect();
        let reader = place.reader();
        prop_assert_eq!(place.bytes(), text.as_bytes());
        prop_assert_eq!(reader.totals().unwrap().lines, lines.len() as u64);
        let expected: Vec<&str> = lines.iter().skip(first as usize - 1).take(count).copied().collect();
        prop_assert_eq!(place.texts(first, count), expected);
        let pattern = pattern(search, false).unwrap();
        let plain = |line: &str| line.replace("\x1b[31m", "").replace("\x1b[0m", "");
        let hits: Vec<u64> = (1..).zip(&lines).filter(|(_, line)| pattern.is_match(plain(line).as_bytes())).map(|(n, _)| n).collect();
        let after: Vec<u64> = hits.iter().copied().filter(|line| *line >= first).take(count).collect();
        prop_assert_eq!(reader.search(&pattern, first, Direction::Forward, count, &GO_ON).unwrap(), after);
        let before: Vec<u64> = hits.iter().rev().copied().filter(|line| *line <= first).take(count).collect();
        prop_assert_eq!(reader.search(&pattern, first, Direction::Backward, count, &GO_ON).unwrap(), before);
        for (number, line) in (1..).zip(&lines) {
            let window = reader.line_window(number, 3, 10).unwrap().unwrap();
            prop_assert_eq!(window.bytes, line.len() as u64);
        }
    }
}
