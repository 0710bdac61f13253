//! `.dockerignore`: which files of a build's context are not sent, by Docker's own rules.

use regex::Regex;

/// The patterns of a `.dockerignore`.
#[derive(Debug, Default)]
pub(super) struct Ignored(Vec<Pattern>);

#[derive(Debug)]
struct Pattern {
    /// It takes back what one before it has left out.
    back: bool,
    text: String,
    regex: Regex,
}

impl Ignored {
    /// Reads one. The error names the pattern that makes no sense.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut patterns = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            // A comment begins at the first column; blanks before a pattern mean nothing.
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let line = line.trim();
            let (back, line) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest.trim()));
            let text = clean(line);
            if text.is_empty() || text == "." {
                if line.is_empty() {
                    return Err("`!` without a pattern in .dockerignore".into());
                }
                continue;
            }
            let regex = Regex::new(&expression(&text)).map_err(|_| format!("the pattern {line:?} of .dockerignore"))?;
            patterns.push(Pattern { back, text, regex });
        }
        Ok(Self(patterns))
    }

    /// Whether the file or directory at this path (relative, with `/`) is left out: the last pattern that fits it, or a directory
    /// that it is in, decides.
    pub(super) fn leaves_out(&self, path: &str) -> bool {
        let mut out = false;
        for pattern in &self.0 {
            // Only a pattern that would change something has to be looked at.
            if pattern.back == out && fits(&pattern.regex, path) {
                out = !pattern.back;
            }
        }
        out
    }

    /// Whether something in this directory, which is left out, may be taken back.
    pub(super) fn may_take_back(&self, directory: &str) -> bool {
        let directory = format!("{directory}/");
        self.0.iter().any(|pattern| pattern.back && format!("{}/", pattern.text).starts_with(&directory))
    }
}

fn fits(regex: &Regex, path: &str) -> bool {
    regex.is_match(path) || path.match_indices('/').any(|(at, _)| regex.is_match(&path[..at]))
}

/// The pattern without what means nothing: `/` at the ends, `.` and `..` in between.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn expression(pattern: &str) -> String {
    let mut out = String::from("^(?s:");
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '*' if characters.peek() == Some(&'*') => {
                characters.next();
                if characters.peek() == Some(&'/') {
                    characters.next();
                }
                // Any number of directories; at the end, everything.
                out.push_str(if characters.peek().is_none() { ".*" } else { "(.*/)?" });
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => {
                out.push('[');
                if characters.peek() == Some(&'^') {
                    characters.next();
                    out.push('^');
                }
                for inner in characters.by_ref() {
                    match inner {
                        ']' => break,
                        // They mean something to this engine alone.
                        '[' | '&' | '~' => out.extend(['\\', inner]),
                        inner => out.push(inner),
                    }
                }
                out.push(']');
            }
            '\\' => out.push_str(&regex::escape(&characters.next().unwrap_or('\\').to_string())),
            character => out.push_str(&regex::escape(&character.to_string())),
        }
    }
    out.push_str(")$");
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn out(patterns: &str, path: &str) -> bool {
        Ignored::read(patterns).unwrap().leaves_out(path)
    }

    #[test]
    fn patterns_mean_what_they_mean_to_docker() {
        for (patterns, left_out, sent) in [
            ("a", &["a", "a/b", "a/b/c"][..], &["b", "b/a", "ab"][..]),
            ("/a", &["a", "a/b"], &["b/a"]),
            ("*/temp*", &["x/temp", "x/temporary.txt", "x/temp/y"], &["temp", "x/y/temp"]),
            ("*/*/temp*", &["x/y/temporary"], &["x/temp"]),
            ("temp?", &["tempa", "tempb"], &["temp", "tempab", "temp/"]),
            ("**/*.go", &["a.go", "x/a.go", "x/y/a.go"], &["a.gone", "go"]),
            ("**", &["a", "a/b"], &[]),
            ("a/**", &["a/b", "a/b/c"], &["b"]),
            ("a/**/b", &["a/b", "a/x/b", "a/x/y/b"], &["a/xb", "b"]),
            ("*.md\n!README.md", &["CHANGES.md"], &["README.md", "docs/x.md"]),
            ("*.md\n!README*.md\nREADME-secret.md", &["README-secret.md"], &["README-open.md"]),
            ("*.md\nREADME-secret.md\n!README*.md", &["x.md"], &["README-secret.md"]),
            ("*\n!src", &["a", "target/x"], &["src", "src/a"]),
            ("# comment\n\n  a  \n./b/../c/", &["a", "c", "c/d"], &["b", "# comment"]),
            ("[ab].txt\n[^c]x", &["a.txt", "dx"], &["c.txt", "cx"]),
            ("a\\*b", &["a*b"], &["axb"]),
            ("a+b(1).$", &["a+b(1).$"], &["aab(1)"]),
        ] {
            for path in left_out {
                assert!(out(patterns, path), "{patterns:?} leaves out {path}");
            }
            for path in sent {
                assert!(!out(patterns, path), "{patterns:?} sends {path}");
            }
        }
    }

    #[test]
    fn directories_are_entered_where_something_is_taken_back() {
        let ignored = Ignored::read("node_modules\n!node_modules/keep/this\n!**/nothing").unwrap();
        assert!(ignored.may_take_back("node_modules"));
        assert!(ignored.may_take_back("node_modules/keep"));
        assert!(!ignored.may_take_back("node_modules/other"));
        assert!(!ignored.may_take_back("target"));
        assert!(Ignored::read("!").is_err());
        assert!(Ignored::read("[z-a]").is_err());
    }
}
