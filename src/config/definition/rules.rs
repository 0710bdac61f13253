//! What the form of a file can't say: names that must exist, graphs that must end, settings that contradict each other.

use std::{collections::BTreeSet, ops::Range};

use super::{container, convert::Read};
use crate::{
    config::{check::Places, error::Mistake, suggest},
    domain::{
        definition::{EngineKind, JobSpec, Pipeline, When},
        plan::{self, PlanError},
    },
};

/// Checks what [`crate::config::check`] can't, and adds what is wrong.
pub(super) fn check(read: &Read, places: &Places, source: &str, mistakes: &mut Vec<Mistake>) {
    let mut rules = Rules { places, source, mistakes };
    let pipelines = &read.definition.pipelines;
    let environments: Vec<String> = read.definition.environments.iter().map(|e| e.name.clone()).collect();
    if pipelines.is_empty() && rules.stands(&["pipelines"]) {
        rules.at_name(&["pipelines"], "there is no pipeline in this file").expected =
            Some("`[pipelines.NAME.jobs.NAME]`".into());
    }
    for pipeline in pipelines {
        rules.pipeline(pipeline);
        for job in &pipeline.jobs {
            rules.job(pipeline, job, &environments);
        }
    }
    for environment in &environments {
        rules.environment(environment);
    }
    let jobs: BTreeSet<&str> =
        pipelines.iter().flat_map(|pipeline| &pipeline.jobs).map(|job| job.name.as_str()).collect();
    for name in read.definition.fix.commands.keys() {
        let path = ["fix", "commands", name];
        if !jobs.contains(name.as_str()) && rules.stands(&path) {
            let hint = suggest::did_you_mean(name, jobs.iter().copied());
            let wrong = rules.at_name(&path, format!("there is no job `{name}` in any pipeline"));
            wrong.expected = Some(names(jobs.iter().copied(), "the name of a job"));
            wrong.hint = hint;
        }
    }
}

struct Rules<'a> {
    places: &'a Places,
    source: &'a str,
    mistakes: &'a mut Vec<Mistake>,
}

fn path(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

fn names<'n>(known: impl Iterator<Item = &'n str>, what: &str) -> String {
    let known: Vec<String> = known.map(|name| format!("`{name}`")).collect();
    if known.is_empty() { what.to_owned() } else { format!("{what}: {}", known.join(", ")) }
}

impl Rules<'_> {
    fn stands(&self, keys: &[&str]) -> bool {
        self.places.below(&path(keys)).next().is_some()
    }

    fn note(&mut self, span: Range<usize>, keys: &[&str], message: impl Into<String>) -> &mut Mistake {
        self.mistakes.push(Mistake::new(span, &path(keys), message));
        let last = self.mistakes.len() - 1;
        &mut self.mistakes[last]
    }

    fn at_name(&mut self, keys: &[&str], message: impl Into<String>) -> &mut Mistake {
        self.note(self.places.get(&path(keys)).name(), keys, message)
    }

    fn at_value(&mut self, keys: &[&str], message: impl Into<String>) -> &mut Mistake {
        self.note(self.places.get(&path(keys)).value, keys, message)
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        let name = pipeline.name.as_str();
        if pipeline.jobs.is_empty() {
            let wrong = self.at_name(&["pipelines", name], format!("pipeline `{name}` has no jobs"));
            wrong.expected = Some(format!("`[pipelines.{name}.jobs.NAME]` with `steps`"));
        }
        for gate in pipeline.gates.iter().filter(|gate| pipeline.jobs.iter().any(|job| job.name == gate.name)) {
            let wrong = self.at_name(
                &["pipelines", name, "gates", &gate.name],
                format!("`{}` names a job and a gate of this pipeline", gate.name),
            );
            wrong.hint = Some("rename one of them, here and in `needs`".into());
        }
        let axes: BTreeSet<&str> = pipeline.jobs.iter().flat_map(|job| job.matrix.keys()).map(String::as_str).collect();
        self.expressions(&["pipelines", name, "env"], &axes);
        self.graph(pipeline);
    }

    /// Every dangling name and every cycle. Each cycle is cut where it was found, so that the next one shows.
    fn graph(&mut self, pipeline: &Pipeline) {
        let mut rest = pipeline.clone();
        let mut first_pass = true;
        loop {
            let errors = plan::check(&rest);
            let mut cut = None;
            for error in errors {
                match error {
                    PlanError::Dangling { node, need } if first_pass => self.dangling(pipeline, &node, &need),
                    PlanError::Cycle { path } => cut = Some(path),
                    _ => {}
                }
            }
            first_pass = false;
            let Some(cycle) = cut else { return };
            self.cycle(pipeline, &cycle);
            let (from, to) = (&cycle[0], &cycle[1]);
            rest.jobs.iter_mut().filter(|job| job.name == *from).for_each(|job| job.needs.retain(|need| need != to));
            rest.gates
                .iter_mut()
                .filter(|gate| gate.name == *from)
                .for_each(|gate| gate.needs.retain(|need| need != to));
        }
    }

    /// Where `node` says that it needs `need`.
    fn need_path<'n>(&self, pipeline: &'n Pipeline, node: &'n str, need: &str) -> Option<[String; 6]> {
        let job = pipeline.jobs.iter().find(|job| job.name == node).map(|job| ("jobs", &job.needs));
        let gate = pipeline.gates.iter().find(|gate| gate.name == node).map(|gate| ("gates", &gate.needs));
        let (list, _) = [job, gate].into_iter().flatten().find(|(_, needs)| needs.iter().any(|name| name == need))?;
        let of = |index: &str| ["pipelines", &pipeline.name, list, node, "needs", index].map(str::to_owned);
        let is_it = |span: Range<usize>| {
            let text = self.source.get(span).unwrap_or_default();
            text.get(1..text.len().saturating_sub(1)) == Some(need)
        };
        // By what stands there, not by its number: a wrong element before it has been left out of the list.
        let all = (0..10_000).map(|index| of(&index.to_string()));
        all.take_while(|path| self.places.below(path).next().is_some())
            .find(|path| is_it(self.places.get(path).value))
            .or_else(|| Some(of("0")))
    }

    fn dangling(&mut self, pipeline: &Pipeline, node: &str, need: &str) {
        let Some(at) = self.need_path(pipeline, node, need) else { return };
        let nodes = || {
            let gates = pipeline.gates.iter().map(|gate| gate.name.as_str());
            pipeline.jobs.iter().map(|job| job.name.as_str()).chain(gates).filter(|name| *name != node)
        };
        let message =
            format!("`{node}` needs `{need}`, which is neither a job nor a gate of pipeline `{}`", pipeline.name);
        let wrong = self.at_value(&at.each_ref().map(String::as_str), message);
        wrong.expected = nodes().next().map(|_| names(nodes(), "one of its jobs or gates"));
        wrong.hint = suggest::did_you_mean(need, nodes());
    }

    fn cycle(&mut self, pipeline: &Pipeline, cycle: &[String]) {
        let Some(at) = self.need_path(pipeline, &cycle[0], &cycle[1]) else { return };
        let message = match cycle {
            [node, _] => format!("`{node}` needs itself"),
            _ => format!("these wait for each other: {}", cycle.join(" → ")),
        };
        let hint = if cycle.len() == 2 { "leave it out" } else { "take one of them out of the other's `needs`" };
        self.at_value(&at.each_ref().map(String::as_str), message).hint = Some(hint.into());
    }

    fn job(&mut self, pipeline: &Pipeline, job: &JobSpec, environments: &[String]) {
        let at = ["pipelines", pipeline.name.as_str(), "jobs", job.name.as_str()];
        let with = |key: &'static str| [at[0], at[1], at[2], at[3], key];
        let name = &job.name;
        if !self.stands(&with("steps")) && job.deploy.is_none() && !self.is_meant(&at, "steps") {
            let wrong = self.at_name(&at, format!("job `{name}` has no `steps`"));
            wrong.expected = Some("`steps`: the commands to run, such as steps = [\"cargo test\"]".into());
        }
        self.container(job, &at, environments);
        if job.when == When::Failure && !self.stands(&with("needs")) && !self.is_meant(&at, "needs") {
            let wrong = self
                .at_value(&with("when"), format!("job `{name}` would never run: it waits for a failure of nothing"));
            wrong.expected = Some("`needs` beside it: the jobs whose failure starts this one".into());
        }
        for secret in &job.secrets {
            self.secret(pipeline, job, secret);
        }
        if let Some(deploy) =
            job.deploy.as_ref().filter(|name| !environments.is_empty() && !environments.contains(name))
        {
            let known = || environments.iter().map(String::as_str);
            let wrong = self.at_value(&with("deploy"), format!("there is no environment `{deploy}` in this file"));
            wrong.expected = Some(names(known(), "a declared environment"));
            wrong.hint = suggest::did_you_mean(deploy, known());
        }
        self.expressions(&at, &job.matrix.keys().map(String::as_str).collect());
    }

    /// What makes a container needs an engine that has containers, and the other way round.
    fn container(&mut self, job: &JobSpec, at: &[&str; 4], environments: &[String]) {
        let with = |key: &'static str| [at[0], at[1], at[2], at[3], key];
        let (name, engine) = (&job.name, job.engine.name());
        if job.engine != EngineKind::Docker && !self.is_wrong(&with("engine")) {
            for key in CONTAINER.into_iter().filter(|key| self.stands(&with(key))).collect::<Vec<_>>() {
                let what = match key {
                    "image" => "an image, but its engine `{engine}` uses none",
                    _ => "`{key}`, but its engine `{engine}` has no containers",
                };
                let what = what.replace("{engine}", engine).replace("{key}", key);
                let wrong = self.at_name(&with(key), format!("job `{name}` has {what}"));
                let it = if key == "image" { "the image" } else { "it" };
                wrong.hint = Some(format!("add engine = \"docker\", or leave {it} out"));
            }
        }
        let made = ["image", "build", "environment"].into_iter().filter(|key| self.stands(&with(key))).count();
        if job.engine == EngineKind::Docker && made == 0 && !self.is_meant(at, "image") {
            let wrong = self.at_value(&with("engine"), format!("job `{name}` runs in a container, but has no `image`"));
            wrong.expected = Some("`image`, such as image = \"python:3.12\"".into());
        }
        if made > 1 {
            let second = ["environment", "build", "image"].into_iter().find(|key| self.stands(&with(key)));
            let message = format!("job `{name}` says twice of what its container is made");
            self.at_name(&with(second.unwrap_or("image")), message).expected =
                Some("one of `image`, `build` and `environment`".into());
        }
        if let Some(wanted) = job.container.environment.as_ref().filter(|wanted| !environments.contains(wanted)) {
            let known = || environments.iter().map(String::as_str);
            let message = format!("there is no environment `{wanted}` in this file");
            let hint = suggest::did_you_mean(wanted, known()).or(Some(format!("add [environments.{wanted}]")));
            self.at_value(&with("environment"), message).hint = hint;
        }
        for key in ["workdir", "tmpfs"] {
            let paths = [&job.container.workdir.iter().cloned().collect::<Vec<_>>(), &job.container.tmpfs];
            for path in paths[usize::from(key == "tmpfs")].iter().filter(|path| !path.starts_with('/')) {
                self.at_value(&with(key), format!("`{path}` is no absolute path")).expected =
                    Some("a path in the container, such as \"/tmp\"".into());
            }
        }
    }

    /// Mounts and ports have a form of their own.
    fn environment(&mut self, name: &str) {
        let at = ["environments", name];
        for (key, is_right, form) in [
            (
                "mounts",
                (|text| container::mount(text).is_some()) as fn(&str) -> bool,
                "\"SOURCE:/TARGET\" or \"SOURCE:/TARGET:ro\"",
            ),
            ("ports", |text| container::port(text).is_some(), "a port, such as 3000 or \"8080:3000\""),
        ] {
            let list = path(&[at[0], at[1], key]);
            let elements: Vec<Vec<String>> =
                self.places.below(&list).map(|(path, _)| path.to_vec()).filter(|path| path.len() == 4).collect();
            for element in elements {
                let text = self.source.get(self.places.get(&element).value).unwrap_or_default();
                let text = text.trim_matches(['"', '\'']).to_owned();
                if !is_right(&text) {
                    let keys: Vec<&str> = element.iter().map(String::as_str).collect();
                    self.at_value(&keys, format!("`{text}` has not the form of `{key}`")).expected = Some(form.into());
                }
            }
        }
    }

    /// Whether it has been said that a wrong key of this table was most likely meant to be `key`.
    fn is_meant(&self, table: &[&str], key: &str) -> bool {
        let (table, hint) = (path(table), format!("did you mean `{key}`?"));
        self.mistakes.iter().any(|mistake| mistake.path == table && mistake.hint.as_ref() == Some(&hint))
    }

    fn is_wrong(&self, keys: &[&str]) -> bool {
        self.mistakes.iter().any(|mistake| mistake.path == path(keys))
    }

    /// A secret comes from outside. A value that stands in the file is no secret, and one of the two would be ignored.
    fn secret(&mut self, pipeline: &Pipeline, job: &JobSpec, secret: &str) {
        let job_path = ["pipelines", pipeline.name.as_str(), "jobs", job.name.as_str()];
        let mut found: Vec<Vec<String>> = Vec::new();
        found.push(path(&[&job_path[..], &["env", secret]].concat()));
        found.push(path(&["pipelines", &pipeline.name, "env", secret]));
        for index in 0..job.steps.len() {
            found.push(path(&[&job_path[..], &["steps", &index.to_string(), "env", secret]].concat()));
        }
        for place in found {
            if self.places.below(&place).next().is_some() {
                let keys: Vec<&str> = place.iter().map(String::as_str).collect();
                let message = format!("`{secret}` is a secret of job `{}`, and has a value in this file", job.name);
                self.at_name(&keys, message).hint =
                    Some("leave it out here: its value comes from gonogo's own environment".into());
            }
        }
    }

    /// Every `${{ ... }}` below a path must be `${{ matrix.AXIS }}` with an axis that exists.
    fn expressions(&mut self, keys: &[&str], axes: &BTreeSet<&str>) {
        let root = path(keys);
        let mut wrong: Vec<Mistake> = Vec::new();
        for (at, place) in self.places.below(&root) {
            let text = self.source.get(place.value.clone()).unwrap_or_default();
            if !text.starts_with(['"', '\'']) {
                continue;
            }
            for (start, _) in text.match_indices("${{") {
                let length = text[start..].find("}}").map_or(text.len() - start, |end| end + 2);
                let whole = &text[start..start + length];
                let span = place.value.start + start..place.value.start + start + length;
                wrong.extend(expression(whole, span, at, axes));
            }
        }
        self.mistakes.extend(wrong);
    }
}

/// Keys of a job that say something about a container.
const CONTAINER: [&str; 14] = [
    "image",
    "build",
    "environment",
    "runs-on",
    "platform",
    "pull",
    "network",
    "user",
    "workdir",
    "limits",
    "read-only",
    "tmpfs",
    "new-privileges",
    "services",
];

/// Keys of a job in which matrix values are put in.
const FILLED: [&str; 11] =
    ["image", "build", "services", "platform", "runs-on", "steps", "env", "artifacts", "inputs", "tools", "cache"];

fn expression(whole: &str, span: Range<usize>, at: &[String], axes: &BTreeSet<&str>) -> Option<Mistake> {
    let inner = whole.trim_start_matches("${{").trim_end_matches("}}").trim();
    let Some(axis) = inner.strip_prefix("matrix.") else {
        let mistake = Mistake::new(span, at, format!("`{whole}` means nothing here"));
        // What stands in `env` is taken as it is; in a command, the shell puts variables in.
        let in_env = at.iter().any(|key| key == "env");
        let hint = match inner.split_once('.') {
            Some(("secrets", name)) => format!("add \"{name}\" to the job's `secrets`: its steps then see ${name}"),
            Some(("env" | "vars", name)) if !in_env => format!("write ${name}: the shell puts it in"),
            Some(("github", "sha")) if !in_env => "write $(git rev-parse HEAD): the shell puts it in".to_owned(),
            Some(("github", "workspace")) if !in_env => "write $PWD: the shell puts it in".to_owned(),
            _ => "write the value itself".to_owned(),
        };
        return Some(mistake.expected("`${{ matrix.AXIS }}`").hint(hint));
    };
    if !axes.contains(axis) {
        let mistake = Mistake::new(span, at, format!("there is no axis `{axis}` in the matrix of this job"));
        let mistake = mistake.expected(names(axes.iter().copied(), "an axis of `matrix`"));
        return Some(match suggest::did_you_mean(axis, axes.iter().copied()) {
            Some(hint) => mistake.hint(hint),
            None => mistake,
        });
    }
    let key = at.get(if at.get(2).is_some_and(|key| key == "env") { 2 } else { 4 })?;
    let exact = format!("${{{{ matrix.{axis} }}}}");
    if !FILLED.contains(&key.as_str()) {
        let mistake = Mistake::new(span, at, format!("matrix values are not put in in `{key}`"));
        return Some(mistake.expected(format!("it only in {}", FILLED.map(|key| format!("`{key}`")).join(", "))));
    }
    (whole != exact && whole != format!("${{{{matrix.{axis}}}}}"))
        .then(|| Mistake::new(span, at, format!("`{whole}` has odd spaces")).hint(format!("write {exact}")))
}
