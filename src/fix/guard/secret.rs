//! Secrets that a patch would add.

use std::sync::LazyLock;

use regex::RegexSet;

use super::{Finding, piece::Piece};

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
        r"://[^/\s:@$<{]+:[^/\s:@$<{]{6,}@",
        r#"(?i)\b[\w-]*(password|passwd|secret|api[_-]?key|access[_-]?token|auth[_-]?token)\w*["']?\s*[:=]\s*["'][^"'\s$<>{}()]{12,}["']"#,
    ])
    .ok()
});

pub(super) fn blocked(pieces: &[Piece]) -> Vec<Finding> {
    let Some(shapes) = SHAPES.as_ref() else { return Vec::new() };
    let count = |text: &str| text.lines().filter(|line| shapes.is_match(line)).count();
    let adds = |piece: &&Piece| count(&piece.new) > count(&piece.old);
    let finding = |piece: &Piece| Finding {
        name: "secret",
        reason: format!("{} would get what looks like a secret", piece.path),
    };
    pieces.iter().filter(adds).map(finding).collect()
}
