//! The module against real git.
#![allow(clippy::unwrap_used)]

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use crate::domain::{definition::ApplyInto, patch::PatchText};

use super::{
    apply::{ApplyError, apply},
    change::ChangeError,
    pool,
    repo::{Repo, RepoError},
    sandbox::Sandbox,
    undo::{UndoError, undo},
};

const FILES: &[(&str, &str)] =
    &[("src/a.rs", "fn a() {}\n"), ("src/b.rs", "fn b() {}\n"), (".gitignore", "target/\n"), ("data", "x\n")];

/// Every kind of change that git knows, on files with every kind of name.
const ALL_KINDS: &str = r#"
    printf 'fn a() { changed }\r\n' > src/a.rs
    git mv -f src/b.rs 'src/ü "b".rs'
    rm data; mkdir data; echo new > 'data/with space'
    printf '\000\001\002binary' > blob.bin
    printf 'no newline' > end
    ln -s src/a.rs link
    printf '#!/bin/sh\n' > run.sh; chmod +x run.sh .gitignore
    mkdir target; echo ignored > target/x
"#;

#[tokio::test]
async fn directories_that_cannot_be_worked_with_are_named() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Repo::discover(dir.path()).await, Err(RepoError::NotARepository { .. })));
    assert!(matches!(Repo::discover(&dir.path().join("none")).await, Err(RepoError::Directory { .. })));
    let git = |args: &[&str]| {
        assert!(std::process::Command::new("git").args(args).current_dir(&dir).status().unwrap().success());
    };
    git(&["init", "-q", "--bare", "bare"]);
    assert!(matches!(Repo::discover(&dir.path().join("bare")).await, Err(RepoError::Bare { .. })));
    git(&["init", "-q", "new"]);
    let new = Repo::discover(&dir.path().join("new")).await.unwrap();
    assert!(matches!(new.head().await, Err(RepoError::NoCommit { .. })));
    new.exact_tree().await.unwrap();
}

#[tokio::test]
async fn the_exact_tree_has_uncommitted_and_new_files_and_touches_nothing() {
    let sandbox = Sandbox::new(FILES).await;
    sandbox.write("src/a.rs", "fn a() { 1 }\n");
    sandbox.write("src/new.rs", "new\n");
    sandbox.write("target/x", "ignored\n");
    sandbox.write("src/b.rs", "staged\n");
    sandbox.git(&["add", "src/b.rs"]);
    let index = fs::read(sandbox.repo.git_dir.join("index")).unwrap();
    let tree = sandbox.repo.exact_tree().await.unwrap();
    assert_eq!(fs::read(sandbox.repo.git_dir.join("index")).unwrap(), index);
    let listed = sandbox.git(&["ls-tree", "-r", "--name-only", &tree.0]);
    assert_eq!(listed, ".gitignore\ndata\nsrc/a.rs\nsrc/b.rs\nsrc/new.rs");
    assert_eq!(sandbox.git(&["cat-file", "blob", &format!("{tree}:src/a.rs")]), "fn a() { 1 }");
    assert_eq!(sandbox.repo.dirty_paths().await.unwrap(), ["src/a.rs", "src/b.rs", "src/new.rs"]);
    assert_eq!(sandbox.repo.head().await.unwrap().branch.as_deref(), Some("main"));
}

#[tokio::test]
async fn a_workspace_is_exact_warm_and_invisible() {
    let sandbox = Sandbox::new(FILES).await;
    sandbox.write("src/new.rs", "new\n");
    let workspace = sandbox.workspace().await;
    let root = workspace.root.clone();
    assert_eq!(workspace.tree().await.unwrap(), workspace.base);
    assert_eq!(fs::read_to_string(root.join("src/new.rs")).unwrap(), "new\n");
    assert_eq!(workspace.git(["rev-parse", "HEAD"]).text().await.unwrap(), sandbox.git(&["rev-parse", "HEAD"]));
    // A job leaves a build, a mess, and no `.git`.
    fs::create_dir(root.join("target")).unwrap();
    fs::write(root.join("target/x"), "built").unwrap();
    fs::write(root.join("mess"), "x").unwrap();
    fs::remove_file(root.join("src/a.rs")).unwrap();
    let kept = fs::metadata(root.join("src/b.rs")).unwrap().modified().unwrap();
    drop(workspace);
    sandbox.write("src/new.rs", "newer\n");
    fs::write(root.join(".git/index.lock"), "killed").unwrap();
    let workspace = sandbox.workspace().await;
    assert_eq!(workspace.root, root, "the same directory is used again");
    assert_eq!(workspace.tree().await.unwrap(), sandbox.repo.exact_tree().await.unwrap());
    assert!(root.join("target/x").exists() && root.join("src/a.rs").exists() && !root.join("mess").exists());
    assert_eq!(
        fs::metadata(root.join("src/b.rs")).unwrap().modified().unwrap(),
        kept,
        "unchanged files keep their time"
    );
    let other = sandbox.workspace().await;
    assert_ne!(other.root, workspace.root, "one is the caller's alone");
    assert_eq!(sandbox.git(&["worktree", "list"]).lines().count(), 1);
    assert_eq!(sandbox.git(&["status", "--short"]), "?? src/new.rs");
    assert_eq!(pool::prune(&sandbox.dir.path().join("cache"), Duration::ZERO).await.unwrap(), 0, "both are in use");
    drop((workspace, other));
    assert_eq!(pool::prune(&sandbox.dir.path().join("cache"), Duration::ZERO).await.unwrap(), 2);
    assert!(!root.exists());
}

#[tokio::test]
async fn whatever_was_left_in_a_workspace_is_mended() {
    let sandbox = Sandbox::new(FILES).await;
    for mess in [
        "rm -rf .git",
        "rm -rf .git; echo x > .git",
        "echo garbage > .git/index",
        "rm -rf src; ln -s /tmp src",
        "rm -rf .git/objects; mkdir .git/index.lock",
        "chmod 644 .git/config; echo garbage > .git/config; echo x > .git/HEAD",
        "rm -rf * .git; echo x > src",
        "git checkout -q -b other; git add -A; git rm -rqf src; git -c user.name=x -c user.email=x commit -qm x",
        "git update-index --assume-unchanged src/a.rs; git init -q nested; echo x > nested/y",
    ] {
        let workspace = sandbox.workspace().await;
        let status = std::process::Command::new("sh").args(["-c", mess]).current_dir(&workspace.root).status().unwrap();
        assert!(status.success(), "{mess}");
        drop(workspace);
        let workspace = sandbox.workspace().await;
        assert_eq!(workspace.tree().await.unwrap(), workspace.base, "{mess}");
        assert_eq!(fs::read_to_string(workspace.root.join("src/a.rs")).unwrap(), "fn a() {}\n", "{mess}");
    }
}

#[tokio::test]
async fn a_patch_of_every_kind_is_committed_and_taken_back_to_the_byte() {
    let sandbox = Sandbox::new(FILES).await;
    sandbox.write("src/other.rs", "mine\n");
    sandbox.git(&["add", "src/other.rs"]);
    sandbox.write("src/other.rs", "mine, and more\n");
    let patch = sandbox.patch(ALL_KINDS).await;
    assert!(patch.0.0.contains("rename from src/b.rs") && !patch.0.0.contains("target"), "{}", patch.0.0);
    let before = sandbox.repo.exact_tree().await.unwrap();
    let approved = sandbox.approved(&patch);
    let applied = apply(&sandbox.repo, &approved, ApplyInto::Commit).await.unwrap();
    assert_eq!((applied.branch.as_deref(), applied.already), (Some("main"), false));
    assert_eq!(applied.commit.as_deref(), Some(sandbox.git(&["rev-parse", "HEAD"]).as_str()));
    assert_eq!(sandbox.read("src/a.rs"), "fn a() { changed }\r\n");
    assert_eq!(sandbox.read("end"), "no newline");
    assert_eq!(fs::read_link(sandbox.path("link")).unwrap().to_str(), Some("src/a.rs"));
    assert_eq!(fs::metadata(sandbox.path("run.sh")).unwrap().permissions().mode() & 0o111, 0o111);
    assert_eq!(sandbox.git(&["status", "--short"]), "AM src/other.rs", "what is the person's stays as it was");
    let message = sandbox.git(&["log", "-1", "--format=%an <%ae>%n%B"]);
    assert_eq!(
        message,
        "Deniz <deniz@example.org>\nMend lint\n\nGonogo-Proposal: 0123456789abcdef\nGonogo-Run: 7 lint"
    );

    let again = apply(&sandbox.repo, &approved, ApplyInto::Commit).await.unwrap();
    assert_eq!((again.already, again.commit), (true, applied.commit.clone()));

    let undone = undo(&sandbox.repo, &applied, &approved).await.unwrap();
    assert!(undone.commit.is_some() && !undone.already);
    assert_eq!(sandbox.repo.exact_tree().await.unwrap(), before);
    assert_eq!(sandbox.git(&["status", "--short"]), "AM src/other.rs");
    assert!(undo(&sandbox.repo, &applied, &approved).await.unwrap().already);
    // Once taken back, it can be applied anew.
    assert!(!apply(&sandbox.repo, &approved, ApplyInto::Commit).await.unwrap().already);
    let left = fs::read_dir(&sandbox.repo.git_dir).unwrap().flatten();
    assert!(left.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with("gonogo")));
}

#[tokio::test]
async fn into_the_working_tree_changes_files_only() {
    let sandbox = Sandbox::new(FILES).await;
    sandbox.write("src/a.rs", "fn a() { uncommitted }\n");
    let patch = sandbox.patch(ALL_KINDS).await;
    let index = fs::read(sandbox.repo.git_dir.join("index")).unwrap();
    let approved = sandbox.approved(&patch);
    assert!(matches!(
        apply(&sandbox.repo, &approved, ApplyInto::Commit).await,
        Err(ApplyError::Dirty { paths }) if paths == ["src/a.rs"]
    ));
    let applied = apply(&sandbox.repo, &approved, ApplyInto::WorkingTree).await.unwrap();
    assert_eq!((&applied.commit, applied.already), (&None, false));
    assert_eq!(fs::read(sandbox.repo.git_dir.join("index")).unwrap(), index);
    assert_eq!(sandbox.read("data/with space"), "new\n");
    assert!(apply(&sandbox.repo, &approved, ApplyInto::WorkingTree).await.unwrap().already);
    undo(&sandbox.repo, &applied, &approved).await.unwrap();
    assert_eq!(sandbox.read("src/a.rs"), "fn a() { uncommitted }\n");
    assert_eq!(sandbox.read("data"), "x\n");
    assert!(undo(&sandbox.repo, &applied, &approved).await.unwrap().already);
}

#[tokio::test]
async fn onto_a_branch_leaves_the_checkout_alone() {
    let sandbox = Sandbox::new(FILES).await;
    let patch = sandbox.patch(ALL_KINDS).await;
    let run = sandbox.git(&["rev-parse", "HEAD"]);
    sandbox.write("src/a.rs", "fn a() { moved }\n");
    sandbox.git(&["commit", "-qam", "moved"]);
    let mut approved = sandbox.approved(&patch);
    for into in [ApplyInto::Commit, ApplyInto::Branch, ApplyInto::WorkingTree] {
        let error = apply(&sandbox.repo, &approved, into).await.unwrap_err();
        assert_eq!(error.to_string(), "the tree has moved under it: src/a.rs changed since the proof");
        assert!(error.hint().unwrap().contains("retry the run"));
    }
    approved.base_commit = Some(&run);
    let applied = apply(&sandbox.repo, &approved, ApplyInto::Branch).await.unwrap();
    assert_eq!(applied.branch.as_deref(), Some("gonogo/fix-lint-0123456789"));
    assert_eq!(sandbox.git(&["status", "--short", "--branch"]), "## main");
    assert_eq!(sandbox.git(&["show", "gonogo/fix-lint-0123456789:end"]), "no newline");
    assert!(apply(&sandbox.repo, &approved, ApplyInto::Branch).await.unwrap().already);
    sandbox.git(&["checkout", "-q", "gonogo/fix-lint-0123456789"]);
    assert!(matches!(undo(&sandbox.repo, &applied, &approved).await, Err(UndoError::BranchUsed { .. })));
    sandbox.git(&["checkout", "-q", "main"]);
    assert_eq!(undo(&sandbox.repo, &applied, &approved).await.unwrap().deleted, applied.branch);
    assert_eq!(sandbox.git(&["branch", "--list"]), "* main");
}

#[tokio::test]
async fn what_a_crash_cut_short_is_finished() {
    let sandbox = Sandbox::new(FILES).await;
    let patch = sandbox.patch(ALL_KINDS).await;
    let approved = sandbox.approved(&patch);
    let applied = apply(&sandbox.repo, &approved, ApplyInto::Commit).await.unwrap();
    let after = sandbox.repo.exact_tree().await.unwrap();
    // As if it had been killed after the commit: half of the files, none of the index.
    sandbox.git(&["read-tree", "HEAD~1"]);
    sandbox.write("src/a.rs", "fn a() {}\n");
    sandbox.write("src/b.rs", "fn b() {}\n");
    let again = apply(&sandbox.repo, &approved, ApplyInto::Commit).await.unwrap();
    assert_eq!((again.already, again.commit), (true, applied.commit));
    assert_eq!(sandbox.repo.exact_tree().await.unwrap(), after);
    assert_eq!(sandbox.git(&["status", "--short"]), "");
}

#[tokio::test]
async fn what_was_built_on_is_not_taken_back() {
    let sandbox = Sandbox::new(FILES).await;
    let patch = sandbox.patch("echo 'fn a() { fixed }' > src/a.rs").await;
    let approved = sandbox.approved(&patch);
    let applied = apply(&sandbox.repo, &approved, ApplyInto::Commit).await.unwrap();
    sandbox.write("src/a.rs", "fn a() { built on }\n");
    let error = undo(&sandbox.repo, &applied, &approved).await.unwrap_err();
    assert_eq!(error.to_string(), "src/a.rs has uncommitted changes");
    sandbox.git(&["commit", "-qam", "on it"]);
    let error = undo(&sandbox.repo, &applied, &approved).await.unwrap_err();
    assert_eq!(error.to_string(), "src/a.rs changed after it was applied");
    sandbox.git(&["checkout", "-q", "--detach", "HEAD~2"]);
    assert!(matches!(undo(&sandbox.repo, &applied, &approved).await, Err(UndoError::Elsewhere { .. })));
}

#[tokio::test]
async fn detached_heads_linked_worktrees_and_people_without_a_name_are_served() {
    let sandbox = Sandbox::new(FILES).await;
    sandbox.git(&["config", "--unset", "user.name"]);
    sandbox.git(&["worktree", "add", "-q", "--detach", "../linked"]);
    let repo = Repo::discover(&sandbox.dir.path().join("linked/src")).await.unwrap();
    assert!(repo.root.ends_with("linked"));
    let patch = sandbox.patch(ALL_KINDS).await;
    let applied = apply(&repo, &sandbox.approved(&patch), ApplyInto::Commit).await.unwrap();
    assert_eq!(applied.branch, None);
    assert_eq!(repo.dirty_paths().await.unwrap(), Vec::<String>::new());
    assert_eq!(repo.git(["rev-parse", "HEAD"]).text().await.ok(), applied.commit);
    assert_eq!(sandbox.git(&["status", "--short"]), "");
}

#[tokio::test]
async fn a_patch_cannot_leave_the_repository() {
    let sandbox = Sandbox::new(&[("real/x", "x\n"), ("y", "y\n")]).await;
    let new = |path: &str| {
        PatchText(format!(
            "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"
        ))
    };
    let base = sandbox.repo.exact_tree().await.unwrap().0;
    for path in ["../out", "/etc/x", ".git/hooks/pre-commit", "a/.GIT/config", "a/../../b", "a//b", "git~1/x"] {
        let patch = (new(path), base.clone());
        let error = apply(&sandbox.repo, &sandbox.approved(&patch), ApplyInto::WorkingTree).await.unwrap_err();
        assert!(matches!(error, ApplyError::Patch(ChangeError::Path { .. })), "{path}: {error}");
    }
    // A directory that has become a link since the proof.
    let outside = tempfile::tempdir().unwrap();
    let patch = sandbox.patch("echo evil > real/z").await;
    fs::remove_dir_all(sandbox.path("real")).unwrap();
    std::os::unix::fs::symlink(outside.path(), sandbox.path("real")).unwrap();
    for into in [ApplyInto::Commit, ApplyInto::WorkingTree] {
        let error = apply(&sandbox.repo, &sandbox.approved(&patch), into).await.unwrap_err();
        assert_eq!(error.to_string(), "`real/z` is behind a symbolic link");
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_patch_that_lies_about_its_content_is_refused() {
    let sandbox = Sandbox::new(FILES).await;
    let (patch, base) = sandbox.patch("echo 'fn a() { fixed }' > src/a.rs").await;
    let lying = (PatchText(patch.0.replace("fixed", "other")), base.clone());
    let error = apply(&sandbox.repo, &sandbox.approved(&lying), ApplyInto::Commit).await.unwrap_err();
    assert!(matches!(error, ApplyError::Mismatch { .. }), "{error}");
    let gone = (patch, "1".repeat(40));
    let error = apply(&sandbox.repo, &sandbox.approved(&gone), ApplyInto::Commit).await.unwrap_err();
    assert!(matches!(error, ApplyError::BaseGone(_)), "{error}");
    assert_eq!(sandbox.git(&["log", "--format=%s"]), "first");
}

#[tokio::test]
async fn files_that_cannot_be_written_leave_everything_as_it_was() {
    let sandbox = Sandbox::new(FILES).await;
    // `data` is to become a file again, but something of the person's is in the way.
    let patch = sandbox.patch("echo 'fn a() { fixed }' > src/a.rs; echo x > new").await;
    fs::create_dir(sandbox.path("new")).unwrap();
    sandbox.write("new/mine", "mine\n");
    let before = sandbox.repo.exact_tree().await.unwrap();
    for into in [ApplyInto::Commit, ApplyInto::WorkingTree] {
        assert!(apply(&sandbox.repo, &sandbox.approved(&patch), into).await.is_err());
        assert_eq!(sandbox.repo.exact_tree().await.unwrap(), before);
        assert_eq!(sandbox.git(&["log", "--format=%s"]), "first");
    }
}

#[tokio::test]
async fn a_patch_put_into_a_workspace_can_be_taken_as_committed() {
    let sandbox = Sandbox::new(FILES).await;
    let (patch, _) = sandbox.patch(ALL_KINDS).await;
    let workspace = sandbox.workspace().await;
    let tree = workspace.apply_patch(&workspace.base, &patch).await.unwrap();
    assert_eq!(workspace.tree().await.unwrap(), tree);
    assert_eq!(workspace.diff(&workspace.base).await.unwrap(), patch);
    workspace.pretend_committed(&tree).await.unwrap();
    assert_eq!(workspace.git(["status", "--short"]).text().await.unwrap(), "");
    workspace.reset(&workspace.base).await.unwrap();
    assert_eq!(workspace.git(["status", "--short"]).text().await.unwrap(), "");
    assert_eq!(workspace.git(["log", "--format=%s"]).text().await.unwrap(), "first");
}

#[tokio::test]
async fn cut_short_at_any_moment_it_is_finished_the_next_time() {
    for cut in 0..14 {
        let sandbox = Sandbox::new(FILES).await;
        let patch = sandbox.patch(ALL_KINDS).await;
        let expected =
            sandbox.workspace().await.apply_patch(&super::repo::TreeId(patch.1.clone()), &patch.0).await.unwrap();
        let approved = sandbox.approved(&patch);
        let into = if cut % 2 == 0 { ApplyInto::Commit } else { ApplyInto::WorkingTree };
        let short = tokio::time::timeout(Duration::from_millis(cut * 7), apply(&sandbox.repo, &approved, into)).await;
        // What was started without being waited for has its end, too.
        while fs::exists(sandbox.repo.git_dir.join("index.lock")).unwrap() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let applied = apply(&sandbox.repo, &approved, into).await;
        assert!(applied.is_ok(), "{cut}: {short:?}, then {applied:?}");
        assert_eq!(sandbox.repo.exact_tree().await.unwrap(), expected, "{cut}");
        if into == ApplyInto::Commit {
            assert_eq!(sandbox.git(&["status", "--short"]), "", "{cut}");
            assert_eq!(sandbox.git(&["rev-list", "--count", "HEAD"]), "2", "{cut}");
        }
    }
}

#[tokio::test]
async fn text_in_an_older_encoding_is_carried_as_bytes() {
    let sandbox = Sandbox::new(&[("a [x].txt", "x\n"), ("b.lock", "1\n"), (".gitattributes", "*.lock -diff\n")]).await;
    let patch = sandbox.patch("printf 'gr\\374n\\n' > 'a [x].txt'; echo 2 > b.lock").await;
    assert!(patch.0.0.contains("GIT binary patch") && patch.0.0.contains("+2"), "{}", patch.0.0);
    apply(&sandbox.repo, &sandbox.approved(&patch), ApplyInto::Commit).await.unwrap();
    assert_eq!(fs::read(sandbox.path("a [x].txt")).unwrap(), b"gr\xfcn\n");
}

#[tokio::test]
async fn a_git_that_lives_on_keeps_its_workspace_locked() {
    let sandbox = Sandbox::new(FILES).await;
    let workspace = sandbox.workspace().await;
    let root = workspace.root.clone();
    let slow = workspace.git(["-c", "alias.slow=!sleep 1", "slow"]).lasting();
    assert!(tokio::time::timeout(Duration::from_millis(50), slow.run()).await.is_err());
    drop(workspace);
    assert_ne!(sandbox.workspace().await.root, root);
}

/// The child of the test below: checks out and makes a mess until it is killed.
async fn live_dangerously(root: &str) -> ! {
    let repo = Repo::discover(std::path::Path::new(root)).await.unwrap();
    let pool = pool::Pool::new(&repo.root.with_file_name("cache"), &repo);
    let tree = repo.exact_tree().await.unwrap();
    loop {
        let workspace = pool.checkout(&tree).await.unwrap();
        fs::remove_dir_all(workspace.root.join("src")).unwrap();
        fs::write(workspace.root.join("src"), "mess").unwrap();
        workspace.tree().await.unwrap();
    }
}

#[tokio::test]
async fn killed_at_any_moment_a_workspace_is_exact_again() {
    if let Ok(root) = std::env::var("GONOGO_TEST_KILLED") {
        live_dangerously(&root).await;
    }
    let sandbox = Sandbox::new(FILES).await;
    let this = ["--exact", "workspace::tests::killed_at_any_moment_a_workspace_is_exact_again"];
    for round in 0..8 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(this).env("GONOGO_TEST_KILLED", &sandbox.repo.root).stdout(std::process::Stdio::null());
        let mut child = child.spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(60 + 17 * round)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let workspace = sandbox.workspace().await;
        assert_eq!(workspace.tree().await.unwrap(), workspace.base, "{round}");
        assert_eq!(fs::read_to_string(workspace.root.join("src/a.rs")).unwrap(), "fn a() {}\n");
    }
    assert_eq!(sandbox.git(&["status", "--short"]), "");
}
