//! The guard: looks at a candidate patch before it is proven, and says what must not be, and what a person must know.
//!
//! Pure. What must not be blocks the patch: it is never run nor shown as a proposal. Everything else becomes a risk flag
//! with its reason; a flag of level high means that the patch may weaken what guards the project, and that only a person
//! may say yes. The rules count what they look for before and after, so that a line which moves or is reflowed is no
//! finding; a new rule is one row of the table in `rule`, of `place`, or of `limit`.

pub mod agent;
mod assertion;
mod dependency;
mod limit;
mod piece;
mod place;
mod rule;
mod secret;

#[cfg(test)]
mod cheats;
#[cfg(test)]
mod honest;

use crate::domain::{
    definition::FixPolicy,
    diagnosis::{Category, Diagnosis},
    patch::Patch,
    proposal::{Risk, RiskFlag, RiskLevel},
};

use piece::Piece;

/// What the guard says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guarded {
    /// Why the patch must not be; empty if it may.
    pub blocked: Vec<Finding>,
    /// What a person must know.
    pub risk: Risk,
}

/// One reason why a patch must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A short name: `forbidden-path`, `secret`.
    pub name: &'static str,
    /// What was seen and where.
    pub reason: String,
}

/// Looks at a patch. `read_base` gives the text of a file before the patch.
pub fn inspect(
    patch: &Patch,
    read_base: impl Fn(&str) -> Option<String>,
    policy: &FixPolicy,
    fault: &Diagnosis,
) -> Guarded {
    let pieces: Vec<Piece> = patch.files.iter().flat_map(|file| piece::split(file, &read_base)).collect();
    let mut flags = Flags::default();
    for file in &patch.files {
        place::look(file, &mut flags);
    }
    for piece in pieces.iter().filter(|piece| !piece.format_only()) {
        rule::look(piece, &mut flags);
        limit::look(piece, &mut flags);
        assertion::look(piece, &mut flags);
    }
    for piece in &pieces {
        assertion::look_at_indents(piece, &mut flags);
    }
    assertion::look_at_all(&pieces, &mut flags);
    dependency::look(patch, &pieces, fault, &mut flags);
    only_tests(&pieces, fault, &mut flags);
    size(patch, &pieces, policy, &mut flags);
    let mut blocked = place::blocked(patch, policy);
    blocked.extend(secret::blocked(&pieces, &mut flags));
    Guarded { blocked, risk: flags.risk() }
}

/// The flags as they are found; each name once a file.
#[derive(Debug, Default)]
struct Flags(Vec<(String, RiskFlag)>);

impl Flags {
    fn add(&mut self, level: RiskLevel, name: &str, path: &str, what: impl std::fmt::Display) {
        if let Some((_, flag)) = self.0.iter_mut().find(|(at, flag)| at == path && flag.name == name) {
            flag.level = flag.level.max(level);
            return;
        }
        let reason = if path.is_empty() { what.to_string() } else { format!("{path}: {what}") };
        self.0.push((path.to_owned(), RiskFlag { level, name: name.to_owned(), reason }));
    }

    fn high(&mut self, name: &str, path: &str, what: impl std::fmt::Display) {
        self.add(RiskLevel::High, name, path, what);
    }

    fn medium(&mut self, name: &str, path: &str, what: impl std::fmt::Display) {
        self.add(RiskLevel::Medium, name, path, what);
    }

    fn risk(self) -> Risk {
        let mut flags: Vec<RiskFlag> = self.0.into_iter().map(|(_, flag)| flag).collect();
        flags.sort_by_key(|flag| std::cmp::Reverse(flag.level));
        Risk { level: flags.first().map_or(RiskLevel::Low, |flag| flag.level), flags }
    }
}

/// A fault of the program that is "mended" in its tests.
fn only_tests(pieces: &[Piece], fault: &Diagnosis, flags: &mut Flags) {
    let changes_tests = pieces.iter().any(|piece| !piece.removed.is_empty() && !piece.format_only());
    if pieces.is_empty() || !pieces.iter().all(|piece| piece.test) || !changes_tests {
        return;
    }
    let primary = fault.primary.as_ref();
    let place = primary.and_then(|primary| primary.file.as_deref()).unwrap_or_default();
    // A name that doesn't exist is a fault of the test itself.
    let own_fault = primary.is_some_and(|primary| {
        let said = |word: &&str| primary.message.contains(*word);
        ["NameError", "AttributeError", "ImportError", "ModuleNotFound", "SyntaxError", "cannot find", "undefined"]
            .iter()
            .any(said)
    });
    let in_program =
        !place.is_empty() && !piece::is_test_path(place) && !pieces.iter().any(|p| place.ends_with(&p.path));
    if in_program || (fault.category == Category::Test && !own_fault) {
        flags.high("only-tests", "", "changes only tests, while it is the program that fails them");
    }
}

fn size(patch: &Patch, pieces: &[Piece], policy: &FixPolicy, flags: &mut Flags) {
    let (added, removed) = patch.size();
    if added + removed > policy.max_lines {
        let harmless = pieces.iter().all(|piece| piece.format_only() || place::is_lockfile(&piece.path));
        let level = if harmless { RiskLevel::Medium } else { RiskLevel::High };
        let what = format!("changes {} lines, the policy's limit is {}", added + removed, policy.max_lines);
        flags.add(level, "large", "", what);
    }
    for piece in pieces.iter().filter(|piece| !piece.test && piece.removed.len() > 40) {
        if piece.added.len() * 4 < piece.removed.len() {
            flags.medium("removes-code", &piece.path, format_args!("removes {} lines", piece.removed.len()));
        }
    }
}
