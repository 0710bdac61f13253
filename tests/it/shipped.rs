//! Workspaces that go to an engine and come back.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
    process::Command,
    sync::Arc,
    time::Instant,
};

use gonogo::engine::docker::{
    host::Host,
    ship::{Owner, bring_back, send},
};

use crate::{
    caller::wait,
    dock::{Made, Podman, engine, variables},
    home::contains,
};

const ROOT: Owner = Owner { uid: 0, gid: 0 };

fn git(dir: &Path, args: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]);
    let ran = command.args(args).current_dir(dir).output().unwrap();
    assert!(ran.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// A repository with a bit of everything.
fn workspace() -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("gonogo-ship-").tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    let long = format!("deep/{}/{}/end", "d".repeat(120), "e".repeat(120));
    for (path, text) in [
        (".gitignore", "*.log\nkept/\nnode_modules/\n"),
        ("a.txt", "one\n"),
        ("tool.sh", "#!/bin/sh\necho tool\n"),
        ("kept/tracked", "ignored, but tracked"),
        ("noise.log", "ignored"),
        ("node_modules/x/y", "ignored"),
        ("src/main.rs", "fn main() {}\n"),
        (&long, "far down"),
    ] {
        fs::create_dir_all(at(path).parent().unwrap()).unwrap();
        fs::write(at(path), text).unwrap();
    }
    fs::set_permissions(at("tool.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(at("empty")).unwrap();
    symlink("src/main.rs", at("link")).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
    symlink("/nowhere/at/all", at("dangling")).unwrap();
    git(dir.path(), &["init", "--quiet"]);
    git(dir.path(), &["add", "--all"]);
    git(dir.path(), &["add", "--force", "kept/tracked"]);
    git(dir.path(), &["commit", "--quiet", "-m", "first"]);
    fs::write(at("untracked"), "not in git").unwrap();
    dir
}

const SCRIPT: &str = r#"set -e
id -u; stat -c '%u %a %n' . a.txt tool.sh src empty link
test "$(cat kept/tracked)" = 'ignored, but tracked'; test -d empty; test -L dangling; test -f .git/HEAD; cat deep/*/*/end; echo
test ! -e noise.log; test ! -e node_modules; cat untracked; echo; ./tool.sh; ls -A | sort | tr '\n' ' '
sed -i s/one/ONE/ a.txt; rm src/main.rs; mkdir -p out/deep; echo built > out/deep/result; chmod 700 out/deep/result
chmod 600 tool.sh; ln -s out/deep/result new-link; ln out/deep/result hard; ln -s /etc/passwd escape; mkfifo pipe
mkdir cache; echo big > cache/blob; rmdir empty; echo hit > .git/hooks/post-commit"#;

fn there_and_back(host: &Arc<Host>, user: &str, owner: Owner) {
    let dir = workspace();
    let at = |path: &str| dir.path().join(path);
    let made = Made::new(host, "/home/somebody/w", user, SCRIPT, false);
    let sent = wait(send(host, &made.id, dir.path(), "/home/somebody/w", owner)).unwrap();
    assert!(sent.len() > 30, "{}", sent.len());
    let (status, printed) = made.run();
    assert_eq!(status, 0, "{printed}");
    let expected = format!(
        "{u}\n{u} 700 .\n{u} 644 a.txt\n{u} 755 tool.sh\n{u} 755 src\n{u} 755 empty\n{u} 777 link\nfar down\nnot in git\ntool\n",
        u = owner.uid
    );
    assert!(printed.starts_with(&expected), "{printed}\n--- not\n{expected}");
    let untouched = fs::metadata(at("untracked")).unwrap();
    let brought =
        wait(bring_back(host, &made.id, "/home/somebody/w", dir.path(), &sent, &["cache".to_owned()])).unwrap();
    assert_eq!(fs::read_to_string(at("a.txt")).unwrap(), "ONE\n");
    assert!(!at("src/main.rs").exists() && !at("empty").exists() && !at("cache").exists());
    assert_eq!(fs::read_to_string(at("out/deep/result")).unwrap(), "built\n");
    assert_eq!(fs::read_to_string(at("hard")).unwrap(), "built\n");
    assert_eq!(fs::metadata(at("out/deep/result")).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(at("tool.sh")).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::read_link(at("new-link")).unwrap(), Path::new("out/deep/result"));
    assert_eq!(fs::read_to_string(at("noise.log")).unwrap(), "ignored", "what was not sent stays");
    assert!(at("dangling").symlink_metadata().is_ok() && at("link").symlink_metadata().is_ok());
    assert!(!at(".git/hooks/post-commit").exists());
    assert_eq!(fs::metadata(at("untracked")).unwrap().ino(), untouched.ino());
    let mut refused = brought.refused;
    refused.sort();
    assert_eq!(refused[0], "escape: the link leads out of the workspace");
    contains(&refused.join("\n"), "pipe: it is none of file, directory and link");
    assert_eq!((brought.written, brought.removed, refused.len()), (4, 2, 2), "{refused:?}");
    assert!(at("escape").symlink_metadata().is_err());
}

#[test]
fn a_workspace_goes_there_and_comes_back_as_root_and_as_somebody() {
    let Some(host) = engine() else { return };
    there_and_back(&host, "0:0", ROOT);
    there_and_back(&host, "1234:2345", Owner { uid: 1234, gid: 2345 });
}

#[test]
fn podman_takes_and_gives_workspaces_too() {
    let Some(podman) = Podman::start(&variables(), "127.0.0.1:1") else { return };
    there_and_back(&podman.host, "0:0", ROOT);
    there_and_back(&podman.host, "1234:2345", Owner { uid: 1234, gid: 2345 });
}

#[test]
fn a_container_that_can_t_be_changed_takes_it_and_one_that_is_gone_is_said() {
    let Some(host) = engine() else { return };
    let dir = workspace();
    let made = Made::new(&host, "/w", "0:0", "cat a.txt; echo more >> a.txt", true);
    let sent = wait(send(&host, &made.id, dir.path(), "/w", ROOT)).unwrap();
    assert_eq!(made.run(), (0, "one\n".into()));
    wait(bring_back(&host, &made.id, "/w", dir.path(), &sent, &[])).unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("a.txt")).unwrap(), "one\nmore\n");
    let id = made.id.clone();
    drop(made);
    let fault = wait(send(&host, &id, dir.path(), "/w", ROOT)).unwrap_err();
    contains(&fault.to_string(), "o such container");
    let fault = wait(bring_back(&host, &id, "/w", dir.path(), &sent, &[])).unwrap_err();
    contains(&fault.to_string(), "o such container");
    assert_eq!(fs::read_to_string(dir.path().join("a.txt")).unwrap(), "one\nmore\n");
}

#[test]
fn git_works_there_although_the_objects_are_borrowed() {
    let Some(host) = engine() else { return };
    let dir = workspace();
    git(dir.path(), &["commit", "--quiet", "--allow-empty", "-m", "second"]);
    let clone = tempfile::Builder::new().prefix("gonogo-ship-").tempdir().unwrap();
    let of = dir.path().to_str().unwrap();
    git(clone.path(), &["clone", "--quiet", "--shared", of, "."]);
    assert!(clone.path().join(".git/objects/info/alternates").exists());
    let made = Made::new(&host, "/w", "0:0", "true", false);
    wait(send(&host, &made.id, clone.path(), "/w", ROOT)).unwrap();
    // The image has no git: what arrived there is looked at here.
    let got = tempfile::tempdir().unwrap();
    wait(bring_git(&host, &made.id, got.path()));
    fs::rename(dir.path(), dir.path().with_extension("away")).unwrap();
    let at = got.path().join("w");
    let ran = Command::new("git")
        .args(["-c", "safe.directory=*", "status", "--porcelain"])
        .current_dir(&at)
        .output()
        .unwrap();
    assert_eq!((ran.status.code(), String::from_utf8_lossy(&ran.stderr).as_ref()), (Some(0), ""));
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "");
    let ran =
        Command::new("git").args(["-c", "safe.directory=*", "log", "--format=%s"]).current_dir(&at).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "second\n");
    fs::rename(dir.path().with_extension("away"), dir.path()).unwrap();
}

/// All that stands in the container, `.git` too.
async fn bring_git(host: &Host, container: &str, into: &Path) {
    use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
    use futures::TryStreamExt as _;
    let options = DownloadFromContainerOptionsBuilder::new().path("/w").build();
    let docker = host.client().await.unwrap();
    let pieces: Vec<bytes::Bytes> =
        docker.download_from_container(container, Some(options)).try_collect().await.unwrap();
    tar::Archive::new(&pieces.concat()[..]).unpack(into).unwrap();
}

#[test]
fn many_files_take_their_time_and_no_more() {
    let Some(host) = engine() else { return };
    let dir = tempfile::Builder::new().prefix("gonogo-ship-").tempdir().unwrap();
    for number in 0..5000 {
        let path = dir.path().join(format!("d{}/f{number}", number % 50));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{number}").repeat(500)).unwrap();
    }
    fs::write(dir.path().join("large"), vec![7; 64 << 20]).unwrap();
    let made = Made::new(&host, "/w", "0:0", "echo x >> d1/f1", false);
    let began = Instant::now();
    let sent = wait(send(&host, &made.id, dir.path(), "/w", ROOT)).unwrap();
    let there = began.elapsed();
    made.run();
    let began = Instant::now();
    let brought = wait(bring_back(&host, &made.id, "/w", dir.path(), &sent, &[])).unwrap();
    let megabytes = sent.bytes >> 20;
    eprintln!("{} entries, {megabytes} MB: there {there:?}, back {:?}", sent.len(), began.elapsed());
    assert_eq!((brought.written, brought.removed), (1, 0));
}
