//! What an agent may do without asking each time: patterns over the words of a command. Pure.
//!
//! A pattern is words; `*` as its last word stands for any rest, also none. A command fits only if it is nothing but plain words: with
//! anything that a shell would make more of (quotes, `;`, `$`, `*`, a line's end), it fits no pattern, and is asked for.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The longest pattern, in bytes.
const LONGEST: usize = 200;

/// Programs that run whatever stands behind them: of these no more is suggested than what was asked for.
const RUNNERS: &[&str] = &[
    "bash", "bun", "busybox", "dash", "deno", "doas", "docker", "env", "eval", "exec", "find", "fish", "ksh", "nice",
    "node", "nohup", "npx", "parallel", "perl", "php", "podman", "python", "python2", "python3", "rm", "ruby", "sh",
    "ssh", "su", "sudo", "time", "timeout", "uvx", "watch", "xargs", "zsh",
];

/// Words, the last of which may be `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    words: Vec<String>,
    /// Any rest fits.
    open: bool,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// There is nothing in it.
    #[error("a pattern needs at least one word")]
    Empty,
    /// Something in it would not fit a plain word.
    #[error("`{0}` can't stand in a pattern: only plain words, and `*` as the last")]
    NotPlain(String),
    /// It goes on for too long.
    #[error("a pattern has at most {LONGEST} bytes")]
    TooLong,
}

impl Pattern {
    /// Whether this command is one of those that are meant.
    pub fn fits(&self, command: &str) -> bool {
        let Some(words) = plain_words(command) else { return false };
        let same = self.words.iter().zip(&words).all(|(mine, theirs)| mine == theirs);
        same && if self.open { words.len() >= self.words.len() } else { words.len() == self.words.len() }
    }

    /// What to suggest to whoever wants to allow a command for good: its first two words and any rest, or no more than the command
    /// itself. `None`: no pattern fits it.
    pub fn for_command(command: &str) -> Option<Self> {
        let words = plain_words(command)?;
        let [first, second, _, ..] = words.as_slice() else { return Self::exactly(&words) };
        let name = first.rsplit('/').next().unwrap_or(first);
        if RUNNERS.contains(&name) || first.contains('=') || second.starts_with('-') {
            return Self::exactly(&words);
        }
        Some(Self { words: vec![(*first).to_owned(), (*second).to_owned()], open: true })
    }

    fn exactly(words: &[&str]) -> Option<Self> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        (!words.is_empty()).then_some(Self { words, open: false })
    }
}

/// The words of a command, if a shell would make nothing else of it.
fn plain_words(command: &str) -> Option<Vec<&str>> {
    let words: Vec<&str> = command.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
    (!words.is_empty() && words.iter().all(|word| is_plain(word))).then_some(words)
}

/// Letters, digits and what has no meaning to a shell.
fn is_plain(word: &str) -> bool {
    word.chars().all(|c| c.is_alphanumeric() || "-_./:=,+@%".contains(c))
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.len() > LONGEST {
            return Err(PatternError::TooLong);
        }
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let open = words.last() == Some(&"*");
        if open {
            words.pop();
        }
        if let Some(wrong) = words.iter().find(|word| !is_plain(word)) {
            return Err(PatternError::NotPlain((*wrong).to_owned()));
        }
        match Self::exactly(&words) {
            Some(pattern) => Ok(Self { open, ..pattern }),
            None => Err(PatternError::Empty),
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words.join(" "))?;
        if self.open { f.write_str(" *") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fits(pattern: &str, command: &str) -> bool {
        pattern.parse::<Pattern>().unwrap().fits(command)
    }

    #[test]
    fn words_fit_words_and_a_star_fits_any_rest() {
        assert!(fits("cargo test", "cargo  test"));
        assert!(!fits("cargo test", "cargo test --all"));
        for command in ["cargo test", "cargo test --all", "cargo test -p api_v2 charge::once"] {
            assert!(fits("cargo test *", command), "{command}");
        }
        for command in ["cargo testing", "cargo", "cargo run", "sudo cargo test", "RUSTFLAGS=x cargo test", ""] {
            assert!(!fits("cargo test *", command), "{command}");
        }
    }

    #[test]
    fn what_a_shell_makes_more_of_fits_nothing() {
        for rest in [
            "; rm -rf /",
            "&& id",
            "| sh",
            "> x",
            "< x",
            "$HOME",
            "$(id)",
            "`id`",
            "'a'",
            "\"a\"",
            "a\\ b",
            "*",
            "a?",
            "[a]",
            "{a,b}",
            "~",
            "!1",
            "# x",
            "\nid",
            "\rid",
            "a\u{a0}id",
            "\u{0}",
            "a\u{2028}id",
            "(id)",
        ] {
            let command = format!("cargo test {rest}");
            assert!(!fits("cargo test *", &command), "{command:?}");
            assert_eq!(Pattern::for_command(&command), None, "{command:?}");
        }
    }

    #[test]
    fn a_pattern_has_words_and_its_star_stands_last() {
        for wrong in ["", "  ", "*", "cargo * test", "cargo te*", "cargo; rm", "a 'b'", "$(a) *"] {
            assert!(wrong.parse::<Pattern>().is_err(), "{wrong}");
        }
        assert!("x".repeat(LONGEST + 1).parse::<Pattern>().is_err());
        assert_eq!("  cargo   test  * ".parse::<Pattern>().unwrap().to_string(), "cargo test *");
    }

    #[test]
    fn what_is_suggested_fits_and_is_no_wider_than_two_words() {
        let suggested = |command: &str| Pattern::for_command(command).map(|pattern| pattern.to_string());
        assert_eq!(suggested("cargo test --all -p x").as_deref(), Some("cargo test *"));
        assert_eq!(suggested("npm ci").as_deref(), Some("npm ci"));
        assert_eq!(suggested("make").as_deref(), Some("make"));
        assert_eq!(suggested("git -c core.pager=x log").as_deref(), Some("git -c core.pager=x log"));
        assert_eq!(suggested("python3 tools/gen.py --all").as_deref(), Some("python3 tools/gen.py --all"));
        assert_eq!(suggested("/usr/bin/env x y").as_deref(), Some("/usr/bin/env x y"));
        assert_eq!(suggested("A=1 make all").as_deref(), Some("A=1 make all"));
        assert_eq!(suggested(""), None);
    }
}
