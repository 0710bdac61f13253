//! Keys of providers: read when they are needed, shown to nobody.

use std::{fmt, path::Path, process::Stdio, sync::Arc, time::Duration};

use tokio::io::AsyncReadExt as _;

use crate::{
    config::settings::model::{KeySource, ProviderKind},
    domain::environment::Environment,
};

/// How long a command may take to print a key.
const PATIENCE: Duration = Duration::from_secs(15);

/// Bytes of a key at most.
const LONGEST: u64 = 16 * 1024;

/// A key.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key(Arc<str>);

impl Key {
    fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err("it is more than one word".to_owned());
        }
        Ok(Self(text.into()))
    }

    /// Its value, for the request and for redaction alone.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(...)")
    }
}

/// There is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no key from {place}: {why}")]
pub(super) struct KeyError {
    /// Where it should have come from.
    pub(super) place: String,
    /// What was wrong there.
    pub(super) why: String,
}

/// Where a key comes from, for people.
pub(super) fn place(source: &KeySource, kind: ProviderKind) -> String {
    match source {
        KeySource::Usual => kind.variables().join(" or "),
        KeySource::Variable(name) => name.clone(),
        KeySource::File(path) => path.display().to_string(),
        KeySource::Command(words) => match words.as_slice() {
            [sh, c, line] if sh == "sh" && c == "-c" => format!("`{line}`"),
            words => format!("`{}`", words.join(" ")),
        },
    }
}

/// A key that is at hand without a command; `None`: only a command knows.
pub(super) fn at_hand(
    source: &KeySource,
    kind: ProviderKind,
    environment: &Environment,
) -> Option<Result<Key, KeyError>> {
    let wrong = |why: String| KeyError { place: place(source, kind), why };
    let of = |name: &str| environment.get(name).filter(|value| !value.trim().is_empty());
    let read = match source {
        KeySource::Usual => kind.variables().iter().find_map(|name| of(name)).ok_or("not set".to_owned()),
        KeySource::Variable(name) => of(name).ok_or("not set".to_owned()),
        KeySource::File(path) => return Some(read_file(path).map_err(wrong)),
        KeySource::Command(_) => return None,
    };
    Some(read.and_then(Key::new).map_err(wrong))
}

/// What a file holds.
pub(super) fn read_file(path: &Path) -> Result<Key, String> {
    use std::io::Read as _;
    // A pipe would wait for whoever writes into it.
    let about = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("it is no file".to_owned());
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(LONGEST).read_to_string(&mut text).map_err(|error| error.to_string())?;
    Key::new(&text)
}

/// What a command prints.
pub(super) async fn ask_command(
    words: &[String],
    source: &KeySource,
    kind: ProviderKind,
    environment: &Environment,
) -> Result<Key, KeyError> {
    let wrong = |why: String| KeyError { place: place(source, kind), why };
    let Some((program, arguments)) = words.split_first() else {
        return Err(wrong("it is empty".to_owned()));
    };
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).env_clear().envs(environment.iter()).kill_on_drop(true);
    // What it says on standard error may hold anything: it is not kept.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let ran = async {
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let mut text = String::new();
        if let Some(out) = child.stdout.take() {
            let read = out.take(LONGEST).read_to_string(&mut text).await;
            read.map_err(|error| error.to_string())?;
        }
        let status = child.wait().await.map_err(|error| error.to_string())?;
        if status.success() { Key::new(&text) } else { Err(format!("it ended with {status}")) }
    };
    match tokio::time::timeout(PATIENCE, ran).await {
        Ok(key) => key.map_err(wrong),
        Err(_) => Err(wrong(format!("it took longer than {} seconds", PATIENCE.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_key_is_never_shown() {
        let key = Key::new("  sk-very-secret\n").unwrap();
        assert_eq!(key.expose(), "sk-very-secret");
        assert!(!format!("{key:?} {:#?}", Some(&key)).contains("secret"));
    }

    #[test]
    fn keys_come_from_variables_and_files_and_what_is_wrong_is_said_without_them() {
        let env = environment(&[("GOOGLE_API_KEY", "g"), ("GEMINI_API_KEY", " "), ("TWO", "a b")]);
        let at = |source: &KeySource| at_hand(source, ProviderKind::Gemini, &env).unwrap();
        assert_eq!(at(&KeySource::Usual).unwrap().expose(), "g");
        assert_eq!(
            at(&KeySource::Variable("TWO".into())).unwrap_err().to_string(),
            "no key from TWO: it is more than one word"
        );
        assert_eq!(at(&KeySource::Variable("NONE".into())).unwrap_err().why, "not set");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        std::fs::write(&file, "from-a-file\n").unwrap();
        assert_eq!(at(&KeySource::File(file)).unwrap().expose(), "from-a-file");
        assert!(at(&KeySource::File(dir.path().to_owned())).is_err());
    }

    #[tokio::test]
    async fn a_command_prints_a_key_and_its_failure_does_not_show_what_it_printed() {
        let path = std::env::var("PATH").unwrap();
        let env = environment(&[("PATH", &path), ("X", "from-a-command")]);
        let ask = |line: &str| {
            let words = vec!["sh".to_owned(), "-c".to_owned(), line.to_owned()];
            let env = env.clone();
            async move { ask_command(&words, &KeySource::Command(words.clone()), ProviderKind::OpenAi, &env).await }
        };
        assert_eq!(ask("echo $X").await.unwrap().expose(), "from-a-command");
        let failed = ask("echo sk-secret; exit 3").await.unwrap_err().to_string();
        assert!(failed.contains("exit status: 3") && failed.matches("sk-secret").count() == 1, "{failed}");
    }
}
