//! Ways out of a workspace, none of which is one.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    sync::atomic::{AtomicBool, Ordering},
};

use super::*;

struct Yard {
    dir: tempfile::TempDir,
    place: Place,
}

fn yards() -> [Yard; 2] {
    [false, true].map(|by_hand| {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("work");
        fs::create_dir_all(root.join("src/deep")).unwrap();
        fs::create_dir_all(root.join(".git")).unwrap();
        fs::create_dir_all(root.join("own/state")).unwrap();
        fs::write(root.join(".git/config"), "inside git").unwrap();
        fs::write(root.join("own/state/records.db"), "of gonogo").unwrap();
        fs::write(root.join(".env"), "TOKEN=outside").unwrap();
        fs::write(root.join("src/lib.rs"), "one\ntwo\nthree\n").unwrap();
        fs::write(dir.path().join("secret"), "outside").unwrap();
        fs::create_dir(dir.path().join("beyond")).unwrap();
        symlink("../secret", root.join("link")).unwrap();
        symlink("../beyond", root.join("way")).unwrap();
        symlink("/etc", root.join("etc")).unwrap();
        symlink(".git", root.join("harmless")).unwrap();
        symlink("src", root.join("inside")).unwrap();
        let mut place = Place::open(&root, vec![root.join("own")]).unwrap();
        if by_hand {
            place.beneath = beneath::Way::by_hand();
        }
        Yard { dir, place }
    })
}

const WAYS_OUT: &[&str] = &[
    "../secret",
    "src/../../secret",
    "./../secret",
    "/etc/passwd",
    "//etc/passwd",
    "link",
    "way/new",
    "etc/passwd",
    "harmless/config",
    "inside/lib.rs",
    ".git/config",
    ".GIT/config",
    "./.git/config",
    "src/.git/config",
    "git~1/config",
    "own/state/records.db",
    "own",
    ".env",
    "src/.env.production",
    "id_rsa",
    "src/key.pem",
    "src/lib.rs/../../../secret",
    "src\n/lib.rs",
    "",
    ".",
    "..",
];

#[test]
fn no_path_leads_out_for_reading_or_writing() {
    for yard in yards() {
        for path in WAYS_OUT {
            assert!(yard.place.read(path).is_err(), "{path:?} was read");
            assert!(yard.place.write(path, "x").is_err(), "{path:?} was written");
            assert!(yard.place.patch(path, "outside", "x").is_err(), "{path:?} was patched");
        }
        assert_eq!(fs::read_to_string(yard.dir.path().join("secret")).unwrap(), "outside");
        assert_eq!(fs::read_dir(yard.dir.path().join("beyond")).unwrap().count(), 0);
        assert_eq!(fs::read_to_string(yard.place.path().join(".git/config")).unwrap(), "inside git");
    }
}

#[test]
fn files_are_read_written_and_patched() {
    for yard in yards() {
        let place = &yard.place;
        assert_eq!(place.text("src/lib.rs").unwrap(), "one\ntwo\nthree\n");
        place.write("new/dir/a.txt", "a").unwrap();
        assert_eq!(place.text("./new//dir/a.txt").unwrap(), "a");
        let script = place.path().join("run.sh");
        fs::write(&script, "echo one").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        place.patch("run.sh", "one", "two").unwrap();
        assert_eq!(place.text("run.sh").unwrap(), "echo two");
        assert_eq!(fs::metadata(&script).unwrap().permissions().mode() & 0o111, 0o111);
        for (old, says) in [("four", "does not stand there"), ("t", "2 times")] {
            let error = place.patch("src/lib.rs", old, "x").unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        fs::write(place.path().join("bytes"), [0xff, 0xfe]).unwrap();
        assert!(place.text("bytes").unwrap_err().to_string().contains("UTF-8"));
        assert!(place.read("src").unwrap_err().to_string().contains("a directory"));
        assert!(place.write("src", "x").is_err());
        let left: Vec<_> = fs::read_dir(place.path().join("src")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }
}

#[test]
fn what_is_no_plain_file_is_not_waited_for() {
    for yard in yards() {
        nix::unistd::mkfifo(&yard.place.path().join("pipe"), nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        assert!(yard.place.read("pipe").unwrap_err().to_string().contains("not a plain file"));
        assert!(yard.place.write("pipe", "x").is_err());
    }
}

#[test]
fn a_file_that_others_have_by_another_name_is_replaced_and_theirs_stays() {
    for yard in yards() {
        fs::hard_link(yard.dir.path().join("secret"), yard.place.path().join("shared")).unwrap();
        yard.place.write("shared", "mine").unwrap();
        assert_eq!(yard.place.text("shared").unwrap(), "mine");
        assert_eq!(fs::read_to_string(yard.dir.path().join("secret")).unwrap(), "outside");
    }
}

#[test]
fn what_is_listed_and_searched_is_the_workspace_alone() {
    for yard in yards() {
        let found = yard.place.list(None).unwrap();
        assert_eq!(found.lines, ["src/lib.rs"]);
        assert_eq!(yard.place.list(Some("**/*.rs")).unwrap().lines, ["src/lib.rs"]);
        assert_eq!(yard.place.list(Some("*.py")).unwrap().lines, Vec::<String>::new());
        assert_eq!(yard.place.search("^t", None).unwrap().lines, ["src/lib.rs:2: two", "src/lib.rs:3: three"]);
        assert_eq!(yard.place.search("outside|inside git|of gonogo", None).unwrap().lines, Vec::<String>::new());
        assert!(yard.place.search("(", None).is_err());
        assert!(yard.place.list(Some("a{")).is_err());
        for number in 0..300 {
            fs::write(yard.place.path().join(format!("f{number:03}")), "x\n").unwrap();
        }
        let found = yard.place.list(None).unwrap();
        assert!(found.more && found.lines.len() == 200);
    }
}

#[test]
fn a_directory_that_becomes_a_link_meanwhile_leads_nowhere() {
    for yard in yards() {
        let (root, out) = (yard.place.path().to_owned(), yard.dir.path().join("beyond"));
        fs::write(out.join("f"), "outside").unwrap();
        fs::create_dir(root.join("turn")).unwrap();
        fs::write(root.join("turn/f"), "inside").unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _ = fs::rename(root.join("turn"), root.join("kept"));
                    let _ = symlink(&out, root.join("turn"));
                    let _ = fs::remove_file(root.join("turn"));
                    let _ = fs::rename(root.join("kept"), root.join("turn"));
                }
            });
            for _ in 0..3000 {
                if let Ok(read) = yard.place.read("turn/f") {
                    assert_ne!(read, b"outside");
                }
                // Refused, or put where the directory is: never where the link leads.
                let _ = yard.place.write("turn/g", "x");
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert!(!out.join("g").exists() && !out.join(".g.gonogo").exists());
    }
}
