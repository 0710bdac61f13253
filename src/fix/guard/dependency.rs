//! Dependencies: what is locked, what is pinned, and where it comes from.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::Regex;

use crate::domain::{
    diagnosis::{Category, Diagnosis},
    patch::Patch,
};

use super::{
    Flags,
    piece::Piece,
    place::{extension, file_name, is_lockfile},
};

/// Files in which people say what they need.
const MANIFESTS: &[&str] = &[
    "Cargo.toml",
    "package.json",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "Pipfile",
    "go.mod",
    "Gemfile",
    "composer.json",
    "pom.xml",
    "build.gradle",
    "environment.yml",
    "mix.exs",
];

struct Patterns {
    requirement: Regex,
    exact: Regex,
    loose: Regex,
    foreign: Regex,
    section: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    Some(Patterns {
        // A name and what is asked of it, in any of the manifests' ways.
        requirement: Regex::new(
            r#"^\s*["']?(?P<name>@?[A-Za-z][\w./@-]*)(\[[^\]]*\])?["']?\s*(?P<asked>(?:[=:]\s*)?["'{]?\s*(?:version\s*=\s*)?["']?[=<>~^!*]*\s*v?(?:\d[\w.*+-]*|\*|latest)?.*?)["',}]*\s*$"#,
        )
        .ok()?,
        exact: Regex::new(r#"===?\s*\d|=\s*["']=\d|:\s*["']\d|\sv\d|=\s*["']\d"#).ok()?,
        loose: Regex::new(r">=|>|\*|\blatest\b|\^|~|!=").ok()?,
        foreign: Regex::new(r"(?i)git\+|\bgit\s*=|\bhttp://|\.git\b|\bfile:|\{[^}]*\bpath\s*=|^replace\b").ok()?,
        section: Regex::new(r"lints?\b|tool\.(ruff|mypy|pytest|coverage|pylint|flake8|pyright|black|isort|bandit)|^\[profile|patch\.").ok()?,
    })
});

fn is_manifest(path: &str) -> bool {
    let name = file_name(path);
    MANIFESTS.contains(&name)
        || (name.starts_with("requirements") && ["txt", "in"].contains(&extension(path)))
        || (path.contains("requirements/") && extension(path) == "txt")
        || name == "constraints.txt"
}

pub(super) fn look(patch: &Patch, pieces: &[Piece], fault: &Diagnosis, flags: &mut Flags) {
    let Some(patterns) = PATTERNS.as_ref() else { return };
    let manifest = patch.files.iter().any(|file| is_manifest(file.path()));
    for piece in pieces {
        let path = piece.path.as_str();
        if is_lockfile(path) {
            if manifest || [Category::Dependency, Category::Security].contains(&fault.category) {
                flags.medium("lockfile", path, "other versions of dependencies are locked");
            } else {
                flags.high("lockfile", path, "other versions of dependencies are locked, though nothing asks for them");
            }
        } else if !is_manifest(path) {
            continue;
        } else {
            requirements(patterns, piece, flags);
            let headers = piece.added.iter().filter(|line| line.starts_with('['));
            for section in piece.sections.iter().chain(headers).filter(|section| patterns.section.is_match(section)) {
                flags.high("check-config", path, format_args!("{section} is changed; it sets how strict a check is"));
            }
        }
        let foreign = |text: &str| patterns.foreign.find_iter(text).count();
        if piece.added.iter().map(|line| foreign(line)).sum::<usize>()
            > piece.removed.iter().map(|line| foreign(line)).sum()
        {
            flags.high("foreign-source", path, "a dependency comes from somewhere else");
        }
    }
}

fn requirements(patterns: &Patterns, piece: &Piece, flags: &mut Flags) {
    let read = |lines: &[String]| -> BTreeMap<String, String> {
        let one = |line: &String| {
            let found = patterns.requirement.captures(line)?;
            Some((found["name"].to_owned(), found["asked"].to_owned()))
        };
        lines.iter().filter_map(one).collect()
    };
    let (before, after) = (read(&piece.removed), read(&piece.added));
    for (name, asked) in &after {
        match before.get(name) {
            None if !asked.contains(|c: char| c.is_ascii_digit() || c == '*') && extension(&piece.path) != "txt" => {}
            None => flags.medium("dependency", &piece.path, format_args!("`{name}` is asked for or set")),
            Some(old) if old == asked => {}
            Some(old) => {
                let pinned = patterns.exact.is_match(old) && !patterns.loose.is_match(old);
                let loosened = pinned && (patterns.loose.is_match(asked) || !patterns.exact.is_match(asked));
                if loosened || asked.contains('*') || asked.contains("latest") {
                    flags.high(
                        "loosened-pin",
                        &piece.path,
                        format_args!("`{name}` may be any of more versions than before"),
                    );
                } else {
                    flags.medium("dependency", &piece.path, format_args!("`{name}` is asked for in another version"));
                }
            }
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        flags.medium("dependency", &piece.path, format_args!("`{name}` is no longer asked for or set"));
    }
}
