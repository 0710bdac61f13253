//! The nearest right name for a wrong one.

/// What other tools call things, and what gonogo calls them.
const ELSEWHERE: [(&str, &str); 33] = [
    ("after", "needs"),
    ("allow-failures", "allow-failure"),
    ("command", "run"),
    ("command", "steps"),
    ("commands", "steps"),
    ("container", "image"),
    ("continue-on-error", "allow-failure"),
    ("cwd", "dir"),
    ("dependencies", "needs"),
    ("depends-on", "needs"),
    ("directory", "dir"),
    ("environment", "deploy"),
    ("environment", "env"),
    ("if", "when"),
    ("job", "jobs"),
    ("jobs", "pipelines"),
    ("workflows", "pipelines"),
    ("parallel", "jobs"),
    ("prompt", "question"),
    ("repositories", "projects"),
    ("requires", "needs"),
    ("runs-on", "engine"),
    ("script", "steps"),
    ("script", "run"),
    ("strategy", "matrix"),
    ("timeout-minutes", "timeout"),
    ("variables", "env"),
    ("vars", "env"),
    ("working-directory", "dir"),
    ("dir", "path"),
    ("directory", "path"),
    ("root", "path"),
    ("keybindings", "keys"),
];

/// The name among `known` that was most likely meant.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known: Vec<&str> = known.into_iter().collect();
    let plain = plain(wrong);
    if let Some(name) = known.iter().find(|name| self::plain(name) == plain) {
        return Some(name);
    }
    let elsewhere = ELSEWHERE.iter().filter(|(other, _)| *other == plain).map(|(_, ours)| *ours);
    if let Some(name) = elsewhere.into_iter().find_map(|ours| known.iter().find(|name| **name == ours)) {
        return Some(name);
    }
    let longest = plain.chars().count();
    let near = known.iter().map(|name| (distance(&plain, &self::plain(name)), *name));
    let near = near.filter(|(distance, name)| *distance <= longest.max(name.chars().count()).div_ceil(3));
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// `did you mean ...?`, where there is something near.
pub fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(wrong, known).map(|name| format!("did you mean `{name}`?"))
}

/// Lower case, with dashes between words.
fn plain(name: &str) -> String {
    let mut text = String::new();
    for (index, c) in name.char_indices() {
        match c {
            '_' | ' ' => text.push('-'),
            c if c.is_uppercase() => {
                if index > 0 && name[..index].ends_with(char::is_lowercase) {
                    text.push('-');
                }
                text.extend(c.to_lowercase());
            }
            c => text.push(c),
        }
    }
    text
}

/// Edits from one to the other: insert, delete, replace, swap two neighbours.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    if from.len().abs_diff(to.len()) > 8 {
        return usize::MAX;
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let replace = rows[i][j] + usize::from(a != b);
            let mut best = replace.min(row[j] + 1).min(rows[i][j + 1] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_other_spellings_and_other_tools_names_are_understood() {
        let known = ["needs", "steps", "engine", "allow-failure", "timeout", "env", "when"];
        for (wrong, right) in [
            ("need", "needs"),
            ("nedes", "needs"),
            ("allow_failure", "allow-failure"),
            ("allowFailure", "allow-failure"),
            ("depends_on", "needs"),
            ("runs-on", "engine"),
            ("script", "steps"),
            ("if", "when"),
            ("Timeout", "timeout"),
        ] {
            assert_eq!(nearest(wrong, known), Some(right), "{wrong}");
        }
        assert_eq!(nearest("zebra", known), None);
        assert_eq!(nearest("", known), None);
    }
}
