//! The commands that a job runs, taken apart far enough to see which tools it calls and how.

use super::Scene;

/// One command of a job, as words that are still quoted as they stood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Invocation {
    pub words: Vec<String>,
    /// Directory of its step, relative to the workspace.
    pub dir: Option<String>,
}

impl Invocation {
    /// Where the arguments begin if this calls `program` (one word, or several such as `cargo fmt`): directly, by a path
    /// (`.venv/bin/ruff`), or through something that starts it (`npx`, `python3 -m`, `uv run`).
    pub fn after(&self, program: &[&str]) -> Option<usize> {
        let (first, rest) = program.split_first()?;
        let named = |word: &str| word.rsplit('/').next() == Some(first) || word.starts_with(&format!("{first}@"));
        let start = self.words.iter().take(6).position(|word| named(word))?;
        let before = &self.words[..start];
        let starters = [
            "npx", "bunx", "pnpm", "yarn", "npm", "exec", "dlx", "run", "poetry", "uv", "uvx", "pipenv", "hatch",
            "pdm", "rye", "bundle", "mise", "x", "env", "time", "command", "sudo", "tool", "pipx", "--", "then", "if",
            "!", "test", "-z",
        ];
        let starts = |word: &String| {
            starters.contains(&word.as_str())
                || word.starts_with('-')
                || word.contains('=')
                || word.rsplit('/').next().is_some_and(|name| name.starts_with("python"))
        };
        if !before.iter().all(starts) {
            return None;
        }
        let mut at = start + 1;
        for word in rest {
            // `cargo +nightly fmt`
            while self.words.get(at).is_some_and(|next| next.starts_with('+')) {
                at += 1;
            }
            if self.words.get(at) != Some(&(*word).to_owned()) {
                return None;
            }
            at += 1;
        }
        Some(at)
    }

    /// `cd DIR && ` where its step has a directory.
    pub fn cd(&self) -> String {
        self.dir.as_ref().map_or_else(String::new, |dir| format!("cd {} && ", quote(dir)))
    }
}

/// A word for `sh`.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The commands of a job's steps, and of the package scripts and make targets that they call.
pub(super) fn invocations(scene: &Scene<'_>) -> Vec<Invocation> {
    let mut found = Vec::new();
    for step in &scene.job.spec.steps {
        for words in commands(&step.run) {
            let called = called(scene, &words);
            let all = called.iter().flat_map(|text| commands(text)).chain([words]);
            found.extend(all.map(|words| Invocation { words, dir: step.dir.clone() }));
        }
    }
    found
}

/// The text behind `npm run lint` or `make lint`.
fn called(scene: &Scene<'_>, words: &[String]) -> Option<String> {
    let name = words.iter().skip(1).find(|word| !word.starts_with('-') && *word != "run" && *word != "run-script")?;
    match words.first()?.as_str() {
        "npm" | "yarn" | "pnpm" | "bun" => {
            let package: serde_json::Value = serde_json::from_str(scene.package_json?).ok()?;
            let script = package.get("scripts")?.get(name)?.as_str()?;
            // Its programs are those of `node_modules/.bin`, as `npx` finds them.
            let scripts: Vec<String> = commands(script).into_iter().map(|words| words.join(" ")).collect();
            Some(format!("npx {}", scripts.join("\nnpx ")))
        }
        "make" => {
            let lines = scene.makefile?.lines();
            let recipe = lines.skip_while(|line| line.split(':').next() != Some(name.as_str())).skip(1);
            let lines =
                recipe.take_while(|line| line.starts_with('\t')).map(|line| line.trim().trim_start_matches(['@', '-']));
            Some(lines.flat_map(|line| [line, "\n"]).collect())
        }
        _ => None,
    }
}

/// The simple commands of a shell text, each as its words. Quotes are kept; what is too clever for this is only not seen.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut word = String::new();
    let mut open: Option<char> = None;
    let joined = text.replace("\\\n", " ");
    for character in joined.chars() {
        match (open, character) {
            (Some(quote), c) => {
                word.push(c);
                if c == quote {
                    open = None;
                }
            }
            (None, '\'' | '"') => {
                word.push(character);
                open = Some(character);
            }
            (None, '\n' | ';' | '&' | '|' | '(' | ')') => {
                push(&mut all, &mut word);
                all.push(Vec::new());
            }
            (None, c) if c.is_whitespace() => push(&mut all, &mut word),
            (None, c) => word.push(c),
        }
    }
    push(&mut all, &mut word);
    all.retain(|words| !words.is_empty());
    all
}

fn push(all: &mut [Vec<String>], word: &mut String) {
    if let Some(last) = all.last_mut()
        && !word.is_empty()
    {
        last.push(std::mem::take(word));
    }
}
