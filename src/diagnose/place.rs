//! Paths and places: whose file it is, and where a line points.

use std::sync::LazyLock;

use regex::Regex;

/// Parts of paths that belong to somebody else: dependencies, standard libraries, tool caches.
const FOREIGN: [&str; 27] = [
    "Python.framework/",
    "site-packages/",
    "dist-packages/",
    "node_modules/",
    "node:",
    "internal/",
    "vendor/",
    "/gems/",
    "/rustc/",
    "/rustlib/",
    ".cargo/registry",
    ".cargo/git",
    "library/core/",
    "library/std/",
    "library/alloc/",
    "hostedtoolcache/",
    "/usr/lib",
    "/usr/local/lib",
    "/usr/include",
    "/usr/local/go/",
    "/go/pkg/mod/",
    "lib/python",
    ".pyenv/",
    "<frozen",
    "<string>",
    "<stdin>",
    "<anonymous>",
];

/// The file's name in the project, where Bazel's sandbox stands before it.
pub(super) fn outside(file: &str) -> &str {
    let inside = file.split_once("/execroot/").and_then(|(_, rest)| rest.split_once('/'));
    inside.map_or(file, |(_, rest)| rest)
}

/// Whether the file is not the project's own.
pub(super) fn foreign(file: &str) -> bool {
    let file = file.replace('\\', "/");
    FOREIGN.iter().any(|part| file.contains(part)) || file.starts_with('<')
}

static PLACE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?:file://)?(?P<file>(?:[A-Za-z]:[\\/])?[^\s:()'"`\[\]]*[\w\])]\.[A-Za-z]\w{0,9}|(?:[^\s:()'"`]*/)?(?:Makefile|Dockerfile|Gemfile|Rakefile|Jenkinsfile)):(?P<line>\d+)(?::(?P<column>\d+))?"#).ok()
});

/// The first `file:line[:column]` in a text.
pub(super) fn find(text: &str) -> Option<(String, u32, Option<u32>)> {
    let text = text.get(..text.len().min(1000)).unwrap_or(text);
    if !text.contains(':') {
        return None;
    }
    let found = PLACE.as_ref()?.captures(text)?;
    let line = found["line"].parse().ok()?;
    Some((
        found["file"].to_owned(),
        line,
        found.name("column").and_then(|m| m.as_str().parse().ok()).filter(|column| *column > 0),
    ))
}

/// Of the places of a stack, the project's own that comes first in `places`, or the first.
pub(super) fn own<T>(places: Vec<(String, T)>) -> Option<(String, T)> {
    let own = places.iter().position(|(file, _)| !foreign(file)).unwrap_or(0);
    places.into_iter().nth(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_text() {
        assert_eq!(find("at f (src/a.js:3:14)"), Some(("src/a.js".into(), 3, Some(14))));
        assert_eq!(find("thread panicked at src/lib.rs:9"), Some(("src/lib.rs".into(), 9, None)));
        assert_eq!(find("C:\\work\\a.cs:12"), Some(("C:\\work\\a.cs".into(), 12, None)));
        assert_eq!(find("at 10:30:12 on localhost:8080"), None);
    }

    #[test]
    fn the_projects_own_file_comes_first() {
        let places = vec![("node_modules/x/i.js".to_owned(), 1), ("src/a.js".to_owned(), 2)];
        assert_eq!(own(places), Some(("src/a.js".to_owned(), 2)));
        assert!(foreign("/opt/hostedtoolcache/Python/3.12/x64/lib/python3.12/json.py"));
        assert!(!foreign("src/internal.rs"));
    }
}
