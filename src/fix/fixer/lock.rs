//! Lock files that don't fit their manifest any more.

use std::sync::LazyLock;

use regex::Regex;

use super::{Fixer, How, Scene};

/// The lock file or manifest that must be there, what the output says, the fixer's name, its command.
#[rustfmt::skip]
const LOCKS: &[(&str, &str, &str, &str)] = &[
    ("Cargo.toml", r"lock file .*needs to be updated|cannot (update|create) the lock file|Cargo\.lock needs to be updated|--locked was passed", "cargo update --workspace", "cargo update --workspace --offline || cargo update --workspace || cargo generate-lockfile"),
    ("package.json", r"npm (ci|error|ERR!).*(in sync|lock ?file|package-lock)|Missing: \S+ from lock file|Invalid: lock file", "npm install --package-lock-only", "npm install --package-lock-only --ignore-scripts --no-audit --no-fund"),
    ("pnpm-lock.yaml", r"ERR_PNPM_(OUTDATED_LOCKFILE|LOCKFILE)|pnpm-lock\.yaml is not up to date", "pnpm install --lockfile-only", "pnpm install --lockfile-only --ignore-scripts"),
    ("yarn.lock", r"lockfile (needs to be updated|would have been modified)|YN0028", "yarn install --mode update-lockfile", "yarn install --mode update-lockfile || yarn install --ignore-scripts"),
    ("uv.lock", r"lockfile (at `uv\.lock` )?needs to be updated|uv\.lock.*(outdated|not up-to-date)|`uv lock`", "uv lock", "uv lock"),
    ("poetry.lock", r"pyproject\.toml changed significantly|poetry\.lock (is not up to date|was last generated)|Run `poetry lock", "poetry lock", "poetry lock --no-update || poetry lock"),
    ("Pipfile.lock", r"Pipfile\.lock.*out of date", "pipenv lock", "pipenv lock"),
    ("go.mod", r"missing go\.sum entry|updates to go\.(mod|sum) needed|go mod tidy|inconsistent vendoring|is explicitly required in go\.mod", "go mod tidy", "go mod tidy"),
    ("Gemfile.lock", r"(lockfile|Gemfile\.lock).*(frozen|can't be updated|out of date)|bundle install.*deployment", "bundle lock", "bundle lock"),
    ("composer.lock", r"lock file is not up to date", "composer update --lock", "composer update --lock --no-scripts"),
];

static COMPILED: LazyLock<Vec<(usize, Regex)>> = LazyLock::new(|| {
    LOCKS.iter().enumerate().filter_map(|(row, (_, said, ..))| Some((row, Regex::new(said).ok()?))).collect()
});

pub(super) fn fitting(scene: &Scene<'_>) -> Vec<Fixer> {
    let mut found = Vec::new();
    for (row, said) in COMPILED.iter() {
        let (file, _, name, command) = LOCKS[*row];
        if scene.paths.iter().any(|path| path == file) && said.is_match(scene.output) {
            found.push(Fixer { name: name.into(), how: How::Command(command.into()) });
        }
    }
    found
}
