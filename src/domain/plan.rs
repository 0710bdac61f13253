//! From a pipeline to a run's plan: the matrix expanded, needs resolved to nodes, cycles and dangling names refused.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    container::EnvironmentSpec,
    definition::{Concurrency, EngineKind, FixPolicy, GateSpec, JobSpec, Pipeline, WorkspaceKind},
    id::JobKey,
};

/// Everything that a run will do, said before it begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The jobs, each after everything that it needs.
    pub jobs: Vec<PlannedJob>,
    /// The gates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<PlannedGate>,
    /// How the run gets along with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// What may be repaired.
    #[serde(default)]
    pub fix: FixPolicy,
}

/// A job of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedJob {
    /// Its name with its matrix values.
    pub key: JobKey,
    /// Keys of the jobs, and names of the gates, that must end first.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Its matrix values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// What to run: matrix values put in, the pipeline's variables joined with its own.
    pub spec: JobSpec,
    /// The environment that it uses, as the file had it when the run was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Box<EnvironmentSpec>>,
}

impl PlannedJob {
    /// Its steps run in a prepared container of its environment. Otherwise it gets a container of its own, made as one of the
    /// environment is: its workspace is not the project itself, or services run beside it.
    pub fn is_in_member(&self) -> bool {
        let spec = &self.spec;
        spec.engine == EngineKind::Docker
            && self.environment.is_some()
            && spec.workspace == WorkspaceKind::InPlace
            && spec.container.services.is_empty()
    }

    /// Takes the environment on: what its container is made of, and its variables, of which the job's own win.
    fn use_environment(&mut self, environment: &EnvironmentSpec) {
        let own = std::mem::take(&mut self.spec.container);
        self.spec.container = environment.container.clone();
        self.spec.container.environment = own.environment;
        self.spec.container.services = own.services;
        self.spec.container.proof_network = own.proof_network;
        for (name, value) in &environment.env {
            self.spec.env.entry(name.clone()).or_insert_with(|| value.clone());
        }
        self.environment = Some(Box::new(environment.clone()));
    }
}

impl Plan {
    /// Puts in the environments that its jobs use, each by its name; gives the first that there is none of.
    pub fn resolve<'a>(&mut self, find: impl Fn(&str) -> Option<&'a EnvironmentSpec>) -> Result<(), String> {
        for job in &mut self.jobs {
            let Some(name) = job.spec.container.environment.clone() else { continue };
            let Some(environment) = find(&name) else { return Err(name) };
            job.use_environment(environment);
        }
        Ok(())
    }

    /// The environments that its jobs use, each once.
    pub fn environments(&self) -> impl Iterator<Item = &EnvironmentSpec> {
        let mut seen = BTreeSet::new();
        let used = self.jobs.iter().filter_map(|job| job.environment.as_deref());
        used.filter(move |environment| seen.insert(environment.name.as_str()))
    }
}

/// A gate of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedGate {
    /// Its name.
    pub name: String,
    /// What the person is asked.
    pub question: String,
    /// Keys of the jobs, and names of the gates, that must end first.
    #[serde(default)]
    pub needs: Vec<String>,
}

/// Why a pipeline is not a graph that can run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A name in `needs` that is neither a job nor a gate.
    #[error("`{node}` needs `{need}`, which is neither a job nor a gate of this pipeline")]
    Dangling {
        /// Who needs it.
        node: String,
        /// What isn't there.
        need: String,
    },
    /// Nodes that wait for each other.
    #[error("these wait for each other: {}", path.join(" → "))]
    Cycle {
        /// From a node back to itself.
        path: Vec<String>,
    },
    /// Asked for by name, and not there.
    #[error("there is no job `{name}` in this pipeline (jobs: {})", known.join(", "))]
    NoSuchJob {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
}

/// Checks the graph: every dangling name and the first cycle.
pub fn check(pipeline: &Pipeline) -> Vec<PlanError> {
    let nodes: BTreeMap<&str, &[String]> = pipeline
        .jobs
        .iter()
        .map(|job| (job.name.as_str(), job.needs.as_slice()))
        .chain(pipeline.gates.iter().map(|gate| (gate.name.as_str(), gate.needs.as_slice())))
        .collect();
    let mut errors = Vec::new();
    for (node, needs) in &nodes {
        for need in needs.iter().filter(|need| !nodes.contains_key(need.as_str())) {
            errors.push(PlanError::Dangling { node: (*node).to_owned(), need: need.clone() });
        }
    }
    if let Some(path) = cycle(&nodes) {
        errors.push(PlanError::Cycle { path });
    }
    errors
}

/// The first cycle, as the path from a node back to itself.
fn cycle(nodes: &BTreeMap<&str, &[String]>) -> Option<Vec<String>> {
    // Depth first with its own stack, so that a chain of ten thousand jobs is no deeper than one.
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for start in nodes.keys() {
        let mut path: Vec<(&str, usize)> = vec![(start, 0)];
        while let Some((node, next)) = path.last_mut() {
            let needs = nodes.get(node).copied().unwrap_or_default();
            let Some(need) = needs.get(*next) else {
                done.insert(node);
                path.pop();
                continue;
            };
            *next += 1;
            if done.contains(need.as_str()) || !nodes.contains_key(need.as_str()) {
                continue;
            }
            if let Some(from) = path.iter().position(|(on_path, _)| on_path == need) {
                let names = path[from..].iter().map(|(name, _)| (*name).to_owned());
                return Some(names.chain([need.clone()]).collect());
            }
            path.push((need, 0));
        }
    }
    None
}

/// Expands a pipeline. `only`, if not empty, keeps the named jobs (by name or key) and everything that they need.
pub fn plan(pipeline: &Pipeline, fix: &FixPolicy, only: &[String]) -> Result<Plan, PlanError> {
    if let Some(error) = check(pipeline).into_iter().next() {
        return Err(error);
    }
    let mut keys: BTreeMap<&str, Vec<JobKey>> = BTreeMap::new();
    let mut jobs: Vec<PlannedJob> = Vec::new();
    for spec in &pipeline.jobs {
        for values in combinations(&spec.matrix) {
            let key = job_key(&spec.name, &values);
            keys.entry(&spec.name).or_default().push(key.clone());
            jobs.push(PlannedJob {
                key,
                needs: Vec::new(),
                spec: fill(spec, &pipeline.env, &values),
                values,
                environment: None,
            });
        }
    }
    let resolve = |needs: &[String]| -> Vec<String> {
        let node = |need: &String| match keys.get(need.as_str()) {
            Some(keys) => keys.iter().map(|key| key.0.clone()).collect(),
            None => vec![need.clone()],
        };
        needs.iter().flat_map(node).collect()
    };
    for job in &mut jobs {
        job.needs = resolve(&job.spec.needs);
    }
    let gate = |gate: &GateSpec| PlannedGate {
        name: gate.name.clone(),
        question: gate.question.clone(),
        needs: resolve(&gate.needs),
    };
    let gates = pipeline.gates.iter().map(gate).collect();
    let mut plan = Plan { jobs, gates, concurrency: pipeline.concurrency.clone(), fix: fix.clone() };
    narrow(&mut plan, only)?;
    order(&mut plan);
    Ok(plan)
}

/// All combinations of a matrix's values, the first axis slowest; one empty combination for no matrix.
fn combinations(matrix: &BTreeMap<String, Vec<String>>) -> Vec<BTreeMap<String, String>> {
    let mut all = vec![BTreeMap::new()];
    for (axis, values) in matrix {
        let with = |row: &BTreeMap<String, String>, value: &String| {
            let mut row = row.clone();
            row.insert(axis.clone(), value.clone());
            row
        };
        all = all.iter().flat_map(|row| values.iter().map(move |value| with(row, value))).collect();
    }
    all
}

fn job_key(name: &str, values: &BTreeMap<String, String>) -> JobKey {
    if values.is_empty() {
        return JobKey(name.to_owned());
    }
    let values: Vec<&str> = values.values().map(String::as_str).collect();
    JobKey(format!("{name} [{}]", values.join(", ")))
}

/// Puts matrix values in for `${{ matrix.AXIS }}`, and joins the pipeline's variables with the job's own.
fn fill(spec: &JobSpec, pipeline_env: &BTreeMap<String, String>, values: &BTreeMap<String, String>) -> JobSpec {
    let put = |text: &mut String| {
        for (axis, value) in values {
            for form in [format!("${{{{ matrix.{axis} }}}}"), format!("${{{{matrix.{axis}}}}}")] {
                if text.contains(&form) {
                    *text = text.replace(&form, value);
                }
            }
        }
    };
    let mut spec = spec.clone();
    let mut env = pipeline_env.clone();
    env.append(&mut spec.env);
    for (axis, value) in values {
        let name: String =
            axis.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
        env.entry(format!("MATRIX_{name}")).or_insert_with(|| value.clone());
    }
    env.values_mut().for_each(put);
    spec.env = env;
    let container = &mut spec.container;
    let names = container.image.iter_mut().chain(&mut container.platform).chain(&mut container.runs_on);
    names.for_each(put);
    if let Some(build) = &mut container.build {
        build.args.values_mut().chain(&mut build.target).for_each(put);
    }
    for service in &mut container.services {
        put(&mut service.image);
        service.env.values_mut().for_each(put);
    }
    for step in &mut spec.steps {
        put(&mut step.name);
        put(&mut step.run);
        step.dir.iter_mut().for_each(put);
        step.env.values_mut().for_each(put);
        step.reports.iter_mut().for_each(put);
    }
    for list in [&mut spec.artifacts, &mut spec.inputs, &mut spec.tools] {
        list.iter_mut().for_each(put);
    }
    for cache in &mut spec.cache {
        put(&mut cache.path);
        cache.key.iter_mut().for_each(put);
    }
    spec.matrix.clear();
    spec
}

/// Keeps the jobs asked for and what they need.
fn narrow(plan: &mut Plan, only: &[String]) -> Result<(), PlanError> {
    if only.is_empty() {
        return Ok(());
    }
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for name in only {
        let asked = plan.jobs.iter().filter(|job| job.key.0 == *name || job.spec.name == *name);
        let before = wanted.len();
        wanted.extend(asked.map(|job| job.key.0.clone()));
        if wanted.len() == before {
            let known = plan.jobs.iter().map(|job| job.key.0.clone()).collect();
            return Err(PlanError::NoSuchJob { name: name.clone(), known });
        }
    }
    loop {
        let jobs = plan.jobs.iter().filter(|job| wanted.contains(&job.key.0)).flat_map(|job| &job.needs);
        let gates = plan.gates.iter().filter(|gate| wanted.contains(&gate.name)).flat_map(|gate| &gate.needs);
        let more: Vec<String> = jobs.chain(gates).filter(|need| !wanted.contains(*need)).cloned().collect();
        if more.is_empty() {
            break;
        }
        wanted.extend(more);
    }
    plan.jobs.retain(|job| wanted.contains(&job.key.0));
    plan.gates.retain(|gate| wanted.contains(&gate.name));
    Ok(())
}

/// Puts each job after everything that it needs, keeping the file's order otherwise.
fn order(plan: &mut Plan) {
    let gates: BTreeMap<String, Vec<String>> = plan.gates.iter().map(|g| (g.name.clone(), g.needs.clone())).collect();
    let mut placed: BTreeSet<String> = BTreeSet::new();
    let mut rest: Vec<PlannedJob> = std::mem::take(&mut plan.jobs);
    while !rest.is_empty() {
        let open_gates: Vec<String> = gates
            .iter()
            .filter(|(name, needs)| !placed.contains(*name) && needs.iter().all(|need| placed.contains(need)))
            .map(|(name, _)| name.clone())
            .collect();
        let gates_placed = !open_gates.is_empty();
        placed.extend(open_gates);
        let mut later = Vec::new();
        let before = plan.jobs.len();
        for job in rest {
            if job.needs.iter().all(|need| placed.contains(need)) {
                placed.insert(job.key.0.clone());
                plan.jobs.push(job);
            } else {
                later.push(job);
            }
        }
        rest = later;
        if plan.jobs.len() == before && !gates_placed {
            // `check` refused cycles; this only guards the loop.
            plan.jobs.append(&mut rest);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn job(name: &str, needs: &[&str]) -> JobSpec {
        JobSpec { name: name.into(), needs: needs.iter().map(|&n| n.into()).collect(), ..JobSpec::default() }
    }

    fn keys(plan: &Plan) -> Vec<&str> {
        plan.jobs.iter().map(|job| job.key.as_str()).collect()
    }

    #[test]
    fn each_job_comes_after_what_it_needs() {
        let pipeline = Pipeline {
            jobs: vec![job("ship", &["go"]), job("test", &["lint"]), job("lint", &[])],
            gates: vec![GateSpec { name: "go".into(), question: "Ship?".into(), needs: vec!["test".into()] }],
            ..Pipeline::default()
        };
        let plan = plan(&pipeline, &FixPolicy::default(), &[]).unwrap();
        assert_eq!(keys(&plan), ["lint", "test", "ship"]);
    }

    #[test]
    fn a_matrix_becomes_one_job_a_combination_and_its_values_are_put_in() {
        let mut spec = job("test", &[]);
        spec.matrix = BTreeMap::from([
            ("os".into(), vec!["linux".into(), "mac".into()]),
            ("python".into(), vec!["3.11".into(), "3.12".into()]),
        ]);
        spec.steps
            .push(super::super::definition::StepSpec { run: "py ${{ matrix.python }}".into(), ..Default::default() });
        let pipeline = Pipeline { jobs: vec![spec, job("pack", &["test"])], ..Pipeline::default() };
        let plan = plan(&pipeline, &FixPolicy::default(), &[]).unwrap();
        assert_eq!(
            keys(&plan),
            ["test [linux, 3.11]", "test [linux, 3.12]", "test [mac, 3.11]", "test [mac, 3.12]", "pack"]
        );
        assert_eq!(plan.jobs[1].spec.steps[0].run, "py 3.12");
        assert_eq!(plan.jobs[1].spec.env["MATRIX_OS"], "linux");
        assert_eq!(plan.jobs[4].needs.len(), 4);
    }

    #[test]
    fn a_job_takes_its_environment_on_and_its_own_variables_win() {
        let mut spec = job("test", &[]);
        spec.engine = EngineKind::Docker;
        spec.container.environment = Some("dev".into());
        spec.env.insert("WHO".into(), "job".into());
        let environment = EnvironmentSpec {
            name: "dev".into(),
            container: super::super::container::ContainerSpec {
                image: Some("alpine".into()),
                ..super::super::container::ContainerSpec::default()
            },
            env: BTreeMap::from([("WHO".into(), "dev".into()), ("MORE".into(), "1".into())]),
            ..EnvironmentSpec::default()
        };
        let pipeline = Pipeline { jobs: vec![spec, job("b", &[])], ..Pipeline::default() };
        let mut plan = plan(&pipeline, &FixPolicy::default(), &[]).unwrap();
        assert_eq!(plan.resolve(|_| None), Err("dev".into()));
        plan.resolve(|name| (name == "dev").then_some(&environment)).unwrap();
        let planned = &plan.jobs[0];
        assert_eq!(planned.spec.container.image.as_deref(), Some("alpine"));
        assert_eq!(planned.spec.container.environment.as_deref(), Some("dev"));
        assert_eq!((planned.spec.env["WHO"].as_str(), planned.spec.env["MORE"].as_str()), ("job", "1"));
        assert!(planned.is_in_member() && !plan.jobs[1].is_in_member());
        assert_eq!(plan.environments().count(), 1);
    }

    #[test]
    fn cycles_and_dangling_needs_are_named() {
        let pipeline = Pipeline {
            jobs: vec![job("a", &["b"]), job("b", &["c"]), job("c", &["a", "nope"])],
            ..Pipeline::default()
        };
        let said: Vec<String> = check(&pipeline).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "`c` needs `nope`, which is neither a job nor a gate of this pipeline",
                "these wait for each other: a → b → c → a"
            ]
        );
    }

    #[test]
    fn asking_for_one_job_keeps_what_it_needs_and_nothing_else() {
        let pipeline = Pipeline { jobs: vec![job("a", &[]), job("b", &["a"]), job("c", &[])], ..Pipeline::default() };
        let only_b = plan(&pipeline, &FixPolicy::default(), &["b".into()]).unwrap();
        assert_eq!(keys(&only_b), ["a", "b"]);
        assert!(plan(&pipeline, &FixPolicy::default(), &["x".into()]).is_err());
    }
}
