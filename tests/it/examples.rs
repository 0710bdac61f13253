//! Every file that is shown to people as an example is right.

use std::path::{Path, PathBuf};

use gonogo::{
    config::{definition, settings},
    domain::{definition::FixPolicy, plan},
};

use crate::home::Home;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn said<T: std::fmt::Display>(problems: &[T]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// The definition has pipelines, says nothing wrong, and each of them can be planned.
fn check(file: &Path) {
    let loaded = definition::load(file, &FixPolicy::default()).unwrap();
    assert!(loaded.problems.is_empty(), "{}:\n{}", file.display(), said(&loaded.problems));
    assert!(!loaded.definition.pipelines.is_empty(), "{} has no pipeline", file.display());
    for pipeline in &loaded.definition.pipelines {
        let plan = plan::plan(pipeline, &loaded.definition.fix, &[]);
        let plan = plan.unwrap_or_else(|error| panic!("{}: {}: {error}", file.display(), pipeline.name));
        assert!(!plan.jobs.is_empty());
    }
}

#[test]
fn every_example_of_a_gonogo_toml_can_be_planned() {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(root().join("assets/examples")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 5, "{files:?}");
    files.push(root().join("assets/demo/gonogo.toml"));
    files.iter().for_each(|file| check(file));
}

#[test]
fn the_example_of_a_config_toml_is_right_for_library_and_program() {
    let file = root().join("config.example.toml");
    let loaded = settings::load(&file, Some(Path::new("/home/somebody"))).unwrap();
    assert!(loaded.problems.is_empty(), "{}", said(&loaded.problems));
    let home = Home::new();
    home.settings(&std::fs::read_to_string(file).unwrap());
    home.ask(&["config", "check"]).expect(0);
}
