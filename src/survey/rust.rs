//! `Cargo.toml`.

use super::{Site, Survey, found::Kind};

pub(super) fn look(site: &Site<'_>, survey: &mut Survey) {
    let Some(manifest) = site.read("Cargo.toml") else { return };
    let Ok(manifest) = manifest.parse::<toml::Table>() else {
        survey.seen.push("a Cargo.toml that isn't TOML".to_owned());
        return;
    };
    let machine = site.machine;
    let is_workspace = manifest.contains_key("workspace");
    survey.seen.push(if is_workspace { "a Cargo workspace".to_owned() } else { "a Cargo package".to_owned() });
    let workspace = if is_workspace { " --workspace" } else { "" };
    let cargo = machine.has("cargo");
    // A lock file that is out of step with the manifest would fail every job before it begins.
    let in_step = site.has("Cargo.lock")
        && is_committed(site, "Cargo.lock")
        && machine.succeeds(&site.dir(), "cargo update --workspace --locked --offline");
    let locked = if in_step { " --locked" } else { "" };
    let workflows = super::workflow::text(site.root);
    let job = |name: &str, kind: Kind, why: &str, command: String| {
        let job = site.job("rust", name, kind, why).run(command);
        job.only_if(cargo, "`cargo` isn't on this machine")
    };

    let wants_format = site.first_of(&["rustfmt.toml", ".rustfmt.toml"]).is_some() || workflows.contains("cargo fmt");
    let check_format = "cargo fmt --all -- --check";
    let why = if wants_format {
        "the repository uses rustfmt"
    } else {
        "the code is laid out by rustfmt, and should stay so"
    };
    let format = job("format", Kind::Format, why, check_format.to_owned())
        .only_if(machine.succeeds(&site.dir(), "cargo fmt --version"), "`rustfmt` isn't on this machine")
        .only_if(
            wants_format || machine.succeeds(&site.dir(), check_format),
            "nothing here says that rustfmt is used, and the code isn't laid out by it",
        );
    survey.add(format);

    let strict = if workflows.contains("-D warnings") { " -- -D warnings" } else { "" };
    let targets = if unstable_benches(site) { "--lib --bins --tests --examples" } else { "--all-targets" };
    let targets =
        if targets.starts_with("--lib") && !site.has("src/lib.rs") { "--bins --tests --examples" } else { targets };
    let lint = job(
        "lint",
        Kind::Lint,
        "clippy finds what rustc lets through",
        format!("cargo clippy{workspace} {targets}{locked}{strict}"),
    );
    survey.add(lint.only_if(machine.succeeds(&site.dir(), "cargo clippy --version"), "`clippy` isn't on this machine"));
    let build =
        job("build", Kind::Build, "a Cargo.toml is there: it must compile", format!("cargo build{workspace}{locked}"));
    let build_name = build.name.clone();
    survey.add(build);
    survey.add(
        job("test", Kind::Test, "a Cargo.toml is there: its tests must pass", format!("cargo test{workspace}{locked}"))
            .after(Some(&build_name)),
    );
}

/// Whether git keeps the file; outside of a repository, every file counts.
fn is_committed(site: &Site<'_>, name: &str) -> bool {
    let in_git = site.machine.succeeds(&site.dir(), "git rev-parse --is-inside-work-tree");
    !in_git || site.machine.succeeds(&site.dir(), &format!("git ls-files --error-unmatch {name}"))
}

/// Whether the benches need a nightly compiler, which `--all-targets` would trip over.
fn unstable_benches(site: &Site<'_>) -> bool {
    let benches = Site { below: site.below.join("benches"), ..*site };
    let unstable = |name: &String| benches.read(name).is_some_and(|source| source.contains("#![feature("));
    benches.names().iter().any(unstable)
}
