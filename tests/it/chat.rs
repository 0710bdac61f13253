//! Agents through the real program: what is said on the command line goes over HTTP to a model, and what comes of it is printed,
//! recorded, paid for and, for a repair, asked.

use std::fs;

use serde_json::json;

use crate::{
    home::{Home, contains},
    wire::{KEY, Server, Turn, Wire},
};

/// Repairs are wanted, and this server's model does them.
fn settings(server: &Server) -> String {
    format!("[limits]\njobs = 2\ngrace = \"1s\"\n\n[fix]\nenabled = true\n\n{}", server.settings())
}

#[test]
fn what_is_said_is_answered_and_paid_for() {
    let server = Server::scripted(
        Wire::Generic,
        vec![
            Turn::calls(&[("list_runs", json!({}))]),
            Turn::text("Nothing has run yet."),
            Turn::text("Still nothing."),
        ],
    );
    let home = Home::new();
    let prices = "\n[prices.models.\"test/scripted-1\"]\ninput = \"$1\"\noutput = \"$2\"\n";
    home.settings(&format!("{}{prices}", settings(&server)));
    let project = home.project("quiet", "[pipelines.ci.jobs.a]\nsteps = [\"true\"]\n");

    let said = home.run(&project, &["chat", "what", "has", "run?"]).expect(0);
    contains(&said.stdout, "Nothing has run yet.");
    let again = home.run(&project, &["chat", "--thread", "1", "and now?"]).expect(0);
    contains(&again.stdout, "Still nothing.");
    let list = home.run(&project, &["chat", "--list"]).expect(0);
    contains(&list.stdout, "what has run?");
    let bodies = server.bodies();
    assert_eq!(bodies.len(), 3);
    contains(&bodies[2].to_string(), "Nothing has run yet.");
    let spent = home.run(&project, &["cost", "--by", "model", "--json"]).expect(0);
    contains(&spent.stdout, "scripted-1");
    assert!(!spent.stdout.contains("unpriced\": true"), "{}", spent.stdout);
    let files =
        format!("{}{}{}", said.all(), again.all(), home.records().iter().map(ToString::to_string).collect::<String>());
    assert!(!files.contains(KEY), "the key of a provider is nobody's to see");
}

#[test]
fn without_a_model_it_says_what_to_do() {
    let home = Home::new();
    let project = home.project("quiet", "[pipelines.ci.jobs.a]\nsteps = [\"true\"]\n");
    let said = home.run(&project, &["chat", "hello"]).expect(1);
    contains(&said.all(), "hint:");
    contains(&said.all(), "model");
}

#[test]
fn a_failing_job_is_mended_by_a_model_proven_asked_and_applied() {
    let server = Server::scripted(
        Wire::Generic,
        vec![
            Turn::calls(&[("read_file", json!({ "path": "greet.sh" }))]),
            Turn::calls(&[("patch_file", json!({ "path": "greet.sh", "old": "$2", "new": "$1" }))]),
            Turn::calls(&[("run_job", json!({}))]),
            Turn::calls(&[("propose", json!({ "summary": "The name was never said; now it is." }))]),
            Turn::text("It mends the cause."),
        ],
    );
    let home = Home::new();
    home.settings(&settings(&server));
    let greet = "greet() {\n  echo \"Hello $2\"\n}\n";
    let test = ". ./greet.sh\nsaid=$(greet World)\nif [ \"$said\" != \"Hello World\" ]; then\n  echo \"greet.sh:2: said '$said'\"\n  exit 1\nfi\n";
    let definition = "[pipelines.ci.jobs.test]\nsteps = [\"sh test.sh\"]\n";
    let files = [("gonogo.toml", definition), ("greet.sh", greet), ("test.sh", test)];
    let project = home.project_with("greeter", &files);

    let ran = home.run(&project, &["run"]);
    let asked = home.run(&project, &["approvals"]).expect(0);
    contains(&asked.stdout, "The name was never said; now it is.");
    assert_eq!(project.read("greet.sh"), greet, "nothing is changed before a person says so");
    home.run(&project, &["go", "1"]).expect(0);
    contains(&project.read("greet.sh"), "Hello $1");
    assert_ne!(ran.code(), 0);
    contains(&fs::read_to_string(project.root.join("test.sh")).unwrap(), "exit 1");
    // The failed job's output, the file and the result of each tool were sent; every request was announced before.
    assert_eq!(server.bodies().len(), 5);
    contains(&home.run(&project, &["agent", "stats"]).expect(0).stdout, "engineer");
}
