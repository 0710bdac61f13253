//! What a power failure, or a disk, may leave of an output.

use super::*;

fn text() -> String {
    (1..=600).map(|line| format!("line {line} of an output, äöü\n")).collect()
}

/// Goes on with the output, and expects nothing of what is there to be lost.
fn goes_on(place: &Place) {
    let kept = place.bytes();
    let lines = place.reader().totals().unwrap().lines;
    let mut writer = place.writer();
    writer.step_began(1, at(900)).unwrap();
    writer.append(b"again\n", at(900)).unwrap();
    writer.finish(at(900)).unwrap();
    assert!(place.bytes().starts_with(&kept));
    let last = place.reader().tail(1, 99).unwrap().remove(0);
    assert_eq!((last.text.as_str(), last.number), ("again", lines + 1));
    assert_eq!(place.reader().time_of(last.number).unwrap(), Some(at(900)));
    assert_eq!(place.reader().steps().unwrap()[0].first_line, last.number);
    assert!(place.compress().all);
    assert!(place.bytes().starts_with(&kept));
}

#[test]
fn zeros_at_the_end_are_shown_and_written_behind() {
    let place = Place::with(text().as_bytes());
    let size = fs::metadata(place.file("00003.seg")).unwrap().len();
    fs::File::options().write(true).open(place.file("00003.seg")).unwrap().set_len(size + 700).unwrap();
    assert_eq!(place.texts(601, 9), ["\\x00".repeat(700)]);
    goes_on(&place);
}

#[test]
fn a_cut_within_a_character_is_shown_and_written_behind() {
    let place = Place::with(text().as_bytes());
    let size = fs::metadata(place.file("00003.seg")).unwrap().len();
    fs::File::options().write(true).open(place.file("00003.seg")).unwrap().set_len(size - 2).unwrap();
    assert_eq!(place.texts(600, 9), ["line 600 of an output, äö"]);
    goes_on(&place);
    assert_eq!(place.texts(600, 1), ["line 600 of an output, äö\\xc3"]);
}

#[test]
fn an_index_with_zeros_at_its_end_is_used_up_to_there() {
    for ahead in [false, true] {
        let place = Place::with(text().as_bytes());
        let index = fs::File::options().write(true).open(place.file("index")).unwrap();
        let size = index.metadata().unwrap().len();
        index.set_len(size / 2).unwrap();
        index.set_len(size * 2).unwrap();
        if ahead {
            // more was indexed than was kept
            fs::remove_file(place.file("00003.seg")).unwrap();
            fs::remove_file(place.file("00002.seg")).unwrap();
        }
        let lines = place.bytes().iter().filter(|byte| **byte == b'\n').count() as u64 + u64::from(ahead);
        assert_eq!(place.reader().totals().unwrap().lines, lines);
        for line in [1, 100, 200, 300, lines - 1] {
            assert_eq!(place.texts(line, 1), [format!("line {line} of an output, äöü")]);
            assert_eq!(place.reader().time_of(line).unwrap(), Some(at(0)));
        }
        goes_on(&place);
    }
}

#[test]
fn a_segment_that_lost_its_end_costs_no_other() {
    let text = text();
    let place = Place::with(text.as_bytes());
    fs::File::options().write(true).open(place.file("00001.seg")).unwrap().set_len(1000).unwrap();
    let read = place.bytes();
    assert_eq!(read.len(), text.len());
    assert_eq!((&read[..6003], &read[10006..]), (&text.as_bytes()[..6003], &text.as_bytes()[10006..]));
    assert!(String::from_utf8_lossy(&read).contains("\n[gonogo: 4003 bytes can't be read: damaged] "));
    assert_eq!(place.reader().totals().unwrap().lines, 600);
    assert_eq!(place.texts(599, 9), ["line 599 of an output, äöü", "line 600 of an output, äöü"]);
    goes_on(&place);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn no_index_is_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..200), at_byte in any::<prop::sample::Index>(), line in 1..700_u64) {
        let text = text();
        let place = Place::with(text.as_bytes());
        let mut index = fs::read(place.file("index")).unwrap();
        let from = 8 + at_byte.index(index.len() - 8);
        let to = index.len().min(from + bytes.len());
        index[from..to].copy_from_slice(&bytes[..to - from]);
        fs::write(place.file("index"), index).unwrap();
        prop_assert_eq!(place.bytes(), text.as_bytes());
        let reader = place.reader();
        prop_assert!(reader.totals().is_ok() && reader.tail(3, 99).is_ok() && reader.lines(line, 3, 99).is_ok());
        prop_assert!(reader.line_at(at(3)).is_ok() && reader.time_of(line).is_ok() && reader.line_window(line, 2, 9).is_ok());
        // whoever writes next makes it right again
        place.writer().finish(at(5)).unwrap();
        prop_assert_eq!(place.texts(1, 999).len(), 600);
        prop_assert_eq!(reader.totals().unwrap().lines, 600);
    }
}
