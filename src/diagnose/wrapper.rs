//! What runners and task programs put before each line: columns, timestamps, layers, packages.

use std::sync::LazyLock;

use regex::Regex;

/// Job and step of `gh run view --log` (`job TAB step TAB timestamp text`), and the rest of the line without its timestamp.
/// Lines of a text of several lines have the columns and no timestamp: they are known by `last`, the columns before.
pub(super) fn columns<'a>(line: &'a str, last: &str) -> (Option<(&'a str, &'a str)>, &'a str) {
    let mut parts = line.splitn(3, '\t');
    if let (Some(job), Some(step), Some(rest)) = (parts.next(), parts.next(), parts.next()) {
        if let Some(rest) = timestamp(rest) {
            return (Some((job, step)), rest);
        }
        if !last.is_empty() && line.starts_with(last) {
            return (Some((job, step)), rest);
        }
    }
    (None, timestamp(line).unwrap_or(line))
}

/// A byte order mark, and what terminals put for it.
const MARKS: [&str; 3] = ["\u{feff}", "???", "\u{fffd}"];

/// The rest of a line that begins with an ISO timestamp: `2024-05-01T10:00:00.1234567Z text`.
fn timestamp(line: &str) -> Option<&str> {
    let line = MARKS.iter().find_map(|mark| line.strip_prefix(mark)).unwrap_or(line);
    let bytes = line.as_bytes();
    let shaped = bytes.len() >= 20
        && bytes[..19]
            .iter()
            .zip(b"0000-00-00T00:00:00")
            .all(|(b, p)| if *p == b'0' { b.is_ascii_digit() } else { b == p });
    if !shaped {
        return None;
    }
    let fraction = bytes[19..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let rest = line[19 + fraction..].strip_prefix('Z')?;
    Some(rest.strip_prefix(' ').unwrap_or(rest))
}

static PREFIX: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(?:#\d+ (?:\d+\.\d+ )",                 // BuildKit: `#12 3.456 text`
        r"|\d+\.\d{3} ",                           // BuildKit, when it says an output again
        r"|\[\d{4}-\d\d-\d\d[T ][\d:.,]+Z?\] ",    // Jenkins
        r"|\[[^\]]+\]\s+\| ",                      // act: `[CI/test]   | text`
        r"|\[(?:\d{1,2}|[a-z][a-z0-9]*_\w+)\]:? ", // concurrently: `[0] text`, melos: `[my_package]: text`
        r"|[A-Za-z][\w.-]*[-_]\d+\s+\| ",          // Compose: `web-1  | text`
        r"|@?[A-Za-z][\w./@-]*[:#](?:build|lint|test|types?|typecheck|type-check|check|format|check-types|compile|dev|ci|[a-z]+:[a-z]+): ", // Turborepo
        r"|(?:packages|apps|libs|services|\.)[\w./@-]* (?:build|lint|test|typecheck|type-check|check|format|compile|ci)\$? ?: ", // pnpm -r
        r")"
    ))
    .ok()
});

/// What a test printed, out of an event of `go test -json`.
pub(super) fn event(line: &str) -> Option<String> {
    if !(line.starts_with("{\"Time\":") || line.starts_with("{\"Action\":")) || !line.contains("\"Package\":") {
        return None;
    }
    let event: serde_json::Value = serde_json::from_str(line).ok()?;
    event.get("Action")?;
    Some(event.get("Output").and_then(|output| output.as_str()).unwrap_or_default().to_owned())
}

/// The line without the prefix of the program that ran the tool.
pub(super) fn prefix(line: &str) -> &str {
    let worth = match line.as_bytes().first() {
        Some(b'#') => line.as_bytes().get(1).is_some_and(u8::is_ascii_digit),
        Some(b'[') => line.contains("] ") || line.contains("]: "),
        Some(b'0'..=b'9') => line.as_bytes().iter().take(8).any(|b| *b == b'.'),
        Some(b'@' | b'.' | b'a'..=b'z' | b'A'..=b'Z') => {
            line.as_bytes().iter().take(80).any(|b| *b == b'|' || *b == b':')
        }
        _ => false,
    };
    match PREFIX.as_ref().filter(|_| worth).and_then(|prefix| prefix.find(line)) {
        Some(found) => &line[found.end()..],
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_timestamps_go() {
        assert_eq!(
            columns("build\tRun x\t2024-05-01T10:00:00.1234567Z hello", ""),
            (Some(("build", "Run x")), "hello")
        );
        assert_eq!(columns("\u{feff}2024-05-01T10:00:00Z", ""), (None, ""));
        assert_eq!(columns("2024-05-01T10:00:00+02:00 x", ""), (None, "2024-05-01T10:00:00+02:00 x"));
        assert_eq!(columns("a\tb\tc", ""), (None, "a\tb\tc"));
        assert_eq!(columns("a\tb\tc", "a\tb\t"), (Some(("a", "b")), "c"));
        assert_eq!(columns("a\tb\t???2024-05-01T10:00:00Z c", ""), (Some(("a", "b")), "c"));
    }

    #[test]
    fn prefixes_of_task_programs_go() {
        for (line, wanted) in [
            ("#12 3.456 error: x", "error: x"),
            ("[CI/test]   | error: x", "error: x"),
            ("web-1  | error: x", "error: x"),
            ("@acme/web:build: error: x", "error: x"),
            ("packages/web lint: error: x", "error: x"),
            ("src/main.c:3:5: error: x", "src/main.c:3:5: error: x"),
            ("12 | code", "12 | code"),
            ("4.321 error: x", "error: x"),
            ("[1] error: x", "error: x"),
            ("[my_package]: error: x", "error: x"),
            ("[2026-03-01T10:00:00.000Z] error: x", "error: x"),
        ] {
            assert_eq!(prefix(line), wanted);
        }
    }
}
