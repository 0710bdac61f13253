//! A search that tells of what it finds.

use super::*;

fn find(place: &Place, text: &str, direction: Direction, mut each: impl FnMut(&Hits) -> bool) {
    let pattern = pattern(text, false).unwrap();
    let from = if direction == Direction::Forward { 1 } else { u64::MAX };
    let wanted = Wanted { pattern: &pattern, from, direction, text: 20 };
    let each = |hits: Hits| if each(&hits) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    place.reader().find(&wanted, &GO_ON, each).unwrap();
}

fn place() -> (Place, u64) {
    let text: String = (1..=2000).map(|line| format!("line {line}: \x1b[31mred\x1b[0m and \x01 more\n")).collect();
    (Place::with(text.as_bytes()), text.len() as u64)
}

#[test]
fn hits_come_as_they_are_found_with_their_text_and_how_far_it_is() {
    let (place, length) = place();
    for direction in [Direction::Forward, Direction::Backward] {
        let (mut lines, mut searched, mut batches) = (Vec::new(), 0, 0);
        find(&place, "(50|00): red and", direction, |hits| {
            assert!(hits.all == length && searched < hits.searched && hits.searched <= hits.all);
            (searched, batches) = (hits.searched, batches + 1);
            lines.extend(hits.lines.iter().map(|hit| (hit.line, hit.text.clone())));
            true
        });
        assert_eq!(searched, length, "it says when it is done");
        assert!(batches > 20);
        let mut expected: Vec<u64> = (1..=40).map(|n| n * 50).collect();
        if direction == Direction::Backward {
            expected.reverse();
        }
        assert_eq!(lines.iter().map(|(line, _)| *line).collect::<Vec<_>>(), expected);
        assert!(lines.contains(&(1050, "line 1050: red and \\x01".into())), "{lines:?}");
    }
}

#[test]
fn nothing_found_is_told_too() {
    let (place, length) = place();
    let mut told = Vec::new();
    find(&place, "blue", Direction::Forward, |hits| {
        told.push(hits.clone());
        true
    });
    assert_eq!(told.last(), Some(&Hits { lines: Vec::new(), searched: length, all: length }));
}

#[test]
fn whoever_has_enough_is_told_no_more() {
    let (place, length) = place();
    let mut told = 0;
    find(&place, "red", Direction::Backward, |hits| {
        assert!(hits.searched < length / 10 && hits.lines[0].line == 2000);
        told += 1;
        false
    });
    assert_eq!(told, 1);
    let stop = AtomicBool::new(false);
    let pattern = pattern("red", false).unwrap();
    let wanted = Wanted { pattern: &pattern, from: 1, direction: Direction::Forward, text: 0 };
    let cancel = |_: Hits| {
        stop.store(true, Ordering::Relaxed);
        told += 1;
        ControlFlow::Continue(())
    };
    place.reader().find(&wanted, &stop, cancel).unwrap();
    assert_eq!(told, 2);
}

#[test]
fn the_text_of_a_long_line_is_what_surrounds_the_match() {
    let long = format!("short\n{}needle{}\n", "ä".repeat(40), "ö".repeat(40));
    let mut lines = Vec::new();
    find(&Place::with(long.as_bytes()), "needle", Direction::Forward, |hits| {
        lines.extend(hits.lines.clone());
        true
    });
    assert_eq!(lines, [Hit { line: 2, text: "ääneedleöööö".into() }]);
}

#[test]
fn damage_does_not_stop_a_search() {
    let (place, _) = place();
    place.compress();
    let path = place.file("00002.seg.lz4");
    let mut packed = fs::read(&path).unwrap();
    packed[60] ^= 0x10;
    fs::write(&path, packed).unwrap();
    let mut lines = Vec::new();
    find(&place, r"^line|^\[gonogo", Direction::Forward, |hits| {
        lines.extend(hits.lines.iter().map(|hit| (hit.line, hit.text.clone())));
        true
    });
    assert!(lines.iter().any(|(_, text)| text.starts_with("[gonogo: 509 bytes")));
    assert_eq!(lines.last(), Some(&(2000, "line 2000: red and \\x01".into())));
}
