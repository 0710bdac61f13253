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

#[test]
fn models_arrive_in_the_order_of_the_file_and_paths_where_they_lead() {
    let source = r#"
        [providers.zebra]
        kind = "anthropic"
        key-file = "~/key"
        requests-per-minute = 5
        [providers.ape]
        kind = "openai-compatible"
        url = "http://127.0.0.1:1/v1"
        key-command = "pass show x"
        [models.z]
        provider = "zebra"
        model = "m"
        effort = "low"
        [models.a]
        provider = "gemini"
        model = "g"
        [roles.default]
        models = ["a", "ape/anything"]
    "#;
    let loaded = parse("config.toml", source, None, Some(Path::new("/home/me")));
    assert_eq!(loaded.problems, []);
    let models = loaded.settings.models;
    let providers: Vec<&str> = models.providers.iter().map(|provider| provider.name.as_str()).collect();
    assert_eq!(providers, ["zebra", "ape"]);
    assert_eq!(models.providers[0].key, model::KeySource::File("/home/me/key".into()));
    let command = ["sh", "-c", "pass show x"].map(str::to_owned).to_vec();
    assert_eq!(models.providers[1].key, model::KeySource::Command(command));
    let names: Vec<String> = models.models.iter().map(|spec| spec.model.to_string()).collect();
    assert_eq!(names, ["zebra/m", "gemini/g"]);
    assert_eq!(models.roles["default"], ["a", "ape/anything"]);
}

#[test]
fn what_looks_like_a_key_is_refused_and_never_shown() {
    let source = "[providers.a]\nkind = \"openai\"\nkey-env = \"sk-proj-abcdefghijkl\"\n[providers.b]\nkind = \"gemini\"\nkey = \"AIzaSyA1234567890abcdefghijk\"\n";
    let loaded = parse("config.toml", source, None, None);
    let said: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("looks like a key itself") && said[0].contains("***"), "{said:?}");
    assert!(!said.concat().contains("sk-proj") && !said.concat().contains("AIza"), "{said:?}");
}
