//! Kinds of output that logs of other projects showed: consequences in later steps, wrappers, forms of tools that are seldom seen.

use super::{Row, check, read};
use crate::domain::diagnosis::Category::{
    Build, Config, Dependency, Deploy, Format, Import, Lint, Network, Syntax, Test, Type,
};

const ROWS: &[Row] = &[
    (
        "Gradle, a nested reason",
        Build,
        "",
        "Class too large",
        1,
        "> Task :app:compileKotlin FAILED\n\nFAILURE: Build failed with an exception.\n\n* What went wrong:\nExecution failed for task ':app:compileKotlin'.\n> A failure occurred while executing a.b.Worker\n   > Class too large\n\nBUILD FAILED in 1s\n",
    ),
    (
        "Maven, a plugin that names a place",
        Build,
        "pages/index.html:7",
        "Failed to execute goal",
        1,
        "[ERROR] Failed to execute goal a.b:c:1:build (default) on project x: failed\n[ERROR] \t[error]: Parser error in template [pages/index.html:7]: no section\n[ERROR] \tat a.b.C.d(C.java:1)\n",
    ),
    (
        "NuGet, versions that there are",
        Dependency,
        "A.csproj",
        "Unable to find package B",
        1,
        "A.csproj : error NU1102: Unable to find package B with version (>= 2.0.0)\nA.csproj : error NU1102:   - Found 3 version(s) in nuget.org [ Nearest version: 1.0.0 ]\n",
    ),
    (
        "xcodebuild, signing",
        Config,
        "App.xcodeproj",
        "No profiles for",
        1,
        "App.xcodeproj: error: No profiles for 'a.b' were found (in target 'App' from project 'App')\n** ARCHIVE FAILED **\n",
    ),
    (
        "xcodebuild, packages",
        Dependency,
        "",
        "repository not found",
        1,
        "xcodebuild: error: Could not resolve package dependencies:\n  Failed to clone x: fatal: repository not found\n",
    ),
    (
        "SAM",
        Deploy,
        "",
        "Failed to create changeset",
        1,
        "Error: Failed to create changeset for the stack: a, ex: Waiter failed\n",
    ),
    (
        "dart analyze, fatal infos in melos",
        Lint,
        "lib/a.dart:1:8",
        "Unused import",
        2,
        "melos exec -- dart analyze --fatal-infos\n[my_pkg]: warning - lib/a.dart:1:8 - Unused import: 'x'. - unused_import\n[my_pkg]:    info - lib/b.dart:2:1 - Sort. - directives_ordering\n[my_pkg]: 2 issues found.\n  └> FAILED (in 1 packages)\n",
    ),
    (
        "flutter test",
        Test,
        "/w/test/a_test.dart:9",
        "Expected: one",
        1,
        "══╡ EXCEPTION CAUGHT BY FLUTTER TEST FRAMEWORK ╞════\nThe following TestFailure was thrown running a test:\nExpected: one\n  Actual: none\n\nThis was caught by the test expectation on the following line:\n  file:///w/test/a_test.dart line 9\n════\n00:05 +3 -1: /w/test/a_test.dart: counts [E]\n  Test failed. See exception logs above.\n\n00:06 +3 -1: Some tests failed.\n",
    ),
    (
        "dart test",
        Test,
        "test/a_test.dart:9:5",
        "Expected: <1>",
        1,
        "00:01 +0 -1: test/a_test.dart: adds [E]\n  Expected: <1>\n    Actual: <2>\n  package:matcher        expect\n  test/a_test.dart 9:5   main.<fn>\n\n00:01 +0 -1: Some tests failed.\n",
    ),
    ("sbt, [error]", Build, "", "cannot link", 1, "[info] compiling\n[error] cannot link main\n"),
    (
        "wget, status",
        Network,
        "",
        "ERROR 404",
        1,
        "HTTP request sent, awaiting response... 404 Not Found\n2026-02-03 17:06:42 ERROR 404: Not Found.\n",
    ),
    (
        "clang-tidy in Bazel, twice",
        Lint,
        "src/a.h:3:1",
        "should be marked",
        1,
        "/c/sandbox/1/execroot/_main/src/a.h:3:1: error: 'f' should be marked [[nodiscard]] [modernize-use-nodiscard,-warnings-as-errors]\n/c/sandbox/2/execroot/_main/src/a.h:3:1: error: 'f' should be marked [[nodiscard]] [modernize-use-nodiscard,-warnings-as-errors]\n",
    ),
    (
        "Python, aborted under pytest",
        Test,
        "tests/test_a.py:14",
        "Fatal Python error: Aborted",
        1,
        "===== test session starts =====\nFatal Python error: Aborted\n\nCurrent thread 0x1 (most recent call first):\n  File \"tests/test_a.py\", line 14 in test_a\n  File \"/usr/lib/python3/_pytest/python.py\", line 1 in f\n",
    ),
    (
        "pytest, a chain",
        Test,
        "tests/test_a.py:8",
        "ConnectionError: aborted",
        1,
        "===== FAILURES =====\n______ test_a ______\n\nE   http.client.RemoteDisconnected: closed\n\n/usr/lib/python3/http/client.py:3: RemoteDisconnected\n\nDuring handling of the above exception, another exception occurred:\n\n>   get()\n\ntests/test_a.py:8: \nE   requests.exceptions.ConnectionError: aborted\n===== 1 failed in 1s =====\n",
    ),
    (
        "pytest, a subtest",
        Test,
        "tests/test_a.py",
        "assert 1 == 2",
        2,
        "SUBFAILED(i=1) tests/test_a.py::test_s - AssertionError: assert 1 == 2\nFAILED tests/test_a.py::test_b - assert 3 == 4\n",
    ),
    (
        "a chain of tracebacks with text between",
        Build,
        "/w/tools/x.spec:19",
        "Failed to build",
        1,
        "Traceback (most recent call last):\n  File \"/usr/lib/python3/a.py\", line 1, in f\nSystemError: lipo\noutput: note\nmore\n\n\nThe above exception was the direct cause of the following exception:\n\nTraceback (most recent call last):\n  File \"/w/tools/x.spec\", line 19, in <module>\nSystemError: Failed to build binary\n",
    ),
    (
        "JavaScript, the message below",
        Config,
        "seed.ts:85:22",
        "Unknown argument",
        1,
        "PrismaClientValidationError: \nInvalid `a.b()` invocation in\n\nUnknown argument `x`: required is y.\n    at f (/w/node_modules/p/i.js:1:1)\n    at async main (seed.ts:85:22) {\n",
    ),
    (
        "Bats",
        Test,
        "test/a.bats:5",
        "`[ \"$a\" = b ]' failed",
        1,
        "1..2\nok 1 one\nnot ok 2 two\n# (in test file test/a.bats, line 5)\n#   `[ \"$a\" = b ]' failed\n",
    ),
    (
        "go test -json",
        Test,
        "a_test.go:3",
        "got 1",
        1,
        "{\"Time\":\"t\",\"Action\":\"run\",\"Package\":\"d\",\"Test\":\"TestA\"}\n{\"Time\":\"t\",\"Action\":\"output\",\"Package\":\"d\",\"Test\":\"TestA\",\"Output\":\"--- FAIL: TestA (0.00s)\\n\"}\n{\"Time\":\"t\",\"Action\":\"output\",\"Package\":\"d\",\"Test\":\"TestA\",\"Output\":\"    a_test.go:3: got 1\\n\"}\n{\"Time\":\"t\",\"Action\":\"fail\",\"Package\":\"d\"}\n",
    ),
    (
        "go, a race",
        Test,
        "/w/a_test.go:3",
        "WARNING: DATA RACE",
        1,
        "WARNING: DATA RACE\nRead at 0x1 by goroutine 9:\n  demo.TestRace.func1()\n      /w/a_test.go:3 +0x39\n==================\n--- FAIL: TestRace (0.00s)\n    testing.go:1319: race detected during execution of test\nFAIL\n",
    ),
    (
        "go, a package of the project",
        Import,
        "b.go:2:22",
        "is not in GOROOT",
        1,
        "b.go:2:22: package demo/nope is not in GOROOT (/usr/lib/go/src/demo/nope)\n",
    ),
    (
        "golangci-lint, indented",
        Lint,
        "db/db.go:14:17",
        "Error return value",
        1,
        "  db/db.go:14:17: Error return value of `rows.Close` is not checked (errcheck)\n  \tdefer rows.Close()\n",
    ),
    (
        "cargo test, should_panic",
        Test,
        "src/lib.rs:13:32",
        "did not panic as expected",
        1,
        "failures:\n\n---- tests::a stdout ----\nnote: test did not panic as expected at src/lib.rs:13:32\n\nfailures:\n    tests::a\n",
    ),
    (
        "cargo test, an example",
        Test,
        "src/lib.rs:4",
        "assertion",
        1,
        "---- src/lib.rs - add (line 4) stdout ----\nTest executable failed (exit status: 101).\n\nstderr:\n\nthread 'main' (1) panicked at /tmp/rustdoctestX/doctest_bundle_2024.rs:6:1:\nassertion `left == right` failed\n  left: 3\n right: 4\n\nfailures:\n",
    ),
    (
        "CMake, parse error",
        Syntax,
        "CMakeLists.txt:2",
        "Parse error",
        1,
        "CMake Error at CMakeLists.txt:2:\n  Parse error.  Function missing ending \")\".  End of file reached.\n\n",
    ),
    (
        "CTest",
        Test,
        "",
        "t1 (Failed)",
        1,
        "1/1 Test #1: t1 ......***Failed    0.00 sec\n\n0% tests passed, 1 tests failed out of 1\n\nThe following tests FAILED:\n\t  1 - t1 (Failed)\n",
    ),
    (
        "Sphinx, errors among warnings",
        super::Category::Docs,
        "index.rst:6",
        "Unknown directive",
        2,
        "index.rst:6: ERROR: Unknown directive type \"foo\".\nindex.rst:8: WARNING: undefined label: 'no' [ref.ref]\nbuild finished with problems, 2 warnings (with warnings treated as errors).\n",
    ),
    (
        "timeout, no command",
        Config,
        "",
        "failed to run command",
        1,
        "timeout: failed to run command ‘bundle’: No such file or directory\n",
    ),
    (
        "tar",
        Config,
        "",
        "Cannot open",
        1,
        "tar: a.tar: Cannot open: No such file or directory\ntar: Error is not recoverable: exiting now\n",
    ),
    (
        "djLint",
        Format,
        "t.html",
        "would be updated",
        1,
        "t.html\n─────────\n@@ -1 +1,2 @@\n\n-<div><p>\n+<div>\n\n1 file would be updated.\n",
    ),
    (
        "git, refused",
        Config,
        "",
        "Permission to o/r.git denied",
        1,
        "remote: Permission to o/r.git denied to github-actions[bot].\nfatal: unable to access 'https://github.com/o/r/': The requested URL returned error: 403\n",
    ),
    (
        "Jest, mangled by a code page",
        Test,
        "a.test.ts:37:22",
        "toHaveProperty",
        1,
        " FAIL  a.test.ts\n    ├ù flat view (3 ms)\n\n  ΓùÅ Table ΓÇ║ flat view\n\n    expect(received).toHaveProperty(path, value)\n\n    > 37 |  expect(row)\n\n      at Object.toHaveProperty (a.test.ts:37:22)\n\nTests:       1 failed, 1 total\n",
    ),
];

#[test]
fn kinds_seen_in_the_wild() {
    check(ROWS);
}

fn steps(steps: &[(&str, &str)]) -> String {
    let ended = "##[error]Process completed with exit code 1.\n";
    steps.iter().map(|(name, output)| format!("##[group]Run {name}\n##[endgroup]\n{output}{ended}")).collect()
}

#[test]
fn a_step_that_misses_what_an_earlier_one_did_not_make_is_no_cause() {
    let said = read(&steps(&[
        ("make test", "FAILED tests/test_a.py::test_a - assert 1 == 2\n"),
        ("cat out.log", "cat: out.log: No such file or directory\n"),
    ]));
    assert_eq!(said.category, Test);
    let said = read(&steps(&[
        ("convert", "sed: RE error: illegal byte sequence\n"),
        ("cat x", "cat: x: No such file or directory\n"),
    ]));
    assert!(said.primary.is_some_and(|p| p.message.contains("illegal byte sequence")));
}

#[test]
fn the_name_of_a_step_tells_where_its_output_does_not() {
    assert_eq!(read(&steps(&[("npm run build", "it did not go well\n")])).category, Build);
}

#[test]
fn columns_without_a_timestamp_are_columns() {
    let log = "job\tlint\t2026-01-01T00:00:00Z ##[group]Run tsc\njob\tlint\t2026-01-01T00:00:00Z ##[endgroup]\njob\tlint\ta.ts(3,7): error TS2322: No.\njob\tlint\t2026-01-01T00:00:00Z ##[error]Process completed with exit code 2.\n";
    let said = read(log);
    assert_eq!((said.category, said.primary.unwrap_or_default().place()), (Type, "a.ts:3:7".to_owned()));
}
