//! Ten kinds of mischief that a step can make, and what gonogo makes of each.

use std::{
    fs,
    path::{Path, PathBuf},
};

use base64::Engine as _;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::home::{Home, contains, is_there, wait_for};

/// A project with one job of these steps.
fn job(steps: &[&str]) -> String {
    format!("[pipelines.ci.jobs.work]\nsteps = {}\n", serde_json::to_string(steps).unwrap())
}

#[test]
fn a_step_that_ignores_term_is_killed_after_the_grace() {
    let home = Home::new();
    home.settings("[limits]\ngrace = \"300ms\"\n");
    let deaf = "trap '' TERM INT HUP; touch ../started; while true; do sleep 1; done";
    let project = home.project("shop", &job(&[deaf]));
    let running = home.start(&project, &["run"]);
    project.wait_for_file("../started");
    running.signal(Signal::SIGINT);
    running.finish().expect(1);
    assert!(home.leftovers().is_empty(), "{:?}", home.leftovers());
    assert_eq!(home.job(1, "work")["status"], "cancelled");
}

#[test]
fn what_forks_away_from_its_step_does_not_outlive_the_job() {
    if !is_there("setsid") {
        return;
    }
    let home = Home::new();
    let project = home.project(
        "shop",
        &job(&[
            "setsid sh -c 'trap \"\" TERM HUP; touch ../one; sleep 600' > /dev/null 2>&1 < /dev/null &",
            "( ( setsid sh -c 'setsid sleep 600 & touch ../two; sleep 600' & ) & ) ; echo away",
            "while ! test -e ../one || ! test -e ../two; do sleep 0.02; done",
        ]),
    );
    home.run(&project, &["run"]).expect(0);
    assert!(home.leftovers().is_empty(), "{:?}", home.leftovers());
    assert_eq!(home.logs("1/work"), "away\n");
}

#[test]
fn a_step_that_closes_its_output_is_still_waited_for() {
    let home = Home::new();
    let project = home.project("shop", &job(&["echo before; exec >&- 2>&-; sleep 0.3; touch ../worked; exit 4"]));
    home.run(&project, &["run"]).expect(1);
    assert!(project.has("../worked"));
    assert_eq!(home.logs("1/work"), "before\n");
    assert_eq!(home.job(1, "work")["outcome"]["failure"], json!({ "kind": "exit", "code": 4 }));
}

#[test]
fn a_line_of_ten_megabytes_is_a_line() {
    let home = Home::new();
    let project = home.project("shop", &job(&["head -c 10000000 /dev/zero | tr '\\0' x; echo END; echo after"]));
    home.run(&project, &["run"]).expect(0);
    let lines = home.ask(&["logs", "1/work", "--json"]).expect(0).records();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["clipped"], true);
    assert!(lines[0]["text"].as_str().unwrap().len() < 100_000, "a line is not sent whole");
    assert_eq!(lines[1]["text"], "after");
}

#[test]
fn bytes_that_are_no_text_are_shown_harmless_and_not_lost() {
    let home = Home::new();
    let script = r"i=0; while test $i -lt 256; do printf '%b' \\0$(printf %o $i); i=$((i+1)); done; echo; printf 'a\033[2Jb\033]0;title\007c\033[31mred\033[0m\n'; printf 'broken \377\376 text\n'; echo after";
    let project = home.project("shop", &job(&[script]));
    home.run(&project, &["run"]).expect(0);
    let ran = home.ask(&["logs", "1/work"]).expect(0);
    let colours = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap();
    let plain = colours.replace_all(&ran.stdout, "");
    let bad: Vec<char> = plain.chars().filter(|c| c.is_control() && !"\n\t".contains(*c)).collect();
    assert!(bad.is_empty(), "{bad:?} in {plain:?}");
    contains(&ran.stdout, "\x1b[31mred");
    contains(&plain, "broken");
    assert!(!plain.contains("broken  text"), "the invalid bytes were lost: {plain:?}");
    assert!(plain.ends_with("after\n"), "{plain:?}");
}

#[test]
fn exit_137_and_a_kill_are_told_apart_and_diagnosed_as_want_of_memory() {
    let home = Home::new();
    let project = home.project(
        "shop",
        "[pipelines.ci.jobs.exits]\nsteps = [\"echo working; exit 137\"]\n[pipelines.ci.jobs.killed]\nsteps = [\"echo working; kill -9 $$\"]\n",
    );
    home.run(&project, &["run"]).expect(1);
    assert_eq!(home.job(1, "exits")["outcome"]["failure"], json!({ "kind": "exit", "code": 137 }));
    assert_eq!(home.job(1, "killed")["outcome"]["failure"], json!({ "kind": "signal", "number": 9 }));
    for job in ["exits", "killed"] {
        let job = home.job(1, job);
        assert_eq!(job["diagnosis"]["category"], "resource", "{job}");
    }
}

#[test]
fn a_missing_tool_is_named() {
    let home = Home::new();
    let project = home.project("shop", &job(&["frobnicate --all"]));
    let ran = home.run(&project, &["run"]).expect(1);
    let job = home.job(1, "work");
    assert_eq!(job["outcome"]["failure"], json!({ "kind": "exit", "code": 127 }));
    assert_eq!(job["diagnosis"]["category"], "config", "{job}");
    contains(&job["diagnosis"]["primary"]["message"].to_string(), "frobnicate");
    contains(&ran.stdout, "frobnicate");
}

#[test]
fn a_job_that_changes_files_during_its_proof_does_not_change_the_patch() {
    let home = Home::new();
    let definition = r#"
[pipelines.ci.jobs.check]
workspace = "isolated"
steps = ["echo junk >> other.txt; echo made > made.txt; grep -q good word.txt || exit 1; echo worse > word.txt; rm other.txt"]
[fix]
enabled = true
[fix.commands]
check = "echo good > word.txt"
"#;
    let files = [("gonogo.toml", definition), ("word.txt", "bad\n"), ("other.txt", "other\n")];
    let project = home.project_with("shop", &files);
    home.run(&project, &["run"]).expect(1);
    let waiting = home.ask(&["approvals", "1", "--json"]).expect(0).json();
    let patch = waiting["proposal"]["patch"].as_str().unwrap().to_owned();
    contains(&patch, "-bad\n+good\n");
    assert!(!patch.contains("other.txt") && !patch.contains("made.txt") && !patch.contains("worse"), "{patch}");
    home.run(&project, &["go", "1"]).expect(0);
    assert_eq!(project.git(&["diff", "--name-status", "HEAD~1", "HEAD"]), "M\tword.txt");
    assert_eq!(project.git(&["show", "HEAD:word.txt"]), "good");
    assert_eq!(project.git(&["status", "--porcelain=v1"]), "");
    let applied = project.git(&["diff", "--full-index", "HEAD~1", "HEAD"]);
    let lines = |text: &str| {
        text.lines().filter(|line| line.starts_with(['+', '-', ' ', '@'])).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(&applied), lines(&patch));
}

/// Files under `dir`, whatever they are.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().flatten() {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => found.extend(files(&entry.path())),
            kind if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

#[test]
fn a_declared_secret_is_in_no_file_and_on_no_screen() {
    let secret = "correct-horse/battery+staple";
    let base64 = base64::engine::general_purpose::STANDARD.encode(secret);
    let url = "correct-horse%2Fbattery%2Bstaple";
    let home = Home::new().variable("TOKEN", secret);
    let report = r#"<testsuite name="s" tests="1" failures="1"><testcase name="t" file="a.py" line="3"><failure message="got $TOKEN">got $TOKEN</failure></testcase></testsuite>"#;
    let definition = format!(
        r#"
[pipelines.ci.jobs.leak]
secrets = ["TOKEN"]
steps = [
  "echo plain $TOKEN; echo error: bad token $TOKEN >&2",
  "printf correct-horse/; sleep 0.3; printf 'battery+staple\n'; printf correct-horse/batt; sleep 0.3; printf 'ery+staple'; sleep 0.3; echo",
  "printf %s $TOKEN | base64; printf 'user:%s' $TOKEN | base64",
  '''echo "https://example.org/?token=$(printf %s $TOKEN | sed 's|/|%2F|; s|+|%2B|')"''',
  {{ run = '''echo '{report}' | sed "s|[$]TOKEN|$TOKEN|g" > ../report.xml; cp ../report.xml report.xml; exit 1''', reports = ["report.xml"] }},
]
[fix]
enabled = true
[fix.commands]
leak = "echo fixing with $TOKEN; false"
"#
    );
    let project = home.project_with("shop", &[("gonogo.toml", &definition), (".gitignore", "report.xml\n")]);
    let ran = home.run(&project, &["run", "--tail", "100"]).expect(1);
    let json = home.run(&project, &["run", "--json"]).expect(1);
    let after: Vec<String> = [
        &["status", "1", "--json"][..],
        &["logs", "1/leak"],
        &["logs", "1/leak", "--repair"],
        &["watch", "--json", "--since", "0", "--until-idle"],
    ]
    .iter()
    .map(|args| home.ask(args).all())
    .collect();
    contains(&ran.stdout, "plain ***");
    contains(&project.read("../report.xml"), secret);
    assert_eq!(home.job(1, "leak")["diagnosis"]["tests"], json!(["t"]), "the report was read");

    let forms = [secret, &base64, url, "horse/battery", &base64[4..20]];
    let said =
        [ran.all(), json.all()].into_iter().chain(after).map(|text| ("what was said".to_owned(), text.into_bytes()));
    let kept =
        files(&home.gonogo()).into_iter().filter(|path| path.file_name().is_none_or(|name| name != "report.xml"));
    let kept: Vec<(String, Vec<u8>)> =
        kept.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect();
    assert!(kept.iter().any(|(name, _)| name.ends_with("records.db")) && kept.len() > 5);
    for (place, bytes) in said.chain(kept) {
        for form in forms {
            let found = bytes.windows(form.len()).position(|window| window == form.as_bytes());
            if let Some(at) = found {
                let around = &bytes[at.saturating_sub(80)..bytes.len().min(at + 80)];
                panic!("{form:?} in {place}: {:?}", String::from_utf8_lossy(around));
            }
        }
    }
}

#[test]
fn a_step_that_floods_its_output_is_recorded_whole_and_can_be_stopped() {
    let home = Home::new();
    let project = home.project("shop", &job(&["yes a line of the flood"]));
    let running = home.start(&project, &["run"]);
    wait_for("a hundred thousand lines", || {
        let seen = home.ask(&["logs", "--tail", "1", "--json"]);
        let lines = seen.stdout.lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok());
        let count = lines.and_then(|line| line["line"].as_u64()).unwrap_or(0);
        if count > 100_000 { Ok(()) } else { Err(format!("there are {count}")) }
    });
    running.signal(Signal::SIGINT);
    running.finish().expect(1);
    assert!(home.leftovers().is_empty(), "{:?}", home.leftovers());
}
