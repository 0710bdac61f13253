//! Numbers that were changed so that a check is easier to pass.

use std::sync::LazyLock;

use regex::Regex;

use super::{Flags, assertion::counts, piece::Piece, place::file_name};

/// Words beside numbers which must not fall.
const FLOORS: &str = r"(?i)fail[_-]?under|coverage|cov-fail|threshold|\bmin|minimum|branches|functions|\blines\b|statements|\bscore|places|decimal|precision|closeto|\bfloor";
/// Words beside numbers which must not rise.
const CEILINGS: &str = r"(?i)time_?out|deadline|retr(y|ies)|attempts|\bmax|maximum|toleran|\bdelta|epsilon|\beps\b|within|\brel\b|\babs\b|approx|warnings|complexity|line[_-]length|too_many|budget|\bsleep|\blimit";
/// Those of them that matter in the program itself, too.
const IN_PROGRAM: &str = r"(?i)time_?out|deadline|fail[_-]?under|retries|coverage|toleran|epsilon";

/// Words beside numbers that ease a test by coming at all.
const EASES: &str = r"(?i)time_?out|\bsleep|toleran|\bdelta\b|approx|retr(y|ies)|\bwait";

static PATTERNS: LazyLock<Option<[Regex; 5]>> = LazyLock::new(|| {
    let number = r"-?\d[\d_]*(\.\d+)?([eE][+-]?\d+)?";
    let [floors, ceilings, in_program, eases] = [FLOORS, CEILINGS, IN_PROGRAM, EASES].map(Regex::new);
    Some([floors.ok()?, ceilings.ok()?, in_program.ok()?, Regex::new(number).ok()?, eases.ok()?])
});

/// Endings and names of files whose numbers are settings.
const SETTINGS: &[&str] =
    &["toml", "yml", "yaml", "json", "cfg", "ini", "mk", "gradle", "properties", "xml", "sh", "cjs", "mjs"];

pub(super) fn look(piece: &Piece, flags: &mut Flags) {
    let Some([floors, ceilings, in_program, number, eases]) = PATTERNS.as_ref() else { return };
    if super::rule::is_prose(&piece.path) {
        return;
    }
    let name = file_name(&piece.path);
    let settings = name.rsplit('.').next().is_some_and(|ending| SETTINGS.contains(&ending))
        || name.starts_with('.')
        || ["Makefile", "justfile"].contains(&name)
        || name.contains(".config.");
    let watched = |line: &str| settings || piece.test || in_program.is_match(line);
    for (old, new) in &piece.pairs {
        let skeleton = |line: &str| number.replace_all(line.trim(), "#").into_owned();
        if !watched(old) || skeleton(old) != skeleton(new) {
            continue;
        }
        let numbers = |line: &str| -> Vec<f64> {
            number.find_iter(line).filter_map(|found| found.as_str().replace('_', "").parse().ok()).collect()
        };
        for (before, after) in numbers(old).into_iter().zip(numbers(new)) {
            let eased = (after < before && floors.is_match(old)) || (after > before && ceilings.is_match(old));
            if eased {
                let what = format!("a limit is eased: `{}` becomes `{}`", old.trim(), new.trim());
                flags.high("eased-limit", &piece.path, what);
            }
        }
    }
    let limits = |lines: &[String]| {
        lines
            .iter()
            .filter(|line| (floors.is_match(line) || in_program.is_match(line)) && number.is_match(line))
            .count()
    };
    if settings && limits(&piece.removed) > limits(&piece.added) {
        flags.high("eased-limit", &piece.path, "a limit is taken away");
    }
    let eased = |lines: &[String]| lines.iter().filter(|line| eases.is_match(line) && number.is_match(line)).count();
    let new_tests = counts(&piece.new).0 > counts(&piece.old).0;
    if piece.test && !new_tests && eased(&piece.added) > eased(&piece.removed) {
        flags.high("eased-limit", &piece.path, "a tolerance, time limit or wait is added to a test");
    }
}
