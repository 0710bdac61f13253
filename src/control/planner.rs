//! From a run that was asked for to its plan: reads `gonogo.toml` and what is checked out. Not pure: it reads the disk.

use std::{path::Path, sync::Arc};

use crate::{
    config::definition,
    domain::{
        actor::Trigger,
        definition::{EngineKind, FixPolicy, Pipeline},
        id::JobKey,
        plan,
    },
    protocol::event::Source,
    redact::Secrets,
    workspace::repo::Repo,
};

use super::input::{NoPlan, Planned};

/// What to plan.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Which pipeline; `None`: the first of the file that has this trigger.
    pub pipeline: Option<String>,
    /// Only these jobs and what they need; empty: all.
    pub only: Vec<String>,
    /// Why.
    pub trigger: Trigger,
}

/// Plans a run of the checkout at `root`. `fix` is the user's own policy for repairs, where the project says nothing.
pub async fn plan(root: &Path, wish: &Wish, fix: &FixPolicy) -> Result<Planned, NoPlan> {
    let file = root.join("gonogo.toml");
    let (read, policy) = (file.clone(), fix.clone());
    let loaded = tokio::task::spawn_blocking(move || definition::load(&read, &policy)).await;
    let loaded = match loaded {
        Ok(Ok(loaded)) => loaded,
        Ok(Err(_)) if !file.exists() => {
            return Err(no(format!("{} has no gonogo.toml", root.display()), Some("`gonogo init` writes one")));
        }
        Ok(Err(error)) => return Err(no(chain(&error), None)),
        Err(error) => return Err(no(error.to_string(), None)),
    };
    let pipeline = choose(&loaded, wish).ok_or_else(|| {
        if !loaded.problems.is_empty() {
            let problems: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
            return no(
                problems.join("\n\n"),
                Some("mend gonogo.toml; `gonogo config check` looks at it without running anything"),
            );
        }
        let known: Vec<&str> = loaded.definition.pipelines.iter().map(|p| p.name.as_str()).collect();
        match &wish.pipeline {
            Some(name) => {
                no(format!("there is no pipeline `{name}`"), Some(&format!("pipelines: {}", known.join(", "))))
            }
            None => no("gonogo.toml has no pipeline for this".into(), Some("add one under [pipelines.NAME]")),
        }
    })?;
    let mut plan =
        plan::plan(pipeline, &loaded.definition.fix, &wish.only).map_err(|error| no(error.to_string(), None))?;
    let resolved = plan.resolve(|name| loaded.definition.environment(name));
    resolved.map_err(|name| {
        no(format!("there is no environment `{name}` in gonogo.toml"), Some(&format!("add [environments.{name}]")))
    })?;
    if let Some(job) = plan.jobs.iter().find(|job| job.spec.engine == EngineKind::Github) {
        let why =
            format!("job `{}` wants the engine `{}`, which this gonogo does not have", job.key, job.spec.engine.name());
        return Err(no(why, Some("run it with `engine = \"local\"`, or leave it out by naming the jobs to run")));
    }
    if let Some((job, name)) = written_token(&plan) {
        let why = format!(
            "`env` of job `{job}` holds what looks like a token, in {name}: it would stand in the log for ever"
        );
        return Err(no(why, Some(&format!("set {name} in gonogo's environment and name it in the job's `secrets`"))));
    }
    Ok(Planned { pipeline: pipeline.name.clone(), source: source(root).await, plan })
}

fn choose<'a>(loaded: &'a definition::Loaded, wish: &Wish) -> Option<&'a Pipeline> {
    let pipelines = &loaded.definition.pipelines;
    match (&wish.pipeline, wish.trigger.on_name()) {
        (Some(name), _) => pipelines.iter().find(|pipeline| pipeline.name == *name),
        (None, Some(trigger)) => {
            pipelines.iter().find(|pipeline| pipeline.on.is_empty() || pipeline.on.iter().any(|on| on == trigger))
        }
        (None, None) => pipelines.first(),
    }
}

/// A variable whose value is written in the file and has the shape of a token. The plan is recorded, so it must not.
fn written_token(plan: &plan::Plan) -> Option<(&JobKey, &str)> {
    let shapes = Arc::new(Secrets::new::<&str, &str>(&[]));
    plan.jobs.iter().find_map(|job| {
        let mut env = job.spec.steps.iter().flat_map(|step| &step.env).chain(&job.spec.env);
        let (name, _) = env.find(|(_, value)| shapes.redact_text(value) != **value)?;
        Some((&job.key, name.as_str()))
    })
}

/// What is checked out; empty where the project is no git repository, or has no commit.
async fn source(root: &Path) -> Source {
    let Ok(repo) = Repo::discover(root).await else { return Source::default() };
    let Ok(head) = repo.head().await else { return Source::default() };
    let subject = repo.git(["log", "-1", "--format=%s"]).text().await.unwrap_or_default();
    let dirty = repo.dirty_paths().await.is_ok_and(|paths| !paths.is_empty());
    Source { commit: head.commit, branch: head.branch, subject: subject.trim().to_owned(), dirty }
}

fn no(error: String, hint: Option<&str>) -> NoPlan {
    NoPlan { error, hint: hint.map(str::to_owned) }
}

/// An error and everything behind it, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
