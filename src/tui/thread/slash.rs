//! What can be told to the board itself where words to an agent are typed.

/// Something that begins with a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slash {
    /// Another model; an empty text: the role's own.
    Model(String),
    /// Somebody else answers.
    Role(String),
    /// A new conversation.
    New,
    /// Another title.
    Title(String),
    /// Show it no longer.
    Close,
    /// Write it to a file.
    Export(Option<String>),
    /// Search in it.
    Find(String),
    /// What it has cost.
    Cost,
    /// What agents may do without asking.
    Rules,
    /// All of these.
    Help,
}

/// Their names, what stands behind each, and what each does.
pub const ALL: &[(&str, &str, &str)] = &[
    ("/model", "NAME", "answers come from this model; without a name, from the role's own"),
    ("/role", "NAME", "this role answers: operator, analyst, engineer, ..."),
    ("/new", "", "a new conversation"),
    ("/title", "TEXT", "another title"),
    ("/close", "", "show this conversation no longer"),
    ("/export", "[FILE]", "write it to a Markdown file"),
    ("/find", "TEXT", "search in it"),
    ("/cost", "", "what it has cost"),
    ("/rules", "", "what agents may do without asking"),
    ("/help", "", "all of these"),
];

/// What a text means: `None` if it is no command, but words. Two slashes at its beginning are one, and words.
pub fn parse(text: &str) -> Option<Result<Slash, String>> {
    let text = text.trim();
    if !text.starts_with('/') || text.starts_with("//") || text.contains('\n') {
        return None;
    }
    let (name, rest) = text.split_once(' ').map_or((text, ""), |(name, rest)| (name, rest.trim()));
    // A path at the beginning of a sentence is no command.
    if name[1..].contains('/') {
        return None;
    }
    let some = |slash: fn(String) -> Slash| match rest {
        "" => Err(format!("{name} needs a word behind it")),
        rest => Ok(slash(rest.to_owned())),
    };
    Some(match name {
        "/model" => Ok(Slash::Model(rest.to_owned())),
        "/role" => some(Slash::Role),
        "/new" => Ok(Slash::New),
        "/title" => some(Slash::Title),
        "/close" => Ok(Slash::Close),
        "/export" => Ok(Slash::Export((!rest.is_empty()).then(|| rest.to_owned()))),
        "/find" => some(Slash::Find),
        "/cost" => Ok(Slash::Cost),
        "/rules" => Ok(Slash::Rules),
        "/help" => Ok(Slash::Help),
        other => Err(format!("there is no {other}; two slashes begin a sentence with one")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_begins_a_command_and_a_path_does_not() {
        assert_eq!(parse(" /model  fast "), Some(Ok(Slash::Model("fast".into()))));
        assert_eq!(parse("/export"), Some(Ok(Slash::Export(None))));
        assert!(parse("/title").is_some_and(|found| found.is_err()));
        assert!(parse("/nonsense").is_some_and(|found| found.is_err()));
        for words in ["hello /new", "//new", "/etc/passwd is what?", "/a\nb", ""] {
            assert_eq!(parse(words), None, "{words}");
        }
        for (name, ..) in ALL {
            assert!(parse(&format!("{name} x")).is_some_and(|found| found.is_ok()), "{name}");
        }
    }
}
