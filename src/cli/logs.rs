//! `gonogo logs`: the output of a job.

use std::{process::ExitCode, str::FromStr, time::Duration};

use crate::{
    domain::id::{JobKey, OutputId, RunId},
    protocol::query::{Answer, Case, Query},
    state::{board::State, job::Job, run::Run},
    store::hold::holder,
};

use super::{
    client::{Client, Heard},
    connect::reading,
    place::{Place, Reach},
    plain::{say, say_all},
    report::{Kind, Problem},
};

/// Arguments of `gonogo logs`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// RUN/JOB, RUN (its only or its first failed job), or nothing (of the newest run); RUN/JOB#LINE begins there; or a container
    pub what: Option<String>,
    /// The log of this container, whatever else is called so
    #[arg(long, value_name = "NAME", conflicts_with_all = ["what", "attempt", "repair", "all"])]
    pub container: Option<String>,
    /// Of a container: which engine it is on
    #[arg(long, value_name = "NAME")]
    pub engine: Option<String>,
    /// Of a container: only what it printed in this time (`90s`, `5m`, `1h`)
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub since: Option<u64>,
    /// Which attempt; without it, the newest
    #[arg(long)]
    pub attempt: Option<u32>,
    /// The output of the job's newest repair instead
    #[arg(long, conflicts_with = "attempt")]
    pub repair: bool,
    /// Go on as it grows, until the job has ended
    #[arg(long, short)]
    pub follow: bool,
    /// Only the last lines
    #[arg(long, short = 'n', value_name = "LINES")]
    pub tail: Option<u64>,
    /// Only lines that match this regular expression
    #[arg(long, short, value_name = "REGEX")]
    pub grep: Option<String>,
    /// With --grep: small and capital letters are the same
    #[arg(long, short, requires = "grep")]
    pub ignore_case: bool,
    /// With --grep: all jobs of the run, each line after its job's name
    #[arg(long, short, requires = "grep", conflicts_with_all = ["follow", "attempt", "repair"])]
    pub all: bool,
    /// Each line as a JSON object
    #[arg(long)]
    pub json: bool,
}

/// `90`, `90s`, `5m`, `1h`, in seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let (number, unit) = text.split_at(text.trim_end_matches(['s', 'm', 'h', 'd']).len());
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(format!("`{text}` is no time: 90s, 5m, 1h")),
    };
    let number: u64 = number.parse().map_err(|_| format!("`{text}` is no time: 90s, 5m, 1h"))?;
    Ok(number.saturating_mul(factor).min(i32::MAX as u64))
}

/// A run, a job of it, and a line.
#[derive(Clone, Debug)]
pub struct Wanted {
    run: RunId,
    job: Option<String>,
    line: Option<u64>,
}

impl FromStr for Wanted {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (text, line) = match text.rsplit_once('#') {
            Some((before, line)) if !before.is_empty() => {
                (before, Some(line.parse().map_err(|_| format!("`{line}` is no line number"))?))
            }
            _ => (text, None),
        };
        let (run, job) = text.split_once('/').map_or((text, None), |(run, job)| (run, Some(job.to_owned())));
        Ok(Self { run: run.parse().map_err(|_| format!("`{run}` is no run number"))?, job, line })
    }
}

/// What was asked for, read.
struct Asked {
    args: Args,
    what: Option<Wanted>,
}

impl std::ops::Deref for Asked {
    type Target = Args;
    fn deref(&self) -> &Args {
        &self.args
    }
}

/// It begins as a run does: with a number, before a slash or a line or nothing.
fn names_a_run(text: &str) -> bool {
    let number = text.split(['/', '#']).next().unwrap_or_default();
    !number.is_empty() && number.len() < 12 && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Lines asked for at a time.
const PAGE: u32 = 8192;

/// Prints the output of a job.
pub async fn run(args: Args, reach: Reach) -> Result<ExitCode, Problem> {
    let container = args.container.as_deref().or_else(|| args.what.as_deref().filter(|what| !names_a_run(what)));
    if let Some(name) = container {
        return super::container_log::run(&args, name).await;
    }
    if args.since.is_some() || args.engine.is_some() {
        return Err(Problem::usage("--since and --engine are for containers").hint("name one with --container"));
    }
    let wanted = args.what.as_deref().map(str::parse::<Wanted>).transpose().map_err(Problem::usage)?;
    let args = Asked { args, what: wanted };
    let place = Place::find(reach)?;
    let Some(reading) = reading(&place, false).await? else { return Err(super::status::nothing_yet()) };
    let (mut client, _kept) = reading.client().await?;
    let run = match &args.what {
        Some(what) => client.run(what.run).await?.ok_or_else(|| super::status::no_run(what.run))?,
        None => client.state.runs.values().next_back().cloned().ok_or_else(super::status::nothing_yet)?,
    };
    if let Some(pattern) = args.grep.as_ref().filter(|_| !args.follow && args.tail.is_none()) {
        return grep(&mut client, &run, &args, pattern).await;
    }
    let output = output(&run, &args)?;
    let mut next = args.what.as_ref().and_then(|what| what.line).map_or(0, |line| line.saturating_sub(1));
    if let Some(tail) = args.tail {
        next = page(&mut client, &output, 0, 0).await?.total_lines.saturating_sub(tail);
    }
    let grep = args.grep.as_deref().map(|text| crate::store::output::pattern(text, args.ignore_case)).transpose();
    let grep = grep.map_err(|error| Problem::usage("the pattern does not read").because(&error))?;
    // A job may print faster than this reads: without `--follow` it ends where the output ended when it began.
    let end = if args.follow { u64::MAX } else { page(&mut client, &output, 0, 0).await?.total_lines };
    let ask = |next: u64| Query::Lines {
        output: output.clone(),
        first: next,
        count: end.saturating_sub(next).min(u64::from(PAGE)) as u32,
    };
    let has_ended = |client: &Client| has_ended(&client.state, &output) || holder(&place.paths.state_dir).is_none();
    let mut ended = has_ended(&client);
    let mut asked = client.ask(ask(next)).await?;
    loop {
        let page = lines(client.answer(asked).await?)?;
        let first = next;
        next += page.lines.len() as u64;
        if page.lines.is_empty() {
            if !args.follow || ended {
                return Ok(ExitCode::SUCCESS);
            }
            if let Ok(Ok(Heard::Records(_))) = tokio::time::timeout(Duration::from_millis(200), client.hear()).await {}
        }
        ended = has_ended(&client);
        // The next page is read and comes while this one is printed.
        asked = client.ask(ask(next)).await?;
        let mut text = String::new();
        for (number, line) in (first..).zip(&page.lines) {
            if grep.as_ref().is_none_or(|grep| grep.is_match(line.text.as_bytes())) {
                put(&mut text, &args, number, line);
            }
        }
        if !say_all(&text) {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

/// At most so many bytes of a line are printed of what was searched for.
const CLIPPED: u32 = 4096;

/// Prints what matches, as it is found; Ctrl-C ends it. Exit status 1 where nothing does.
async fn grep(client: &mut Client, run: &Run, args: &Asked, pattern: &str) -> Result<ExitCode, Problem> {
    let outputs = if args.all {
        let newest = |job: &Job| job.attempt().map(|attempt| OutputId::attempt(run.id, job.key(), attempt.number));
        run.jobs.iter().filter_map(newest).collect()
    } else {
        vec![output(run, args)?]
    };
    let first = args.what.as_ref().and_then(|what| what.line).map_or(0, |line| line.saturating_sub(1));
    let mut any = false;
    for output in outputs {
        let job = args.all.then(|| output.job.clone());
        let mut printed = None;
        let mut print = |answer: Answer| {
            let Answer::Hits { lines, texts, .. } = answer else { return true };
            any |= !lines.is_empty();
            // After a cut the search begins again, and finds again what stands here already.
            let mut new = lines.iter().zip(&texts).filter(|(line, _)| printed.is_none_or(|last| **line > last));
            let read = new.all(|(line, text)| print_hit(args, job.as_ref(), line + 1, text));
            printed = printed.max(lines.last().copied());
            read
        };
        let mut from = first;
        loop {
            let query = Query::Search {
                output: output.clone(),
                pattern: pattern.to_owned(),
                case: if args.ignore_case { Case::Ignore } else { Case::Sensitive },
                from,
                backwards: false,
                limit: u32::MAX,
                text: CLIPPED,
            };
            let last = client
                .query_with(query, &mut print)
                .await
                .map_err(|problem| Problem { kind: Kind::Usage, ..problem })?;
            // There are more than one answer may hold: the next one goes on behind the last of them.
            let next = match &last {
                Answer::Hits { lines, more: true, .. } => lines.last().map(|line| line + 1),
                _ => None,
            };
            if !print(last) {
                return Ok(ExitCode::SUCCESS);
            }
            match next {
                Some(line) => from = line,
                None => break,
            }
        }
    }
    Ok(if any { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn print_hit(args: &Args, job: Option<&JobKey>, line: u64, text: &str) -> bool {
    if args.json {
        return say(&serde_json::json!({ "job": job, "line": line, "text": text }).to_string());
    }
    match job {
        Some(job) => say(&format!("{job}:{line}: {text}")),
        None => say(text),
    }
}

/// Puts a line behind the text.
fn put(text: &mut String, args: &Args, number: u64, line: &crate::protocol::query::OutputLine) {
    if args.json {
        let json = serde_json::json!({ "line": number + 1, "at": line.at, "text": line.text, "clipped": line.clipped });
        text.push_str(&json.to_string());
    } else {
        text.push_str(&line.text);
        if line.clipped {
            text.push_str(" …");
        }
    }
    text.push('\n');
}

async fn page(
    client: &mut Client,
    output: &OutputId,
    first: u64,
    count: u32,
) -> Result<crate::protocol::query::Page, Problem> {
    lines(client.query(Query::Lines { output: output.clone(), first, count }).await?)
}

fn lines(answer: Answer) -> Result<crate::protocol::query::Page, Problem> {
    match answer {
        Answer::Lines(page) => Ok(page),
        _ => Err(Problem::fault("the answer was not about lines")),
    }
}

fn output(run: &Run, args: &Asked) -> Result<OutputId, Problem> {
    let key = match args.what.as_ref().and_then(|what| what.job.as_deref()) {
        Some(name) => JobKey(name.to_owned()),
        None => pick(run)?,
    };
    if let Some((job, service)) = of_service(run, &key) {
        let output = job.attempt().map(|attempt| OutputId::attempt(run.id, job.key(), attempt.number).beside(service));
        return output.ok_or_else(|| Problem::usage(format!("`{key}` has not been run ({})", job.status.word())));
    }
    let Some(job) = run.job(&key) else {
        let known: Vec<&str> = run.jobs.iter().map(|job| job.key().as_str()).collect();
        return Err(Problem::usage(format!("run {} has no job `{key}`", run.id))
            .hint(format!("its jobs: {}", known.join(", "))));
    };
    if args.repair {
        let repair = job.repair().ok_or_else(|| Problem::usage(format!("`{key}` has not been repaired")))?;
        return Ok(OutputId::repair(run.id, &key, repair.number));
    }
    match (args.attempt, job.attempt()) {
        (Some(number), _) if job.attempts.iter().any(|attempt| attempt.number == number) => {
            Ok(OutputId::attempt(run.id, &key, number))
        }
        (Some(number), _) => Err(Problem::usage(format!("`{key}` has no attempt {number}"))),
        (None, Some(attempt)) => Ok(OutputId::attempt(run.id, &key, attempt.number)),
        (None, None) => Err(Problem::usage(format!("`{key}` has not been run ({})", job.status.word()))),
    }
}

/// The job and its service that `JOB:SERVICE` names.
fn of_service<'a>(run: &'a Run, key: &'a JobKey) -> Option<(&'a Job, &'a str)> {
    let (name, service) = key.as_str().rsplit_once(':')?;
    let job = run.job(key).is_none().then(|| run.job(&JobKey(name.to_owned())))??;
    job.planned.spec.container.services.iter().any(|known| known.name == service).then_some((job, service))
}

/// The job that a person most likely means: the first that failed, or the only one, or the one that runs.
fn pick(run: &Run) -> Result<JobKey, Problem> {
    use crate::state::job::JobStatus::{Failed, Running};
    let by = |is: fn(&crate::state::job::JobStatus) -> bool| run.jobs.iter().find(|job| is(&job.status));
    let found = by(|status| *status == Failed).or_else(|| by(|status| *status == Running));
    let found = found.or_else(|| run.jobs.iter().rev().find(|job| job.attempt().is_some()));
    found.map(|job| job.key().clone()).ok_or_else(|| Problem::usage(format!("run {} has run no job yet", run.id)))
}

fn has_ended(state: &State, output: &OutputId) -> bool {
    let run = state.runs.get(&output.run);
    let job = run.and_then(|run| run.job(&output.job).or_else(|| of_service(run, &output.job).map(|(job, _)| job)));
    let Some(job) = job else { return true };
    if output.repair {
        return job
            .repairs
            .iter()
            .find(|repair| repair.number == output.attempt)
            .is_none_or(|repair| repair.result.is_some());
    }
    job.attempts.iter().find(|attempt| attempt.number == output.attempt).is_none_or(|attempt| attempt.outcome.is_some())
}
