//! Suggestions in the JSON that `cargo --message-format=json` prints.

use serde::Deserialize;

/// What one run of the compiler said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::fix) struct Compiled {
    /// The distinct errors: file and message.
    pub errors: Vec<String>,
    /// Changes that are sure to be right.
    pub sure: Vec<Change>,
    /// Changes that may be right, the first error's first.
    pub maybe: Vec<Change>,
}

/// Edits that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::fix) struct Change {
    /// The error that it is to mend.
    pub error: String,
    pub edits: Vec<Edit>,
}

/// A stretch of a file that becomes something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::fix) struct Edit {
    /// As the compiler names it: relative to where cargo ran.
    pub file: String,
    /// First byte, and the one after the last.
    pub bytes: (usize, usize),
    pub text: String,
}

#[derive(Deserialize)]
struct Line {
    reason: String,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    message: String,
    level: String,
    #[serde(default)]
    spans: Vec<Span>,
    #[serde(default)]
    children: Vec<Message>,
}

#[derive(Deserialize)]
struct Span {
    file_name: String,
    byte_start: usize,
    byte_end: usize,
    suggested_replacement: Option<String>,
    suggestion_applicability: Option<String>,
    expansion: Option<serde::de::IgnoredAny>,
}

/// Reads what cargo printed. Only errors are mended; a warning that matters has been made one by the job's own flags.
pub(in crate::fix) fn read(printed: &[u8]) -> Compiled {
    let mut compiled = Compiled::default();
    let mut seen: Vec<String> = Vec::new();
    for line in printed.split(|byte| *byte == b'\n') {
        let Ok(Line { reason, message: Some(message) }) = serde_json::from_slice(line) else { continue };
        if reason != "compiler-message" || !message.level.starts_with("error") || message.spans.is_empty() {
            continue;
        }
        // The same error comes once for the library and once for its tests.
        let place = message.spans.first().map(|span| (&span.file_name, span.byte_start));
        let key = format!("{place:?} {}", message.message);
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let file = message.spans.first().map_or("", |span| &span.file_name);
        let error = format!("{file}: {}", message.message);
        collect(&message, &error, &mut compiled);
        compiled.errors.push(error);
    }
    compiled
}

fn collect(message: &Message, error: &str, compiled: &mut Compiled) {
    let change = |edits| Change { error: error.to_owned(), edits };
    let suggested = message.spans.iter().filter_map(|span| {
        let text = span.suggested_replacement.clone()?;
        let edit = Edit { file: span.file_name.clone(), bytes: (span.byte_start, span.byte_end), text };
        Some((edit, span.suggestion_applicability.as_deref()?, span.expansion.is_some()))
    });
    let suggested: Vec<_> = suggested.collect();
    let all = |name: &str| !suggested.is_empty() && suggested.iter().all(|(_, how, macros)| *how == name && !macros);
    let edits = || suggested.iter().map(|(edit, ..)| edit.clone()).collect::<Vec<_>>();
    if all("MachineApplicable") {
        push(&mut compiled.sure, change(edits()));
    } else if all("MaybeIncorrect") {
        // Several at the same place are alternatives, not parts of one change.
        let same = |a: &Edit, b: &Edit| {
            a.file == b.file && a.bytes.0 < b.bytes.1.max(b.bytes.0 + 1) && b.bytes.0 < a.bytes.1.max(a.bytes.0 + 1)
        };
        let edits = edits();
        let alternatives = edits.iter().enumerate().any(|(n, edit)| edits[..n].iter().any(|other| same(other, edit)));
        if alternatives {
            for edit in edits {
                push(&mut compiled.maybe, change(vec![edit]));
            }
        } else {
            push(&mut compiled.maybe, change(edits));
        }
    }
    for child in &message.children {
        collect(child, error, compiled);
    }
}

fn push(changes: &mut Vec<Change>, change: Change) {
    // A change which silences is none: the guard would say so anyway, but there may be a better one behind it.
    let silences = change.edits.iter().any(|edit| edit.text.contains("#[allow") || edit.text.contains("#![allow"));
    if !silences && !changes.contains(&change) {
        changes.push(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: &str, child: &str) -> String {
        let span = r#"{"file_name":"src/a.rs","byte_start":4,"byte_end":6,"suggested_replacement":null,"suggestion_applicability":null,"expansion":null}"#;
        format!(
            r#"{{"reason":"compiler-message","message":{{"message":"wrong","level":"{level}","spans":[{span}],"children":[{{"message":"help","level":"help","spans":[{child}]}}]}}}}"#
        )
    }

    fn span(from: usize, text: &str, how: &str) -> String {
        format!(
            r#"{{"file_name":"src/a.rs","byte_start":{from},"byte_end":{},"suggested_replacement":"{text}","suggestion_applicability":"{how}","expansion":null}}"#,
            from + 2
        )
    }

    #[test]
    fn sure_and_uncertain_changes_are_told_apart() {
        let both = [span(4, "x", "MachineApplicable"), span(20, "y", "MachineApplicable")].join(",");
        let choice = [span(4, "x", "MaybeIncorrect"), span(4, "z", "MaybeIncorrect")].join(",");
        let lines =
            [message("error", &both), message("error", &both), message("warning", &both), "garbage".into()].join("\n");
        let compiled = read(lines.as_bytes());
        assert_eq!(
            (compiled.errors.len(), compiled.sure.len(), compiled.maybe.len()),
            (1, 1, 0),
            "the same error counts once"
        );
        assert_eq!(compiled.sure[0].edits.len(), 2);
        let compiled = read(message("error", &choice).as_bytes());
        assert_eq!((compiled.sure.len(), compiled.maybe.len()), (0, 2));
        let silences = read(message("error", &span(0, "#[allow(x)]", "MaybeIncorrect")).as_bytes());
        assert_eq!((silences.errors.len(), silences.sure.len(), silences.maybe.len()), (1, 0, 0));
    }
}
