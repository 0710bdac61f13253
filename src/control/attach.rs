//! What a person gives along with words to an agent: a file, an output, a run, what has changed. Read here, since here is where the
//! checkout is; redacted, and cut to a size that a model can take. Not pure: it reads the disk.

use std::{
    fmt::Write as _,
    fs::File,
    io::Read as _,
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    domain::id::{JobKey, RunId},
    protocol::{
        command::Refusal,
        query::{Answer, Query},
        thread::Attached,
    },
    redact::Secrets,
    state::{
        board::State,
        run::{GateStatus, Run},
    },
    store::output::Reader,
    workspace::git::Git,
};

use super::publish::Published;

/// So much of each is given along, in bytes.
const MOST: usize = 64 << 10;

/// Lines of an output: its last ones.
const LINES: usize = 400;

/// Paths that are named to whoever types one.
const PATHS: usize = 100;

/// Whoever waits for what has changed waits no longer than this.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where it is read.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) outputs: PathBuf,
    pub(super) published: Arc<Published>,
}

/// Answers [`Query::Attach`] and [`Query::Paths`].
pub(super) async fn answer(library: Library, query: Query) -> Result<Answer, Refusal> {
    match query {
        Query::Attach { root, name } if name.trim() == "@diff" => {
            let text = diff(&of_project(root)?).await?;
            Ok(attached(name, &text))
        }
        Query::Attach { root, name } => {
            let read =
                tokio::task::spawn_blocking(move || read(&library, root, &name).map(|text| attached(name, &text)));
            read.await.unwrap_or_else(|error| Err(Refusal::new(format!("reading failed: {error}"))))
        }
        Query::Paths { root, prefix } => {
            let listed = tokio::task::spawn_blocking(move || paths(&root, &prefix));
            listed.await.map(Answer::Paths).map_err(|error| Refusal::new(format!("reading failed: {error}")))
        }
        _ => Err(Refusal::new("that is not given along with words")),
    }
}

fn attached(name: String, text: &str) -> Answer {
    let secrets = Arc::new(Secrets::new::<&str, &str>(&[]));
    let mut text = secrets.redact_text(text);
    if text.len() > MOST {
        let end = (0..=MOST).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let left = text.len() - end;
        text.truncate(end);
        let _ = writeln!(text, "\n[{left} more bytes are left out]");
    }
    Answer::Attached(Attached { name, text })
}

fn of_project(root: Option<PathBuf>) -> Result<PathBuf, Refusal> {
    root.ok_or_else(|| Refusal::new("no project is spoken of").hint("open the board inside a repository"))
}

fn read(library: &Library, root: Option<PathBuf>, name: &str) -> Result<String, Refusal> {
    let (kind, rest) = name.trim().split_once(' ').unwrap_or((name.trim(), ""));
    match (kind, rest.trim()) {
        ("@file", "") => Err(Refusal::new("@file needs a path").hint("@file src/lib.rs")),
        ("@file", path) => file(&of_project(root)?, path),
        ("@log", rest) => {
            let (run, job) =
                rest.split_once('/').ok_or_else(|| Refusal::new("@log needs RUN/JOB").hint("@log 12/test"))?;
            log(library, number(run)?, &JobKey::from(job))
        }
        ("@run", rest) => {
            let id = number(rest)?;
            let state = recall(library, id)?;
            state.runs.get(&id).map(about_run).ok_or_else(|| no_run(id))
        }
        _ => Err(Refusal::new(format!("`{kind}` can't be given along"))
            .hint("@file PATH, @log RUN/JOB, @run N and @diff can")),
    }
}

fn number(text: &str) -> Result<RunId, Refusal> {
    text.trim().parse().map_err(|_| Refusal::new(format!("`{text}` is no number of a run")))
}

fn no_run(id: RunId) -> Refusal {
    Refusal::new(format!("there is no run {id}")).hint("`gonogo status` lists them")
}

/// A file of the checkout: nothing outside of it, however it is named or linked.
fn file(root: &Path, path: &str) -> Result<String, Refusal> {
    let unread = |error: std::io::Error| Refusal::new(format!("{path} can't be read: {error}"));
    let root = root.canonicalize().map_err(unread)?;
    let whole = root.join(path).canonicalize().map_err(unread)?;
    let inside = whole.strip_prefix(&root).map_err(|_| Refusal::new(format!("{path} is not in {}", root.display())))?;
    if inside.components().any(|part| part == Component::Normal(".git".as_ref())) {
        return Err(Refusal::new("what git keeps for itself is not given along"));
    }
    if !whole.is_file() {
        return Err(Refusal::new(format!("{path} is no file")));
    }
    let mut bytes = Vec::new();
    // One byte more shows that there is more.
    File::open(&whole).map_err(unread)?.take(MOST as u64 + 4096).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.contains(&0) {
        return Err(Refusal::new(format!("{path} is no text")));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn recall(library: &Library, run: RunId) -> Result<State, Refusal> {
    let records = library.published.reader().and_then(|log| log.run(run));
    records
        .map(|records| State::recall(&records))
        .map_err(|error| Refusal::new(format!("the log can't be read: {error}")))
}

/// The end of what a job has printed.
fn log(library: &Library, run: RunId, job: &JobKey) -> Result<String, Refusal> {
    let state = recall(library, run)?;
    let found = state.runs.get(&run).ok_or_else(|| no_run(run))?;
    let output = found.job(job).ok_or_else(|| Refusal::new(format!("run {run} has no job `{job}`")))?.output(run);
    let output = output.ok_or_else(|| Refusal::new(format!("`{job}` has printed nothing yet")))?;
    let lines = Reader::open(&library.outputs, &output).tail(LINES, 2048);
    let lines = lines.map_err(|error| Refusal::new(format!("the output can't be read: {error}")))?;
    Ok(lines.iter().map(|line| format!("{}\n", without_colours(&line.text))).collect())
}

/// Outputs have kept their colours.
fn without_colours(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        out.push_str(before);
        rest = after.find(|c: char| c.is_ascii_alphabetic()).map_or("", |end| &after[end + 1..]);
    }
    out.push_str(rest);
    out
}

/// How a run stands, in a few lines.
fn about_run(run: &Run) -> String {
    let ended = run.outcome.map_or("under way", |outcome| outcome.word());
    let source = &run.source;
    let mut out = format!(
        "run {} of {} ({}): {ended}\ncommit {} {}{}\n",
        run.id,
        run.pipeline_name(),
        run.trigger,
        source.commit.get(..12).unwrap_or(&source.commit),
        source.subject,
        if source.dirty { " (with uncommitted changes)" } else { "" },
    );
    if let Some((error, _)) = &run.refused {
        let _ = writeln!(out, "refused: {error}");
    }
    for job in &run.jobs {
        let _ = write!(out, "job {}: {}", job.key(), job.status.word());
        if let Some(diagnosis) = job.diagnosis() {
            let _ = write!(out, " ({}): {}", diagnosis.category, diagnosis.headline());
        }
        out.push('\n');
    }
    for gate in &run.gates {
        let stands = match &gate.status {
            GateStatus::Waiting => "does not ask yet".to_owned(),
            GateStatus::Asking => "asks".to_owned(),
            GateStatus::Go { by } => format!("GO by {by}"),
            GateStatus::NoGo { by, why } => format!("NO-GO by {by} {why}"),
            GateStatus::Skipped { reason } => format!("skipped: {reason}"),
        };
        let _ = writeln!(out, "gate {}: {stands}", gate.planned.name);
    }
    out
}

/// What has changed in the checkout since its last commit.
async fn diff(root: &Path) -> Result<String, Refusal> {
    let git = Git::new(root).args(["diff", "--no-ext-diff", "--no-textconv", "--no-color", "HEAD"]);
    let read = tokio::time::timeout(PATIENCE, git.run()).await;
    let failed = |why: String| Refusal::new(format!("what has changed can't be read: {why}"));
    match read {
        Ok(Ok(printed)) if printed.out.is_empty() => Err(Refusal::new("nothing has changed since the last commit")),
        Ok(Ok(printed)) => Ok(String::from_utf8_lossy(&printed.out).into_owned()),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("git did not end within {} s", PATIENCE.as_secs()))),
    }
}

/// Paths below `root` that begin so; those of directories end with a slash.
fn paths(root: &Path, prefix: &str) -> Vec<String> {
    let (folder, begin) = prefix.rsplit_once('/').map_or(("", prefix), |(folder, begin)| (folder, begin));
    if Path::new(folder).components().any(|part| !matches!(part, Component::Normal(_))) {
        return Vec::new();
    }
    let Ok(entries) = root.join(folder).read_dir() else { return Vec::new() };
    let mut found: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            if !name.starts_with(begin) || name == ".git" || (name.starts_with('.') && begin.is_empty()) {
                return None;
            }
            let slash = if entry.file_type().is_ok_and(|kind| kind.is_dir()) { "/" } else { "" };
            Some(if folder.is_empty() { format!("{name}{slash}") } else { format!("{folder}/{name}{slash}") })
        })
        .collect();
    found.sort();
    found.truncate(PATHS);
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_is_given_from_the_checkout_and_from_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("repo");
        std::fs::create_dir_all(root.join("src")).unwrap();
        std::fs::create_dir_all(root.join(".git")).unwrap();
        std::fs::write(root.join("src/lib.rs"), "pub fn one() {}\n").unwrap();
        std::fs::write(root.join(".git/config"), "secret").unwrap();
        std::fs::write(root.join("image"), b"\x89PNG\0").unwrap();
        std::fs::write(dir.path().join("outside"), "secret").unwrap();
        std::os::unix::fs::symlink(dir.path().join("outside"), root.join("link")).unwrap();
        assert_eq!(file(&root, "src/lib.rs").unwrap(), "pub fn one() {}\n");
        assert_eq!(file(&root, "src/../src/lib.rs").unwrap(), "pub fn one() {}\n");
        for wrong in ["../outside", "link", "/etc/passwd", ".git/config", "src", "none", "image"] {
            assert!(file(&root, wrong).is_err(), "{wrong}");
        }
        assert_eq!(paths(&root, ""), ["image", "link", "src/"]);
        assert_eq!(paths(&root, "src/l"), ["src/lib.rs"]);
        assert_eq!((paths(&root, "../"), paths(&root, "/etc/")), (Vec::<String>::new(), Vec::new()));
    }

    #[test]
    fn what_is_given_along_is_redacted_and_of_a_size() {
        let key = format!("AKIA{}", "QWERTYUIOPASDFGH");
        let Answer::Attached(given) = attached("@diff".into(), &format!("key {key}\n{}", "é".repeat(MOST))) else {
            panic!()
        };
        assert!(!given.text.contains(&key), "{}", &given.text[..80]);
        assert!(given.text.len() < MOST + 64 && given.text.ends_with("bytes are left out]\n"));
        assert_eq!(without_colours("\x1b[1m\x1b[31merror\x1b[0m: x"), "error: x");
    }
}
