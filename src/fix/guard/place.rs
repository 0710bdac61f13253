//! Rules about where a patch changes something, and about what kind of file it makes.

use std::sync::LazyLock;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::{
    domain::{
        definition::FixPolicy,
        patch::{FilePatch, Patch},
        proposal::RiskLevel::{self, High, Medium},
    },
    workspace::change::unsafe_path,
};

use super::{Finding, Flags, piece::is_test_path};

/// Paths at which any change is flagged: name, level, why, globs.
#[rustfmt::skip]
const PLACES: &[Place] = &[
    ("ci-edit", High, "it decides what is checked", &[
        ".github/**", ".gitlab-ci.yml", ".gitlab/**", "**/Jenkinsfile*", ".circleci/**", "azure-pipelines*.yml", ".travis.yml",
        ".buildkite/**", "bitbucket-pipelines.yml", ".drone.yml", ".woodpecker*", ".woodpecker/**", "appveyor.yml", ".cirrus.yml",
        ".ci/**", "CODEOWNERS", "docs/CODEOWNERS", ".forgejo/**", ".gitea/**", ".husky/**", ".pre-commit-config.yaml", "lefthook.yml",
    ]),
    ("check-config", High, "it sets how strict a check is", &[
        "**/.eslintrc*", "**/eslint.config.*", "**/.eslintignore", "**/{.,}ruff.toml", "**/.flake8", "**/{.,}mypy.ini", "**/tox.ini",
        "**/{.,}pylintrc", "**/setup.cfg", "**/pytest.ini", "**/.coveragerc", "**/{.,}codecov.y*ml", "**/{.,}clippy.toml",
        "**/{.,}rustfmt.toml", "**/deny.toml", "**/.prettierrc*", "**/prettier.config.*", "**/.prettierignore", "**/tsconfig*.json",
        "**/biome.json*", "**/.golangci.*", "**/.rubocop*.yml", "**/{jest,vitest,karma,playwright,cypress}.{config,workspace}.*", "**/nextest.toml",
        "**/pyrightconfig.json", "**/.stylelintrc*", "**/.markdownlint*", "**/.yamllint*", "**/.shellcheckrc", "**/.clang-tidy",
        "**/.clang-format", "**/phpunit.xml*", "**/phpstan.neon*", "**/.mocharc*", "**/.nycrc*", "**/sonar-project.properties",
        "**/noxfile.py", "**/.hadolint.yaml", "**/.cargo/config*", "**/.editorconfig", "**/checkstyle*.xml", "**/detekt.yml",
    ]),
    ("snapshot-update", High, "it is an expectation recorded by a tool", &[
        "**/*.snap", "**/*.snap.new", "**/__snapshots__/**", "**/*.golden", "**/golden/**", "**/*.approved.*", "**/*.ambr",
        "**/*.stderr", "**/snapshots/**",
    ]),
    ("check-command", Medium, "it holds commands that check the project", &[
        "**/Makefile", "**/*.mk", "**/{.,}justfile", "**/Taskfile.y*ml", "**/Rakefile", "**/build.rs", "**/*.gradle*",
        "**/CMakeLists.txt",
    ]),
    ("image", Medium, "it builds an image", &["**/Dockerfile*", "**/*.dockerfile", "**/compose*.y*ml", "**/docker-compose*.y*ml"]),
    ("ignore-rules", Medium, "it hides files from tools", &["**/.gitignore", "**/.dockerignore", "**/.gitattributes"]),
];

type Place = (&'static str, RiskLevel, &'static str, &'static [&'static str]);

static SETS: LazyLock<Vec<(&'static Place, GlobSet)>> =
    LazyLock::new(|| PLACES.iter().map(|place| (place, globs(place.3.iter().copied()))).collect());

/// Lock files of package managers.
const LOCKFILES: &[&str] = &[
    "Cargo.lock",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "uv.lock",
    "poetry.lock",
    "Pipfile.lock",
    "pdm.lock",
    "go.sum",
    "Gemfile.lock",
    "composer.lock",
    "bun.lock",
    "packages.lock.json",
    "mix.lock",
    "flake.lock",
];

pub(super) fn is_lockfile(path: &str) -> bool {
    LOCKFILES.contains(&file_name(path))
}

pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Why a patch must not be, for where it writes.
pub(super) fn blocked(patch: &Patch, policy: &FixPolicy) -> Vec<Finding> {
    let never = globs(policy.never.iter().map(String::as_str));
    let mut found = Vec::new();
    if patch.files.iter().any(|file| file.path().is_empty()) {
        found.push(Finding { name: "outside", reason: "a file of the patch has no path that can be read".into() });
    }
    let mut paths: Vec<&str> =
        patch.files.iter().flat_map(|file| [&file.old_path, &file.new_path]).flatten().map(String::as_str).collect();
    paths.dedup();
    for path in paths {
        let mut block = |name, why: &str| found.push(Finding { name, reason: format!("{path} is {why}") });
        if let Some(why) = unsafe_path(path) {
            block("outside", why);
        } else if never.is_match(path) {
            block("forbidden-path", "never to be touched (`fix.never`)");
        } else if ["gonogo.toml", ".gonogo.toml"].contains(&file_name(path)) || path.starts_with(".gonogo/") {
            block("own-rules", "gonogo's own: a repair may not change the rules that it is held to");
        }
    }
    found
}

/// Flags what is touched, deleted, renamed, made executable or unreadable.
pub(super) fn look(file: &FilePatch, flags: &mut Flags) {
    let path = file.path();
    for ((name, level, why, _), set) in SETS.iter() {
        if [&file.old_path, &file.new_path].into_iter().flatten().any(|path| set.is_match(path)) {
            flags.add(*level, name, path, format_args!("is changed; {why}"));
        }
    }
    let old_test = file.old_path.as_deref().is_some_and(is_test_path);
    match (&file.old_path, &file.new_path) {
        (Some(_), None) if old_test => flags.high("deleted-test", path, "a test file is deleted"),
        (Some(_), None) => flags.medium("deleted-file", path, "is deleted"),
        (Some(old), Some(new)) if old_test && (!is_test_path(new) || extension(old) != extension(new)) => {
            flags.high(
                "deleted-test",
                path,
                format_args!("was the test file {old}; under its new name it may not be run"),
            );
        }
        _ => {}
    }
    for line in &file.header {
        if let Some(mode) = line.strip_prefix("new mode ") {
            flags.high("mode-change", path, format_args!("its mode becomes {mode}"));
        } else if let Some(mode) = line.strip_prefix("new file mode ") {
            match mode {
                "100644" => {}
                "100755" => flags.medium("executable", path, "is a new executable file"),
                "120000" => flags.high("symlink", path, "is a new symbolic link"),
                _ => flags.high("mode-change", path, format_args!("is made with mode {mode}")),
            }
        }
    }
    let added = || file.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.change.sign() == '+');
    if file.binary {
        flags.high("binary", path, "changes in a way that can't be read");
    } else if !is_lockfile(path) && added().any(|line| line.text.len() > 1000) {
        flags.high("minified", path, "gets a line too long to be read");
    }
}

/// What stands after the last dot of a path; nothing where there is none.
pub(super) fn extension(path: &str) -> &str {
    file_name(path).rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Globs that can't be read match nothing; the configuration has refused them before.
fn globs<'a>(patterns: impl Iterator<Item = &'a str>) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for glob in patterns.filter_map(|pattern| GlobBuilder::new(pattern).empty_alternates(true).build().ok()) {
        set.add(glob);
    }
    set.build().unwrap_or_default()
}
