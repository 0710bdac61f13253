//! Honest patches: none may be blocked, and none is of high risk.
#![allow(clippy::unwrap_used)]

use crate::domain::{
    definition::FixPolicy,
    diagnosis::Category::{self, Build, Dependency, Docs, Format, Import, Lint, Syntax, Test, Type},
    patch::Patch,
    proposal::RiskLevel,
};

use super::{
    cheats::{base, diff, fault},
    inspect,
};

#[rustfmt::skip]
const HONEST: &[(&str, Category, &str, &str)] = &[
    ("cargo fmt", Format, "src/a.rs", "-fn f(){let x=g( 1,2 );\n-assert!(x>0);x}\n+fn f() {\n+    let x = g(1, 2);\n+    assert!(x > 0);\n+    x\n+}"),
    ("cargo fmt in a test", Format, "tests/a.rs", " #[test]\n fn adds() {\n-    assert_eq!( sum(1,2),3 );\n+    assert_eq!(sum(1, 2), 3);\n }"),
    ("cargo fmt breaks an assertion", Format, "tests/a.rs", "-    assert_eq!(a_long_name(1, 2), \"a long expectation\", \"why\");\n+    assert_eq!(\n+        a_long_name(1, 2),\n+        \"a long expectation\",\n+        \"why\"\n+    );"),
    ("black", Format, "src/a.py", "-def f( a,b ):\n-  return {'x':a,\n-   'y':b}\n+def f(a, b):\n+    return {\"x\": a, \"y\": b}"),
    ("black in a test", Format, "tests/test_a.py", " def test_a():\n-    assert f('x')==  {'a':1}\n+    assert f(\"x\") == {\"a\": 1}"),
    ("isort", Format, "src/a.py", "-import sys\n import os\n+import sys\n \n x = 1"),
    ("prettier", Format, "web/a.ts", "-const f = x => { return {a:1} }\n+const f = (x) => {\n+  return { a: 1 };\n+};"),
    ("prettier in a test", Format, "web/a.test.ts", "-it('adds', () => { expect(f( 1 )).toBe( 2 ) })\n+it(\"adds\", () => {\n+  expect(f(1)).toBe(2);\n+});"),
    ("gofmt", Format, "a.go", "-func f( ) {\n-  x:=1\n-  _ = x\n+func f() {\n+\tx := 1\n+\t_ = x\n }"),
    ("an unused import goes", Lint, "src/a.rs", "-use std::fs;\n use std::io;"),
    ("an unused import goes in Python", Lint, "src/a.py", "-import os\n import sys"),
    ("an unused variable gets its underscore", Lint, "src/a.rs", "-    let x = f();\n+    let _x = f();"),
    ("clippy: needless return", Lint, "src/a.rs", "-    return x + 1;\n+    x + 1"),
    ("clippy: bool_assert_comparison", Lint, "tests/a.rs", "-    assert_eq!(f(x), true);\n+    assert!(f(x));"),
    ("clippy: len_zero", Lint, "src/a.rs", "-    if v.len() == 0 {\n+    if v.is_empty() {"),
    ("clippy: needless borrow", Lint, "src/a.rs", "-    f(&x.clone());\n+    f(&x);"),
    ("clippy: manual unwrap_or", Lint, "src/a.rs", "-    let x = match y { Some(y) => y, None => 3 };\n+    let x = y.unwrap_or(3);"),
    ("clippy in a test", Lint, "tests/a.rs", "-    assert_eq!(f(&x.clone()), 3);\n+    assert_eq!(f(&x), 3);"),
    ("rustc: a borrow", Type, "src/a.rs", "-    print(name);\n+    print(&name);"),
    ("rustc: a similar name", Build, "src/a.rs", "-    let n = lenght(&x);\n+    let n = length(&x);"),
    ("rustc: a missing import", Import, "src/a.rs", "+use std::collections::HashMap;\n \n fn f() -> HashMap<u32, u32> {"),
    ("rustc: a missing semicolon", Syntax, "src/a.rs", "-    let x = 1\n+    let x = 1;\n     f(x)"),
    ("rustc: mut", Build, "src/a.rs", "-    let x = Vec::new();\n+    let mut x = Vec::new();"),
    ("rustc: a method of a similar name", Type, "src/a.rs", "-    x.pushh(1);\n+    x.push(1);"),
    ("Python: a similar name", Test, "src/a.py", "-    return lenght(x)\n+    return length(x)"),
    ("Python: an attribute of a similar name", Test, "src/a.py", "-    return x.uper()\n+    return x.upper()"),
    ("Python: a missing import", Import, "src/a.py", "+import json\n import os"),
    ("Python: a module of a similar name", Import, "src/a.py", "-from utls import f\n+from utils import f"),
    ("Python: an off-by-one", Test, "src/a.py", "-    return total / (n - 1)\n+    return total / n"),
    ("a program is mended", Test, "src/a.rs", " fn sum(a: i32, b: i32) -> i32 {\n-    a - b\n+    a + b\n }"),
    ("a check is added", Test, "src/a.py", " def f(x):\n+    if x is None:\n+        return 0\n     return x.size"),
    ("TypeScript: a similar name", Type, "web/a.ts", "-  return user.nmae\n+  return user.name"),
    ("TypeScript: a missing await", Type, "web/a.ts", "-  const x = load()\n+  const x = await load()"),
    ("TypeScript: a narrower type", Type, "web/a.ts", "-  const x: string = load()\n+  const x: string | undefined = load()"),
    ("ESLint: const", Lint, "web/a.js", "-let x = 1\n+const x = 1"),
    ("ESLint: ===", Lint, "web/a.js", "-  if (x == y) {\n+  if (x === y) {"),
    ("ruff: f-string without placeholders", Lint, "src/a.py", "-    print(f\"hello\")\n+    print(\"hello\")"),
    ("ruff: is None", Lint, "src/a.py", "-    if x == None:\n+    if x is None:"),
    ("Go: an unused import goes", Build, "a.go", " import (\n-\t\"os\"\n \t\"fmt\"\n )"),
    ("Go: an error is returned", Lint, "a.go", "-\tf()\n+\tif err := f(); err != nil {\n+\t\treturn err\n+\t}"),
    ("C: a missing include", Build, "a.c", "+#include <string.h>\n #include <stdio.h>"),
    ("C: a similar name", Build, "a.c", "-    pritnf(\"x\");\n+    printf(\"x\");"),
    ("a test is added", Test, "tests/a.rs", " use x::sum;\n+#[test]\n+fn subtracts() {\n+    assert_eq!(sum(1, -2), -1);\n+}\n fn other() {}"),
    ("tests are added to a module", Test, "src/a.rs", " fn f() {}\n+\n+#[cfg(test)]\n+mod tests {\n+    use super::*;\n+    #[test]\n+    fn works() {\n+        f();\n+    }\n+}"),
    ("a Python test is added", Test, "tests/test_b.py", "+from a import f\n+\n+\n+def test_b():\n+    assert f(2) == 3"),
    ("an import of a test is mended", Import, "tests/test_a.py", "-from utls import f\n+from utils import f\n \n def test_a():\n     assert f(1) == 2"),
    ("a name in a test is mended", Type, "tests/a.rs", "-    let x = makee(1);\n+    let x = make(1);\n     assert_eq!(x, 1);"),
    ("an assertion follows a rename", Type, "tests/a.rs", "-    assert_eq!(user.nmae, \"Ada\");\n+    assert_eq!(user.name, \"Ada\");"),
    ("go vet in a test", Lint, "a_test.go", "-\t\tt.Errorf(\"got %d\", name)\n+\t\tt.Errorf(\"got %s\", name)"),
    ("a test awaits", Type, "web/a.test.ts", "-  expect(load()).toBe(3)\n+  expect(await load()).toBe(3)"),
    ("a test with limits is added", Test, "tests/test_a.py", " import pytest\n+def test_max():\n+    assert max([1, 2]) == 2\n+    assert f(timeout=5) == pytest.approx(1.5)\n"),
    ("a test of an exception is added", Test, "a.test.ts", "+it('throws', () => {\n+  expect(f).toThrow()\n+})\n other()"),
    ("a test with an example password", Test, "tests/test_login.py", "+def test_login():\n+    password = \"test-password-123\"\n+    assert login(password)\n x = 1"),
    ("ruff: SIM105", Lint, "src/a.py", "-    try:\n-        f()\n-    except ValueError:\n-        pass\n+    with contextlib.suppress(ValueError):\n+        f()"),
    ("a null check is added", Type, "web/a.ts", "+  if (!user) return\n   return user.name"),
    ("a feature is switched on", Build, "Cargo.toml", " [dependencies]\n-tokio = { version = \"1\", features = [\"rt\"] }\n+tokio = { version = \"1\", features = [\"rt\", \"macros\"] }"),
    ("go.mod is tidied", Dependency, "go.mod", " require (\n-\tgolang.org/x/text v0.3.7\n+\tgolang.org/x/text v0.3.8\n )"),
    ("a lower bound rises", Dependency, "requirements.txt", "-requests>=2.0\n+requests>=2.31"),
    ("a derive is added", Build, "src/a.rs", "+#[derive(Debug)]\n struct A;"),
    ("a Makefile gets its tab", Syntax, "Makefile", " build:\n-    go build ./...\n+\tgo build ./..."),
    ("a panic becomes a default", Lint, "src/a.rs", "-    let max = xs.iter().max().unwrap();\n+    let max = xs.iter().max().copied().unwrap_or(0);"),
    ("a bare except is narrowed", Lint, "src/a.py", "-    except:\n+    except ValueError:\n         log(x)\n         raise"),
    ("a mutable default", Lint, "src/a.py", "-def f(x=[]):\n+def f(x=None):\n+    if x is None:\n+        x = []"),
    ("a stub is written", Test, "src/a.py", " def f(x):\n-    raise NotImplementedError\n+    return x + 1"),
    ("clippy: question_mark", Lint, "src/a.rs", "-    let x = match f() {\n-        Ok(x) => x,\n-        Err(e) => return Err(e),\n-    };\n+    let x = f()?;"),
    ("a hook's dependencies", Lint, "web/a.tsx", "-  useEffect(() => { load() }, [])\n+  useEffect(() => { load() }, [load])"),
    ("a lockfile follows its manifest", Dependency, "Cargo.lock", " name = \"serde\"\n-version = \"1.0.1\"\n-checksum = \"aa\"\n+version = \"1.0.2\"\n+checksum = \"bb\""),
    ("a dependency is bumped", Dependency, "requirements.txt", "-requests==2.31.0\n+requests==2.32.0"),
    ("a dependency is added", Dependency, "requirements.txt", " requests==2.31.0\n+tomli==2.0.1"),
    ("a dependency is bumped in Cargo.toml", Dependency, "Cargo.toml", " [dependencies]\n-serde = \"1.0.1\"\n+serde = \"1.0.2\""),
    ("a package is added to package.json", Dependency, "package.json", "   \"dependencies\": {\n+    \"left-pad\": \"^1.3.0\",\n     \"react\": \"^18.0.0\""),
    ("go.sum follows go.mod", Dependency, "go.sum", "+golang.org/x/text v0.3.8 h1:abc=\n golang.org/x/sys v0.1.0 h1:def="),
    ("a typo in the readme", Docs, "README.md", "-Run `cargo tset || true`.\n+Run `cargo test`."),
    ("a broken link in a doc comment", Docs, "src/a.rs", "-/// See [`Foo`].\n+/// See [`Bar`]."),
    ("a shell script is quoted", Lint, "scripts/build.sh", " set -eu\n-rm -rf $OUT\n+rm -rf \"$OUT\""),
    ("yaml indentation", Format, "config/app.yaml", "-  a:  1\n+  a: 1"),
    ("a workspace member is sorted", Format, "Cargo.toml", " [workspace]\n-members = [\"b\",\"a\"]\n+members = [\"a\", \"b\"]"),
    ("json is completed", Syntax, "data/a.json", "-  \"a\": 1\n+  \"a\": 1,\n   \"b\": 2"),
];

#[test]
fn no_honest_patch_is_blocked_or_of_high_risk() {
    let mut wrong = Vec::new();
    for (what, category, path, body) in HONEST {
        let patch = Patch::parse(&diff(path, body)).unwrap();
        let guarded = inspect(
            &patch,
            |path| base(&patch, path),
            &FixPolicy::default(),
            &fault(*category, path.trim_start_matches("tests/")),
        );
        let own = inspect(&patch, |path| base(&patch, path), &FixPolicy::default(), &fault(*category, path));
        let worst = if *category == Test { &guarded } else { &own };
        if !worst.blocked.is_empty() || worst.risk.level == RiskLevel::High {
            wrong.push(format!("{what}: {:?} {:?}", worst.blocked, worst.risk.flags));
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), HONEST.len(), wrong.join("\n"));
}

#[test]
fn a_formatters_work_is_of_low_risk_however_much_it_is() {
    let lines = |n| format!("-let x{n}=f( {n} );\n+let x{n} = f({n});\n");
    let body = (0..300).map(lines).collect::<Vec<_>>().concat();
    let patch = Patch::parse(&diff("src/a.rs", body.trim_end())).unwrap();
    let guarded = inspect(&patch, |_| None, &FixPolicy::default(), &fault(Format, "src/a.rs"));
    assert_eq!(guarded.risk.level, RiskLevel::Medium, "for its size alone");
    assert_eq!(guarded.risk.flags.len(), 1);
}
