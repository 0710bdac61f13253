//! Compressed outputs.

use super::*;

use crate::store::output::lz4;

/// Lines that take three segments and a bit.
fn text() -> String {
    (1..=600).map(|line| format!("line {line} of an output, äöü\n")).collect()
}

/// [`text`], compressed.
fn now() -> Place {
    let place = Place::with(text().as_bytes());
    assert!(place.compress().all);
    place
}

/// The same as a gonogo that wrote Zstandard has left it (with the sizes of tests).
fn before() -> Place {
    let place = Place::with(text().as_bytes());
    let segments: [&[u8]; 4] = [
        include_bytes!("old/00000.seg.zst"),
        include_bytes!("old/00001.seg.zst"),
        include_bytes!("old/00002.seg.zst"),
        include_bytes!("old/00003.seg.zst"),
    ];
    for (number, segment) in segments.into_iter().enumerate() {
        fs::write(place.file(&format!("{number:05}.seg.zst")), segment).unwrap();
        fs::remove_file(place.file(&format!("{number:05}.seg"))).unwrap();
    }
    place
}

#[test]
fn what_an_older_gonogo_has_compressed_is_read_searched_and_gone_on_with() {
    let text = text();
    let place = before();
    assert_eq!(place.compress(), Saved { before: 0, after: 0, all: true }, "it stays as it is");
    assert_eq!(place.bytes(), text.as_bytes());
    assert_eq!(place.texts(300, 1), ["line 300 of an output, äöü"]);
    let hits = |pattern: &str| {
        let pattern = super::pattern(pattern, false).unwrap();
        place.reader().search(&pattern, 1, Direction::Forward, 999, &GO_ON).unwrap()
    };
    assert_eq!(hits("^line 5.3 .*ü$"), (0..10).map(|tens| 503 + tens * 10).collect::<Vec<_>>());
    assert!(hits("no such text").is_empty());

    let mut writer = place.writer();
    writer.append(b"and more\n", at(900)).unwrap();
    writer.finish(at(901)).unwrap();
    assert!(place.compress().all);
    let whole = format!("{text}and more\n");
    assert_eq!(place.bytes(), whole.as_bytes());
    assert!(place.file("00002.seg.zst").exists() && place.file("00003.seg.lz4").exists());
    assert!(!place.file("00003.seg.zst").exists() && !place.file("00003.seg").exists());
    assert_eq!(hits("line 600|and more"), [600, 601]);
}

#[test]
fn a_complete_output_becomes_smaller_and_stays_the_same() {
    let text = text();
    let place = Place::with(text.as_bytes());
    let saved = place.compress();
    assert!(saved.all && saved.before == text.len() as u64 && saved.after < saved.before / 2, "{saved:?}");
    assert_eq!(place.compress(), Saved { before: 0, after: 0, all: true }, "nothing is left to be done");
    let mut files: Vec<String> =
        fs::read_dir(place.file("")).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    let segments = (0..text.len().div_ceil(5003)).map(|number| format!("{number:05}.seg.lz4"));
    assert_eq!(files, segments.chain(["end".into(), "index".into()]).collect::<Vec<_>>());
    assert_eq!(place.bytes(), text.as_bytes());
    let line = place.reader().lines(300, 1, 99).unwrap().remove(0);
    assert_eq!((line.text.as_str(), line.bytes), ("line 300 of an output, äöü", 29));
    // what any tool finds: one frame after the other, then one to be skipped
    let file = fs::read(place.file("00000.seg.lz4")).unwrap();
    let (mut first, mut rest) = (Vec::new(), file.as_slice());
    while let Some((content, length)) = lz4::measure(rest) {
        let mut frame = vec![0; content as usize];
        assert!(lz4::unpack(&rest[..length], &mut frame));
        first.extend_from_slice(&frame);
        rest = &rest[length..];
    }
    assert_eq!(first, &text.as_bytes()[..5003]);
    assert_eq!(rest[..4], [0x5e, 0x2a, 0x4d, 0x18]);
    assert_eq!(rest.len(), 8 + u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize);
}

#[test]
fn only_what_is_complete_and_not_small_is_compressed() {
    let place = Place::new();
    assert_eq!(place.compress(), Saved::default());
    let mut writer = place.writer();
    writer.append(text().as_bytes(), at(0)).unwrap();
    assert_eq!(place.compress(), Saved::default());
    writer.finish(at(1)).unwrap();
    let cancelled = compress(place.dir.path(), &place.id, &AtomicBool::new(true)).unwrap();
    assert_eq!(cancelled, Saved::default());
    assert_eq!(
        fs::read_dir(place.file(""))
            .unwrap()
            .filter(|file| file.as_ref().unwrap().path().extension() == Some("new".as_ref()))
            .count(),
        0
    );
    assert!(place.compress().all);
    let small = Place::with(b"a few words\n");
    assert!(small.compress().all && small.file("00000.seg").exists());
}

#[test]
fn a_crash_at_any_step_leaves_it_whole() {
    let text = text();
    let place = Place::with(text.as_bytes());
    let plain = fs::read(place.file("00001.seg")).unwrap();
    // killed while the compressed file was written
    fs::write(place.file("00001.seg.new"), b"half of it").unwrap();
    assert_eq!(place.bytes(), text.as_bytes());
    place.compress();
    let packed = fs::read(place.file("00001.seg.lz4")).unwrap();
    // killed before the plain file was deleted
    fs::write(place.file("00001.seg"), &plain).unwrap();
    assert_eq!(place.bytes(), text.as_bytes());
    // and the plain file was never synced, or the compressed one is damaged
    fs::write(place.file("00001.seg"), &plain[..100]).unwrap();
    assert_eq!(place.bytes(), text.as_bytes());
    fs::write(place.file("00001.seg"), &plain).unwrap();
    fs::write(place.file("00001.seg.lz4"), &packed[..packed.len() - 1]).unwrap();
    assert_eq!(place.bytes(), text.as_bytes());
    assert!(place.compress().all);
    assert!(!place.file("00001.seg").exists());
    assert_eq!(fs::read(place.file("00001.seg.lz4")).unwrap(), packed);
}

#[test]
fn a_writer_goes_on_with_a_compressed_output() {
    let mut text = text().into_bytes();
    // the end of the last segment, and no byte in it
    for length in [text.len(), 2 * 5003] {
        text.truncate(length);
        let place = Place::with(&text);
        assert!(place.compress().all);
        let last = place.file(&format!("{:05}.seg", text.len() / 5003));
        // killed in between: both are there
        if length % 5003 != 0 {
            fs::write(&last, &text[length / 5003 * 5003..]).unwrap();
        }
        let mut writer = place.writer();
        assert!(!place.reader().totals().unwrap().complete);
        writer.append(b"\nmore\n", at(900)).unwrap();
        assert_eq!(place.bytes(), [&text[..], b"\nmore\n"].concat());
        assert!(last.exists() && !last.with_extension("seg.lz4").exists());
        writer.finish(at(901)).unwrap();
        assert!(place.compress().all && !last.exists());
        assert_eq!(place.bytes(), [&text[..], b"\nmore\n"].concat());
        assert_eq!(place.reader().tail(1, 9).unwrap()[0].text, "more");
    }
}

#[test]
fn reading_goes_on_while_it_is_compressed_and_made_plain_again() {
    let text = text();
    let place = Place::with(text.as_bytes());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..40 {
                place.compress();
                place.writer().finish(at(2)).unwrap();
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            assert!(place.bytes() == text.as_bytes());
            assert_eq!(place.texts(599, 9), ["line 599 of an output, äöü", "line 600 of an output, äöü"]);
        }
    });
}

#[test]
fn a_damaged_frame_is_named_and_the_rest_is_read() {
    damage(&now(), "lz4");
    damage(&before(), "zst");
}

fn damage(place: &Place, form: &str) {
    let text = text();
    let path = place.file(&format!("00001.seg.{form}"));
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(3) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        fs::write(&path, &damaged).unwrap();
        let read = place.bytes();
        assert_eq!(read.len(), text.len());
        let wrong: Vec<usize> = (0..read.len()).filter(|at| read[*at] != text.as_bytes()[*at]).collect();
        if let (Some(first), Some(last)) = (wrong.first(), wrong.last()) {
            assert_eq!((first - 5003) / 509, (last - 5003) / 509, "only one frame is lost");
            let frame = String::from_utf8_lossy(&read[*first..=*last]);
            assert!(frame.contains(" bytes can't be read: damaged]"), "{frame}");
        }
        assert_eq!(place.reader().totals().unwrap().lines, 600);
        assert_eq!(place.texts(600, 1), ["line 600 of an output, äöü"]);
        assert_eq!(place.texts(1, 999).len(), 600, "the lines behind keep their numbers");
    }
}

#[test]
fn what_is_left_of_a_cut_file_is_read() {
    cut(&now(), "lz4");
    cut(&before(), "zst");
}

fn cut(place: &Place, form: &str) {
    let text = text();
    let path = place.file(&format!("00001.seg.{form}"));
    let whole = fs::read(&path).unwrap();
    for length in (0..whole.len()).step_by(7) {
        fs::write(&path, &whole[..length]).unwrap();
        let read = place.bytes();
        assert_eq!(read.len(), text.len());
        assert_eq!(read[..5003], text.as_bytes()[..5003]);
        assert_eq!(read[10006..], text.as_bytes()[10006..]);
        let same = (5003..10006).take_while(|at| read[*at] == text.as_bytes()[*at]).count();
        assert!(same * whole.len() >= 5003 * length.saturating_sub(200), "{length}: {same}");
        assert_eq!(place.texts(600, 1), ["line 600 of an output, äöü"]);
    }
    // the last segment is as long as what is left of it
    let path = place.file(&format!("00003.seg.{form}"));
    let one = if form == "lz4" { 200 } else { 100 };
    fs::write(&path, &fs::read(&path).unwrap()[..one]).unwrap();
    assert_eq!(place.bytes().len(), 3 * 5003 + 509);
    assert!(place.reader().tail(3, 99).unwrap().len() == 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn no_file_is_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..300), kept in 0..2000_usize, mark in any::<bool>(), old in any::<bool>()) {
        let text = text();
        let (place, form, magic) = if old { (before(), "zst", b'z') } else { (now(), "lz4", b'l') };
        let path = place.file(&format!("00003.seg.{form}"));
        let mut strange = fs::read(&path).unwrap();
        strange.truncate(kept);
        strange.extend_from_slice(&bytes);
        if mark {
            // a table that was made by somebody who knows how
            strange.extend_from_slice(b"gonogo");
            strange.push(magic);
            strange.extend_from_slice(b"1\xff\x13\0\0\0\0\0\0\xfd\x01\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0");
        }
        fs::write(&path, &strange).unwrap();
        let read = place.bytes();
        prop_assert!(read.len() <= 4 * 5003 && read[..3 * 5003] == text.as_bytes()[..3 * 5003]);
        prop_assert!(place.reader().tail(5, 100).is_ok());
    }
}
