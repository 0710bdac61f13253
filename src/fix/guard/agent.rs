//! What an agent may not change at all, however harmless it looks: the tests that are there, and the scripts that the failed job is made of.
//!
//! The other rules look at what a change says, and can be outwitted by one that looks honest. A tool's own repair does not try that; an agent
//! may. Tests may be added.

use crate::domain::patch::{FilePatch, Patch};

use super::{Finding, piece::is_test_path};

/// Why the patch of an agent must not be; `steps` are the commands of the failed job.
pub fn forbidden(patch: &Patch, steps: &[&str]) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in &patch.files {
        let Some(old) = file.old_path.as_deref() else { continue };
        if is_test(old) || is_test(file.path()) {
            let reason = format!("{old} is a test: an agent may add tests, not change or delete those that are there");
            found.push(Finding { name: "changed-test", reason });
        } else if steps.iter().any(|step| runs(step, file)) {
            let reason = format!("{old} is a script that the failed job runs: it decides what passes");
            found.push(Finding { name: "changed-check", reason });
        }
    }
    found
}

fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name).to_lowercase();
    is_test_path(path) || ["test", "tests", "spec", "check", "verify"].contains(&stem.as_str())
}

/// A command line names the file as a script: `sh ci/run.sh`, `./check`, `bash -e scripts/lint.sh`.
fn runs(step: &str, file: &FilePatch) -> bool {
    let old = file.old_path.as_deref().unwrap_or_default();
    let is_script = ["sh", "bash", "bats", "zsh", "fish", "mk"].iter().any(|end| old.ends_with(&format!(".{end}")));
    let words = step.split(|c: char| c.is_whitespace() || ";&|()\"'".contains(c));
    words.filter(|word| !word.is_empty()).any(|word| {
        let direct = word.starts_with("./") || is_script;
        direct && word.trim_start_matches("./") == old
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(path: &str, new: bool, step: &str) -> Vec<&'static str> {
        let old = if new { "/dev/null".to_owned() } else { format!("a/{path}") };
        let text = format!("diff --git a/{path} b/{path}\n--- {old}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n");
        let text = if new { text.replace("-1 +1", "-0,0 +1").replace("-a\n", "") } else { text };
        forbidden(&Patch::parse(&text).unwrap(), &[step]).into_iter().map(|finding| finding.name).collect()
    }

    #[test]
    fn an_agent_changes_neither_tests_nor_what_the_job_is_made_of() {
        for (path, step, wanted) in [
            ("tests/a.rs", "cargo test", "changed-test"),
            ("test_x.py", "pytest", "changed-test"),
            ("test.sh", "sh test.sh", "changed-test"),
            ("check.py", "python3 check.py", "changed-test"),
            ("ci/run.sh", "cd . && sh ci/run.sh", "changed-check"),
            ("tool", "./tool --all", "changed-check"),
        ] {
            assert_eq!(names(path, false, step), [wanted], "{path}");
        }
        for (path, step) in [("src/lib.rs", "cargo test"), ("greet.sh", "sh test.sh"), ("app.py", "python3 app.py")] {
            assert!(names(path, false, step).is_empty(), "{path}");
        }
        assert!(names("tests/new.rs", true, "cargo test").is_empty(), "tests may be added");
    }
}
