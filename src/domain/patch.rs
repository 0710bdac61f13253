//! A unified diff as a value: files, hunks, lines. What is shown, guarded, approved and applied.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// A change of several files, as `git diff --binary --full-index` prints it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PatchText(pub String);

/// A parsed patch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// The files that it changes, in the order of the text.
    pub files: Vec<FilePatch>,
}

/// The change of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilePatch {
    /// Path before; `None` for a new file.
    pub old_path: Option<String>,
    /// Path after; `None` for a deleted file.
    pub new_path: Option<String>,
    /// Git's object id of the content before, from the `index` line.
    pub old_blob: Option<String>,
    /// Git's object id of the content after.
    pub new_blob: Option<String>,
    /// The lines before the first hunk, as they stand (`diff --git`, `index`, `---`, `+++`, modes, renames).
    pub header: Vec<String>,
    /// The change is not text.
    pub binary: bool,
    /// The hunks.
    pub hunks: Vec<Hunk>,
}

impl FilePatch {
    /// The path by which people speak of the file.
    pub fn path(&self) -> &str {
        self.new_path.as_deref().or(self.old_path.as_deref()).unwrap_or_default()
    }
}

/// One stretch of changed lines with its surroundings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hunk {
    /// First line (1 is the first) and number of lines before.
    pub old: (u32, u32),
    /// First line and number of lines after.
    pub new: (u32, u32),
    /// What stands after the second `@@`.
    pub section: String,
    /// The lines.
    pub lines: Vec<DiffLine>,
}

/// One line of a hunk, without its line feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    /// What happens to it.
    pub change: Change,
    /// Its text.
    pub text: String,
    /// It is the file's last line and has no line feed.
    pub no_newline: bool,
}

/// What happens to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It stays.
    Keep,
    /// It goes.
    Remove,
    /// It comes.
    Add,
}

impl Change {
    /// The character in the first column of a diff.
    pub fn sign(self) -> char {
        match self {
            Self::Keep => ' ',
            Self::Remove => '-',
            Self::Add => '+',
        }
    }
}

/// A text that is not a unified diff.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the patch: {what}")]
pub struct PatchError {
    /// 1 is the first.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
}

impl Patch {
    /// Reads what `git diff` prints. Text before the first `diff --git` line is left out.
    pub fn parse(text: &str) -> Result<Self, PatchError> {
        let mut files: Vec<FilePatch> = Vec::new();
        let mut lines = text.split_inclusive('\n').enumerate().peekable();
        while let Some((number, raw)) = lines.next() {
            let line = raw.strip_suffix('\n').unwrap_or(raw);
            let wrong = |what| PatchError { line: number + 1, what };
            if line.starts_with("diff --git ") {
                files.push(FilePatch { header: vec![line.to_owned()], ..FilePatch::default() });
                if let Some(file) = files.last_mut() {
                    let (old, new) = git_paths(line);
                    (file.old_path, file.new_path) = (old, new);
                }
                continue;
            }
            let Some(file) = files.last_mut() else { continue };
            if let Some(rest) = line.strip_prefix("@@ ") {
                let mut hunk = hunk_header(rest).ok_or_else(|| wrong("not a hunk header"))?;
                let (mut old, mut new) = (hunk.old.1, hunk.new.1);
                while old > 0 || new > 0 {
                    let (number, raw) = lines.next().ok_or_else(|| wrong("the hunk ends too early"))?;
                    let body = raw.strip_suffix('\n').unwrap_or(raw);
                    let ended = || PatchError { line: number + 1, what: "the hunk's lines don't add up" };
                    let change = match body.as_bytes().first() {
                        Some(b'+') => Change::Add,
                        Some(b'-') => Change::Remove,
                        Some(b' ') | None => Change::Keep,
                        Some(b'\\') => {
                            if let Some(last) = hunk.lines.last_mut() {
                                last.no_newline = true;
                            }
                            continue;
                        }
                        Some(_) => return Err(ended()),
                    };
                    if change != Change::Add {
                        old = old.checked_sub(1).ok_or_else(ended)?;
                    }
                    if change != Change::Remove {
                        new = new.checked_sub(1).ok_or_else(ended)?;
                    }
                    let text = body.get(1..).unwrap_or_default().to_owned();
                    hunk.lines.push(DiffLine { change, text, no_newline: false });
                }
                if lines.peek().is_some_and(|(_, next)| next.starts_with('\\')) {
                    lines.next();
                    if let Some(last) = hunk.lines.last_mut() {
                        last.no_newline = true;
                    }
                }
                file.hunks.push(hunk);
            } else if file.hunks.is_empty() {
                header_line(file, line);
            }
        }
        Ok(Self { files })
    }

    /// Added and removed lines.
    pub fn size(&self) -> (u32, u32) {
        let lines = || self.files.iter().flat_map(|f| &f.hunks).flat_map(|h| &h.lines);
        let count = |change| lines().filter(|line| line.change == change).count() as u32;
        (count(Change::Add), count(Change::Remove))
    }

    /// How many hunks there are over all files.
    pub fn hunk_count(&self) -> usize {
        self.files.iter().map(|f| f.hunks.len()).sum()
    }

    /// The patch with only the hunks for which `keep` (by their index over all files) says yes. Blob ids of files that lose
    /// a hunk are dropped, since the content after is another; files that lose all of their hunks go.
    pub fn select(&self, keep: impl Fn(usize) -> bool) -> Self {
        let mut index = 0;
        let mut files = Vec::new();
        for file in &self.files {
            let mut kept = FilePatch { hunks: Vec::new(), ..file.clone() };
            let mut shift: i64 = 0;
            for hunk in &file.hunks {
                if keep(index) {
                    let mut hunk = hunk.clone();
                    hunk.new.0 = u32::try_from(i64::from(hunk.new.0) + shift).unwrap_or(0);
                    kept.hunks.push(hunk);
                } else {
                    shift += i64::from(hunk.old.1) - i64::from(hunk.new.1);
                }
                index += 1;
            }
            if kept.hunks.len() != file.hunks.len() {
                kept.new_blob = None;
                kept.header.retain(|line| !line.starts_with("index "));
            }
            if !kept.hunks.is_empty() || file.hunks.is_empty() {
                files.push(kept);
            }
        }
        Self { files }
    }

    /// The text again.
    pub fn to_text(&self) -> PatchText {
        let mut out = String::new();
        for file in &self.files {
            for line in &file.header {
                let _ = writeln!(out, "{line}");
            }
            for hunk in &file.hunks {
                let range = |(start, count): (u32, u32)| match count {
                    1 => start.to_string(),
                    _ => format!("{start},{count}"),
                };
                let section = if hunk.section.is_empty() { String::new() } else { format!(" {}", hunk.section) };
                let _ = writeln!(out, "@@ -{} +{} @@{section}", range(hunk.old), range(hunk.new));
                for line in &hunk.lines {
                    let _ = writeln!(out, "{}{}", line.change.sign(), line.text);
                    if line.no_newline {
                        out.push_str("\\ No newline at end of file\n");
                    }
                }
            }
        }
        PatchText(out)
    }
}

fn header_line(file: &mut FilePatch, line: &str) {
    file.header.push(line.to_owned());
    if let Some(rest) = line.strip_prefix("index ") {
        let blobs = rest.split(' ').next().unwrap_or_default();
        if let Some((old, new)) = blobs.split_once("..") {
            (file.old_blob, file.new_blob) = (Some(old.to_owned()), Some(new.to_owned()));
        }
    } else if line.starts_with("new file mode") {
        file.old_path = None;
    } else if line.starts_with("deleted file mode") {
        file.new_path = None;
    } else if let Some(path) = line.strip_prefix("rename from ") {
        file.old_path = Some(unquote(path));
    } else if let Some(path) = line.strip_prefix("rename to ") {
        file.new_path = Some(unquote(path));
    } else if let Some(path) = line.strip_prefix("--- ") {
        file.old_path = side(path, "a/");
    } else if let Some(path) = line.strip_prefix("+++ ") {
        file.new_path = side(path, "b/");
    } else if line.starts_with("GIT binary patch") || line.starts_with("Binary files ") {
        file.binary = true;
    }
}

/// A path of a `---` or `+++` line.
fn side(path: &str, prefix: &str) -> Option<String> {
    let path = unquote(path.trim_end_matches('\t'));
    (path != "/dev/null").then(|| path.strip_prefix(prefix).map_or_else(|| path.clone(), str::to_owned))
}

/// The paths of a `diff --git a/X b/X` line; where they can't be told apart, the later lines say them.
fn git_paths(line: &str) -> (Option<String>, Option<String>) {
    let rest = line.trim_start_matches("diff --git ");
    if let Some(half) = rest.len().checked_sub(1).map(|n| n / 2)
        && let (Some(old), Some(new)) = (rest.get(..half).map(unquote), rest.get(half + 1..).map(unquote))
        && let (Some(old), Some(new)) = (old.strip_prefix("a/"), new.strip_prefix("b/"))
        && old == new
    {
        return (Some(old.to_owned()), Some(new.to_owned()));
    }
    (None, None)
}

/// Undoes git's C-style quoting of unusual path names.
fn unquote(path: &str) -> String {
    let Some(inner) = path.strip_prefix('"').and_then(|p| p.strip_suffix('"')) else { return path.to_owned() };
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'r') => bytes.push(b'\r'),
            Some(b'a') => bytes.push(7),
            Some(b'b') => bytes.push(8),
            Some(b'v') => bytes.push(11),
            Some(b'f') => bytes.push(12),
            Some(first @ b'0'..=b'7') => {
                let digits = [first, rest.next().unwrap_or(b'0'), rest.next().unwrap_or(b'0')];
                bytes.push(digits.iter().fold(0u8, |n, d| n.wrapping_mul(8).wrapping_add(d.wrapping_sub(b'0'))));
            }
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hunk_header(rest: &str) -> Option<Hunk> {
    let (ranges, section) = rest.split_once(" @@")?;
    let (old, new) = ranges.split_once(' ')?;
    let range = |text: &str| -> Option<(u32, u32)> {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    Some(Hunk {
        old: range(old.strip_prefix('-')?)?,
        new: range(new.strip_prefix('+')?)?,
        section: section.trim_start().to_owned(),
        lines: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TWO_HUNKS: &str = "diff --git a/src/a.rs b/src/a.rs\nindex 111..222 100644\n--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1,3 +1,4 @@ fn a\n one\n+two\n three\n four\n@@ -10,2 +11 @@\n-ten\n eleven\n\\ No newline at end of file\ndiff --git a/new file b/new file\nnew file mode 100644\nindex 000..333\n--- /dev/null\n+++ b/new file\n@@ -0,0 +1 @@\n+hello\n";

    #[test]
    fn a_patch_is_read_and_written_without_change() {
        let patch = Patch::parse(TWO_HUNKS).unwrap();
        assert_eq!(patch.to_text().0, TWO_HUNKS);
        assert_eq!(patch.size(), (2, 1));
        assert_eq!(patch.files[0].old_blob.as_deref(), Some("111"));
        assert_eq!((patch.files[1].old_path.as_deref(), patch.files[1].path()), (None, "new file"));
    }

    #[test]
    fn taking_the_second_hunk_alone_moves_it_to_where_it_applies() {
        let second = Patch::parse(TWO_HUNKS).unwrap().select(|hunk| hunk == 1);
        assert_eq!(second.files.len(), 1);
        assert_eq!(second.files[0].hunks[0].new, (10, 1));
        assert!(second.files[0].new_blob.is_none());
    }

    #[test]
    fn a_hunk_that_does_not_add_up_is_refused_with_its_line() {
        let error = Patch::parse("diff --git a/x b/x\n@@ -1,2 +1 @@\n-a\n+b\n+c\n").unwrap_err();
        assert_eq!(error.line, 5);
    }

    #[test]
    fn quoted_paths_are_read() {
        assert_eq!(unquote(r#""b/sm\303\270r.rs""#), "b/smør.rs");
        let mode = "diff --git \"a/sm\\303\\270r\" \"b/sm\\303\\270r\"\nold mode 100644\nnew mode 100755\n";
        assert_eq!(Patch::parse(mode).unwrap().files[0].path(), "smør");
    }
}
