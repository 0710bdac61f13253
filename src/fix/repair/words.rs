//! What a proposal says of itself.

use crate::domain::{
    definition::ApplyInto,
    diagnosis::{Category, Diagnosis},
    patch::{Change, Patch, PatchText},
};

/// One line: what the patch does.
pub(super) fn title(fixer: &str, fault: &Diagnosis, patch: &PatchText) -> String {
    let patch = Patch::parse(&patch.0).unwrap_or_default();
    let files = match &patch.files[..] {
        [one] => one.path().to_owned(),
        many => format!("{} files", many.len()),
    };
    if let Some((old, new)) = one_word(&patch) {
        return format!("Replace `{old}` with `{new}` in {files} ({fixer})");
    }
    match fault.category {
        Category::Format => format!("Format {files} ({fixer})"),
        Category::Lint => match fault.diagnostics.len() {
            0 | 1 => format!("Mend a lint finding in {files} ({fixer})"),
            many => format!("Mend {many} lint findings in {files} ({fixer})"),
        },
        Category::Dependency => format!("Bring {files} up to date ({fixer})"),
        category => format!("Mend a {category} fault in {files} ({fixer})"),
    }
}

/// How it can be taken back.
pub(super) fn undo(into: ApplyInto) -> &'static str {
    match into {
        ApplyInto::Commit => "`gonogo undo` makes a commit that reverts it",
        ApplyInto::Branch => "`gonogo undo` deletes the branch",
        ApplyInto::WorkingTree => "`gonogo undo` puts the old files back",
    }
}

/// The word that changes, if nothing else does.
fn one_word(patch: &Patch) -> Option<(String, String)> {
    let mut lines = patch.files.iter().flat_map(|file| &file.hunks).flat_map(|hunk| &hunk.lines);
    let changed: Vec<_> = lines.by_ref().filter(|line| line.change != Change::Keep).collect();
    let [old, new] = changed[..] else { return None };
    if old.change != Change::Remove || new.change != Change::Add {
        return None;
    }
    let split = |text: &'_ str| -> Vec<String> {
        let mut words = vec![String::new()];
        for character in text.chars() {
            if !(character.is_alphanumeric() || character == '_') {
                words.push(character.to_string());
                words.push(String::new());
            } else if let Some(last) = words.last_mut() {
                last.push(character);
            }
        }
        words
    };
    let (old, new) = (split(&old.text), split(&new.text));
    let mut differing = old.iter().zip(&new).filter(|(a, b)| a != b);
    let (a, b) = differing.next()?;
    let plain = !a.trim().is_empty() && !b.trim().is_empty() && a.len() < 60 && b.len() < 60;
    (old.len() == new.len() && differing.next().is_none() && plain).then(|| (a.clone(), b.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_word_is_named() {
        let patch = |old: &str, new: &str| {
            let text = format!("diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-{old}\n+{new}\n");
            Patch::parse(&text).ok().and_then(|patch| one_word(&patch))
        };
        assert_eq!(patch("x = lenght(y)", "x = length(y)"), Some(("lenght".into(), "length".into())));
        assert_eq!(patch("x = lenght(y)", "x = length(z)"), None);
        assert_eq!(patch("x=1", "x = 1"), None);
    }
}
