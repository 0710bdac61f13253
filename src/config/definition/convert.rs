//! From the file as typed to the values of the domain.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    container::{self, ServiceFile},
    file::{CacheFile, ConcurrencyFile, FixFile, GateFile, JobFile, PipelineFile, RetryFile, StepFile},
};
use crate::{
    config::{
        check::Places,
        choice::Choice,
        error::Mistake,
        schema::{OneOrMany, Scalar, Table},
        text::{CommandLine, DurationText, EventName, Glob, NodeName, RelativePath, VariableName},
    },
    domain::{
        container::ContainerSpec,
        definition::{
            CacheSpec, Concurrency, Definition, FixPolicy, GateSpec, JobSpec, Pipeline, RetryPolicy, StepSpec,
        },
    },
};

/// Services as they stand in the file.
type Services = BTreeMap<String, ServiceFile>;

/// A definition with what the rules need beside it.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Everything that has the right form, whether or not it makes sense.
    pub(super) definition: Definition,
    /// What has the right form by the schema, and can't be read all the same: a fault of gonogo's own.
    pub(super) faults: Vec<Mistake>,
}

/// Builds the definition of a checked file. `fix` stands where the file says nothing.
pub(super) fn definition(value: Value, places: &Places, fix: &FixPolicy) -> Read {
    let named = |key: &str| in_order(entries(&value[key]), places, &[key.to_owned()]);
    let mut read = Read::default();
    for (name, value) in named("pipelines") {
        let file = read.typed(value, places, &["pipelines", &name]);
        read.definition.pipelines.push(pipeline(name, file, places));
    }
    for (name, value) in named("environments") {
        let file = read.typed(value, places, &["environments", &name]);
        read.definition.environments.push(container::environment(name, file));
    }
    let file = value.get("fix").map(|value| read.typed(value.clone(), places, &["fix"]));
    read.definition.fix = policy(file.unwrap_or_default(), fix);
    read
}

impl Read {
    /// The value as its struct. Its form has been checked, and everything in it may be left out.
    fn typed<T: DeserializeOwned + Default>(&mut self, value: Value, places: &Places, path: &[&str]) -> T {
        serde_json::from_value(value).unwrap_or_else(|error| {
            let path: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
            let message = format!("this can't be read, though it looks right: {error}");
            let mistake = Mistake::new(places.get(&path).name(), &path, message);
            self.faults.push(mistake.hint("this is a mistake of gonogo's own; please report it"));
            T::default()
        })
    }
}

fn entries(value: &Value) -> BTreeMap<String, Value> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Named things in the order of the file.
fn in_order<T>(table: BTreeMap<String, T>, places: &Places, path: &[String]) -> Vec<(String, T)> {
    let mut entries: Vec<(String, T)> = table.into_iter().collect();
    let start = |name: &String| places.get(&[path, std::slice::from_ref(name)].concat()).name().start;
    entries.sort_by_key(|(name, _)| start(name));
    entries
}

fn pipeline(name: String, file: PipelineFile, places: &Places) -> Pipeline {
    let below = |key: &str| ["pipelines", &name, key].map(str::to_owned);
    let job = |(name, file): (String, JobFile)| {
        let services = [&below("jobs")[..], &[name.clone(), "services".to_owned()]].concat();
        job(name, file, |table| in_order(table, places, &services))
    };
    let jobs = in_order(file.jobs.0, places, &below("jobs")).into_iter().map(job).collect();
    let gates = in_order(file.gates.0, places, &below("gates")).into_iter().map(gate).collect();
    let concurrency = file.concurrency.and_then(concurrency);
    let on = file.on.into_iter().map(|EventName(event)| event).collect();
    Pipeline { name, on, env: variables(file.env), concurrency, jobs, gates }
}

fn concurrency(file: ConcurrencyFile) -> Option<Concurrency> {
    match file {
        ConcurrencyFile::Group(NodeName(group)) => Some(Concurrency { group, cancel_running: false }),
        ConcurrencyFile::Full(table) => {
            let cancel_running = table.cancel_running;
            table.group.map(|NodeName(group)| Concurrency { group, cancel_running })
        }
    }
}

fn job(name: String, file: JobFile, in_order: impl FnOnce(Services) -> Vec<(String, ServiceFile)>) -> JobSpec {
    let container = ContainerSpec {
        services: in_order(file.services.0).into_iter().map(container::service).collect(),
        environment: file.environment.map(|NodeName(name)| name),
        proof_network: file.proof_network,
        ..file.container.spec()
    };
    JobSpec {
        name,
        needs: file.needs,
        engine: chosen(file.engine),
        container,
        steps: file.steps.unwrap_or_default().into_iter().map(step).collect(),
        matrix: file.matrix.0.into_iter().map(|(axis, values)| (axis, scalars(values.0))).collect(),
        env: variables(file.env),
        secrets: file.secrets.into_iter().map(|VariableName(name)| name).collect(),
        timeout: file.timeout.as_ref().map(DurationText::millis),
        retry: file.retry.map(retry).unwrap_or_default(),
        cache: file.cache.into_iter().map(cache).collect(),
        inputs: globs(file.inputs),
        tools: commands(file.tools),
        artifacts: globs(file.artifacts),
        on: file.on.into_iter().map(|EventName(event)| event).collect(),
        when: chosen(file.when),
        tty: file.tty,
        workspace: chosen(file.workspace),
        deploy: file.deploy.map(|NodeName(name)| name),
    }
}

fn step(file: StepFile) -> StepSpec {
    match file {
        StepFile::Command(CommandLine(run)) => StepSpec { name: first_line(&run), run, ..StepSpec::default() },
        StepFile::Full(table) => {
            let run = table.run.map(|CommandLine(run)| run).unwrap_or_default();
            StepSpec {
                name: table.name.unwrap_or_else(|| first_line(&run)),
                run,
                dir: table.dir.map(|RelativePath(path)| path),
                env: variables(table.env),
                timeout: table.timeout.as_ref().map(DurationText::millis),
                reports: globs(table.reports),
                allow_failure: table.allow_failure,
            }
        }
    }
}

fn first_line(command: &str) -> String {
    command.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

fn gate((name, file): (String, GateFile)) -> GateSpec {
    GateSpec { name, question: file.question.unwrap_or_default(), needs: file.needs }
}

fn retry(file: RetryFile) -> RetryPolicy {
    let default = RetryPolicy::default();
    RetryPolicy {
        attempts: file.attempts.unwrap_or(default.attempts),
        on: file.on.into_iter().map(|Choice(category)| category).collect(),
        wait: file.wait.as_ref().map_or(default.wait, DurationText::millis),
    }
}

fn cache(file: CacheFile) -> CacheSpec {
    CacheSpec { path: file.path.map(|RelativePath(path)| path).unwrap_or_default(), key: globs(file.key) }
}

/// The policy of a file, or of the user where the file says nothing.
pub(in crate::config) fn policy(file: FixFile, otherwise: &FixPolicy) -> FixPolicy {
    let own = file.commands.0.into_iter().map(|(job, lines)| (job, commands(OneOrMany::into_vec(lines))));
    FixPolicy {
        enabled: file.enabled.unwrap_or(otherwise.enabled),
        attempts: file.attempts.unwrap_or(otherwise.attempts),
        auto: file
            .auto
            .map_or_else(|| otherwise.auto.clone(), |auto| auto.into_iter().map(|Choice(category)| category).collect()),
        never: file.never.map_or_else(|| otherwise.never.clone(), globs),
        apply: file.apply.map_or(otherwise.apply, |Choice(into)| into),
        commands: otherwise.commands.clone().into_iter().chain(own).collect(),
        max_lines: file.max_lines.unwrap_or(otherwise.max_lines),
        agent: file.agent.unwrap_or(otherwise.agent),
    }
}

pub(super) fn chosen<T: Default>(choice: Option<Choice<T>>) -> T {
    choice.map(|Choice(value)| value).unwrap_or_default()
}

pub(super) fn variables<K>(table: Table<K, Scalar>) -> BTreeMap<String, String> {
    table.0.into_iter().map(|(name, Scalar(value))| (name, value)).collect()
}

fn scalars(values: Vec<Scalar>) -> Vec<String> {
    values.into_iter().map(|Scalar(value)| value).collect()
}

fn globs(globs: Vec<Glob>) -> Vec<String> {
    globs.into_iter().map(|Glob(glob)| glob).collect()
}

pub(super) fn commands(commands: Vec<CommandLine>) -> Vec<String> {
    commands.into_iter().map(|CommandLine(command)| command).collect()
}
