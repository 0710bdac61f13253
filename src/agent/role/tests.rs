//! Roles, built in and one's own.
#![allow(clippy::unwrap_used)]

use std::{fs, time::Duration};

use super::*;
use crate::{agent::tool::Toolbox, domain::usage::NanoUsd};

#[test]
fn every_built_in_role_reads_and_says_what_it_is_for() {
    let roles = Roles::built_in();
    assert_eq!(roles.0.len(), BUILT_IN.len());
    for role in roles.all() {
        assert!(!role.about.is_empty() && role.prompt.len() > 100, "{}", role.name);
        assert_eq!(Toolbox::new(role.tools.iter().map(String::as_str)).specs().len(), role.tools.len());
        assert!(role.limits.cost.is_some(), "{} could cost anything", role.name);
    }
    let may = |role: &str, tool: &str| roles.get(role).unwrap().tools.iter().any(|own| own == tool);
    assert!(may("engineer", "patch_file") && may("engineer", "propose") && may("operator", "retry_run"));
    assert!(!may("reviewer", "write_file") && !may("analyst", "start_run"));
}

#[test]
fn ones_own_file_changes_what_it_names_or_is_a_new_role() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("engineer.toml"), "model = \"big\"\n[limits]\ncost = \"0.5\"\ntime = \"3m\"\n").unwrap();
    fs::write(dir.path().join("poet.toml"), "prompt = \"Rhyme.\"\ntools = [\"read_file\"]\n").unwrap();
    fs::write(dir.path().join("notes.txt"), "no role").unwrap();
    let (roles, wrong) = Roles::built_in().with_own(dir.path());
    assert!(wrong.is_empty(), "{wrong:?}");
    let (engineer, built_in) = (roles.get("engineer").unwrap().clone(), Roles::built_in());
    let built_in = built_in.get("engineer").unwrap();
    assert_eq!((engineer.model.as_str(), &engineer.prompt), ("big", &built_in.prompt));
    assert_eq!((engineer.limits.cost, engineer.limits.time), (Some(NanoUsd(500_000_000)), Duration::from_mins(3)));
    assert_eq!(engineer.limits.steps, built_in.limits.steps);
    assert_eq!(roles.get("poet").unwrap().prompt, "Rhyme.");
}

#[test]
fn a_wrong_file_is_left_out_and_said_to_be_wrong() {
    for (name, text, says, hints) in [
        ("a b.toml", "", "no name of a role", "small letters"),
        ("x.toml", "prompt = \"p\"", "`tools` is missing", "needs `tools`"),
        ("x.toml", "prompt = \"p\"\ntools = [\"reed_file\"]", "there is no tool `reed_file`", "read_file"),
        ("x.toml", "prompt = \"p\"\ntools = [\"propose\", \"propose\"]", "twice", ""),
        ("x.toml", "prompts = \"p\"", "unknown field", ""),
        ("x.toml", "prompt = ", "line 1, column 10", ""),
        ("engineer.toml", "[limits]\nsteps = 0", "`limits.steps` is 0", "between 1 and 500"),
        ("engineer.toml", "[limits]\ntime = \"soon\"", "\"soon\"", ""),
        ("engineer.toml", "[limits]\ncost = \"a lot\"", "a lot", "dollars"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(name), text).unwrap();
        let (roles, wrong) = Roles::built_in().with_own(dir.path());
        assert_eq!(roles, Roles::built_in());
        let [error] = &wrong[..] else { panic!("{name} {text}: {wrong:?}") };
        assert!(error.to_string().contains(says) && error.file.ends_with(name), "{error}");
        assert!(error.hint.clone().unwrap_or_default().contains(hints), "{error:?}");
    }
}
