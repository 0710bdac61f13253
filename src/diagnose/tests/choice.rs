//! Which of several errors is the one: steps, tolerated failures, decoys, wrappers of the output.

use super::read;
use crate::{
    diagnose::{Hints, diagnose},
    domain::diagnosis::Category::{self, Lint, Test, Timeout, Type},
};

const PLAIN: &str = "src/a.ts(3,7): error TS2322: Type 'string' is not assignable to type 'number'.\n";

fn runner(steps: &[(&str, &str, bool)]) -> String {
    let mut log = String::new();
    for (command, output, failed) in steps {
        log += &format!("##[group]Run {command}\n{command}\nshell: /usr/bin/bash -e {{0}}\n##[endgroup]\n{output}");
        if *failed {
            log += "##[error]Process completed with exit code 1.\n";
        }
    }
    log + "Post job cleanup.\n[command]/usr/bin/git version\n"
}

fn stamped(log: &str, before: &str) -> String {
    log.lines().map(|line| format!("{before}2026-03-01T10:00:00.1234567Z {line}\n")).collect()
}

#[test]
fn every_wrapper_gives_the_same_diagnosis() {
    let wanted = read(PLAIN);
    assert_eq!(wanted.category, Type);
    let steps = runner(&[("npm run build", PLAIN, true)]);
    let wide: Vec<u8> = PLAIN.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let logs = [
        PLAIN.replace('\n', "\r\n").into_bytes(),
        format!("\u{1b}[31m{}\u{1b}[0m", PLAIN.trim_end()).into_bytes(),
        format!("^[[31m{}^[[0m", PLAIN.trim_end()).into_bytes(),
        format!("10%\r50%\r{PLAIN}").into_bytes(),
        [b"\xff\xfe".as_slice(), &wide].concat(),
        wide,
        stamped(&steps, "").into_bytes(),
        stamped(&steps, "build\tcompile\t").into_bytes(),
        stamped(&steps, "build\tUNKNOWN STEP\t\u{feff}").into_bytes(),
        format!("#12 3.456 {PLAIN}").into_bytes(),
        format!("@acme/web:build: {PLAIN}").into_bytes(),
        format!("##[error]{PLAIN}").into_bytes(),
    ];
    for log in logs {
        let said = diagnose(&log, &Hints::default());
        let text = String::from_utf8_lossy(&log);
        assert_eq!(said.primary, wanted.primary, "{text}");
        assert_eq!((said.category, said.fingerprint), (wanted.category, wanted.fingerprint.clone()), "{text}");
    }
}

#[test]
fn evidence_counts_the_lines_of_the_original() {
    let said = read(&format!("a\r\nb\r\n{PLAIN}"));
    assert_eq!(said.evidence, Some((3, 3)));
}

#[test]
fn a_step_whose_failure_was_allowed_does_not_lead() {
    let lint = "a.py:1:1: F401 `os` imported but unused\n";
    let log = runner(&[
        ("ruff check .", lint, true),
        ("tsc", PLAIN, true),
        ("upload report", "Error: No file found\n", true),
    ]);
    assert_eq!(read(&log).category, Type);
    let log = runner(&[("ruff check . || true", lint, false), ("tsc", PLAIN, true)]);
    assert_eq!(read(&log).category, Type);
    let traced = format!("+ ruff check .\n{lint}+ true\n+ tsc -p .\n{PLAIN}");
    assert_eq!(read(&traced).category, Type);
    let traced = format!("+ tsc -p .\n{PLAIN}+ echo failed\nfailed\n+ exit 1\n");
    assert_eq!(read(&traced).category, Type);
}

#[test]
fn what_a_step_is_about_to_run_is_no_output() {
    let log = runner(&[("echo \"src/a.ts(1,1): error TS1005: x\"", PLAIN, true)]);
    assert_eq!(read(&log).diagnostics.len(), 1);
}

#[test]
fn warnings_are_no_cause_beside_an_error() {
    let log = "a.c:1:1: warning: unused variable 'x' [-Wunused-variable]\nnpm warn deprecated x@1\nmake: *** [Makefile:3: it] Error 124\n";
    assert_eq!(read(log).category, Timeout);
    let strict = "a.c:1:1: error: unused variable 'x' [-Werror=unused-variable]\n";
    assert_eq!(read(strict).category, Lint);
}

#[test]
fn matrix_twins_say_a_thing_once() {
    let log = stamped(&runner(&[("tsc", PLAIN, true)]), "a (1)\ttsc\t")
        + &stamped(&runner(&[("tsc", PLAIN, true)]), "a (2)\ttsc\t");
    assert_eq!(read(&log).diagnostics.len(), 1);
}

#[test]
fn hints_speak_where_the_output_does_not() {
    let timed_out = Hints { timed_out: true, ..Hints::default() };
    assert_eq!(diagnose(b"working\n", &timed_out).category, Timeout);
    for (code, category) in [(137, Category::Resource), (127, Category::Config), (124, Timeout), (1, Category::Unknown)]
    {
        let hints = Hints { exit_code: Some(code), ..Hints::default() };
        assert_eq!(diagnose(b"working\n", &hints).category, category, "{code}");
    }
    let report = "<testsuite><testcase classname=\"a.T\" name=\"x\"><failure message=\"no\">at T.x(T.java:9)</failure></testcase></testsuite>";
    let said = diagnose(b"", &Hints { reports: vec![report.to_owned()], ..Hints::default() });
    assert_eq!((said.category, said.tests.len()), (Test, 1));
    assert_eq!(said.primary.unwrap().place(), "T.java:9");
}

#[test]
fn nothing_says_nothing() {
    let said = read("");
    assert_eq!((said.category, said.primary, said.evidence), (Category::Unknown, None, None));
}
