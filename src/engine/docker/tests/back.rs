//! What comes back from containers that mean well, and from ones that don't.
#![allow(clippy::unwrap_used)]

use std::{collections::HashMap, os::unix::fs::MetadataExt as _};

use tar::{Builder, Header};

use super::*;
use crate::engine::docker::archive::{self, Owner};

/// A workspace that was sent, and what comes back of it.
struct Case {
    dir: tempfile::TempDir,
    sent: Sent,
    archive: Builder<Vec<u8>>,
}

impl Case {
    /// With these files in the workspace.
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let case = Self { dir, sent: Sent::default(), archive: Builder::new(Vec::new()) };
        for (path, text) in files {
            fs::create_dir_all(case.here(path).parent().unwrap()).unwrap();
            fs::write(case.here(path), text).unwrap();
        }
        case
    }

    fn here(&self, path: &str) -> PathBuf {
        self.dir.path().join("workspace").join(path)
    }

    fn sent(mut self, paths: &[&str]) -> Self {
        let mut archive = Builder::new(io::sink());
        let mut entries = HashMap::new();
        for path in paths {
            let (entry, metadata) =
                archive::add(&mut archive, &self.here(path), Path::new(path), Owner::default()).unwrap().unwrap();
            entries.insert(PathBuf::from(path), Kept::of(entry, &metadata));
        }
        self.sent = Sent { entries, bytes: 0 };
        self
    }

    fn comes(mut self, kind: EntryType, name: &str, mode: u32, text: &str) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        let data = if kind == EntryType::Regular { text.as_bytes() } else { b"" };
        header.set_size(data.len() as u64);
        if kind != EntryType::Regular && !text.is_empty() {
            header.set_link_name_literal(text).unwrap();
        }
        // As it is: the crate would not write a hostile name.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        self.archive.append(&header, data).unwrap();
        self
    }

    fn file(self, name: &str, text: &str) -> Self {
        self.comes(EntryType::Regular, name, 0o644, text)
    }

    fn folder(self, name: &str) -> Self {
        self.comes(EntryType::Directory, name, 0o755, "")
    }

    fn link(self, name: &str, target: &str) -> Self {
        self.comes(EntryType::Symlink, name, 0o777, target)
    }

    fn back(&mut self) -> Brought {
        self.back_skipping(&[])
    }

    fn back_skipping(&mut self, skip: &[String]) -> Brought {
        let archive = std::mem::replace(&mut self.archive, Builder::new(Vec::new()));
        let mut back = Back::new(&self.here(""), "/w", self.sent.clone(), skip);
        back.unpack(&archive.into_inner().unwrap()[..]).unwrap();
        back.brought
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.here(path)).unwrap()
    }
}

#[test]
fn what_differs_is_written_and_what_is_gone_is_removed() {
    let files = [("same", "1"), ("changed", "1"), ("gone", "1"), ("dir/gone", "1"), ("tool", "1"), ("here", "mine")];
    let mut case = Case::new(&files)
        .sent(&["same", "changed", "gone", "dir", "dir/gone", "tool"])
        .folder("w/")
        .file("w/same", "1")
        .file("w/changed", "2")
        .comes(EntryType::Regular, "w/tool", 0o755, "1")
        .folder("w/new/")
        .file("w/new/file", "new")
        .folder("w/empty/")
        .link("w/link", "new/file");
    let before = fs::metadata(case.here("same")).unwrap();
    let brought = case.back();
    assert_eq!(brought, Brought { written: 3, removed: 3, refused: vec![] });
    assert_eq!(
        (case.text("changed"), case.text("new/file"), case.text("here")),
        ("2".into(), "new".into(), "mine".into())
    );
    assert_eq!(case.text("link"), "new");
    assert!(!case.here("gone").exists() && !case.here("dir").exists() && case.here("empty").is_dir());
    let after = fs::metadata(case.here("same")).unwrap();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()), "it was not touched");
    assert_eq!(fs::metadata(case.here("tool")).unwrap().mode() & 0o777, 0o755);
}

#[test]
fn kinds_may_change() {
    let mut case = Case::new(&[("file", "1"), ("dir/a", "1"), ("other/a", "1"), ("other/mine", "1")])
        .sent(&["file", "dir", "dir/a", "other", "other/a"])
        .folder("w/")
        .file("w/dir", "now a file")
        .folder("w/file/")
        .file("w/file/below", "2")
        .link("w/other", "file");
    let brought = case.back();
    assert_eq!(case.text("dir"), "now a file");
    assert_eq!(case.text("file/below"), "2");
    // What was not sent is not removed for it.
    assert_eq!(case.text("other/mine"), "1");
    assert_eq!(brought.refused, ["other: there is a directory here with more in it than was sent"]);
}

#[test]
fn hostile_archives_write_nothing_outside() {
    let mut case = Case::new(&[("a", "1"), ("dir/x", "1")]);
    fs::write(case.dir.path().join("victim"), "untouched").unwrap();
    fs::create_dir(case.dir.path().join("outside")).unwrap();
    symlink("../outside", case.here("way-out")).unwrap();
    case = case
        .sent(&["a", "way-out"])
        .folder("w/")
        .file("w/../victim", "hit")
        .file("../victim", "hit")
        .file("/../victim", "hit")
        .file("w/dir/../../victim", "hit")
        .file("w/way-out/hit", "hit")
        .link("w/absolute", "/etc/passwd")
        .link("w/relative", "../victim")
        .link("w/winding", "dir/../../victim")
        .link("w/to-git", ".git/hooks")
        .link("w/fine", "dir/x")
        .link("w/dir/up", "../a")
        .link("w/own", "/w/a")
        .file("w/fine/hit", "hit")
        .comes(EntryType::Link, "w/hard", 0o644, "../victim")
        .comes(EntryType::Link, "w/harder", 0o644, "w/way-out")
        .comes(EntryType::Char, "w/device", 0o644, "")
        .comes(EntryType::Fifo, "w/fifo", 0o644, "")
        .file("w/.git/hooks/pre-commit", "hit")
        .file("w/dir/.GIT/config", "hit")
        .comes(EntryType::Regular, "w/setuid", 0o4755, "x")
        .file("w/a", "1");
    let brought = case.back();
    assert_eq!(fs::read_to_string(case.dir.path().join("victim")).unwrap(), "untouched");
    assert_eq!(fs::read_dir(case.dir.path().join("outside")).unwrap().count(), 0);
    assert!(!case.here(".git").exists() && !case.here("dir/.GIT").exists());
    for none in ["absolute", "relative", "winding", "to-git", "hard", "harder", "device", "fifo"] {
        assert!(case.here(none).symlink_metadata().is_err(), "{none}");
    }
    assert_eq!(brought.refused.len(), 14, "{:#?}", brought.refused);
    assert_eq!(fs::read_link(case.here("own")).unwrap(), case.here("a"));
    assert_eq!(case.text("dir/up"), "1");
    assert_eq!(fs::metadata(case.here("setuid")).unwrap().mode() & 0o7777, 0o755);
}

#[test]
fn caches_and_git_stay_there_and_links_to_files_are_files() {
    let mut case = Case::new(&[("a", "1"), (".git/HEAD", "main"), ("cache/x", "1")])
        .sent(&["a", ".git", ".git/HEAD", "cache", "cache/x"])
        .folder("w/")
        .file("w/a", "changed")
        .file("w/cache/y", "big")
        .comes(EntryType::Link, "w/b", 0o644, "w/a");
    let brought = case.back_skipping(&["cache/".into()]);
    assert_eq!(brought, Brought { written: 2, removed: 0, refused: vec![] });
    assert_eq!(
        (case.text(".git/HEAD"), case.text("cache/x"), case.text("b")),
        ("main".into(), "1".into(), "changed".into())
    );
    assert!(!case.here("cache/y").exists());
}

#[test]
fn what_was_cut_off_or_lost_removes_nothing() {
    let case = Case::new(&[("a", "1"), ("b", "1")]).sent(&["a", "b"]).folder("w/").file("w/a", "2");
    let (sender, reader) = pipe::incoming();
    let bytes = case.archive.into_inner().unwrap();
    let workspace = case.dir.path().join("workspace");
    let mut back = Back::new(&workspace, "/w", case.sent.clone(), &[]);
    sender.try_send(Ok(bytes[..1536].to_vec().into())).unwrap();
    drop(sender);
    assert_eq!(back.unpack(reader).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert!(workspace.join("b").exists());
    let mut archive = Builder::new(Vec::new());
    archive.append_dir("w", &workspace).unwrap();
    let mut back = Back::new(&workspace, "/w", case.sent, &[]);
    assert!(back.unpack(&archive.into_inner().unwrap()[..]).unwrap_err().to_string().contains("nothing came back"));
    assert!(workspace.join("a").exists());
}

#[test]
fn what_somebody_changes_meanwhile_is_not_removed() {
    let mut case = Case::new(&[("a", "1"), ("b", "1")]).sent(&["a", "b"]).folder("w/").file("w/a", "1");
    fs::write(case.here("b"), "mine").unwrap();
    fs::write(case.here("a"), "mine too").unwrap();
    assert_eq!(case.back(), Brought::default());
    assert_eq!((case.text("a"), case.text("b")), ("mine too".into(), "mine".into()));
}

#[test]
fn large_files_are_compared_too() {
    let large = "0123456789abcdef".repeat(100_000);
    let mut case = Case::new(&[("same", &large), ("changed", &large)]).sent(&["same", "changed"]);
    let before = fs::metadata(case.here("same")).unwrap().ino();
    let changed = large.replacen('f', "F", 1);
    case = case.folder("w/").file("w/same", &large).file("w/changed", &changed);
    assert_eq!(case.back().written, 1);
    assert_eq!(fs::metadata(case.here("same")).unwrap().ino(), before);
    assert_eq!(case.text("changed"), changed);
    assert_eq!(fs::read_dir(case.here("")).unwrap().count(), 2, "nothing is left beside them");
}
