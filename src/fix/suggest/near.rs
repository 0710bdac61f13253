//! Names that a Python file may have meant.

/// Modules of Python's library that are used by their name.
const MODULES: &[&str] = &[
    "argparse",
    "asyncio",
    "base64",
    "collections",
    "contextlib",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "hashlib",
    "io",
    "itertools",
    "json",
    "logging",
    "math",
    "operator",
    "os",
    "pathlib",
    "random",
    "re",
    "shutil",
    "socket",
    "sqlite3",
    "statistics",
    "string",
    "subprocess",
    "sys",
    "tempfile",
    "textwrap",
    "threading",
    "time",
    "typing",
    "unittest",
    "urllib",
    "uuid",
];

/// Python's own names that are easily mistyped.
const BUILTINS: &[&str] = &[
    "print",
    "range",
    "sorted",
    "reversed",
    "enumerate",
    "isinstance",
    "float",
    "list",
    "dict",
    "tuple",
    "super",
    "property",
    "input",
    "open",
    "filter",
    "round",
    "format",
    "hasattr",
    "getattr",
    "setattr",
    "staticmethod",
    "classmethod",
    "ValueError",
    "TypeError",
    "KeyError",
    "IndexError",
    "RuntimeError",
    "NotImplementedError",
    "Exception",
    "False",
    "True",
    "None",
];

/// Whether a name is that of a module of the library.
pub(super) fn is_module(name: &str) -> bool {
    MODULES.contains(&name)
}

/// The word of the text, or Python's own, that differs least from `wrong`, if there is one that differs little.
pub(super) fn name(text: &str, wrong: &str) -> Option<String> {
    let allowed = match wrong.len() {
        0..4 => return None,
        4..8 => 1,
        _ => 2,
    };
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).chain(BUILTINS.iter().copied());
    let near = words.filter(|word| *word != wrong).map(|word| (distance(word, wrong), word));
    near.filter(|(distance, _)| *distance <= allowed).min().map(|(_, word)| word.to_owned())
}

/// How many characters come, go, change, or change places with the next.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let other = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + other);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_mistyped_is_near() {
        let near =
            [("lenght", "length"), ("retrun", "return"), ("ValueEror", "ValueError")].map(|(a, b)| distance(a, b));
        assert_eq!(near, [1, 1, 1]);
        assert_eq!(distance("a", "abcd"), usize::MAX);
        assert_eq!(name("x = 1", "pritn").as_deref(), Some("print"));
        assert_eq!(name("x = 1", "abc"), None);
    }
}
