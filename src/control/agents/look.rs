//! What agents may look at: files, runs, outputs, history.

use std::{fmt::Write as _, sync::Arc};

use crate::{
    agent::{
        place::{Found, Place, PlaceError},
        port::Used,
        tool::{Action, GitDiff, GitLog, ReadFile, ReadOutput},
    },
    domain::{
        id::{JobKey, OutputId, RunId},
        time::Timestamp,
    },
    state::{board::State, run::Run},
    store::output::{self, Reader},
    workspace::git::Git,
};

use super::{desk::Desk, tell};

/// So much of one line is shown.
const LINE: usize = 2000;

/// So much is shown at once.
const SHOWN: usize = 40 << 10;

/// Looks at what is asked for.
pub(super) async fn look(desk: &Desk<'_>, action: &Action) -> Used {
    let looked = match action {
        Action::ReadFile(read) => read_file(desk, read.clone()).await,
        Action::ListFiles(list) => {
            let glob = list.glob.clone();
            files(desk, move |place| place.list(glob.as_deref())).await.map(shown)
        }
        Action::SearchFiles(search) => {
            let search = search.clone();
            files(desk, move |place| place.search(&search.pattern, search.glob.as_deref())).await.map(shown)
        }
        Action::ReadDiagnosis(read) => {
            let (run, job) = (desk.run_meant(read.run), desk.job_meant(read.job.as_deref(), read.run));
            in_run(desk, run, job, |_, run, job| {
                let found = run.job(&job).and_then(|job| job.diagnosis()).map(tell::diagnosis);
                found.ok_or_else(|| format!("nothing is known of a failure of {job} in run {}", run.id))
            })
            .await
        }
        Action::ReadOutput(read) => read_output(desk, read).await,
        Action::ListRuns(list) => {
            let (project, count) = (desk.project, list.count.unwrap_or(15).min(50) as usize);
            desk.ask(move |state| tell::runs(state, project, count)).await.ok_or_else(ending)
        }
        Action::ReadRun(read) => {
            let (run, project) = (desk.run_meant(read.run), desk.project);
            let told = desk.ask(move |state| {
                let newest = || project.and_then(|project| state.latest_run(project));
                let found = run.map_or_else(newest, |run| state.runs.get(&run));
                found.map(|run| tell::run(state, run, Timestamp::now()))
            });
            told.await.ok_or_else(ending).and_then(|told| told.ok_or_else(|| "there is no such run at hand".into()))
        }
        Action::GitLog(log) => git_log(desk, log).await,
        Action::GitDiff(diff) => git_diff(desk, diff).await,
        _ => Err("that is nothing to look at".into()),
    };
    match looked {
        Ok(text) if text.trim().is_empty() => Used::well("nothing"),
        Ok(text) => Used::well(text),
        Err(why) => Used::badly(why),
    }
}

fn ending() -> String {
    "gonogo is ending".into()
}

async fn files<T: Send + 'static>(
    desk: &Desk<'_>,
    look: impl FnOnce(&Place) -> Result<T, PlaceError> + Send + 'static,
) -> Result<T, String> {
    let Some(place) = desk.place.clone() else { return Err("there are no files here".into()) };
    let looked = tokio::task::spawn_blocking(move || look(&place)).await;
    looked.map_err(|_| "a fault of gonogo's own".to_owned())?.map_err(|error| error.to_string())
}

fn shown(found: Found) -> String {
    let mut text = found.lines.join("\n");
    if found.more {
        text.push_str("\n[there is more: narrow it down]");
    }
    text
}

async fn read_file(desk: &Desk<'_>, read: ReadFile) -> Result<String, String> {
    let (first, count) = (read.first.unwrap_or(1).max(1) as usize, read.count.unwrap_or(200).clamp(1, 400) as usize);
    let text = files(desk, move |place| place.text(&read.path)).await?;
    let total = text.lines().count();
    let mut out = String::new();
    for (number, line) in (1..).zip(text.lines()).skip(first - 1).take(count) {
        if out.len() > SHOWN {
            out.push_str("[the rest is too long to be shown at once]\n");
            break;
        }
        let _ = writeln!(out, "{number:>5}  {}", head(line, LINE));
    }
    if first + count <= total {
        let _ = write!(out, "[{total} lines in all]");
    }
    Ok(out)
}

/// Answers out of a run; where no job is named, out of the first that failed.
async fn in_run<T: Send + 'static>(
    desk: &Desk<'_>,
    run: Option<RunId>,
    job: Option<JobKey>,
    answer: impl FnOnce(&State, &Run, JobKey) -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let project = desk.project;
    let asked = desk.ask(move |state| {
        let newest = || project.and_then(|project| state.latest_run(project));
        let Some(found) = run.map_or_else(newest, |run| state.runs.get(&run)) else {
            return Err("there is no such run at hand".to_owned());
        };
        let failed = || found.jobs.iter().find(|job| job.diagnosis().is_some()).or(found.jobs.first());
        match job.or_else(|| failed().map(|job| job.key().clone())) {
            Some(job) if found.job(&job).is_some() => answer(state, found, job),
            Some(job) => {
                let known: Vec<&str> = found.jobs.iter().map(|job| job.key().as_str()).collect();
                Err(format!("run {} has no job {job}; its jobs: {}", found.id, known.join(", ")))
            }
            None => Err(format!("run {} has no jobs", found.id)),
        }
    });
    asked.await.ok_or_else(ending)?
}

async fn read_output(desk: &Desk<'_>, read: &ReadOutput) -> Result<String, String> {
    let (run, job) = (desk.run_meant(read.run), desk.job_meant(read.job.as_deref(), read.run));
    let output: OutputId = in_run(desk, run, job, |_, run, key| {
        let found = run.job(&key).and_then(|job| job.output(run.id));
        found.ok_or_else(|| format!("job {key} of run {} has not run", run.id))
    })
    .await?;
    let (dir, read) = (desk.ground.output_dir(), read.clone());
    let count = read.count.unwrap_or(100).clamp(1, 300) as usize;
    let window = move || -> Result<String, String> {
        let reader = Reader::open(&dir, &output);
        let failed = |error: std::io::Error| format!("the output can't be read: {error}");
        let total = reader.totals().map_err(failed)?.lines;
        let lines = match (&read.pattern, read.first) {
            (Some(pattern), _) => {
                let regex = output::pattern(pattern, false).map_err(|error| format!("no pattern: {error}"))?;
                let all =
                    reader.lines(1, usize::try_from(total).unwrap_or(usize::MAX).min(200_000), LINE).map_err(failed)?;
                let hits: Vec<usize> = (0..all.len())
                    .filter(|at| all.get(*at).is_some_and(|line| regex.is_match(line.text.as_bytes())))
                    .collect();
                let near = |at: &usize| hits.iter().any(|hit| hit.abs_diff(*at) <= 2);
                all.into_iter().enumerate().filter(|(at, _)| near(at)).map(|(_, line)| line).take(count).collect()
            }
            (None, Some(first)) => reader.lines(first.max(1), count, LINE).map_err(failed)?,
            (None, None) => reader.tail(count, LINE).map_err(failed)?,
        };
        let mut out = format!("{total} lines in all\n");
        for line in lines {
            if out.len() > SHOWN {
                out.push_str("[the rest is too long to be shown at once]\n");
                break;
            }
            let _ = writeln!(out, "{:>6}  {}", line.number, plain(&line.text));
        }
        Ok(out)
    };
    tokio::task::spawn_blocking(window).await.map_err(|_| "a fault of gonogo's own".to_owned())?
}

/// Without colours.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '\x1b' {
            out.push(character);
        } else if rest.next() == Some('[') {
            for end in rest.by_ref() {
                if ('\x40'..='\x7e').contains(&end) {
                    break;
                }
            }
        }
    }
    out
}

/// A git command where the agent works: in its workspace, or in the checkout.
fn git(desk: &Desk<'_>) -> Result<Git, String> {
    if let Some(bench) = &desk.bench {
        return Ok(bench.workspace.git([]));
    }
    desk.root.as_ref().map(Git::new).ok_or_else(|| "this conversation is about no project".to_owned())
}

async fn git_log(desk: &Desk<'_>, log: &GitLog) -> Result<String, String> {
    let count = log.count.unwrap_or(15).clamp(1, 50).to_string();
    let mut args = vec!["log".to_owned(), format!("--max-count={count}"), "--stat=100".into(), "--no-color".into()];
    args.extend(["--no-ext-diff", "--no-textconv", "--date=iso"].map(str::to_owned));
    args.push("--format=%h %ad %an: %s".into());
    args.push(log.since.as_ref().map_or("HEAD".to_owned(), |since| format!("{since}..HEAD")));
    args.push("--".into());
    args.extend(log.path.clone());
    said(git(desk)?.args(args)).await
}

async fn git_diff(desk: &Desk<'_>, diff: &GitDiff) -> Result<String, String> {
    let options = ["--no-color", "--no-ext-diff", "--no-textconv", "--find-renames"].map(str::to_owned);
    let mut args = vec![];
    match (&desk.bench, &diff.to) {
        // Files that are new count, too.
        (Some(bench), None) => {
            let now = bench.workspace.tree().await.map_err(|error| error.to_string())?;
            args.push("diff".to_owned());
            args.extend(options);
            args.extend([diff.from.clone().unwrap_or_else(|| bench.base.0.clone()), now.0]);
        }
        (bench, to) => {
            args.push("diff".to_owned());
            args.extend(options);
            let base = bench.as_ref().map_or("HEAD".to_owned(), |bench| bench.base.0.clone());
            args.push(diff.from.clone().unwrap_or(base));
            args.extend(to.clone());
        }
    }
    args.push("--".into());
    args.extend(diff.path.clone());
    said(git(desk)?.args(args)).await
}

async fn said(git: Git) -> Result<String, String> {
    let printed = git.run().await.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&printed.out).into_owned();
    if text.len() > SHOWN {
        return Ok(format!("{}\n[the rest is too long to be shown at once: name a path]", head(&text, SHOWN)));
    }
    Ok(text)
}

fn head(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// The files of a directory, without what is gonogo's.
pub(super) fn place(desk_root: &std::path::Path, ground: &crate::control::perform::Ground) -> Option<Arc<Place>> {
    let options = &ground.options;
    let own = [options.state_dir.clone(), options.cache_dir.clone()];
    // A workspace stands in the cache directory: only what is not above it is kept out.
    let kept_out = own.into_iter().chain(options.agents.kept_out.clone()).filter(|dir| !desk_root.starts_with(dir));
    Place::open(desk_root, kept_out.collect()).ok().map(Arc::new)
}
