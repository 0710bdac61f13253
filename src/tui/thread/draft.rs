//! What somebody wants to say, on its way: what is given along has to be read first, and what it takes the place of to be taken back.

use crate::{
    domain::id::ThreadId,
    protocol::thread::{About, Attached, ThreadCommand},
};

/// So many things are given along at once, at most.
const MOST: usize = 8;

/// See [`self`].
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// In which conversation; `None`: in a new one.
    pub thread: Option<ThreadId>,
    /// What is said.
    pub text: String,
    /// What has to be read to be given along.
    pub wanted: Vec<String>,
    /// What was read.
    pub attached: Vec<Attached>,
    /// From which message on what was said is taken back first.
    pub takes_back: Option<u32>,
}

impl Draft {
    /// What is to be done now: nothing is left to wait for.
    pub fn command(
        &self,
        root: Option<std::path::PathBuf>,
        about: About,
        (role, model): (Option<String>, Option<String>),
    ) -> ThreadCommand {
        match (self.thread, self.takes_back) {
            (Some(thread), Some(from)) => ThreadCommand::TakeBack { thread, from },
            (thread, _) => ThreadCommand::Say {
                thread,
                root,
                about,
                role,
                model,
                text: self.text.clone(),
                attached: self.attached.clone(),
            },
        }
    }
}

/// What is named in a text to be given along: `@file PATH`, `@log RUN/JOB`, `@run N`, `@diff`, each once.
pub fn named(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let name = match word {
            "@diff" => Some(word.to_owned()),
            "@file" | "@log" | "@run" => {
                words.next().map(|what| format!("{word} {}", what.trim_end_matches([',', ';', '?', '!'])))
            }
            _ => None,
        };
        if let Some(name) = name.filter(|name| found.len() < MOST && !found.contains(name)) {
            found.push(name);
        }
    }
    found
}

/// What stands before the cursor, if it is to be completed: the bytes that are replaced, and what begins with what.
pub fn to_complete(before: &str) -> Option<(&'static str, &str)> {
    let line = before.rsplit('\n').next().unwrap_or(before);
    let word = line.rsplit(' ').next().unwrap_or(line);
    let ahead = line[..line.len() - word.len()].trim_end().rsplit(' ').next().unwrap_or_default();
    match ahead {
        "@file" => return Some(("@file", word)),
        "@log" => return Some(("@log", word)),
        "@run" => return Some(("@run", word)),
        "/role" => return Some(("/role", word)),
        "/model" => return Some(("/model", word)),
        _ => {}
    }
    if word.starts_with('@') {
        return Some(("@", word));
    }
    (before == word && word.starts_with('/')).then_some(("/", word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_along_is_named_in_the_text() {
        let text =
            "why does @log 12/test fail since @diff? see @file src/lib.rs, and @run 12 and @run 12; mail a@file x";
        assert_eq!(named(text), ["@log 12/test", "@file src/lib.rs", "@run 12"]);
        assert_eq!(named("@diff now @file"), ["@diff"]);
    }

    #[test]
    fn what_is_being_typed_is_completed_where_something_is_known() {
        assert_eq!(to_complete("look at @file src/l"), Some(("@file", "src/l")));
        assert_eq!(to_complete("look at @file "), Some(("@file", "")));
        assert_eq!(to_complete("look at @f"), Some(("@", "@f")));
        assert_eq!(to_complete("/mo"), Some(("/", "/mo")));
        assert_eq!(to_complete("/role an"), Some(("/role", "an")));
        assert_eq!(to_complete("and/or"), None);
        assert_eq!(to_complete(""), None);
    }
}
