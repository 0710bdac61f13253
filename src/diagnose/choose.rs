//! Of all findings, the first root cause: that of the step that failed, of the highest level, in the order of the log.

use super::{
    exit,
    finding::{Finding, Level},
    fingerprint,
    log::{Kind, Log},
    rule,
};
use crate::domain::diagnosis::{Category, Diagnosis};

/// Words in the names of steps that only tell of a failure that was before them.
const REPORTING: [&str; 14] = [
    "upload",
    "report",
    "summary",
    "notify",
    "slack",
    "comment",
    "artifact",
    "codecov",
    "coveralls",
    "status",
    "publish test",
    "cleanup",
    "clean up",
    "annotate",
];

/// Lines between two symptoms that still belong together.
const CLUSTER: usize = 15;

/// Chooses among the findings of the rules and those of the reports.
pub(super) fn diagnosis(log: &Log, found: Vec<Finding>, reported: Vec<Finding>) -> Diagnosis {
    let steps = failing(log, &found);
    let inside = |finding: &Finding| steps.is_empty() || steps.contains(&log.step_of(finding.at));
    let (mut pool, outside): (Vec<_>, Vec<_>) = found.into_iter().partition(inside);
    promote(log, &mut pool);
    if pool.iter().all(|f| f.tool == "github actions" && f.level < Level::Guess) {
        let allowed = |f: &Finding| log.steps[log.step_of(f.at)].name.contains("|| true");
        pool.extend(outside.into_iter().filter(|f| f.level > Level::Symptom && !allowed(f)));
        pool.sort_by_key(|finding| finding.at);
    }
    let top = pool.iter().map(|f| f.level).max();
    let decided = top.is_some_and(|level| level > Level::Finding)
        || pool.iter().find(|f| f.level == Level::Finding).is_some_and(|f| f.category != Category::Test);
    let known = pool.iter().filter(|f| f.level == Level::Finding).count();
    if !decided && reported.len() > known {
        pool = reported;
    }
    let chosen = distinct(select(log, pool));
    let chosen = if chosen.is_empty() { exit::last_words(log, &steps).into_iter().collect() } else { chosen };
    tell(log, chosen)
}

/// Indices of the steps that failed, one a job: empty where the log does not tell.
fn failing(log: &Log, found: &[Finding]) -> Vec<usize> {
    let mut levels: Vec<Option<Level>> = vec![None; log.steps.len()];
    for finding in found {
        let level = &mut levels[log.step_of(finding.at)];
        *level = (*level).max(Some(finding.level));
    }
    let best = |step: usize| levels[step];
    let telling = |step: &usize| best(*step).is_some_and(|level| level >= Level::Symptom);
    let mut steps: Vec<usize> = Vec::new();
    match log.kind {
        Kind::Plain => {}
        Kind::Trace => {
            let all = (0..log.steps.len()).rev().filter(|&step| !log.steps[step].tolerated);
            steps.extend(all.clone().find(telling).or_else(|| all.clone().find(|step| best(*step).is_some())));
        }
        Kind::Runner => {
            let mut jobs: Vec<&str> = log.steps.iter().map(|step| step.job.as_str()).collect();
            jobs.sort_unstable();
            jobs.dedup();
            for job in jobs {
                let failed: Vec<usize> = (0..log.steps.len())
                    .filter(|&i| log.steps[i].job == job && log.steps[i].failed && !steps.contains(&i))
                    .collect();
                let reporting = |step: &usize| {
                    let name = log.steps[*step].name.to_lowercase();
                    REPORTING.iter().any(|word| name.contains(word))
                };
                let mut last = failed.iter().rev().find(|s| !reporting(s) && telling(s));
                // what an earlier failure did not make is missed by the steps that run all the same
                while let Some(missed) = last.filter(|s| aftermath(log, found, **s))
                    && let Some(before) = failed.iter().rev().find(|s| *s < missed && !reporting(s))
                {
                    last = Some(before);
                }
                let last = last.or_else(|| failed.iter().rev().find(|s| telling(s)));
                steps.extend(last.or(failed.iter().find(|s| !reporting(s))).or(failed.first()));
            }
            if steps.iter().any(telling) {
                steps.retain(telling);
            }
            if steps.is_empty() {
                steps.extend((0..log.steps.len()).filter(|&i| log.steps[i].cancelled));
            }
        }
    }
    steps
}

/// Whether a step only misses files.
fn aftermath(log: &Log, found: &[Finding], step: usize) -> bool {
    const MISSED: [&str; 5] = ["No such file", "no such file", "cannot stat", "not exist", "ENOENT"];
    let mut said = found.iter().filter(|f| f.level >= Level::Guess && log.step_of(f.at) == step).peekable();
    said.peek().is_some()
        && said.all(|f| f.level <= Level::Symptom && MISSED.iter().any(|word| log.line(f.at).contains(word)))
}

/// Makes warnings errors where the tool says that it was told to.
fn promote(log: &Log, pool: &mut [Finding]) {
    // Sphinx counts its errors among its warnings
    let sphinx = |f: &Finding| f.tool == "sphinx";
    if pool.iter().any(|f| sphinx(f) && f.level == Level::Finding)
        && (0..log.len()).rev().take(200).any(|at| log.line(at).contains("with warnings treated as errors"))
    {
        pool.iter_mut().filter(|f| sphinx(f) && f.level == Level::Warning).for_each(|f| f.level = Level::Finding);
        return;
    }
    if pool.iter().any(|f| f.level >= Level::Finding) || !pool.iter().any(|f| f.level == Level::Warning) {
        return;
    }
    const SAID: [&str; 14] = [
        "--fatal-infos",
        "--fatal-warnings",
        " issues found.",
        "1 issue found.",
        "strict mode",
        "too many warnings",
        "--max-warnings",
        "treated as error",
        "treating warnings as errors",
        "warnings being treated",
        "warnings found and -Werror",
        "--fail-on-warning",
        "with warnings treated as errors",
        "--error-on-warnings",
    ];
    let near = pool.iter().map(|f| f.at).max().unwrap_or(0);
    let begin = pool.iter().map(|f| f.at).min().unwrap_or(0).saturating_sub(50);
    let strict = (begin..(near + 200).min(log.len())).any(|at| SAID.iter().any(|said| log.line(at).contains(said)));
    let nothing_else = !pool.iter().any(|f| f.level > Level::Warning || f.category == Category::Timeout);
    for finding in pool.iter_mut().filter(|f| f.level == Level::Warning && (strict || nothing_else)) {
        finding.level = if strict { Level::Finding } else { Level::Guess };
    }
}

/// The findings that tell why: those of the highest level, or the last cluster of symptoms.
fn select(log: &Log, pool: Vec<Finding>) -> Vec<Finding> {
    let Some(top) = pool.iter().map(|f| f.level).max() else { return Vec::new() };
    let mut chosen: Vec<Finding> = pool.into_iter().filter(|f| f.level == top).collect();
    if top >= Level::Finding {
        return chosen;
    }
    let mut first = chosen.len().saturating_sub(1);
    while first > 0
        && chosen[first].at - chosen[first - 1].until.min(chosen[first].at) <= CLUSTER
        && log.step_of(chosen[first].at) == log.step_of(chosen[first - 1].at)
    {
        first -= 1;
    }
    chosen.drain(..first);
    let (tool, category) = chosen.first().map_or(("", Category::Unknown), |f| (f.tool, f.category));
    if top < Level::Symptom {
        chosen.truncate(1);
    }
    chosen.retain(|f| f.tool == tool && f.category == category);
    chosen
}

/// Every finding once.
fn distinct(found: Vec<Finding>) -> Vec<Finding> {
    let mut once: Vec<Finding> = Vec::new();
    for finding in found {
        if let Some(known) = once.iter_mut().find(|known| known.same(&finding)) {
            known.merge(finding);
        } else if once.len() < rule::MOST {
            once.push(finding);
        }
    }
    once
}

/// tsc goes on without a module that it cannot find: where it also has type errors, the first of those leads.
fn missing_last(chosen: &mut [Finding]) {
    let led = chosen.first().is_some_and(|f| f.tool == "tsc" && f.category == Category::Import);
    if let Some(first) = chosen.iter().position(|f| f.category == Category::Type).filter(|_| led) {
        chosen[..=first].rotate_right(1);
    }
}

/// What a step is for, by its name: a hint where its output says nothing that is known.
fn purpose(log: &Log, finding: &Finding) -> Category {
    const WORDS: [(&[&str], Category); 6] = [
        (&["deploy", "publish", "release", "upload"], Category::Deploy),
        (&["lint", "clippy"], Category::Lint),
        (&["format", "fmt"], Category::Format),
        (&["test", "e2e", "spec"], Category::Test),
        (&["build", "compile", "package", "bundle", "pack "], Category::Build),
        (&["install", "dependenc", "restore"], Category::Dependency),
    ];
    if log.kind == Kind::Plain || finding.at >= log.len() {
        return Category::Unknown;
    }
    let name = log.steps[log.step_of(finding.at)].name.to_lowercase();
    let found = WORDS.iter().find(|(words, _)| words.iter().any(|word| name.contains(word)));
    found.map_or(Category::Unknown, |(_, category)| *category)
}

fn tell(log: &Log, mut chosen: Vec<Finding>) -> Diagnosis {
    missing_last(&mut chosen);
    if let Some(first) = chosen.first_mut().filter(|f| f.category == Category::Unknown) {
        first.category = purpose(log, first);
        first.level = first.level.min(Level::Guess);
    }
    let first = chosen.first();
    let category = first.map_or(Category::Unknown, |f| f.category);
    let mut tests: Vec<String> = Vec::new();
    for test in chosen.iter().filter_map(|f| f.test.clone()) {
        if !tests.contains(&test) {
            tests.push(test);
        }
    }
    Diagnosis {
        category,
        tool: first.map(|f| f.tool.to_owned()),
        primary: first.map(|f| f.said.clone()),
        tests,
        fingerprint: fingerprint::of(category.name(), first),
        confidence: match first.map(|f| f.level) {
            _ if category == Category::Unknown => 0.0,
            Some(Level::Decisive | Level::Finding) => 0.95,
            Some(Level::Symptom) => 0.8,
            Some(Level::Guess) => 0.4,
            Some(_) => 0.3,
            None => 0.0,
        },
        evidence: first.filter(|f| f.at < log.len()).map(|f| (log.number(f.at), log.number(f.until.max(f.at)))),
        diagnostics: chosen.into_iter().map(|f| f.said).collect(),
    }
}
