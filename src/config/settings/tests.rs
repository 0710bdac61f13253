#![allow(clippy::unwrap_used)]
use super::*;
use crate::config::keymap::action::Action;

#[test]
fn everything_arrives_where_it_belongs() {
    let source = r#"
        projects = [{ path = "~/src/a" }, { path = "b", name = "shop" }, { path = "/c/" }]
        [limits]
        jobs = 3
        grace = "2s"
        output-size = "1 GB"
        [theme]
        glyphs = "ascii"
        color = "never"
        [screen]
        bandwidth = "low"
        [fix]
        apply = "branch"
        [keys.global]
        zoom = ["Z", "f5"]
        suspend = []
    "#;
    let loaded = parse("config.toml", source, Some(Path::new("/etc/x")), Some(Path::new("/home/me")));
    assert_eq!(loaded.problems, []);
    let settings = loaded.settings;
    let projects: Vec<(&str, &str)> =
        settings.projects.iter().map(|p| (p.name.as_str(), p.path.to_str().unwrap())).collect();
    assert_eq!(projects, [("a", "/home/me/src/a"), ("shop", "/etc/x/b"), ("c", "/c/")]);
    assert_eq!(
        (settings.limits.jobs, settings.limits.grace, settings.limits.output_size),
        (3, Millis(2000), 1_000_000_000)
    );
    assert_eq!((settings.theme.glyphs, settings.theme.color), (Glyphs::Ascii, Color::Never));
    assert_eq!(settings.bandwidth, Bandwidth::Low);
    assert_eq!(settings.keymap.action(&[Context::Global], "Z".parse().unwrap()), Some(Action::Zoom));
    assert_eq!(settings.keymap.label(Context::Global, Action::Zoom), "Z");
    assert_eq!(settings.keymap.keys(Context::Global, Action::Suspend), []);
}

#[test]
fn what_is_wrong_takes_nothing_else_down() {
    let loaded = parse(
        "config.toml",
        "[limits]\njobs = 0\ngrace = \"3s\"\n[keys.logs]\nwrap = \"nokey\"\nfollow = \"F\"\n",
        None,
        None,
    );
    assert_eq!(loaded.problems.len(), 2);
    assert!(loaded.settings.limits.jobs >= 1);
    assert_eq!(loaded.settings.limits.grace, Millis(3000));
    assert_eq!(loaded.settings.keymap.label(Context::Logs, Action::Wrap), "w");
    assert_eq!(loaded.settings.keymap.label(Context::Logs, Action::Follow), "F");
}

#[test]
fn a_file_that_is_not_there_says_nothing() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(load(&directory.path().join("config.toml"), None).unwrap(), Loaded::default());
}
