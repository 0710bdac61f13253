//! Puts suggestions into the files of a workspace, and nowhere else.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use tokio::task::spawn_blocking;

use super::{
    near,
    printed::{Suggestion, What},
    rustc::{Change, Edit},
};

/// Files as they were before, so that they can be put back.
#[derive(Debug, Default)]
pub(in crate::fix) struct Before(BTreeMap<PathBuf, Vec<u8>>);

impl Before {
    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts them back.
    pub async fn restore(self) -> io::Result<()> {
        let write = || self.0.into_iter().try_for_each(|(path, bytes)| fs::write(path, bytes));
        spawn_blocking(write).await.map_err(io::Error::other).flatten()
    }
}

/// Makes the changes that don't get into each other's way.
pub(in crate::fix) async fn changes(root: &Path, dir: Option<&str>, changes: Vec<Change>) -> io::Result<Before> {
    let (root, from) = (root.to_owned(), dir.map_or_else(|| root.to_owned(), |dir| root.join(dir)));
    let make = move || {
        let mut chosen: Vec<Edit> = Vec::new();
        let meets = |a: &Edit, b: &Edit| {
            a.file == b.file && (a.bytes == b.bytes || (a.bytes.0 < b.bytes.1 && b.bytes.0 < a.bytes.1))
        };
        for change in changes {
            if !change.edits.iter().any(|edit| chosen.iter().any(|other| meets(other, edit))) {
                chosen.extend(change.edits);
            }
        }
        let mut before = Before::default();
        // From the end of each file to its beginning, so that what is still to come keeps its place.
        chosen.sort_by_key(|edit| std::cmp::Reverse(edit.bytes));
        for edit in chosen {
            let Some(path) = inside(&root, &from.join(&edit.file)) else { continue };
            let mut bytes = fs::read(&path)?;
            if edit.bytes.0 > edit.bytes.1 || edit.bytes.1 > bytes.len() {
                continue;
            }
            before.0.entry(path.clone()).or_insert_with(|| bytes.clone());
            bytes.splice(edit.bytes.0..edit.bytes.1, edit.text.into_bytes());
            fs::write(&path, bytes)?;
        }
        Ok(before)
    };
    spawn_blocking(make).await.map_err(io::Error::other).flatten()
}

/// Follows suggestions that were printed; those whose word or line isn't there are left out. `paths` are those of the tree.
pub(in crate::fix) async fn follow(root: &Path, paths: &[String], suggestions: Vec<Suggestion>) -> io::Result<()> {
    let (root, paths) = (root.to_owned(), paths.to_vec());
    let work = move || {
        let mut by_file: BTreeMap<String, Vec<What>> = BTreeMap::new();
        for Suggestion { file, what } in suggestions {
            if let Some(path) = resolve(&root, &paths, &file) {
                by_file.entry(path).or_default().push(what);
            }
        }
        for (path, mut all) in by_file {
            let Some(path) = inside(&root, &root.join(path)) else { continue };
            let text = fs::read_to_string(&path)?;
            all.sort_by_key(|what| std::cmp::Reverse(place(what)));
            let after = all.iter().fold(text.clone(), |text, what| put(&text, what));
            if after != text {
                fs::write(&path, after)?;
            }
        }
        Ok(())
    };
    spawn_blocking(work).await.map_err(io::Error::other).flatten()
}

/// The path in the tree of a file as it was printed: from the top, absolute, or from some directory in between.
fn resolve(root: &Path, paths: &[String], file: &str) -> Option<String> {
    let file = file.strip_prefix(&format!("{}/", root.display())).unwrap_or(file).trim_start_matches("./");
    if paths.iter().any(|path| path == file) {
        return Some(file.to_owned());
    }
    let mut below = paths.iter().filter(|path| path.ends_with(&format!("/{file}")));
    below.next().filter(|_| below.next().is_none()).cloned()
}

/// The real path of a file, if it is one in the workspace.
fn inside(root: &Path, path: &Path) -> Option<PathBuf> {
    let (root, path) = (root.canonicalize().ok()?, path.canonicalize().ok()?);
    let below = path.strip_prefix(&root).ok()?;
    let built =
        below.components().next().is_some_and(|first| [".git", "target"].iter().any(|dir| first.as_os_str() == *dir));
    (path.is_file() && !built).then_some(path)
}

fn place(what: &What) -> (usize, usize) {
    match what {
        What::Word { line, column, .. } => (*line, *column),
        What::Line { line, .. } | What::Unknown { line, .. } => (*line, 0),
        What::Include { .. } => (0, 0),
    }
}

fn put(text: &str, what: &What) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    match what {
        What::Word { line, column, wrong, right } => {
            if let Some(text) = line.checked_sub(1).and_then(|at| lines.get_mut(at))
                && let Some(at) = find(text, wrong, *column)
            {
                text.replace_range(at..at + wrong.len(), right);
            }
        }
        What::Unknown { line, wrong } => {
            return match near::name(text, wrong) {
                Some(right) => put(text, &What::Word { line: *line, column: 0, wrong: wrong.clone(), right }),
                None if near::is_module(wrong) => put(text, &What::Include { text: format!("import {wrong}") }),
                None => text.to_owned(),
            };
        }
        What::Line { line, has } => {
            let at = line.wrapping_sub(1);
            if lines.get(at).is_some_and(|text| text.contains(has.as_str())) {
                lines.remove(at);
            }
        }
        What::Include { text } => {
            if !lines.iter().any(|line| line.trim() == text) {
                let at = if text.starts_with("import ") { before_imports(&lines) } else { after_includes(&lines) };
                lines.insert(at, format!("{text}\n"));
            }
        }
    }
    lines.concat()
}

fn after_includes(lines: &[String]) -> usize {
    lines.iter().rposition(|line| line.starts_with("#include")).map_or(0, |at| at + 1)
}

/// Before the first import, which may be one of several lines; or below the comments and the text at the top.
fn before_imports(lines: &[String]) -> usize {
    let import = |line: &String| {
        line.starts_with("import ") || (line.starts_with("from ") && !line.starts_with("from __future__"))
    };
    let first = lines.iter().position(import);
    let quotes = ["\"\"\"", "'''"];
    let begins = |line: &&String| quotes.iter().any(|quote| line.starts_with(quote));
    let ends = |line: &String| quotes.iter().any(|quote| line.trim_end().ends_with(quote));
    first.unwrap_or_else(|| {
        let comments = lines.iter().take_while(|line| line.starts_with('#')).count();
        match lines.get(comments).filter(begins) {
            Some(line) if line.trim_end().len() > 3 && ends(line) => comments + 1,
            Some(_) => comments + 1 + lines[comments + 1..].iter().position(ends).map_or(0, |at| at + 1),
            None => comments,
        }
    })
}

/// Where a word stands in a line: the occurrence that begins nearest to the column, or the only one.
fn find(line: &str, word: &str, column: usize) -> Option<usize> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let whole = |(at, _): &(usize, &str)| !line[..*at].ends_with(part) && !line[at + word.len()..].starts_with(part);
    let mut found = line.match_indices(word).filter(whole).map(|(at, _)| at);
    if column > 0 {
        return found.min_by_key(|at| at.abs_diff(column - 1));
    }
    // More than one: all of them are wrong alike, and the next round gets the next.
    found.next()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn word(line: usize, column: usize, wrong: &str, right: &str) -> What {
        What::Word { line, column, wrong: wrong.into(), right: right.into() }
    }

    #[test]
    fn the_word_itself_is_replaced_and_nothing_like_it() {
        assert_eq!(put("a\nxs = x(x1, x)\n", &word(2, 12, "x", "y")), "a\nxs = x(x1, y)\n");
        assert_eq!(put("a\nxs = x(x1, x)\r\n", &word(2, 0, "x", "y")), "a\nxs = y(x1, x)\r\n");
        assert_eq!(put("a\n", &word(9, 0, "x", "y")), "a\n");
        assert_eq!(put("größe = x\n", &word(1, 9, "x", "y")), "größe = y\n");
    }

    #[test]
    fn an_include_goes_behind_the_others() {
        let include = What::Include { text: "#include <a.h>".into() };
        assert_eq!(put("// x\n#include <b.h>\nint f;\n", &include), "// x\n#include <b.h>\n#include <a.h>\nint f;\n");
        assert_eq!(put("int f;\n", &include), "#include <a.h>\nint f;\n");
    }

    #[test]
    fn an_unknown_name_becomes_the_nearest_or_is_imported() {
        let unknown = |wrong: &str| What::Unknown { line: 4, wrong: wrong.into() };
        let text = "'''Doc.'''\ndef length(x):\n    return 1\nlenght(json)\n";
        assert_eq!(put(text, &unknown("lenght")), text.replace("lenght", "length"));
        assert_eq!(put(text, &unknown("json")), text.replace("def", "import json\ndef"));
        assert_eq!(put(text, &unknown("nothing_like_it")), text);
        let imports = "from __future__ import x\nfrom a import (\n    b,\n)\nos.x\n";
        let mended = "from __future__ import x\nimport os\nfrom a import (\n    b,\n)\nos.x\n";
        assert_eq!(put(imports, &What::Unknown { line: 5, wrong: "os".into() }), mended);
    }

    #[tokio::test]
    async fn nothing_outside_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let (root, other) = (dir.path().join("w"), dir.path().join("other.py"));
        fs::create_dir(&root).unwrap();
        fs::write(&other, "x\n").unwrap();
        std::os::unix::fs::symlink(&other, root.join("link.py")).unwrap();
        let paths = ["link.py".to_owned()];
        for file in ["link.py", "../other.py", other.to_str().unwrap()] {
            let suggestion = Suggestion { file: file.into(), what: word(1, 0, "x", "y") };
            follow(&root, &paths, vec![suggestion]).await.unwrap();
            let edit = Edit { file: file.into(), bytes: (0, 1), text: "y".into() };
            assert!(
                changes(&root, None, vec![Change { error: String::new(), edits: vec![edit] }])
                    .await
                    .unwrap()
                    .is_empty()
            );
        }
        assert_eq!(fs::read_to_string(&other).unwrap(), "x\n");
    }
}
