//! Secrets that a patch would add.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::{Finding, Flags, piece::Piece};

/// Shapes that are nothing but secrets.
static SHAPES: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSet::new([
        r"-----BEGIN [A-Z ]*PRIVATE KEY",
        r"\bAKIA[0-9A-Z]{16}\b",
        r"\bgh[pousr]_[A-Za-z0-9]{30,}",
        r"\bgithub_pat_[A-Za-z0-9_]{30,}",
        r"\bglpat-[A-Za-z0-9_-]{20,}",
        r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
        r"\bsk-[A-Za-z0-9_-]{20,}",
        r"\b[rs]k_live_[A-Za-z0-9]{16,}",
        r"\bAIza[0-9A-Za-z_-]{35}",
        r"\bnpm_[A-Za-z0-9]{36}",
        r"\bpypi-[A-Za-z0-9_-]{50,}",
        r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    ])
    .ok()
});

/// A value that is called a secret: one in the program, an example in a test.
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"://[^/\s:@$<{]+:[^/\s:@$<{]{6,}@|",
        r"(?i)\b[\w-]*(password|passwd|secret|api[_-]?key|access[_-]?key|access[_-]?token|auth[_-]?token)\w*[\x22']?\s*[:=]\s*",
        r"([\x22'][^\x22'\s$<>{}()]{12,}[\x22']|[A-Za-z0-9/+]{32,}=*\s*$)",
    ))
    .ok()
});

pub(super) fn blocked(pieces: &[Piece], flags: &mut Flags) -> Vec<Finding> {
    let (Some(shapes), Some(named)) = (SHAPES.as_ref(), NAMED.as_ref()) else { return Vec::new() };
    let more = |piece: &Piece, is: &dyn Fn(&str) -> bool| {
        let count = |text: &str| text.lines().filter(|line| is(line)).count();
        count(&piece.new) > count(&piece.old)
    };
    let mut found = Vec::new();
    for piece in pieces {
        let called = more(piece, &|line| named.is_match(line));
        if more(piece, &|line| shapes.is_match(line)) || (called && !piece.test) {
            found
                .push(Finding { name: "secret", reason: format!("{} would get what looks like a secret", piece.path) });
        } else if called {
            flags.medium("secret", &piece.path, "gets what may be a secret, or an example of one");
        }
    }
    found
}
