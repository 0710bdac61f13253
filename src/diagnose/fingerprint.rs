//! Same fault, same fingerprint: tomorrow, on another line, from another directory.

use std::sync::LazyLock;

use regex::Regex;

use super::finding::Finding;
use crate::domain::id::Fingerprint;

static VARYING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}", // uuid
        r"|0x[0-9a-fA-F]+|\b[0-9a-f]{7,64}\b",                                          // addresses and hashes
        r"|(?:[A-Za-z]:)?(?:[\\/][\w.@+~-]+)+[\\/]?",                                   // absolute paths
        r"|\d+(?:[.:,]\d+)*(?:\s?(?:ms|ns|us|µs|s|m|h|sec|secs|seconds|minutes|KB|MB|GB|KiB|MiB|GiB|%)\b)?", // numbers and times
    ))
    .ok()
});

/// The message without what differs from run to run. Of an absolute path its last part stays.
pub(super) fn normal(message: &str) -> String {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let Some(varying) = VARYING.as_ref() else { return message };
    let stable = |found: &regex::Captures<'_>| {
        let text = found[0].trim_end_matches(['/', '\\']);
        match text.rsplit_once(['/', '\\']) {
            Some((_, name)) => number_free(name),
            None => "#".to_owned(),
        }
    };
    varying.replace_all(&message, stable).into_owned()
}

fn number_free(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect()
}

/// The file from any checkout: an absolute path keeps its last two parts, a relative one is kept whole.
fn anywhere(file: &str) -> String {
    let file = file.replace('\\', "/");
    let parts: Vec<&str> = file.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    parts[parts.len().saturating_sub(2)..].join("/")
}

/// The first 16 hex digits of the hash of what the finding is about.
pub(super) fn of(category: &str, finding: Option<&Finding>) -> Fingerprint {
    let mut hasher = blake3::Hasher::new();
    let mut field = |text: &str| {
        hasher.update(text.as_bytes());
        hasher.update(b"\0");
    };
    field(category);
    if let Some(finding) = finding {
        field(finding.tool);
        field(finding.said.code.as_deref().unwrap_or_default());
        field(&finding.said.file.as_deref().map(anywhere).unwrap_or_default());
        field(finding.test.as_deref().unwrap_or_default());
        field(&normal(&finding.said.message));
    }
    Fingerprint(hasher.finalize().to_hex()[..16].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_is_taken_out() {
        assert_eq!(normal("took 3.2s at 0x7f01 in /home/a/x/lib.rs"), normal("took 14 s at 0xffe2 in /srv/y/lib.rs"));
        assert_eq!(normal("id 123e4567-e89b-12d3-a456-426614174000"), "id #");
        assert_ne!(normal("cannot find `a`"), normal("cannot find `b`"));
        assert_eq!(anywhere("/home/me/repo/src/a.rs"), anywhere("/w/src/a.rs"));
    }
}
